import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import { assertFileIsRight } from "./support/check-file.ts";
import type { Action, Client } from "./support/client.ts";
import { allRgb, MIB } from "./support/images.ts";
import { ProxiedStack, sendsPart } from "./support/proxied-stack.ts";
import { type Exchange, s3Error } from "./support/s3-proxy.ts";
import { waitFor } from "./support/wait-for.ts";

const RESUME_WINDOW_SECONDS = 6;

describe("cancel, pause and retry", () => {
  let proxied: ProxiedStack;
  let client: Client;
  const user = "user";
  before(async () => {
    proxied = await ProxiedStack.start({ RESUME_WINDOW_SECONDS: `${RESUME_WINDOW_SECONDS}`, GPU_CONCURRENCY: "2" });
    client = await proxied.stack.client(user);
  });
  afterEach(() => proxied.clear());
  after(() => proxied[Symbol.asyncDispose]());

  /** Eight parts. */
  const spec = allRgb(3701, 3603);
  const start = () => client.started({ spec, partSize: 5 * MIB });
  /** Sixteen parts. */
  const longSpec = allRgb(5_281, 5_281);
  const startLong = () => client.started({ spec: longSpec, partSize: 5 * MIB });
  /** So that something is under way for as long as a test looks at it. */
  const slowParts = (bytesPerSecond: number) => {
    proxied.proxy.rule = ({ operation }) =>
      operation === "UploadPart" ? { kind: "throttle", bytesPerSecond } : undefined;
  };

  async function assertNothingIsLeft(id: string): Promise<void> {
    const { bucket } = proxied.stack;
    const uploads = (await bucket.openUploads()).filter(({ key }) => key.includes(id));
    const objects = (await bucket.keys()).filter((key) => key.includes(id));
    assert.deepEqual({ uploads, objects }, { uploads: [], objects: [] });
  }

  async function assertImpossible(action: Action, id: string, status: string): Promise<void> {
    const outcome = await client.act(action, id);
    assert.equal(outcome.__typename, "InvalidStateError");
    assert.equal("status" in outcome && outcome.status, status);
  }

  const isUploading = () => proxied.proxy.of("UploadPart").some(({ bodyBytes, endedAt }) => bodyBytes > 0 && !endedAt);

  describe("cancelRender", () => {
    it("stops parts in flight within 2 s, and says CANCELED once nothing is left in S3", async () => {
      proxied.proxy.rule = ({ operation }) => (operation === "UploadPart" ? { kind: "stallAnswer" } : undefined);
      const { id } = await start();
      await waitFor("a part on the wire", isUploading);
      const asked = performance.now();
      const outcome = await client.act("cancelRender", id);
      assert.equal("status" in outcome && outcome.status, "CANCELING");
      await client.until(id, ({ status }) => status === "CANCELED");
      const last = Math.max(...proxied.puts(id).map(({ endedAt = Number.POSITIVE_INFINITY }) => endedAt));
      assert.ok(last - asked < 2_000, `the last part stopped after ${Math.round(last - asked)} ms`);
      await assertNothingIsLeft(id);
    });

    it("right after the start", async () => {
      const { id } = await start();
      await client.act("cancelRender", id);
      await client.until(id, ({ status }) => status === "CANCELED");
      await assertNothingIsLeft(id);
    });

    it("while the upload is opened", async () => {
      proxied.proxy.rule = ({ operation }) =>
        operation === "CreateMultipartUpload" ? { kind: "delay", milliseconds: 1_000 } : undefined;
      const { id } = await start();
      await waitFor("the request", () => proxied.proxy.of("CreateMultipartUpload").length > 0);
      await client.act("cancelRender", id);
      await client.until(id, ({ status }) => status === "CANCELED");
      await assertNothingIsLeft(id);
    });

    it("while S3 puts the parts together", async () => {
      proxied.proxy.rule = ({ operation }) =>
        operation === "CompleteMultipartUpload" ? { kind: "delay", milliseconds: 1_000 } : undefined;
      const { id } = await start();
      await waitFor("the request", () => proxied.proxy.of("CompleteMultipartUpload").length > 0);
      await client.act("cancelRender", id);
      await client.until(id, ({ status }) => status === "CANCELED");
      await assertNothingIsLeft(id);
    });

    it("twice, and while it pauses", async () => {
      slowParts(2 * MIB);
      const { id } = await start();
      await waitFor("a part on the wire", isUploading);
      await Promise.all([
        client.act("pauseRender", id),
        client.act("cancelRender", id),
        client.act("cancelRender", id),
      ]);
      await client.until(id, ({ status }) => status === "CANCELED");
      await assertNothingIsLeft(id);
    });

    it("is impossible once the render has ended, as are the others", async () => {
      const { id } = await client.started({ spec: allRgb(8, 8) });
      await client.completed(id);
      for (const action of ["cancelRender", "pauseRender", "resumeRender", "retryRender"] as const) {
        await assertImpossible(action, id, "COMPLETED");
      }
    });
  });

  describe("pauseRender", () => {
    it("lets parts in flight finish and starts no others, until resumeRender", async () => {
      slowParts(5 * MIB);
      const { id } = await startLong();
      await waitFor("a part on the wire", isUploading);
      await client.act("pauseRender", id);
      await assertImpossible("pauseRender", id, "PAUSED");
      await assertImpossible("retryRender", id, "PAUSED");
      const { status, partsDone } = await untilStill(id);
      assert.equal(status, "PAUSED");
      assert.equal(partsDone, proxied.puts(id).length, "what was sent has finished");
      assert.ok(partsDone <= 3, `${partsDone} parts, where two were being rendered and one was queued`);

      await client.act("resumeRender", id);
      await assertImpossible("resumeRender", id, "RUNNING");
      await assertEachPartSentOnce(id);
      assert.equal(mostAtOnce(proxied.puts(id)), 2, "as many as GPU_CONCURRENCY says");
    });

    it("lasts across a restart of everything", async () => {
      slowParts(5 * MIB);
      const { id } = await startLong();
      await waitFor("a part on the wire", isUploading);
      await client.act("pauseRender", id);
      const { partsDone } = await untilStill(id);

      assert.equal(await proxied.stack.stop(), 0);
      await proxied.stack.start();
      client = await proxied.stack.client(user);
      const render = await client.render(id);
      assert.deepEqual([render?.status, render?.partsDone], ["PAUSED", partsDone]);
      await client.act("resumeRender", id);
      await assertEachPartSentOnce(id);
    });

    /** The most requests that were under way at the same moment. */
    function mostAtOnce(requests: readonly Exchange[]): number {
      const isUnderWay = (at: number) => (one: Exchange) => one.startedAt <= at && at < (one.endedAt ?? Infinity);
      return Math.max(...requests.map(({ startedAt }) => requests.filter(isUnderWay(startedAt)).length));
    }

    /** Resolves when no part is in flight any more. */
    const untilStill = (id: string) => client.until(id, ({ parts }) => parts.every(({ state }) => state !== "ACTIVE"));

    async function assertEachPartSentOnce(id: string): Promise<void> {
      proxied.proxy.rule = () => undefined;
      const render = await client.completed(id);
      assert.deepEqual(proxied.attempts(id, render.partCount), new Array(render.partCount).fill(1));
      await assertFileIsRight(render, longSpec);
    }
  });

  describe("a part that used up its attempts", () => {
    /** Fails part 3 for good until the test mends it. */
    async function failed() {
      proxied.proxy.rule = (request) => (sendsPart(request, 3) ? s3Error(400, "InvalidArgument") : undefined);
      const { id } = await start();
      const render = await client.until(id, ({ status }) => status === "FAILED");
      proxied.proxy.rule = () => undefined;
      return render;
    }

    it("leaves its siblings to finish, and retryRender sends that part alone", async () => {
      const { id, failure, partsDone, partCount, parts, resumableUntil, finishedAt } = await failed();
      assert.equal(partsDone, partCount - 1);
      assert.deepEqual(parts, [
        { from: 1, to: 2, state: "DONE" },
        { from: 3, to: 3, state: "FAILED" },
        { from: 4, to: partCount, state: "DONE" },
      ]);
      assert.deepEqual([failure?.code, failure?.part], ["S3Refused", 3]);
      const window = Date.parse(resumableUntil ?? "") - Date.parse(finishedAt ?? "");
      assert.equal(window, RESUME_WINDOW_SECONDS * 1000);
      await assertImpossible("pauseRender", id, "FAILED");

      await client.act("retryRender", id);
      const render = await client.completed(id);
      assert.deepEqual(proxied.attempts(id, partCount), [1, 1, 2, 1, 1, 1, 1, 1]);
      assert.deepEqual([render.failure, render.resumableUntil], [null, null]);
      await assertFileIsRight(render, spec);
    });

    it("can be given up by deleteRender", async () => {
      const { id } = await failed();
      assert.deepEqual(await client.delete(id), { __typename: "DeletedRender", id });
      assert.equal(await client.render(id), null);
      await assertNothingIsLeft(id);
    });

    it("is deleted in the end also where S3 is away and the API dies over it", async () => {
      const { id } = await failed();
      proxied.proxy.rule = ({ operation }) =>
        operation === "AbortMultipartUpload" ? s3Error(503, "SlowDown") : undefined;
      const interrupted = client.delete(id);
      interrupted.catch(() => {});
      await waitFor("the abort", () => proxied.proxy.of("AbortMultipartUpload").length > 0);
      await proxied.stack.kill("api");
      await assert.rejects(interrupted);
      proxied.proxy.rule = () => undefined;
      await waitFor("the API", () => proxied.stack.isReady());
      client = await proxied.stack.client(user);
      await waitFor("the deletion", async () => (await client.render(id)) === null);
      await assertNothingIsLeft(id);
    });

    it("is given up after the resume window: nothing is left in S3, and retryRender is impossible", async () => {
      const { id } = await failed();
      await waitFor("the window's end", async () => (await client.render(id))?.resumableUntil === null);
      await assertNothingIsLeft(id);
      await assertImpossible("retryRender", id, "FAILED");
    });
  });
});
