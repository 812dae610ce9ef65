import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { S3Access } from "../test/support/bucket.ts";
import type { Client, StartInput } from "../test/support/client.ts";

/** One render through the whole system. */
export interface TimedRender {
  id: string;
  /** Milliseconds since the epoch: the mutation was sent, the COMPLETED event was received. */
  sentAt: number;
  completedAt: number;
}

/** Starts a render by the mutation and follows it by the subscription. @throws where it does not complete */
export async function timeRender(client: Client, input: StartInput, signal: AbortSignal): Promise<TimedRender> {
  const sentAt = now();
  const { id } = await client.started(input);
  await untilAborted(
    client.until(id, ({ status }) => status === "COMPLETED"),
    signal,
  );
  return { id, sentAt, completedAt: now() };
}

/** Milliseconds since the epoch, with fractions. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

/** The promise's outcome, or the signal's reason once it aborts. */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const settled = new AbortController();
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { signal: settled.signal });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    settled.abort();
  }
}

/** The environment that the AWS SDK and s5cmd take their credentials from. */
export function awsEnvironment({ region, accessKeyId, secretAccessKey }: S3Access) {
  return { AWS_REGION: region, AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey };
}

/** Waits until everything written is on the disk, so that the next measurement does not pay for the last. */
export async function flushDisk(): Promise<void> {
  await promisify(execFile)("sync");
}

/** As much as a render of 2 GiB takes up, S3's files in the system's cache included. */
const TOUCHED_GIB = 4;

/**
 * Has memory written to and given back. A virtual machine's memory may come from its host only when it is touched, some
 * two seconds a GiB, and go back when it lies idle: without this, a measurement would depend on what ran before.
 */
export async function touchMemory(signal: AbortSignal): Promise<void> {
  const script = `globalThis.touched = Array.from({ length: ${TOUCHED_GIB} }, () => Buffer.alloc(2 ** 30, 1))`;
  await promisify(execFile)(process.execPath, ["--eval", script], { signal });
}
