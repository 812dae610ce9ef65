import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { WorkflowFailedError } from "@temporalio/client";
import { ApplicationFailure, CancelledFailure } from "@temporalio/common";
import { gate, is, RenderStage, type StagedRender, untilCancelled, update } from "../test/support/staged-renders.ts";
import { waitFor } from "../test/support/wait-for.ts";

const story = ({ events }: StagedRender) => events.filter(({ kind }) => kind === "STATUS").map((e) => e.state.status);
const numbers = ({ events }: StagedRender) => events.map(({ sequence }) => sequence);
const called = (call: string) => (render: StagedRender) => render.calls.includes(call);
const refusal = (type: string) => ApplicationFailure.nonRetryable(`S3 says ${type}`, type);

/** How Temporal's UI shows the end of a workflow that did not complete. */
const ended = (failure: new (...args: never[]) => Error, message: string) => (error: unknown) =>
  error instanceof WorkflowFailedError && error.cause instanceof failure && error.cause.message === message;

describe("renderImage", () => {
  let stage: RenderStage;
  before(async () => {
    stage = await RenderStage.open();
  });
  after(() => stage[Symbol.asyncDispose]());

  test("opens, renders every part once, completes and records it all", async () => {
    const requests: unknown[] = [];
    const { render, handle } = await stage.start(3, { complete: (request) => void requests.push(request) });
    assert.equal(await handle.result(), "COMPLETED");
    assert.deepEqual(story(render), ["RUNNING", "COMPLETED"]);
    assert.deepEqual(
      numbers(render),
      [...render.events.keys()].map((index) => index + 2),
    );
    assert.equal(render.events.at(-1)?.kind, "STATUS");
    assert.deepEqual(render.calls.toSorted(), ["complete", "init", "part 1", "part 2", "part 3", "presign 1-3"]);
    const hex = (part: number) => part.toString(16).padStart(32, "0");
    assert.deepEqual(requests, [
      {
        key: `renders/${render.input.renderId}.ppm`,
        uploadId: "upload-1",
        mark: "mark",
        byteSize: 25,
        partSize: 10,
        etags: [1, 2, 3].map(hex).join(" "),
        crc32s: "000000010000000200000003",
      },
    ]);
    const { startedAt, finishedAt, ...state } = render.state ?? {};
    assert.ok(startedAt !== undefined && finishedAt !== undefined && startedAt <= finishedAt);
    assert.deepEqual(state, {
      status: "COMPLETED",
      partsDone: 3,
      bytesUploaded: 25,
      retriedParts: 0,
      parts: [{ from: 1, to: 3, state: "DONE" }],
      backends: ["staged"],
      etag: "etag",
      crc32: "0badcafe",
    });
  });

  test("shows parts by their number in Temporal's history", async () => {
    const { handle } = await stage.start(2);
    await handle.result();
    const { events = [] } = await handle.fetchHistory();
    const scheduled = events?.map((event) => event.activityTaskScheduledEventAttributes);
    const parts = scheduled?.filter((activity) => activity?.activityType?.name === "renderAndUploadPart");
    assert.deepEqual(
      parts?.map((activity) => [activity?.activityId, activity?.taskQueue?.name]),
      [
        ["part-00001", "gpu"],
        ["part-00002", "gpu"],
      ],
    );
  });

  test("counts a part that needed more than one attempt", async () => {
    const { render, handle } = await stage.start(3, {
      part({ partNumber }, attempt) {
        if (partNumber === 2 && attempt === 1)
          throw ApplicationFailure.create({ type: "S3Unavailable", nextRetryDelay: 1 });
      },
    });
    await handle.result();
    assert.equal(render.state?.retriedParts, 1);
    assert.deepEqual(
      [1, 2, 3].map((part) => render.attempts(part)),
      [1, 2, 1],
    );
  });

  test("a part that fails for good leaves the others to finish; retryRender renders only it", async () => {
    let isBroken = true;
    const { render, handle } = await stage.start(70, {
      part({ partNumber }) {
        if (partNumber === 7 && isBroken) throw refusal("S3Refused");
      },
    });
    await render.until(is("FAILED"));
    assert.deepEqual(render.state?.failure, { code: "S3Refused", message: "S3 says S3Refused", part: 7 });
    assert.deepEqual(render.state?.parts, [
      { from: 1, to: 6, state: "DONE" },
      { from: 7, to: 7, state: "FAILED" },
      { from: 8, to: 70, state: "DONE" },
    ]);
    assert.ok(Date.parse(render.state?.resumableUntil ?? "") > Date.now() + 3_500_000);
    assert.equal(await update(handle, "cancelRender"), "InvalidState: FAILED");
    assert.equal(await update(handle, "pauseRender"), "InvalidState: FAILED");

    isBroken = false;
    render.calls.length = 0;
    assert.equal(await update(handle, "retryRender"), "RUNNING");
    assert.equal(await handle.result(), "COMPLETED");
    assert.deepEqual(render.calls, ["presign 7-7", "part 7", "complete"]);
    assert.deepEqual(story(render), ["RUNNING", "FAILED", "RUNNING", "COMPLETED"]);
    assert.equal(render.state?.retriedParts, 1);
    const running = render.events.filter(({ state }) => state.status === "RUNNING");
    assert.ok(running.every(({ state }) => state.finishedAt === undefined));
    assert.equal(render.state?.failure, undefined);
    assert.equal(render.state?.resumableUntil, undefined);
  });

  test("a retry that comes before FAILED is recorded, as where PostgreSQL is away, keeps the parts", async () => {
    let [isBroken, isAway] = [true, true];
    const failing = gate();
    const { render, handle } = await stage.start(3, {
      part: ({ partNumber }) => {
        if (partNumber === 2 && isBroken) throw refusal("S3Refused");
      },
      record: ({ state }) => {
        if (state.status !== "FAILED" || !isAway) return;
        failing.open();
        throw new Error("PostgreSQL is away");
      },
    });
    await failing.opened;
    isBroken = false;
    const retry = await handle.startUpdate<string, []>("retryRender", { waitForStage: "ACCEPTED" });
    isAway = false;
    assert.equal(await retry.result(), "RUNNING");
    assert.equal(await handle.result(), "COMPLETED");
    assert.deepEqual(story(render), ["RUNNING", "FAILED", "RUNNING", "COMPLETED"]);
    assert.deepEqual(
      render.calls.toSorted(),
      ["complete", "init", "part 1", "part 2", "part 2", "part 3", "presign 1-3", "presign 2-2"].toSorted(),
    );
  });

  test("what an update leads to is recorded once Temporal has stored the update", async () => {
    const stored: [status: string, updates: number | undefined][] = [];
    const pausing = gate();
    const { render, handle } = await stage.start(4, {
      part: ({ partNumber }) => (partNumber === 1 ? pausing.opened : undefined),
      record: async ({ kind, state }) => {
        if (kind !== "STATUS" || state.status === "COMPLETED") return;
        const { events } = await handle.fetchHistory();
        stored.push([state.status, events?.filter((e) => e.workflowExecutionUpdateAcceptedEventAttributes).length]);
      },
    });
    await render.until(called("part 1"));
    assert.equal(await update(handle, "pauseRender"), "PAUSED");
    assert.equal(await update(handle, "resumeRender"), "RUNNING");
    assert.equal(await update(handle, "cancelRender"), "CANCELING");
    pausing.open();
    await handle.result();
    assert.deepEqual(stored.slice(1), [
      ["PAUSED", 1],
      ["RUNNING", 2],
      ["CANCELING", 3],
      ["CANCELED", 3],
    ]);
  });

  test("where many parts fail for good, no more are started", async () => {
    const { render } = await stage.start(200, {
      part() {
        throw refusal("S3Refused");
      },
    });
    await render.until(is("FAILED"));
    const tried = render.calls.filter((call) => call.startsWith("part")).length;
    assert.ok(tried < 3 + 6, `${tried} parts were tried: more than were in flight when the third failed`);
    assert.equal(render.state?.parts.at(-1)?.state, "WAITING");
  });

  test("a failure whose text PostgreSQL would not take is recorded without what is amiss", async () => {
    const { render, handle } = await stage.start(1, {
      part() {
        throw ApplicationFailure.nonRetryable("S3 says \u0000\u0007bad", "S3Refused");
      },
    });
    await render.until(({ state }) => state?.status === "FAILED");
    assert.equal(render.state?.failure?.message, "S3 says  bad");
    await update(handle, "discardParts");
  });

  test("after the resume window everything is aborted", async () => {
    const script = {
      part() {
        throw refusal("S3Refused");
      },
    };
    const { render, handle } = await stage.start(1, script, { resumeWindowSeconds: 1 });
    await assert.rejects(handle.result(), ended(ApplicationFailure, "S3 says S3Refused"));
    assert.deepEqual(render.calls.slice(-1), ["abort"]);
    assert.equal(render.state?.status, "FAILED");
    assert.equal(render.state?.resumableUntil, undefined);
    assert.deepEqual(render.state?.parts, [{ from: 1, to: 1, state: "WAITING" }]);
  });

  test("discardParts ends the resume window", async () => {
    const { render, handle } = await stage.start(1, {
      part() {
        throw refusal("S3Refused");
      },
    });
    await render.until(is("FAILED"));
    assert.equal(await update(handle, "discardParts"), "FAILED");
    assert.ok(called("abort")(render));
    await assert.rejects(handle.result());
  });

  test("a failed render whose parts are being removed cannot be retried any more", async () => {
    const aborting = gate();
    const { render, handle } = await stage.start(1, {
      part() {
        throw refusal("S3Refused");
      },
      abort: () => aborting.opened,
    });
    await render.until(is("FAILED"));
    const discarded = update(handle, "discardParts");
    await render.until(called("abort"));
    assert.equal(await update(handle, "retryRender"), "InvalidState: FAILED");
    aborting.open();
    assert.equal(await discarded, "FAILED");
    await assert.rejects(handle.result());
  });

  test("an expired URL costs one attempt", async () => {
    let isOld = true;
    const { render, handle } = await stage.start(2, {
      lifeMs: () => (isOld ? 0 : 900_000),
      part({ partNumber, url }) {
        if (partNumber === 1 && url.endsWith("/2")) {
          isOld = false;
          throw refusal("UrlExpired");
        }
      },
    });
    assert.equal(await handle.result(), "COMPLETED");
    assert.deepEqual([render.attempts(1), render.attempts(2)], [2, 1]);
    assert.equal(render.state?.retriedParts, 1);
  });

  test("a URL whose life is over always gets another that lives longer, a good one that is refused only once", async () => {
    let old = 3;
    const expired: (number | undefined)[] = [];
    const { render } = await stage.start(1, {
      lifeMs: () => (old-- > 0 ? 0 : 900_000),
      presign: (request) => void expired.push(request.expired),
      part() {
        throw refusal("UrlExpired");
      },
    });
    await render.until(is("FAILED"));
    assert.equal(render.attempts(1), 5);
    assert.deepEqual(expired, [undefined, 1, 2, 3, 3]);
    assert.equal(render.state?.failure?.code, "S3Refused");
  });

  test("an upload that S3 has lost is started over by retryRender", async () => {
    let isLost = true;
    const { render, handle } = await stage.start(3, {
      part({ partNumber }) {
        if (partNumber === 3 && isLost) throw refusal("UploadGone");
      },
    });
    await render.until(is("FAILED"));
    assert.equal(render.state?.failure?.code, "UploadGone");
    assert.equal(render.state?.partsDone, 0);
    isLost = false;
    render.calls.length = 0;
    await update(handle, "retryRender");
    await handle.result();
    assert.deepEqual(render.calls.toSorted(), ["complete", "init", "part 1", "part 2", "part 3", "presign 1-3"]);
  });

  test("that the upload is lost outweighs the failure of a part before", async () => {
    const refused = gate();
    const { render } = await stage.start(2, {
      part({ partNumber }) {
        if (partNumber === 1) throw refusal("S3Refused");
        return refused.opened.then(() => Promise.reject(refusal("UploadGone")));
      },
    });
    await render.until((r) => r.state?.parts[0]?.state === "FAILED");
    refused.open();
    await render.until(is("FAILED"));
    assert.deepEqual([render.state?.failure?.code, render.state?.failure?.part], ["UploadGone", 2]);
    assert.deepEqual(render.state?.parts, [{ from: 1, to: 2, state: "WAITING" }]);
  });

  test("that the upload is lost outweighs the failure of the next URLs", async () => {
    const lost = gate();
    let isBroken = true;
    const { render, handle } = await stage.start(40, {
      async part({ partNumber }) {
        if (partNumber !== 32 || !isBroken) return;
        await render.until(called("presign 33-40"));
        throw refusal("UploadGone");
      },
      async presign({ from }) {
        if (from !== 33 || !isBroken) return;
        await lost.opened;
        throw refusal("CredentialsRefused");
      },
    });
    await render.until((r) => r.state?.parts.some(({ state }) => state === "FAILED") ?? false);
    isBroken = false;
    lost.open();
    await render.until(is("FAILED"));
    assert.equal(render.state?.failure?.code, "UploadGone");
    render.calls.length = 0;
    await update(handle, "retryRender");
    assert.equal(await handle.result(), "COMPLETED");
    assert.equal(render.calls[0], "init");
  });

  test("opening or completing that fails for good can be retried", async () => {
    const refused = new Set(["init", "complete"]);
    const refuse = (step: string) => {
      if (refused.delete(step)) throw refusal("AccessDenied");
    };
    const { render, handle } = await stage.start(2, { init: () => refuse("init"), complete: () => refuse("complete") });
    await render.until(is("FAILED"));
    assert.deepEqual(render.calls, ["init"]);
    await update(handle, "retryRender");
    await render.until((r) => r.events.filter((event) => event.state.status === "FAILED").length === 2);
    assert.equal(render.state?.partsDone, 2);
    assert.equal(render.state?.failure?.part, undefined);
    await update(handle, "retryRender");
    assert.equal(await handle.result(), "COMPLETED");
    assert.deepEqual([render.attempts(1), render.attempts(2)], [1, 1]);
  });

  test("pause lets parts in flight finish and starts none; resume goes on", async () => {
    const flight = gate();
    const { render, handle } = await stage.start(100, { part: () => flight.opened });
    await render.until(called("part 6"));
    assert.equal(await update(handle, "resumeRender"), "InvalidState: RUNNING");
    assert.equal(await update(handle, "pauseRender"), "PAUSED");
    flight.open();
    await render.until((r) => r.state?.partsDone === 6);
    assert.equal(await update(handle, "pauseRender"), "InvalidState: PAUSED");
    assert.equal(await update(handle, "retryRender"), "InvalidState: PAUSED");
    assert.deepEqual(render.state?.parts, [
      { from: 1, to: 6, state: "DONE" },
      { from: 7, to: 100, state: "WAITING" },
    ]);
    assert.equal(await update(handle, "resumeRender"), "RUNNING");
    assert.equal(await handle.result(), "COMPLETED");
    assert.deepEqual(story(render), ["RUNNING", "PAUSED", "RUNNING", "COMPLETED"]);
  });

  test("paused while the last parts are in flight, it is completed only once it is resumed", async () => {
    const flight = gate();
    const { render, handle } = await stage.start(3, { part: () => flight.opened });
    await render.until(called("part 3"));
    assert.equal(await update(handle, "pauseRender"), "PAUSED");
    flight.open();
    await render.until(({ state }) => state?.partsDone === 3);
    assert.equal(await update(handle, "pauseRender"), "InvalidState: PAUSED");
    assert.ok(!called("complete")(render));
    assert.equal(await update(handle, "resumeRender"), "RUNNING");
    assert.equal(await handle.result(), "COMPLETED");
  });

  test("paused while its URLs are being signed, it starts no part", async () => {
    const signing = gate();
    const { render, handle } = await stage.start(2, { presign: () => signing.opened });
    await render.until(called("presign 1-2"));
    assert.equal(await update(handle, "pauseRender"), "PAUSED");
    signing.open();
    const isIdle = async () => ((await handle.describe()).raw.pendingActivities ?? []).length === 0;
    await waitFor("the URLs", isIdle);
    assert.equal(await update(handle, "pauseRender"), "InvalidState: PAUSED");
    assert.ok(!render.calls.some((call) => call.startsWith("part")));
    assert.equal(await update(handle, "resumeRender"), "RUNNING");
    assert.equal(await handle.result(), "COMPLETED");
  });

  test("resumed and paused at the same moment, it loses no part", async () => {
    const flight = gate();
    const { render, handle } = await stage.start(20, { part: () => flight.opened });
    await render.until(called("part 6"));
    await update(handle, "pauseRender");
    flight.open();
    await render.until((r) => r.state?.partsDone === 6);
    // Mostly in this order. Where the pause comes first, it is refused and nothing is shown.
    await Promise.all([update(handle, "resumeRender"), update(handle, "pauseRender")]);
    await update(handle, "resumeRender");
    assert.equal(await handle.result(), "COMPLETED");
    assert.deepEqual(render.state?.parts, [{ from: 1, to: 20, state: "DONE" }]);
  });

  test("progress goes out about once a second, however many parts there are", async () => {
    const last = gate();
    const { render, handle } = await stage.start(200, {
      part: ({ partNumber }) => (partNumber === 200 ? last.opened : undefined),
    });
    await render.until((r) => r.state?.partsDone === 199);
    last.open();
    await handle.result();
    const progress = render.events.filter(({ kind }) => kind === "PROGRESS").map(({ at }) => Date.parse(at));
    const seconds = (Math.max(...progress) - Math.min(...progress)) / 1000;
    assert.ok(progress.length >= 2 && progress.length <= 2 + seconds, `${progress.length} in ${seconds} s`);
  });

  /** How many parts from that number on have been started, however often. */
  const startedFrom = (first: number, { calls }: StagedRender) =>
    new Set(calls.filter((call) => call.startsWith("part ") && Number(call.slice(5)) >= first)).size;

  test("puts half as many parts again on the queue as GPU workers take at once", async () => {
    const flight = gate();
    const { render, handle } = await stage.start(64, { part: () => flight.opened, gpuSlots: () => 22 });
    await render.until((r) => startedFrom(1, r) === 33);
    await update(handle, "pauseRender");
    flight.open();
    await render.until((r) => r.state?.parts.every(({ state }) => state !== "ACTIVE") ?? false);
    assert.equal(startedFrom(1, render), 33);
    await update(handle, "cancelRender");
    await handle.result();
  });

  // How many exactly depends on how long parts wait, and so on the machine: part-window.test.ts reckons that.
  test("puts more parts on the queue when more GPU workers come", async () => {
    const flight = gate();
    const { render, handle } = await stage.start(400, {
      part: ({ partNumber }) => (partNumber >= 300 ? flight.opened : undefined),
      gpuSlots: (fromPart) => (fromPart < 100 ? 4 : 22),
    });
    await render.until((r) => startedFrom(300, r) > 6);
    await update(handle, "pauseRender");
    flight.open();
    await render.until((r) => r.state?.parts.every(({ state }) => state !== "ACTIVE") ?? false);
    assert.ok(startedFrom(300, render) <= 33);
    await update(handle, "cancelRender");
    await handle.result();
  });

  describe("cancelRender", () => {
    test("while the upload is being opened", async () => {
      const opening = gate();
      const { render, handle } = await stage.start(2, { init: () => opening.opened });
      await render.until(called("init"));
      assert.equal(await update(handle, "cancelRender"), "CANCELING");
      opening.open();
      assert.equal(await handle.result(), "CANCELED");
      assert.deepEqual(render.calls, ["init", "abort"]);
      assert.deepEqual(story(render), ["RUNNING", "CANCELING", "CANCELED"]);
    });

    test("while parts are in flight, twice: they stop, then the upload is aborted", async () => {
      const aborting = gate();
      const stopped: number[] = [];
      const { render, handle } = await stage.start(100, {
        part: ({ partNumber }) => untilCancelled().finally(() => stopped.push(partNumber)),
        abort: () => aborting.opened,
      });
      await render.until(({ calls }) => calls.filter((call) => call.startsWith("part")).length === 6);
      const asked = performance.now();
      assert.equal(await update(handle, "cancelRender"), "CANCELING");
      await render.until(called("abort"));
      assert.ok(performance.now() - asked < 2000, "parts in flight did not stop within 2 s");
      assert.equal(stopped.length, 6);
      assert.equal(await update(handle, "cancelRender"), "CANCELING");
      assert.equal(await update(handle, "pauseRender"), "InvalidState: CANCELING");
      aborting.open();
      assert.equal(await handle.result(), "CANCELED");
      assert.deepEqual(story(render), ["RUNNING", "CANCELING", "CANCELED"]);
      assert.deepEqual(render.state?.parts, [{ from: 1, to: 100, state: "WAITING" }]);
    });

    test("while paused", async () => {
      const flight = gate();
      const { render, handle } = await stage.start(40, { part: () => flight.opened });
      await render.until(called("part 4"));
      await update(handle, "pauseRender");
      flight.open();
      assert.equal(await update(handle, "cancelRender"), "CANCELING");
      assert.equal(await handle.result(), "CANCELED");
      assert.deepEqual(story(render), ["RUNNING", "PAUSED", "CANCELING", "CANCELED"]);
    });

    test("while the upload is being completed: the object goes too", async () => {
      const completing = gate();
      const aborts: unknown[] = [];
      const { render, handle } = await stage.start(1, {
        complete: () => completing.opened,
        abort: ({ discardObject, uploadId }) => void aborts.push({ discardObject, uploadId }),
      });
      await render.until(called("complete"));
      assert.equal(await update(handle, "cancelRender"), "CANCELING");
      completing.open();
      assert.equal(await handle.result(), "CANCELED");
      assert.deepEqual(aborts, [{ discardObject: true, uploadId: "upload-1" }]);
      assert.equal(render.state?.etag, undefined);
    });

    test("by an operator in the Temporal UI", async () => {
      const { render, handle } = await stage.start(1, { part: untilCancelled });
      await render.until(called("part 1"));
      await handle.cancel();
      await assert.rejects(handle.result(), ended(CancelledFailure, "Workflow canceled"));
      assert.deepEqual(story(render), ["RUNNING", "CANCELING", "CANCELED"]);
      assert.ok(called("abort")(render));
    });
  });
});
