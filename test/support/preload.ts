import { exitAfter } from "./exit-after.ts";

// Imported into every test file's process.

/** The longest takes half as long on one slow core. */
const FILE_TIMEOUT_MS = 20 * 60_000;

// By default a signal ends a process without its "exit", on which engines are ended; SeaweedFS gets a terminal's signal,
// too, but may not heed it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

exitAfter(FILE_TIMEOUT_MS);
