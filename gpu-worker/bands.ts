import type { PreparedImage } from "./prepared-image.ts";

/** A byte range of an image's file: `start` inclusive, `end` exclusive. */
export interface ByteRange {
  start: number;
  end: number;
}

/** What one run of a kernel computes: rows of the file from `fileRow` on (0 is its first), and of them one tile. */
export interface Band {
  fileRow: number;
  /** The image's column that is the tile's first, and how many of the tile's columns lie in the image. */
  left: number;
  width: number;
  /** Whether the tile ends its rows. */
  endsRows: boolean;
  /** The kernel's `columns`. */
  columns: Float32Array;
}

/** The bands that a byte range needs, in the order of its bytes. */
export function* bandsOf(image: PreparedImage, { start, end }: ByteRange): Generator<Band> {
  const { headerSize, stride, spec, shape, format } = image;
  const firstRow = Math.max(0, Math.floor((start - headerSize) / stride));
  const endRow = Math.ceil((end - headerSize) / stride);
  for (let fileRow = firstRow; fileRow < endRow; fileRow += shape.bandRows) {
    for (const [tile, columns] of image.columns.entries()) {
      const left = tile * shape.tileWidth;
      const width = Math.min(shape.tileWidth, spec.width - left);
      const endsRows = left + width === spec.width;
      const tileStart = rowPosition(image, fileRow) + left * format.bytesPerPixel;
      const tileEnd = rowPosition(image, fileRow + shape.bandRows - 1) + (left + width) * format.bytesPerPixel;
      if (tileStart < end && (tileEnd > start || endsRows)) yield { fileRow, left, width, endsRows, columns };
    }
  }
}

/**
 * Writes a band's bytes, the padding of its rows included, into the part whose first byte is the file's byte
 * `partStart`. What lies outside of the part is left out.
 */
export function packBand(
  image: PreparedImage,
  band: Band,
  rows: readonly Float32Array[],
  partStart: number,
  part: DataView,
): void {
  const { bytesPerPixel } = image.format;
  const padding = image.spec.width * bytesPerPixel;
  let rowStart = rowPosition(image, band.fileRow) - partStart;
  for (const pixels of rows) {
    if (rowStart >= part.byteLength) return;
    image.pack(pixels, band.width, rowStart + band.left * bytesPerPixel, part);
    if (band.endsRows) writeZeros(part, rowStart + padding, rowStart + image.stride);
    rowStart += image.stride;
  }
}

/** The file's position before which everything is packed once this band and those before it are. */
export function packedUpTo(image: PreparedImage, band: Band): number {
  if (band.endsRows) return rowPosition(image, band.fileRow + image.shape.bandRows);
  return rowPosition(image, band.fileRow) + (band.left + band.width) * image.format.bytesPerPixel;
}

function rowPosition({ headerSize, stride }: PreparedImage, fileRow: number): number {
  return headerSize + fileRow * stride;
}

function writeZeros(part: DataView, from: number, to: number): void {
  const end = Math.min(to, part.byteLength);
  for (let at = Math.max(0, from); at < end; at++) part.setUint8(at, 0);
}
