import type { ByteRange } from "../images/plan.ts";
import type { PreparedImage } from "./prepared-image.ts";

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
  /** The kernel's `rows`. */
  rows: Float32Array;
  /**
   * The same bytes begin this many rows earlier, in a band that lies in the range from its first byte on, and may be
   * copied from there; 0 where there are none.
   */
  rowsBack: number;
}

/** Patterns of up to so many different bands in turn are computed once a part: cells, stripes and lines of few pixels. */
const BANDS_REMEMBERED = 8;

/** The bands that a byte range needs, in the order of its bytes. */
export function* bandsOf(image: PreparedImage, { start, end }: ByteRange): Generator<Band> {
  const { headerSize, stride, spec, shape, format } = image;
  const firstRow = Math.max(0, Math.floor((start - headerSize) / stride));
  const endRow = Math.ceil((end - headerSize) / stride);
  const different: { rows: Buffer; fileRow: number }[] = [];
  for (let fileRow = firstRow; fileRow < endRow; fileRow += shape.bandRows) {
    const rows = new Float32Array(shape.bandRows);
    image.fillRows(fileRow, rows);
    const rowBytes = Buffer.from(rows.buffer);
    const same = different.find((earlier) => earlier.rows.equals(rowBytes));
    const rowsBack = same ? fileRow - same.fileRow : 0;
    for (const [tile, columns] of image.columns.entries()) {
      const left = tile * shape.tileWidth;
      const width = Math.min(shape.tileWidth, spec.width - left);
      const endsRows = left + width === spec.width;
      const tileStart = bandPosition(image, { fileRow, left });
      const tileEnd = rowPosition(image, fileRow + shape.bandRows - 1) + (left + width) * format.bytesPerPixel;
      if (tileStart < end && (tileEnd > start || endsRows)) {
        yield { fileRow, left, width, endsRows, columns, rows, rowsBack };
      }
    }
    if (same) same.fileRow = fileRow;
    else if (rowPosition(image, fileRow) >= start) different.push({ rows: rowBytes, fileRow });
    if (different.length > BANDS_REMEMBERED) different.shift();
  }
}

/**
 * Puts a band's bytes, the padding of its rows included, into the part whose first byte is the file's byte `partStart`.
 * What lies outside of the part is left out.
 * @param bytes begins with those of the whole tile, row after row
 */
export function placeBand(image: PreparedImage, band: Band, bytes: Buffer, partStart: number, part: Buffer): void {
  const { stride, shape, spec } = image;
  const { bytesPerPixel } = image.format;
  const tileStride = shape.tileWidth * bytesPerPixel;
  const isOnePiece = tileStride === stride && band.width === shape.tileWidth;
  const [pieces, length] = isOnePiece ? [1, shape.bandRows * tileStride] : [shape.bandRows, band.width * bytesPerPixel];
  let at = rowPosition(image, band.fileRow) - partStart;
  for (let piece = 0; piece < pieces && at < part.length; piece++, at += stride) {
    const from = piece * tileStride;
    place(bytes, from, from + length, at + band.left * bytesPerPixel, part);
    if (band.endsRows) clear(part, at + spec.width * bytesPerPixel, at + stride);
  }
}

/** Puts a band into the part whose bytes the part has already, `rowsBack` rows before it. */
export function repeatBand(image: PreparedImage, band: Band, partStart: number, part: Buffer): void {
  const start = bandPosition(image, band) - partStart;
  const back = band.rowsBack * image.stride;
  part.copy(part, start, start - back, packedUpTo(image, band) - partStart - back);
}

/**
 * Copies the bytes `start` … `end − 1` to position `at` of the part, as far as they lie in it. By `Buffer.copy`, which
 * moves memory: `Uint8Array.set` into shared memory takes single bytes (4 GB/s instead of 25).
 */
function place(bytes: Buffer, start: number, end: number, at: number, part: Buffer): void {
  const cut = Math.max(0, -at);
  if (start + cut < end && at < part.length) bytes.copy(part, at + cut, start + cut, end);
}

function clear(part: Buffer, start: number, end: number): void {
  const [from, to] = [Math.max(0, start), Math.min(end, part.length)];
  if (from < to) part.fill(0, from, to);
}

/** The file's position before which everything is packed once this band and those before it are. */
export function packedUpTo(image: PreparedImage, band: Band): number {
  if (band.endsRows) return rowPosition(image, band.fileRow + image.shape.bandRows);
  return bandPosition(image, band) + band.width * image.format.bytesPerPixel;
}

function bandPosition(image: PreparedImage, { fileRow, left }: Pick<Band, "fileRow" | "left">): number {
  return rowPosition(image, fileRow) + left * image.format.bytesPerPixel;
}

function rowPosition({ headerSize, stride }: PreparedImage, fileRow: number): number {
  return headerSize + fileRow * stride;
}
