import { renderWorkflowId } from "../../workflows/messages.ts";
import { builder } from "./builder.ts";

export const WorkflowRef = builder.objectRef<{ renderId: string }>("WorkflowRef").implement({
  description: "A workflow in Temporal.",
  fields: (t) => ({
    workflowId: t.string({
      description: "The same for all its runs.",
      resolve: ({ renderId }) => renderWorkflowId(renderId),
    }),
    runId: t.string({
      nullable: true,
      description:
        "Its latest run, as Temporal answers now; null before it starts, when Temporal has forgotten it, and while Temporal cannot be asked.",
      extensions: { cost: 10 },
      resolve: ({ renderId }, _args, { workflows }) => workflows.runId(renderId),
    }),
    url: t.field({
      type: "URL",
      nullable: true,
      description: "Its page in the Temporal UI, where one is configured.",
      resolve: ({ renderId }, _args, { workflows }) => workflows.url(renderId),
    }),
  }),
});
