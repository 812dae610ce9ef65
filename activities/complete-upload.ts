import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { ApplicationFailure } from "@temporalio/activity";
import { combineCrc32s, crc32Hex } from "../images/crc32.ts";
import type { PartDigest } from "../service/settings.ts";
import { StorageError } from "../storage/answers.ts";
import type { Storage, StoredObject } from "../storage/storage.ts";
import type { CompletedObject, CompleteRequest } from "./types.ts";

/** The object may not be there right after Complete: S3 is looked at three times before the parts are given up. */
const LOOKS = 3;
const LOOK_AGAIN_MS = 500;

/**
 * Makes the parts one object, then looks at what S3 has: only an object of the right size that is provably made of our
 * parts is a success, whatever the answer to Complete was. An earlier attempt may have succeeded with its answer lost;
 * then S3 does not know the upload or its parts any more, and the object alone decides. What merely lies at the key
 * proves nothing.
 */
export async function completeUpload(
  storage: Pick<Storage, "completeUpload" | "head">,
  request: CompleteRequest,
  digest: PartDigest,
): Promise<CompletedObject> {
  const etags = request.etags.split(" ");
  const crc32 = combinedCrc32(request);
  const refusal = await complete(storage, request, etags);
  for (let looks = 1; ; looks++) {
    const object = await storage.head(request.key);
    const etag = digest === "md5" && object?.hasMd5Etag ? compositeEtag(etags) : undefined;
    const difference = differenceFrom(object, { request, crc32, etag });
    if (object !== undefined && difference === undefined) return { etag: object.etag, crc32 };
    if (looks === LOOKS) {
      if (refusal !== undefined) throw refusal;
      throw ApplicationFailure.nonRetryable(
        `S3 reported the upload of ${request.key} complete, but ${difference}. A retry of the render uploads it anew.`,
        "ObjectMismatch",
      );
    }
    await pause(LOOK_AGAIN_MS);
  }
}

/**
 * Resolves with S3's answer where it says that the upload or its parts are not there, which the object itself may yet
 * refute.
 */
async function complete(
  storage: Pick<Storage, "completeUpload">,
  request: CompleteRequest,
  etags: string[],
): Promise<StorageError | undefined> {
  try {
    await storage.completeUpload(request, etags);
    return undefined;
  } catch (error) {
    if (error instanceof StorageError && ["gone", "damaged"].includes(error.meaning)) return error;
    throw error;
  }
}

interface Expected {
  request: CompleteRequest;
  crc32: string;
  /** Absent where ETags prove nothing; then the upload's mark on the object must. */
  etag: string | undefined;
}

function differenceFrom(object: StoredObject | undefined, { request, crc32, etag }: Expected): string | undefined {
  if (object === undefined) return "there is no object";
  const { byteSize, mark } = request;
  if (object.size !== byteSize) return `the object has ${object.size} bytes instead of ${byteSize}`;
  if (etag !== undefined && object.etag !== etag) return `its ETag is ${object.etag} instead of ${etag}`;
  if (etag === undefined && object.mark !== mark) return "the object is not from this upload";
  if (object.crc32 !== undefined && object.crc32 !== crc32) return `its CRC-32 is ${object.crc32} instead of ${crc32}`;
  return undefined;
}

/**
 * What S3 makes the ETag of a multipart object: the MD5 of the parts' MD5s, a dash and their number. Undefined where a
 * part's ETag cannot be an MD5.
 */
function compositeEtag(etags: readonly string[]): string | undefined {
  if (!etags.every((etag) => /^[0-9a-f]{32}$/.test(etag))) return undefined;
  const md5 = createHash("md5")
    .update(Buffer.from(etags.join(""), "hex"))
    .digest("hex");
  return `${md5}-${etags.length}`;
}

function combinedCrc32({ crc32s, byteSize, partSize }: CompleteRequest): string {
  const parts = (crc32s.match(/.{8}/g) ?? []).map((crc32) => Number.parseInt(crc32, 16));
  return crc32Hex(combineCrc32s(parts, { byteSize, partSize }));
}
