import { definePattern, type KernelThread } from "../pattern.ts";

const MASK_24 = 2 ** 24 - 1;
const KEYS = 3;

/**
 * The hash is defined, in words and with test vectors, in docs/patterns.md: a keyed permutation of the 24-bit numbers
 * for columns, another for rows, and in the kernel six Feistel rounds on the column's halves, keyed by the row's.
 * The rounds square a number of magnitude 4096 at most, so everything is an integer up to 2^24.
 */
export const noise = definePattern({
  name: "noise",
  title: "Noise",
  description:
    "Every pixel is an independent, evenly distributed random colour, the same for the same seed. The hardest content " +
    "for a link or a compressor: it shows dropped or repeated data, compression, dithering and scaling, and, seen from " +
    "afar, the evenness of the panel.",
  parameters: {
    seed: {
      type: "Int",
      minimum: -(2 ** 31),
      maximum: 2 ** 31 - 1,
      default: 0,
      description: "Another seed gives another, independent image.",
    },
    monochrome: {
      type: "Boolean",
      default: false,
      description: "Grey noise: red, green and blue of a pixel are one random value.",
    },
  },
  example: { monochrome: true },
  tables: ({ seed, monochrome }) => {
    const columnKeys = keysOf(seed, 1);
    const rowKeys = keysOf(seed, 1 + KEYS);
    return {
      column: (x) => permute(x, columnKeys),
      row: (y) => permute(y, rowKeys),
      table: [monochrome ? 1 : 0],
    };
  },
  kernel: function (this: KernelThread, columns: number[], rows: number[], table: number[]): number {
    // Multiplications by powers of two, since WebGPU does not promise exact divisions: 1/4096, 1/64 and 1/16.
    const column = columns[this.thread.x] as number;
    const columnHigh = Math.floor(column * 0.000244140625);
    const columnLow = column - columnHigh * 4096;
    const row = rows[this.thread.y] as number;
    const rowHigh = Math.floor(row * 0.000244140625);
    const keyHigh = rowHigh - 4096;
    const keyLow = row - rowHigh * 4096 - 4096;

    let high = columnHigh;
    let low = columnLow;
    let sum = 0;
    sum = high + Math.floor((low + keyHigh) * (low + keyHigh) * 0.015625);
    high = sum - Math.floor(sum * 0.000244140625) * 4096;
    sum = low + Math.floor((high + keyLow) * (high + keyLow) * 0.015625);
    low = sum - Math.floor(sum * 0.000244140625) * 4096;
    sum = high + Math.floor((low + keyHigh) * (low + keyHigh) * 0.015625);
    high = sum - Math.floor(sum * 0.000244140625) * 4096;
    sum = low + Math.floor((high + keyLow) * (high + keyLow) * 0.015625);
    low = sum - Math.floor(sum * 0.000244140625) * 4096;
    sum = high + columnLow + Math.floor((low + keyHigh) * (low + keyHigh) * 0.015625);
    high = sum - Math.floor(sum * 0.000244140625) * 4096;
    sum = low + columnHigh + Math.floor((high + keyLow) * (high + keyLow) * 0.015625);
    low = sum - Math.floor(sum * 0.000244140625) * 4096;

    if ((table[0] as number) > 0) return Math.floor(high * 0.0625) * 65793;
    return high * 4096 + low;
  },
});

/** Three 24-bit keys of a seed, from its `first` (1-based) key on. */
function keysOf(seed: number, first: number): number[] {
  return Array.from({ length: KEYS }, (_, i) => mix32(seed + Math.imul(first + i, 0x9e3779b9)) & MASK_24);
}

/** A permutation of the 24-bit numbers: no two columns, and no two rows, are the same. */
function permute(n: number, keys: readonly number[]): number {
  let state = n;
  for (const key of keys) {
    state = (state + key) & MASK_24;
    state ^= state >>> 12;
    state = Math.imul(state, 0xb352d5) & MASK_24;
  }
  return state ^ (state >>> 12);
}

/** Chris Wellons' lowbias32 (https://nullprogram.com/blog/2018/07/31/). */
function mix32(n: number): number {
  let state = n ^ (n >>> 16);
  state = Math.imul(state, 0x7feb352d);
  state ^= state >>> 15;
  state = Math.imul(state, 0x846ca68b);
  return state ^ (state >>> 16);
}
