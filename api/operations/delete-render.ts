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
 * Removes an ended render: first its workflow's hold on stored parts, then the object, then row and events. It is noted
 * before, so that the janitor does what is not done here because S3 is away or this process dies. Where the render goes on
 * after all, by a retry, the note goes (see applyEvent).
 */
export async function deleteRender(id: string, context: Context): Promise<DeletedRender | NotFound | InvalidState> {
  const render = await findRender(context, id);
  if (!render) return renderNotFound(id);
  if (!endStatuses.includes(render.status)) {
    const advice = render.status === "CANCELING" ? "wait until it has ended" : "cancel it first, or wait until it ends";
    return invalidState(render, `Render ${id} is ${render.status}; ${advice}.`);
  }
  const ended = { id: render.id, status: { $in: endStatuses } };
  const noted = await context.em().nativeUpdate(Render, ended, { deletionAskedAt: new Date() });
  if (noted === 0) return await deleteRender(id, context); // it has just been retried, or deleted
  if (render.status === "FAILED") {
    const answer = await context.workflows.update(render, "discardParts");
    const now = await findRender(context, id);
    if (!now) return renderNotFound(id);
    const { status } = answer.kind === "refused" ? answer : now;
    if (status !== "FAILED") return invalidState({ status }, `Render ${id} was retried meanwhile and is ${status}.`);
    if (now.state.resumableUntil !== undefined) {
      return invalidState(now, `Render ${id} is being cleared away, and is deleted then; where it stays, ask again.`);
    }
  }
  // From here on it will be gone, whoever finishes that: its key is free at once.
  await context.em().nativeUpdate(Render, { id: render.id }, { idempotencyKey: null });
  await deleteObject(render, context);
  await context.em().nativeDelete(Render, { id: render.id });
  context.log.info({ renderId: id, userId: context.viewerId }, "deleteRender");
  return { __typename: "DeletedRender", id: render.id };
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
