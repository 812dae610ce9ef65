import { checkPartSize, type PartPlan, planParts } from "../../images/plan.ts";
import type { FieldIssue, RenderSpec, RenderSpecInput } from "../../images/spec.ts";
import { checkSpec } from "../../images/validate.ts";

/** The user error for a spec, or what goes with it, that is outside its limits. */
export interface InvalidSpec {
  __typename: "InvalidSpecError";
  message: string;
  issues: FieldIssue[];
}

export function invalidSpec(issues: FieldIssue[]): InvalidSpec {
  const fields = issues.map(({ path }) => path.join(".")).join(", ");
  return { __typename: "InvalidSpecError", message: `The spec is outside its limits: mend ${fields}.`, issues };
}

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
