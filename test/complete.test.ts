import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { assertFileIsRight } from "./support/check-file.ts";
import type { Client } from "./support/client.ts";
import { allRgb, MIB } from "./support/images.ts";
import { ProxiedStack } from "./support/proxied-stack.ts";
import { type Fault, s3Error } from "./support/s3-proxy.ts";
import { s3ErrorXml } from "./support/s3-request.ts";

describe("the answer to Complete never makes a false COMPLETED, nor a false failure", () => {
  let proxied: ProxiedStack;
  let client: Client;
  before(async () => {
    proxied = await ProxiedStack.start();
    client = await proxied.client();
  });
  afterEach(() => proxied.clear());
  after(() => proxied[Symbol.asyncDispose]());

  const spec = allRgb(2003, 1801);
  const start = () => client.started({ spec, partSize: 5 * MIB });

  function atFirstComplete(fault: Fault): void {
    proxied.proxy.rule = ({ operation, attempt }) =>
      operation === "CompleteMultipartUpload" && attempt === 1 ? fault : undefined;
  }

  const error = s3ErrorXml("InternalError");
  const rewritten = (status: number, body: string): Fault => ({
    kind: "rewriteAnswer",
    rewrite: () => ({ status, body }),
  });
  const answered = (body: string): Fault => ({ kind: "answer", answer: { status: 200, body } });
  const cut = '<?xml version="1.0"?>\n<CompleteMultipartUploadResult><Location>http://s3';

  const misleading: [title: string, fault: Fault][] = [
    ["the answer is lost after S3 completed", { kind: "dropAnswer" }],
    ["500 after S3 completed", rewritten(500, error)],
    ["200 with an error, after S3 completed", rewritten(200, error)],
    ["200 with an error and a newline, after S3 completed", rewritten(200, `${error}\n`)],
    ["200 cut short, after S3 completed", rewritten(200, cut)],
    ["404 NoSuchUpload after S3 completed", rewritten(404, s3ErrorXml("NoSuchUpload"))],
    ["500 and S3 did nothing", s3Error(500, "InternalError")],
    ["503 and S3 did nothing", s3Error(503, "SlowDown")],
    ["200 with an error, and S3 did nothing", answered(error)],
    ["200 with an error and a newline, and S3 did nothing", answered(`${error}\n`)],
    ["200 cut short, and S3 did nothing", answered(cut)],
    ["200 with nothing at all, and S3 did nothing", answered("")],
    ["a reset", { kind: "reset", afterBytes: 0 }],
  ];
  for (const [title, fault] of misleading) {
    it(`${title}: COMPLETED, with the right file`, async () => {
      atFirstComplete(fault);
      const render = await client.completed((await start()).id);
      await assertFileIsRight(render, spec);
      assert.deepEqual(
        (await proxied.stack.bucket.openUploads()).filter(({ key }) => key.includes(render.id)),
        [],
      );
    });
  }

  const lie = (key: string): Fault =>
    answered(
      `<CompleteMultipartUploadResult><Key>${key}</Key><ETag>"0123456789abcdef0123456789abcdef-3"</ETag></CompleteMultipartUploadResult>`,
    );

  it("200 that claims an object, where there is none: FAILED, and a retry completes it", async () => {
    proxied.proxy.rule = ({ operation, key, attempt }) =>
      operation === "CompleteMultipartUpload" && attempt === 1 ? lie(key) : undefined;
    const { id } = await start();
    const { failure } = await client.until(id, ({ status }) => status === "FAILED");
    assert.equal(failure?.code, "ObjectMismatch");
    await client.act("retryRender", id);
    await assertFileIsRight(await client.completed(id), spec);
  });

  for (const [title, fault] of [
    ["404 NoSuchUpload", () => s3Error(404, "NoSuchUpload")],
    ["200", lie],
  ] as const) {
    it(`${title}, and only an older object lies at the key: FAILED, and a retry completes it`, async () => {
      proxied.proxy.rule = ({ operation, key, attempt }) => {
        if (operation === "UploadPart") return { kind: "delay", milliseconds: 300 };
        return operation === "CompleteMultipartUpload" && attempt === 1 ? fault(key) : undefined;
      };
      const { id } = await start();
      await putOlderObject(`renders/${id}.bmp`);
      await client.until(id, ({ status }) => status === "FAILED");
      await client.act("retryRender", id);
      await assertFileIsRight(await client.completed(id), spec);
    });
  }

  async function putOlderObject(key: string): Promise<void> {
    const { endpoint, region, bucket, accessKeyId, secretAccessKey } = proxied.s3.access;
    const s3 = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: "older" }));
    s3.destroy();
  }
});
