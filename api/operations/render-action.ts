import type { Render } from "../../database/render.ts";
import { countActiveRenders } from "../../database/renders.ts";
import { endStatuses } from "../../database/state.ts";
import type { RenderUpdate } from "../../workflows/messages.ts";
import type { Context } from "../context.ts";
import { type InvalidState, invalidState, type NotFound, quotaExceeded, renderNotFound } from "./user-errors.ts";
import { findRender, type RenderView, viewOf } from "./view.ts";

/** Asks the render's workflow for a change and shows the render as it then is. */
export async function renderAction(
  id: string,
  action: Exclude<RenderUpdate, "discardParts">,
  context: Context,
): Promise<RenderView | NotFound | InvalidState> {
  const render = await findRender(context, id);
  if (!render) return renderNotFound(id);
  if (action === "retryRender" && render.status === "FAILED" && (await isQuotaUsed(context))) {
    return invalidState(render, quotaExceeded(context.settings.MAX_ACTIVE_RENDERS).message);
  }
  const answer = await context.workflows.update(render, action);
  context.log.info({ renderId: id, userId: context.viewerId, answer: answer.kind }, action);
  const now = await findRender(context, id);
  if (!now) return renderNotFound(id);
  if (answer.kind === "refused") return invalidState(answer, answer.message);
  return answer.kind === "done" ? viewOf(now) : invalidState(now, noWorkflow(now, action));
}

/** Not exact where many retries come at once, unlike a start's. */
async function isQuotaUsed({ em, viewerId, settings }: Context): Promise<boolean> {
  return (await countActiveRenders(em(), viewerId)) >= settings.MAX_ACTIVE_RENDERS;
}

function noWorkflow({ id, status }: Render, action: RenderUpdate): string {
  if (status === "FAILED") return `The parts of render ${id} are not kept any more, so it has ended; start it anew.`;
  if (endStatuses.includes(status))
    return `Render ${id} is ${status} and has ended; ${action} is not possible any more.`;
  return (
    `Render ${id} is ${status}, but Temporal runs no workflow for it: it was terminated there, or Temporal has lost it. ` +
    "The janitor ends it within a minute or two; start it anew."
  );
}
