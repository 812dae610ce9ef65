import { Render } from "../../database/render.ts";
import { endStatuses } from "../../database/state.ts";
import { objectKey } from "../../images/object-key.ts";
import { StorageError } from "../../storage/answers.ts";
import type { Context } from "../context.ts";
import { serviceUnavailable } from "../errors.ts";
import { type InvalidState, invalidState, type NotFound, renderNotFound } from "./user-errors.ts";
import { findRender } from "./view.ts";

export interface DeletedRender {
  __typename: "DeletedRender";
  id: string;
}

/**
 * Removes an ended render: first its workflow's hold on stored parts, then the object, then row and events. The janitor
 * does the last two where this does not come to its end.
 */
export async function deleteRender(id: string, context: Context): Promise<DeletedRender | NotFound | InvalidState> {
  const render = await findRender(context, id);
  if (!render) return renderNotFound(id);
  if (!endStatuses.includes(render.status)) {
    const advice = render.status === "CANCELING" ? "wait until it has ended" : "cancel it first, or wait until it ends";
    return invalidState(render, `Render ${id} is ${render.status}; ${advice}.`);
  }
  if (render.status === "FAILED") {
    const answer = await context.workflows.update(render, "discardParts");
    const now = (await findRender(context, id)) ?? render;
    if (answer.kind === "refused" || (answer.kind === "gone" && hasParts(now))) {
      return invalidState(now, `Render ${id} goes on, or is being cleared away; look at its status and ask again.`);
    }
  }
  await context.em().nativeUpdate(Render, { id: render.id }, { deletionAskedAt: new Date(), idempotencyKey: null });
  await deleteObject(render, context);
  await context.em().nativeDelete(Render, { id: render.id });
  return { __typename: "DeletedRender", id: render.id };
}

/**
 * Whether S3 may still have parts of the render, also after `resumableUntil`: without its workflow, the janitor removes
 * them and then says so in the row.
 */
function hasParts({ state: { resumableUntil } }: Render): boolean {
  return resumableUntil !== undefined;
}

async function deleteObject({ id, spec }: Render, { storage, log }: Context): Promise<void> {
  try {
    await storage.deleteObject(objectKey(id, spec.format));
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    log.warn({ err: error, renderId: id }, "a render's object could not be removed");
    throw serviceUnavailable(
      `Render ${id} is still there, because its object could not be removed (${error.code}). ` +
        "It is tried again every 30 seconds; you need not ask again.",
    );
  }
}
