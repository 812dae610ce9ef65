import { ActivityCancellationType, proxyActivities } from "@temporalio/workflow";
import type { ControlActivities, JanitorActivities } from "../activities/types.ts";
import { GPU_QUEUE, type PartActivities } from "../gpu-worker/part.ts";

/**
 * How long each activity may take and how often it is tried. The activities say in their failures which errors are
 * worth another attempt, and when (they spread the pauses at random); the intervals here are for the attempts that
 * could not say so, because their process died.
 */

/** A cancelled activity is waited for: only then is it known what it did. */
const cancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED;

/** A process that died is noticed after this long without a heartbeat. */
const HEARTBEAT_TIMEOUT = "10 seconds";

/** One or two small requests to S3, and the user waits: quick at first, over within three minutes where S3 answers. */
export const { initUpload } = proxyActivities<ControlActivities>({
  summary: "Open the multipart upload",
  startToCloseTimeout: "2 minutes",
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  cancellationType,
  retry: { initialInterval: "250 ms", maximumInterval: "30 seconds", maximumAttempts: 12 },
});

/** Signs, and asks Temporal for the GPU workers; what can fail is fetching credentials. */
export const { presignParts } = proxyActivities<ControlActivities>({
  startToCloseTimeout: "15 seconds",
  cancellationType,
  retry: { initialInterval: "250 ms", maximumInterval: "15 seconds", maximumAttempts: 12 },
});

/**
 * Renders and uploads up to 1 GiB, possibly over a slow line, so only the heartbeat says that it lives. Twelve attempts
 * with pauses of 0 … 20 seconds between them bridge about a minute of S3 being away, and 20 seconds of it even for the
 * unluckiest of many parts; then the part has failed, not its siblings.
 */
export const { renderAndUploadPart } = proxyActivities<PartActivities>({
  taskQueue: GPU_QUEUE,
  startToCloseTimeout: "2 hours",
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  cancellationType,
  retry: { initialInterval: "1 second", maximumInterval: "1 minute", maximumAttempts: 12 },
});

/** The last step of possibly hours of work, and idempotent: patient. S3 may think for minutes about 10,000 parts. */
export const { completeUpload } = proxyActivities<ControlActivities>({
  summary: "Complete the upload and check the object",
  startToCloseTimeout: "10 minutes",
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  cancellationType,
  retry: { initialInterval: "250 ms", maximumInterval: "30 seconds", maximumAttempts: 20 },
});

/** Until S3 has nothing left, however long S3 is away: CANCELED is only said when it is true. */
export const { abortUpload } = proxyActivities<ControlActivities>({
  summary: "Abort the upload until S3 has nothing left of it",
  startToCloseTimeout: "2 minutes",
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: { initialInterval: "250 ms", maximumInterval: "1 minute" },
});

/**
 * One round trip to PostgreSQL, tried until it is back. No local activity, though that would be faster: it would run before
 * Temporal has stored what led to the event. Where a worker or Temporal dies then, the workflow task is run again and may
 * take another way, e.g. cancel what everybody has been told is COMPLETED. And where one takes longer than 8 seconds, what
 * has happened meanwhile does not replay in the order in which it came (SDK 1.24.0).
 */
export const { recordEvent } = proxyActivities<ControlActivities>({
  startToCloseTimeout: "10 seconds",
  retry: { initialInterval: "100 ms", maximumInterval: "30 seconds" },
});

/** The janitor's: the next round comes by itself. */
export const { startLostRenders, abortOrphanUploads, finishDeletions } = proxyActivities<JanitorActivities>({
  startToCloseTimeout: "10 minutes",
  heartbeatTimeout: HEARTBEAT_TIMEOUT,
  retry: { maximumAttempts: 1 },
});
