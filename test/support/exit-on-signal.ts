/**
 * Imported into every test file's process. By default a signal ends a process without its "exit", on which engines are
 * ended; SeaweedFS gets a terminal's signal, too, but may not heed it.
 */
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
