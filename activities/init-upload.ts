import { randomUUID } from "node:crypto";
import type { Storage } from "../storage/storage.ts";
import { abortUploadsOf } from "./abort-upload.ts";
import type { Upload, UploadTarget } from "./types.ts";

/**
 * Opens the multipart upload. An attempt whose answer got lost, or an earlier run of the same render, may have left
 * one open: nothing else writes to a render's key, so what is open there is aborted first.
 * @param signal aborts when this attempt is given up: what a late listing shows then may be the next attempt's
 */
export async function initUpload(
  storage: Storage,
  { key, contentType }: UploadTarget,
  signal?: AbortSignal,
): Promise<Upload> {
  await abortUploadsOf(storage, key, signal);
  signal?.throwIfAborted();
  const mark = randomUUID();
  const { uploadId } = await storage.createUpload({ key, contentType, mark });
  return { key, uploadId, mark };
}
