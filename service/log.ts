import { writeSync } from "node:fs";
import { pino, stdSerializers } from "pino";
import { hasCode } from "./errors.ts";

/** The log of one process, JSON lines on standard output. Never log a URL's query, a token or an environment. */
export function createLog(name: string) {
  return pino(
    {
      name,
      serializers: { error: stdSerializers.err }, // what Temporal's SDK calls it
      redact: { paths: ["*.url", "*.authorization", "*.password", "*.secretAccessKey"], censor: "[redacted]" },
    },
    { write: writeLine },
  );
}

export type Log = ReturnType<typeof createLog>;

const STANDARD_OUTPUT = 1;

/**
 * Where a line cannot be written, as on a full disk, it is lost, and the process goes on. pino's own destination
 * (sonic-boom 4.2) would try to write it for ever, and do nothing else.
 */
function writeLine(line: string): void {
  const bytes = Buffer.from(line);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSome(bytes, written);
  } catch {
    // There is nowhere to say so.
  }
}

/** @returns how many bytes were written: none where nobody has emptied a pipe for a while */
function writeSome(bytes: Uint8Array, from: number): number {
  try {
    return writeSync(STANDARD_OUTPUT, bytes, from);
  } catch (error) {
    if (!hasCode(error, "EAGAIN")) throw error;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_PAUSE_MS);
    return 0;
  }
}

const PIPE_PAUSE_MS = 20;

/** Says a thing at most once in so many milliseconds, however often there is reason to. */
export function atMostEvery(ms: number): (say: () => void) => void {
  let quietUntil = 0;
  return (say) => {
    if (Date.now() < quietUntil) return;
    quietUntil = Date.now() + ms;
    say();
  };
}
