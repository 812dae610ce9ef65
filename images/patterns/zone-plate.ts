import { colorOf, mapChannels } from "../color.ts";
import { definePattern } from "../pattern.ts";
import { lookUp } from "./look-up.ts";
import { BLACK, WHITE } from "./parameters.ts";

/** One wave, from dark at 0 over light at 128 to dark at 256: a level of 0 … 255. */
function wave(i: number): number {
  return Math.floor((255 * (1 - Math.cos((2 * Math.PI * i) / 256))) / 2 + 0.5);
}

export const zonePlate = definePattern({
  name: "zonePlate",
  title: "Zone plate",
  description:
    "Rings around the middle that grow finer outwards. Every spatial frequency in every direction at once: scaling, " +
    "sharpening, interlacing and chroma subsampling show as false rings (moiré) away from the middle.",
  parameters: {
    period: {
      type: "Int",
      minimum: 2,
      maximum: 4096,
      default: 4096,
      description: "How far the square of the distance from the middle, in half pixels, grows from ring to ring.",
    },
    dark: { type: "HexColor", default: BLACK, description: "The colour of the middle." },
    light: { type: "HexColor", default: WHITE, description: "The colour halfway from ring to ring." },
  },
  example: { period: 2048 },
  tables: ({ period, dark, light }, { width, height }) => {
    const darkest = colorOf(dark);
    const lightest = colorOf(light);
    const colors = Array.from({ length: period }, (_, phase) => {
      const level = wave(Math.floor((phase * 256) / period));
      return mapChannels(darkest, lightest, (from, to) => Math.floor((from * (255 - level) + to * level) / 255));
    });
    return {
      column: (x) => (2 * x - width + 1) ** 2 % period,
      row: (y) => (2 * y - height + 1) ** 2 % period,
      table: [...colors, ...colors],
    };
  },
  kernel: lookUp,
});
