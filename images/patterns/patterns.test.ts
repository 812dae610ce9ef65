import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { anyLength, anyValues } from "../arbitrary-spec.ts";
import type { Pattern, Size } from "../pattern.ts";
import type { PatternValues } from "../spec.ts";
import { patternOf, patterns } from "./index.ts";

/** The contract's formulas, written with big integers and apart from the patterns. */
type Formula = (values: Record<string, unknown>, x: bigint, y: bigint, W: bigint, H: bigint) => bigint;

const int = (value: unknown) => BigInt(value as number);
const color = (value: unknown) => BigInt(`0x${String(value).slice(1)}`);
const perChannel = (a: bigint, b: bigint, channel: (a: bigint, b: bigint) => bigint) =>
  [16n, 8n, 0n].reduce((sum, bits) => sum | (channel((a >> bits) & 255n, (b >> bits) & 255n) << bits), 0n);

const formulas: Record<string, Formula> = {
  solid: (v) => color(v["color"]),
  gradient: (v, x, y, W, H) => {
    const ways: Record<string, [bigint, bigint]> = {
      RIGHT: [x, W],
      LEFT: [W - 1n - x, W],
      DOWN: [y, H],
      UP: [H - 1n - y, H],
    };
    let [t, n] = ways[String(v["direction"])] as [bigint, bigint];
    if (v["steps"] !== undefined) {
      t = (t * int(v["steps"])) / n;
      n = int(v["steps"]);
    }
    if (n === 1n) return color(v["from"]);
    return perChannel(color(v["from"]), color(v["to"]), (a, b) => (a * (n - 1n - t) + b * t) / (n - 1n));
  },
  checkerboard: (v, x, y) =>
    (x / int(v["cellWidth"]) + y / int(v["cellHeight"])) % 2n === 0n ? color(v["even"]) : color(v["odd"]),
  stripes: (v, x, y) => {
    const t = v["axis"] === "VERTICAL" ? x : y;
    return t % (int(v["onWidth"]) + int(v["offWidth"])) < int(v["onWidth"]) ? color(v["on"]) : color(v["off"]);
  },
  colorBars: (v, x, y, W, H) => {
    const colors = v["colors"] as string[];
    const k = BigInt(colors.length);
    return color(colors[Number(v["axis"] === "VERTICAL" ? (x * k) / W : (y * k) / H)]);
  },
  grid: (v, x, y) => {
    const thickness = int(v["thickness"]);
    const onLine = x % int(v["spacingX"]) < thickness || y % int(v["spacingY"]) < thickness;
    return onLine ? color(v["line"]) : color(v["background"]);
  },
  border: (v, x, y, W, H) => {
    const distance = [x, y, W - 1n - x, H - 1n - y].reduce((a, b) => (b < a ? b : a));
    return distance < int(v["thickness"]) ? color(v["line"]) : color(v["background"]);
  },
  zonePlate: (v, x, y, W, H) => {
    const period = int(v["period"]);
    const p = ((2n * x - W + 1n) ** 2n + (2n * y - H + 1n) ** 2n) % period;
    const i = Number((p * 256n) / period);
    const L = BigInt(Math.floor((255 * (1 - Math.cos((2 * Math.PI * i) / 256))) / 2 + 0.5));
    return perChannel(color(v["dark"]), color(v["light"]), (dark, light) => (dark * (255n - L) + light * L) / 255n);
  },
  noise: (v, x, y) => noiseFormula(int(v["seed"]), v["monochrome"] === true, x, y),
  allRgb: (v, x, y, W) => (int(v["offset"]) + y * W + x) % 2n ** 24n,
};

