import { pino } from "pino";

/** The log of one process, JSON lines on standard output. Never log a URL's query, a token or an environment. */
export function createLog(process: string) {
  return pino({
    name: process,
    redact: { paths: ["*.url", "*.authorization", "*.password", "*.secretAccessKey"], censor: "[redacted]" },
  });
}

export type Log = ReturnType<typeof createLog>;
