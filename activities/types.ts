import type { RecordedEvent } from "../database/state.ts";

/** What initUpload opens an upload for. */
export interface UploadTarget {
  /** `renders/{render id}.{bmp|ppm|tif}` */
  key: string;
  contentType: string;
}

export interface Upload {
  key: string;
  uploadId: string;
  /** Stamped on the upload and on the object that it becomes: whose object lies at the key. */
  mark: string;
}

/** URLs for the parts `from` … `to` (1-based, inclusive), each bound to its part's length. */
export interface PresignRequest extends Upload {
  from: number;
  to: number;
  /** In bytes. */
  partSize: number;
  byteSize: number;
  /** How many URLs of the part have expired before (0). */
  expired?: number;
}

export interface PresignedParts {
  /** In the order of the parts, from `from` on. */
  urls: string[];
  /** How long they are good for from then on, in milliseconds: clocks differ. */
  lifeMs: number;
  /** How many parts the GPU workers that were seen meanwhile take at once, all together. */
  gpuSlots: number;
}

/** Everything needed to complete and to check: ETags and CRC-32s in the order of the parts, packed. */
export interface CompleteRequest extends Upload {
  /** In bytes. */
  byteSize: number;
  partSize: number;
  /** Each part's ETag without quotes, in order, separated by one space. */
  etags: string;
  /** Each part's CRC-32 as 8 hex digits, in order, without separator. */
  crc32s: string;
}

export interface CompletedObject {
  /** Without the quotes. */
  etag: string;
  /** Of the whole file, 8 lower-case hex digits. */
  crc32: string;
}

/** What is to leave S3: every upload of the key and, where a Complete was tried, the object that it may have made. */
export interface AbortRequest {
  key: string;
  uploadId?: string;
  discardObject: boolean;
}

/**
 * The control task queue's activities. Those that talk to S3 fail with ApplicationFailures typed by the code of
 * storage/answers.ts; where one is among `partsLostTypes`, no retry of it can succeed.
 */
export interface ControlActivities {
  /** Opens the multipart upload, aborting earlier ones of the same render. */
  initUpload(target: UploadTarget): Promise<Upload>;
  /** URLs for the next parts, and how many parts the GPU workers take at once. */
  presignParts(request: PresignRequest): Promise<PresignedParts>;
  /** Completes and checks (size, composite ETag, checksum); idempotent. */
  completeUpload(request: CompleteRequest): Promise<CompletedObject>;
  /** Aborts until S3 knows nothing of the upload any more; idempotent. */
  abortUpload(request: AbortRequest): Promise<void>;
  /** Row, event and NOTIFY in one transaction; idempotent. */
  recordEvent(event: RecordedEvent): Promise<void>;
}

/** The janitor's activities, each one sweep. */
export interface JanitorActivities {
  /** Starts renders that have no workflow; completes or fails those whose workflow ended without a word. */
  startLostRenders(): Promise<void>;
  /** Aborts the uploads of our renders that no running workflow owns. */
  abortOrphanUploads(): Promise<void>;
  /** Removes the renders whose deletion was asked for, each with its object. */
  finishDeletions(): Promise<void>;
}

/**
 * Failure types that mean: what S3 had of the upload is lost or wrong, and only a new upload helps.
 * `UploadGone`: it does not know the upload. `UploadDamaged`: it lacks parts. `ObjectMismatch`: it made another object.
 */
export const partsLostTypes: readonly string[] = ["UploadGone", "UploadDamaged", "ObjectMismatch"];
