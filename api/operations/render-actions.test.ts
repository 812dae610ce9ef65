import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Context } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import type { TestWorkflowEnvironment } from "@temporalio/testing";
import { Worker } from "@temporalio/worker";
import { recordEvent } from "../../activities/record-event.ts";
import type { ControlActivities } from "../../activities/types.ts";
import { createRender } from "../../database/create-render.ts";
import { Render } from "../../database/render.ts";
import { GPU_QUEUE, type PartActivities } from "../../gpu-worker/part.ts";
import { TestApi } from "../../test/support/api.ts";
import type { Client } from "../../test/support/client.ts";
import { newRender } from "../../test/support/renders.ts";
import { bundleRenderImage } from "../../test/support/staged-renders.ts";
import { startTemporal } from "../../test/support/temporal.ts";
import { CONTROL_QUEUE, renderWorkflowId } from "../../workflows/messages.ts";

const spec = { width: 4, height: 2, pattern: { allRgb: {} } };
const failing = { width: 4, height: 2, pattern: { solid: { color: "#000000" } } };

describe("renders on a real Temporal", () => {
  let env: TestWorkflowEnvironment;
  let api: TestApi;
  let workers: Worker[];
  let running: Promise<unknown>;
  before(async () => {
    env = await startTemporal();
    api = await TestApi.open(env.address);
    const common = { connection: env.nativeConnection, maxHeartbeatThrottleInterval: "200 ms" } as const;
    workers = await Promise.all([
      Worker.create({
        ...common,
        taskQueue: CONTROL_QUEUE,
        workflowBundle: await bundleRenderImage(),
        activities: control(api),
      }),
      Worker.create({ ...common, taskQueue: GPU_QUEUE, activities: parts }),
    ]);
    running = Promise.all(workers.map((worker) => worker.run()));
  });
  after(async () => {
    for (const worker of workers) worker.shutdown();
    await running;
    await api.close();
    await env.teardown();
  });

  const runIdOf = async (id: string) => (await env.client.workflow.getHandle(renderWorkflowId(id)).describe()).runId;
  const runningRender = async (client: Client, given: object = spec): Promise<string> => {
    const { id } = await client.started({ spec: given as typeof spec });
    await client.until(id, ({ status }) => status === "RUNNING" || status === "FAILED");
    return id;
  };

  test("one key sent 20 times at once is one render with one workflow; another spec is a conflict", async () => {
    const client = await api.client("alice");
    const sent = await Promise.all(Array.from({ length: 20 }, () => client.started({ spec, idempotencyKey: "k" })));
    const [id, ...others] = new Set(sent.map((render) => render.id));
    assert.ok(id);
    assert.deepEqual(others, []);
    await client.until(id, ({ status }) => status === "RUNNING");
    const workflow = (await client.render(id))?.workflow;
    assert.deepEqual(workflow, {
      workflowId: `render-${id}`,
      runId: await runIdOf(id),
      url: `http://ui.example/namespaces/default/workflows/render-${id}`,
    });
    const conflict = await client.start({ spec: { ...spec, width: 5 }, idempotencyKey: "k" });
    assert.equal(conflict.__typename, "IdempotencyConflictError");
    const otherParts = await client.start({ spec, idempotencyKey: "k", partSize: 8 * 2 ** 20 });
    assert.equal(otherParts.__typename, "IdempotencyConflictError");
    assert.equal((await client.act("cancelRender", id)).__typename, "Render");
    await client.history(id);
    await client.started({ spec, idempotencyKey: "k" });
    assert.equal(await runIdOf(id), workflow?.runId);
  });

  test("the same key again starts what a crash left unstarted, and so does an action", async () => {
    const client = await api.client("bob");
    const [byKey, byAction] = await Promise.all(
      ["left", "acted"].map((idempotencyKey) =>
        createRender(api.orm.em.fork(), newRender("bob", { idempotencyKey }), 5),
      ),
    );
    assert.ok(byKey?.kind === "created" && byAction?.kind === "created");
    assert.equal((await client.started({ spec, idempotencyKey: "left" })).id, byKey.render.id);
    await client.until(byKey.render.id, ({ status }) => status === "RUNNING");
    const canceled = await client.act("cancelRender", byAction.render.id);
    assert.equal(canceled.__typename, "Render");
    assert.equal((await client.history(byAction.render.id)).at(-1)?.render.status, "CANCELED");
  });

  test("pause, resume and cancel show the render as it then is, and say why not", async () => {
    const client = await api.client("carol");
    const id = await runningRender(client);
    const act = async (action: "pauseRender" | "resumeRender" | "cancelRender" | "retryRender") => {
      const outcome = await client.act(action, id);
      return [outcome.__typename, "status" in outcome && outcome.status];
    };
    assert.deepEqual(await act("resumeRender"), ["InvalidStateError", "RUNNING"]);
    assert.deepEqual(await act("retryRender"), ["InvalidStateError", "RUNNING"]);
    assert.deepEqual(await act("pauseRender"), ["Render", "PAUSED"]);
    assert.deepEqual(await act("pauseRender"), ["InvalidStateError", "PAUSED"]);
    assert.deepEqual(await act("resumeRender"), ["Render", "RUNNING"]);
    assert.equal((await client.delete(id)).__typename, "InvalidStateError");
    const [typename] = await act("cancelRender");
    assert.equal(typename, "Render");
    await client.history(id);
    assert.deepEqual(await act("cancelRender"), ["InvalidStateError", "CANCELED"]);

    const stranger = await api.client("mallory");
    for (const action of ["pauseRender", "cancelRender"] as const) {
      assert.equal((await stranger.act(action, id)).__typename, "RenderNotFoundError");
    }
    assert.equal((await stranger.delete(id)).__typename, "RenderNotFoundError");
    assert.equal(await stranger.render(id), null);
  });

  test("a render whose workflow was terminated says so", async () => {
    const client = await api.client("dave");
    const id = await runningRender(client);
    await env.client.workflow.getHandle(renderWorkflowId(id)).terminate();
    const outcome = await client.act("pauseRender", id);
    assert.ok(outcome.__typename === "InvalidStateError");
    assert.match(outcome.message, /Temporal runs no workflow for it/);
  });

  test("deleting a failed render gives up its parts first; while S3 is away it stays", async () => {
    const client = await api.client("erin");
    const { id } = await client.started({ spec: failing as unknown as typeof spec, idempotencyKey: "freed" });
    await client.history(id);
    assert.ok((await client.render(id))?.resumableUntil);
    await assert.rejects(client.delete(id), {
      message: /is tried again every 30 seconds/,
      extensions: { code: "SERVICE_UNAVAILABLE" },
    });
    const render = await client.render(id);
    assert.deepEqual([render?.status, render?.resumableUntil], ["FAILED", null]);
    const { status } = await env.client.workflow.getHandle(renderWorkflowId(id)).describe();
    assert.notEqual(status.name, "RUNNING");
    assert.notEqual((await client.started({ spec, idempotencyKey: "freed" })).id, id);
  });

  test("a retry counts against the quota", async () => {
    const client = await api.client("grace");
    const id = await runningRender(client, failing);
    await client.history(id);
    const others = await Promise.all(Array.from({ length: 5 }, () => runningRender(client)));
    const outcome = await client.act("retryRender", id);
    assert.ok(outcome.__typename === "InvalidStateError");
    assert.match(outcome.message, /already have 5 active renders/);
    await Promise.all(others.map((other) => client.act("cancelRender", other)));
  });

  for (const when of ["within", "after"] as const) {
    test(`a failed render whose workflow was terminated stays until the janitor has removed its parts, ${when} the window`, async () => {
      const client = await api.client(`terminated-${when}`);
      const id = await runningRender(client, failing);
      await client.history(id);
      await env.client.workflow.getHandle(renderWorkflowId(id)).terminate();
      if (when === "after") {
        const em = api.orm.em.fork();
        const { state } = await em.findOneOrFail(Render, { id });
        await em.nativeUpdate(Render, { id }, { state: { ...state, resumableUntil: new Date(0).toISOString() } });
      }
      const outcome = await client.delete(id);
      assert.ok(outcome.__typename === "InvalidStateError");
      assert.match(outcome.message, /is being cleared away/);
      assert.equal((await client.render(id))?.status, "FAILED");
    });
  }
});

/** Everything but S3: events are recorded as the control worker records them. */
function control(api: TestApi): ControlActivities {
  return {
    initUpload: async ({ key }) => ({ key, uploadId: "upload", mark: "mark" }),
    presignParts: async () => ({ urls: ["http://nowhere.example/"], lifeMs: 900_000, gpuSlots: 4 }),
    completeUpload: async () => ({ etag: "etag", crc32: "00000000" }),
    abortUpload: async () => {},
    recordEvent: (event) => recordEvent(api.orm.em.fork(), event),
  };
}

/** A part of allRgb is rendered until it is cancelled; any other fails for good. */
const parts: PartActivities = {
  async renderAndUploadPart({ spec: { pattern } }) {
    if (!("allRgb" in pattern)) throw ApplicationFailure.nonRetryable("S3 says no", "S3Refused");
    const beat = setInterval(() => Context.current().heartbeat(), 50);
    return await Context.current().cancelled.finally(() => clearInterval(beat));
  },
};
