import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, describe, it } from "node:test";
import { type Fault, S3Proxy, s3Error } from "./s3-proxy.ts";
import { parseS3Request } from "./s3-request.ts";
import { waitFor } from "./wait-for.ts";

describe("parseS3Request", () => {
  const operations = [
    ["POST", "/bucket/renders/1.bmp?uploads", "CreateMultipartUpload"],
    ["PUT", "/bucket/renders/1.bmp?partNumber=17&uploadId=u", "UploadPart"],
    ["POST", "/bucket/renders/1.bmp?uploadId=u", "CompleteMultipartUpload"],
    ["DELETE", "/bucket/renders/1.bmp?uploadId=u", "AbortMultipartUpload"],
    ["GET", "/bucket/renders/1.bmp?uploadId=u&max-parts=5", "ListParts"],
    ["GET", "/bucket/?uploads&prefix=renders%2F", "ListMultipartUploads"],
    ["GET", "/bucket?uploads=", "ListMultipartUploads"],
    ["HEAD", "/bucket/renders/1.bmp", "HeadObject"],
    ["GET", "/bucket/renders/1.bmp?X-Amz-Signature=s", "GetObject"],
    ["DELETE", "/bucket/renders/1.bmp", "DeleteObject"],
    ["HEAD", "/bucket", "Other"],
  ] as const;
  for (const [method, target, operation] of operations) {
    it(`${method} ${target} is ${operation}`, () => {
      assert.equal(parseS3Request(method, target).operation, operation);
    });
  }

  it("reads key, upload and part number", () => {
    const { bucket, key, uploadId, partNumber } = parseS3Request("PUT", "/b/a/c%20d?partNumber=17&uploadId=u%2F1");
    assert.deepEqual(
      { bucket, key, uploadId, partNumber },
      { bucket: "b", key: "a/c d", uploadId: "u/1", partNumber: 17 },
    );
  });
});

describe("S3Proxy", () => {
  /** Answers every request with the SHA-256 of its body and its Host header. */
  const server = http.createServer(async (request, response) => {
    const hash = createHash("sha256");
    let bytes = 0;
    try {
      for await (const chunk of request) {
        hash.update(chunk);
        bytes += chunk.length;
      }
    } catch {
      seen.push({ bytes, whole: false });
      return;
    }
    seen.push({ bytes, whole: true });
    response.setHeader("etag", "abc");
    response.end(`${hash.digest("hex")} ${request.headers.host}`);
  });
  let seen: { bytes: number; whole: boolean }[] = [];
  let proxy: S3Proxy;

  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    proxy = await S3Proxy.start(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(() => {
    proxy.rule = () => undefined;
    proxy.exchanges.length = 0;
    seen = [];
  });
  after(async () => {
    await proxy.stop();
    server.close();
  });

  const body = randomBytes(3 * 2 ** 20);
  const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  const host = () => new URL(proxy.endpoint).host;

  function put(partNumber: number, fault?: Fault, signal: AbortSignal | null = null) {
    if (fault !== undefined) proxy.rule = () => fault;
    return fetch(`${proxy.endpoint}/bucket/key?uploadId=u&partNumber=${partNumber}`, { method: "PUT", body, signal });
  }
  const isReset = { name: "TypeError", message: "fetch failed" };

  it("passes a request on with its Host, and its answer back with its headers", async () => {
    const response = await put(1);
    assert.equal(response.headers.get("etag"), "abc");
    assert.equal(await response.text(), `${sha256(body)} ${host()}`);
  });

  it("counts attempts by part, and bytes and answers by attempt", async () => {
    for (const part of [7, 8, 7]) await (await put(part)).text();
    assert.deepEqual(
      proxy.exchanges.map(({ partNumber, attempt, bodyBytes, status }) => [partNumber, attempt, bodyBytes, status]),
      [
        [7, 1, body.length, 200],
        [8, 1, body.length, 200],
        [7, 2, body.length, 200],
      ],
    );
    assert.equal(proxy.of("UploadPart", 7).length, 2);
  });

  it("gives each attempt to the rule", async () => {
    proxy.rule = ({ attempt }) => (attempt === 60 ? s3Error(500, "InternalError") : undefined);
    const statuses = [];
    for (let attempt = 0; attempt < 61; attempt++) {
      statuses.push((await fetch(`${proxy.endpoint}/bucket/other`)).status);
    }
    assert.deepEqual([statuses.indexOf(500), statuses.lastIndexOf(500)], [59, 59]);
  });

  it("answers in S3's place", async () => {
    const response = await put(1, s3Error(503, "SlowDown"));
    assert.equal(response.status, 503);
    assert.match(await response.text(), /<Error><Code>SlowDown<\/Code>/);
    assert.deepEqual(seen, []);
  });

  it("delays", async () => {
    const start = performance.now();
    await (await put(1, { kind: "delay", milliseconds: 50 })).text();
    assert.ok(performance.now() - start >= 49);
  });

  it("throttles", async () => {
    const start = performance.now();
    assert.equal(
      await (await put(1, { kind: "throttle", bytesPerSecond: 2 ** 24 })).text(),
      `${sha256(body)} ${host()}`,
    );
    assert.ok(performance.now() - start >= 180);
  });

  it("flips one bit", async () => {
    const flipped = Buffer.from(body);
    flipped.writeUInt8(flipped.readUInt8(2_000_000) ^ 1, 2_000_000);
    const response = await put(1, { kind: "flipByte", at: 2_000_000 });
    assert.equal(await response.text(), `${sha256(flipped)} ${host()}`);
  });

  it("resets the connection within the body", async () => {
    await assert.rejects(put(1, { kind: "reset", afterBytes: 2 ** 20 }), isReset);
    assert.ok((proxy.exchanges[0]?.bodyBytes ?? 0) < body.length);
    assert.equal(proxy.exchanges[0]?.status, undefined);
  });

  it("drops S3's answer to a request that it passed on", async () => {
    await assert.rejects(put(1, { kind: "dropAnswer" }), isReset);
    assert.deepEqual(seen.at(-1), { bytes: body.length, whole: true });
  });

  it("rewrites S3's answer", async () => {
    const fault: Fault = { kind: "rewriteAnswer", rewrite: ({ body }) => ({ status: 202, body: `${body.length}\n` }) };
    const response = await put(1, fault);
    assert.equal(response.status, 202);
    assert.equal(await response.text(), `${65 + host().length}\n`);
  });

  it("holds a connection in the middle of the body until the client gives it up", async () => {
    const client = new AbortController();
    const held = put(1, { kind: "stallBody", afterBytes: 2 ** 20 }, client.signal);
    await waitFor("a part of the body", () => (proxy.exchanges[0]?.bodyBytes ?? 0) > 2 ** 20);
    client.abort();
    await assert.rejects(held, { name: "AbortError" });
    assert.equal(proxy.exchanges[0]?.status, undefined);
  });

  it("holds S3's answer back until the client gives it up", async () => {
    const client = new AbortController();
    const held = put(1, { kind: "stallAnswer" }, client.signal);
    await waitFor("the whole body", () => seen.some(({ whole }) => whole));
    client.abort();
    await assert.rejects(held, { name: "AbortError" });
    await waitFor("the end", () => proxy.exchanges[0]?.endedAt !== undefined);
    assert.equal(proxy.exchanges[0]?.status, undefined);
  });

  it("resets the client's connection where S3 is away", async () => {
    const away = await S3Proxy.start("http://127.0.0.1:1");
    await assert.rejects(fetch(`${away.endpoint}/bucket/key`), isReset);
    await away.stop();
  });
});
