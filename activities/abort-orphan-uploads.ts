import { heartbeat } from "@temporalio/activity";
import { Render } from "../database/render.ts";
import { objectKey } from "../images/plan.ts";
import type { ListedUpload } from "../storage/storage.ts";
import { abortUpload } from "./abort-upload.ts";
import { isWorkflowRunning, type JanitorTools } from "./start-lost-renders.ts";

/** An upload this young may belong to a workflow that has only just started. */
const graceMs = 5 * 60_000;

const uuid = /^renders\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.\w+$/;

/**
 * Aborts the uploads of renders that no running workflow takes care of. Others may use the same bucket, another
 * Rasterlift too: an upload is ours only where its key is that of a render in our own database.
 */
export async function abortOrphanUploads({ em, client, storage }: JanitorTools): Promise<void> {
  for await (const upload of storage.listUploads("renders/")) {
    heartbeat();
    const renderId = isOld(upload) ? uuid.exec(upload.key)?.[1] : undefined;
    if (renderId === undefined) continue;
    const render = await em.fork().findOne(Render, { id: renderId });
    if (render === null || objectKey(render.id, render.spec.format) !== upload.key) continue;
    if (await isWorkflowRunning(client, renderId)) continue;
    await abortUpload(storage, { ...upload, discardObject: false });
  }
}

function isOld({ initiated }: ListedUpload): boolean {
  return initiated !== undefined && initiated.getTime() < Date.now() - graceMs;
}
