import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PatternValues, RenderSpec } from "../images/spec.ts";
import {
  bigTiffPixelOffset,
  ReferenceCheck,
  referenceBytes,
  referenceHeader,
  referencePixel,
  referencePixelBytes,
} from "./reference.ts";

const black = "#000000";
const white = "#FFFFFF";

function image(name: string, values: PatternValues, change: Partial<RenderSpec> = {}): RenderSpec {
  const pattern = { [name]: values };
  return { width: 3, height: 2, pattern, format: "BMP24", rowOrder: "BOTTOM_UP", pixelsPerMetre: 2835, ...change };
}

/** Every expected value here was worked out by hand from the definitions. */
describe("referencePixel", () => {
  const cases: [title: string, spec: RenderSpec, pixels: [x: number, y: number, colour: number][]][] = [
    ["solid", image("solid", { color: "#0A0b0C" }), [[2, 1, 0x0a0b0c]]],
    [
      "gradient to the right",
      image("gradient", { from: "#0000FF", to: "#FF0000", direction: "RIGHT" }),
      [
        [0, 0, 0x0000ff],
        [1, 0, 0x7f007f],
        [2, 1, 0xff0000],
      ],
    ],
    [
      "gradient upwards",
      image("gradient", { from: black, to: white, direction: "UP" }),
      [
        [0, 1, 0x000000],
        [0, 0, 0xffffff],
      ],
    ],
    [
      "gradient in steps",
      image("gradient", { from: black, to: white, direction: "LEFT", steps: 3 }, { width: 7 }),
      [
        [6, 0, 0x000000],
        [4, 0, 0x000000],
        [3, 0, 0x7f7f7f],
        [2, 0, 0x7f7f7f],
        [1, 0, 0xffffff],
      ],
    ],
    [
      "gradient one pixel wide",
      image("gradient", { from: "#010203", to: white, direction: "RIGHT" }, { width: 1 }),
      [[0, 0, 0x010203]],
    ],
    [
      "gradient over the widest image",
      image("gradient", { from: black, to: white, direction: "RIGHT" }, { width: 1_048_576 }),
      [
        [1_048_574, 0, 0xfefefe],
        [4112, 0, 0x000000],
        [4113, 0, 0x010101],
      ],
    ],
    [
      "checkerboard",
      image("checkerboard", { cellWidth: 2, cellHeight: 1, even: black, odd: white }),
      [
        [1, 0, 0x000000],
        [2, 0, 0xffffff],
        [2, 1, 0x000000],
      ],
    ],
    [
      "horizontal stripes",
      image("stripes", { axis: "HORIZONTAL", onWidth: 1, offWidth: 2, on: white, off: black }, { height: 5 }),
      [
        [0, 0, 0xffffff],
        [0, 2, 0x000000],
        [0, 3, 0xffffff],
      ],
    ],
    [
      "colour bars",
      image("colorBars", { axis: "VERTICAL", colors: ["#000001", "#000002"] }),
      [
        [1, 0, 0x000001],
        [2, 0, 0x000002],
      ],
    ],
    [
      "grid",
      image(
        "grid",
        { spacingX: 3, spacingY: 2, thickness: 1, line: white, background: black },
        { width: 5, height: 4 },
      ),
      [
        [1, 0, 0xffffff],
        [1, 1, 0x000000],
        [3, 1, 0xffffff],
        [4, 2, 0xffffff],
      ],
    ],
    [
      "border",
      image("border", { thickness: 1, line: white, background: black }, { width: 4, height: 3 }),
      [
        [0, 1, 0xffffff],
        [1, 1, 0x000000],
        [3, 1, 0xffffff],
        [1, 2, 0xffffff],
      ],
    ],
    [
      // (2·0−2)² + (2·0−1)² = 5; 5 mod 4 = 1; floor(1·256/4) = 64; in doubles, cos(π/2) > 0, so table[64] = 127
      "zone plate",
      image("zonePlate", { period: 4, dark: black, light: white }),
      [
        [0, 0, 0x7f7f7f],
        [1, 0, 0x7f7f7f],
      ],
    ],
    [
      // (2·1048575 − 1048576 + 1)² = 1048575² and the same down; 2·1048575² mod 4096 = 2; 2·256/4096 = 0; table[0] = 0
      "zone plate's far corner",
      image("zonePlate", { period: 4096, dark: "#102030", light: white }, { width: 2 ** 20, height: 2 ** 20 }),
      [[2 ** 20 - 1, 2 ** 20 - 1, 0x102030]],
    ],
    [
      "allRgb",
      image("allRgb", { offset: 16_777_214 }),
      [
        [0, 0, 0xfffffe],
        [2, 0, 0x000000],
        [1, 1, 0x000002],
      ],
    ],
    [
      "allRgb's far corner",
      image("allRgb", { offset: 0 }, { width: 1_000_003, height: 1_048_576 }),
      [[1_000_002, 1_048_575, 0x2fffff]],
    ],
  ];
  for (const [title, spec, pixels] of cases) {
    it(title, () => {
      for (const [x, y, colour] of pixels) {
        assert.equal(referencePixel(spec, x, y).toString(16), colour.toString(16), `(${x}, ${y})`);
      }
    });
  }

  const noise: [seed: number, x: number, y: number, colour: number, monochrome: number][] = [
    [0, 0, 0, 0xc5278e, 0xc5c5c5],
    [0, 1, 0, 0x845ab2, 0x848484],
    [0, 0, 1, 0x510cd1, 0x515151],
    [1, 0, 0, 0x66ae68, 0x666666],
    [-1, 1048575, 1048575, 0x09d96c, 0x090909],
    [2147483647, 123456, 654321, 0x36dcbd, 0x363636],
    [-2147483648, 1048575, 0, 0x09fb37, 0x090909],
  ];
  it("noise agrees with the table in docs/patterns.md", () => {
    const size = { width: 2 ** 20, height: 2 ** 20 };
    for (const [seed, x, y, colour, grey] of noise) {
      const pixel = (monochrome: boolean) => referencePixel(image("noise", { seed, monochrome }, size), x, y);
      assert.equal(pixel(false), colour);
      assert.equal(pixel(true), grey);
    }
  });

  it("refuses a pattern that it does not know", () => {
    assert.throws(() => referencePixel(image("plaid", {}), 0, 0), /knows no pattern plaid/);
  });
});

