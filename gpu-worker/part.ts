import type { RenderSpec } from "../images/spec.ts";

/** The task queue that part activities run on. */
export const GPU_QUEUE = "gpu";

/** A GPU worker, as Temporal's UI names it. */
export interface GpuWorkerIdentity {
  pid: number;
  host: string;
  backend: string;
  /** Parts that it takes at once. */
  slots: number;
}

export function gpuWorkerIdentity({ pid, host, backend, slots }: GpuWorkerIdentity): string {
  return `gpu-worker ${pid}@${host} ${backend} ×${slots}`;
}

/** The `slots` of a GPU worker of that identity; 0 where it is none. */
export function slotsOf(identity: string): number {
  return Number(/^gpu-worker .* ×(\d+)$/.exec(identity)?.[1] ?? 0);
}

/**
 * The input of `renderAndUploadPart`: everything one part needs, so that any GPU worker can take it. `renderId` and
 * `partNumber` are for people, who see them in Temporal's UI.
 */
export interface PartTask {
  renderId: string;
  spec: RenderSpec;
  /** 1-based S3 part number. */
  partNumber: number;
  /** The part's bytes of the file: `start` inclusive, `end` exclusive. */
  start: number;
  end: number;
  /** Presigned UploadPart URL, bound to the part number and to the length `end − start`. */
  url: string;
}

export interface PartResult {
  /** As S3 answered it, without the quotes. */
  etag: string;
  /** CRC-32 of the part's bytes, 0 … 2^32 − 1. */
  crc32: number;
  /** The Temporal attempt that succeeded, from 1. */
  attempt: number;
  /** How long that attempt took on its GPU worker, in milliseconds: the rest of the time it waited for one. */
  workedMs: number;
  /** What rendered it: "webgpu (nvidia-h200)", "webasm" or "cpu". */
  backend: string;
}

/** What `renderAndUploadPart` heartbeats. */
export interface PartHeartbeat {
  phase: "waiting" | "rendering" | "uploading";
  bytesSent: number;
  /** How often S3 has answered BadDigest to this part: the next attempt goes on counting. */
  corruptions: number;
}

/** The GPU task queue's activity. */
export interface PartActivities {
  renderAndUploadPart(task: PartTask): Promise<PartResult>;
}

/**
 * Types of the ApplicationFailures of `renderAndUploadPart`:
 * - `UrlExpired` (not retryable in place): S3 refused the URL with 403, or says that the credentials that signed it
 *   have expired; the workflow presigns anew: always where the URL's life was over, else once a part.
 * - `UploadGone` (not retryable): S3 does not know the upload any more (404 NoSuchUpload).
 * - `S3Refused` (not retryable): S3 refused the request for good; the message says what S3 said.
 * - `S3Unavailable` (retryable): resets, timeouts, stalls, 408, 5xx.
 * - `SlowDown` (retryable, after longer pauses): S3 asks for fewer requests: 429, 503.
 * - `StorageFull` (retryable): S3 answered 507.
 * - `PartCorrupted` (retryable, at most twice): S3 answered BadDigest.
 * - `RendererFailed` (retryable): the renderer or its device failed.
 * - `Failed` (retryable): an error that nobody foresaw.
 */
export type PartFailureType =
  | "UrlExpired"
  | "UploadGone"
  | "S3Refused"
  | "S3Unavailable"
  | "SlowDown"
  | "StorageFull"
  | "PartCorrupted"
  | "RendererFailed"
  | "Failed";
