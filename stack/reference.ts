import { crc32 } from "node:zlib";
import type { PatternValues, RenderSpec } from "../images/spec.ts";

/**
 * What the bytes of a file must be, written from the definitions in docs/patterns.md and docs/formats.md alone and
 * sharing no code with the renderer: one pixel after the other in whole numbers. Every intermediate is below 2^53, so
 * that plain numbers are exact.
 */

/** The pixels of one row: 0xRRGGBB by x. */
type Row = (x: number) => number;

/** Rows by y, counted from the top. */
type Rows = (y: number) => Row;

const floorDiv = (a: number, b: number) => Math.floor(a / b);

/**
 * A pixel's colour as 0xRRGGBB, x and y counted from the top left.
 * @throws where the pattern is unknown or lacks a parameter
 */
export function referencePixel(spec: RenderSpec, x: number, y: number): number {
  return rowsOf(spec)(y)(x);
}

/**
 * Bytes `start` (inclusive) … `end` (exclusive) of a BMP24, BMP32 or PPM file.
 * @throws for BIGTIFF, whose header is not defined byte by byte: see {@link referencePixelBytes}
 */
export function referenceBytes(spec: RenderSpec, start: number, end: number): Uint8Array {
  const header = referenceHeader(spec);
  if (end <= header.length) return header.slice(start, end);
  const pixels = referencePixelBytes(spec, Math.max(0, start - header.length), end - header.length);
  if (start >= header.length) return pixels;
  return Buffer.concat([header.subarray(start), pixels]);
}

/** The same range counted from the first byte of pixel data: what every format defines. */
export function referencePixelBytes(spec: RenderSpec, start: number, end: number): Uint8Array {
  const { bytesPerPixel, stride, bottomUp, redFirst } = layoutOf(spec);
  const rows = rowsOf(spec);
  const bytes = new Uint8Array(end - start);
  for (let fileRow = floorDiv(start, stride); fileRow * stride < end; fileRow++) {
    const from = Math.max(0, start - fileRow * stride);
    const to = Math.min(stride, end - fileRow * stride);
    const firstPixel = Math.min(spec.width, floorDiv(from, bytesPerPixel));
    const endPixel = Math.min(spec.width, Math.ceil(to / bytesPerPixel));
    const firstByte = firstPixel * bytesPerPixel;
    const segment = new Uint8Array(to - firstByte + bytesPerPixel);
    const row = rows(bottomUp ? spec.height - 1 - fileRow : fileRow);
    for (let x = firstPixel, at = 0; x < endPixel; x++, at += bytesPerPixel) {
      const colour = row(x);
      segment[at] = redFirst ? colour >> 16 : colour;
      segment[at + 1] = colour >> 8;
      segment[at + 2] = redFirst ? colour : colour >> 16;
    }
    bytes.set(segment.subarray(from - firstByte, to - firstByte), fileRow * stride + from - start);
  }
  return bytes;
}

/**
 * Checks a file that comes in pieces, in order, and holds none of it but a BIGTIFF's header:
 * `push` and `end` throw at the first wrong byte, saying where it is.
 */
export class ReferenceCheck {
  readonly #spec: RenderSpec;
  #position = 0;
  #crc32 = 0;
  /** A BIGTIFF's bytes so far, while its header is not complete. */
  #head: Uint8Array | undefined;
  #pixelOffset: number;

  constructor(spec: RenderSpec) {
    this.#spec = spec;
    this.#head = spec.format === "BIGTIFF" ? new Uint8Array() : undefined;
    this.#pixelOffset = spec.format === "BIGTIFF" ? 0 : referenceHeader(spec).length;
  }

