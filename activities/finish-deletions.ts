import { Render } from "../database/render.ts";
import { rendersToDelete } from "../database/renders.ts";
import { objectKey } from "../images/object-key.ts";
import { abortUpload } from "./abort-upload.ts";
import { type JanitorTools, sweep } from "./sweep.ts";
import { workflowStanding } from "./workflow-standing.ts";

/** Removes the renders whose deletion did not come to its end: S3 was away, or the API died. */
export function finishDeletions(tools: JanitorTools): Promise<void> {
  const { em, client, storage } = tools;
  return sweep(
    tools,
    rendersToDelete(em),
    ({ id }) => `the deletion of render ${id}`,
    async ({ id, spec }) => {
      if ((await workflowStanding(client, id)) === "running") return;
      await abortUpload(storage, { key: objectKey(id, spec.format), discardObject: true });
      await em.fork().nativeDelete(Render, { id });
    },
  );
}
