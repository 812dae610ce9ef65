import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { inParallel } from "../test/support/in-parallel.ts";
import { S3Proxy, s3Error } from "../test/support/s3-proxy.ts";
import { S3Server } from "../test/support/s3-server.ts";
import { openStorage } from "../test/support/storage.ts";
import { explain, type StorageError } from "./answers.ts";
import { createS3Client, within } from "./client.ts";
import type { Storage } from "./storage.ts";

const md5 = (data: Uint8Array) => createHash("md5").update(data).digest("hex");
const newKey = () => `renders/${randomUUID()}.bmp`;
const failsAs = (meaning: string, code: string, text?: RegExp) => (error: StorageError) =>
  error.meaning === meaning && error.code === code && (text === undefined || text.test(error.message));

describe("Storage", () => {
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

  async function openUpload(key = newKey()) {
    const { uploadId } = await storage.createUpload({ key, contentType: "image/bmp", mark: "our mark" });
    return { key, uploadId };
  }

  async function put(url: string, body: Uint8Array) {
    const response = await fetch(url, { method: "PUT", body: Buffer.from(body) });
    await response.body?.cancel();
    return { status: response.status, etag: (response.headers.get("etag") ?? "").replaceAll('"', "") };
  }

  test("has removed an object that S3 does not find", async () => {
    const key = newKey();
    proxy.rule = (request) => (request.key === key ? s3Error(404, "NoSuchKey") : undefined); // Amazon answers 204
    await storage.deleteObject(key);
  });

  test("makes parts that were put by their URLs one object, with the upload's mark and type", async () => {
    const upload = await openUpload();
    const body = Buffer.alloc(1000, 7);
    const url = await storage.presignPart({ ...upload, partNumber: 1, length: body.length, expiresIn: 60 });
    const { status, etag } = await put(url, body);
    assert.deepEqual([status, etag], [200, md5(body)]);
    assert.equal(await storage.hasUpload(upload), true);
    await storage.completeUpload(upload, [etag]);
    assert.equal(await storage.hasUpload(upload), false);
    assert.deepEqual(await storage.head(upload.key), {
      size: 1000,
      etag: `${md5(Buffer.from(etag, "hex"))}-1`,
      hasMd5Etag: true,
      mark: "our mark",
    });

    const download = await storage.presignDownload({ key: upload.key, fileName: "Prüfbild 1.bmp", expiresIn: 60 });
    const response = await fetch(download);
    assert.deepEqual(Buffer.from(await response.arrayBuffer()), body);
    assert.equal(response.headers.get("content-type"), "image/bmp");
    assert.equal(
      response.headers.get("content-disposition"),
      `attachment; filename="Pr_fbild_1.bmp"; filename*=UTF-8''Pr%C3%BCfbild%201.bmp`,
    );

    const odd = await storage.presignDownload({
      key: upload.key,
      fileName: "../a\\b\u202egnp'(1)*.bmp",
      expiresIn: 60,
    });
    assert.equal(
      new URL(odd).searchParams.get("response-content-disposition"),
      `attachment; filename=".._a_b_gnp__1__.bmp"; filename*=UTF-8''.._a_b_gnp%27%281%29%2A.bmp`,
    );

    await storage.deleteObject(upload.key);
    await storage.deleteObject(upload.key);
    assert.equal(await storage.head(upload.key), undefined);
  });

  test("signs by S3's clock, once its first answer has told it", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() - 172_800_000 });
    const late = openStorage(server.access);
    const upload = { key: newKey(), contentType: "image/bmp", mark: "our mark" };
    await assert.rejects(late.createUpload(upload), failsAs("retry", "CredentialsRefused"));
    const opened = { key: upload.key, ...(await late.createUpload(upload)) };
    const url = await late.presignPart({ ...opened, partNumber: 1, length: 3, expiresIn: 60 });
    const { status, etag } = await put(url, Buffer.from("abc"));
    assert.equal(status, 200);
    await late.completeUpload(opened, [etag]);
    const download = await late.presignDownload({ key: upload.key, fileName: "abc", expiresIn: 60 });
    assert.equal(await (await fetch(download)).text(), "abc");
    late.close();
  });

  test("signs download links for the address at which people reach S3, and all else for its own", async () => {
    const { endpoint } = server.access;
    const elsewhere = endpoint.replace("127.0.0.1", "localhost");
    const behindGateway = openStorage(server.access, { S3_PUBLIC_ENDPOINT: elsewhere });
    const upload = await openUpload();
    const part = await behindGateway.presignPart({ ...upload, partNumber: 1, length: 3, expiresIn: 60 });
    assert.ok(part.startsWith(endpoint));
    const { etag } = await put(part, Buffer.from("abc"));
    await behindGateway.completeUpload(upload, [etag]);
    const download = await behindGateway.presignDownload({ key: upload.key, fileName: "abc", expiresIn: 60 });
    assert.ok(download.startsWith(elsewhere));
    assert.equal(await (await fetch(download)).text(), "abc");
    behindGateway.close();
  });

  for (const [headers, hasMd5Etag] of [
    [{}, true],
    [{ "x-amz-server-side-encryption": "AES256" }, true],
    [{ "x-amz-server-side-encryption": "aws:kms" }, false],
    [{ "x-amz-server-side-encryption-customer-algorithm": "AES256" }, false],
  ] as const) {
    test(`says that an ETag is ${hasMd5Etag ? "an" : "no"} MD5: ${JSON.stringify(headers)}`, async () => {
      // SeaweedFS encrypts with no key of others.
      await using s3 = http.createServer((_request, response) => response.writeHead(200, headers).end());
      await once(s3.listen(0, "127.0.0.1"), "listening");
      const { port } = s3.address() as AddressInfo;
      const encrypting = openStorage({ ...server.access, endpoint: `http://127.0.0.1:${port}` });
      assert.equal((await encrypting.head(newKey()))?.hasMd5Etag, hasMd5Etag);
      encrypting.close();
    });
  }

  for (const [type, crc32] of [
    ["FULL_OBJECT", "cbf43926"],
    ["COMPOSITE", undefined],
  ] as const) {
    test(`asks for the object's CRC-32, and takes ${crc32 ? "one" : "none"} that is ${type}`, async () => {
      let mode: unknown;
      await using s3 = http.createServer(({ headers }, response) => {
        mode = headers["x-amz-checksum-mode"];
        response.writeHead(200, { "x-amz-checksum-crc32": "y/Q5Jg==", "x-amz-checksum-type": type }).end();
      });
      await once(s3.listen(0, "127.0.0.1"), "listening");
      const { port } = s3.address() as AddressInfo;
      const checking = openStorage({ ...server.access, endpoint: `http://127.0.0.1:${port}` });
      assert.deepEqual([(await checking.head(newKey()))?.crc32, mode], [crc32, "ENABLED"]);
      checking.close();
    });
  }

  test("a part's URL takes its exact length and nothing else, and asks for no checksum", async () => {
    const upload = await openUpload();
    const url = await storage.presignPart({ ...upload, partNumber: 1, length: 10, expiresIn: 60 });
    assert.doesNotMatch(url, /checksum/i);
    assert.equal((await put(url, Buffer.alloc(11))).status, 403);
    assert.equal((await put(url.replace("partNumber=1", "partNumber=2"), Buffer.alloc(10))).status, 403);
    assert.equal((await put(url, Buffer.alloc(10))).status, 200);
  });

  test("an aborted upload is gone, and aborting it again is no error", async () => {
    const upload = await openUpload();
    await storage.abortUpload(upload);
    assert.equal(await storage.hasUpload(upload), false);
    await storage.abortUpload(upload);
  });

  test("lists the uploads under a prefix, page by page", async () => {
    const prefix = `renders/${randomUUID()}/`;
    const numbers = Array.from({ length: 1001 }, (_, index) => index);
    await inParallel(numbers, 40, async (number) => {
      await openUpload(`${prefix}${number}`);
    });
    const keys: string[] = [];
    for await (const { key } of storage.listUploads(prefix)) keys.push(key);
    assert.equal(new Set(keys).size, 1001);
    assert.equal(keys.length, 1001);
    assert.ok(keys.every((key) => key.startsWith(prefix)));
  });

  for (const [what, marker] of [
    ["no next page", ""],
    ["the same page again and again", "<NextKeyMarker>k</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>"],
  ] as const) {
    test(`does not take a list for whole that says there is more, and names ${what}`, async () => {
      const body = `<ListMultipartUploadsResult><IsTruncated>true</IsTruncated>${marker}</ListMultipartUploadsResult>`;
      proxy.rule = ({ operation }) =>
        operation === "ListMultipartUploads" ? { kind: "answer", answer: { status: 200, body } } : undefined;
      await assert.rejects(
        Array.fromAsync(storage.listUploads("renders/")),
        failsAs("retry", "S3Unavailable", /does not say where the rest of the list begins/),
      );
    });
  }

  test("makes the bucket where it is missing", async () => {
    const access = { ...server.access, bucket: `bucket-${randomUUID()}` };
    const empty = openStorage(access);
    await assert.rejects(
      empty.createUpload({ key: "k", contentType: "t", mark: "m" }),
      failsAs("refused", "NoSuchBucket", /S3_BUCKET/),
    );
    await empty.ensureBucket();
    await empty.ensureBucket();
    await empty.createUpload({ key: "k", contentType: "t", mark: "m" });
    empty.close();
  });

  test("says that the credentials are wrong, or that nobody listens", async () => {
    const wrong = openStorage({ ...server.access, secretAccessKey: "wrong" });
    await assert.rejects(
      wrong.deleteObject("k"),
      failsAs("refused", "CredentialsRefused", /AWS_SECRET_ACCESS_KEY.*retry the render\.$/),
    );
    await assert.rejects(
      wrong.ensureBucket(),
      failsAs("refused", "CredentialsRefused", /AWS_SECRET_ACCESS_KEY.*start again\.$/),
    );
    wrong.close();
    const nobody = openStorage({ ...server.access, endpoint: "http://127.0.0.1:1" });
    await assert.rejects(nobody.head("k"), failsAs("retry", "S3Unavailable", /ECONNREFUSED.*S3_ENDPOINT/));
    nobody.close();
    const unknown = Object.assign(new Error("Could not load credentials"), { name: "CredentialsProviderError" });
    const request = { operation: "CreateMultipartUpload", bucket: "b", endpoint: "e" };
    assert.ok(failsAs("retry", "CredentialsRefused", /AWS_ACCESS_KEY_ID/)(explain(unknown, request)));
  });

  for (const [status, code, meaning, ours] of [
    [500, "InternalError", "retry", "S3Unavailable"],
    [503, "ServiceUnavailable", "slow-down", "SlowDown"],
    [503, "SlowDown", "slow-down", "SlowDown"],
    [429, "TooManyRequests", "slow-down", "SlowDown"],
    [400, "RequestTimeout", "retry", "S3Unavailable"],
    [408, "RequestTimeout", "retry", "S3Unavailable"],
    [507, "InsufficientStorage", "retry", "StorageFull"],
    [507, "XMinioStorageFull", "retry", "StorageFull"],
    [403, "AccessDenied", "refused", "AccessDenied"],
    [403, "RequestTimeTooSkewed", "retry", "CredentialsRefused"],
    [301, "PermanentRedirect", "refused", "S3Refused"],
    [307, "TemporaryRedirect", "retry", "S3Unavailable"],
    [404, "NoSuchBucket", "refused", "NoSuchBucket"],
    [404, "NoSuchUpload", "gone", "UploadGone"],
    [400, "InvalidPart", "damaged", "UploadDamaged"],
    [400, "EntityTooLarge", "refused", "EntityTooLarge"],
    [400, "EntityTooSmall", "damaged", "UploadDamaged"],
    [400, "MalformedXML", "refused", "S3Refused"],
    [403, "Forbidden", "refused", "AccessDenied"],
    [502, "BadGateway", "retry", "S3Unavailable"],
    [504, "GatewayTimeout", "retry", "S3Unavailable"],
    [507, "Full", "retry", "StorageFull"],
  ] as const) {
    test(`${status} ${code} means ${meaning}, and is asked once`, async () => {
      const key = newKey();
      proxy.rule = (request) => (request.key === key ? s3Error(status, code) : undefined);
      await assert.rejects(
        storage.completeUpload({ key, uploadId: "u" }, [md5(Buffer.alloc(0))]),
        failsAs(meaning, ours),
      );
      assert.equal(proxy.exchanges.filter((exchange) => exchange.key === key).length, 1);
    });
  }

  test("an answer that never ends is given up, and its connection closed", async () => {
    await using endless = http.createServer((_request, response) => {
      const trickle = setInterval(() => response.write(" "), 10);
      response.on("close", () => clearInterval(trickle));
    });
    await once(endless.listen(0, "127.0.0.1"), "listening");
    const { port } = endless.address() as AddressInfo;
    const endpoint = `http://127.0.0.1:${port}`;
    const client = createS3Client({ S3_BUCKET: "b", S3_FORCE_PATH_STYLE: true, AWS_REGION: "us-east-1" }, endpoint);
    const request = { operation: "ListObjectsV2", bucket: "b", endpoint };
    await assert.rejects(client.send(new ListObjectsV2Command({ Bucket: "b" }), within(200)), (error) =>
      failsAs("retry", "S3Unavailable", /did not answer in time/)(explain(error, request)),
    );
  });

  test("says where the server is none of S3's", async () => {
    const key = newKey();
    proxy.rule = (request) =>
      request.key === key ? { kind: "answer", answer: { status: 200, body: "<html><link></html>" } } : undefined;
    await assert.rejects(
      storage.createUpload({ key, contentType: "t", mark: "m" }),
      failsAs(
        "retry",
        "S3Unavailable",
        /mismatched.*\. If this lasts: .* S3_ENDPOINT right\? Then retry the render\.$/,
      ),
    );
  });

  test("a connection that breaks, before or after S3 has answered, means retry", async () => {
    for (const fault of [{ kind: "reset", afterBytes: 0 }, { kind: "dropAnswer" }] as const) {
      const upload = await openUpload();
      proxy.rule = ({ operation }) => (operation === "CompleteMultipartUpload" ? fault : undefined);
      await assert.rejects(storage.completeUpload(upload, [md5(Buffer.alloc(0))]), failsAs("retry", "S3Unavailable"));
    }
  });
});
