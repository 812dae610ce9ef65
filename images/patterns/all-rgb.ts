import { definePattern, type KernelThread } from "../pattern.ts";

const COLORS = 2 ** 24;

export const allRgb = definePattern({
  name: "allRgb",
  title: "All RGB colours",
  description:
    "Counts through all 16,777,216 colours in reading order and starts over. Every pixel differs from its neighbours, " +
    "so a misplaced byte, a lost bit or a wrong colour conversion shows at once; 4096 × 4096 pixels hold each colour once.",
  parameters: {
    offset: {
      type: "Int",
      minimum: 0,
      maximum: COLORS - 1,
      default: 0,
      description: "The colour of the top-left pixel, as the number 0xRRGGBB.",
    },
  },
  example: { offset: 0x600000 },
  tables: ({ offset }, { width }) => ({
    column: (x) => x,
    row: (y) => ((offset + y * width) % COLORS) - COLORS,
    table: [COLORS],
  }),
  // The columns count by one, so only the first is read: a load for every pixel costs more than all the rest. Where the sum
  // is below zero, its floor in units of 2^24 is -1, else 0; multiplying by a power of two is exact.
  kernel: function (this: KernelThread, columns: number[], rows: number[], table: number[]): number {
    const belowWrap = (columns[0] as number) + this.thread.x + (rows[this.thread.y] as number);
    return belowWrap - Math.floor(belowWrap * 5.9604644775390625e-8) * (table[0] as number);
  },
});
