import { renderAction } from "../operations/render-action.ts";
import { builder } from "./builder.ts";
import { Render } from "./render.ts";
import { InvalidStateError, RenderNotFoundError } from "./user-errors.ts";

const RenderActionResult = builder.unionType("RenderActionResult", {
  description: "The render as it is after the action, or why nothing changed.",
  types: [Render, RenderNotFoundError, InvalidStateError],
});

const actions = {
  pauseRender: "Pauses a QUEUED or RUNNING render: parts in flight or queued for a GPU worker finish, no others start.",
  resumeRender: "Goes on with a PAUSED render.",
  cancelRender: "Cancels an active render: CANCELING at once, CANCELED when S3 has nothing left of it.",
  retryRender: "Goes on with a FAILED render until its resumableUntil: only the missing parts are rendered again.",
} as const;

for (const [action, description] of Object.entries(actions) as [keyof typeof actions, string][]) {
  builder.mutationField(action, (t) =>
    t.field({
      type: RenderActionResult,
      description,
      args: { id: t.arg.id({ required: true, description: "The render's id." }) },
      resolve: (_root, { id }, context) => renderAction(id, action, context),
    }),
  );
}
