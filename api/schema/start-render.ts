import { type StartRenderArguments, startRender } from "../operations/start-render.ts";
import { builder } from "./builder.ts";
import { Render } from "./render.ts";
import { RenderSpecInput } from "./render-spec-input.ts";
import { IdempotencyConflictError, InvalidSpecError, QuotaExceededError } from "./user-errors.ts";

const StartRenderInput = builder.inputRef<StartRenderArguments>("StartRenderInput").implement({
  description: "What to render, and how to go about it.",
  fields: (t) => ({
    spec: t.field({ type: RenderSpecInput, required: true, description: "The image." }),
    name: t.string({
      description: "For people: shown in lists and used as the download's file name; at most 200 characters.",
    }),
    idempotencyKey: t.string({
      description:
        "1 to 200 characters. The same viewer and key are the same render, however often and from wherever it is sent.",
    }),
    partSize: t.field({
      type: "SafeInt",
      description:
        "Bytes in each part, 5,242,880 (5 MiB) to 1,073,741,824 (1 GiB), by default 16 MiB; raised to the next whole MiB where the file would need more than 10,000 parts.",
    }),
  }),
});

const StartRenderResult = builder.unionType("StartRenderResult", {
  description: "The render, or why there is none.",
  types: [Render, InvalidSpecError, QuotaExceededError, IdempotencyConflictError],
});

builder.mutationField("startRender", (t) =>
  t.field({
    type: StartRenderResult,
    description: "Stores a render and starts it. It is QUEUED at once and survives whatever happens next.",
    args: { input: t.arg({ type: StartRenderInput, required: true, description: "What to render." }) },
    resolve: (_root, { input }, context) => startRender(input, context),
  }),
);
