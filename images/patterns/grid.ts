import { colorOf } from "../color.ts";
import { definePattern } from "../pattern.ts";
import { lookUp } from "./look-up.ts";
import { BLACK, LENGTH, WHITE } from "./parameters.ts";

export const grid = definePattern({
  name: "grid",
  title: "Grid",
  description:
    "Thin crossing lines. Shows geometry (bent or uneven lines), convergence of the colours, focus across the whole " +
    "screen, and the seams of tiled displays and blended projectors.",
  parameters: {
    spacingX: { ...LENGTH, description: "Pixels from the left edge of one vertical line to that of the next." },
    spacingY: { ...LENGTH, description: "Pixels from the top edge of one horizontal line to that of the next." },
    thickness: { ...LENGTH, default: 1, description: "Thickness of the lines in pixels." },
    line: { type: "HexColor", default: WHITE, description: "The colour of the lines." },
    background: { type: "HexColor", default: BLACK, description: "The colour between them." },
  },
  example: { spacingX: 16, spacingY: 16 },
  tables: ({ spacingX, spacingY, thickness, line, background }) => ({
    column: (x) => Number(x % spacingX < thickness),
    row: (y) => Number(y % spacingY < thickness),
    table: [colorOf(background), colorOf(line), colorOf(line)],
  }),
  kernel: lookUp,
});