describe("referenceBytes", () => {
  const rgb = { offset: 0x010203 };

  it("is a whole BMP24, from the bottom row, padded to four bytes", () => {
    const expected =
      "424d4e000000000000003600000028000000030000000200000001001800000000001800000" +
      "0130b0000130b00000000000000000000" +
      "060201070201080201000000" +
      "030201040201050201000000";
    assert.equal(Buffer.from(referenceBytes(image("allRgb", rgb), 0, 78)).toString("hex"), expected);
  });

  it("is a whole BMP32 with a negative height, from the top row", () => {
    const spec = image("allRgb", rgb, { format: "BMP32", rowOrder: "TOP_DOWN", width: 1, pixelsPerMetre: 0 });
    const expected =
      "424d3e000000000000003600000028000000" +
      "01000000feffffff01002000000000000800000000000000000000000000000000000000" +
      "0302010004020100";
    assert.equal(Buffer.from(referenceBytes(spec, 0, 62)).toString("hex"), expected);
  });

  it("is a whole PPM, whatever the row order", () => {
    const spec = image("allRgb", rgb, { format: "PPM" });
    const expected = Buffer.concat([
      Buffer.from("P6\n3 2\n255\n"),
      Buffer.from("010203010204010205010206010207010208", "hex"),
    ]);
    assert.deepEqual(Buffer.from(referenceBytes(spec, 0, expected.length)), expected);
  });

  it("is the same bytes in any pieces", () => {
    for (const format of ["BMP24", "BMP32", "PPM"] as const) {
      const spec = image("allRgb", rgb, { format, width: 5, height: 3 });
      const whole = referenceBytes(spec, 0, referenceHeader(spec).length + 45);
      for (let start = 0; start < whole.length; start++) {
        for (let end = start; end <= whole.length; end++) {
          assert.deepEqual(Buffer.from(referenceBytes(spec, start, end)), Buffer.from(whole.subarray(start, end)));
        }
      }
    }
  });
});

describe("ReferenceCheck", () => {
  const spec = image("allRgb", { offset: 9 }, { width: 7, height: 5 });
  const file = referenceBytes(spec, 0, 54 + 24 * 5);

  function check(bytes: Uint8Array, piece: number, checked = spec) {
    const result = new ReferenceCheck(checked);
    for (let at = 0; at < bytes.length; at += piece) result.push(bytes.subarray(at, at + piece));
    return result.end();
  }

  it("passes the right file in pieces of any size, with its CRC-32", () => {
    for (const piece of [1, 2, 53, 1000]) assert.deepEqual(check(file, piece), check(file, 7));
    const digits = new ReferenceCheck(image("solid", { color: "#313131" }, { format: "PPM", width: 3, height: 1 }));
    digits.push(Buffer.from("P6\n3 1\n255\n111111111"));
    assert.deepEqual(digits.end(), { byteSize: 20, crc32: "c81b2d46" });
  });

  it("finds each single wrong byte", () => {
    for (let at = 0; at < file.length; at++) {
      const wrong = file.with(at, (file[at] ?? 0) ^ 1);
      assert.throws(() => check(wrong, 10), new RegExp(`^Error: byte ${at} is`));
    }
  });

  it("finds a byte too few and a byte too many", () => {
    assert.throws(() => check(file.subarray(0, -1), 10), /size of the file is 173, and should be 174/);
    assert.throws(() => check(Buffer.concat([file, Buffer.alloc(1)]), 10), /goes on after its 174 bytes/);
  });

  it("reads a BIGTIFF's header and compares its pixels", () => {
    const tiff = image("allRgb", { offset: 9 }, { format: "BIGTIFF", width: 7, height: 5 });
    const header = bigTiffHeader(7, 5, 2);
    const whole = Buffer.concat([header, referencePixelBytes(tiff, 0, 105)]);
    assert.equal(bigTiffPixelOffset(tiff, header.subarray(0, 40)), undefined);
    assert.equal(bigTiffPixelOffset(tiff, header), header.length);
    for (const piece of [1, 13, 1000]) assert.equal(check(whole, piece, tiff).byteSize, header.length + 105);
    whole[header.length + 50] = 77;
    assert.throws(() => check(whole, 13, tiff), new RegExp(`byte ${header.length + 50} is 77`));
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
