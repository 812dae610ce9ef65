import assert from "node:assert/strict";
import { test } from "node:test";
import { ownTurn } from "./own-turn.ts";

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
