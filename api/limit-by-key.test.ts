import assert from "node:assert/strict";
import { test } from "node:test";
import { LimitByKey } from "./limit-by-key.ts";

test("one has so much done at once, the rest waits, and others do not", async () => {
  const limit = new LimitByKey(2);
  const begun: string[] = [];
  const gate = Promise.withResolvers<void>();
  const act = (name: string) => async () => {
    begun.push(name);
    await gate.promise;
    return name;
  };
  const done = [1, 2, 3].map((i) => limit.run("alice", act(`alice ${i}`)));
  const other = limit.run("bob", act("bob"));
  await new Promise(setImmediate);
  assert.deepEqual(begun, ["alice 1", "alice 2", "bob"]);
  gate.resolve();
  assert.deepEqual(await Promise.all([...done, other]), ["alice 1", "alice 2", "alice 3", "bob"]);
});

test("what fails gives its place to the next", async () => {
  const limit = new LimitByKey(1);
  const failing = limit.run("alice", () => Promise.reject(new Error("lost")));
  const next = limit.run("alice", async () => "next");
  await assert.rejects(failing, /lost/);
  assert.equal(await next, "next");
});