function noiseFormula(seed: bigint, monochrome: boolean, x: bigint, y: bigint): bigint {
  const mix = (start: bigint) => {
    let n = start;
    n ^= n >> 16n;
    n = (n * 0x7feb352dn) % 2n ** 32n;
    n ^= n >> 15n;
    n = (n * 0x846ca68bn) % 2n ** 32n;
    return n ^ (n >> 16n);
  };
  const key = (i: bigint) => mix(BigInt.asUintN(32, seed + i * 0x9e3779b9n)) % 2n ** 24n;
  const permute = (start: bigint, keys: bigint[]) => {
    let n = start;
    for (const k of keys) {
      n = (n + k) % 2n ** 24n;
      n ^= n >> 12n;
      n = (n * 0xb352d5n) % 2n ** 24n;
    }
    return n ^ (n >> 12n);
  };
  const halves = (n: bigint): [bigint, bigint] => [n / 4096n, n % 4096n];
  const [C1, C0] = halves(permute(x, [key(1n), key(2n), key(3n)]));
  const [R1, R0] = halves(permute(y, [key(4n), key(5n), key(6n)]));
  const F = (v: bigint, k: bigint) => (v + k - 4096n) ** 2n / 64n;
  let [P, Q] = [C1, C0];
  for (const [addP, addQ] of [
    [0n, 0n],
    [0n, 0n],
    [C0, C1],
  ] as const) {
    P = (P + addP + F(Q, R1)) % 4096n;
    Q = (Q + addQ + F(P, R0)) % 4096n;
  }
  return monochrome ? (P / 16n) * 0x010101n : P * 4096n + Q;
}

/** The pixels of a window as the kernel calculates them, from 32-bit floats as on every backend. */
function renderWindow(pattern: Pattern, values: PatternValues, size: Size, xs: number[], ys: number[]): number[][] {
  const tables = pattern.tables(values, size);
  const columns = toFloats(xs.map((x) => tables.column(x)));
  const rows = toFloats(ys.map((y) => tables.row(y)));
  const table = toFloats(tables.table);
  return ys.map((_, y) => xs.map((_, x) => pattern.kernel.call({ thread: { x, y } }, columns, rows, table)));
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

const documentation = readFileSync(new URL("../../docs/patterns.md", import.meta.url), "utf8");

for (const pattern of patterns) {
  test(`${pattern.name} is the contract's formula anywhere in images of any size`, () => {
    const formula = formulas[pattern.name];
    assert.ok(formula, `write the formula of ${pattern.name} into this test`);
    const anyCase = fc
      .record({ width: anyLength, height: anyLength, values: anyValues(pattern) })
      .chain((image) =>
        fc.record({ image: fc.constant(image), xs: anyPositions(image.width), ys: anyPositions(image.height) }),
      );
    fc.assert(
      fc.property(anyCase, ({ image: { values, ...size }, xs, ys }) => {
        const [W, H] = [BigInt(size.width), BigInt(size.height)];
        const expected = ys.map((y) => xs.map((x) => Number(formula(values, BigInt(x), BigInt(y), W, H))));
        assert.deepEqual(renderWindow(pattern, values, size, xs, ys), expected);
      }),
      { numRuns: 200 },
    );
  });

  test(`${pattern.name} is described: in its definition and in docs/patterns.md, every parameter with its limits`, () => {
    assert.match(pattern.name, /^[a-z][A-Za-z]*$/);
    assert.ok(pattern.title && pattern.description.length > 40);
    const section = documentation.split(/^## /m).find((text) => text.startsWith(`${pattern.name}\n`));
    assert.ok(section, `docs/patterns.md has no section "## ${pattern.name}"`);
    for (const [name, parameter] of Object.entries(pattern.parameters)) {
      assert.ok(parameter.description.endsWith("."), `${name} has no description`);
      const row = section.split("\n").find((line) => line.startsWith(`| \`${name}\` |`));
      assert.ok(row, `docs/patterns.md does not name ${pattern.name}'s parameter ${name}`);
      if (!("minimum" in parameter)) continue;
      for (const limit of [parameter.minimum, parameter.maximum]) {
        const text = limit.toLocaleString("en").replace("-", "−");
        assert.ok(row.includes(text), `docs/patterns.md does not give ${name}'s limit ${text}`);
      }
    }
  });

  test(`${pattern.name}'s kernel names nothing outside itself, so that gpu.js can compile its source`, () => {
    const compiled: unknown = new Function(`"use strict"; return (${pattern.kernel.toString()});`)();
    assert.ok(typeof compiled === "function");
    const { column, row, table } = pattern.tables(fc.sample(anyValues(pattern), 1)[0] ?? {}, { width: 3, height: 2 });
    assert.ok(Number.isInteger(compiled.call({ thread: { x: 0, y: 0 } }, [column(2)], [row(1)], table)));
  });
}

test("patternOf gives a spec's pattern and values", () => {
  const { pattern, values } = patternOf({ pattern: { solid: { color: "#123456" } } });
  assert.equal(pattern.name, "solid");
  assert.deepEqual(values, { color: "#123456" });
  assert.throws(() => patternOf({ pattern: { plaid: {} } }), /plaid.*solid/);
});
