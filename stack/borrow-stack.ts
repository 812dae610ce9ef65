import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { messageOf } from "../service/errors.ts";
import { DataFolder, defaultDataFolder, type StackInfo } from "./data-folder.ts";
import { readableLog } from "./log-lines.ts";
import { startStack } from "./stack.ts";
import { StackError } from "./stack-error.ts";
import { lastLines, showStep, tell } from "./terminal.mjs";

/** A stack to work with, ready for renders. */
export interface BorrowedStack {
  info: StackInfo;
  folder: DataFolder;
  /** Whether it was there already. */
  wasRunning: boolean;
  /** Another demo's process, with which it stops. */
  demo?: number | undefined;
  /** Stops it, unless it was there already. */
  stop(): Promise<void>;
}

const READY_WITHIN_MS = 120_000;

/**
 * The stack that runs on the data folder, or one that is started there.
 * @param keep whether one that is started has to outlive this process
 */
export async function borrowStack(keep: boolean, signal: AbortSignal): Promise<BorrowedStack> {
  const folder = new DataFolder(defaultDataFolder());
  if (!folder.isSupervised()) {
    try {
      return keep ? await startDetached(folder, signal) : await startAttached(folder, signal);
    } catch (error) {
      const anotherWasFaster = folder.isSupervised();
      if (signal.aborted || !anotherWasFaster) throw error;
    }
  }
  const info = await untilReady(folder, signal, () => folder.isSupervised());
  const { supervisor, isDemo } = folder.readRecord() ?? {};
  const demo = isDemo ? supervisor?.pid : undefined;
  tell(`Using the stack that runs on ${folder.path}${demo === undefined ? "" : `, of another demo (process ${demo})`}`);
  return { info, folder, wasRunning: true, demo, stop: async () => {} };
}

async function startAttached(folder: DataFolder, signal: AbortSignal): Promise<BorrowedStack> {
  const stack = await startStack({ say: tell, signal, isDemo: true });
  return { info: stack.info, folder, wasRunning: false, stop: () => stack.stop() };
}

/** `npm start` as a process of its own, with its output in the folder's logs. */
async function startDetached(folder: DataFolder, signal: AbortSignal): Promise<BorrowedStack> {
  const logFile = path.join(folder.path, "logs", "stack.log");
  const log = openSync(logFile, "w", 0o600);
  folder.remove("stack.json"); // one that was killed has left it
  const child = spawn(process.execPath, [path.join(import.meta.dirname, "start.ts")], {
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  child.unref();
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const stop = async () => {
    child.kill("SIGTERM");
    while (!ended()) await pause(25);
  };
  const step = showStep(`Starting the stack as process ${child.pid}`);
  try {
    const info = await untilReady(folder, signal, () => !ended());
    step.done();
    return { info, folder, wasRunning: false, stop };
  } catch (error) {
    step.failed();
    await stop();
    signal.throwIfAborted();
    throw new StackError(`${messageOf(error)}\n${lastLines(readableLog(readFileSync(logFile, "utf8")))}`);
  }
}

async function untilReady(folder: DataFolder, signal: AbortSignal, isStarting: () => boolean): Promise<StackInfo> {
  const deadline = performance.now() + READY_WITHIN_MS;
  for (;;) {
    const info = folder.readStack();
    if (info !== undefined) return info;
    if (!isStarting()) throw new StackError("The stack stopped before it was ready.");
    if (performance.now() > deadline) {
      throw new StackError(`The stack on ${folder.path} was not ready within ${READY_WITHIN_MS / 1000} s.`);
    }
    await pause(50, undefined, { signal });
  }
}
