/**
 * A pattern is one file: its parameters (names, types, ranges, descriptions) and its kernel.
 * The GraphQL input with its descriptions, the validation and the GPU kernel all come from it.
 */

/** Image size in pixels, each 1 … 1,048,576. */
export interface Size {
  width: number;
  height: number;
}

interface Described {
  description: string;
}

/** One parameter of a pattern, as the API shows it and the validation checks it. */
export type Parameter =
  | (Described & { type: "Int"; minimum: number; maximum: number; default?: number; optional?: true })
  | (Described & { type: "Boolean"; default: boolean })
  | (Described & { type: "HexColor"; default?: string })
  | (Described & { type: "[HexColor!]"; minimum: number; maximum: number; default: readonly string[] })
  | (Described & { type: "Direction"; default: Direction })
  | (Described & { type: "Axis"; default: Axis });

export type Parameters = Readonly<Record<string, Parameter>>;

type ValueOf<P extends Parameter> = P extends { type: "Int"; optional: true }
  ? number | undefined
  : P["type"] extends "Int"
    ? number
    : P["type"] extends "Boolean"
      ? boolean
      : P["type"] extends "[HexColor!]"
        ? readonly string[]
        : P["type"] extends "Direction"
          ? Direction
          : P["type"] extends "Axis"
            ? Axis
            : string;

/** The checked parameters of one image; a colour is "#RRGGBB". */
type Values<P extends Parameters> = { readonly [K in keyof P]: ValueOf<P[K]> };

/** What a parameter of type Direction can be: where something leads, seen on the screen. */
export const directions = ["RIGHT", "DOWN", "LEFT", "UP"] as const;
export type Direction = (typeof directions)[number];

/** What a parameter of type Axis can be: how lines or bars stand. */
export const axes = ["VERTICAL", "HORIZONTAL"] as const;
export type Axis = (typeof axes)[number];

/**
 * What the host computes exactly for the kernel: one number a column, one number a row, and a table.
 * Every number is an integer of magnitude at most 2^24, because a kernel calculates in 32-bit floats.
 */
interface Tables {
  /** The kernel's `columns` entry for pixel column x (0 … width − 1). */
  column(x: number): number;
  /** The kernel's `rows` entry for pixel row y (0 … height − 1, counted from the top). */
  row(y: number): number;
  /** The kernel's `table`; at least one entry, the same for the whole image. */
  table: readonly number[];
}

/** What `this` is inside a kernel: gpu.js's thread index (column and row of the band). */
export interface KernelThread {
  thread: { x: number; y: number };
}

/**
 * The colour of one pixel as 0xRRGGBB (0 … 16,777,215), from `columns[this.thread.x]`, `rows[this.thread.y]` and
 * `table`. The columns of one run are consecutive, as are the rows (from the top or from the bottom). Rows of the same
 * entry are the same pixels: they may be copied instead of computed. gpu.js compiles the function's own source, so it
 * names nothing outside itself, and no intermediate may exceed 2^24.
 */
export type Kernel = (this: KernelThread, columns: number[], rows: number[], table: number[]) => number;

export interface Pattern<P extends Parameters = Parameters> {
  /** The field name in PatternInput, e.g. "allRgb". */
  name: string;
  title: string;
  description: string;
  parameters: P;
  /** What shows the pattern well in a picture of 256 × 144 pixels; a parameter with a default may be left out. */
  example: Partial<Values<P>>;
  /** The kernel's input for one image. */
  tables(values: Values<P>, size: Size): Tables;
  kernel: Kernel;
}

/** Checks a pattern's definition and infers the types of its parameters for its own `tables`. */
export function definePattern<const P extends Parameters>(pattern: Pattern<P>): Pattern<P> {
  return pattern;
}
