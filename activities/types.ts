import type { RecordedEvent } from "../database/state.ts";

export type { RecordedEvent, RenderState } from "../database/state.ts";

/** Where the render's object is to be: the workflow hands it to every activity that talks to S3. */
export interface UploadTarget {
  renderId: string;
  /** `renders/{render id}.{bmp|ppm|tif}` */
  key: string;
  contentType: string;
}

export interface Upload {
  key: string;
  uploadId: string;
}

/** URLs for the parts `from` … `to` (1-based, inclusive), each bound to its part's length. */
export interface PresignRequest extends Upload {
  from: number;
  to: number;
  partSize: number;
  byteSize: number;
}

export interface PresignedPart {
  partNumber: number;
  url: string;
}

/** Everything needed to complete and to check: ETags and CRC-32s in the order of the parts, packed. */
export interface CompleteRequest extends Upload {
  byteSize: number;
  partSize: number;
  partCount: number;
  /** Each part's ETag without quotes, in order, separated by one space. */
  etags: string;
  /** Each part's CRC-32 as 8 hex digits, in order, without separator. */
  crc32s: string;
}

export interface CompletedObject {
  etag: string;
  /** Of the whole file, 8 lower-case hex digits. */
  crc32: string;
}

/** The control task queue's activities. */
export interface ControlActivities {
  /** Opens the multipart upload, aborting an earlier one of the same render. */
  initUpload(target: UploadTarget): Promise<{ uploadId: string }>;
  presignParts(request: PresignRequest): Promise<PresignedPart[]>;
  /** Completes and checks (size, composite ETag, checksum); idempotent. */
  completeUpload(request: CompleteRequest): Promise<CompletedObject>;
  /** Aborts until S3 knows nothing of the upload any more; idempotent. */
  abortUpload(upload: Upload): Promise<void>;
  /** Row, event and NOTIFY in one transaction; idempotent by (render, sequence). A local activity. */
  recordEvent(event: RecordedEvent): Promise<void>;
}
