import { ApplicationFailure, Context } from "@temporalio/activity";
import { TemporalFailure } from "@temporalio/common";
import { fullJitter } from "../service/full-jitter.ts";
import { type Meaning, StorageError } from "../storage/answers.ts";

const BEAT_EVERY_MS = 2_000;
const LONGEST_PAUSE_MS = 30_000;

/** The first pause's upper bound; it doubles with each attempt. */
const pauseMs: Partial<Record<Meaning, number>> = { retry: 250, "slow-down": 2_000 };

/**
 * Runs an activity that talks to S3: heartbeats, so that a dead process is soon noticed, and fails in the words of
 * storage/answers.ts, with Temporal told whether and when to try again; an error that nobody foresaw is a `Failed`.
 * `work` gets a signal that aborts once nobody waits for this attempt any more.
 * `insist`: try again even where S3 refuses, because giving up would leave something behind.
 */
export async function talkingToS3<T>(work: (signal: AbortSignal) => Promise<T>, { insist = false } = {}): Promise<T> {
  const { cancellationSignal, heartbeat, info } = Context.current();
  const beat = setInterval(heartbeat, BEAT_EVERY_MS);
  try {
    return await work(cancellationSignal);
  } catch (error) {
    if (error instanceof StorageError) throw failureFor(error, info.attempt, insist);
    // Without a type of ours, the SDK would take the name of the error's class.
    throw error instanceof TemporalFailure ? error : ApplicationFailure.fromError(error, { type: "Failed" });
  } finally {
    clearInterval(beat);
  }
}

function failureFor(error: StorageError, attempt: number, insist: boolean): ApplicationFailure {
  const firstPauseMs = pauseMs[error.meaning] ?? (insist ? LONGEST_PAUSE_MS : undefined);
  const longestMs = Math.min(LONGEST_PAUSE_MS, (firstPauseMs ?? 0) * 2 ** (attempt - 1));
  return ApplicationFailure.create({
    type: error.code,
    message: error.message,
    cause: error,
    nonRetryable: firstPauseMs === undefined,
    ...(firstPauseMs === undefined ? {} : { nextRetryDelay: fullJitter(longestMs) }),
  });
}
