export const renderStatuses = ["QUEUED", "RUNNING", "PAUSED", "CANCELING", "COMPLETED", "FAILED", "CANCELED"] as const;
export type RenderStatus = (typeof renderStatuses)[number];

/** A render has either one of these, and counts against its user's quota, ... */
export const activeStatuses: readonly RenderStatus[] = ["QUEUED", "RUNNING", "PAUSED", "CANCELING"];

/** ... or one of these, and has ended; a failed one can go on for as long as it keeps its parts. */
export const endStatuses: readonly RenderStatus[] = ["COMPLETED", "FAILED", "CANCELED"];

export type PartState = "WAITING" | "ACTIVE" | "DONE" | "FAILED";

/** Run-length over part numbers: 1-based, both ends inclusive. */
export interface PartRange {
  from: number;
  to: number;
  state: PartState;
}

export interface RenderFailure {
  /** Stable, for programs, e.g. "S3Unavailable". */
  code: string;
  /** For people: what happened and what to do. */
  message: string;
  /** The part that failed, where one did. */
  part?: number;
}

/** The mutable state of a render: what an event is a snapshot of. JSON values only. */
export interface RenderState {
  status: RenderStatus;
  /** Parts that S3 has, and their bytes. */
  partsDone: number;
  bytesUploaded: number;
  /** Parts that needed more than one attempt, counted once they are done or taken up again. */
  retriedParts: number;
  /** All parts, from 1 on; neighbours differ in state. */
  parts: PartRange[];
  /** What has rendered it so far: "webgpu (nvidia-h200)", "webasm" or "cpu", each once. */
  backends: string[];
  /** FAILED only. */
  failure?: RenderFailure;
  /** RFC 3339; FAILED only. */
  resumableUntil?: string;
  /** Of the object, without the quotes; COMPLETED only, as is `crc32`. */
  etag?: string;
  /** 8 lower-case hex digits, of the whole file. */
  crc32?: string;
  /** RFC 3339: when its workflow first ran, and when it was COMPLETED, FAILED or CANCELED. */
  startedAt?: string;
  finishedAt?: string;
  /** The workflow run that recorded it; absent while QUEUED. */
  runId?: string;
}

export const renderEventKinds = ["STATUS", "PROGRESS"] as const;
export type RenderEventKind = (typeof renderEventKinds)[number];

/** What `recordEvent` writes: event `sequence` of a render (1 is QUEUED, written by the API). */
export interface RecordedEvent {
  renderId: string;
  sequence: number;
  /** RFC 3339. */
  at: string;
  kind: RenderEventKind;
  state: RenderState;
}
