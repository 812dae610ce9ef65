import type { Log } from "../service/log.ts";
import { runProcess } from "../service/main.ts";
import { readSettings, SettingsError } from "../service/settings.ts";
import { migrate } from "./migrations.ts";
import { databaseSettings } from "./settings.ts";

const usage = `Usage: npm run migrate

Brings the database's schema up to date, then ends. Any number may start at
once: one works, the others wait.
Settings from the environment:

  DATABASE_URL          postgresql://user:password@host:port/database
`;

/** SQLSTATE classes: the user or its password is refused, there is no such database. */
const refusals = /^(28|3D)...$/;

async function run(log: Log): Promise<void> {
  const { DATABASE_URL } = readSettings(databaseSettings);
  const ran = await migrate(DATABASE_URL).catch((error: unknown) => {
    if (error instanceof Error && "syscall" in error) {
      throw new SettingsError(`PostgreSQL does not answer at DATABASE_URL: ${error.message}`);
    }
    if (error instanceof Error && "code" in error && refusals.test(`${error.code}`)) {
      throw new SettingsError(`PostgreSQL refuses DATABASE_URL: ${error.message}`);
    }
    throw error;
  });
  log.info({ ran }, ran.length > 0 ? "schema migrated" : "schema is up to date");
}

await runProcess({ name: "migrate", usage, run });
