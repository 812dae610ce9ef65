import type { Log } from "../service/log.ts";
import { runProcess } from "../service/run-process.ts";
import { readSettings } from "../service/settings.ts";
import { migrate } from "./migrations.ts";
import { databaseSettings } from "./settings.ts";

const USAGE = `Usage: npm run migrate

Brings the database's schema up to date, then ends. Any number may start at
once: one works, the others wait.
Settings from the environment:

  DATABASE_URL          postgresql://user:password@host:port/database
`;

async function run(log: Log, stop: AbortSignal): Promise<void> {
  stop.addEventListener("abort", () => process.exit(1)); // PostgreSQL takes back what is not committed
  const { DATABASE_URL } = readSettings(databaseSettings);
  const ran = await migrate(DATABASE_URL);
  log.info({ ran }, ran.length > 0 ? "schema migrated" : "schema is up to date");
}

await runProcess({ name: "migrate", usage: USAGE, run });
