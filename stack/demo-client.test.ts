import assert from "node:assert/strict";
import { test } from "node:test";
import { DemoClient } from "./demo-client.ts";

test("follows nothing where it was stopped before", { timeout: 10_000 }, async () => {
  const urls = { graphqlUrl: "http://127.0.0.1:1/graphql", wsUrl: "ws://127.0.0.1:1/graphql" };
  const client = new DemoClient(urls, "token");
  const events = client.follow("a render", AbortSignal.abort(), () => true);
  assert.deepEqual(await events.next(), { value: undefined, done: true });
});
