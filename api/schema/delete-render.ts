import { type DeletedRender as DeletedRenderShape, deleteRender } from "../operations/delete-render.ts";
import { builder } from "./builder.ts";
import { InvalidStateError, RenderNotFoundError } from "./user-errors.ts";

const DeletedRender = builder.objectRef<DeletedRenderShape>("DeletedRender").implement({
  description: "A render that is no more.",
  fields: (t) => ({ id: t.exposeID("id", { description: "The id that it had." }) }),
});

const DeleteRenderResult = builder.unionType("DeleteRenderResult", {
  description: "What was deleted, or why nothing was.",
  types: [DeletedRender, RenderNotFoundError, InvalidStateError],
});

builder.mutationField("deleteRender", (t) =>
  t.field({
    type: DeleteRenderResult,
    description: "Removes a COMPLETED, FAILED or CANCELED render with its object in S3 and its events.",
    args: { id: t.arg.id({ required: true, description: "The render's id." }) },
    resolve: (_root, { id }, context) => deleteRender(id, context),
  }),
);
