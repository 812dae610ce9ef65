import { constants } from "node:os";
import { SettingsError } from "../service/settings.ts";
import { StackError } from "./stack-error.ts";
import { machineCauseOf, tell } from "./terminal.mjs";

/**
 * Runs a command of the terminal to its end. `--help` prints `usage`; Ctrl-C, SIGTERM and SIGHUP abort `stop`, once,
 * and the command then has to come to its end; an error ends in one message that says what to do, and exit code 1.
 * @param run resolves with the exit code
 */
export async function runCommand(usage: string, run: (stop: AbortSignal) => Promise<number>): Promise<void> {
  if (process.argv.slice(2).some((argument) => argument === "--help" || argument === "-h")) {
    process.stdout.write(usage);
    return;
  }
  const stopping = new AbortController();
  let interrupted = 130; // what a shell reports for a program that Ctrl-C ended; for another signal as much more
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      interrupted = 128 + constants.signals[signal];
      stopping.abort();
    });
  }
  stopping.signal.addEventListener("abort", () => tell("Stopping"));
  // Whoever started this with a channel wants it to end with them.
  process.channel?.unref();
  process.once("disconnect", () => stopping.abort());
  // Nobody reads any more; the work itself goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  for (const event of ["uncaughtException", "unhandledRejection"]) {
    process.on(event, (error) => {
      report(error);
      process.exitCode = 1;
      stopping.abort();
    });
  }
  try {
    const code = await run(stopping.signal);
    process.exit(process.exitCode ?? code);
  } catch (error) {
    if (!stopping.signal.aborted) {
      report(error);
      process.exit(1);
    }
    process.exit(process.exitCode ?? interrupted);
  }
}

function report(error: unknown): void {
  process.stderr.write(`${messageOf(error)}\n`);
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return `${error}`;
  if (error instanceof StackError || error instanceof SettingsError) return error.message;
  if ("code" in error && `${error.code}`.startsWith("ERR_PARSE_ARGS"))
    return `${error.message}\n--help names every option.`;
  const cause = machineCauseOf(error.message);
  return cause === undefined ? (error.stack ?? error.message) : `${error.message}: ${cause}.`;
}
