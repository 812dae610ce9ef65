import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { assertFileIsRight } from "./support/check-file.ts";
import type { Client } from "./support/client.ts";
import { allRgb, MIB } from "./support/images.ts";
import { ProxiedStack, sendsPart } from "./support/proxied-stack.ts";
import { seededRandom } from "./support/random.ts";
import { type Fault, s3Error } from "./support/s3-proxy.ts";

describe("faults between the project and S3", () => {
  let proxied: ProxiedStack;
  let client: Client;
  before(async () => {
    proxied = await ProxiedStack.start({ UPLOAD_STALL_SECONDS: "4" }); // a busy machine may send nothing for two
    client = await proxied.client();
  });
  afterEach(() => proxied.clear());
  after(() => proxied[Symbol.asyncDispose]());

  /** Four parts. */
  const spec = allRgb(2777, 2503);
  const start = () => client.started({ spec, partSize: 5 * MIB });

  describe("one that passes costs its part one attempt more, and its siblings nothing", () => {
    const faults: [title: string, fault: Fault][] = [
      ["500 InternalError", s3Error(500, "InternalError")],
      ["503 SlowDown", s3Error(503, "SlowDown")],
      ["429 TooManyRequests", s3Error(429, "TooManyRequests")],
      ["408 RequestTimeout", s3Error(408, "RequestTimeout")],
      ["400 RequestTimeout", s3Error(400, "RequestTimeout")],
      ["403, as for an expired URL", s3Error(403, "AccessDenied")],
      ["a reset in the middle of the body", { kind: "reset", afterBytes: 2 * MIB }],
      ["a connection that stands still in the body", { kind: "stallBody", afterBytes: 2 * MIB }],
      ["an answer that never comes", { kind: "stallAnswer" }],
      ["an answer that is lost", { kind: "dropAnswer" }],
      ["a flipped bit", { kind: "flipByte", at: 3 * MIB }],
    ];
    for (const [title, fault] of faults) {
      it(title, async () => {
        proxied.proxy.rule = (request) => (sendsPart(request, 2) && request.attempt === 1 ? fault : undefined);
        const render = await client.completed((await start()).id);
        assert.deepEqual(proxied.attempts(render.id, render.partCount), [1, 2, 1, 1]);
        await assertFileIsRight(render, spec);
      });
    }
  });

  describe("one that does not pass fails its part, after as many attempts as it is worth, with the reason", () => {
    const faults: [title: string, fault: Fault, attempts: number, code: string, message: RegExp][] = [
      ["400 InvalidArgument", s3Error(400, "InvalidArgument"), 1, "S3Refused", /InvalidArgument/],
      ["404 NoSuchBucket", s3Error(404, "NoSuchBucket"), 1, "S3Refused", /NoSuchBucket/],
      ["403 to a new URL too", s3Error(403, "AccessDenied"), 2, "S3Refused", /AccessDenied/],
      ["a bit that flips every time", { kind: "flipByte", at: 1000 }, 3, "PartCorrupted", /alters bytes/],
    ];
    for (const [title, fault, attempts, code, message] of faults) {
      it(title, async () => {
        proxied.proxy.rule = (request) => (sendsPart(request, 2) ? fault : undefined);
        const { id, partCount } = await start();
        const { failure, partsDone } = await client.until(id, ({ status }) => status === "FAILED");
        assert.equal(failure?.code, code);
        assert.equal(failure?.part, 2);
        assert.match(failure?.message ?? "", message);
        assert.equal(partsDone, 3, "its siblings finish");
        assert.deepEqual(proxied.attempts(id, partCount), [1, attempts, 1, 1]);
      });
    }

    it("404 NoSuchUpload: the parts are lost with their upload", async () => {
      proxied.proxy.rule = (request) => (sendsPart(request, 2) ? s3Error(404, "NoSuchUpload") : undefined);
      const { id } = await start();
      const { failure } = await client.until(id, ({ status }) => status === "FAILED");
      assert.equal(failure?.code, "UploadGone");
      assert.equal(proxied.puts(id).filter(({ partNumber }) => partNumber === 2).length, 1);
    });
  });

  describe("to the control worker's requests", () => {
    const passing: [title: string, fault: Fault][] = [
      ["500", s3Error(500, "InternalError")],
      ["503", s3Error(503, "SlowDown")],
      ["a lost answer", { kind: "dropAnswer" }],
    ];
    for (const [title, fault] of passing) {
      it(`${title} to CreateMultipartUpload: it is opened again, and nothing is left open`, async () => {
        proxied.proxy.rule = ({ operation, attempt }) =>
          operation === "CreateMultipartUpload" && attempt === 1 ? fault : undefined;
        const render = await client.completed((await start()).id);
        assert.equal(proxied.proxy.of("CreateMultipartUpload").length, 2);
        await assertFileIsRight(render, spec);
        assert.deepEqual(
          (await proxied.stack.bucket.openUploads()).filter(({ key }) => key.includes(render.id)),
          [],
        );
      });
    }

    it("403 to CreateMultipartUpload: FAILED at once, and the message says what to allow", async () => {
      proxied.proxy.rule = ({ operation }) =>
        operation === "CreateMultipartUpload" ? s3Error(403, "AccessDenied") : undefined;
      const { failure } = await client.until((await start()).id, ({ status }) => status === "FAILED");
      assert.equal(failure?.code, "AccessDenied");
      assert.match(failure?.message ?? "", /CreateMultipartUpload.*Allow it/);
      assert.equal(proxied.proxy.of("CreateMultipartUpload").length, 1);
    });

    it("404 NoSuchBucket: FAILED at once, and the message names the bucket", async () => {
      proxied.proxy.rule = ({ operation }) =>
        operation === "CreateMultipartUpload" ? s3Error(404, "NoSuchBucket") : undefined;
      const { failure } = await client.until((await start()).id, ({ status }) => status === "FAILED");
      assert.equal(failure?.code, "NoSuchBucket");
      assert.match(failure?.message ?? "", /S3_BUCKET/);
    });

    it("500 to AbortMultipartUpload: CANCELED is said only once it has succeeded", async () => {
      proxied.proxy.rule = ({ operation, attempt }) => {
        if (operation === "AbortMultipartUpload" && attempt <= 2) return s3Error(500, "InternalError");
        return operation === "UploadPart" ? { kind: "throttle", bytesPerSecond: MIB } : undefined;
      };
      const { id } = await start();
      await client.until(id, ({ parts }) => parts.some(({ state }) => state === "ACTIVE"));
      await client.act("cancelRender", id);
      await client.until(id, ({ status }) => status === "CANCELED");
      assert.ok(proxied.proxy.of("AbortMultipartUpload").length >= 3);
      assert.deepEqual(
        (await proxied.stack.bucket.openUploads()).filter(({ key }) => key.includes(id)),
        [],
      );
    });
  });

  it("10 % of the attempts fail over 200 parts: the file is right, and only failed attempts are sent again", async () => {
    const big = allRgb(19_001, 18_390);
    const fails = (part: number, attempt: number) => seededRandom(part * 1000 + attempt)() < 0.1;
    const kinds: Fault[] = [
      s3Error(500, "InternalError"),
      s3Error(503, "SlowDown"),
      { kind: "reset", afterBytes: 3 * MIB },
      { kind: "dropAnswer" },
      { kind: "flipByte", at: 4 * MIB },
    ];
    proxied.proxy.rule = ({ operation, partNumber = 0, attempt }) =>
      operation === "UploadPart" && fails(partNumber, attempt)
        ? kinds[(partNumber + attempt) % kinds.length]
        : undefined;

    const { id } = await client.started({ spec: big, partSize: 5 * MIB });
    const render = await client.completed(id);
    assert.equal(render.partCount, 200);
    const failed = proxied.puts(id).filter(({ fault }) => fault !== undefined);
    assert.ok(failed.length >= 10, "the seed makes some fail");
    assert.equal(proxied.puts(id).length, render.partCount + failed.length);
    const passed = proxied.puts(id).filter(({ fault }) => fault === undefined);
    assert.equal(
      passed.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0),
      render.byteSize,
    );
    await assertFileIsRight(render, big);
  });
});

