import assert from "node:assert/strict";
import { test } from "node:test";
import { ApplicationFailure } from "@temporalio/common";
import type { PartFailureType } from "./part.ts";
import { s3Error } from "./put-server.fixture.ts";
import { connectionFailure, etagOf, isCorruption } from "./s3-answer.ts";

const first = { attempt: 1, corruptions: 0 };

function failure(status: number, body: string, state = first): ApplicationFailure {
  try {
    etagOf({ status, body }, state);
  } catch (error) {
    if (error instanceof ApplicationFailure) return error;
    throw error;
  }
  throw new Error("accepted");
}

test("a 200 with an ETag is a part", () => {
  for (const status of [200, 201]) assert.equal(etagOf({ status, etag: '"0cc1"', body: "" }, first), "0cc1");
});

test("an ETag with white space is none: S3 gives no such", () => {
  for (const etag of ['""', " ", '"a b"']) {
    const accept = () => etagOf({ status: 200, etag, body: "" }, first);
    assert.throws(accept, { type: "S3Unavailable", nonRetryable: false });
  }
});

const meanings: [status: number, body: string, type: PartFailureType, retryable: boolean][] = [
  [200, "", "S3Unavailable", true],
  [301, s3Error("PermanentRedirect"), "S3Refused", false],
  [307, s3Error("TemporaryRedirect"), "S3Unavailable", true],
  [307, "", "S3Unavailable", true],
  [400, s3Error("BadDigest"), "PartCorrupted", true],
  [400, s3Error("RequestTimeout"), "S3Unavailable", true],
  [400, s3Error("IncompleteBody"), "S3Unavailable", true],
  [400, s3Error("InvalidRequest"), "S3Refused", false],
  [400, s3Error("ExpiredToken"), "UrlExpired", false],
  [400, "", "S3Refused", false],
  [403, s3Error("AccessDenied", "Request has expired"), "UrlExpired", false],
  [403, "<html>a proxy's words</html>", "UrlExpired", false],
  [404, s3Error("NoSuchUpload"), "UploadGone", false],
  [404, s3Error("NoSuchBucket"), "S3Refused", false],
  [404, "", "S3Refused", false],
  [408, "", "S3Unavailable", true],
  [411, s3Error("MissingContentLength"), "S3Refused", false],
  [429, "", "SlowDown", true],
  [500, s3Error("InternalError"), "S3Unavailable", true],
  [502, "<html>", "S3Unavailable", true],
  [503, s3Error("SlowDown"), "SlowDown", true],
  [504, "", "S3Unavailable", true],
  [400, s3Error("RequestLimitExceeded"), "SlowDown", true],
  [400, s3Error("InsufficientStorage"), "StorageFull", true],
  [507, s3Error("XMinioStorageFull"), "StorageFull", true],
];

for (const [status, body, type, retryable] of meanings) {
  test(`${status} ${body.match(/<Code>(.*)<\/Code>/)?.[1] ?? body} is ${type}`, () => {
    const { nonRetryable, ...actual } = failure(status, body);
    assert.deepEqual([actual.type, nonRetryable], [type, !retryable]);
    assert.equal(actual.nextRetryDelay !== undefined, retryable);
  });
}

test("says what S3 said, and never its URL's signature", () => {
  for (const signature of ["X-Amz-Signature=5ec8e7", "x-amz-signature%3D5ec8e7", '"X-Amz-Signature": "5ec8e7"']) {
    const { message } = failure(400, s3Error("InvalidArgument", `Odd: /k?partNumber=1&amp;${signature}&amp;a=b`));
    assert.match(message, /S3 answered 400 InvalidArgument: Odd/);
    assert.doesNotMatch(message, /5ec8e7/);
  }
});

const advices: [status: number, body: string, advice: RegExp][] = [
  [400, s3Error("InvalidArgument"), /Check S3_ENDPOINT, S3_BUCKET.*retry the render/],
  [403, s3Error("AccessDenied"), /credentials.*s3:PutObject.*retry the render/],
  [404, s3Error("NoSuchUpload"), /lifecycle rule.*until resumableUntil, a retry renders all parts again/],
  [500, s3Error("InternalError"), /log and its free disk space, then retry the render/],
  [503, s3Error("SlowDown"), /lower GPU_CONCURRENCY, then retry the render/],
  [507, s3Error("XMinioStorageFull"), /Make room there, then retry the render/],
];
for (const [status, body, advice] of advices) {
  test(`says what a person can do about ${status}`, () => assert.match(failure(status, body).message, advice));
}

test("keeps a long message short", () => {
  assert.ok(failure(400, s3Error("Odd", "x".repeat(10_000))).message.length < 600);
});

test("corrupted bytes are sent again twice", () => {
  const body = s3Error("BadDigest");
  assert.ok(isCorruption({ status: 400, body }));
  assert.equal(failure(400, body, { attempt: 5, corruptions: 2 }).nonRetryable, false);
  assert.equal(failure(400, body, { attempt: 5, corruptions: 3 }).nonRetryable, true);
});

test("pauses grow with the attempt up to a cap, are drawn at random, and are longer where S3 asks to slow down", () => {
  const delays = (status: number, attempt: number) =>
    Array.from({ length: 300 }, () => Number(failure(status, "", { attempt, corruptions: 0 }).nextRetryDelay));
  const longest = (status: number, attempt: number) => Math.max(...delays(status, attempt));
  const average = (status: number, attempt: number) => delays(status, attempt).reduce((sum, n) => sum + n / 300, 0);
  assert.ok(Math.min(...delays(500, 1)) >= 1);
  assert.ok(longest(500, 1) <= 500);
  assert.ok(longest(500, 50) <= 20_000);
  assert.ok(average(500, 3) > 1.5 * average(500, 1));
  assert.ok(average(503, 1) > 1.5 * average(500, 1));
  assert.ok(new Set(delays(500, 4)).size > 100);
});

test("a broken connection is tried again", () => {
  const { type, nonRetryable, message } = connectionFailure(new Error("socket hang up"), 1);
  assert.deepEqual([type, nonRetryable], ["S3Unavailable", false]);
  assert.match(message, /socket hang up\. If this lasts: is the S3 server running/);
});
