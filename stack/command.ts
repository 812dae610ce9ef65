import { once } from "node:events";
import { constants } from "node:os";
import { setImmediate as nextTurn } from "node:timers/promises";
import { SettingsError } from "../service/settings.ts";
import { StackError } from "./stack-error.ts";
import { machineCauseOf, tell } from "./terminal.mjs";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs a command of the terminal to its end. `--help` prints `usage`; Ctrl-C, SIGTERM and SIGHUP abort `stop`, once,
 * and the command then has to come to its end; an error ends in one message that says what to do, and exit code 1. So
 * does standard output that cannot be written, but the work goes on, as it does where nobody reads any more.
 * @param run resolves with the exit code
 */
export async function runCommand(usage: string, run: (stop: AbortSignal) => Promise<number>): Promise<void> {
  watchOutput();
  keepFromProxy();
  if (process.argv.slice(2).some((argument) => argument === "--help" || argument === "-h")) {
    process.stdout.write(usage);
    return;
  }
  const stopping = new AbortController();
  let interrupted = 130; // what a shell reports for a program that Ctrl-C ended; for another signal as much more
  for (const signal of signals) {
    process.on(signal, () => {
      interrupted = 128 + constants.signals[signal];
      stopping.abort();
    });
  }
  stopping.signal.addEventListener("abort", () => tell("Stopping"));
  // Whoever started this with a channel wants it to end with them.
  process.channel?.unref();
  process.once("disconnect", () => stopping.abort());
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    process.on(event, (error) => {
      report(error);
      process.exitCode = 1;
      stopping.abort();
    });
  }
  let code = 1;
  try {
    code = await run(stopping.signal);
  } catch (error) {
    if (stopping.signal.aborted) code = interrupted;
    else report(error);
  }
  if (!stopping.signal.aborted) {
    const stopped = once(stopping.signal, "abort").then(() => {
      code = interrupted;
    });
    await Promise.race([allWritten(), stopped]); // a reader may never come
  }
  process.exit(process.exitCode ?? code);
}

/** With NODE_USE_ENV_PROXY, the embedded stack would otherwise be looked for behind the proxy of the environment. */
function keepFromProxy(): void {
  const { no_proxy = process.env["NO_PROXY"] } = process.env;
  if (no_proxy === "*") return;
  process.env["no_proxy"] = [no_proxy, "127.0.0.1", "localhost"].filter(Boolean).join(",");
}

function watchOutput(): void {
  let told = false;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE" || told) return;
    told = true;
    report(new StackError(`Standard output cannot be written: ${machineCauseOf(error.message) ?? error.message}.`));
    process.exitCode = 1;
  });
  process.stderr.on("error", () => {}); // nowhere to say so
}

/** Resolves when pipes have taken all that was written to them, or when the error of a write has been emitted. */
async function allWritten(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.writableLength > 0) await new Promise<void>((resolve) => stream.write("", () => resolve()));
    await nextTurn();
  }
}

function report(error: unknown): void {
  process.stderr.write(`${explained(error)}\n`);
}

function explained(error: unknown): string {
  if (!(error instanceof Error)) return `${error}`;
  if (error instanceof StackError || error instanceof SettingsError) return error.message;
  if ("code" in error && `${error.code}`.startsWith("ERR_PARSE_ARGS"))
    return `${error.message}\nOptions come after "--" (npm run COMMAND -- OPTIONS); -- --help names them all.`;
  const cause = machineCauseOf(error.message);
  return cause === undefined ? (error.stack ?? error.message) : `${error.message}: ${cause}.`;
}
