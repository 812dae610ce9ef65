import { type WorkflowClient, WorkflowNotFoundError } from "@temporalio/client";
import { renderWorkflowId } from "../workflows/messages.ts";

/**
 * How a render's workflow stands: `running`, `completed` where the render's object is made and checked, `over` where it
 * ended in another way, or `unknown` where Temporal has none: it ended longer ago than the namespace's retention, was
 * lost, or was never started.
 */
export type WorkflowStanding = "running" | "completed" | "over" | "unknown";

export async function workflowStanding(client: WorkflowClient, renderId: string): Promise<WorkflowStanding> {
  const handle = client.getHandle(renderWorkflowId(renderId));
  try {
    const { status } = await handle.describe();
    if (status.name === "RUNNING" || status.name === "PAUSED") return "running";
    return status.name === "COMPLETED" && (await handle.result()) === "COMPLETED" ? "completed" : "over";
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return "unknown";
    throw error;
  }
}
