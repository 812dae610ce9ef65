import { MikroORM } from "@mikro-orm/postgresql";
import { Render } from "./render.ts";
import { RenderEvent } from "./render-event.ts";
import { Viewer } from "./viewer.ts";

export const entities = [Viewer, Render, RenderEvent];

/**
 * Connects lazily to PostgreSQL; `close()` ends it. Fork `orm.em` for every request, event or activity.
 * @param databaseUrl `postgresql://user:password@host:port/database`
 */
export function connect(databaseUrl: string): Promise<MikroORM> {
  return MikroORM.init({ clientUrl: databaseUrl, entities, pool: { max: 20 } });
}
