import type { EntityManager } from "@mikro-orm/postgresql";
import { Render } from "./render.ts";

/**
 * Renders that were written but perhaps never started: QUEUED with no event but the API's own, made before `olderThan`,
 * oldest first, at most `limit`. Starting one again by its id is harmless.
 */
export function lostRenders(em: EntityManager, olderThan: Date, limit: number): Promise<Render[]> {
  return em.find(
    Render,
    { status: "QUEUED", sequence: 1, createdAt: { $lt: olderThan } },
    { orderBy: { id: "asc" }, limit },
  );
}
