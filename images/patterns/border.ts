import { colorOf } from "../color.ts";
import { definePattern } from "../pattern.ts";
import { lookUp } from "./look-up.ts";
import { BLACK, LENGTH, WHITE } from "./parameters.ts";

export const border = definePattern({
  name: "border",
  title: "Border",
  description:
    "A frame along all four edges. Shows overscan and cropping (a side is missing), scaling (a side is blurred or of " +
    "another thickness) and wrong position or size of the picture.",
  parameters: {
    thickness: { ...LENGTH, default: 1, description: "Thickness of the frame in pixels." },
    line: { type: "HexColor", default: WHITE, description: "The colour of the frame." },
    background: { type: "HexColor", default: BLACK, description: "The colour inside it." },
  },
  example: { thickness: 4, line: "#FF0000" },
  tables: ({ thickness, line, background }, { width, height }) => ({
    column: (x) => Number(x < thickness || x >= width - thickness),
    row: (y) => Number(y < thickness || y >= height - thickness),
    table: [colorOf(background), colorOf(line), colorOf(line)],
  }),
  kernel: lookUp,
});
