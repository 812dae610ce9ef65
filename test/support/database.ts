import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { migrate } from "../../database/migrations.ts";
import { type PortBlock, reservePorts } from "../../stack/ports.ts";
import { postgresAnswers, postgresProgram, postgresUrl } from "../../stack/postgres.ts";
import type { Program } from "../../stack/supervised.ts";
import { waitFor } from "./wait-for.ts";

/** A real PostgreSQL of the test's own, in a folder and on a port of its own, with the schema migrated. */
export class TestDatabase {
  readonly #folder: string;
  readonly #block: PortBlock;
  readonly #password = randomBytes(16).toString("hex");
  #program: Program | undefined;
  #process: ChildProcess | undefined;

  private constructor(folder: string, block: PortBlock) {
    this.#folder = folder;
    this.#block = block;
  }

  static async open(): Promise<TestDatabase> {
    const database = await TestDatabase.openEmpty();
    await migrate(database.url);
    return database;
  }

  static async openEmpty(): Promise<TestDatabase> {
    const folder = await mkdtemp(path.join(tmpdir(), "rasterlift-database-"));
    const database = new TestDatabase(folder, await reservePorts(undefined));
    await database.start();
    return database;
  }

  get url(): string {
    return postgresUrl(this.#block.ports.postgres, this.#password);
  }

  /** Starts it (again), on the same data. */
  async start(): Promise<void> {
    this.#program ??= await postgresProgram(
      path.join(this.#folder, "postgres"),
      this.#block.ports.postgres,
      this.#password,
    );
    const { command, args, env, user } = this.#program;
    this.#process = spawn(command, args, { env, ...user, stdio: "ignore" });
    await waitFor("PostgreSQL", () => postgresAnswers(this.#block.ports.postgres, this.#password));
  }

  /** Takes it away as a crash does: every connection is lost. */
  async stop(): Promise<void> {
    if (this.#process === undefined || this.#process.exitCode !== null) return;
    this.#process.kill("SIGQUIT"); // "immediate shutdown"
    await once(this.#process, "exit");
  }

  async close(): Promise<void> {
    await this.stop();
    await this.#block.release();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** For `await using`: a test that fails leaves no PostgreSQL, on which its file would wait. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
