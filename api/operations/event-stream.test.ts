import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Watch } from "../event-feed.ts";
import { LimitByKey } from "../limit-by-key.ts";
import { readPage } from "./event-stream.ts";

const context = { reads: new LimitByKey(1), viewerId: "alice", log: pino({ level: "silent" }) };

test("a page that cannot be read is read again, until it can be or nobody waits for it", async () => {
  const watch = new Watch(() => {});
  const answers = [Promise.reject(new Error("PostgreSQL is away")), Promise.resolve([1, 2])];
  assert.deepEqual(await readPage(() => answers.shift() ?? Promise.reject(), watch, context), [1, 2]);
  const reading = readPage(() => Promise.reject(new Error("PostgreSQL is away")), watch, context);
  watch.close();
  assert.deepEqual(await reading, []);
});
