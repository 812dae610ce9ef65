import type { Parameter } from "../images/pattern.ts";
import { patterns } from "../images/patterns/index.ts";
import type { PatternValues, RenderSpec } from "../images/spec.ts";

/** A BMP24 just below 2 GiB, with padding in every row. */
export const STANDARD_SIDE = 26_754;

export const PART_SIZE = 16 * 2 ** 20;

export function bmp24(pattern: string, { width, height }: { width: number; height: number }): RenderSpec {
  return {
    width,
    height,
    pattern: { [pattern]: exampleValues(pattern) },
    format: "BMP24",
    rowOrder: "BOTTOM_UP",
    pixelsPerMetre: 2835,
  };
}

/** A pattern's defaults, and something of the right kind where it has none. */
function exampleValues(name: string): PatternValues {
  const pattern = patterns.find((candidate) => candidate.name === name);
  if (!pattern) throw new Error(`There is no pattern ${name}; there are ${patterns.map((p) => p.name).join(", ")}.`);
  const required = Object.entries(pattern.parameters).filter(([, parameter]) => !("optional" in parameter));
  return Object.fromEntries(required.map(([parameter, definition]) => [parameter, exampleValue(definition)]));
}

function exampleValue(parameter: Parameter): PatternValues[string] {
  if (parameter.default !== undefined) return parameter.default;
  if (parameter.type === "Int") return Math.min(64, parameter.maximum);
  return "#3366CC";
}
