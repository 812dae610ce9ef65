import { applyEvent } from "../database/apply-event.ts";
import type { Render } from "../database/render.ts";
import { findOpenRender, openRenders } from "../database/renders.ts";
import type { PartRange, RenderState } from "../database/state.ts";
import { objectKey } from "../images/object-key.ts";
import type { StoredObject } from "../storage/storage.ts";
import { startRenderImage } from "../workflows/start-render.ts";
import { abortUpload } from "./abort-upload.ts";
import { type JanitorTools, sweep } from "./sweep.ts";
import { type WorkflowStanding, workflowStanding } from "./workflow-standing.ts";

/** A render younger than this is still being started by the API, or has just been. */
const GRACE_SECONDS = 10;

/**
 * Finds the renders that no workflow takes care of. One that the API wrote but could not start is started. One whose
 * workflow made the object, but whose last events PostgreSQL has lost, is completed, also where Temporal has forgotten
 * the workflow since. One whose workflow ended in another way without recording an end (terminated by hand, or lost with
 * Temporal's database) is failed, with nothing left in S3; one that had failed and was to be resumed says that it cannot
 * be.
 */
export function startLostRenders(tools: JanitorTools): Promise<void> {
  const renders = openRenders(tools.em, GRACE_SECONDS);
  return sweep(
    tools,
    renders,
    ({ id }) => `render ${id}`,
    (render) => mend(tools, render),
  );
}

async function mend(tools: JanitorTools, render: Render): Promise<void> {
  const { client, resumeWindowSeconds } = tools;
  if ((await workflowStanding(client, render.id)) === "running") return;
  if (render.sequence === 1) await startRenderImage(client, render, resumeWindowSeconds);
  const standing = await workflowStanding(client, render.id);
  if (standing !== "running") await recordEnd(tools, render.id, standing);
}

/** A workflow records its render's end before it ends itself, so the row as it is now, after that, is the last word. */
async function recordEnd(
  { em, storage }: JanitorTools,
  renderId: string,
  standing: Exclude<WorkflowStanding, "running">,
): Promise<void> {
  const render = await findOpenRender(em, renderId);
  if (render === null) return;
  const key = objectKey(render.id, render.spec.format);
  const object = await storage.head(key);
  const isWhole =
    object !== undefined && (standing === "completed" || (standing === "unknown" && fits(object, render)));
  const at = new Date().toISOString();
  if (!isWhole) await abortUpload(storage, { key, discardObject: true });
  const state = isWhole ? completedState(render, object, at) : lostState(render, at);
  await applyEvent(em.fork(), { renderId, sequence: render.sequence + 1, at, kind: "STATUS", state });
}

/** Whether nobody has given the render up, and the object is what all of its parts make. S3 makes it of all or of none. */
function fits({ size }: StoredObject, { status, byteSize }: Render): boolean {
  return status !== "FAILED" && status !== "CANCELING" && size === byteSize;
}

function completedState(
  { state, partCount, byteSize }: Render,
  { etag, crc32 }: StoredObject,
  finishedAt: string,
): RenderState {
  const { failure: _failure, resumableUntil: _until, ...kept } = state;
  return {
    ...kept,
    status: "COMPLETED",
    partsDone: partCount,
    bytesUploaded: byteSize,
    parts: [{ from: 1, to: partCount, state: "DONE" }],
    etag,
    ...(crc32 === undefined ? {} : { crc32 }),
    finishedAt,
  };
}

function lostState({ state, partCount }: Render, finishedAt: string): RenderState {
  const { resumableUntil: _, ...kept } = state;
  const parts: PartRange[] = [{ from: 1, to: partCount, state: "WAITING" }];
  const nothingStored: RenderState = { finishedAt, ...kept, partsDone: 0, bytesUploaded: 0, parts };
  if (state.status === "FAILED") return nothingStored;
  if (state.status === "CANCELING") return { ...nothingStored, status: "CANCELED" };
  const message = "The render's workflow was ended from outside, or Temporal has lost it. Start the render again.";
  return { ...nothingStored, status: "FAILED", failure: { code: "WorkflowLost", message } };
}
