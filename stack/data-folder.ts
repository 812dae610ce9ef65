import { randomBytes } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as pause } from "node:timers/promises";
import * as z from "zod";
import { hasCode, messageOf } from "../service/errors.ts";
import { makeFolder } from "./make-folder.ts";
import { isRunning } from "./process-identity.mjs";
import { StackError } from "./stack-error.ts";
import { machineCauseOf } from "./terminal.mjs";

const processIdentity = z.object({ pid: z.int(), started: z.string() });

/** supervisor.json: what the supervisor last wrote about itself. */
const supervisorRecord = z.object({
  supervisor: processIdentity,
  stopping: z.boolean(),
  /** Whether it is a demo, which stops what it started once it has checked its own render. */
  isDemo: z.boolean(),
  /** Where its ports begin. */
  portBase: z.int().optional(),
  /** What it started and what still runs. */
  processes: z.array(processIdentity.extend({ name: z.string() })),
});
export type SupervisorRecord = z.infer<typeof supervisorRecord>;

/** stack.json: where everything is, for whoever uses the running stack. */
const stackInfo = z.object({
  graphqlUrl: z.string(),
  wsUrl: z.string(),
  /** Null where the Temporal given by TEMPORAL_ADDRESS has none configured (TEMPORAL_UI_URL). */
  temporalUiUrl: z.string().nullable(),
  temporalAddress: z.string(),
  databaseUrl: z.string(),
  s3: z.object({
    endpoint: z.string(),
    bucket: z.string(),
    region: z.string(),
    /** Absent where the AWS SDK finds credentials by other means than the environment. */
    accessKeyId: z.string().optional(),
    secretAccessKey: z.string().optional(),
  }),
  processes: z.array(z.object({ name: z.string(), pid: z.int() })),
});
export type StackInfo = z.infer<typeof stackInfo>;

/** secrets.json: made once a data folder, at random. */
const secrets = z.object({
  jwtSecret: z.string().min(1),
  databasePassword: z.string().min(1),
  s3AccessKeyId: z.string().min(1),
  s3SecretAccessKey: z.string().min(1),
});
export type Secrets = z.infer<typeof secrets>;

/** Longer than a stack takes to stop at the most: its API, its workers and its engines, one after the other. */
const WAIT_FOR_STOP_MS = 75_000;
/** Whoever looks whether a folder is locked is in the way of whoever locks it for a moment, much shorter than this. */
const LOOK_MS = 200;

/** The embedded stack's data folder: $RASTERLIFT_DATA, or `.data` in the project. */
export function defaultDataFolder(): string {
  return path.resolve(process.env["RASTERLIFT_DATA"] || path.join(import.meta.dirname, "..", ".data"));
}

/** The files of a data folder that are not an engine's. All are for the owner's eyes only. */
export class DataFolder {
  readonly path: string;
  #lock: DatabaseSync | undefined;

