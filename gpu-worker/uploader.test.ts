import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { after, describe, test } from "node:test";
import { setTimeout as later } from "node:timers/promises";
import { bodyOf, s3Error, startPutServer } from "./put-server.fixture.ts";
import { createUploader, UploadError } from "./uploader.ts";

/** More than the kernel's socket buffers hold, so that a server that does not read is noticed. */
const bytes = new Uint8Array(new SharedArrayBuffer(32 * 2 ** 20 + 17)).map((_, i) => i * 31);
const never = new AbortController().signal;

describe("uploader", () => {
  const uploader = createUploader({ stallSeconds: 30 });
  const impatient = createUploader({ stallSeconds: 1 });
  after(() => {
    uploader.close();
    impatient.close();
  });

  async function put(listener: RequestListener, options: { signal?: AbortSignal; md5?: string } = {}, by = uploader) {
    await using server = await startPutServer(listener);
    const progress: number[] = [];
    const onProgress = (sent: number) => progress.push(sent);
    const answer = await by.put({ url: server.url, bytes, signal: never, onProgress, ...options });
    return { answer, progress };
  }

  test("sends every byte once, with its length and digest, and tells its progress", async () => {
    const seen: { body: Buffer; headers: NodeJS.Dict<unknown>; url: string | undefined }[] = [];
    const { answer, progress } = await put(
      async (request, response) => {
        seen.push({ body: await bodyOf(request), headers: request.headers, url: request.url });
        response.writeHead(200, { etag: '"e"' }).end();
      },
      { md5: "bWQ1" },
    );
    assert.deepEqual(answer, { status: 200, etag: '"e"', body: "" });
    assert.equal(seen.length, 1);
    assert.ok(seen[0]?.body.equals(bytes));
    assert.match(seen[0]?.url ?? "", /^\/bucket\/key\?partNumber=1&X-Amz-Signature=5ec8e7$/);
    const { host: _, ...headers } = seen[0]?.headers ?? {};
    assert.deepEqual(headers, {
      "content-length": String(bytes.length),
      "content-md5": "bWQ1",
      connection: "keep-alive",
    });
    assert.equal(progress.at(-1), bytes.length);
    assert.ok(progress.length > 10);
  });

  test("speaks TLS where the URL is https", async () => {
    const { promise: firstByte, resolve } = Promise.withResolvers<number | undefined>();
    await using server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", (chunk) => {
        resolve(chunk[0]);
        socket.destroy();
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await assert.rejects(uploader.put({ url, bytes, signal: never, onProgress: () => {} }), UploadError);
    const handshake = 22; // https://www.rfc-editor.org/rfc/rfc8446#section-5.1
    assert.equal(await firstByte, handshake);
  });

  test("shows nothing of what is no URL", async () => {
    const notSent = uploader.put({ url: "s3/key?X-Amz-Signature=5ec8e7", bytes, signal: never, onProgress: () => {} });
    await assert.rejects(notSent, { name: "UploadError", message: "the part's URL is not a URL" });
  });

  test("returns an error answer as it is", async () => {
    const { answer } = await put(async (request, response) => {
      await bodyOf(request);
      response.writeHead(503).end(s3Error("SlowDown"));
    });
    assert.deepEqual(answer, { status: 503, etag: undefined, body: s3Error("SlowDown") });
  });

  test("takes an answer that comes before the body is read, and stops sending", async () => {
    for (const connection of ["close", "keep-alive"]) {
      const { promise: received, resolve } = Promise.withResolvers<number>();
      await using server = await startPutServer(({ socket }, response) => {
        socket.once("close", () => resolve(socket.bytesRead));
        response.writeHead(403, { connection }).end(s3Error("AccessDenied"));
      });
      const answer = await uploader.put({ url: server.url, bytes, signal: never, onProgress: () => {} });
      assert.deepEqual([answer.status, answer.body], [403, s3Error("AccessDenied")]);
      assert.ok((await received) < bytes.length);
    }
  });

  test("reads no more of an answer than it needs", async () => {
    const { answer } = await put(async (request, response) => {
      await bodyOf(request);
      response.writeHead(500);
      const more = () => !response.destroyed && response.write("x".repeat(65_536), () => setImmediate(more));
      more();
    });
    assert.ok(answer.body.length < 200_000);
  });

  test("a reset is an UploadError", async () => {
    const reset: RequestListener = (request) => request.once("data", () => request.socket.resetAndDestroy());
    await assert.rejects(put(reset), UploadError);
  });

  test("a connection closed instead of answered is an UploadError", async () => {
    const hangUp: RequestListener = (request) => request.once("data", () => request.socket.destroy());
    await assert.rejects(put(hangUp), UploadError);
  });

  test("nobody listening is an UploadError", async () => {
    const { url } = await startPutServer(() => {}).then(async (server) => {
      await server[Symbol.asyncDispose]();
      return server;
    });
    await assert.rejects(uploader.put({ url, bytes, signal: never, onProgress: () => {} }), UploadError);
  });

  test("cuts a server that stops reading", async () => {
    const stall: RequestListener = (request) => request.once("data", () => request.socket.pause());
    await assert.rejects(put(stall, {}, impatient), /nothing moved for 1 s/);
  });

  test("cuts a server that reads everything and does not answer", async () => {
    await assert.rejects(
      put((request) => request.resume(), {}, impatient),
      /nothing moved for 1 s/,
    );
  });

  test("goes by the headers where an answer's body trickles or stops, and waits for it no longer than for anything", async () => {
    const started = performance.now();
    const { answer } = await put(
      async (request, response) => {
        await bodyOf(request);
        response.writeHead(200, { etag: '"e"', "content-length": "1000000" });
        const trickle = setInterval(() => response.write("<"), 100);
        response.on("close", () => clearInterval(trickle));
      },
      {},
      impatient,
    );
    assert.deepEqual([answer.status, answer.etag], [200, '"e"']);
    assert.ok(performance.now() - started < 5_000);
  });

  test("a cancelled upload is one although the answer has begun", async () => {
    const abort = new AbortController();
    const reason = new Error("cancelled");
    const half: RequestListener = async (request, response) => {
      await bodyOf(request);
      response.writeHead(200, { etag: '"e"', "content-length": "10" }).write("<", () => abort.abort(reason));
    };
    await assert.rejects(put(half, { signal: abort.signal }), (error: unknown) => error === reason);
  });

  test("an answer that is none is an UploadError", async () => {
    const upgrade: RequestListener = (request) => {
      request.socket.write("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: none\r\n\r\n");
    };
    await assert.rejects(put(upgrade), /closed without an answer/);
  });

  test("leaves a slow server alone that keeps reading", async () => {
    const slow: RequestListener = async (request, response) => {
      for await (const _ of request) await later(4);
      response.writeHead(200, { etag: '"slow"' }).end();
    };
    const started = performance.now();
    const { answer } = await put(slow, {}, impatient);
    assert.equal(answer.etag, '"slow"');
    assert.ok(performance.now() - started > 1_000, "the server was not slow enough for this test to mean anything");
  });

  test("waits for an answer as long as sending took, since the system may still be sending what it has taken", async () => {
    const slow: RequestListener = async (request, response) => {
      for await (const _ of request) await later(8);
      await later(1_200);
      response.writeHead(200, { etag: '"slow"' }).end();
    };
    const { answer } = await put(slow, {}, impatient);
    assert.equal(answer.etag, '"slow"');
  });

  test("stops at once when aborted, before and while it sends", async () => {
    const abort = new AbortController();
    const onFirstBytes: RequestListener = (request) => request.once("data", () => abort.abort(new Error("cancelled")));
    await assert.rejects(put(onFirstBytes, { signal: abort.signal }), /cancelled/);
    await assert.rejects(
      put(() => assert.fail("asked"), { signal: abort.signal }),
      /cancelled/,
    );
  });

  test("closes a connection that is idle for some seconds, and then opens another", async () => {
    await using server = await startPutServer(async (request, response) => {
      await bodyOf(request);
      response.writeHead(200, { etag: '"e"' }).end();
    });
    server.server.keepAliveTimeout = 0; // This server would keep it open for ever.
    const closed: Promise<unknown>[] = [];
    server.server.on("connection", (socket) => closed.push(once(socket, "close")));
    const upload = { url: server.url, bytes, signal: never, onProgress: () => {} };
    await uploader.put(upload);
    await closed[0];
    await uploader.put(upload);
    assert.equal(closed.length, 2);
  });

  test("sends nothing a second time, also where the kept connection breaks", async () => {
    let requests = 0;
    await using server = await startPutServer(async (request, response) => {
      requests++;
      if (requests === 2) return request.socket.resetAndDestroy();
      await bodyOf(request);
      response.writeHead(200, { etag: '"e"' }).end();
    });
    const upload = { url: server.url, bytes, signal: never, onProgress: () => {} };
    await uploader.put(upload);
    await assert.rejects(uploader.put(upload), UploadError);
    assert.equal(requests, 2);
  });

  test("uses its connection again", async () => {
    let connections = 0;
    await using server = await startPutServer(async (request, response) => {
      await bodyOf(request);
      response.writeHead(200, { etag: '"e"' }).end();
    });
    server.server.on("connection", () => connections++);
    const upload = { url: server.url, bytes, signal: never, onProgress: () => {} };
    await uploader.put(upload);
    await uploader.put(upload);
    assert.equal(connections, 1);
  });
});
