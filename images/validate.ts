import { byteSizeOf, formatOf, formats } from "./formats/index.ts";
import { axes, directions, type Parameter, type Pattern } from "./pattern.ts";
import { patterns } from "./patterns/index.ts";
import { type FieldIssue, type PatternValues, type RenderSpec, type RenderSpecInput, rowOrders } from "./spec.ts";

/** A checked spec with the size of its file, or what is wrong with it: one issue a field. */
export type SpecCheck = { spec: RenderSpec; byteSize: number } | { issues: FieldIssue[] };

type Value = PatternValues[string];
type Report = (path: string[], message: string) => void;

const FORMATS = formats.map((format) => format.name);
const SIZE = { minimum: 1, maximum: 2 ** 20 };
const PIXELS_PER_METRE = { minimum: 0, maximum: 2 ** 31 - 1 };
const HEX_COLOR = /^#[0-9a-f]{6}$/i;

/**
 * Checks every field of a spec at once and fills in the patterns' defaults.
 * A file that is too large is an issue of `format` where the format cannot describe it, and of the longer
 * of `width` and `height` where it is above `maxRenderBytes`.
 */
export function checkSpec(input: RenderSpecInput, { maxRenderBytes }: { maxRenderBytes: number }): SpecCheck {
  const issues: FieldIssue[] = [];
  const report: Report = (path, message) => issues.push({ path, message });

  checkInteger(input.width, SIZE, ["width"], report);
  checkInteger(input.height, SIZE, ["height"], report);
  const pattern = checkPattern(input.pattern, report);
  checkChoice(input.format, FORMATS, ["format"], report);
  checkChoice(input.rowOrder, rowOrders, ["rowOrder"], report);
  const pixelsPerMetre = checkInteger(input.pixelsPerMetre, PIXELS_PER_METRE, ["pixelsPerMetre"], report) ?? 0;

  const { width, height, format, rowOrder } = input;
  const spec: RenderSpec = { width, height, pattern, format, rowOrder, pixelsPerMetre };
  const sized = !issues.some(({ path: [field] }) => field === "width" || field === "height" || field === "format");
  const byteSize = sized ? checkByteSize(spec, maxRenderBytes, report) : Number.NaN;
  return issues.length > 0 ? { issues } : { spec, byteSize };
}

function checkByteSize(spec: RenderSpec, maxRenderBytes: number, report: Report): number {
  const byteSize = byteSizeOf(spec);
  const file = `A ${spec.format} of ${spec.width} × ${spec.height} pixels has ${byteSize} bytes`;
  if (byteSize > maxRenderBytes) {
    const longer = spec.height > spec.width ? "height" : "width";
    report([longer], `${file}; a render may have at most ${maxRenderBytes} here. Make the image smaller.`);
  }
  const limit = formatOf(spec).maxByteSize;
  if (limit !== undefined && byteSize > limit) {
    const larger = formats.filter((format) => format.maxByteSize === undefined).map((format) => format.name);
    report(["format"], `${file}; this format ends at ${limit}. Choose ${larger.join(" or ")}, or a smaller image.`);
  }
  return byteSize;
}

function checkPattern(input: RenderSpecInput["pattern"], report: Report): RenderSpec["pattern"] {
  const given = Object.entries(input).flatMap(([name, values]) => (values ? [{ name, values }] : []));
  const [only] = given;
  const pattern = patterns.find(({ name }) => name === only?.name);
  if (only && pattern && given.length === 1) return { [pattern.name]: checkParameters(only.values, pattern, report) };
  const names = given.map(({ name }) => name).join(", ") || "nothing";
  report(["pattern"], `pattern has ${names}; it must have exactly one of ${patterns.map((p) => p.name).join(", ")}.`);
  return {};
}

function checkParameters(
  values: { readonly [parameter: string]: unknown },
  { name, parameters }: Pattern,
  report: Report,
): PatternValues {
  for (const unknown of Object.keys(values).filter((field) => !Object.hasOwn(parameters, field))) {
    const known = Object.keys(parameters).join(", ");
    report(["pattern", name, unknown], `${unknown} is not a parameter of ${name}; it has ${known}.`);
  }
  const checked: Record<string, Value> = {};
  for (const [field, parameter] of Object.entries(parameters)) {
    const value = checkParameter(values[field], parameter, ["pattern", name, field], report);
    if (value !== undefined) checked[field] = value;
  }
  return checked;
}

function checkParameter(given: unknown, parameter: Parameter, path: string[], report: Report): Value | undefined {
  const value = given ?? parameter.default;
  if (value === undefined) {
    if (!("optional" in parameter)) report(path, `${path.at(-1)} is missing; it must be given.`);
    return undefined;
  }
  switch (parameter.type) {
    case "Int":
      return checkInteger(value, parameter, path, report);
    case "Boolean":
      if (typeof value === "boolean") return value;
      report(path, `${path.at(-1)} is ${show(value)}; it must be true or false.`);
      return undefined;
    case "HexColor":
      return checkColor(value, path, report);
    case "[HexColor!]":
      return checkColors(value, parameter, path, report);
    case "Direction":
      return checkChoice(value, directions, path, report);
    case "Axis":
      return checkChoice(value, axes, path, report);
  }
}

function checkInteger(
  value: unknown,
  { minimum, maximum }: { minimum: number; maximum: number },
  path: string[],
  report: Report,
): number | undefined {
  if (typeof value === "number" && Number.isInteger(value) && value >= minimum && value <= maximum) return value + 0; // -0 is 0
  report(path, `${path.at(-1)} is ${show(value)}; it must be a whole number from ${minimum} to ${maximum}.`);
  return undefined;
}

function isHexColor(value: unknown): value is string {
  return typeof value === "string" && HEX_COLOR.test(value);
}

function checkColor(value: unknown, path: string[], report: Report): string | undefined {
  if (isHexColor(value)) return value.toUpperCase();
  report(path, `${path.at(-1)} is ${show(value)}; it must be a colour as #RRGGBB, six hexadecimal digits after #.`);
  return undefined;
}

function checkColors(
  value: unknown,
  { minimum, maximum }: { minimum: number; maximum: number },
  path: string[],
  report: Report,
): readonly string[] | undefined {
  const name = path.at(-1);
  if (!Array.isArray(value)) {
    report(path, `${name} is ${show(value)}; it must be a list of ${minimum} to ${maximum} colours.`);
    return undefined;
  }
  if (value.length < minimum || value.length > maximum) {
    report(path, `${name} has ${value.length} colours; it must have ${minimum} to ${maximum}.`);
    return undefined;
  }
  const colors: unknown[] = Array.from(value); // without holes
  const wrong = colors.flatMap((color, index) => (isHexColor(color) ? [] : [`number ${index + 1} is ${show(color)}`]));
  if (wrong.length === 0) return colors.map((color) => String(color).toUpperCase());
  report(path, `${name} must be colours as #RRGGBB, six hexadecimal digits after #; ${wrong.join(", ")}.`);
  return undefined;
}

function checkChoice(value: unknown, choices: readonly string[], path: string[], report: Report): string | undefined {
  if (typeof value === "string" && choices.includes(value)) return value;
  report(path, `${path.at(-1)} is ${show(value)}; it must be one of ${choices.join(", ")}.`);
  return undefined;
}

function show(value: unknown): string {
  const text = (typeof value === "number" ? `${value}` : JSON.stringify(value)) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
