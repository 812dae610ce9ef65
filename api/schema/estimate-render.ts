import type { PartPlan } from "../../images/plan.ts";
import { planRender } from "../../images/plan-render.ts";
import { invalidSpec } from "../operations/user-errors.ts";
import { builder } from "./builder.ts";
import { RenderSpecInput } from "./render-spec-input.ts";
import { InvalidSpecError } from "./user-errors.ts";

const RenderEstimate = builder.objectRef<PartPlan & { __typename: "RenderEstimate" }>("RenderEstimate").implement({
  description: "What a render would be, exactly.",
  fields: (t) => ({
    byteSize: t.expose("byteSize", { type: "SafeInt", description: "The file's size in bytes." }),
    partSize: t.expose("partSize", { type: "SafeInt", description: "Bytes in each part; the last may be smaller." }),
    partCount: t.exposeInt("partCount", { description: "Parts of the file." }),
  }),
});

const EstimateResult = builder.unionType("EstimateResult", {
  description: "The estimate, or what is wrong with the spec.",
  types: [RenderEstimate, InvalidSpecError],
});

builder.queryField("estimateRender", (t) =>
  t.field({
    type: EstimateResult,
    description: "The size and the parts of a render, without making it.",
    args: {
      spec: t.arg({ type: RenderSpecInput, required: true, description: "The image." }),
      partSize: t.arg({ type: "SafeInt", description: "Bytes in each part, as in StartRenderInput." }),
    },
    resolve: (_root, args, { settings }) => {
      const planned = planRender(args, settings.MAX_RENDER_BYTES);
      if ("issues" in planned) return invalidSpec(planned.issues);
      return { __typename: "RenderEstimate" as const, ...planned.plan };
    },
  }),
);
