import { patterns } from "../images/patterns/index.ts";
import type { PatternValues, RenderSpec } from "../images/spec.ts";

/** A BMP24 just below 2 GiB, with padding in every row. */
export const STANDARD_SIDE = 26_754;

export const PART_SIZE = 16 * 2 ** 20;

/** @param values by default the pattern's defaults, and its example's values where it has none */
export function bmp24(
  pattern: string,
  { width, height }: { width: number; height: number },
  values: PatternValues = {},
): RenderSpec {
  return {
    width,
    height,
    pattern: { [pattern]: { ...defaultValues(pattern), ...values } },
    format: "BMP24",
    rowOrder: "BOTTOM_UP",
    pixelsPerMetre: 2835,
  };
}

function defaultValues(name: string): PatternValues {
  const pattern = patterns.find((candidate) => candidate.name === name);
  if (!pattern) throw new Error(`There is no pattern ${name}; there are ${patterns.map((p) => p.name).join(", ")}.`);
  const required = Object.entries(pattern.parameters).filter(([, parameter]) => !("optional" in parameter));
  const example: Partial<PatternValues> = pattern.example;
  return Object.fromEntries(
    required.flatMap(([parameter, { default: value = example[parameter] }]) =>
      value === undefined ? [] : [[parameter, value]],
    ),
  );
}
