import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, renameSync, statSync, truncateSync } from "node:fs";
import { copyFile, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { hasCode } from "../service/errors.ts";
import { readableLog } from "./log-lines.ts";
import { makeFolder } from "./make-folder.ts";
import { identify, type ProcessIdentity } from "./process-identity.mjs";
import { StackError } from "./stack-error.ts";
import { lastLines, machineCauseOf } from "./terminal.mjs";

/** How to run one process of the stack. */
export interface Program {
  /** As in stack.json: "api", "worker", "gpu-worker", "postgres", "temporal" or "s3". */
  name: string;
  /** The log's file name, where several processes share a name. */
  logName?: string;
  command: string;
  /** What to do where it does not run. */
  advice?: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Spawned as this user; for a process that refuses to run as root. */
  user?: { uid: number; gid: number };
  /** What asks it to stop in order; SIGTERM unless told otherwise. */
  stopSignal?: NodeJS.Signals;
  /** It is killed where it has not stopped after so long. */
  stopWithinMs: number;
}

/** What a supervised process tells the stack. */
export interface Watcher {
  /** A process started or ended: another set of pids. */
  changed(): void;
  /** For the person at the terminal. */
  say(line: string): void;
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;
/** After so long, a process counts as running well again. */
const RUNS_WELL_AFTER_MS = 30_000;
const LOG_LIMIT_BYTES = 64 * 2 ** 20;
const LOG_CHECK_MS = 60_000;

/**
 * One process that is started again when it dies: at once the first time, then after a pause that doubles.
 * It runs in a session of its own, so that Ctrl-C reaches the supervisor alone and stopping keeps its order; its output
 * goes straight into its log file, so that it does not depend on the supervisor's life.
 */
export class Supervised {
  readonly program: Program;
  readonly logFile: string;
  readonly #watcher: Watcher;
  readonly #stopping = new AbortController();
  readonly #logCheck: NodeJS.Timeout;
  #child: ChildProcess | undefined;
  #identity: ProcessIdentity | undefined;
  #exited: Promise<void> = Promise.resolve();
  #ending = "";
  #startedAt = 0;
  #quickDeaths = 0;
  #keepAlive = false;

  constructor(program: Program, logFolder: string, watcher: Watcher) {
    this.program = program;
    this.logFile = path.join(logFolder, `${program.logName ?? program.name}.log`);
    this.#watcher = watcher;
    keepOneOlder(this.logFile);
    this.#logCheck = setInterval(() => void this.#boundLog(), LOG_CHECK_MS).unref();
    this.#spawn();
  }

  /** The running process; undefined between a death and the next start. */
  get identity(): ProcessIdentity | undefined {
    return this.#identity;
  }

  /**
   * Waits until `answers` is true. Before that, a death is not repaired but reported.
   * @throws StackError with the end of the log where the process ends first, or does not answer in time
   */
  async ready(answers: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await answers())) {
      if (this.#stopping.signal.aborted) throw new StackError(`${this.program.name} was stopped before it was ready.`);
      if (this.#child === undefined) throw await this.#failure(`stopped before it was ready (${this.#ending})`);
      if (performance.now() > deadline) throw await this.#failure(`did not answer within ${withinMs / 1000} s`);
      await pause(50);
    }
    this.#keepAlive = true;
    if (this.#child === undefined) void this.#startAgain();
  }

  /** Ends it for good, in order if it can. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#logCheck);
    const child = this.#child;
    if (child === undefined) return;
    child.kill(this.program.stopSignal ?? "SIGTERM");
    const late = setTimeout(() => killGroup(child.pid), this.program.stopWithinMs);
    await this.#exited;
    clearTimeout(late);
  }

  #spawn(): void {
    this.#startedAt = performance.now(); // first: what cannot be started has not run well
    const child = this.#launch();
    this.#child = child;
    this.#identity = child.pid === undefined ? undefined : identify(child.pid);
    this.#exited = new Promise((resolve) => {
      child.once("error", (error) => {
        if (child.pid === undefined) this.#ended(`${error}`, resolve);
      });
      child.once("exit", (code, signal) => this.#ended(signal ? `signal ${signal}` : `exit code ${code}`, resolve));
    });
    this.#watcher.changed();
  }

  /** @throws where it cannot be started at all */
  #launch(): ChildProcess {
    const { command, args, env, user } = this.program;
    makeFolder(path.dirname(this.logFile), 0o700); // somebody may have cleared the logs away
    const log = openSync(this.logFile, "a", 0o600);
    const umask = process.umask(0o077); // what it writes is for the owner's eyes only
    try {
      return spawn(command, args, { env, ...user, detached: true, stdio: ["ignore", log, log] });
    } finally {
      process.umask(umask);
      closeSync(log);
    }
  }

  #ended(how: string, resolve: () => void): void {
    this.#ending = how;
    killGroup(this.#child?.pid);
    this.#child = undefined;
    this.#identity = undefined;
    this.#watcher.changed();
    resolve();
    if (this.#keepAlive && !this.#stopping.signal.aborted) void this.#startAgain();
  }

  async #startAgain(): Promise<void> {
    const ranWell = performance.now() - this.#startedAt > RUNS_WELL_AFTER_MS;
    this.#quickDeaths = ranWell ? 1 : this.#quickDeaths + 1;
    const pauseMs =
      this.#quickDeaths === 1 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** (this.#quickDeaths - 2), LONGEST_PAUSE_MS);
    const when = pauseMs === 0 ? "starting it again" : `starting it again in ${pauseMs / 1000} s`;
    this.#watcher.say(`${this.program.name} ended (${this.#ending}); ${when}; its log: ${this.logFile}`);
    try {
      await pause(pauseMs, undefined, { signal: this.#stopping.signal });
    } catch {
      return;
    }
    try {
      this.#spawn();
    } catch (error) {
      this.#ended(`it could not be started: ${machineCauseOf(`${error}`) ?? error}`, () => {});
    }
  }

  async #failure(what: string): Promise<StackError> {
    const log = readableLog(await readFile(this.logFile, "utf8"));
    const cause = machineCauseOf(log);
    const { name, advice } = this.program;
    const said =
      log === "" ? `Its log, ${this.logFile}, is empty.` : `The last lines of ${this.logFile}:\n${lastLines(log)}`;
    return new StackError(
      `${name} ${what}${cause === undefined ? "" : `: ${cause}`}. ${said}` +
        (log === "" && advice !== undefined ? `\n${advice}` : ""),
    );
  }

  /** The process appends, so the file can be emptied under its hands. */
  async #boundLog(): Promise<void> {
    try {
      const size = statSync(this.logFile, { throwIfNoEntry: false })?.size ?? 0;
      if (size < LOG_LIMIT_BYTES) return;
      await copyFile(this.logFile, olderLog(this.logFile));
      truncateSync(this.logFile);
    } catch (error) {
      this.#watcher.say(`The log ${this.logFile} could not be cut: ${machineCauseOf(`${error}`) ?? error}`);
    }
  }
}

/** Kills a process and what it started; one that has ended already is no error. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if (!hasCode(error, "ESRCH")) throw error;
  }
}

function keepOneOlder(logFile: string): void {
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > 0) renameSync(logFile, olderLog(logFile));
}

function olderLog(logFile: string): string {
  return logFile.replace(/\.log$/, ".1.log");
}
