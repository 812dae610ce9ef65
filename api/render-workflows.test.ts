import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ApplicationFailure } from "@temporalio/common";
import type { RenderStatus } from "../database/state.ts";
import { createLog } from "../service/log.ts";
import { is, RenderStage, type StagedRender, untilCancelled } from "../test/support/staged-renders.ts";
import type { RenderUpdate } from "../workflows/messages.ts";
import { RenderWorkflows } from "./render-workflows.ts";
import { TemporalClient } from "./temporal-client.ts";

const UPDATES_LIMIT = 10;

describe("updates of a render's workflow", () => {
  let stage: RenderStage;
  let client: TemporalClient;
  let workflows: RenderWorkflows;
  before(async () => {
    stage = await RenderStage.open(["--dynamic-config-value", `history.maxTotalUpdates=${UPDATES_LIMIT}`]);
    const log = createLog("test");
    log.level = "silent";
    client = new TemporalClient({ connectionOptions: { address: stage.env.address }, namespace: "default" });
    workflows = new RenderWorkflows(client, { RESUME_WINDOW_SECONDS: 60 }, log);
  });
  after(async () => {
    await client.close();
    await stage[Symbol.asyncDispose]();
  });

  const send = ({ input }: StagedRender, update: RenderUpdate, status: RenderStatus = "RUNNING") =>
    workflows.update({ ...input, id: input.renderId, pattern: "solid", sequence: 2, status }, update);

  /** As many updates as Temporal takes. */
  async function useUp(render: StagedRender): Promise<void> {
    for (let sent = 0; sent < UPDATES_LIMIT; sent++) {
      assert.deepEqual(await send(render, sent % 2 === 0 ? "pauseRender" : "resumeRender"), { kind: "done" });
    }
  }

  test("more than Temporal takes are refused with what to do, but for cancelRender", async () => {
    const { render, handle } = await stage.start(2, { part: untilCancelled });
    await render.until(is("RUNNING"));
    await useUp(render);
    const message =
      /^pauseRender was not possible: Temporal takes no more requests .* or cancel the render; a failed one can be deleted\.$/;
    await assert.rejects(send(render, "pauseRender"), { message });
    assert.deepEqual(await send(render, "cancelRender"), { kind: "done" });
    await render.until(is("CANCELED"));
    await assert.rejects(handle.result());
    assert.deepEqual(await send(render, "cancelRender"), { kind: "gone" });
  });

  test("more than Temporal takes leave a failed render its parts where somebody cancels it, and can be deleted", async () => {
    const { promise: usedUp, resolve: goOn } = Promise.withResolvers<void>();
    const { render, handle } = await stage.start(2, {
      async part({ partNumber }) {
        await usedUp;
        if (partNumber === 2) throw ApplicationFailure.nonRetryable("S3 says no", "S3Refused");
      },
    });
    await render.until(is("RUNNING"));
    await useUp(render);
    goOn();
    await render.until(is("FAILED"));
    await assert.rejects(send(render, "cancelRender", "FAILED"), { message: /a failed one can be deleted/ });
    assert.equal(render.state?.partsDone, 1);
    assert.deepEqual(await send(render, "discardParts", "FAILED"), { kind: "done" });
    await assert.rejects(handle.result(), ({ cause }) => cause.type === "S3Refused");
  });

  test("many at once are each answered", async () => {
    const { render, handle } = await stage.start(2, { part: untilCancelled });
    await render.until(is("RUNNING"));
    const answers = await Promise.all(Array.from({ length: 25 }, () => send(render, "pauseRender")));
    assert.deepEqual(
      answers.map(({ kind }) => kind),
      ["done", ...Array.from({ length: 24 }, () => "refused")],
    );
    await send(render, "cancelRender");
    await handle.result();
  });

  for (const update of ["pauseRender", "cancelRender"] as const) {
    test(`${update} while the workflow is terminated finds it gone`, async () => {
      const { promise: recording, resolve: begin } = Promise.withResolvers<void>();
      const { promise: recorded, resolve: record } = Promise.withResolvers<void>();
      const { render, handle } = await stage.start(2, {
        part: untilCancelled,
        record({ state: { status } }) {
          if (status === "RUNNING") return;
          begin();
          return recorded;
        },
      });
      await render.until(is("RUNNING"));
      const answer = send(render, update);
      await recording;
      await handle.terminate();
      assert.deepEqual(await answer, { kind: "gone" });
      record();
    });
  }

  test("discardParts is answered also where the workflow is cancelled meanwhile", async () => {
    const { promise: aborting, resolve: begin } = Promise.withResolvers<void>();
    const { promise: aborted, resolve: abort } = Promise.withResolvers<void>();
    const { render, handle } = await stage.start(1, {
      part() {
        throw ApplicationFailure.nonRetryable("S3 says no", "S3Refused");
      },
      abort() {
        begin();
        return aborted;
      },
    });
    await render.until(is("FAILED"));
    const answer = send(render, "discardParts");
    await aborting;
    await handle.cancel();
    abort();
    assert.deepEqual(await answer, { kind: "done" });
  });
});
