import fc from "fast-check";
import { formats } from "./formats/index.ts";
import { axes, directions, type Parameter, type Pattern } from "./pattern.ts";
import { patterns } from "./patterns/index.ts";
import type { PatternValues, RenderSpec } from "./spec.ts";

/** For property tests: any length in pixels, small ones and the largest as often as all others. */
export const anyLength = fc.oneof(
  fc.integer({ min: 1, max: 9 }),
  fc.integer({ min: 1, max: 2 ** 20 }),
  fc.integer({ min: 2 ** 20 - 2, max: 2 ** 20 }),
);

const anyColor = fc.integer({ min: 0, max: 0xffffff }).map((n) => `#${n.toString(16).toUpperCase().padStart(6, "0")}`);

/** For property tests: checked values of any kind for a pattern's parameters. */
export function anyValues(pattern: Pattern): fc.Arbitrary<PatternValues> {
  const entries = Object.entries(pattern.parameters).map(([name, parameter]) => [name, anyValue(parameter)]);
  const requiredKeys = Object.keys(pattern.parameters).filter((name) => {
    const parameter = pattern.parameters[name];
    return parameter && !("optional" in parameter);
  });
  return fc.record(Object.fromEntries(entries), { requiredKeys, noNullPrototype: true });
}

function anyValue(parameter: Parameter): fc.Arbitrary<PatternValues[string]> {
  switch (parameter.type) {
    case "Int": {
      const { minimum: min, maximum: max } = parameter;
      return fc.oneof(fc.integer({ min, max: Math.min(max, min + 9) }), fc.integer({ min, max }));
    }
    case "Boolean":
      return fc.boolean();
    case "HexColor":
      return anyColor;
    case "[HexColor!]":
      return fc.array(anyColor, { minLength: parameter.minimum, maxLength: parameter.maximum });
    case "Direction":
      return fc.constantFrom(...directions);
    case "Axis":
      return fc.constantFrom(...axes);
  }
}

/** For property tests: checked specs with every pattern and every format, of the given lengths. */
export function anySpec(lengths: {
  width: fc.Arbitrary<number>;
  height: fc.Arbitrary<number>;
}): fc.Arbitrary<RenderSpec> {
  return fc.record(
    {
      ...lengths,
      pattern: fc.oneof(...patterns.map((pattern) => anyValues(pattern).map((values) => ({ [pattern.name]: values })))),
      format: fc.constantFrom(...formats.map((format) => format.name)),
      rowOrder: fc.constantFrom("BOTTOM_UP" as const, "TOP_DOWN" as const),
      pixelsPerMetre: fc.oneof(fc.constantFrom(0, 2835, 2 ** 31 - 1), fc.integer({ min: 0, max: 2 ** 31 - 1 })),
    },
    { noNullPrototype: true },
  );
}
