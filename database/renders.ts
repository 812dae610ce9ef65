import { type FilterQuery, sql } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Render } from "./render.ts";
import { activeStatuses } from "./state.ts";

const PAGE_SIZE = 200;

/** A workflow takes care of it: it is active, or has failed and can be resumed. */
const isOpen: FilterQuery<Render> = {
  $or: [{ status: { $in: activeStatuses } }, { state: { resumableUntil: { $ne: null } } }],
};

/** The open renders that were made so many seconds ago or earlier, by PostgreSQL's clock. */
export function openRenders(em: EntityManager, seconds: number): AsyncGenerator<Render> {
  return oldestFirst(em, { $and: [isOpen, { createdAt: { $lte: sql`now() - make_interval(secs => ${seconds})` } }] });
}

/** The renders whose deletion was asked for, and that no workflow takes care of any more. */
export function rendersToDelete(em: EntityManager): AsyncGenerator<Render> {
  return oldestFirst(em, { deletionAskedAt: { $ne: null }, $not: isOpen });
}

/** Page by page, as they are when their turn comes. */
async function* oldestFirst(em: EntityManager, where: FilterQuery<Render>): AsyncGenerator<Render> {
  for (let last: Render | undefined; ; ) {
    const after = last === undefined ? {} : { id: { $gt: last.id } };
    const page: Render[] = await em
      .fork()
      .find(Render, { $and: [where, after] }, { orderBy: { id: "asc" }, limit: PAGE_SIZE });
    yield* page;
    last = page.at(-1);
    if (page.length < PAGE_SIZE) return;
  }
}

/** The render, if it is open. */
export function findOpenRender(em: EntityManager, id: string): Promise<Render | null> {
  return em.fork().findOne(Render, { $and: [isOpen, { id }] });
}

/** The renders of a user that count against the quota. */
export function countActiveRenders(em: EntityManager, userId: string): Promise<number> {
  return em.count(Render, { userId, status: { $in: activeStatuses } });
}
