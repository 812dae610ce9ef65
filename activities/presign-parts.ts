import { byteRangeOf } from "../images/plan.ts";
import type { Storage } from "../storage/storage.ts";
import type { PresignedParts, PresignRequest } from "./types.ts";

/**
 * A window of URLs, each of which takes exactly one part of exactly its length, for `expiresIn` seconds, or less where
 * the credentials that sign it live shorter.
 */
export async function presignParts(
  storage: Storage,
  { key, uploadId, from, to, partSize, byteSize }: PresignRequest,
  expiresIn: number,
): Promise<Omit<PresignedParts, "gpuSlots">> {
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
