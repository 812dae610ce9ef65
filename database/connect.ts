import { Socket } from "node:net";
import { DriverException, MikroORM } from "@mikro-orm/postgresql";
import type { Pool, PoolClient } from "pg";
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
 * A process that stops in the middle of a transaction, frozen or with its host gone, must not hold up others by its
 * locks: PostgreSQL ends a transaction whose client is silent for so long. Waiting for a lock ends a little sooner,
 * before the attempt of `recordEvent` that waits is given up, so that none still waits when the next attempt comes.
 */
export const STOPPED_MS = 10_000;
const LOCKED_MS = 8_000;
/** Nobody waits longer for an answer. */
const STATEMENT_MS = 10_000;

/**
 * Connects lazily to PostgreSQL; `disconnect` ends it. Fork `orm.em` for every request, event or activity.
 * @param databaseUrl `postgresql://user:password@host:port/database?sslmode=…`, with whatever parameters pg understands
 * @param givenUpAfterMs without an answer a query fails, and its connection is closed
 */
export function connect(databaseUrl: string, givenUpAfterMs = SILENT_MS): Promise<MikroORM> {
  const driverOptions = {
    application_name: "rasterlift",
    connectionString: databaseUrl, // of it, MikroORM itself takes host, user and database only: `sslmode` would be lost
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    onPoolCreated: takeBackLostConnections,
    onConnect: async (client: PoolClient) => {
      const { stream } = client.connection;
      const silence = new Error(`PostgreSQL has not answered for ${givenUpAfterMs} ms`);
      if (stream instanceof Socket)
        stream.setTimeout(givenUpAfterMs, () => stream.destroy(Object.assign(silence, { code: "ETIMEDOUT" })));
      // By SET, as poolers refuse such parameters where they come with the connection.
      await client.query(
        `set idle_in_transaction_session_timeout = ${STOPPED_MS}; set lock_timeout = ${LOCKED_MS}; set statement_timeout = ${STATEMENT_MS}`,
      );
    },
  };
  return MikroORM.init({ clientUrl: databaseUrl, entities, pool: { max: 20 }, driverOptions });
}

/**
 * Has the pool take back connections that were lost in a transaction. kysely 0.29.6, under MikroORM 7.2.1, gives one
 * back only after a COMMIT or ROLLBACK that succeeded: soon nobody would get a connection any more.
 */
export function takeBackLostConnections(pool: Pool): void {
  const lent = new Set<PoolClient>();
  pool.on("acquire", (client) => lent.add(client));
  pool.on("release", (_error, client) => lent.delete(client));
  pool.on("connect", (client) => {
    const takeBack = () => lent.has(client) && client.release(true);
    client.once("end", () => setImmediate(takeBack)); // outside a transaction, kysely has given it back by then
  });
}

/**
 * SQLSTATEs of a server that starts, stops, takes no more connections, has become read-only (another is the primary now),
 * gave up waiting for a lock or for this process, stopped a query, or does not know the password or the database (just
 * changed, or just being restored), and the system's codes for a connection
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const AWAY_CODES = /^(08...|25006|25P03|28...|3D000|40P01|53300|55P03|57014|57P0[1-3]|E[A-Z]+)$/;

/** pg's and its pool's errors of connections that end or do not come about, which have no code. */
const AWAY_MESSAGES = /^Connection terminated|^timeout exceeded when trying to connect|is not queryable$/;

/** Whether a query failed because PostgreSQL is away, lets nobody in or lost the connection; asking again can help. */
export function isDatabaseAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? error.code : undefined;
  if (typeof code === "string") return AWAY_CODES.test(code);
  return error instanceof DriverException || AWAY_MESSAGES.test(error.message);
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
