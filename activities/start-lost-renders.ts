import type { EntityManager } from "@mikro-orm/postgresql";
import { heartbeat } from "@temporalio/activity";
import type { WorkflowClient } from "@temporalio/client";
import { WorkflowNotFoundError } from "@temporalio/client";
import { applyEvent } from "../database/apply-event.ts";
import { activeStatuses, Render } from "../database/render.ts";
import { lostRenders } from "../database/renders.ts";
import type { RenderState } from "../database/state.ts";
import { objectKey } from "../images/plan.ts";
import type { Storage } from "../storage/storage.ts";
import { renderWorkflowId } from "../workflows/messages.ts";
import { startRenderImage } from "../workflows/start-render.ts";
import { abortUpload } from "./abort-upload.ts";

/** A render this young is still being started by the API, or has just been. */
const graceMs = 10_000;
const pageSize = 200;

/** What a sweep looks at and mends. */
export interface JanitorTools {
  em: EntityManager;
  client: WorkflowClient;
  storage: Storage;
  /** For the workflows that are started late. */
  resumeWindowSeconds: number;
}

/**
 * Starts what the API wrote but could not start, then looks for renders whose workflow has ended without recording an
 * end (terminated by hand, or lost with Temporal's database): they are failed, with nothing left in S3.
 */
export async function startLostRenders(tools: JanitorTools): Promise<void> {
  const olderThan = new Date(Date.now() - graceMs);
  for (const render of await lostRenders(tools.em, olderThan, pageSize)) {
    heartbeat();
    await startRenderImage(tools.client, render, tools.resumeWindowSeconds);
  }
  for await (const render of activeRenders(tools.em, olderThan)) {
    heartbeat();
    if (!(await isWorkflowRunning(tools.client, render.id))) await recordLoss(tools, render.id);
  }
}

/** Whether a workflow still takes care of the render. */
export async function isWorkflowRunning(client: WorkflowClient, renderId: string): Promise<boolean> {
  try {
    const { status } = await client.getHandle(renderWorkflowId(renderId)).describe();
    return status.name === "RUNNING" || status.name === "PAUSED";
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

async function* activeRenders(em: EntityManager, olderThan: Date): AsyncGenerator<Render> {
  for (let after: string | undefined; ; ) {
    const page: Render[] = await em.fork().find(
      Render,
      {
        status: { $in: [...activeStatuses] },
        createdAt: { $lt: olderThan },
        ...(after ? { id: { $gt: after } } : {}),
      },
      { orderBy: { id: "asc" }, limit: pageSize },
    );
    yield* page;
    after = page.at(-1)?.id;
    if (page.length < pageSize) return;
  }
}

/** A workflow records its render's end before it ends itself, so the row read now, after it ended, is the last word. */
async function recordLoss({ em, storage }: JanitorTools, renderId: string): Promise<void> {
  const render = await em.fork().findOne(Render, { id: renderId, status: { $in: [...activeStatuses] } });
  if (render === null) return;
  await abortUpload(storage, { key: objectKey(render.id, render.spec.format), discardObject: true });
  const at = new Date().toISOString();
  const sequence = render.sequence + 1;
  await applyEvent(em.fork(), { renderId, sequence, at, kind: "STATUS", state: lostState(render, at) });
}

function lostState({ state, partCount }: Render, finishedAt: string): RenderState {
  const nothingStored = {
    ...state,
    partsDone: 0,
    bytesUploaded: 0,
    parts: [{ from: 1, to: partCount, state: "WAITING" as const }],
    finishedAt,
  };
  if (state.status === "CANCELING") return { ...nothingStored, status: "CANCELED" };
  const message = "The render's workflow was ended from outside, or Temporal has lost it. Start the render again.";
  return { ...nothingStored, status: "FAILED", failure: { code: "WorkflowLost", message } };
}
