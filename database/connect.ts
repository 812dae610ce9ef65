import { Socket } from "node:net";
import { DriverException, MikroORM } from "@mikro-orm/postgresql";
import type { Pool } from "pg";
import { Render } from "./render.ts";
import { RenderEvent } from "./render-event.ts";
import { Viewer } from "./viewer.ts";

export const entities = [Viewer, Render, RenderEvent];

/**
 * A PostgreSQL that has said nothing for so long while it was asked is gone: its host vanished without closing
 * connections.
 */
const SILENT_MS = 30_000;

/**
 * Connects lazily to PostgreSQL; `disconnect` ends it. Fork `orm.em` for every request, event or activity.
 * @param databaseUrl `postgresql://user:password@host:port/database?sslmode=…`, with whatever parameters pg understands
 * @param givenUpAfterMs without an answer a query fails, and its connection is closed
 */
export function connect(databaseUrl: string, givenUpAfterMs = SILENT_MS): Promise<MikroORM> {
  const driverOptions = {
    ...wholeUrl(databaseUrl),
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    onPoolCreated: (pool: Pool) => {
      pool.on("connect", ({ connection: { stream } }) => {
        if (!(stream instanceof Socket)) return;
        const message = `PostgreSQL has not answered for ${givenUpAfterMs} ms`;
        stream.setTimeout(givenUpAfterMs, () => stream.destroy(new Error(message)));
      });
    },
  };
  return MikroORM.init({ clientUrl: databaseUrl, entities, pool: { max: 20 }, driverOptions });
}

/** Of a URL, MikroORM itself takes host, user and database only; pg also takes `sslmode` and the rest. */
export const wholeUrl = (databaseUrl: string) => ({ connectionString: databaseUrl });

/**
 * SQLSTATEs of a server that starts, stops or takes no more connections, and the system's codes for a connection
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const AWAY_CODES = /^(08...|53300|57P0[1-3]|E[A-Z]+)$/;

/** Whether a query failed because PostgreSQL is away or the connection to it was lost; asking again can help. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? error.code : undefined;
  return typeof code === "string" ? AWAY_CODES.test(code) : error instanceof DriverException;
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
