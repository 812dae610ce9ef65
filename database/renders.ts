import type { FilterQuery } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";
import { Render, unendedStatuses } from "./render.ts";

const pageSize = 200;

/** Has neither ended nor failed for good: a workflow takes care of it. */
const isUnended: FilterQuery<Render> = {
  status: { $in: [...unendedStatuses] },
  $or: [{ status: { $ne: "FAILED" } }, { state: { resumableUntil: { $ne: null } } }],
};

/** The renders made before then that are active or can be resumed, oldest first, as they are when their turn comes. */
export async function* unendedRenders(em: EntityManager, madeBefore: Date): AsyncGenerator<Render> {
  for (let last: Render | undefined; ; ) {
    const after = last === undefined ? {} : { id: { $gt: last.id } };
    const page: Render[] = await em
      .fork()
      .find(
        Render,
        { $and: [isUnended, { createdAt: { $lt: madeBefore } }, after] },
        { orderBy: { id: "asc" }, limit: pageSize },
      );
    yield* page;
    last = page.at(-1);
    if (page.length < pageSize) return;
  }
}

/** The render, if it is active or can be resumed. */
export function findUnendedRender(em: EntityManager, id: string): Promise<Render | null> {
  return em.fork().findOne(Render, { $and: [isUnended, { id }] });
}
