import { checkPartSize, type PartPlan, planParts } from "./plan.ts";
import type { FieldIssue, RenderSpec, RenderSpecInput } from "./spec.ts";
import { checkSpec } from "./validate.ts";

/** Checks everything at once, and plans the parts where all is well. */
export function planRender(
  input: { spec: RenderSpecInput; partSize?: number | null | undefined },
  maxRenderBytes: number,
): { spec: RenderSpec; plan: PartPlan } | { issues: FieldIssue[] } {
  const partSize = input.partSize ?? undefined;
  const partSizeIssue = partSize === undefined ? undefined : checkPartSize(partSize);
  const checked = checkSpec(input.spec, { maxRenderBytes });
  if ("issues" in checked || partSizeIssue) {
    return { issues: [...("issues" in checked ? checked.issues : []), ...(partSizeIssue ? [partSizeIssue] : [])] };
  }
  return { spec: checked.spec, plan: planParts(checked.byteSize, partSize) };
}
