import type { EntityManager } from "@mikro-orm/postgresql";
import { heartbeat } from "@temporalio/activity";
import { type WorkflowClient, WorkflowNotFoundError } from "@temporalio/client";
import { applyEvent } from "../database/apply-event.ts";
import type { Render } from "../database/render.ts";
import { activeRenders, findActiveRender } from "../database/renders.ts";
import type { RenderState } from "../database/state.ts";
import { objectKey } from "../images/plan.ts";
import type { Storage } from "../storage/storage.ts";
import { renderWorkflowId } from "../workflows/messages.ts";
import { startRenderImage } from "../workflows/start-render.ts";
import { abortUpload } from "./abort-upload.ts";

/** A render this young is still being started by the API, or has just been. */
const graceMs = 10_000;

/** What a sweep looks at and mends. */
export interface JanitorTools {
  em: EntityManager;
  client: WorkflowClient;
  storage: Storage;
  /** For the workflows that are started late. */
  resumeWindowSeconds: number;
}

/**
 * Finds the renders that no workflow takes care of. One that the API wrote but could not start is started; one whose
 * workflow ended without recording an end (terminated by hand, or lost with Temporal's database) is failed, with
 * nothing left in S3.
 */
export async function startLostRenders(tools: JanitorTools): Promise<void> {
  const { em, client, resumeWindowSeconds } = tools;
  for await (const render of activeRenders(em, new Date(Date.now() - graceMs))) {
    heartbeat();
    if (await isWorkflowRunning(client, render.id)) continue;
    if (render.sequence === 1) await startRenderImage(client, render, resumeWindowSeconds);
    if (!(await isWorkflowRunning(client, render.id))) await recordLoss(tools, render.id);
  }
}

/** Whether a workflow takes care of the render. */
export async function isWorkflowRunning(client: WorkflowClient, renderId: string): Promise<boolean> {
  try {
    const { status } = await client.getHandle(renderWorkflowId(renderId)).describe();
    return status.name === "RUNNING" || status.name === "PAUSED";
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** A workflow records its render's end before it ends itself, so the row as it is now, after that, is the last word. */
async function recordLoss({ em, storage }: JanitorTools, renderId: string): Promise<void> {
  const render = await findActiveRender(em, renderId);
  if (render === null) return;
  await abortUpload(storage, { key: objectKey(render.id, render.spec.format), discardObject: true });
  const at = new Date().toISOString();
  const sequence = render.sequence + 1;
  await applyEvent(em.fork(), { renderId, sequence, at, kind: "STATUS", state: lostState(render, at) });
}

function lostState({ state, partCount }: Render, finishedAt: string): RenderState {
  const nothingStored: RenderState = {
    ...state,
    partsDone: 0,
    bytesUploaded: 0,
    parts: [{ from: 1, to: partCount, state: "WAITING" }],
    finishedAt,
  };
  if (state.status === "CANCELING") return { ...nothingStored, status: "CANCELED" };
  const message = "The render's workflow was ended from outside, or Temporal has lost it. Start the render again.";
  return { ...nothingStored, status: "FAILED", failure: { code: "WorkflowLost", message } };
}
