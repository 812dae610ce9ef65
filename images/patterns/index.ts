import type { Pattern } from "../pattern.ts";
import type { PatternValues, RenderSpec } from "../spec.ts";
import { allRgb } from "./all-rgb.ts";
import { border } from "./border.ts";
import { checkerboard } from "./checkerboard.ts";
import { colorBars } from "./color-bars.ts";
import { gradient } from "./gradient.ts";
import { grid } from "./grid.ts";
import { noise } from "./noise.ts";
import { solid } from "./solid.ts";
import { stripes } from "./stripes.ts";
import { zonePlate } from "./zone-plate.ts";

/** Every pattern, in the order that the API and the documentation show them. */
export const patterns: readonly Pattern[] = [
  solid,
  gradient,
  checkerboard,
  stripes,
  colorBars,
  grid,
  border,
  zonePlate,
  noise,
  allRgb,
];

/**
 * The pattern of a checked spec, with its values.
 * @throws Error where the spec names a pattern that this version does not have
 */
export function patternOf(spec: Pick<RenderSpec, "pattern">): { pattern: Pattern; values: PatternValues } {
  for (const pattern of patterns) {
    const values = spec.pattern[pattern.name];
    if (values) return { pattern, values };
  }
  throw new Error(
    `The spec's pattern is ${Object.keys(spec.pattern)}; this version has ${patterns.map((p) => p.name)}.`,
  );
}
