import type { Format } from "../format.ts";
import type { RenderSpec } from "../spec.ts";

/**
 * BigTIFF (https://libtiff.gitlab.io/libtiff/specification/bigtiff.html): a file header, one image file directory
 * (IFD), then its two arrays, StripOffsets and StripByteCounts, then the strips. Everything before the strips is
 * little-endian and a whole number of 8-byte words, so any range of it can be calculated word by word.
 */

const WORD = 8;
const FILE_HEADER_SIZE = 16;
const ENTRY_SIZE = 20;
const ENTRIES = 14;
const IFD_END = FILE_HEADER_SIZE + 8 + ENTRIES * ENTRY_SIZE + 8;

/**
 * Strips hold as many rows as fit into this, at least one: large enough to keep the arrays short, small enough to read
 * at once.
 */
const STRIP_SIZE = 2 ** 20;

const SHORT = 3;
const LONG = 4;
const RATIONAL = 5;
const LONG8 = 16;

export const bigTiff: Format = {
  name: "BIGTIFF",
  description: "BigTIFF, 8-bit RGB, uncompressed, in strips of about 1 MiB; any size.",
  contentType: "image/tiff",
  extension: "tif",
  bytesPerPixel: 3,
  channelOrder: "RGB",
  stride,
  bottomUp: () => false,
  headerSize: (spec) => strips(spec).pixelsAt,
  writeHeader,
};

function stride(width: number): number {
  return 3 * width;
}

/** How the pixels are cut into strips, and where the arrays and the pixels begin in the file. */
interface Strips {
  rowsPerStrip: number;
  count: number;
  offsetsAt: number;
  byteCountsAt: number;
  pixelsAt: number;
}

function strips({ width, height }: RenderSpec): Strips {
  const rowsPerStrip = Math.min(height, Math.max(1, Math.floor(STRIP_SIZE / stride(width))));
  const count = Math.ceil(height / rowsPerStrip);
  // An array of one entry is stored in the directory, in the entry's own value field.
  const arraySize = count === 1 ? 0 : count * WORD;
  const offsetsAt = IFD_END;
  const byteCountsAt = offsetsAt + arraySize;
  return { rowsPerStrip, count, offsetsAt, byteCountsAt, pixelsAt: byteCountsAt + arraySize };
}

function writeHeader(spec: RenderSpec, start: number, target: Uint8Array): void {
  const layout = strips(spec);
  const ifd = headerAndIfd(spec, layout);
  target.set(ifd.subarray(start, start + target.length));
  const word = new DataView(new ArrayBuffer(WORD));
  const bytes = new Uint8Array(word.buffer);
  const end = start + target.length;
  const firstWord = Math.max(IFD_END, Math.floor(start / WORD) * WORD);
  for (let at = firstWord; at < end; at += WORD) {
    word.setBigUint64(0, BigInt(arrayWord(spec, layout, at)), true);
    const from = Math.max(0, start - at);
    target.set(bytes.subarray(from, Math.min(WORD, end - at)), at + from - start);
  }
}

/** The array entry at byte `at` of the file. */
function arrayWord(spec: RenderSpec, layout: Strips, at: number): number {
  if (at < layout.byteCountsAt) return stripOffset(spec, layout, (at - layout.offsetsAt) / WORD);
  return stripByteCount(spec, layout, (at - layout.byteCountsAt) / WORD);
}

function stripOffset({ width }: RenderSpec, { rowsPerStrip, pixelsAt }: Strips, strip: number): number {
  return pixelsAt + strip * rowsPerStrip * stride(width);
}

function stripByteCount({ width, height }: RenderSpec, { rowsPerStrip }: Strips, strip: number): number {
  return Math.min(rowsPerStrip, height - strip * rowsPerStrip) * stride(width);
}

function headerAndIfd(spec: RenderSpec, layout: Strips): Uint8Array {
  const view = new DataView(new ArrayBuffer(IFD_END));
  view.setUint16(0, 0x4949, true); // "II": little-endian
  view.setUint16(2, 43, true); // BigTIFF
  view.setUint16(4, 8, true); // bytes of an offset
  view.setBigUint64(8, BigInt(FILE_HEADER_SIZE), true); // the first IFD
  view.setBigUint64(FILE_HEADER_SIZE, BigInt(ENTRIES), true); // the offset of a next IFD, at its end, stays 0: none

  let at = FILE_HEADER_SIZE + 8;
  const entry = (tag: number, type: number, count: number, writeValue: (valueAt: number) => void) => {
    view.setUint16(at, tag, true);
    view.setUint16(at + 2, type, true);
    view.setBigUint64(at + 4, BigInt(count), true);
    writeValue(at + 12);
    at += ENTRY_SIZE;
  };
  const shorts = (tag: number, ...values: number[]) =>
    entry(tag, SHORT, values.length, (valueAt) => {
      for (const [i, value] of values.entries()) view.setUint16(valueAt + 2 * i, value, true);
    });
  const long = (tag: number, value: number) => entry(tag, LONG, 1, (valueAt) => view.setUint32(valueAt, value, true));
  const rational = (tag: number, numerator: number, denominator: number) =>
    entry(tag, RATIONAL, 1, (valueAt) => {
      view.setUint32(valueAt, numerator, true);
      view.setUint32(valueAt + 4, denominator, true);
    });
  const stripArray = (tag: number, single: number, arrayAt: number) =>
    entry(tag, LONG8, layout.count, (valueAt) =>
      view.setBigUint64(valueAt, BigInt(layout.count === 1 ? single : arrayAt), true),
    );

  // Without a known resolution, TIFF's way is a ratio of 1 without unit; with one, it is pixels a centimetre.
  const [pixels, centimetres, unit] = spec.pixelsPerMetre === 0 ? [1, 1, 1] : [spec.pixelsPerMetre, 100, 3];
  long(256, spec.width); // ImageWidth
  long(257, spec.height); // ImageLength
  shorts(258, 8, 8, 8); // BitsPerSample
  shorts(259, 1); // Compression: none
  shorts(262, 2); // PhotometricInterpretation: RGB
  stripArray(273, stripOffset(spec, layout, 0), layout.offsetsAt); // StripOffsets
  shorts(274, 1); // Orientation: the first row is the top
  shorts(277, 3); // SamplesPerPixel
  long(278, layout.rowsPerStrip); // RowsPerStrip
  stripArray(279, stripByteCount(spec, layout, 0), layout.byteCountsAt); // StripByteCounts
  rational(282, pixels, centimetres); // XResolution
  rational(283, pixels, centimetres); // YResolution
  shorts(284, 1); // PlanarConfiguration: chunky
  shorts(296, unit); // ResolutionUnit
  return new Uint8Array(view.buffer);
}
