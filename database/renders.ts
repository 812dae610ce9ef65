import type { EntityManager } from "@mikro-orm/postgresql";
import { activeStatuses, Render } from "./render.ts";

const pageSize = 200;

/** The renders made before then that have neither ended nor failed, oldest first, as they are when their turn comes. */
export async function* activeRenders(em: EntityManager, madeBefore: Date): AsyncGenerator<Render> {
  for (let last: Render | undefined; ; ) {
    const page: Render[] = await em.fork().find(
      Render,
      {
        status: { $in: [...activeStatuses] },
        createdAt: { $lt: madeBefore },
        ...(last === undefined ? {} : { id: { $gt: last.id } }),
      },
      { orderBy: { id: "asc" }, limit: pageSize },
    );
    yield* page;
    last = page.at(-1);
    if (page.length < pageSize) return;
  }
}

/** The render, if it has neither ended nor failed by now. */
export function findActiveRender(em: EntityManager, id: string): Promise<Render | null> {
  return em.fork().findOne(Render, { id, status: { $in: [...activeStatuses] } });
}
