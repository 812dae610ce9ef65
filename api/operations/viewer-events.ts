import { RenderEvent } from "../../database/render-event.ts";
import { Viewer } from "../../database/viewer.ts";
import type { Context } from "../context.ts";
import type { Watch } from "../event-feed.ts";
import { closing, eventView, PAGE_SIZE, type RenderEventView, readPage } from "./event-stream.ts";

/** The events of all the viewer's renders, in the order of their commits, from now on. */
export async function viewerRenderEvents(context: Context): Promise<AsyncIterableIterator<RenderEventView>> {
  const { em, feed, viewerId } = context;
  const viewer = await em().findOne(Viewer, viewerId);
  const watch = feed.watch(`viewer ${viewerId}`);
  return closing(read(viewerId, viewer?.position ?? 0, watch, context), watch);
}

async function* read(userId: string, from: number, watch: Watch, context: Context) {
  let position = from;
  try {
    for (;;) {
      const next = () =>
        context
          .em()
          .find(
            RenderEvent,
            { userId, position: { $gt: position } },
            { orderBy: { position: "asc" }, limit: PAGE_SIZE, populate: ["render"] },
          );
      const page = await readPage(next, watch, context);
      for (const event of page) {
        yield eventView(event, event.render);
        position = event.position;
      }
      if (page.length < PAGE_SIZE && !(await watch.changed())) return;
    }
  } finally {
    watch.close();
  }
}
