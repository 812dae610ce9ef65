import { colorOf, mapChannels } from "../color.ts";
import { definePattern, type KernelThread } from "../pattern.ts";

export const gradient = definePattern({
  name: "gradient",
  title: "Gradient",
  description:
    "From one colour to another along one direction, continuous or in equal steps. Shows banding, the tone curve " +
    "(gamma), clipped highlights and crushed shadows; with steps, whether neighbouring levels can be told apart.",
  parameters: {
    from: { type: "HexColor", description: "The colour of the first pixels." },
    to: { type: "HexColor", description: "The colour of the last pixels." },
    direction: { type: "Direction", default: "RIGHT", description: "The way from the first colour to the last." },
    steps: {
      type: "Int",
      minimum: 2,
      maximum: 1024,
      optional: true,
      description: "The number of equal steps; without it the gradient is continuous.",
    },
  },
  example: { from: "#000000", to: "#FFFFFF", steps: 32 },
  tables: ({ from, to, direction, steps }, { width, height }) => {
    const first = colorOf(from);
    const last = colorOf(to);
    const alongX = direction === "RIGHT" || direction === "LEFT";
    const backwards = direction === "LEFT" || direction === "UP";
    const length = alongX ? width : height;
    const levels = steps ?? length;
    const difference = (position: number) => {
      const distance = backwards ? length - 1 - position : position;
      return mix(first, last, Math.floor((distance * levels) / length), levels) - first;
    };
    return { column: alongX ? difference : () => 0, row: alongX ? () => 0 : difference, table: [first] };
  },
  kernel: function (this: KernelThread, columns: number[], rows: number[], table: number[]): number {
    return (table[0] as number) + (columns[this.thread.x] as number) + (rows[this.thread.y] as number);
  },
});

/** Level `t` (0 … n − 1) of `n` levels from colour `a` to colour `b`; `a` where there is one level. */
function mix(a: number, b: number, t: number, n: number): number {
  if (n === 1) return a;
  return mapChannels(a, b, (from, to) => Math.floor((from * (n - 1 - t) + to * t) / (n - 1)));
}
