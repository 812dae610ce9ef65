import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anyLength, anySpec } from "../arbitrary-spec.fixture.ts";
import type { RenderSpec } from "../spec.ts";
import { byteSizeOf, formatOf, formats } from "./index.ts";

const smallLength = fc.integer({ min: 1, max: 40 });

const spec: RenderSpec = {
  width: 5,
  height: 3,
  pattern: { solid: { color: "#000000" } },
  format: "BMP24",
  rowOrder: "BOTTOM_UP",
  pixelsPerMetre: 2835,
};

function wholeHeader(of: RenderSpec): Uint8Array {
  const format = formatOf(of);
  const header = new Uint8Array(format.headerSize(of));
  format.writeHeader(of, 0, header);
  return header;
}

for (const format of formats) {
  test(`${format.name}: any range of the header is that range of the whole header`, () => {
    const anyRange = fc
      .tuple(
        anySpec({ width: fc.oneof(smallLength, anyLength), height: anyLength }).map((any) => ({
          ...any,
          format: format.name,
        })),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 0, max: 100 }),
      )
      .map(([any, where, length]) => {
        const size = format.headerSize(any);
        const start = Math.floor(where * size);
        return { any, start, end: Math.min(size, start + length) };
      });
    fc.assert(
      fc.property(anyRange, ({ any, start, end }) => {
        const part = new Uint8Array(end - start).fill(0xaa);
        format.writeHeader(any, start, part);
        assert.deepEqual(part, wholeHeader(any).subarray(start, end));
      }),
      { numRuns: 60 },
    );
  });

  test(`${format.name}: rows hold their pixels, and the file is the header and the rows`, () => {
    fc.assert(
      fc.property(anyLength, anyLength, (width, height) => {
        const sized: RenderSpec = { ...spec, width, height, format: format.name };
        const padding = format.stride(width) - width * format.bytesPerPixel;
        assert.ok(padding >= 0 && padding < 4);
        assert.equal(byteSizeOf(sized), format.headerSize(sized) + format.stride(width) * height);
      }),
    );
  });
}

test("BMP headers are exact in every field", () => {
  fc.assert(
    fc.property(anySpec({ width: anyLength, height: fc.integer({ min: 1, max: 1000 }) }), (any) => {
      for (const [name, bits] of [
        ["BMP24", 24],
        ["BMP32", 32],
      ] as const) {
        const bmp = { ...any, format: name };
        const imageSize = Math.ceil((bits * any.width) / 32) * 4 * any.height;
        if (54 + imageSize > 2 ** 32 - 1) continue;
        const header = Buffer.from(wholeHeader(bmp));
        assert.equal(header.length, 54);
        assert.equal(header.toString("latin1", 0, 2), "BM");
        assert.equal(header.readUInt32LE(2), byteSizeOf(bmp));
        assert.equal(header.readUInt32LE(6), 0);
        assert.equal(header.readUInt32LE(10), 54);
        assert.equal(header.readUInt32LE(14), 40);
        assert.equal(header.readInt32LE(18), any.width);
        assert.equal(header.readInt32LE(22), any.rowOrder === "TOP_DOWN" ? -any.height : any.height);
        assert.equal(header.readUInt16LE(26), 1);
        assert.equal(header.readUInt16LE(28), bits);
        assert.equal(header.readUInt32LE(30), 0);
        assert.equal(header.readUInt32LE(34), imageSize);
        assert.equal(header.readInt32LE(38), any.pixelsPerMetre);
        assert.equal(header.readInt32LE(42), any.pixelsPerMetre);
        assert.equal(header.readUInt32LE(46), 0);
        assert.equal(header.readUInt32LE(50), 0);
      }
    }),
  );
});

test("BMP rows are padded to 4 bytes and begin at the bottom unless asked otherwise", () => {
  const [bmp24, bmp32] = [formatOf({ format: "BMP24" }), formatOf({ format: "BMP32" })];
  assert.deepEqual([1, 2, 3, 4, 5].map(bmp24.stride), [4, 8, 12, 12, 16]);
  assert.deepEqual([1, 2, 3, 4, 5].map(bmp32.stride), [4, 8, 12, 16, 20]);
  assert.equal(bmp24.bottomUp(spec), true);
  assert.equal(bmp24.bottomUp({ ...spec, rowOrder: "TOP_DOWN" }), false);
  assert.equal(formatOf({ format: "PPM" }).bottomUp(spec), false);
  assert.equal(formatOf({ format: "BIGTIFF" }).bottomUp(spec), false);
});

