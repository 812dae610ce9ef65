import { spawn } from "node:child_process";
import { killGroup } from "./supervised.ts";

export interface RunOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Run as this user. */
  user?: { uid: number; gid: number } | undefined;
  /** Kills the program, and what it has started, when aborted. */
  signal?: AbortSignal | undefined;
}

/**
 * Runs a program to its end, which comes with this process's own at the latest, in a session of its own.
 * @returns its exit code (undefined where there is no such program) and everything it wrote
 */
export function runProgram(
  command: string,
  args: readonly string[],
  { env = process.env, cwd, user, signal }: RunOptions = {},
): Promise<{ code: number | undefined; output: string }> {
  const child = spawn(command, args, { env, cwd, ...user, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  const kill = () => killGroup(child.pid);
  process.once("exit", kill);
  signal?.addEventListener("abort", kill, { once: true });
  if (signal?.aborted) kill();
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve({ code: undefined, output });
      else reject(error);
    });
    child.once("close", (code) => {
      process.removeListener("exit", kill);
      signal?.removeEventListener("abort", kill);
      resolve({ code: code ?? 1, output });
    });
  });
}
