import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { migrate } from "../../database/migrations.ts";
import { postgresAnswers, postgresProgram, postgresUrl } from "../../stack/postgres.ts";
import type { Program } from "../../stack/supervised.ts";
import { waitFor } from "./wait-for.ts";

/** A real PostgreSQL of the test's own, in a folder and on a port of its own, with the schema migrated. */
export class TestDatabase {
  readonly #folder: string;
  readonly #port: number;
  readonly #password = randomBytes(16).toString("hex");
  #program: Program | undefined;
  #process: ChildProcess | undefined;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  static async open(): Promise<TestDatabase> {
    const database = await TestDatabase.openEmpty();
    await migrate(database.url);
    return database;
  }

  static async openEmpty(): Promise<TestDatabase> {
    const folder = await mkdtemp(path.join(tmpdir(), "rasterlift-database-"));
    const database = new TestDatabase(folder, await freePort());
    await database.start();
    return database;
  }

  get url(): string {
    return postgresUrl(this.#port, this.#password);
  }

  /** Starts it (again), on the same data. */
  async start(): Promise<void> {
    this.#program ??= await postgresProgram(path.join(this.#folder, "postgres"), this.#port, this.#password);
    const { command, args, env, user } = this.#program;
    this.#process = spawn(command, args, { env, ...user, stdio: "ignore" });
    await waitFor("PostgreSQL", () => postgresAnswers(this.#port, this.#password));
  }

  /** Takes it away as a crash does: every connection is lost. */
  async stop(): Promise<void> {
    if (this.#process === undefined || this.#process.exitCode !== null) return;
    this.#process.kill("SIGQUIT"); // "immediate shutdown"
    await once(this.#process, "exit");
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("There is no free port.");
  return address.port;
}
