import assert from "node:assert/strict";
import { test } from "node:test";
import { ownTurn, Turns } from "./turns.ts";

test("one has so much done at once, the rest waits, and others do not", async () => {
  const turns = new Turns(2);
  const begun: string[] = [];
  const gate = Promise.withResolvers<void>();
  const act = (name: string) => async () => {
    begun.push(name);
    await gate.promise;
    return name;
  };
  const done = [1, 2, 3].map((i) => turns.take("alice", act(`alice ${i}`)));
  const other = turns.take("bob", act("bob"));
  await new Promise(setImmediate);
  assert.deepEqual(begun, ["alice 1", "alice 2", "bob"]);
  gate.resolve();
  assert.deepEqual(await Promise.all([...done, other]), ["alice 1", "alice 2", "alice 3", "bob"]);
});

test("what fails gives its place to the next", async () => {
  const turns = new Turns(1);
  const failing = turns.take("alice", () => Promise.reject(new Error("lost")));
  const next = turns.take("alice", async () => "next");
  await assert.rejects(failing, /lost/);
  assert.equal(await next, "next");
});

test("turns of the event loop that are asked for at once come one by one", async () => {
  let turn = 0;
  const count = () => {
    turn += 1;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  const turns = await Promise.all([1, 2, 3].map(() => ownTurn().then(() => turn)));
  clearImmediate(next);
  assert.equal(new Set(turns).size, 3);
});
