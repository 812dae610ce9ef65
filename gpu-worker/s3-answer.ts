import { ApplicationFailure } from "@temporalio/common";
import { fullJitter } from "../service/full-jitter.ts";
import { FULL_CODES, SLOW_DOWN_CODES, TIMEOUT_CODES } from "../service/s3-codes.ts";
import type { PartFailureType } from "./part.ts";

/** What a server answered to a part's PUT. */
export interface S3Answer {
  status: number;
  /** The ETag header, if any, as it came. */
  etag?: string | undefined;
  /** The beginning of the body. */
  body: string;
}

/** Where an attempt stands, which decides on what its failure means. */
export interface AttemptState {
  /** Temporal's attempt, from 1. */
  attempt: number;
  /** How often S3 has found this part's bytes corrupted, this time included. */
  corruptions: number;
}

/** Of the pauses before the next attempt, in milliseconds: the longest is min(cap, base · 2^attempt). */
interface Backoff {
  base: number;
  cap: number;
}

const ORDINARY: Backoff = { base: 250, cap: 20_000 };
const SLOW_DOWN: Backoff = { base: 1_000, cap: 60_000 };

const CORRUPTIONS_ALLOWED = 2;

/** Codes that S3 sends with status 400 although the same request may succeed the next time. */
const PASSING_CODES = [...TIMEOUT_CODES, "IncompleteBody"];

/** What a person can do about a part that has failed for good. */
const advice = {
  unreachable: "If this lasts: is the S3 server running, and can GPU workers reach it? Then retry the render.",
  failing: "If this lasts, look at the S3 server's log and its free disk space, then retry the render.",
  full: "The storage behind S3 is full. Make room there, then retry the render: the parts already stored are kept.",
  throttled: "S3 asks for fewer requests. If this lasts, lower GPU_CONCURRENCY, then retry the render.",
  forbidden:
    "Where a new URL does not help either, check that the credentials of the control worker (AWS_ACCESS_KEY_ID or its role) may do s3:PutObject on this bucket, and the machines' clocks; then retry the render.",
  gone: "Somebody else or a lifecycle rule of the bucket has aborted the upload; until resumableUntil, a retry renders all parts again.",
  refused:
    "S3 refuses this part whenever it is sent. Check S3_ENDPOINT, S3_BUCKET and the bucket's policy, then retry the render.",
};

/**
 * The ETag, without its quotes, of a part that S3 accepted.
 * @throws ApplicationFailure of the type that the answer means (see PartFailureType)
 */
export function etagOf(answer: S3Answer, state: AttemptState): string {
  if (answer.status >= 200 && answer.status < 300) {
    const etag = answer.etag?.replaceAll('"', "");
    if (etag && !/\s/.test(etag)) return etag;
    const said = `S3 answered ${answer.status} without an ETag.`;
    throw retryable("S3Unavailable", `${said} ${advice.failing}`, ORDINARY, state.attempt);
  }
  throw failureOf(answer, state);
}

/** Whether S3 found that the bytes it received are not those that were sent. */
export function isCorruption(answer: S3Answer): boolean {
  return errorOf(answer.body).code === "BadDigest";
}

/**
 * The connection broke, stalled or could not be made: nobody knows what S3 has, and sending the part again is right.
 */
export function connectionFailure(error: Error, attempt: number): ApplicationFailure {
  const said = `The connection to S3 failed: ${error.message.replace(/\.$/, "")}.`;
  return retryable("S3Unavailable", `${said} ${advice.unreachable}`, ORDINARY, attempt);
}

function failureOf({ status, body }: S3Answer, state: AttemptState): ApplicationFailure {
  const { code, message } = errorOf(body);
  const said = `S3 answered ${status}${code && ` ${code}`}${message && `: ${message.replace(/\.$/, "")}`}.`;

  if (code === "BadDigest") {
    if (state.corruptions > CORRUPTIONS_ALLOWED) {
      const times = `It has refused this part ${state.corruptions} times: something on the way to it alters bytes.`;
      return final("PartCorrupted", `${said} ${times}`);
    }
    return retryable("PartCorrupted", said, ORDINARY, state.attempt);
  }
  if (status === 507 || FULL_CODES.includes(code)) {
    return retryable("StorageFull", `${said} ${advice.full}`, ORDINARY, state.attempt);
  }
  if (status === 429 || status === 503 || SLOW_DOWN_CODES.includes(code)) {
    return retryable("SlowDown", `${said} ${advice.throttled}`, SLOW_DOWN, state.attempt);
  }
  if (status === 307 || status === 408 || status >= 500 || PASSING_CODES.includes(code)) {
    return retryable("S3Unavailable", `${said} ${advice.failing}`, ORDINARY, state.attempt);
  }
  if (status === 403 || code === "ExpiredToken") return final("UrlExpired", `${said} ${advice.forbidden}`);
  if (status === 404 && code === "NoSuchUpload") return final("UploadGone", `${said} ${advice.gone}`);
  return final("S3Refused", `${said} ${advice.refused}`);
}

function final(type: PartFailureType, message: string): ApplicationFailure {
  return ApplicationFailure.create({ type, message, nonRetryable: true });
}

function retryable(type: PartFailureType, message: string, { base, cap }: Backoff, attempt: number) {
  const nextRetryDelay = fullJitter(Math.min(cap, base * 2 ** attempt));
  return ApplicationFailure.create({ type, message, nextRetryDelay });
}

/**
 * S3's error document (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), as far as people need it.
 */
function errorOf(body: string): { code: string; message: string } {
  return { code: element(body, "Code", 64), message: withoutSignature(element(body, "Message", 300)) };
}

function element(body: string, name: string, longest: number): string {
  const text = body.match(new RegExp(`<${name}>([^<]*)</${name}>`))?.[1] ?? "";
  return text.trim().slice(0, longest);
}

/** A proxy may put the URL into its message. */
function withoutSignature(message: string): string {
  return message.replaceAll(/X-Amz-[\w-]+(=|%3D|"\s*:\s*")[^\s&;<"]*/gi, "[…]");
}
