import { byteRangeOf } from "../images/plan.ts";
import type { Storage } from "../storage/storage.ts";
import type { PresignedParts, PresignRequest } from "./types.ts";

/** What Signature Version 4 allows: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html */
const LONGEST_LIFE_SECONDS = 604_800;

/**
 * URLs, each of which takes exactly one part of exactly its length, for `lifeSeconds`, or less where the credentials
 * that sign it live shorter. Each time a part's URL has expired, its next one lives twice as long: otherwise parts that
 * wait longer for a GPU worker than URLs live would be rendered in vain for ever.
 */
export async function presignParts(
  storage: Storage,
  { key, uploadId, from, to, partSize, byteSize, expired = 0 }: PresignRequest,
  lifeSeconds: number,
): Promise<Omit<PresignedParts, "gpuSlots">> {
  const expiresIn = Math.min(lifeSeconds * 2 ** expired, LONGEST_LIFE_SECONDS);
  const lifeMs = Math.min(expiresIn * 1000, await storage.credentialsLifeMs(key));
  const partNumbers = Array.from({ length: to - from + 1 }, (_, index) => from + index);
  const urls = await Promise.all(
    partNumbers.map((partNumber) => {
      const { start, end } = byteRangeOf({ byteSize, partSize }, partNumber);
      return storage.presignPart({ key, uploadId, partNumber, length: end - start, expiresIn });
    }),
  );
  return { urls, lifeMs };
}
