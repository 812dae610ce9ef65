import { checkPartSize, type PartPlan, planParts } from "../../images/plan.ts";
import type { FieldIssue, RenderSpec, RenderSpecInput } from "../../images/spec.ts";
import { checkSpec } from "../../images/validate.ts";

export type PatternParameters = RenderSpecInput["pattern"][string];

/** The pattern as GraphQL gives it: a `@oneOf` input, so exactly one field is there and not null. */
export type PatternChoice = { readonly [name: string]: PatternParameters | null | undefined };

export type SpecArguments = Omit<RenderSpecInput, "pattern"> & { pattern: PatternChoice };

/** The user error for a spec, or what goes with it, that is outside its limits. */
export interface InvalidSpec {
  __typename: "InvalidSpecError";
  message: string;
  issues: FieldIssue[];
}

export function invalidSpec(issues: FieldIssue[]): InvalidSpec {
  const fields = issues.map(({ path }) => path.join(".")).join(", ");
  return { __typename: "InvalidSpecError", message: `Nothing was stored: mend ${fields}.`, issues };
}

/** Checks everything at once, and plans the parts where all is well. */
export function planRender(
  input: { spec: SpecArguments; partSize?: number | null | undefined },
  maxRenderBytes: number,
): { spec: RenderSpec; plan: PartPlan } | { issues: FieldIssue[] } {
  const partSize = input.partSize ?? undefined;
  const partSizeIssue = partSize === undefined ? undefined : checkPartSize(partSize);
  const checked = checkSpec({ ...input.spec, pattern: chosen(input.spec.pattern) }, { maxRenderBytes });
  if ("issues" in checked || partSizeIssue) {
    return { issues: [...("issues" in checked ? checked.issues : []), ...(partSizeIssue ? [partSizeIssue] : [])] };
  }
  return { spec: checked.spec, plan: planParts(checked.byteSize, partSize) };
}

function chosen(choice: PatternChoice): RenderSpecInput["pattern"] {
  return Object.fromEntries(Object.entries(choice).flatMap(([name, values]) => (values ? [[name, values]] : [])));
}
