import type { FieldIssue } from "./spec.ts";

const MIB = 2 ** 20;
const DEFAULT_PART_SIZE = 16 * MIB;
const MIN_PART_SIZE = 5 * MIB;
/** In bytes; S3 itself would take 5 GiB. */
export const MAX_PART_SIZE = 1024 * MIB;

/** S3's limit of parts in one multipart upload. */
const MAX_PARTS = 10_000;

/** How a file is cut: `partCount` parts of `partSize` bytes, of which only the last may be smaller. */
export interface PartPlan {
  byteSize: number;
  partSize: number;
  partCount: number;
}

/** Bytes of an image's file: `start` inclusive, `end` exclusive. */
export interface ByteRange {
  start: number;
  end: number;
}

/** The issue with a requested part size in bytes, where it has one. */
export function checkPartSize(partSize: number): FieldIssue | undefined {
  if (Number.isInteger(partSize) && partSize >= MIN_PART_SIZE && partSize <= MAX_PART_SIZE) return undefined;
  return {
    path: ["partSize"],
    message:
      `partSize is ${partSize}; it must be a whole number of bytes from ${MIN_PART_SIZE} (5 MiB) ` +
      `to ${MAX_PART_SIZE} (1 GiB).`,
  };
}

/**
 * Cuts a file of `byteSize` bytes (at least 1) into parts of the requested size, by default 16 MiB,
 * raised to the next whole MiB where the file would need more than 10,000 parts.
 */
export function planParts(byteSize: number, requestedPartSize: number = DEFAULT_PART_SIZE): PartPlan {
  const smallest = Math.ceil(byteSize / MAX_PARTS);
  const partSize = requestedPartSize >= smallest ? requestedPartSize : Math.ceil(smallest / MIB) * MIB;
  return { byteSize, partSize, partCount: Math.ceil(byteSize / partSize) };
}

/** The bytes of part `partNumber` (1 … partCount). */
export function byteRangeOf(
  { byteSize, partSize }: Pick<PartPlan, "byteSize" | "partSize">,
  partNumber: number,
): ByteRange {
  const start = (partNumber - 1) * partSize;
  return { start, end: Math.min(start + partSize, byteSize) };
}

/** The bytes of every part, in order. */
export const rangesOf = (plan: PartPlan): ByteRange[] =>
  Array.from({ length: plan.partCount }, (_, index) => byteRangeOf(plan, index + 1));
