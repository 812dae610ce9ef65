import { MikroORM } from "@mikro-orm/postgresql";
import { Render } from "./render.ts";
import { RenderEvent } from "./render-event.ts";
import { Viewer } from "./viewer.ts";

export const entities = [Viewer, Render, RenderEvent];

/**
 * Connects lazily to PostgreSQL; `disconnect` ends it. Fork `orm.em` for every request, event or activity.
 * @param databaseUrl `postgresql://user:password@host:port/database`
 */
export function connect(databaseUrl: string): Promise<MikroORM> {
  return MikroORM.init({ clientUrl: databaseUrl, entities, pool: { max: 20 } });
}

/**
 * Ends the connections once the queries under way are done. MikroORM's own `close()` never ends where a connection is
 * just being opened: its driver (kysely 0.29.6) forgets the pool first, so whoever waits for the connection fails
 * without giving it back. Where PostgreSQL was never there, there is no connection to end.
 */
export async function disconnect(orm: MikroORM): Promise<void> {
  const pool = await orm.em
    .getConnection()
    .getNativeClient()
    .catch(() => undefined);
  await pool?.end();
}
