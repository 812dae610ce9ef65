import type { PatternValues, RenderSpec } from "../../images/spec.ts";

/** A spec with every field given, so that the API's input and the reference's are the same. */
export function allRgb(width: number, height: number, change: Partial<RenderSpec> = {}): RenderSpec {
  return {
    width,
    height,
    pattern: { allRgb: { offset: 7 } },
    format: "BMP24",
    rowOrder: "BOTTOM_UP",
    pixelsPerMetre: 2835,
    ...change,
  };
}

export const MIB = 2 ** 20;

/** One image of each pattern, with parameters that leave no two neighbouring areas alike. */
export const onePerPattern: Readonly<Record<string, PatternValues>> = {
  solid: { color: "#123456" },
  gradient: { from: "#102030", to: "#FFE0D0", direction: "LEFT", steps: 17 },
  checkerboard: { cellWidth: 3, cellHeight: 5, even: "#010203", odd: "#FDFEFF" },
  stripes: { axis: "HORIZONTAL", onWidth: 2, offWidth: 3, on: "#ABCDEF", off: "#FEDCBA" },
  colorBars: { axis: "VERTICAL", colors: ["#FF0000", "#00FF00", "#0000FF", "#FFFFFF", "#000000"] },
  grid: { spacingX: 7, spacingY: 11, thickness: 2, line: "#FFFF00", background: "#000080" },
  border: { thickness: 3, line: "#00FFFF", background: "#800000" },
  zonePlate: { period: 4096, dark: "#000010", light: "#F0FFFF" },
  noise: { seed: -5, monochrome: false },
  allRgb: { offset: 16_777_000 },
};
