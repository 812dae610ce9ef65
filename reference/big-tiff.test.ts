import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bigTiffPixelOffset } from "./big-tiff.ts";
import { referencePixelBytes } from "./layout.ts";
import { checkInPieces, image } from "./reference.fixture.ts";

describe("a BIGTIFF", () => {
  it("has its header read and its pixels compared", () => {
    const tiff = image("allRgb", { offset: 9 }, { format: "BIGTIFF", width: 7, height: 5 });
    const header = bigTiffHeader(7, 5, 2);
    const whole = Buffer.concat([header, referencePixelBytes(tiff, 0, 105)]);
    assert.equal(bigTiffPixelOffset(tiff, header.subarray(0, 40)), undefined);
    assert.equal(bigTiffPixelOffset(tiff, header), header.length);
    for (const piece of [1, 13, 1000]) assert.equal(checkInPieces(whole, piece, tiff).byteSize, header.length + 105);
    whole[header.length + 50] = 77;
    assert.throws(() => checkInPieces(whole, 13, tiff), new RegExp(`byte ${header.length + 50} is 77`));
    assert.throws(() => bigTiffPixelOffset({ ...tiff, height: 6 }, header), /ImageLength is 5, and should be 6/);
    assert.throws(() => bigTiffPixelOffset({ ...tiff, pixelsPerMetre: 0 }, header), /XResolution is /);
  });
});

/** A BigTIFF header by hand: BitsPerSample and one SHORT fit into their entries, the strip arrays follow the IFD. */
function bigTiffHeader(width: number, height: number, rowsPerStrip: number): Buffer {
  const strips = Math.ceil(height / rowsPerStrip);
  const entries: [tag: number, type: number, count: number, value: bigint][] = [
    [256, 4, 1, BigInt(width)],
    [257, 4, 1, BigInt(height)],
    [258, 3, 3, 0x0008_0008_0008n],
    [259, 3, 1, 1n],
    [262, 3, 1, 2n],
    [273, 16, strips, 0n],
    [277, 3, 1, 3n],
    [278, 4, 1, BigInt(rowsPerStrip)],
    [279, 16, strips, 0n],
    [282, 5, 1, (100n << 32n) | 2835n],
    [283, 5, 1, (100n << 32n) | 2835n],
    [284, 3, 1, 1n],
    [296, 3, 1, 3n],
  ];
  const arrays = 16 + 8 + entries.length * 20 + 8;
  const header = Buffer.alloc(arrays + strips * 16);
  header.write("II");
  header.writeUInt16LE(43, 2);
  header.writeUInt16LE(8, 4);
  header.writeBigUInt64LE(16n, 8);
  header.writeBigUInt64LE(BigInt(entries.length), 16);
  for (const [index, [tag, type, count, value]] of entries.entries()) {
    const at = 24 + index * 20;
    header.writeUInt16LE(tag, at);
    header.writeUInt16LE(type, at + 2);
    header.writeBigUInt64LE(BigInt(count), at + 4);
    const array = { 273: arrays, 279: arrays + strips * 8 }[tag];
    header.writeBigUInt64LE(array === undefined ? value : BigInt(array), at + 12);
  }
  for (let strip = 0; strip < strips; strip++) {
    const rows = Math.min(rowsPerStrip, height - strip * rowsPerStrip);
    header.writeBigUInt64LE(BigInt(header.length + strip * rowsPerStrip * width * 3), arrays + strip * 8);
    header.writeBigUInt64LE(BigInt(rows * width * 3), arrays + (strips + strip) * 8);
  }
  return header;
}
