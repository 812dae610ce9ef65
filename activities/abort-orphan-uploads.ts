import { Render } from "../database/render.ts";
import { OBJECT_PREFIX, objectKey, renderIdOf } from "../images/object-key.ts";
import type { OpenUpload } from "../storage/storage.ts";
import { abortUpload } from "./abort-upload.ts";
import { type JanitorTools, sweep } from "./sweep.ts";
import { workflowStanding } from "./workflow-standing.ts";

/**
 * Aborts the uploads of renders that no workflow takes care of. Others may use the same bucket, another Rasterlift
 * too: an upload is ours only where its key is that of a render in our own database. A render's workflow runs before
 * its upload is opened, so an upload without one is never just about to be used.
 */
export function abortOrphanUploads(tools: JanitorTools): Promise<void> {
  const uploads = tools.storage.listUploads(OBJECT_PREFIX);
  return sweep(
    tools,
    uploads,
    ({ key, uploadId }) => `upload ${uploadId} of ${key}`,
    (upload) => abortOrphan(tools, upload),
  );
}

async function abortOrphan({ em, client, storage }: JanitorTools, { key, uploadId }: OpenUpload): Promise<void> {
  const id = renderIdOf(key);
  if (id === undefined) return;
  const render = await em.fork().findOne(Render, { id });
  if (render === null || objectKey(id, render.spec.format) !== key) return;
  if ((await workflowStanding(client, id)) === "running") return;
  await abortUpload(storage, { key, uploadId, discardObject: false });
}
