import type { RenderSpec } from "../images/spec.ts";
import { rowsOf } from "./patterns.ts";

/**
 * Where the pixels of an image must be in its file, and what comes before them, written from the definitions in
 * docs/formats.md alone and sharing no code with the renderer.
 */

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
  for (let fileRow = Math.floor(start / stride); fileRow * stride < end; fileRow++) {
    const from = Math.max(0, start - fileRow * stride);
    const to = Math.min(stride, end - fileRow * stride);
    const firstPixel = Math.min(spec.width, Math.floor(from / bytesPerPixel));
    const endPixel = Math.min(spec.width, Math.ceil(to / bytesPerPixel));
    const firstByte = firstPixel * bytesPerPixel;
    const segment = new Uint8Array(to - firstByte + bytesPerPixel);
    const row = rows(bottomUp ? spec.height - 1 - fileRow : fileRow);
    for (let x = firstPixel, at = 0; x < endPixel; x++, at += bytesPerPixel) {
      const color = row(x);
      segment[at] = redFirst ? color >> 16 : color;
      segment[at + 1] = color >> 8;
      segment[at + 2] = redFirst ? color : color >> 16;
    }
    bytes.set(segment.subarray(from - firstByte, to - firstByte), fileRow * stride + from - start);
  }
  return bytes;
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
