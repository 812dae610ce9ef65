import { formatOf } from "./formats/index.ts";
import type { RenderSpec } from "./spec.ts";

/** Where all renders' objects are in the bucket. */
export const OBJECT_PREFIX = "renders/";

const FORM = /^renders\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.\w+$/;

/** The key of a render's object in the bucket. */
export function objectKey(renderId: string, format: RenderSpec["format"]): string {
  return `${OBJECT_PREFIX}${renderId}.${formatOf({ format }).extension}`;
}

/** The id of the render whose object has that key, if it is the key of one. */
export function renderIdOf(key: string): string | undefined {
  return FORM.exec(key)?.[1];
}
