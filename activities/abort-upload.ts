import { StorageError } from "../storage/answers.ts";
import type { OpenUpload, Storage } from "../storage/storage.ts";
import type { AbortRequest } from "./types.ts";

/**
 * Leaves nothing of a render in S3: no upload of its key, and no object where a Complete may have made one. The upload
 * that is known is aborted by its id first: a listing may leave out one that was aborted, though a late PUT has brought
 * a part of it back. Where the bucket itself is gone, so is everything.
 */
export async function abortUpload(storage: Storage, { key, uploadId, discardObject }: AbortRequest): Promise<void> {
  try {
    if (uploadId !== undefined) await abortAndCheck(storage, { key, uploadId });
    await abortUploadsOf(storage, key);
    if (discardObject) await storage.deleteObject(key);
  } catch (error) {
    if (error instanceof StorageError && error.code === "NoSuchBucket") return;
    throw error;
  }
}

/** Aborts every upload that is open at exactly this key. @throws the signal's reason where it aborts before one */
export async function abortUploadsOf(storage: Storage, key: string, signal?: AbortSignal): Promise<void> {
  for await (const upload of storage.listUploads(key)) {
    signal?.throwIfAborted();
    if (upload.key === key) await abortAndCheck(storage, upload);
  }
}

/**
 * An abort alone does not prove anything: a PUT that was on its way may have brought a part back.
 * @throws StorageError of meaning `retry` while S3 still knows the upload
 */
async function abortAndCheck(storage: Storage, upload: OpenUpload): Promise<void> {
  await storage.abortUpload(upload);
  if (!(await storage.hasUpload(upload))) return;
  throw new StorageError(
    "retry",
    "UploadNotGone",
    `S3 still knows the aborted upload of ${upload.key}; it is aborted again.`,
  );
}
