import { colorOf } from "../color.ts";
import { definePattern } from "../pattern.ts";
import { lookUp } from "./look-up.ts";
import { BLACK, LENGTH, WHITE } from "./parameters.ts";

export const checkerboard = definePattern({
  name: "checkerboard",
  title: "Checkerboard",
  description:
    "Cells of two colours in turn. Large cells show contrast and light leaking between areas (ANSI contrast); cells of " +
    "one pixel show scaling, sharpening, chroma subsampling and pixel inversion flicker.",
  parameters: {
    cellWidth: { ...LENGTH, description: "Width of a cell in pixels." },
    cellHeight: { ...LENGTH, description: "Height of a cell in pixels." },
    even: { type: "HexColor", default: BLACK, description: "The colour of the top-left cell." },
    odd: { type: "HexColor", default: WHITE, description: "The colour of the cells beside it." },
  },
  example: { cellWidth: 32, cellHeight: 36 },
  tables: ({ cellWidth, cellHeight, even, odd }) => ({
    column: (x) => Math.floor(x / cellWidth) % 2,
    row: (y) => Math.floor(y / cellHeight) % 2,
    table: [colorOf(even), colorOf(odd), colorOf(even)],
  }),
  kernel: lookUp,
});
