import { type WorkflowClient, WorkflowNotFoundError } from "@temporalio/client";
import { renderWorkflowId } from "../workflows/messages.ts";

/**
 * How a render's workflow stands: `running`, `completed` where the render's object is made and checked, or `over`: it
 * ended in another way, or Temporal knows of none.
 */
export type WorkflowStanding = "running" | "completed" | "over";

export async function workflowStanding(client: WorkflowClient, renderId: string): Promise<WorkflowStanding> {
  const handle = client.getHandle(renderWorkflowId(renderId));
  try {
    const { status } = await handle.describe();
    if (status.name === "RUNNING" || status.name === "PAUSED") return "running";
    return status.name === "COMPLETED" && (await handle.result()) === "COMPLETED" ? "completed" : "over";
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return "over";
    throw error;
  }
}
