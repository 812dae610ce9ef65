import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ReferenceCheck } from "./check.ts";
import { referenceBytes } from "./layout.ts";
import { checkInPieces, image } from "./reference.fixture.ts";

describe("ReferenceCheck", () => {
  const spec = image("allRgb", { offset: 9 }, { width: 7, height: 5 });
  const file = referenceBytes(spec, 0, 54 + 24 * 5);

  it("passes the right file in pieces of any size, with its CRC-32", () => {
    for (const piece of [1, 2, 53, 1000])
      assert.deepEqual(checkInPieces(file, piece, spec), checkInPieces(file, 7, spec));
    const digits = new ReferenceCheck(image("solid", { color: "#313131" }, { format: "PPM", width: 3, height: 1 }));
    digits.push(Buffer.from("P6\n3 1\n255\n111111111"));
    assert.deepEqual(digits.end(), { byteSize: 20, crc32: "c81b2d46" });
  });

  it("finds each single wrong byte", () => {
    for (let at = 0; at < file.length; at++) {
      const wrong = file.with(at, (file[at] ?? 0) ^ 1);
      assert.throws(() => checkInPieces(wrong, 10, spec), new RegExp(`^Error: byte ${at} is`));
    }
  });

  it("finds a byte too few and a byte too many", () => {
    assert.throws(() => checkInPieces(file.subarray(0, -1), 10, spec), /size of the file is 173, and should be 174/);
    assert.throws(() => checkInPieces(Buffer.concat([file, Buffer.alloc(1)]), 10, spec), /goes on after its 174 bytes/);
  });
});
