import type { Log } from "./log.ts";
import { SettingsError } from "./settings.ts";

/**
 * Runs a process: `start` gets a signal that aborts on SIGTERM or SIGINT and resolves when all work is put down.
 * A wrong setting ends in its message and exit code 1; anything else unexpected is logged and ends in exit code 1.
 */
export async function runProcess(log: Log, start: (stop: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      log.info({ signal }, "stopping");
      stop.abort();
    });
  }
  try {
    await start(stop.signal);
    process.exit(0);
  } catch (error) {
    if (error instanceof SettingsError) process.stderr.write(`${error.message}\n`);
    else log.fatal({ err: error }, "stopped by an error");
    process.exit(1);
  }
}
