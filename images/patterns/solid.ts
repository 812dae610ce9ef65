import { colorOf } from "../color.ts";
import { definePattern } from "../pattern.ts";
import { lookUp } from "./look-up.ts";

export const solid = definePattern({
  name: "solid",
  title: "Solid colour",
  description:
    "One colour everywhere. Shows stuck and dead pixels, uneven brightness or tint (uniformity, clouding, burn-in), " +
    "and, in the primaries, the purity of each channel.",
  parameters: {
    color: { type: "HexColor", description: "The colour of every pixel." },
  },
  example: { color: "#FF0000" },
  tables: ({ color }) => ({ column: () => 0, row: () => 0, table: [colorOf(color)] }),
  kernel: lookUp,
});
