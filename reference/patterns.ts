import type { PatternValues, RenderSpec } from "../images/spec.ts";

/**
 * What the pixels of an image must be, written from the definitions in docs/patterns.md alone and sharing no code with
 * the renderer: one pixel after the other in whole numbers. Every intermediate is below 2^53, so that plain numbers are
 * exact.
 */

/** The pixels of one row: 0xRRGGBB by x. */
type Row = (x: number) => number;

/** Rows by y, counted from the top. */
type Rows = (y: number) => Row;

const floorDiv = (a: number, b: number) => Math.floor(a / b);

/**
 * A pixel's colour as 0xRRGGBB, x and y counted from the top left.
 * @throws where the pattern is unknown or lacks a parameter
 */
export function referencePixel(spec: RenderSpec, x: number, y: number): number {
  return rowsOf(spec)(y)(x);
}

const knownRows = new WeakMap<RenderSpec, Rows>();

/** An image's rows; made once a spec, because some patterns prepare a table as wide as the image. */
export function rowsOf(spec: RenderSpec): Rows {
  const rows = knownRows.get(spec) ?? createRows(spec);
  knownRows.set(spec, rows);
  return rows;
}

function createRows(spec: RenderSpec): Rows {
  const [name, values] = Object.entries(spec.pattern)[0] ?? [];
  const pattern = name === undefined ? undefined : patterns[name];
  if (pattern === undefined || values === undefined) throw new Error(`the reference knows no pattern ${name}`);
  return pattern(new Reader(values), spec.width, spec.height);
}

/** A pattern's parameters, each of the type that its definition gives it. */
class Reader {
  readonly #values: PatternValues;

  constructor(values: PatternValues) {
    this.#values = values;
  }

  int(name: string): number {
    const value = this.#values[name];
    if (typeof value !== "number") throw new Error(`parameter ${name} is no number`);
    return value;
  }

  optionalInt(name: string): number | undefined {
    return this.#values[name] === undefined || this.#values[name] === null ? undefined : this.int(name);
  }

  text(name: string): string {
    const value = this.#values[name];
    if (typeof value !== "string") throw new Error(`parameter ${name} is no text`);
    return value;
  }

  color(name: string): number {
    return parseColor(this.text(name));
  }

  colors(name: string): number[] {
    const value = this.#values[name];
    if (!Array.isArray(value)) throw new Error(`parameter ${name} is no list`);
    return value.map(parseColor);
  }

  flag(name: string): boolean {
    return this.#values[name] === true;
  }
}

