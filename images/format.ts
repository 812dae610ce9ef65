import type { ImageFormat, RenderSpec } from "./spec.ts";

/**
 * A file format is one file: a header, then equal rows of pixels, nothing after them.
 * All byte positions are exact integers up to 2^53 − 1.
 */
export interface Format {
  name: ImageFormat;
  description: string;
  contentType: string;
  /** Without the dot: the object's key ends in it. */
  extension: string;
  bytesPerPixel: 3 | 4;
  channelOrder: "BGR" | "RGB";
  /**
   * The largest file, in bytes, that the format itself can describe; absent where MAX_RENDER_BYTES is the only limit.
   */
  maxByteSize?: number;
  /** Bytes from one row to the next, padding included. */
  stride(width: number): number;
  /** Whether the file's first row is the image's bottom row. */
  bottomUp(spec: RenderSpec): boolean;
  /** Bytes before the first row. */
  headerSize(spec: RenderSpec): number;
  /** Writes the header's bytes from `start` on (0-based) into `target`, which never reaches past the header. */
  writeHeader(spec: RenderSpec, start: number, target: Uint8Array): void;
}
