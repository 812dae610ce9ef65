import { pino, stdSerializers } from "pino";

/** The log of one process, JSON lines on standard output. Never log a URL's query, a token or an environment. */
export function createLog(name: string) {
  return pino({
    name,
    serializers: { error: stdSerializers.err }, // what Temporal's SDK calls it
    redact: { paths: ["*.url", "*.authorization", "*.password", "*.secretAccessKey"], censor: "[redacted]" },
  });
}

export type Log = ReturnType<typeof createLog>;

/** Says a thing at most once in so many milliseconds, however often there is reason to. */
export function atMostEvery(ms: number): (say: () => void) => void {
  let quietUntil = 0;
  return (say) => {
    if (Date.now() < quietUntil) return;
    quietUntil = Date.now() + ms;
    say();
  };
}