function parseColor(text: string): number {
  if (!/^#[0-9A-Fa-f]{6}$/.test(text)) throw new Error(`${text} is no colour`);
  return Number.parseInt(text.slice(1), 16);
}

const patterns: Readonly<Record<string, (values: Reader, width: number, height: number) => Rows>> = {
  solid(values) {
    const color = values.color("color");
    return () => () => color;
  },

  gradient(values, width, height) {
    const from = values.color("from");
    const to = values.color("to");
    const steps = values.optionalInt("steps");
    const shade = (t: number, n: number) =>
      steps === undefined ? mix(from, to, t, n) : mix(from, to, floorDiv(t * steps, n), steps);
    const direction = values.text("direction");
    if (direction === "RIGHT") return alongX(width, (x) => shade(x, width));
    if (direction === "LEFT") return alongX(width, (x) => shade(width - 1 - x, width));
    if (direction === "DOWN") return alongY((y) => shade(y, height));
    return alongY((y) => shade(height - 1 - y, height));
  },

  checkerboard(values) {
    const cellWidth = values.int("cellWidth");
    const cellHeight = values.int("cellHeight");
    const even = values.color("even");
    const odd = values.color("odd");
    return (y) => {
      const cellRow = floorDiv(y, cellHeight);
      return (x) => ((floorDiv(x, cellWidth) + cellRow) % 2 === 0 ? even : odd);
    };
  },

  stripes(values, width) {
    const onWidth = values.int("onWidth");
    const offWidth = values.int("offWidth");
    const on = values.color("on");
    const off = values.color("off");
    const stripe = (t: number) => (t % (onWidth + offWidth) < onWidth ? on : off);
    return values.text("axis") === "VERTICAL" ? alongX(width, stripe) : alongY(stripe);
  },

  colorBars(values, width, height) {
    const colors = values.colors("colors");
    const bar = (t: number, n: number) => colors[floorDiv(t * colors.length, n)] ?? 0;
    return values.text("axis") === "VERTICAL" ? alongX(width, (x) => bar(x, width)) : alongY((y) => bar(y, height));
  },

  grid(values) {
    const spacingX = values.int("spacingX");
    const spacingY = values.int("spacingY");
    const thickness = values.int("thickness");
    const line = values.color("line");
    const background = values.color("background");
    return (y) => {
      if (y % spacingY < thickness) return () => line;
      return (x) => (x % spacingX < thickness ? line : background);
    };
  },

  border(values, width, height) {
    const thickness = values.int("thickness");
    const line = values.color("line");
    const background = values.color("background");
    return (y) => {
      if (Math.min(y, height - 1 - y) < thickness) return () => line;
      return (x) => (Math.min(x, width - 1 - x) < thickness ? line : background);
    };
  },

  zonePlate(values, width, height) {
    const period = values.int("period");
    const dark = values.color("dark");
    const light = values.color("light");
    const levels = Array.from({ length: 256 }, (_, i) =>
      Math.floor((255 * (1 - Math.cos((2 * Math.PI * i) / 256))) / 2 + 0.5),
    );
    const colors = Int32Array.from({ length: period }, (_, p) =>
      mix(dark, light, levels[floorDiv(p * 256, period)] ?? 0, 256),
    );
    const squares = onceAColumn(width, (x) => (2 * x - width + 1) ** 2 % period);
    return (y) => {
      const square = (2 * y - height + 1) ** 2 % period;
      return (x) => colors[(square + squares(x)) % period] ?? 0;
    };
  },

  noise(values, width) {
    const keys = noiseKeys(values.int("seed"));
    const monochrome = values.flag("monochrome");
    const [columnKeys, rowKeys] = [keys.slice(0, 3), keys.slice(3, 6)];
    const columns = onceAColumn(width, (x) => permuteNoise(x, columnKeys));
    return (y) => {
      const row = permuteNoise(y, rowKeys);
      return (x) => noiseColor(columns(x), row, monochrome);
    };
  },

  allRgb(values, width) {
    const offset = values.int("offset");
    return (y) => {
      const base = (offset + y * width) % 2 ** 24;
      return (x) => (base + x) % 2 ** 24;
    };
  },
};

/** A pattern whose rows are all the same. */
function alongX(width: number, color: Row): Rows {
  const row = onceAColumn(width, color);
  return () => row;
}

/** Calculates a column's number, which is not negative, the first time that it is asked for. */
function onceAColumn(width: number, calculate: (x: number) => number): Row {
  const known = new Int32Array(width).fill(-1);
  return (x) => {
    if (known[x] === -1) known[x] = calculate(x);
    return known[x] ?? 0;
  };
}

/** A pattern whose pixels are the same along each row. */
function alongY(color: (y: number) => number): Rows {
  return (y) => {
    const rowColor = color(y);
    return () => rowColor;
  };
}

/** The contract's mix, channel by channel. */
function mix(a: number, b: number, t: number, n: number): number {
  if (n === 1) return a;
  const channel = (shift: number) =>
    floorDiv(((a >> shift) & 255) * (n - 1 - t) + ((b >> shift) & 255) * t, n - 1) << shift;
  return channel(16) | channel(8) | channel(0);
}

/** docs/patterns.md, noise, step 1. */
function noiseKeys(seed: number): number[] {
  const low32 = (n: bigint) => BigInt.asUintN(32, n);
  return [1n, 2n, 3n, 4n, 5n, 6n].map((i) => {
    let n = low32(BigInt(seed) + i * 0x9e3779b9n);
    n = low32((n ^ (n >> 16n)) * 0x7feb352dn);
    n = low32((n ^ (n >> 15n)) * 0x846ca68bn);
    return Number(BigInt.asUintN(24, n ^ (n >> 16n)));
  });
}

/** Step 2: of a column or a row. */
function permuteNoise(position: number, keys: readonly number[]): number {
  let n = position;
  for (const key of keys) {
    n = (n + key) % 2 ** 24;
    n = ((n ^ (n >> 12)) * 0xb352d5) % 2 ** 24;
  }
  return n ^ (n >> 12);
}

/** Step 3. */
function noiseColor(column: number, row: number, monochrome: boolean): number {
  const round = (value: number, key: number) => floorDiv((value + key - 4096) ** 2, 64);
  const [c1, c0] = [column >> 12, column & 4095];
  const [r1, r0] = [row >> 12, row & 4095];
  let p = c1;
  let q = c0;
  p = (p + round(q, r1)) % 4096;
  q = (q + round(p, r0)) % 4096;
  p = (p + round(q, r1)) % 4096;
  q = (q + round(p, r0)) % 4096;
  p = (p + c0 + round(q, r1)) % 4096;
  q = (q + c1 + round(p, r0)) % 4096;
  return monochrome ? (p >> 4) * 0x010101 : p * 4096 + q;
}
