import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { RenderStage, type StagedRender, update } from "../test/support/staged-renders.ts";
import { waitFor } from "../test/support/wait-for.ts";

/** The histories of a workflow's runs, first to last. */
async function runs(stage: RenderStage, handle: WorkflowHandle) {
  const ids: string[] = [];
  for await (const { runId } of stage.env.client.workflow.list({ query: `WorkflowId = "${handle.workflowId}"` })) {
    ids.unshift(runId);
  }
  return await Promise.all(ids.map((id) => stage.env.client.workflow.getHandle(handle.workflowId, id).fetchHistory()));
}

const finished = ({ calls }: StagedRender) => calls.filter((call) => call.startsWith("part")).length;

function assertGapless({ events }: StagedRender): void {
  assert.deepEqual(
    events.map(({ sequence }) => sequence),
    events.map((_, index) => index + 2),
  );
  const done = events.map(({ state }) => state.partsDone);
  assert.deepEqual(
    done,
    done.toSorted((a, b) => a - b),
  );
  assert.equal(new Set(events.map(({ state }) => state.startedAt)).size, 1);
}

describe("a render whose history grows long", () => {
  let stage: RenderStage;
  before(async () => {
    const suggestion = "limit.historyCount.suggestContinueAsNew=200";
    stage = await RenderStage.open(["--dynamic-config-value", suggestion]);
  });
  after(() => stage[Symbol.asyncDispose]());

  test("continues as new, and renders each part once", async () => {
    const { render, handle } = await stage.start(300);
    assert.equal(await handle.result(), "COMPLETED");
    assert.equal(finished(render), 300);
    assert.equal(new Set(render.calls.filter((call) => call.startsWith("part"))).size, 300);
    assertGapless(render);
    assert.equal(render.state?.bytesUploaded, render.input.byteSize);
    const histories = await runs(stage, handle);
    assert.ok(histories.length > 3, `${histories.length} runs`);
  });

  test("remembers in its last run which part failed in its first", async () => {
    let isBroken = true;
    const { render, handle } = await stage.start(300, {
      part({ partNumber }) {
        if (partNumber === 5 && isBroken) throw ApplicationFailure.nonRetryable("S3 says no", "S3Refused");
      },
    });
    await render.until(({ state }) => state?.status === "FAILED");
    assert.ok((await runs(stage, handle)).length > 1);
    assert.deepEqual([render.state?.failure?.code, render.state?.failure?.part], ["S3Refused", 5]);
    assert.ok(!render.calls.includes("complete"));
    isBroken = false;
    render.calls.length = 0;
    assert.equal(await update(handle, "retryRender"), "RUNNING");
    assert.equal(await handle.result(), "COMPLETED");
    assert.deepEqual(
      render.calls.filter((call) => call.startsWith("part")),
      ["part 5"],
    );
  });

  test("stays paused across runs, and resumes", async () => {
    let pausing: Promise<string> | undefined;
    const { render, handle } = await stage.start(200, {
      async part({ partNumber }) {
        if (partNumber === 40) pausing = update(handle, "pauseRender");
        if (partNumber >= 40) await pausing;
      },
    });
    await render.until(({ state }) => state?.status === "PAUSED");
    await render.until(({ state }) => state?.parts.every((range) => range.state !== "ACTIVE") ?? false);
    assert.equal(await pausing, "PAUSED");
    const before = finished(render);
    assert.ok(before < 200);
    assert.equal(await update(handle, "resumeRender"), "RUNNING");
    assert.equal(await handle.result(), "COMPLETED");
    assert.equal(finished(render), 200);
    assertGapless(render);
  });

  test("is canceled in a later run, with nothing left", async () => {
    let canceling: Promise<string> | undefined;
    const { render, handle } = await stage.start(300, {
      async part({ partNumber }) {
        if (partNumber === 150) canceling = update(handle, "cancelRender");
      },
    });
    assert.equal(await handle.result(), "CANCELED");
    assert.equal(await canceling, "CANCELING");
    assert.equal(render.calls.at(-1), "abort");
    assert.deepEqual(render.state?.parts, [{ from: 1, to: 300, state: "WAITING" }]);
  });

  test("removes what a Complete in an earlier run may have left", async () => {
    const objectsDiscarded: boolean[] = [];
    let completeTried = false;
    const { render, handle } = await stage.start(150, {
      async part({ partNumber }) {
        if (completeTried && partNumber === 120) await update(handle, "cancelRender");
      },
      complete() {
        completeTried = true;
        throw ApplicationFailure.nonRetryable("S3 says ObjectMismatch", "ObjectMismatch");
      },
      abort({ discardObject }) {
        objectsDiscarded.push(discardObject);
      },
    });
    await render.until(({ state }) => state?.status === "FAILED");
    const runsUntilFailed = (await runs(stage, handle)).length;
    assert.equal(await update(handle, "retryRender"), "RUNNING");
    assert.equal(await handle.result(), "CANCELED");
    assert.ok((await runs(stage, handle)).length > runsUntilFailed);
    assert.deepEqual(objectsDiscarded, [true]);
  });

  test("continues as new where it is retried without end", async () => {
    let isBroken = true;
    const { render, handle } = await stage.start(2, {
      init() {
        if (isBroken) throw ApplicationFailure.nonRetryable("S3 says no", "AccessDenied");
      },
    });
    for (let retried = 0; retried < 40; retried++) {
      await render.until(({ events }) => events.filter(({ state }) => state.status === "FAILED").length > retried);
      assert.equal(await update(handle, "retryRender"), "RUNNING");
    }
    await render.until(({ state }) => state?.status === "FAILED");
    isBroken = false;
    await update(handle, "retryRender");
    assert.equal(await handle.result(), "COMPLETED");
    assertGapless(render);
    const histories = await runs(stage, handle);
    assert.ok(histories.length > 1, `${histories.length} runs`);
    assert.ok(histories.every(({ events }) => (events?.length ?? 0) < 300));
  });

  test("continues as new where it is paused and resumed without end, before any part is done", async () => {
    const { promise: signed, resolve: sign } = Promise.withResolvers<void>();
    const { render, handle } = await stage.start(2, { presign: () => signed });
    await render.until(({ calls }) => calls.some((call) => call.startsWith("presign")));
    for (let resumed = 0; resumed < 40; resumed++) {
      assert.equal(await update(handle, "pauseRender"), "PAUSED");
      assert.equal(await update(handle, "resumeRender"), "RUNNING");
    }
    assert.equal(await update(handle, "pauseRender"), "PAUSED");
    sign();
    await waitFor("the next run", async () => (await runs(stage, handle)).length > 1);
    assert.equal(render.state?.status, "PAUSED");
    assert.equal(await update(handle, "resumeRender"), "RUNNING");
    assert.equal(await handle.result(), "COMPLETED");
    assert.equal(finished(render), 2);
    assertGapless(render);
  });

  test("gives a part whose URLs expire one after the other the next URL in the next run", async () => {
    const expired = 60;
    const { render, handle } = await stage.start(1, {
      lifeMs: () => (render.attempts(1) < expired ? 0 : 900_000),
      part() {
        if (render.attempts(1) <= expired) throw ApplicationFailure.nonRetryable("S3 says 403", "UrlExpired");
      },
    });
    assert.equal(await handle.result(), "COMPLETED");
    assert.equal(render.attempts(1), expired + 1);
    const histories = await runs(stage, handle);
    assert.ok(histories.length > 1, `${histories.length} runs`);
    assert.ok(histories.every(({ events }) => (events?.length ?? 0) < 300));
  });

  test("answers updates however they race with the end of a run", async () => {
    const { promise: raced, resolve: finish } = Promise.withResolvers<void>();
    const { render, handle } = await stage.start(150, {
      part: ({ partNumber }) => (partNumber === 150 ? raced : undefined),
    });
    const answers = new Set<string>();
    for (let before = 0; before < 150; before = finished(render)) {
      answers.add(await update(handle, "pauseRender"));
      answers.add(await update(handle, "resumeRender"));
      await render.until(() => finished(render) > before);
    }
    finish();
    assert.equal(await handle.result(), "COMPLETED");
    assert.equal(finished(render), 150);
    assert.ok(answers.has("PAUSED") && answers.has("RUNNING"), [...answers].join());
  });
});