test("PPM headers are three lines", () => {
  const header = wholeHeader({ ...spec, format: "PPM", width: 1_048_576, height: 7 });
  assert.equal(Buffer.from(header).toString(), "P6\n1048576 7\n255\n");
});

/** A little-endian BigTIFF's tags, each with all its values, as its specification says to read them. */
function readTags(file: Buffer): Map<number, number[]> {
  assert.equal(file.toString("latin1", 0, 2), "II");
  assert.deepEqual([file.readUInt16LE(2), file.readUInt16LE(4), file.readUInt16LE(6)], [43, 8, 0]);
  const ifd = Number(file.readBigUInt64LE(8));
  const entries = Number(file.readBigUInt64LE(ifd));
  const tags = new Map<number, number[]>();
  let previous = 0;
  for (let at = ifd + 8; at < ifd + 8 + 20 * entries; at += 20) {
    const tag = file.readUInt16LE(at);
    assert.ok(tag > previous, "tags ascend");
    previous = tag;
    const count = Number(file.readBigUInt64LE(at + 4));
    const kinds: Record<number, { size: number; read: (at: number) => number }> = {
      3: { size: 2, read: (valueAt) => file.readUInt16LE(valueAt) },
      4: { size: 4, read: (valueAt) => file.readUInt32LE(valueAt) },
      5: { size: 8, read: (valueAt) => file.readUInt32LE(valueAt) / file.readUInt32LE(valueAt + 4) },
      16: { size: 8, read: (valueAt) => Number(file.readBigUInt64LE(valueAt)) },
    };
    const kind = kinds[file.readUInt16LE(at + 2)];
    assert.ok(kind, `tag ${tag} has a type that this reader knows`);
    const values = count * kind.size <= 8 ? at + 12 : Number(file.readBigUInt64LE(at + 12));
    tags.set(
      tag,
      Array.from({ length: count }, (_, i) => kind.read(values + i * kind.size)),
    );
  }
  assert.equal(file.readBigUInt64LE(ifd + 8 + 20 * entries), 0n, "one directory");
  return tags;
}

test("BigTIFF headers describe exactly the file: every tag, and strips that follow one another to its end", () => {
  fc.assert(
    fc.property(anySpec({ width: anyLength, height: anyLength }), (any) => {
      const tiff: RenderSpec = { ...any, format: "BIGTIFF" };
      const header = Buffer.from(wholeHeader(tiff));
      const tags = readTags(header);
      assert.deepEqual(tags.get(256), [any.width]);
      assert.deepEqual(tags.get(257), [any.height]);
      assert.deepEqual(tags.get(258), [8, 8, 8]);
      assert.deepEqual(tags.get(259), [1]);
      assert.deepEqual(tags.get(262), [2]);
      assert.deepEqual(tags.get(274), [1]);
      assert.deepEqual(tags.get(277), [3]);
      assert.deepEqual(tags.get(284), [1]);
      const resolution = any.pixelsPerMetre === 0 ? 1 : any.pixelsPerMetre / 100;
      assert.deepEqual(tags.get(282), [resolution]);
      assert.deepEqual(tags.get(283), [resolution]);
      assert.deepEqual(tags.get(296), [any.pixelsPerMetre === 0 ? 1 : 3]);

      const rowsPerStrip = tags.get(278)?.[0] ?? 0;
      const offsets = tags.get(273) ?? [];
      const byteCounts = tags.get(279) ?? [];
      assert.ok(rowsPerStrip === 1 || 3 * any.width * rowsPerStrip <= 2 ** 20, "a strip fits into 1 MiB");
      assert.ok(rowsPerStrip === any.height || 3 * any.width * (rowsPerStrip + 1) > 2 ** 20, "no more rows fit");
      assert.equal(offsets.length, Math.ceil(any.height / rowsPerStrip));
      assert.equal(byteCounts.length, offsets.length);
      let at = header.length;
      for (const [i, offset] of offsets.entries()) {
        assert.equal(offset, at);
        const rows = Math.min(rowsPerStrip, any.height - i * rowsPerStrip);
        assert.equal(byteCounts[i], 3 * any.width * rows);
        at += 3 * any.width * rows;
      }
      assert.equal(at, byteSizeOf(tiff));
    }),
    { numRuns: 20 },
  );
});

test("each format has the content type that downloads carry", () => {
  assert.deepEqual(
    formats.map(({ name, contentType }) => [name, contentType]),
    [
      ["BMP24", "image/bmp"],
      ["BMP32", "image/bmp"],
      ["PPM", "image/x-portable-pixmap"],
      ["BIGTIFF", "image/tiff"],
    ],
  );
});
