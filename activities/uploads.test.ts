import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, before, beforeEach, describe, test } from "node:test";
import { crc32 } from "node:zlib";
import { ApplicationFailure } from "@temporalio/common";
import { MockActivityEnvironment } from "@temporalio/testing";
import { DefaultLogger } from "@temporalio/worker";
import type { PartDigest } from "../service/settings.ts";
import type { Storage, StoredObject } from "../storage/storage.ts";
import { type Answer, S3Proxy, s3Error } from "../test/support/s3-proxy.ts";
import { s3ErrorXml } from "../test/support/s3-request.ts";
import { S3Server } from "../test/support/s3-server.ts";
import { openStorage } from "../test/support/storage.ts";
import { waitFor } from "../test/support/wait-for.ts";
import { abortUpload } from "./abort-upload.ts";
import { completeUpload } from "./complete-upload.ts";
import { initUpload } from "./init-upload.ts";
import { presignParts } from "./presign-parts.ts";
import { talkingToS3 } from "./talking-to-s3.ts";
import type { CompleteRequest, Upload } from "./types.ts";

const PART_SIZE = 5 * 2 ** 20;
const bytes = Buffer.alloc(PART_SIZE + 1000, "rasterlift");
const parts = [bytes.subarray(0, PART_SIZE), bytes.subarray(PART_SIZE)];
const md5 = (data: Uint8Array) => createHash("md5").update(data).digest();
const wholeCrc32 = crc32(bytes).toString(16).padStart(8, "0");
const COMPOSITE_ETAG = `${md5(Buffer.concat(parts.map(md5))).toString("hex")}-2`;

/** What Temporal is told: "AccessDenied" is final, "AccessDenied, again" is worth another attempt. */
async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ApplicationFailure)) throw error;
    return error.nonRetryable ? error.type : `${error.type}, again`;
  }
}

