import { renderWorkflowId } from "../../workflows/messages.ts";
import type { RenderView } from "../operations/view.ts";
import { builder } from "./builder.ts";

export const WorkflowRef = builder.objectRef<RenderView>("WorkflowRef").implement({
  description: "A workflow in Temporal.",
  fields: (t) => ({
    workflowId: t.string({
      description: "The same for all its runs.",
      resolve: ({ row }) => renderWorkflowId(row.id),
    }),
    runId: t.string({
      nullable: true,
      description: "The run that recorded the render's latest event; null while QUEUED.",
      resolve: ({ state }) => state.runId,
    }),
    url: t.field({
      type: "URL",
      nullable: true,
      description: "Its page in the Temporal UI, where one is configured.",
      resolve: ({ row }, _args, { workflows }) => workflows.url(row.id),
    }),
  }),
});
