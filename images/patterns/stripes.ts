import { colorOf } from "../color.ts";
import { definePattern } from "../pattern.ts";
import { lookUp } from "./look-up.ts";
import { BLACK, LENGTH, WHITE } from "./parameters.ts";

export const stripes = definePattern({
  name: "stripes",
  title: "Stripes",
  description:
    "Lines of two colours in turn. One-pixel lines show resolution, scaling, ghosting and colour fringes between " +
    "subpixels; wider ones show crosstalk and smearing along the lines.",
  parameters: {
    axis: { type: "Axis", default: "VERTICAL", description: "The way the lines run." },
    onWidth: { ...LENGTH, default: 1, description: "Width in pixels of a line of the first colour." },
    offWidth: { ...LENGTH, default: 1, description: "Width in pixels of a line of the second colour." },
    on: { type: "HexColor", default: WHITE, description: "The first colour; the image begins with it." },
    off: { type: "HexColor", default: BLACK, description: "The second colour." },
  },
  example: { onWidth: 4, offWidth: 4 },
  tables: ({ axis, onWidth, offWidth, on, off }) => {
    const isOff = (position: number) => Number(position % (onWidth + offWidth) >= onWidth);
    return {
      column: axis === "VERTICAL" ? isOff : () => 0,
      row: axis === "VERTICAL" ? () => 0 : isOff,
      table: [colorOf(on), colorOf(off)],
    };
  },
  kernel: lookUp,
});
