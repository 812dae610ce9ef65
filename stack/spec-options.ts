import path from "node:path";
import type { ParseArgsOptionsConfig } from "node:util";
import { formats } from "../images/formats/index.ts";
import { patterns } from "../images/patterns/index.ts";
import { type RenderSpecInput, rowOrders } from "../images/spec.ts";
import { StackError } from "./stack-error.ts";

/** The options that describe an image, for `parseArgs`. */
export const specOptions = {
  width: { type: "string" },
  height: { type: "string" },
  params: { type: "string" },
  format: { type: "string" },
  "row-order": { type: "string" },
  "pixels-per-metre": { type: "string" },
} as const satisfies ParseArgsOptionsConfig;

/** What `--format` may be. */
export const formatNames = formats.map(({ name }) => name);

type SpecValues = { readonly [name in keyof typeof specOptions]?: string | undefined };

/**
 * The unchecked spec that the options give for a pattern. Where no format is named, the file's extension names it.
 * @throws StackError where an option is missing or cannot be read
 */
export function readSpecOptions(pattern: string, file: string, values: SpecValues): RenderSpecInput {
  const { width, height, params, format, "row-order": rowOrder, "pixels-per-metre": pixelsPerMetre } = values;
  return {
    width: readInteger("--width", required("--width", width)),
    height: readInteger("--height", required("--height", height)),
    pattern: { [known(pattern)]: readParameters(params ?? "{}") },
    format: format === undefined ? formatOfFile(file) : readChoice("--format", format, formatNames),
    rowOrder: readChoice("--row-order", rowOrder ?? "BOTTOM_UP", rowOrders),
    pixelsPerMetre: readInteger("--pixels-per-metre", pixelsPerMetre ?? "2835"),
  };
}

const project = path.resolve(import.meta.dirname, "..");

/**
 * The file that `--out` means to whoever typed it: npm runs its scripts in the project's folder, wherever it was called,
 * and says in INIT_CWD where that was.
 * @throws StackError where it is standard output, which cannot be written at several places
 */
export function fileAsTyped(file: string): string {
  if (file === "-") throw new StackError("The image cannot go to standard output; name a file.");
  const { INIT_CWD: typedIn = project } = process.env;
  const wasMoved = process.cwd() === project && typedIn !== project;
  return wasMoved && !path.isAbsolute(file) ? `${typedIn}/${file}` : file;
}

function known(pattern: string): string {
  const names = patterns.map(({ name }) => name);
  if (names.includes(pattern)) return pattern;
  throw new StackError(`There is no pattern ${pattern}; there are ${names.join(", ")}.`);
}

function required(option: string, text: string | undefined): string {
  if (text === undefined) throw new StackError(`${option} is missing; give it in pixels, e.g. ${option} 1080.`);
  return text;
}

/** @throws StackError where the text of the option is no whole number from 0 */
export function readInteger(option: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new StackError(`${option} is ${text || "empty"}; it must be a whole number.`);
}

function readChoice<const C extends string>(option: string, text: string, choices: readonly C[]): C {
  const choice = choices.find((candidate) => candidate === text.toUpperCase());
  if (choice) return choice;
  throw new StackError(`${option} is ${text || "empty"}; it must be one of ${choices.join(", ")}.`);
}

function formatOfFile(file: string): RenderSpecInput["format"] {
  const extension = path.extname(file).slice(1).toLowerCase().replace("tiff", "tif");
  const format = formats.find((candidate) => candidate.extension === extension);
  if (format) return format.name;
  const extensions = [...new Set(formats.map((candidate) => `.${candidate.extension}`))].join(", ");
  throw new StackError(`Which format is ${file} to have? Give it --format, or end its name in one of ${extensions}.`);
}

function readParameters(text: string): { readonly [parameter: string]: unknown } {
  try {
    const parameters: unknown = JSON.parse(text);
    if (typeof parameters === "object" && parameters !== null && !Array.isArray(parameters)) return { ...parameters };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new StackError(`--params is ${text || "empty"}; it must be a JSON object, e.g. '{"color":"#FF0000"}'.`);
}
