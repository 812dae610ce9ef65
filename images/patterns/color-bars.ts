import { colorOf } from "../color.ts";
import { definePattern } from "../pattern.ts";
import { lookUp } from "./look-up.ts";
import { BLACK, WHITE } from "./parameters.ts";

export const colorBars = definePattern({
  name: "colorBars",
  title: "Colour bars",
  description:
    "Bars of equal size, by default white, yellow, cyan, green, magenta, red, blue and black at full level. Shows " +
    "swapped or missing channels, clipping, saturation and hue, and smearing at the hard edges between colours.",
  parameters: {
    colors: {
      type: "[HexColor!]",
      minimum: 1,
      maximum: 64,
      default: [WHITE, "#FFFF00", "#00FFFF", "#00FF00", "#FF00FF", "#FF0000", "#0000FF", BLACK],
      description: "The bars' colours, from the left or from the top.",
    },
    axis: { type: "Axis", default: "VERTICAL", description: "The way the bars run." },
  },
  example: {},
  tables: ({ colors, axis }, { width, height }) => ({
    column: axis === "VERTICAL" ? (x) => Math.floor((x * colors.length) / width) : () => 0,
    row: axis === "VERTICAL" ? () => 0 : (y) => Math.floor((y * colors.length) / height),
    table: colors.map(colorOf),
  }),
  kernel: lookUp,
});
