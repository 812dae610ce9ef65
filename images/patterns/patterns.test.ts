import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { referencePixel } from "../../reference/patterns.ts";
import { onePerPattern } from "../../test/support/images.ts";
import { anyLength, anyValues } from "../arbitrary-spec.fixture.ts";
import { axes, directions, type Parameter, type Pattern, type Size } from "../pattern.ts";
import type { PatternValues, RenderSpec } from "../spec.ts";
import { patternOf, patterns } from "./index.ts";

/** The pixels of a window as the kernel calculates them, from 32-bit floats as on every backend. */
function renderWindow(pattern: Pattern, values: PatternValues, size: Size, xs: number[], ys: number[]): number[][] {
  const tables = pattern.tables(values, size);
  const rows = toFloats(ys.map((y) => tables.row(y)));
  const table = toFloats(tables.table);
  const tiles = xs.map((x) => {
    const left = Math.max(0, x - 3);
    const columns = toFloats(Array.from({ length: x - left + 1 }, (_, i) => tables.column(left + i)));
    return { x: x - left, columns };
  });
  return ys.map((_, y) =>
    tiles.map(({ x, columns }) => pattern.kernel.call({ thread: { x, y } }, columns, rows, table)),
  );
}

function toFloats(numbers: readonly number[]): number[] {
  for (const n of numbers) {
    assert.ok(Number.isInteger(n) && Math.abs(n) <= 2 ** 24, `${n} is not an integer of magnitude 2^24 at most`);
  }
  return Array.from(new Float32Array(numbers));
}

/** Positions along an axis: a run of up to 9 anywhere, and the first and the last pixel. */
const anyPositions = (length: number) =>
  fc
    .integer({ min: 0, max: length - 1 })
    .map((start) => [
      ...new Set([0, ...Array.from({ length: 9 }, (_, i) => Math.min(start + i, length - 1)), length - 1]),
    ]);

const anyFormat = { format: "PPM", rowOrder: "TOP_DOWN", pixelsPerMetre: 0 } as const;

const documentation = readFileSync(new URL("../../docs/patterns.md", import.meta.url), "utf8");

/** A parameter's cell in the column "range". */
function rangeOf(parameter: Parameter): string {
  const number = (limit: number) => limit.toLocaleString("en").replace("-", "−");
  const quoted = (choices: readonly string[]) => choices.map((choice) => `\`${choice}\``).join(", ");
  switch (parameter.type) {
    case "Int":
      return `${number(parameter.minimum)} … ${number(parameter.maximum)}`;
    case "[HexColor!]":
      return `${parameter.minimum} … ${parameter.maximum} colours`;
    case "HexColor":
      return "a colour";
    case "Boolean":
      return "Boolean";
    case "Direction":
      return quoted(directions);
    case "Axis":
      return quoted(axes);
  }
}

/** A parameter's cell in the column "default", or how it begins where it is said in words. */
function defaultOf(parameter: Parameter): string {
  if ("optional" in parameter) return "absent: ";
  const { default: value } = parameter;
  if (value === undefined) return "– |";
  if (typeof value === "object") return "";
  return typeof value === "string" ? `\`${value}\` |` : `${value} |`;
}

for (const pattern of patterns) {
  test(`${pattern.name} is what the reference says, anywhere in images of any size`, () => {
    const anyCase = fc
      .record({ width: anyLength, height: anyLength, values: anyValues(pattern) })
      .chain((image) =>
        fc.record({ image: fc.constant(image), xs: anyPositions(image.width), ys: anyPositions(image.height) }),
      );
    fc.assert(
      fc.property(anyCase, ({ image: { values, ...size }, xs, ys }) => {
        const spec: RenderSpec = { ...size, pattern: { [pattern.name]: values }, ...anyFormat };
        const expected = ys.map((y) => xs.map((x) => referencePixel(spec, x, y)));
        assert.deepEqual(renderWindow(pattern, values, size, xs, ys), expected);
      }),
      { numRuns: 200 },
    );
  });

  test(`${pattern.name} is described: in its definition and, with every parameter's range and default, in docs/patterns.md`, () => {
    assert.match(pattern.name, /^[a-z][A-Za-z]*$/);
    assert.ok(pattern.title && pattern.description.length > 40);
    const [index = "", ...sections] = documentation.split(/^## /m);
    assert.ok(
      index.includes(`[${pattern.name}](#${pattern.name.toLowerCase()})`),
      "the first table does not lead to it",
    );
    const section = sections.find((text) => text.startsWith(`${pattern.name}\n`)) ?? "";
    const [, picture, formula] = section.split("\n\n");
    assert.match(
      picture ?? "",
      /^!\[/,
      `docs/patterns.md has no section "## ${pattern.name}" that begins with a picture`,
    );
    assert.ok(formula && !formula.startsWith("**"), "no formula follows the picture");
    assert.ok(section.includes("\n**Good for:** "), `no "**Good for:**" says what ${pattern.name} is used for`);
    const rows = section.match(/^\| `.* \|$/gm) ?? [];
    for (const [name, parameter] of Object.entries(pattern.parameters)) {
      assert.ok(parameter.description.endsWith("."), `${name} has no description`);
      const cells = `| \`${name}\` | ${rangeOf(parameter)} | ${defaultOf(parameter)}`;
      assert.ok(
        rows.some((row) => row.startsWith(cells)),
        `docs/patterns.md has no row for ${pattern.name} that begins with ${cells}`,
      );
    }
  });

  test(`${pattern.name}'s kernel names nothing outside itself, so that gpu.js can compile its source`, () => {
    const compiled: unknown = new Function(`"use strict"; return (${pattern.kernel.toString()});`)();
    assert.ok(typeof compiled === "function");
    const { column, row, table } = pattern.tables(fc.sample(anyValues(pattern), 1)[0] ?? {}, { width: 3, height: 2 });
    assert.ok(Number.isInteger(compiled.call({ thread: { x: 0, y: 0 } }, [column(2)], [row(1)], table)));
  });
}

test("the tests of the whole system have an image of every pattern, with all its parameters", () => {
  const parametersOf = (patternName: string) => Object.keys(onePerPattern[patternName] ?? {}).sort();
  for (const { name, parameters } of patterns) assert.deepEqual(parametersOf(name), Object.keys(parameters).sort());
  assert.equal(Object.keys(onePerPattern).length, patterns.length);
});

test("patternOf gives a spec's pattern and values", () => {
  const { pattern, values } = patternOf({ pattern: { solid: { color: "#123456" } } });
  assert.equal(pattern.name, "solid");
  assert.deepEqual(values, { color: "#123456" });
  assert.throws(() => patternOf({ pattern: { plaid: {} } }), /plaid.*solid/);
});
