import path from "node:path";
import type { Pattern } from "../images/pattern.ts";
import type { RenderSpec } from "../images/spec.ts";
import { checkSpec } from "../images/validate.ts";

/** The checked spec of a pattern's picture in docs/patterns.md. @throws Error where its example is wrong */
export function exampleSpec({ name, example }: Pattern): RenderSpec {
  const check = checkSpec(
    {
      width: 256,
      height: 144,
      pattern: { [name]: example },
      format: "PPM",
      rowOrder: "TOP_DOWN",
      pixelsPerMetre: 0,
    },
    { maxRenderBytes: 2 ** 20 },
  );
  if ("spec" in check) return check.spec;
  throw new Error(`The example of ${name}: ${check.issues.map(({ message }) => message).join(" ")}`);
}

/** Where that picture lies. */
export function picturePath({ name }: Pattern): string {
  return path.join(import.meta.dirname, "..", "docs", "patterns", `${name}.png`);
}
