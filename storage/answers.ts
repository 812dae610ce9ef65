import { FULL_CODES, SLOW_DOWN_CODES, TIMEOUT_CODES } from "../service/s3-codes.ts";

/**
 * What an answer of S3, or the lack of one, means for the side that opens, completes and aborts uploads:
 * - `retry`: nobody's fault for long; try again after a pause.
 * - `slow-down`: S3 asks for fewer requests; try again after a longer pause.
 * - `gone`: S3 does not know the upload (any more). After a Complete, ask S3 what is there: it may have succeeded.
 * - `damaged`: S3 has the upload, but not the parts we sent; completing it can never succeed.
 * - `refused`: asking again gets the same answer until somebody mends what the message says.
 */
export type Meaning = "retry" | "slow-down" | "gone" | "damaged" | "refused";

/** A request to S3 that did not succeed, with what that means and a message that a person can act on. */
export class StorageError extends Error {
  override name = "StorageError";
  readonly meaning: Meaning;
  /** Stable, for programs: docs/api.md has them all. */
  readonly code: string;

  constructor(meaning: Meaning, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.meaning = meaning;
    this.code = code;
  }
}

/** What was asked of S3, for messages. */
interface Request {
  /** The S3 operation, e.g. "CompleteMultipartUpload". */
  operation: string;
  bucket: string;
  key?: string;
  endpoint: string;
}

interface Rule {
  meaning: Meaning;
  code: string;
  advice(request: Request): string;
}

/** What to do again once it is mended. Where no object is asked for, a process is just starting. */
const again = ({ key }: Request) => (key === undefined ? "start again" : "retry the render");

const throttled: Rule = {
  meaning: "slow-down",
  code: "SlowDown",
  advice: () => "S3 asks for fewer requests; it is asked again after a pause.",
};

const timedOut: Rule = {
  meaning: "retry",
  code: "S3Unavailable",
  advice: () => "S3 did not answer in time; it is asked again after a pause.",
};

const credentialsWrong: Rule = {
  meaning: "refused",
  code: "CredentialsRefused",
  advice: (request) =>
    `Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY (or the role of this process), AWS_REGION and this machine's clock, then ${again(request)}.`,
};

const failing: Rule = {
  meaning: "retry",
  code: "S3Unavailable",
  advice: (request) =>
    `If this lasts, look at the log and the free disk space of the server at ${request.endpoint}, then ${again(request)}.`,
};

const storageFull: Rule = {
  meaning: "retry",
  code: "StorageFull",
  advice: ({ endpoint }) =>
    `The storage behind ${endpoint} is full. Make room there, then retry the render: the parts already stored are kept.`,
};

const damaged: Rule = {
  meaning: "damaged",
  code: "UploadDamaged",
  advice: () =>
    "S3 does not have the parts that it acknowledged; until resumableUntil, a retry renders them all again.",
};

/** By the code in S3's answer; see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html */
const byCode: Readonly<Record<string, Rule>> = {
  NoSuchUpload: {
    meaning: "gone",
    code: "UploadGone",
    advice: () => "S3 does not know this upload any more (aborted by somebody else or by a lifecycle rule?).",
  },
  NoSuchBucket: {
    meaning: "refused",
    code: "NoSuchBucket",
    advice: ({ bucket, endpoint }) =>
      `There is no bucket "${bucket}" at ${endpoint}. Create it or correct S3_BUCKET, then retry the render.`,
  },
  AccessDenied: {
    meaning: "refused",
    code: "AccessDenied",
    advice: (request) =>
      `The credentials may not do ${request.operation} on bucket "${request.bucket}". Allow it, then ${again(request)}.`,
  },
  InvalidAccessKeyId: credentialsWrong,
  SignatureDoesNotMatch: credentialsWrong,
  ExpiredToken: credentialsWrong,
  InvalidToken: credentialsWrong,
  // The SDK has learned S3's time from the answer, and the next request is signed by it.
  RequestTimeTooSkewed: { ...credentialsWrong, meaning: "retry" },
  AuthorizationHeaderMalformed: credentialsWrong,
  // Where a role's credentials come from may be away for a moment.
  CredentialsProviderError: { ...credentialsWrong, meaning: "retry" },
  InvalidPart: damaged,
  InvalidPartOrder: damaged,
  EntityTooSmall: damaged,
  // Also in the body of a 200, which the SDK then calls a 503.
  InternalError: failing,
  ...all(SLOW_DOWN_CODES, throttled),
  ...all(TIMEOUT_CODES, timedOut),
  IncompleteBody: failing,
  // While the name of a new bucket gets about: https://docs.aws.amazon.com/AmazonS3/latest/userguide/Redirects.html
  TemporaryRedirect: failing,
  TimeoutError: timedOut,
  AbortError: timedOut,
  ETIMEDOUT: timedOut,
  ...all(FULL_CODES, storageFull),
  EntityTooLarge: {
    meaning: "refused",
    code: "EntityTooLarge",
    advice: ({ endpoint }) => `${endpoint} does not store objects this large. Render a smaller image.`,
  },
};

function all(codes: readonly string[], rule: Rule): Record<string, Rule> {
  return Object.fromEntries(codes.map((code) => [code, rule]));
}

function byStatus(status: number): Rule | undefined {
  if (status === 507) return storageFull;
  if (status === 429 || status === 503) return throttled;
  if (status === 408) return timedOut;
  if (status === 401 || status === 403) return byCode["AccessDenied"];
  if (status >= 500) return failing;
  if (status < 300) return unreachable; // somebody answers, but not as S3 does
  return undefined;
}

const unreachable: Rule = {
  meaning: "retry",
  code: "S3Unavailable",
  advice: (request) =>
    `If this lasts: is the S3 server at ${request.endpoint} running, and S3_ENDPOINT right? Then ${again(request)}.`,
};

const refused: Rule = {
  meaning: "refused",
  code: "S3Refused",
  advice: (request) =>
    `S3 refuses this request whenever it is asked. Check S3_ENDPOINT, S3_BUCKET, AWS_REGION and the bucket's policy, then ${again(request)}.`,
};

/** What a failed request to S3 means. `error` is what the AWS SDK threw. */
export function explain(error: unknown, request: Request): StorageError {
  const { code, status, text } = describe(error);
  const rule = byCode[code] ?? (status === undefined ? unreachable : (byStatus(status) ?? refused));
  const answer = status === undefined ? text || code : `${status} ${code}${text === "" ? "" : `: ${text}`}`;
  const subject = request.key === undefined ? request.bucket : `${request.bucket}/${request.key}`;
  const message = `${request.operation} of ${subject}: ${answer}. ${rule.advice(request)}`;
  return new StorageError(rule.meaning, rule.code, message, { cause: error });
}

function describe(error: unknown): { code: string; status: number | undefined; text: string } {
  if (!(error instanceof Error)) return { code: "UnknownError", status: undefined, text: String(error) };
  const status = "$metadata" in error ? statusOf(error.$metadata) : undefined;
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  const said = error.message.replace(/\s*Deserialization error: .*/s, ""); // the SDK's hint for programmers
  const text = said === "UnknownError" || said === code ? "" : said.replace(/\.$/, "");
  return { code, status, text };
}

function statusOf(metadata: unknown): number | undefined {
  const carries = typeof metadata === "object" && metadata !== null && "httpStatusCode" in metadata;
  return carries && typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}
