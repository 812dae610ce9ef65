import type { PatternValues, RenderSpec } from "../images/spec.ts";
import { ReferenceCheck } from "./check.ts";

export function image(name: string, values: PatternValues, change: Partial<RenderSpec> = {}): RenderSpec {
  const pattern = { [name]: values };
  return { width: 3, height: 2, pattern, format: "BMP24", rowOrder: "BOTTOM_UP", pixelsPerMetre: 2835, ...change };
}

/** What a ReferenceCheck of the spec says of the bytes, which come in pieces of such a length. */
export function checkInPieces(bytes: Uint8Array, piece: number, spec: RenderSpec) {
  const result = new ReferenceCheck(spec);
  for (let at = 0; at < bytes.length; at += piece) result.push(bytes.subarray(at, at + piece));
  return result.end();
}
