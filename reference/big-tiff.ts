import type { RenderSpec } from "../images/spec.ts";

/**
 * Where a BigTIFF's pixel data starts, read from the file's first bytes; undefined while these are too few.
 * @throws where the file is not one little-endian, chunky, uncompressed 8-bit RGB image of the spec's size with one IFD
 *   and with strips that follow each other without a gap
 */
export function bigTiffPixelOffset(spec: RenderSpec, head: Uint8Array): number | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  if (view.byteLength < 16) return undefined;
  expectEqual("byte order", view.getUint16(0, true), 0x4949);
  expectEqual("BigTIFF version", view.getUint16(2, true), 43);
  expectEqual("bytes of an offset", view.getUint16(4, true), 8);
  expectEqual("constant", view.getUint16(6, true), 0);
  const ifd = readOffset(view, 8);
  if (view.byteLength < ifd + 8) return undefined;
  const entries = readOffset(view, ifd);
  const ifdEnd = ifd + 8 + entries * 20 + 8;
  if (view.byteLength < ifdEnd) return undefined;

  const tags = new Map<number, TiffField>();
  for (let at = ifd + 8; at < ifdEnd - 8; at += 20) tags.set(view.getUint16(at, true), readField(view, at));
  if ([...tags.values()].some((field) => field.at + field.count * field.size > view.byteLength)) return undefined;
  expectEqual("offset of a next IFD", readOffset(view, ifdEnd - 8), 0);
  const values = (tag: number) => readValues(view, tags, tag);

  expectEqual("ImageWidth", values(256).join(), `${spec.width}`);
  expectEqual("ImageLength", values(257).join(), `${spec.height}`);
  expectEqual("BitsPerSample", values(258).join(), "8,8,8");
  expectEqual("Compression", values(259).join(), "1");
  expectEqual("PhotometricInterpretation", values(262).join(), "2");
  expectEqual("SamplesPerPixel", values(277).join(), "3");
  if (tags.has(274)) expectEqual("Orientation", values(274).join(), "1");
  if (tags.has(284)) expectEqual("PlanarConfiguration", values(284).join(), "1");
  const [pixels, centimetres, unit] = spec.pixelsPerMetre === 0 ? [1, 1, 1] : [spec.pixelsPerMetre, 100, 3];
  const resolution = pixels + centimetres * 2 ** 32; // a ratio of two 32-bit numbers, read as one of 64
  expectEqual("XResolution", values(282).join(), `${resolution}`);
  expectEqual("YResolution", values(283).join(), `${resolution}`);
  expectEqual("ResolutionUnit", values(296).join(), `${unit}`);

  const offsets = values(273);
  const counts = values(279);
  const rowsPerStrip = tags.has(278) ? (values(278)[0] ?? 0) : spec.height;
  expectEqual("number of strips", offsets.length, Math.ceil(spec.height / rowsPerStrip));
  expectEqual("number of strip sizes", counts.length, offsets.length);
  const first = offsets[0] ?? 0;
  let expected = first;
  for (const [strip, offset] of offsets.entries()) {
    const rows = Math.min(rowsPerStrip, spec.height - strip * rowsPerStrip);
    expectEqual(`offset of strip ${strip}`, offset, expected);
    expectEqual(`bytes of strip ${strip}`, counts[strip] ?? 0, rows * spec.width * 3);
    expected += rows * spec.width * 3;
  }
  for (const field of tags.values()) {
    if (field.at + field.count * field.size > first) throw new Error("an array of the IFD lies after the pixel data");
  }
  return first;
}

interface TiffField {
  count: number;
  /** Bytes of one value: 1, 2, 4 or 8. */
  size: number;
  /** Where the values lie, inside the entry or elsewhere. */
  at: number;
}

const tiffTypeSizes: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 16: 8 };

function readField(view: DataView, entry: number): TiffField {
  const type = view.getUint16(entry + 2, true);
  const size = tiffTypeSizes[type];
  if (size === undefined) throw new Error(`TIFF field of an unexpected type ${type}`);
  const count = readOffset(view, entry + 4);
  return { count, size, at: count * size <= 8 ? entry + 12 : readOffset(view, entry + 12) };
}

function readValues(view: DataView, tags: ReadonlyMap<number, TiffField>, tag: number): number[] {
  const field = tags.get(tag);
  if (field === undefined) throw new Error(`TIFF tag ${tag} is missing`);
  return Array.from({ length: field.count }, (_, index) => {
    const at = field.at + index * field.size;
    if (field.size === 1) return view.getUint8(at);
    if (field.size === 2) return view.getUint16(at, true);
    return field.size === 4 ? view.getUint32(at, true) : readOffset(view, at);
  });
}

function readOffset(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

function expectEqual(what: string, actual: number | string, expected: number | string): void {
  if (actual !== expected) throw new Error(`${what} is ${actual}, and should be ${expected}`);
}
