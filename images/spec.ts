/** The checked description of one image; two equal specs are two equal files. */
export interface RenderSpec {
  width: number;
  height: number;
  /** One field: the pattern's name, with its parameters (defaults filled in). */
  pattern: { readonly [name: string]: PatternValues };
  format: ImageFormat;
  rowOrder: RowOrder;
  pixelsPerMetre: number;
}

export type ImageFormat = "BMP24" | "BMP32" | "PPM" | "BIGTIFF";

/** Which row of a BMP file comes first. */
export const rowOrders = ["BOTTOM_UP", "TOP_DOWN"] as const;
export type RowOrder = (typeof rowOrders)[number];

/** JSON values only: a spec travels through PostgreSQL and Temporal. */
export type PatternValues = { readonly [parameter: string]: number | boolean | string | readonly string[] };

/** One wrong field: the path from the spec to it, and a message that says the limit. */
export interface FieldIssue {
  path: string[];
  message: string;
}

/** An unchecked spec as the API's input gives it: right in its types, not yet in its values; null counts as absent. */
export interface RenderSpecInput {
  width: number;
  height: number;
  pattern: { readonly [name: string]: { readonly [parameter: string]: unknown } | null | undefined };
  format: ImageFormat;
  rowOrder: RowOrder;
  pixelsPerMetre: number;
}