  push(chunk: Uint8Array): void {
    this.#crc32 = crc32(chunk, this.#crc32);
    if (this.#head === undefined) this.#compare(chunk);
    else this.#readHeader(Buffer.concat([this.#head, chunk]));
  }

  /** @returns bytes seen and their CRC-32 as 8 lower-case hex digits */
  end(): { byteSize: number; crc32: string } {
    if (this.#head !== undefined) throw new Error("the file ends within its header");
    const expected = this.#pixelOffset + referencePixelByteSize(this.#spec);
    expectEqual("size of the file", this.#position, expected);
    return { byteSize: this.#position, crc32: this.#crc32.toString(16).padStart(8, "0") };
  }

  #readHeader(head: Uint8Array): void {
    const offset = bigTiffPixelOffset(this.#spec, head);
    this.#head = offset === undefined || head.length < offset ? head : undefined;
    if (offset === undefined || this.#head !== undefined) return;
    this.#pixelOffset = offset;
    this.#position = offset;
    this.#compare(head.subarray(offset));
  }

  #compare(chunk: Uint8Array): void {
    const end = this.#position + chunk.length;
    const byteSize = this.#pixelOffset + referencePixelByteSize(this.#spec);
    if (end > byteSize) throw new Error(`the file goes on after its ${byteSize} bytes`);
    const expected =
      this.#spec.format === "BIGTIFF"
        ? referencePixelBytes(this.#spec, this.#position - this.#pixelOffset, end - this.#pixelOffset)
        : referenceBytes(this.#spec, this.#position, end);
    if (Buffer.compare(chunk, expected) !== 0) {
      const at = chunk.findIndex((byte, index) => byte !== expected[index]);
      throw new Error(`byte ${this.#position + at} is ${chunk[at]}, and should be ${expected[at]}`);
    }
    this.#position = end;
  }
}

/** Bytes of pixel data, padding included. */
export function referencePixelByteSize(spec: RenderSpec): number {
  return layoutOf(spec).stride * spec.height;
}

/** The whole header of a BMP24, BMP32 or PPM file. */
export function referenceHeader(spec: RenderSpec): Uint8Array {
  if (spec.format === "BIGTIFF") throw new Error("a BIGTIFF header is read with bigTiffPixelOffset, not predicted");
  if (spec.format === "PPM") return Buffer.from(`P6\n${spec.width} ${spec.height}\n255\n`, "latin1");
  const { bytesPerPixel } = layoutOf(spec);
  const header = Buffer.alloc(54);
  header.write("BM", 0, "latin1");
  header.writeUInt32LE(54 + referencePixelByteSize(spec), 2);
  header.writeUInt32LE(54, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(spec.width, 18);
  header.writeInt32LE(spec.rowOrder === "TOP_DOWN" ? -spec.height : spec.height, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(bytesPerPixel * 8, 28);
  header.writeUInt32LE(referencePixelByteSize(spec), 34);
  header.writeInt32LE(spec.pixelsPerMetre, 38);
  header.writeInt32LE(spec.pixelsPerMetre, 42);
  return header;
}

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

function layoutOf(spec: RenderSpec) {
  const bytesPerPixel = spec.format === "BMP32" ? 4 : 3;
  const isBmp = spec.format === "BMP24" || spec.format === "BMP32";
  return {
    bytesPerPixel,
    stride: isBmp ? Math.ceil((spec.width * bytesPerPixel) / 4) * 4 : spec.width * bytesPerPixel,
    bottomUp: isBmp && spec.rowOrder === "BOTTOM_UP",
    redFirst: !isBmp,
  };
}

const knownRows = new WeakMap<RenderSpec, Rows>();

/** Made once a spec, because some patterns prepare a table as wide as the image. */
function rowsOf(spec: RenderSpec): Rows {
  const rows = knownRows.get(spec) ?? createRows(spec);
  knownRows.set(spec, rows);
  return rows;
}

function createRows(spec: RenderSpec): Rows {
  const [name, values] = Object.entries(spec.pattern)[0] ?? [];
  const pattern = name === undefined ? undefined : patterns[name];
  if (pattern === undefined || values === undefined) throw new Error(`the reference knows no pattern ${name}`);
  return pattern(new Reader(values), spec.width, spec.height);
}

/** A pattern's parameters, each of the type that its definition gives it. */
class Reader {
  readonly #values: PatternValues;

  constructor(values: PatternValues) {
    this.#values = values;
  }

  int(name: string): number {
    const value = this.#values[name];
    if (typeof value !== "number") throw new Error(`parameter ${name} is no number`);
    return value;
  }

  optionalInt(name: string): number | undefined {
    return this.#values[name] === undefined || this.#values[name] === null ? undefined : this.int(name);
  }

  text(name: string): string {
    const value = this.#values[name];
    if (typeof value !== "string") throw new Error(`parameter ${name} is no text`);
    return value;
  }

  colour(name: string): number {
    return parseColour(this.text(name));
  }

  colours(name: string): number[] {
    const value = this.#values[name];
    if (!Array.isArray(value)) throw new Error(`parameter ${name} is no list`);
    return value.map(parseColour);
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }
}

function parseColour(text: string): number {
  if (!/^#[0-9A-Fa-f]{6}$/.test(text)) throw new Error(`${text} is no colour`);
  return Number.parseInt(text.slice(1), 16);
}

const patterns: Readonly<Record<string, (values: Reader, width: number, height: number) => Rows>> = {
  solid(values) {
    const colour = values.colour("color");
    return () => () => colour;
  },

  gradient(values, width, height) {
    const from = values.colour("from");
    const to = values.colour("to");
    const steps = values.optionalInt("steps");
    const shade = (t: number, n: number) =>
      steps === undefined ? mix(from, to, t, n) : mix(from, to, floorDiv(t * steps, n), steps);
    const direction = values.text("direction");
    if (direction === "RIGHT") return alongX(width, (x) => shade(x, width));
    if (direction === "LEFT") return alongX(width, (x) => shade(width - 1 - x, width));
    if (direction === "DOWN") return alongY((y) => shade(y, height));
    return alongY((y) => shade(height - 1 - y, height));
  },

  checkerboard(values) {
    const cellWidth = values.int("cellWidth");
    const cellHeight = values.int("cellHeight");
    const even = values.colour("even");
    const odd = values.colour("odd");
    return (y) => {
      const cellRow = floorDiv(y, cellHeight);
      return (x) => ((floorDiv(x, cellWidth) + cellRow) % 2 === 0 ? even : odd);
    };
  },

  stripes(values, width) {
    const onWidth = values.int("onWidth");
    const offWidth = values.int("offWidth");
    const on = values.colour("on");
    const off = values.colour("off");
    const stripe = (t: number) => (t % (onWidth + offWidth) < onWidth ? on : off);
    return values.text("axis") === "VERTICAL" ? alongX(width, stripe) : alongY(stripe);
  },

  colorBars(values, width, height) {
    const colours = values.colours("colors");
    const bar = (t: number, n: number) => colours[floorDiv(t * colours.length, n)] ?? 0;
    return values.text("axis") === "VERTICAL" ? alongX(width, (x) => bar(x, width)) : alongY((y) => bar(y, height));
  },

  grid(values) {
    const spacingX = values.int("spacingX");
    const spacingY = values.int("spacingY");
    const thickness = values.int("thickness");
    const line = values.colour("line");
    const background = values.colour("background");
    return (y) => {
      if (y % spacingY < thickness) return () => line;
      return (x) => (x % spacingX < thickness ? line : background);
    };
  },

  border(values, width, height) {
    const thickness = values.int("thickness");
    const line = values.colour("line");
    const background = values.colour("background");
    return (y) => {
      if (Math.min(y, height - 1 - y) < thickness) return () => line;
      return (x) => (Math.min(x, width - 1 - x) < thickness ? line : background);
    };
  },

  zonePlate(values, width, height) {
    const period = values.int("period");
    const dark = values.colour("dark");
    const light = values.colour("light");
    const levels = Array.from({ length: 256 }, (_, i) =>
      Math.floor((255 * (1 - Math.cos((2 * Math.PI * i) / 256))) / 2 + 0.5),
    );
    const colours = Int32Array.from({ length: period }, (_, p) =>
      mix(dark, light, levels[floorDiv(p * 256, period)] ?? 0, 256),
    );
    const squares = onceAColumn(width, (x) => (2 * x - width + 1) ** 2 % period);
    return (y) => {
      const square = (2 * y - height + 1) ** 2 % period;
      return (x) => colours[(square + squares(x)) % period] ?? 0;
    };
  },

  noise(values, width) {
    const keys = noiseKeys(values.int("seed"));
    const monochrome = values.flag("monochrome");
    const [columnKeys, rowKeys] = [keys.slice(0, 3), keys.slice(3, 6)];
    const columns = onceAColumn(width, (x) => permuteNoise(x, columnKeys));
    return (y) => {
      const row = permuteNoise(y, rowKeys);
      return (x) => noiseColour(columns(x), row, monochrome);
    };
  },

  allRgb(values, width) {
    const offset = values.int("offset");
    return (y) => {
      const base = (offset + y * width) % 2 ** 24;
      return (x) => (base + x) % 2 ** 24;
    };
  },
};

/** A pattern whose rows are all the same. */
function alongX(width: number, colour: Row): Rows {
  const row = onceAColumn(width, colour);
  return () => row;
}

/** Calculates a column's number, which is not negative, the first time that it is asked for. */
function onceAColumn(width: number, calculate: (x: number) => number): Row {
  const known = new Int32Array(width).fill(-1);
  return (x) => {
    if (known[x] === -1) known[x] = calculate(x);
    return known[x] ?? 0;
  };
}

/** A pattern whose pixels are the same along each row. */
function alongY(colour: (y: number) => number): Rows {
  return (y) => {
    const rowColour = colour(y);
    return () => rowColour;
  };
}

/** The contract's mix, channel by channel. */
function mix(a: number, b: number, t: number, n: number): number {
  if (n === 1) return a;
  const channel = (shift: number) =>
    floorDiv(((a >> shift) & 255) * (n - 1 - t) + ((b >> shift) & 255) * t, n - 1) << shift;
  return channel(16) | channel(8) | channel(0);
}

/** docs/patterns.md, noise, step 1. */
function noiseKeys(seed: number): number[] {
  const low32 = (n: bigint) => BigInt.asUintN(32, n);
  return [1n, 2n, 3n, 4n, 5n, 6n].map((i) => {
    let n = low32(BigInt(seed) + i * 0x9e3779b9n);
    n = low32((n ^ (n >> 16n)) * 0x7feb352dn);
    n = low32((n ^ (n >> 15n)) * 0x846ca68bn);
    return Number(BigInt.asUintN(24, n ^ (n >> 16n)));
  });
}

/** Step 2: of a column or a row. */
function permuteNoise(position: number, keys: readonly number[]): number {
  let n = position;
  for (const key of keys) {
    n = (n + key) % 2 ** 24;
    n = ((n ^ (n >> 12)) * 0xb352d5) % 2 ** 24;
  }
  return n ^ (n >> 12);
}

/** Step 3. */
function noiseColour(column: number, row: number, monochrome: boolean): number {
  const round = (value: number, key: number) => floorDiv((value + key - 4096) ** 2, 64);
  const [c1, c0] = [column >> 12, column & 4095];
  const [r1, r0] = [row >> 12, row & 4095];
  let p = c1;
  let q = c0;
  p = (p + round(q, r1)) % 4096;
  q = (q + round(p, r0)) % 4096;
  p = (p + round(q, r1)) % 4096;
  q = (q + round(p, r0)) % 4096;
  p = (p + c0 + round(q, r1)) % 4096;
  q = (q + c1 + round(p, r0)) % 4096;
  return monochrome ? (p >> 4) * 0x010101 : p * 4096 + q;
}
