import { InvalidFieldNameException, TableNotFoundException } from "@mikro-orm/core";
import type { EntityManager } from "@mikro-orm/postgresql";

/** Works only where the newest migration has run; schema.test.ts fails where a newer one is forgotten here. */
const NEWEST = "select deletion_asked_at from render limit 0";

/** Whether the database has this version's schema: `npm run migrate` has run. */
export async function hasSchema(em: EntityManager): Promise<boolean> {
  try {
    await em.execute(NEWEST);
    return true;
  } catch (error) {
    if (error instanceof TableNotFoundException || error instanceof InvalidFieldNameException) return false;
    throw error;
  }
}
