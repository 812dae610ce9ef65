import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { IncomingHttpHeaders, RequestListener } from "node:http";
import { after, describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { ApplicationFailure, CancelledFailure } from "@temporalio/common";
import { MockActivityEnvironment } from "@temporalio/testing";
import type { RenderSpec } from "../images/spec.ts";
import { referenceBytes } from "../reference/layout.ts";
import { createPartActivities } from "./activity.ts";
import { BufferPool } from "./buffer-pool.ts";
import type { PartHeartbeat, PartTask } from "./part.ts";
import { bodyOf, s3Error, startPutServer } from "./put-server.fixture.ts";
import { RendererError } from "./renderer-error.ts";
import { createRenderers } from "./renderers.ts";
import { createUploader } from "./uploader.ts";

const spec: RenderSpec = {
  width: 501,
  height: 333,
  pattern: { allRgb: { offset: 7 } },
  format: "BMP24",
  rowOrder: "BOTTOM_UP",
  pixelsPerMetre: 2835,
};

const task: PartTask = { renderId: "r", spec, partNumber: 1, start: 20, end: 100_021, url: "" };

describe("renderAndUploadPart", { timeout: 60_000 }, async () => {
  const renderers = await createRenderers({ backend: "webasm", threads: 1, md5: true });
  const uploader = createUploader({ stallSeconds: 30 });
  /** Has memory for one part: each test also shows that those before it gave theirs back, or it would wait for ever. */
  const buffers = new BufferPool(task.end - task.start);
  const { renderAndUploadPart } = createPartActivities({ renderers, uploader, buffers });
  after(async () => {
    uploader.close();
    await renderers.close();
  });

  async function runAgainst(listener: RequestListener, environment = new MockActivityEnvironment({ attempt: 1 })) {
    const heartbeats: PartHeartbeat[] = [];
    environment.on("heartbeat", (beat) => heartbeats.push(beat));
    await using server = await startPutServer(listener);
    const outcome = await environment
      .run(renderAndUploadPart, { ...task, url: server.url })
      .catch((error: unknown) => error);
    return { outcome, heartbeats };
  }

  test("puts exactly the part's bytes with their MD5 and answers what S3 said", async () => {
    const received: { body: Buffer; headers: IncomingHttpHeaders }[] = [];
    const { outcome, heartbeats } = await runAgainst(async (request, response) => {
      received.push({ body: await bodyOf(request), headers: request.headers });
      response.writeHead(200, { etag: '"abc"' }).end();
    });

    const expected = referenceBytes(spec, task.start, task.end);
    assert.partialDeepStrictEqual(outcome, { etag: "abc", crc32: crc32(expected), attempt: 1, backend: "webasm" });
    assert.equal(received.length, 1);
    assert.ok(received[0]?.body.equals(expected));
    assert.equal(received[0]?.headers["content-length"], String(expected.length));
    assert.equal(received[0]?.headers["content-md5"], createHash("md5").update(expected).digest("base64"));
    assert.deepEqual(
      Object.keys(received[0]?.headers ?? {}).filter((name) => name.startsWith("x-amz-")),
      [],
    );
    assert.deepEqual(heartbeats.at(0), { phase: "waiting", bytesSent: 0, corruptions: 0 });
    assert.deepEqual(heartbeats.at(-1), { phase: "uploading", bytesSent: expected.length, corruptions: 0 });
  });

  test("heartbeats on its first line, before anything else can take time", async () => {
    const environment = new MockActivityEnvironment();
    const heartbeats: PartHeartbeat[] = [];
    environment.on("heartbeat", (beat) => heartbeats.push(beat));
    const running = environment.run(renderAndUploadPart, { ...task, url: "http://127.0.0.1:9/" });
    assert.equal(heartbeats.length, 1);
    await assert.rejects(running, { type: "S3Unavailable" });
  });

  test("heartbeats every half second, and says what it does", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const environment = new MockActivityEnvironment();
    environment.once("heartbeat", () => process.nextTick(() => t.mock.timers.tick(500))); // no thread can have answered yet
    const { heartbeats } = await runAgainst(async (request, response) => {
      t.mock.timers.tick(500);
      await bodyOf(request);
      response.writeHead(200, { etag: '"e"' }).end();
    }, environment);
    assert.deepEqual(
      heartbeats.map(({ phase }) => phase),
      ["waiting", "rendering", "uploading", "uploading"],
    );
  });

  test("counts S3's BadDigests across attempts and gives up at the third", async () => {
    const badDigest: RequestListener = async (request, response) => {
      await bodyOf(request);
      response.writeHead(400).end(s3Error("BadDigest"));
    };
    let heartbeatDetails: PartHeartbeat | undefined;
    const outcomes: unknown[] = [];
    for (const attempt of [1, 2, 3]) {
      const environment = new MockActivityEnvironment({ attempt, heartbeatDetails });
      const { outcome, heartbeats } = await runAgainst(badDigest, environment);
      heartbeatDetails = heartbeats.at(-1);
      assert.ok(outcome instanceof ApplicationFailure);
      outcomes.push([outcome.type, outcome.nonRetryable]);
    }
    assert.deepEqual(outcomes, [
      ["PartCorrupted", false],
      ["PartCorrupted", false],
      ["PartCorrupted", true],
    ]);
  });

  test("stops at once when it is cancelled in the middle of an upload", async () => {
    const environment = new MockActivityEnvironment();
    const { outcome, heartbeats } = await runAgainst((request) => {
      request.once("data", () => environment.cancel());
      request.on("error", () => {});
    }, environment);
    assert.ok(outcome instanceof CancelledFailure);
    assert.equal(heartbeats.at(-1)?.phase, "uploading");
  });

  test("stops when it is cancelled while it renders, and the renderer goes on with the next part", async () => {
    const environment = new MockActivityEnvironment();
    const running = environment.run(renderAndUploadPart, { ...task, url: "http://127.0.0.1:9/" });
    await turn();
    environment.cancel();
    await assert.rejects(running, CancelledFailure);
    const { outcome } = await runAgainst(async (request, response) => {
      await bodyOf(request);
      response.writeHead(200, { etag: '"next"' }).end();
    });
    assert.ok(typeof outcome === "object" && outcome !== null && "etag" in outcome);
  });

  test("stops when it is cancelled while it waits for memory", async () => {
    using _loan = await buffers.acquire(1, new AbortController().signal);
    const environment = new MockActivityEnvironment();
    const running = environment.run(renderAndUploadPart, task);
    await turn();
    environment.cancel();
    await assert.rejects(running, CancelledFailure);
  });

  for (const [error, type] of [
    [new RendererError("The GPU was lost."), "RendererFailed"],
    [new TypeError("unforeseen"), "Failed"],
  ] as const) {
    test(`fails as ${type}, to be tried again, where rendering ends in a ${error.name}`, async () => {
      const failing = { ...renderers, render: () => Promise.reject(error) };
      const part = createPartActivities({ renderers: failing, uploader, buffers });
      const outcome = new MockActivityEnvironment().run(part.renderAndUploadPart, task);
      await assert.rejects(outcome, { type, nonRetryable: false, message: error.message });
    });
  }

  test("never shows the URL's signature in a failure", async () => {
    const { outcome } = await runAgainst(async (request, response) => {
      await bodyOf(request);
      response.writeHead(400).end(s3Error("InvalidRequest", `bad ${request.url}`));
    });
    assert.ok(outcome instanceof ApplicationFailure);
    assert.equal(outcome.type, "S3Refused");
    assert.doesNotMatch(JSON.stringify([outcome.message, outcome.stack]), /5ec8e7/);
  });
});
