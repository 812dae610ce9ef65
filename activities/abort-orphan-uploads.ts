import { heartbeat } from "@temporalio/activity";
import { Render } from "../database/render.ts";
import { objectKey } from "../images/plan.ts";
import { abortUpload } from "./abort-upload.ts";
import { isWorkflowRunning, type JanitorTools } from "./start-lost-renders.ts";

const renderKey = /^renders\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.\w+$/;

/**
 * Aborts the uploads of renders that no workflow takes care of. Others may use the same bucket, another Rasterlift
 * too: an upload is ours only where its key is that of a render in our own database. A render's workflow runs before
 * its upload is opened, so an upload without one is never just about to be used.
 */
export async function abortOrphanUploads({ em, client, storage }: JanitorTools): Promise<void> {
  for await (const { key, uploadId } of storage.listUploads("renders/")) {
    heartbeat();
    const renderId = renderKey.exec(key)?.[1];
    if (renderId === undefined) continue;
    const render = await em.fork().findOne(Render, { id: renderId });
    if (render === null || objectKey(render.id, render.spec.format) !== key) continue;
    if (!(await isWorkflowRunning(client, renderId)))
      await abortUpload(storage, { key, uploadId, discardObject: false });
  }
}