describe("a presigned URL whose life ends before S3 sees it", () => {
  const expiresSeconds = 4;
  /** Each URL of a part lives twice as long as the one before it. */
  const isLate = (attempt: number) =>
    ({ kind: "delay", milliseconds: (expiresSeconds * 2 ** (attempt - 1) + 1) * 1000 }) as const;
  let proxied: ProxiedStack;
  let client: Client;
  before(async () => {
    proxied = await ProxiedStack.start({ PRESIGN_EXPIRES_SECONDS: `${expiresSeconds}` });
    client = await proxied.client();
  });
  afterEach(() => proxied.clear());
  after(() => proxied[Symbol.asyncDispose]());

  /** Four parts. */
  const spec = allRgb(2777, 2503);
  const start = () => client.started({ spec, partSize: 5 * MIB });
  const statuses = (part: number) => proxied.proxy.of("UploadPart", part).map(({ status }) => status);

  it("on the way: S3 answers 403, and a new URL costs that part one attempt", async () => {
    proxied.proxy.rule = (request) => (sendsPart(request, 2) && request.attempt === 1 ? isLate(1) : undefined);
    const render = await client.completed((await start()).id);
    assert.deepEqual(statuses(2), [403, 200]);
    assert.deepEqual(proxied.attempts(render.id, render.partCount), [1, 2, 1, 1]);
    await assertFileIsRight(render, spec);
  });

  it("on the way, more than once: it is no refusal of S3, and the render is not given up", async () => {
    proxied.proxy.rule = (request) =>
      sendsPart(request, 2) && request.attempt <= 2 ? isLate(request.attempt) : undefined;
    const render = await client.completed((await start()).id);
    assert.deepEqual(statuses(2), [403, 403, 200]);
    assert.deepEqual(proxied.attempts(render.id, render.partCount), [1, 3, 1, 1]);
    await assertFileIsRight(render, spec);
  });

  it("in a GPU worker that stands still: each part costs at most one attempt more", async () => {
    const [gpuWorker = 0] = await proxied.stack.pids("gpu-worker");
    process.kill(gpuWorker, "SIGSTOP");
    const { id, partCount } = await start();
    await client.until(id, ({ parts }) => parts.some(({ state }) => state === "ACTIVE"));
    await delay(isLate(1).milliseconds);
    process.kill(gpuWorker, "SIGCONT");
    const render = await client.completed(id);
    const answers = Array.from({ length: partCount }, (_, index) => statuses(index + 1));
    assert.ok(answers.flat().includes(403), "some URL expired");
    for (const answer of answers) assert.ok(["200", "403,200"].includes(`${answer}`), `${answer}`);
    await assertFileIsRight(render, spec);
  });
});
