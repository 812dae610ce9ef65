import { randomUUID } from "node:crypto";
import { BufferPool } from "../gpu-worker/buffer-pool.ts";
import { createRenderers } from "../gpu-worker/renderers.ts";
import { createUploader } from "../gpu-worker/uploader.ts";
import { byteSizeOf } from "../images/formats/index.ts";
import { planParts, rangesOf } from "../images/plan.ts";
import type { RenderSpec } from "../images/spec.ts";
import type { Storage } from "../storage/storage.ts";
import { inParallel } from "../test/support/in-parallel.ts";

/** A part's bytes, rendered and digested beforehand. */
export interface ReadyPart {
  partNumber: number;
  bytes: Uint8Array;
  md5: string | undefined;
}

/** The whole image in memory, in parts of that many bytes. */
export async function renderIntoMemory(spec: RenderSpec, partSize: number, signal: AbortSignal): Promise<ReadyPart[]> {
  const plan = planParts(byteSizeOf(spec), partSize);
  const buffers = new BufferPool(plan.byteSize + plan.partSize);
  const renderers = await createRenderers({ backend: "auto", md5: true });
  const parts: ReadyPart[] = [];
  try {
    await inParallel([...rangesOf(plan).entries()], renderers.threads, async ([index, range]) => {
      const { bytes } = await buffers.acquire(range.end - range.start, signal);
      const { md5 } = await renderers.render(spec, range, bytes, { signal });
      parts[index] = { partNumber: index + 1, bytes, md5 };
    });
  } finally {
    await renderers.close();
  }
  return parts;
}

/**
 * The least that any uploader of these bytes has to do: an upload, presigned PUTs of parts that are there already,
 * and its completion.
 */
export async function uploadFromMemory(
  storage: Storage,
  parts: readonly ReadyPart[],
  { digest, concurrency, signal }: { digest: boolean; concurrency: number; signal: AbortSignal },
): Promise<void> {
  const key = `bench/${randomUUID()}.bmp`;
  const { uploadId } = await storage.createUpload({ key, contentType: "image/bmp", mark: "bench" });
  const uploader = createUploader({ stallSeconds: 30 });
  const etags: string[] = [];
  try {
    await inParallel(parts, concurrency, async ({ partNumber, bytes, md5 }) => {
      const length = bytes.length;
      const url = await storage.presignPart({ key, uploadId, partNumber, length, expiresIn: 900 });
      const answer = await uploader.put({
        url,
        bytes,
        md5: digest ? md5 : undefined,
        signal,
        onProgress: () => {},
      });
      if (answer.status !== 200 || !answer.etag) throw new Error(`S3 answered ${answer.status}: ${answer.body}`);
      etags[partNumber - 1] = answer.etag.replaceAll('"', "");
    });
  } finally {
    uploader.close();
  }
  await storage.completeUpload({ key, uploadId }, etags);
}
