import assert from "node:assert/strict";
import { test } from "node:test";
import { median, quantile } from "./statistics.ts";

test("the median is the middle value, or the mean of the two in the middle", () => {
  assert.equal(median([10, 9, 2]), 9);
  assert.equal(median([10, 1, 2, 4]), 3);
  assert.equal(median([7]), 7);
});

test("a quantile is the smallest value that at least so many do not exceed", () => {
  const twenty = Array.from({ length: 20 }, (_, i) => 20 - i);
  assert.equal(quantile(twenty, 0.95), 19);
  assert.equal(quantile(twenty, 0.951), 20);
  assert.equal(quantile(twenty, 0), 1);
  assert.equal(quantile(twenty, 1), 20);
});