describe("the activities of an upload", () => {
  let server: S3Server;
  let proxy: S3Proxy;
  let storage: Storage;
  before(async () => {
    server = await S3Server.start();
    proxy = await S3Proxy.start(server.access.endpoint);
    storage = openStorage({ ...server.access, endpoint: proxy.endpoint });
  });
  after(async () => {
    storage.close();
    await proxy.stop();
    await server[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    proxy.rule = () => undefined;
    proxy.exchanges.length = 0;
  });

  const newTarget = () => ({ key: `renders/${randomUUID()}.bmp`, contentType: "image/bmp" });
  const attempt = <T>(work: () => Promise<T>, options = {}) =>
    new MockActivityEnvironment({}, { logger: new DefaultLogger("ERROR") }).run(() =>
      talkingToS3(work, options),
    ) as Promise<T>;

  async function uploaded(target = newTarget()): Promise<CompleteRequest> {
    const upload = await initUpload(storage, target);
    const plan = { from: 1, to: parts.length, partSize: PART_SIZE, byteSize: bytes.length };
    const { urls } = await presignParts(storage, { ...upload, ...plan }, 60);
    const answers = await Promise.all(
      urls.map((url, index) => fetch(url, { method: "PUT", body: parts[index] ?? null })),
    );
    return {
      ...upload,
      ...{ byteSize: bytes.length, partSize: PART_SIZE, partCount: parts.length },
      etags: answers.map((answer) => answer.headers.get("etag")?.replaceAll('"', "")).join(" "),
      crc32s: parts.map((part) => crc32(part).toString(16).padStart(8, "0")).join(""),
    };
  }

  const complete = (request: CompleteRequest, digest: PartDigest = "md5") =>
    outcome(attempt(() => completeUpload(storage, request, digest)));
  const success = { etag: COMPOSITE_ETAG, crc32: wholeCrc32 };

  /** What goes wrong with the first Complete only. */
  function spoilComplete(
    fault: ReturnType<typeof s3Error> | { kind: "dropAnswer" } | ((answer: Answer) => Answer),
  ): void {
    const spoilt = typeof fault === "function" ? ({ kind: "rewriteAnswer", rewrite: fault } as const) : fault;
    proxy.rule = (request) =>
      request.operation === "CompleteMultipartUpload" && request.attempt === 1 ? spoilt : undefined;
  }

  test("a completed upload is an object of the right size, composite ETag and CRC-32", async () => {
    const request = await uploaded();
    assert.deepEqual(await complete(request), success);
    assert.equal((await storage.head(request.key))?.size, bytes.length);
  });

  test("completing again, after success, is success", async () => {
    const request = await uploaded();
    await complete(request);
    assert.deepEqual(await complete(request), success);
    assert.deepEqual(await complete(request, "none"), success);
  });

  test("a lost answer is settled by the next attempt", async () => {
    const request = await uploaded();
    spoilComplete({ kind: "dropAnswer" });
    assert.equal(await complete(request), "S3Unavailable, again");
    assert.deepEqual(await complete(request), success);
  });

  for (const [status, code] of [
    [404, "NoSuchUpload"],
    [400, "InvalidPart"],
  ] as const) {
    test(`${code} after success is success, where the object is ours`, async () => {
      const request = await uploaded();
      await complete(request);
      proxy.rule = ({ operation }) => (operation === "CompleteMultipartUpload" ? s3Error(status, code) : undefined);
      assert.deepEqual(await complete(request), success);
      assert.deepEqual(await complete({ ...request, etags: request.etags.toUpperCase() }), success);
    });
  }

  test("a part's URL lives twice as long as the one before it that expired, up to a week", async () => {
    const window = { ...newTarget(), uploadId: "u", mark: "m", from: 1, to: 1, partSize: 1, byteSize: 1 };
    for (const [expired, seconds] of [
      [0, 60],
      [1, 120],
      [4, 960],
      [40, 604_800],
    ] as const) {
      const { urls, lifeMs } = await presignParts(storage, { ...window, expired }, 60);
      const expires = urls.map((url) => new URL(url).searchParams.get("X-Amz-Expires"));
      assert.deepEqual([expires, lifeMs], [[`${seconds}`], seconds * 1000]);
    }
  });

  test("a URL's life ends with the credentials that sign it; over, they sign none", async () => {
    const expiringIn = async (ms: number, expiresIn: number) => {
      process.env["AWS_CREDENTIAL_EXPIRATION"] = new Date(Date.now() + ms).toISOString();
      const passing = openStorage(server.access);
      const upload = { ...newTarget(), uploadId: "u", mark: "m" };
      const window = { ...upload, from: 1, to: 1, partSize: PART_SIZE, byteSize: bytes.length };
      try {
        return (await presignParts(passing, window, expiresIn)).lifeMs;
      } finally {
        delete process.env["AWS_CREDENTIAL_EXPIRATION"];
        passing.close();
      }
    };
    const lifeMs = await expiringIn(60_000, 900);
    assert.ok(lifeMs > 55_000 && lifeMs <= 60_000, `${lifeMs} ms`);
    assert.equal(await expiringIn(60_000, 30), 30_000);
    await assert.rejects(expiringIn(-60_000, 900), {
      code: "CredentialsRefused",
      message: /credentials expired at 20/,
    });
  });

  for (const [what, body] of [
    ["an error", s3ErrorXml("InternalError")],
    ["an error and a newline", `${s3ErrorXml("InternalError")}\n`],
    ["an error cut short", s3ErrorXml("InternalError").slice(0, -12)],
    ["a success cut short", '<CompleteMultipartUploadResult><Key>k</Key><ETag>"'],
    ["nothing", ""],
  ] as const) {
    test(`200 with ${what} in the body is no success`, async () => {
      const request = await uploaded();
      spoilComplete({ kind: "answer", answer: { status: 200, body } });
      assert.equal(await complete(request), "S3Unavailable, again");
      assert.equal(await storage.head(request.key), undefined);
      assert.deepEqual(await complete(request), success);
    });
  }

  test("an older object at the key proves nothing", async () => {
    const target = newTarget();
    const older = await uploaded(target);
    await complete(older);
    const request = await uploaded(target);
    const otherParts = { ...request, etags: request.etags.replace(/^../, "00") };
    await storage.abortUpload(request);
    assert.equal(await complete(otherParts), "UploadGone");
    // Where ETags prove nothing, equal sizes prove nothing either: the upload's mark does.
    assert.equal(await complete(request, "none"), "UploadGone");
    // versitygw answers 200 to the Complete of an unknown upload where an object lies at the key.
    const answer = { status: 200, body: `<R><Key>${target.key}</Key><ETag>"${"0".repeat(32)}-2"</ETag></R>` };
    proxy.rule = ({ operation }) => (operation === "CompleteMultipartUpload" ? { kind: "answer", answer } : undefined);
    assert.equal(await complete(otherParts), "ObjectMismatch");
    assert.equal(await complete(request, "none"), "ObjectMismatch");
  });

  test("one look that finds nothing is not the end of a completed upload", async () => {
    const request = await uploaded();
    proxy.rule = ({ operation, attempt }) =>
      operation === "HeadObject" && attempt === 1 ? s3Error(404, "NoSuchKey") : undefined;
    assert.deepEqual(await complete(request), success);
    const other = await uploaded();
    proxy.rule = ({ key, operation, attempt }) => {
      if (key !== other.key) return undefined;
      if (operation === "HeadObject" && attempt === 1) return s3Error(404, "NoSuchKey");
      if (operation !== "CompleteMultipartUpload") return undefined;
      return attempt === 1 ? { kind: "dropAnswer" } : s3Error(404, "NoSuchUpload");
    };
    assert.equal(await complete(other), "S3Unavailable, again");
    assert.deepEqual(await complete(other), success);
  });

  test("parts that S3 does not have can never be completed", async () => {
    const request = await uploaded();
    assert.equal(await complete({ ...request, etags: request.etags.replace(/^../, "zz") }), "UploadDamaged");
  });

  /** The outcome where S3 says that about the completed object. */
  const completeTold = (request: CompleteRequest, told: Partial<StoredObject>) => {
    const telling: Pick<Storage, "completeUpload" | "head"> = {
      completeUpload: (upload, etags) => storage.completeUpload(upload, etags),
      head: async (key) => {
        const object = await storage.head(key);
        return object && { ...object, ...told };
      },
    };
    return outcome(completeUpload(telling, request, "md5"));
  };

  test("an object of another CRC-32 than the parts' is no success, where S3 reports one", async () => {
    const request = await uploaded();
    assert.equal((await storage.head(request.key))?.crc32, undefined);
    assert.equal(await completeTold(request, { crc32: "00000000" }), "ObjectMismatch");
  });

  test("an object whose ETag is no MD5 must have the upload's mark instead", async () => {
    const request = await uploaded();
    assert.equal(await completeTold(request, { etag: "0-2" }), "ObjectMismatch");
    const encrypted = { etag: "0-2", hasMd5Etag: false };
    assert.deepEqual(await completeTold(request, encrypted), { etag: "0-2", crc32: wholeCrc32 });
    assert.equal(await completeTold(request, { ...encrypted, mark: "another" }), "ObjectMismatch");
    assert.equal(await completeTold(request, { ...encrypted, size: 1 }), "ObjectMismatch");
  });

  test("a refusal is final and says what to mend; a throttle is not", async () => {
    const request = await uploaded();
    spoilComplete(s3Error(403, "AccessDenied"));
    assert.equal(await complete(request), "AccessDenied");
    proxy.rule = ({ operation }) => (operation === "CompleteMultipartUpload" ? s3Error(503, "SlowDown") : undefined);
    assert.equal(await complete(request), "SlowDown, again");
  });

  test("opening an upload aborts those of the same key, and no other", async () => {
    const target = newTarget();
    const earlier = await initUpload(storage, target);
    const neighbour = await initUpload(storage, { ...target, key: `${target.key}2` });
    const upload = await initUpload(storage, target);
    assert.deepEqual(await Promise.all([earlier, neighbour, upload].map((each) => storage.hasUpload(each))), [
      false,
      true,
      true,
    ]);
  });

  test("an attempt that was given up aborts nothing and opens nothing, however late S3 answers it", async () => {
    const target = newTarget();
    proxy.rule = () => ({ kind: "delay", milliseconds: 500 });
    const givenUp = new AbortController();
    const late = initUpload(storage, target, givenUp.signal);
    await waitFor("the first listing", () => proxy.exchanges.length === 1);
    proxy.rule = () => undefined;
    givenUp.abort();
    const upload = await initUpload(storage, target);
    await assert.rejects(late, { name: "AbortError" });
    assert.deepEqual(
      proxy.exchanges.map(({ operation }) => operation),
      ["ListMultipartUploads", "ListMultipartUploads", "CreateMultipartUpload"],
    );
    assert.ok(await storage.hasUpload(upload));
  });

  test("aborting leaves nothing: no upload of the key, known or not, and no object where one may be", async () => {
    const target = newTarget();
    const completed = await uploaded(target);
    await complete(completed);
    const unknown = await storage.createUpload({ key: target.key, contentType: "t", mark: "m" });
    await abortUpload(storage, { key: target.key, discardObject: false });
    assert.equal(await storage.hasUpload({ key: target.key, ...unknown }), false);
    assert.notEqual(await storage.head(target.key), undefined);
    await abortUpload(storage, { key: target.key, uploadId: completed.uploadId, discardObject: true });
    assert.equal(await storage.head(target.key), undefined);
  });

  test("aborting goes on until S3 does not know the upload, whatever it answers", async () => {
    const upload: Upload = await initUpload(storage, newTarget());
    const abort = () =>
      outcome(attempt(() => abortUpload(storage, { ...upload, discardObject: false }), { insist: true }));
    proxy.rule = ({ operation }) =>
      operation === "AbortMultipartUpload" ? { kind: "answer", answer: { status: 204, body: "" } } : undefined;
    assert.equal(await abort(), "UploadNotGone, again");
    proxy.rule = ({ operation }) => (operation === "AbortMultipartUpload" ? s3Error(403, "AccessDenied") : undefined);
    assert.equal(await abort(), "AccessDenied, again");
    proxy.rule = () => undefined;
    assert.equal(await abort(), undefined);
    assert.equal(await storage.hasUpload(upload), false);
  });

  test("in a bucket that is not there, nothing is left to abort", async () => {
    const elsewhere = openStorage({ ...server.access, bucket: `gone-${randomUUID()}` });
    await abortUpload(elsewhere, { key: "k", uploadId: "u", discardObject: true });
    elsewhere.close();
  });
});
