import assert from "node:assert/strict";
import { test } from "node:test";
import { Lru } from "./lru.ts";

test("drops and disposes of what was not used for the longest", () => {
  const disposed: number[] = [];
  const lru = new Lru<number>(2, (value) => disposed.push(value));
  lru.set("a", 1);
  lru.set("b", 2);
  assert.equal(lru.get("a"), 1);
  lru.set("c", 3);
  assert.deepEqual(disposed, [2]);
  assert.equal(lru.get("b"), undefined);
  assert.deepEqual([lru.get("a"), lru.get("c")], [1, 3]);
});
