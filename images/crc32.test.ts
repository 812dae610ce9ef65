import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { combineCrc32s } from "./crc32.ts";

test("combines the CRC-32s of parts into the CRC-32 of the whole", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 2000 }),
      fc.integer({ min: 1, max: 700 }),
      (bytes, partSize) => {
        const crc32s: number[] = [];
        for (let start = 0; start < bytes.length; start += partSize) {
          crc32s.push(crc32(bytes.subarray(start, start + partSize)));
        }
        assert.equal(combineCrc32s(crc32s, { byteSize: bytes.length, partSize }), crc32(bytes));
      },
    ),
  );
});

test("combines parts of real sizes", () => {
  const partSize = 5 * 2 ** 20;
  const bytes = Buffer.alloc(3 * partSize + 1, "rasterlift");
  const crc32s = [0, 1, 2, 3].map((i) => crc32(bytes.subarray(i * partSize, (i + 1) * partSize)));
  assert.equal(combineCrc32s(crc32s, { byteSize: bytes.length, partSize }), crc32(bytes));
});

test("knows parts beyond 4 GiB: a zero-filled file of 10,000 GiB parts equals the same file in 5,000 parts of twice the size", () => {
  const GIB = 2 ** 30;
  const zeros = Buffer.alloc(2 ** 24);
  let gib = 0;
  for (let i = 0; i < 64; i++) gib = crc32(zeros, gib);
  const twoGib = combineCrc32s([gib, gib], { byteSize: 2 * GIB, partSize: GIB });
  assert.equal(
    combineCrc32s(Array<number>(10_000).fill(gib), { byteSize: 10_000 * GIB, partSize: GIB }),
    combineCrc32s(Array<number>(5_000).fill(twoGib), { byteSize: 10_000 * GIB, partSize: 2 * GIB }),
  );
});
