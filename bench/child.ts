import { fork, spawn } from "node:child_process";
import { on, once } from "node:events";
import path from "node:path";

/** A TypeScript file of this folder as a process of its own, which `using` ends. */
export interface Child extends Disposable {
  /** What it sends, until it ends. Throws where the signal aborts. */
  messages: AsyncIterable<unknown>;
}

export function startChild(script: string, args: string[], signal: AbortSignal): Child {
  const child = fork(path.join(import.meta.dirname, script), args);
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  return {
    messages: firstOfEach(on(child, "message", { signal, close: ["exit"] })),
    [Symbol.dispose]: () => {
      process.removeListener("exit", kill);
      kill();
    },
  };
}

async function* firstOfEach(events: AsyncIterable<unknown[]>): AsyncGenerator<unknown> {
  for await (const [message] of events) yield message;
}

/** Runs a program to its end with its output dropped. @returns the seconds it took */
export async function timeCommand(
  [program = "", ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<number> {
  const start = performance.now();
  const child = spawn(program, args, { env, signal, stdio: ["ignore", "ignore", "pipe"], killSignal: "SIGKILL" });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${program} ended with ${code}: ${errors.slice(-500)}`);
  return (performance.now() - start) / 1000;
}
