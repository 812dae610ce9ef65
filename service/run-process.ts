import { once } from "node:events";
import { constants } from "node:os";
import { parseArgs } from "node:util";
import { messageOf } from "./errors.ts";
import { createLog, type Log } from "./log.ts";
import { SettingsError } from "./settings.ts";

const SAME_SIGNAL_MS = 1_000;

export interface ServiceProcess {
  /** As the log names it. */
  name: string;
  /** What `--help` prints. */
  usage: string;
  /**
   * `stop` aborts on SIGTERM or SIGINT; resolves when all work is put down. Another signal, a second later or more, ends
   * the process at once.
   */
  run(log: Log, stop: AbortSignal): Promise<void>;
}

/** Resolves when the process is to stop, at once where it already is. */
export async function stopped(stop: AbortSignal): Promise<void> {
  if (!stop.aborted) await once(stop, "abort");
}

/**
 * Runs a process of the project to its end. A wrong option or setting ends in a message that says what to mend,
 * anything else unexpected in the log, wherever it comes from, both with exit code 1.
 */
export async function runProcess({ name, usage, run }: ServiceProcess): Promise<never> {
  const log = createLog(name);
  const stop = new AbortController();
  // Comes for a rejection that nobody handles, too.
  process.on("uncaughtException", (err) => {
    log.fatal({ err }, "stopped by an error");
    process.exit(1);
  });
  let stoppedAt = 0;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) {
        // npm passes on what a terminal or systemd sends to both; later, somebody insists.
        if (performance.now() - stoppedAt > SAME_SIGNAL_MS) process.exit(128 + constants.signals[signal]);
        return;
      }
      stoppedAt = performance.now();
      log.info({ signal }, "stopping");
      stop.abort();
    });
  }
  try {
    if (parseOptions().help) process.stdout.write(usage);
    else await run(log, stop.signal);
    process.exit(0);
  } catch (error) {
    if (error instanceof SettingsError) process.stderr.write(`${error.message}\n`);
    else log.fatal({ err: error }, stop.signal.aborted ? "did not put all its work down" : "stopped by an error");
    process.exit(1);
  }
}

function parseOptions(): { help?: boolean | undefined } {
  try {
    return parseArgs({ options: { help: { type: "boolean", short: "h" } } }).values;
  } catch (error) {
    throw new SettingsError(`${messageOf(error)}\n--help says what there is.`);
  }
}
