import assert from "node:assert/strict";
import { test } from "node:test";
import { inParallel } from "./in-parallel.ts";

test("the first task that fails is the last that was begun", async () => {
  const begun: number[] = [];
  const task = async (item: number) => {
    begun.push(item);
    await Promise.resolve();
    if (item === 2) throw new Error("the second failed");
  };
  await assert.rejects(inParallel([1, 2, 3, 4, 5, 6], 2, task), /the second failed/);
  await new Promise(setImmediate);
  assert.deepEqual(begun, [1, 2, 3]);
});
