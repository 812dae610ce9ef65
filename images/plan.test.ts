import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { objectKey } from "./object-key.ts";
import { byteRangeOf, checkPartSize, planParts, rangesOf } from "./plan.ts";

const MIB = 2 ** 20;
const GIB = 2 ** 30;

test("parts are 16 MiB by default; a file no larger than one part is one part", () => {
  assert.deepEqual(planParts(16 * MIB), { byteSize: 16 * MIB, partSize: 16 * MIB, partCount: 1 });
  assert.deepEqual(planParts(16 * MIB + 1), { byteSize: 16 * MIB + 1, partSize: 16 * MIB, partCount: 2 });
  assert.deepEqual(planParts(1), { byteSize: 1, partSize: 16 * MIB, partCount: 1 });
});

test("a part size that would need more than 10,000 parts is raised to the next whole MiB", () => {
  assert.equal(planParts(10_000 * 16 * MIB).partSize, 16 * MIB);
  assert.deepEqual(planParts(10_000 * 16 * MIB + 1), {
    byteSize: 10_000 * 16 * MIB + 1,
    partSize: 17 * MIB,
    partCount: 9412,
  });
  assert.equal(planParts(64 * GIB, 5 * MIB).partSize, 7 * MIB);
  assert.equal(planParts(10_000 * (5 * MIB + 1), 5 * MIB + 1).partSize, 5 * MIB + 1);
  assert.equal(planParts(10_000 * (5 * MIB + 1) + 1, 5 * MIB + 1).partSize, 6 * MIB);
});

test("parts are of one size but the last, follow one another and are the whole file", () => {
  const anyByteSize = fc.oneof(fc.integer({ min: 1, max: 200 * MIB }), fc.integer({ min: 1, max: 2 ** 42 }));
  const anyPartSize = fc.option(fc.integer({ min: 5 * MIB, max: GIB }), { nil: undefined });
  fc.assert(
    fc.property(anyByteSize, anyPartSize, fc.double({ min: 0, max: 1, noNaN: true }), (byteSize, requested, where) => {
      const plan = planParts(byteSize, requested);
      assert.ok(plan.partCount >= 1 && plan.partCount <= 10_000);
      assert.ok(plan.partSize >= (requested ?? 16 * MIB));
      assert.equal(byteRangeOf(plan, 1).start, 0);
      assert.equal(byteRangeOf(plan, plan.partCount).end, byteSize);
      const partNumber = 1 + Math.floor(where * (plan.partCount - 1));
      const { start, end } = byteRangeOf(plan, partNumber);
      assert.ok(end > start);
      if (partNumber === plan.partCount) return;
      assert.equal(end - start, plan.partSize);
      assert.equal(byteRangeOf(plan, partNumber + 1).start, end);
    }),
  );
});

test("the ranges of a plan are its parts' in order", () => {
  assert.deepEqual(rangesOf(planParts(12 * MIB, 5 * MIB)), [
    { start: 0, end: 5 * MIB },
    { start: 5 * MIB, end: 10 * MIB },
    { start: 10 * MIB, end: 12 * MIB },
  ]);
});

test("a requested part size is a whole number of bytes from 5 MiB to 1 GiB", () => {
  assert.equal(checkPartSize(5 * MIB), undefined);
  assert.equal(checkPartSize(GIB), undefined);
  for (const wrong of [5 * MIB - 1, GIB + 1, 0, -1, 6e6 + 0.5, Number.NaN]) {
    const issue = checkPartSize(wrong);
    assert.deepEqual(issue?.path, ["partSize"]);
    assert.match(issue?.message ?? "", new RegExp(`${wrong}.*5242880 \\(5 MiB\\) to 1073741824 \\(1 GiB\\)`));
  }
});

test("an object's key ends in its format's extension", () => {
  assert.equal(objectKey("42", "BMP24"), "renders/42.bmp");
  assert.equal(objectKey("42", "BMP32"), "renders/42.bmp");
  assert.equal(objectKey("42", "PPM"), "renders/42.ppm");
  assert.equal(objectKey("42", "BIGTIFF"), "renders/42.tif");
});
