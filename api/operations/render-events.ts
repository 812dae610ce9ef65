import { Render } from "../../database/render.ts";
import { RenderEvent } from "../../database/render-event.ts";
import { endStatuses } from "../../database/state.ts";
import type { Context } from "../context.ts";
import { badUserInput, notFound } from "../errors.ts";
import type { Watch } from "../event-feed.ts";
import { closing, eventView, PAGE_SIZE, type RenderEventView, readPage } from "./event-stream.ts";
import { renderNotFound } from "./user-errors.ts";
import { findRender } from "./view.ts";

/**
 * The events of one render: without `after` from the latest on, else from sequence `after` + 1 on.
 * It ends after an end status that no later event follows; a retry after FAILED is such an event.
 * @throws GraphQLError NOT_FOUND where the viewer has no such render
 */
export async function renderEvents(
  { id, after }: { id: string; after?: number | null | undefined },
  context: Context,
): Promise<AsyncIterableIterator<RenderEventView>> {
  if (after != null && after < 0) throw badUserInput(`after is ${after}; it must be 0 or the last sequence you have.`);
  const render = await findRender(context, id);
  if (!render) throw notFound(renderNotFound(id).message);
  const watch = context.feed.watch(`render ${render.id}`);
  return closing(read(render, after ?? render.sequence - 1, watch, context), watch);
}

async function* read(render: Render, after: number, watch: Watch, context: Context) {
  let sequence = after;
  let ended = endStatuses.includes(render.status);
  /** Whether no more events can come: the render is gone, or ended before the sequence that was asked for. */
  const isOver = async () => {
    const rows = await readPage(() => context.em().find(Render, { id: render.id }), watch, context);
    return rows.every((row) => endStatuses.includes(row.status) && row.sequence <= sequence);
  };
  try {
    for (;;) {
      const next = () =>
        context
          .em()
          .find(
            RenderEvent,
            { render: render.id, sequence: { $gt: sequence } },
            { orderBy: { sequence: "asc" }, limit: PAGE_SIZE },
          );
      const page = await readPage(next, watch, context);
      for (const event of page) {
        yield eventView(event, render);
        sequence = event.sequence;
        ended = endStatuses.includes(event.state.status);
      }
      const mayBeMore = page.length === PAGE_SIZE || (page.length > 0 && ended);
      if (mayBeMore) continue;
      if (ended || (page.length === 0 && (await isOver()))) return;
      if (!(await watch.changed())) return;
    }
  } finally {
    watch.close();
  }
}
