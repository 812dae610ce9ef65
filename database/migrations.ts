import { Migrator } from "@mikro-orm/migrations";
import { MikroORM } from "@mikro-orm/postgresql";
import type { PoolClient } from "pg";
import { hasCode, messageOf } from "../service/errors.ts";
import { SettingsError } from "../service/settings.ts";
import { entities, STOPPED_MS, takeBackLostConnections } from "./connect.ts";
import { CreateRenders } from "./migrations/2026-11-23-renders.ts";
import { IndexUnendedRenders } from "./migrations/2026-11-25-unended-renders.ts";
import { IndexOpenRenders } from "./migrations/2026-11-26-open-renders.ts";
import { NoteDeletions } from "./migrations/2026-11-27-deletions.ts";

/** In the order they run; a new one goes at the end, and one that has landed never changes. */
const migrationsList = [CreateRenders, IndexUnendedRenders, IndexOpenRenders, NoteDeletions];

/** https://www.postgresql.org/docs/current/errcodes-appendix.html */
const INSUFFICIENT_PRIVILEGE = "42501";

/** The advisory lock that one migrating process at a time holds; any fixed number does. */
const MIGRATION_LOCK = 5_264_700_011;

/**
 * Brings the database's schema up to date. Any number of processes may start it at once: one works, the others wait.
 * @returns the names of the migrations that ran
 * @throws SettingsError where PostgreSQL does not answer within `connectWithinMs`, or refuses the connection or the change
 */
export async function migrate(databaseUrl: string, connectWithinMs?: number): Promise<string[]> {
  const orm = await openMigrator(databaseUrl, connectWithinMs);
  try {
    await orm.em.execute("select 1").catch((error: unknown) => {
      throw new SettingsError(`PostgreSQL cannot be reached by DATABASE_URL: ${messageOf(error)}`);
    });
    return await orm.em.transactional(async (em) => {
      await em.execute("select pg_advisory_xact_lock(?)", [MIGRATION_LOCK]);
      const ran = await orm.migrator.up({ transaction: em.getTransactionContext() });
      return ran.map((migration) => migration.name);
    });
  } catch (error) {
    if (!hasCode(error, INSUFFICIENT_PRIVILEGE)) throw error;
    throw new SettingsError(`The role of DATABASE_URL may not change the schema: ${error.message}`);
  } finally {
    await orm.close();
  }
}

/** A connection that can migrate and compare the schema with the entities. */
export function openMigrator(databaseUrl: string, connectWithinMs = 10_000): Promise<MikroORM> {
  return MikroORM.init({
    clientUrl: databaseUrl,
    driverOptions: {
      connectionString: databaseUrl, // as in `connect`
      connectionTimeoutMillis: connectWithinMs,
      onPoolCreated: takeBackLostConnections,
      // One that stops keeps the others waiting no longer.
      onConnect: (client: PoolClient) => client.query(`set idle_in_transaction_session_timeout = ${STOPPED_MS}`),
    },
    entities,
    allowGlobalContext: true,
    extensions: [Migrator],
    migrations: { migrationsList, snapshot: false, silent: true },
  });
}