  /** @throws StackError where the folder cannot be made or written into, or is none for the engines */
  constructor(folder: string) {
    this.path = path.resolve(folder);
    const [unfit] = this.path.match(/[#?%,]/) ?? []; // Temporal takes its path for a URL's, SeaweedFS for a list
    if (unfit !== undefined) {
      throw new StackError(
        `The data folder ${this.path} cannot be used: its engines do not take the ${unfit} in that path. RASTERLIFT_DATA names another one.`,
      );
    }
    const logs = path.join(this.path, "logs");
    try {
      makeFolder(logs, 0o700);
      for (const used of [this.path, logs]) accessSync(used, constants.R_OK | constants.W_OK | constants.X_OK);
    } catch (error) {
      throw new StackError(
        `The data folder ${this.path} cannot be used: ${machineCauseOf(`${error}`) ?? error}. RASTERLIFT_DATA names another one.`,
      );
    }
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  /**
   * Makes this process the only supervisor of the folder, as long as it lives: the lock is SQLite's on a file, which
   * the system drops with its holder, however that ends. A stack that is just stopping is waited for.
   * @param signal aborted to give up waiting
   * @throws StackError where another stack runs on the folder
   */
  async lock(say: (line: string) => void, signal: AbortSignal): Promise<void> {
    const deadline = performance.now() + WAIT_FOR_STOP_MS;
    let told = false;
    while (!this.#tryLock()) {
      const record = this.readRecord();
      if (record?.stopping !== true || performance.now() > deadline) {
        const holder = record === undefined ? "" : ` (process ${record.supervisor.pid})`;
        throw new StackError(
          `A stack already runs on the data folder ${this.path}${holder}. ` +
            "Stop it first, or start another one side by side with RASTERLIFT_DATA=FOLDER PORT=0.",
        );
      }
      if (!told) say(`Waiting for the stack on ${this.path} to stop`);
      told = true;
      await pause(100, undefined, { signal });
    }
  }

  /** Whether this process holds the lock. */
  get isOurs(): boolean {
    return this.#lock !== undefined;
  }

  unlock(): void {
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** Whether a supervisor holds the folder now. Any number of processes may look at once. */
  isLocked(): boolean {
    if (this.#lock !== undefined) return true;
    const look = this.#openLock("SELECT 1 FROM sqlite_schema", 0);
    look?.close();
    return look === undefined;
  }

  /** Whether a supervisor holds the folder and is not about to stop: what dies is started again. */
  isSupervised(): boolean {
    return this.isLocked() && this.readRecord()?.stopping !== true;
  }

  #tryLock(): boolean {
    this.#lock = this.#openLock("BEGIN EXCLUSIVE", LOOK_MS);
    return this.#lock !== undefined;
  }

  /** The lock's file after `statement`; undefined where another one's lock is in its way for longer than `patienceMs`. */
  #openLock(statement: string, patienceMs: number): DatabaseSync | undefined {
    const lock = new DatabaseSync(this.file("lock.sqlite"), { timeout: patienceMs });
    try {
      chmodSync(this.file("lock.sqlite"), 0o600);
      lock.exec(statement);
      return lock;
    } catch (error) {
      lock.close();
      const message = messageOf(error);
      if (/locked/.test(message)) return undefined;
      throw new StackError(
        `${this.file("lock.sqlite")} cannot be used (${machineCauseOf(message) ?? message}). Where no stack runs, it can be removed.`,
      );
    }
  }

  readRecord(): SupervisorRecord | undefined {
    return this.#readJson("supervisor.json", supervisorRecord);
  }

  writeRecord(record: SupervisorRecord): void {
    this.writePrivate("supervisor.json", `${JSON.stringify(record, undefined, 2)}\n`);
  }

  /** stack.json, which is there only while a stack runs and is ready (or was killed). */
  readStack(): StackInfo | undefined {
    return this.#readJson("stack.json", stackInfo);
  }

  /** Processes of a supervisor that was killed, which nobody looks after any more. */
  leftBehind(): SupervisorRecord["processes"] {
    return this.readRecord()?.processes.filter(isRunning) ?? [];
  }

  /** @throws StackError where they are damaged: without them, the database is of no use */
  secrets(): Secrets {
    if (!existsSync(this.file("secrets.json"))) this.#makeSecrets();
    const known = this.#readJson("secrets.json", secrets);
    if (known !== undefined) return known;
    throw new StackError(
      `${this.file("secrets.json")} is damaged. Restore it, or delete the data folder ${this.path} to start afresh.`,
    );
  }

  #makeSecrets(): void {
    const made: Secrets = {
      jwtSecret: randomBytes(32).toString("hex"),
      databasePassword: randomBytes(24).toString("hex"),
      s3AccessKeyId: randomBytes(10).toString("hex").toUpperCase(),
      s3SecretAccessKey: randomBytes(24).toString("hex"),
    };
    try {
      this.#writeWhole("secrets.json", `${JSON.stringify(made, undefined, 2)}\n`, linkSync);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error; // else another process was faster
    }
  }

  /** Writes a file that only the owner can read, whole or not at all. */
  writePrivate(name: string, text: string): void {
    this.#writeWhole(name, text, renameSync);
  }

  #writeWhole(name: string, text: string, put: (from: string, to: string) => void): void {
    const unfinished = this.file(`${name}.${process.pid}.tmp`);
    try {
      writeFileSync(unfinished, text, { mode: 0o600, flush: true });
      put(unfinished, this.file(name));
    } finally {
      rmSync(unfinished, { force: true });
    }
  }

  remove(name: string): void {
    rmSync(this.file(name), { force: true });
  }

  /** @returns undefined where there is no such file, or none that is whole */
  #readJson<T>(name: string, shape: z.ZodType<T>): T | undefined {
    try {
      return shape.safeParse(JSON.parse(readFileSync(this.file(name), "utf8"))).data;
    } catch (error) {
      if (error instanceof SyntaxError || hasCode(error, "ENOENT")) return undefined;
      throw error;
    }
  }
}
