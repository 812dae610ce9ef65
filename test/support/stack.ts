import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { SignJWT } from "jose";
import { DataFolder } from "../../stack/data-folder.ts";
import { Bucket, type S3Access } from "./bucket.ts";
import { Client } from "./client.ts";
import { waitFor } from "./wait-for.ts";

export type ProcessName = "api" | "worker" | "gpu-worker" | "postgres" | "temporal" | "s3";

/** What a user finds in stack.json. */
interface StackInfo {
  graphqlUrl: string;
  wsUrl: string;
  temporalUiUrl: string;
  temporalAddress: string;
  databaseUrl: string;
  s3: S3Access;
  processes: { name: ProcessName; pid: number }[];
}

const startScript = path.resolve(import.meta.dirname, "../../stack/start.ts");

/** Settings of this machine's user that a test must not depend on. */
const OWN_SETTINGS = /^(PATH|HOME|USER|LANG|LC_.*|TMPDIR|XDG_.*|RASTERLIFT_CACHE)$/;

/**
 * A whole embedded stack, started as `npm start` starts it, in a data folder and on ports of its own. Tests see it as
 * a user does: its output, its stack.json, its API, its S3.
 */
export class TestStack {
  readonly #folder: string;
  readonly #settings: Readonly<Record<string, string>>;
  #supervisor: ChildProcess | undefined;
  #output = "";
  #info: StackInfo | undefined;

  private constructor(folder: string, settings: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#settings = { ...settings, RASTERLIFT_DATA: folder, PORT: "0" };
  }

  /** @param settings environment variables of the stack, e.g. S3_ENDPOINT or GPU_WORKERS */
  static async start(settings: Record<string, string> = {}): Promise<TestStack> {
    const stack = new TestStack(await mkdtemp(path.join(tmpdir(), "rasterlift-test-")), settings);
    try {
      await stack.start();
      return stack;
    } catch (error) {
      await stack[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Starts it (again), on the same data folder. */
  async start(): Promise<void> {
    const inherited = Object.entries(process.env).filter(([name]) => OWN_SETTINGS.test(name));
    const supervisor = spawn(process.execPath, [startScript], {
      env: { ...Object.fromEntries(inherited), ...this.#settings },
      stdio: ["ignore", "pipe", "pipe", "ipc"], // the channel ends the stack with this process, however that ends
    });
    const { stdout, stderr } = supervisor;
    assert.ok(stdout && stderr);
    this.#supervisor = supervisor;
    stderr.on("data", (chunk) => {
      this.#output += chunk;
    });
    const lines = createInterface({ input: stdout });
    const ready = new Promise<void>((resolve) => {
      lines.on("line", (line) => {
        this.#output += `${line}\n`;
        if (line.startsWith("ready ")) resolve();
      });
    });
    const exit = once(supervisor, "exit").then(([code]) => {
      throw new Error(`the stack stopped with code ${code} before it was ready:\n${this.#output}`);
    });
    await Promise.race([ready, exit]);
    exit.catch(() => {});
    await this.readInfo();
  }

  /** SIGTERM, as Ctrl-C would. @returns the exit code */
  async stop(): Promise<number | null> {
    const supervisor = this.#running();
    const exit = once(supervisor, "exit");
    supervisor.kill("SIGTERM");
    const [code] = await exit;
    return code;
  }

  /** Stops it and removes its data. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#supervisor?.exitCode === null && this.#supervisor.signalCode === null) await this.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get folder(): string {
    return this.#folder;
  }

  /** What all processes of the stack have written so far. */
  get output(): string {
    return this.#output;
  }

  get info(): StackInfo {
    if (this.#info === undefined) throw new Error("the stack has not been started");
    return this.#info;
  }

  get bucket(): Bucket {
    return new Bucket(this.info.s3);
  }

  async readInfo(): Promise<StackInfo> {
    this.#info = JSON.parse(await readFile(path.join(this.#folder, "stack.json"), "utf8"));
    return this.info;
  }

  /** The processes of that name; several GPU workers share one. */
  async pids(name: ProcessName): Promise<number[]> {
    const { processes } = await this.readInfo();
    return processes.filter((process) => process.name === name).map(({ pid }) => pid);
  }

  /** Whether the API says that it can do its work. */
  async isReady(): Promise<boolean> {
    return (await fetch(new URL("/ready", this.info.graphqlUrl)).catch(() => undefined))?.ok === true;
  }

  /** kill -9 of the first process of that name; resolves when the stack has started it again. */
  async kill(name: ProcessName): Promise<void> {
    const [victim = 0] = await this.pids(name);
    process.kill(victim, "SIGKILL");
    await waitFor(`another ${name}`, async () => {
      const pids = await this.pids(name);
      return pids.length > 0 && !pids.includes(victim);
    });
  }

  /** kill -9 of the supervisor alone, which leaves everything else running. */
  async killSupervisor(): Promise<void> {
    const supervisor = this.#running();
    const exit = once(supervisor, "exit");
    supervisor.kill("SIGKILL");
    await exit;
  }

  /** kill -9 of everything at once, as when the power fails. */
  async killAll(): Promise<void> {
    const { processes } = await this.readInfo();
    const supervisorEnds = this.killSupervisor();
    for (const { pid } of processes) process.kill(pid, "SIGKILL");
    await supervisorEnds;
  }

  /** A caller of the API; each has a user of its own unless told otherwise. */
  async client(user: string = randomUUID()): Promise<Client> {
    return new Client(this.info, await this.token(user));
  }

  token(user: string, expiresIn = "1h"): Promise<string> {
    return new SignJWT()
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(user)
      .setExpirationTime(expiresIn)
      .sign(new TextEncoder().encode(new DataFolder(this.#folder).secrets().jwtSecret));
  }

  #running(): ChildProcess {
    if (this.#supervisor === undefined) throw new Error("the stack has not been started");
    return this.#supervisor;
  }
}
