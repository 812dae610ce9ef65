import type { Format } from "../format.ts";
import type { RenderSpec } from "../spec.ts";
import { bigTiff } from "./big-tiff.ts";
import { bmp24, bmp32 } from "./bmp.ts";
import { ppm } from "./ppm.ts";

/** Every file format, in the order that the API and the documentation show them. */
export const formats: readonly Format[] = [bmp24, bmp32, ppm, bigTiff];

/** @throws Error where the spec names a format that this version does not have */
export function formatOf({ format: name }: Pick<RenderSpec, "format">): Format {
  const format = formats.find((candidate) => candidate.name === name);
  if (!format) throw new Error(`The spec's format is ${name}; this version has ${formats.map((f) => f.name)}.`);
  return format;
}

/** The exact size of the spec's file in bytes. */
export function byteSizeOf(spec: RenderSpec): number {
  const format = formatOf(spec);
  return format.headerSize(spec) + format.stride(spec.width) * spec.height;
}
