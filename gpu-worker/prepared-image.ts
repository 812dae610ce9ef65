import type { Format } from "../images/format.ts";
import { formatOf } from "../images/formats/index.ts";
import type { Kernel } from "../images/pattern.ts";
import { patternOf } from "../images/patterns/index.ts";
import type { RenderSpec } from "../images/spec.ts";
import { type ByteOrder, byteOrderOf } from "./packer.ts";

/** The pixels that one run of a kernel computes: `tileWidth` columns of `bandRows` rows. */
export interface KernelShape {
  /** A multiple of 4, so that WebAssembly computes and packs every row four pixels at a time. */
  tileWidth: number;
  bandRows: number;
}

/** WebGPU dispatches at most 65,535 groups of 8 columns by 8 rows. */
const MAX_SIDE = 2 ** 18;

/** What every part of one image shares: its layout in the file, and the host's exact inputs of its kernel. */
export interface PreparedImage {
  spec: RenderSpec;
  format: Format;
  byteOrder: ByteOrder;
  patternName: string;
  kernel: Kernel;
  shape: KernelShape;
  /** Bytes before the first row, and from one row to the next. */
  headerSize: number;
  stride: number;
  /** The kernel's `columns` of each tile, from the left; the last one ends in zeros beyond the image. */
  columns: readonly Float32Array[];
  table: Float32Array;
  /** Puts the kernel's `rows` of the file's rows from `fileRow` on (0 is the file's first) into `rows`. */
  fillRows(fileRow: number, rows: Float32Array): void;
}

/** Prepares an image for a kernel that computes about `bandPixels` pixels a run. */
export function prepareImage(spec: RenderSpec, bandPixels: number): PreparedImage {
  const { width, height } = spec;
  const format = formatOf(spec);
  const { pattern, values } = patternOf(spec);
  const tables = pattern.tables(values, { width, height });
  const shape = kernelShape(width, height, bandPixels);
  const bottomUp = format.bottomUp(spec);

  return {
    spec,
    format,
    byteOrder: byteOrderOf(format),
    patternName: pattern.name,
    kernel: pattern.kernel,
    shape,
    headerSize: format.headerSize(spec),
    stride: format.stride(width),
    columns: columnsOfTiles(width, shape.tileWidth, tables.column),
    table: Float32Array.from(tables.table),
    fillRows: (fileRow, rows) => {
      const count = Math.min(rows.length, height - fileRow);
      for (let i = 0; i < count; i++) {
        rows[i] = tables.row(bottomUp ? height - 1 - fileRow - i : fileRow + i);
      }
    },
  };
}

/** Several whole rows, so that `columns` stays the same from band to band, or tiles of one row. */
function kernelShape(width: number, height: number, bandPixels: number): KernelShape {
  const wholeRow = Math.ceil(width / 4) * 4;
  const tileWidth = Math.min(wholeRow, bandPixels, MAX_SIDE);
  if (tileWidth < wholeRow) return { tileWidth, bandRows: 1 };
  return { tileWidth, bandRows: Math.min(height, Math.floor(bandPixels / tileWidth), MAX_SIDE) };
}

function columnsOfTiles(width: number, tileWidth: number, column: (x: number) => number): Float32Array[] {
  const tiles: Float32Array[] = [];
  for (let left = 0; left < width; left += tileWidth) {
    const columns = new Float32Array(tileWidth);
    const count = Math.min(tileWidth, width - left);
    for (let i = 0; i < count; i++) columns[i] = column(left + i);
    tiles.push(columns);
  }
  return tiles;
}
