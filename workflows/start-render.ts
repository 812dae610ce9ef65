import { type WorkflowClient, WorkflowExecutionAlreadyStartedError } from "@temporalio/client";
import { CONTROL_QUEUE, RENDER_WORKFLOW_TYPE, type RenderImageInput, renderWorkflowId } from "./messages.ts";

/** What a render's workflow starts from. */
export type StartedFrom = Omit<RenderImageInput, "renderId" | "resumeWindowSeconds"> & { id: string; pattern: string };

/**
 * Starts a QUEUED render's workflow. Harmless to repeat: the workflow's id is the render's, and one that runs or has
 * run is left alone.
 * @throws what the Temporal client throws where Temporal is away
 */
export async function startRenderImage(
  client: WorkflowClient,
  render: StartedFrom,
  resumeWindowSeconds: number,
): Promise<void> {
  const { id, spec, pattern, byteSize, partSize, partCount } = render;
  const input: RenderImageInput = { renderId: id, spec, byteSize, partSize, partCount, resumeWindowSeconds };
  try {
    await client.start(RENDER_WORKFLOW_TYPE, {
      workflowId: renderWorkflowId(id),
      taskQueue: CONTROL_QUEUE,
      args: [input],
      workflowIdConflictPolicy: "USE_EXISTING",
      workflowIdReusePolicy: "REJECT_DUPLICATE",
      staticSummary: `${pattern} ${spec.width} × ${spec.height} ${spec.format}, ${partCount} parts`,
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
}
