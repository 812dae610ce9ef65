import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { MikroORM } from "@mikro-orm/postgresql";
import { Client, Connection, type ConnectionOptions } from "@temporalio/client";
import { MockActivityEnvironment, type TestWorkflowEnvironment } from "@temporalio/testing";
import { DefaultLogger, Runtime, Worker } from "@temporalio/worker";
import { applyEvent } from "../database/apply-event.ts";
import { connect } from "../database/connect.ts";
import { createRender } from "../database/create-render.ts";
import { Render } from "../database/render.ts";
import { objectKey } from "../images/object-key.ts";
import type { Log } from "../service/log.ts";
import type { Storage } from "../storage/storage.ts";
import { TestDatabase } from "../test/support/database.ts";
import { newRender, recordedEvent } from "../test/support/renders.ts";
import { S3Server } from "../test/support/s3-server.ts";
import { openStorage } from "../test/support/storage.ts";
import { startTemporal } from "../test/support/temporal.ts";
import { waitFor } from "../test/support/wait-for.ts";
import { CONTROL_QUEUE, renderWorkflowId } from "../workflows/messages.ts";
import { startRenderImage } from "../workflows/start-render.ts";
import { createActivities } from "./create-activities.ts";
import { keepJanitorScheduled, scheduleJanitor } from "./janitor-schedule.ts";

Runtime.install({ logger: new DefaultLogger("ERROR") });

type Interceptor = NonNullable<ConnectionOptions["interceptors"]>[number];

const TWENTY_SECONDS = 20_000;

describe("the janitor", () => {
  let env: TestWorkflowEnvironment;
  let database: TestDatabase;
  let server: S3Server;
  let orm: MikroORM;
  let storage: Storage;
  before(async () => {
    env = await startTemporal();
    database = await TestDatabase.open();
    server = await S3Server.start();
    orm = await connect(database.url);
    storage = openStorage(server.access);
  });
  after(async () => {
    storage.close();
    await orm.close();
    await server[Symbol.asyncDispose]();
    await database.close();
    await env.teardown();
  });

  const activities = () =>
    createActivities({
      ...{ storage, orm, client: env.client.workflow },
      ...{ digest: "md5", presignExpiresSeconds: 900, resumeWindowSeconds: 60 },
    });
  const sweep = async () => {
    const { startLostRenders, abortOrphanUploads, finishDeletions } = activities();
    for (const activity of [startLostRenders, abortOrphanUploads, finishDeletions]) {
      await new MockActivityEnvironment().run(activity);
    }
  };
  const rowOf = (id: string) => orm.em.fork().findOneOrFail(Render, { id });
  const describeWorkflow = (id: string) => env.client.workflow.getHandle(renderWorkflowId(id)).describe();

  /** A render as the API wrote it a while ago, with an upload that is open. */
  async function oldRender(): Promise<{ render: Render; upload: { key: string; uploadId: string } }> {
    const created = await createRender(orm.em.fork(), newRender(randomUUID()), 10);
    assert.equal(created.kind, "created");
    const { id } = created.render;
    const createdAt = new Date(Date.now() - TWENTY_SECONDS);
    await orm.em.fork().nativeUpdate(Render, { id }, { createdAt });
    return { render: await rowOf(id), upload: await openUpload(objectKey(id, "BMP24")) };
  }

  /** What the render's Complete would have made. */
  async function makeObject({ key, uploadId }: { key: string; uploadId: string }): Promise<string> {
    const part = { key, uploadId, partNumber: 1, length: 78, expiresIn: 60 };
    const answer = await fetch(await storage.presignPart(part), { method: "PUT", body: Buffer.alloc(78) });
    await storage.completeUpload(part, [answer.headers.get("etag")?.replaceAll('"', "") ?? ""]);
    const object = await storage.head(key);
    assert.ok(object);
    return object.etag;
  }

  /** Has the render's workflow run to its end, without a word to PostgreSQL. */
  async function completeSilently(render: Render): Promise<void> {
    await startRenderImage(env.client.workflow, render, 60);
    await runToEnd(render);
  }

  async function cancelSilently({ id }: Render): Promise<void> {
    const workflow = { workflowId: renderWorkflowId(id), taskQueue: CONTROL_QUEUE };
    await env.client.workflow.start("renderImage", { ...workflow, args: ["CANCELED"] });
    await runToEnd({ id });
  }

  async function runToEnd(render: Pick<Render, "id">): Promise<void> {
    const workflowsPath = fileURLToPath(import.meta.resolve("./completed-workflow.fixture.ts"));
    const worker = await Worker.create({ connection: env.nativeConnection, taskQueue: CONTROL_QUEUE, workflowsPath });
    await worker.runUntil(env.client.workflow.getHandle(renderWorkflowId(render.id)).result());
  }

  async function openUpload(key: string) {
    const { uploadId } = await storage.createUpload({ key, contentType: "image/bmp", mark: "m" });
    return { key, uploadId };
  }

  test("starts a render that was written but never started, once", async () => {
    const { render, upload } = await oldRender();
    await sweep();
    const { status, runId } = await describeWorkflow(render.id);
    assert.equal(status.name, "RUNNING");
    await sweep();
    assert.equal((await describeWorkflow(render.id)).runId, runId);
    assert.equal((await rowOf(render.id)).status, "QUEUED");
    assert.equal(await storage.hasUpload(upload), true);
  });

  test("a sweep that is cancelled leaves the rest to the next", async () => {
    const { render } = await oldRender();
    const cancelled = new MockActivityEnvironment();
    cancelled.cancel();
    await assert.rejects(cancelled.run(activities().startLostRenders), { name: "CancelledFailure" });
    await assert.rejects(describeWorkflow(render.id), { name: "WorkflowNotFoundError" });
    await sweep();
    assert.equal((await describeWorkflow(render.id)).status.name, "RUNNING");
  });

  test("leaves a render alone that the API may still be starting", async () => {
    const created = await createRender(orm.em.fork(), newRender(randomUUID()), 10);
    assert.equal(created.kind, "created");
    await sweep();
    await assert.rejects(describeWorkflow(created.render.id), { name: "WorkflowNotFoundError" });
    assert.equal((await rowOf(created.render.id)).status, "QUEUED");
  });

  for (const [status, end] of [
    ["RUNNING", "FAILED"],
    ["CANCELING", "CANCELED"],
  ] as const) {
    test(`a ${status} render whose workflow was terminated is ${end}, with nothing left in S3`, async () => {
      const { render, upload } = await oldRender();
      await startRenderImage(env.client.workflow, render, 60);
      await applyEvent(orm.em.fork(), recordedEvent(render.id, 2, status));
      await env.client.workflow.getHandle(renderWorkflowId(render.id)).terminate();
      await sweep();
      const row = await rowOf(render.id);
      assert.deepEqual([row.status, row.sequence], [end, 3]);
      assert.equal(row.state.failure?.code, end === "FAILED" ? "WorkflowLost" : undefined);
      assert.equal(await storage.hasUpload(upload), false);
      await sweep();
      assert.equal((await rowOf(render.id)).sequence, 3);
    });
  }

  for (const [where, end] of [
    ["", completeSilently],
    [", and Temporal has forgotten the workflow since", () => {}],
  ] as const) {
    test(`a render that its workflow completed is COMPLETED where PostgreSQL has lost that${where}`, async () => {
      const { render, upload } = await oldRender();
      await applyEvent(orm.em.fork(), recordedEvent(render.id, 2));
      const etag = await makeObject(upload);
      await end(render);
      await sweep();
      const { state, sequence } = await rowOf(render.id);
      assert.deepEqual([state.status, sequence, state.etag, state.bytesUploaded], ["COMPLETED", 3, etag, 78]);
      assert.deepEqual(state.parts, [{ from: 1, to: 1, state: "DONE" }]);
      assert.equal((await storage.head(upload.key))?.etag, etag);
    });
  }

  test("a render whose workflow ended otherwise keeps no object, whatever lies at its key", async () => {
    const { render, upload } = await oldRender();
    await applyEvent(orm.em.fork(), recordedEvent(render.id, 2, "CANCELING"));
    await makeObject(upload);
    await cancelSilently(render);
    await sweep();
    assert.deepEqual([(await rowOf(render.id)).status, await storage.head(upload.key)], ["CANCELED", undefined]);
  });

  test("a render without a workflow keeps no object that it was not to have", async () => {
    const cases = [
      { status: "RUNNING", byteSize: 77, end: "FAILED" },
      { status: "CANCELING", byteSize: 78, end: "CANCELED" },
      { status: "FAILED", byteSize: 78, end: "FAILED" },
    ] as const;
    for (const { status, byteSize, end } of cases) {
      const { render, upload } = await oldRender();
      if (status === "FAILED") await failedRender(render);
      else await applyEvent(orm.em.fork(), recordedEvent(render.id, 2, status));
      await orm.em.fork().nativeUpdate(Render, { id: render.id }, { byteSize });
      await makeObject(upload);
      await sweep();
      assert.deepEqual([(await rowOf(render.id)).status, await storage.head(upload.key)], [end, undefined]);
    }
  });

  test("a failed render that lost its workflow keeps no parts, and says so, with or without an upload", async () => {
    const { render, upload } = await oldRender();
    await failedRender(render);
    const without = await oldRender();
    await storage.abortUpload(without.upload);
    await failedRender(without.render);
    await sweep();
    for (const { id } of [render, without.render]) {
      const { state, sequence } = await rowOf(id);
      assert.deepEqual([state.status, sequence, state.resumableUntil, state.partsDone], ["FAILED", 3, undefined, 0]);
    }
    assert.equal(await storage.hasUpload(upload), false);
    await sweep();
    assert.equal((await rowOf(render.id)).sequence, 3);
  });

  async function failedRender(render: Render): Promise<void> {
    const failed = recordedEvent(render.id, 2, "FAILED");
    const resumableUntil = new Date(Date.now() + 3_600_000).toISOString();
    await applyEvent(orm.em.fork(), { ...failed, state: { ...failed.state, resumableUntil } });
  }

  test("a render that cannot be mended does not stop the rest", async () => {
    const broken = await oldRender();
    await applyEvent(orm.em.fork(), recordedEvent(broken.render.id, 2));
    const setSpec = (spec: object) =>
      orm.em.fork().execute("update render set spec = ? where id = ?", [JSON.stringify(spec), broken.render.id]);
    await setSpec({ ...broken.render.spec, format: "NONE" });
    const { render } = await oldRender();
    await assert.rejects(sweep());
    assert.equal((await describeWorkflow(render.id)).status.name, "RUNNING");
    await setSpec(broken.render.spec);
    await sweep();
    assert.equal((await rowOf(broken.render.id)).status, "FAILED");
  });

  test("a render that Temporal knows nothing of any more is FAILED", async () => {
    const { render } = await oldRender();
    await applyEvent(orm.em.fork(), recordedEvent(render.id, 2));
    await sweep();
    assert.equal((await rowOf(render.id)).state.failure?.code, "WorkflowLost");
  });

  test("aborts the upload of an ended render, and never touches those of others", async () => {
    const { render, upload } = await oldRender();
    await applyEvent(orm.em.fork(), recordedEvent(render.id, 2, "COMPLETED"));
    const others = await Promise.all(
      [
        `renders/${randomUUID()}.bmp`,
        `renders/${render.id}.tif`,
        `renders/${render.id}.bmp.part`,
        `elsewhere/${render.id}.bmp`,
        "renders/theirs",
      ].map(openUpload),
    );
    await sweep();
    assert.equal(await storage.hasUpload(upload), false);
    for (const other of others) assert.equal(await storage.hasUpload(other), true, other.key);
  });

  test("finishes a deletion that was asked for, and deletes nothing else", async () => {
    const asked = await oldRender();
    const kept = await oldRender();
    for (const { render, upload } of [asked, kept]) {
      await makeObject(upload);
      await applyEvent(orm.em.fork(), recordedEvent(render.id, 2, "COMPLETED"));
    }
    const resumable = await oldRender();
    const ending = await oldRender();
    for (const { render } of [resumable, ending]) await startRenderImage(env.client.workflow, render, 60);
    await failedRender(resumable.render);
    await applyEvent(orm.em.fork(), recordedEvent(ending.render.id, 2, "FAILED"));
    const ids = [asked, resumable, ending].map(({ render }) => render.id);
    await orm.em.fork().nativeUpdate(Render, { id: { $in: ids } }, { deletionAskedAt: new Date() });
    await sweep();
    assert.equal(await orm.em.fork().findOne(Render, { id: asked.render.id }), null);
    assert.equal(await storage.head(asked.upload.key), undefined);
    assert.equal((await rowOf(kept.render.id)).status, "COMPLETED");
    assert.ok(await storage.head(kept.upload.key));
    for (const { render, upload } of [resumable, ending]) {
      assert.equal((await rowOf(render.id)).status, "FAILED");
      assert.equal(await storage.hasUpload(upload), true);
    }
  });

  test("comes by a schedule of its own, however many workers make it", async () => {
    await Promise.all([scheduleJanitor(env.client), scheduleJanitor(env.client), scheduleJanitor(env.client)]);
    const { action, policies } = await env.client.schedule.getHandle("janitor").describe();
    assert.equal(action.type === "startWorkflow" && action.workflowType, "janitor");
    assert.equal(policies.overlap, "SKIP");
  });

  test("is scheduled again where Temporal has lost it, while the worker runs", async (t) => {
    t.mock.timers.enable({ apis: ["setInterval"] });
    const warned = Promise.withResolvers<unknown>();
    const log = { warn: warned.resolve } as unknown as Log;
    await scheduleJanitor(env.client);
    await env.client.schedule.getHandle("janitor").delete();
    using _kept = keepJanitorScheduled(env.client, log);
    t.mock.timers.tick(30_000);
    assert.equal(await warned.promise, "the schedule `janitor` was gone from Temporal; it is there again");
    await env.client.schedule.getHandle("janitor").describe();
  });

  test("has a schedule that follows the worker's version, and stays paused where somebody has paused it", async () => {
    await scheduleJanitor(env.client);
    const schedule = env.client.schedule.getHandle("janitor");
    // All in one: Temporal may lose a pause that comes together with an update.
    const spec = { intervals: [{ every: "1 hour" }] };
    await schedule.update(({ state, ...older }) => ({ ...older, spec, state: { ...state, paused: true } }));
    await waitFor("the schedule to be paused", async () => (await schedule.describe()).state.paused);
    const calls: string[] = [];
    const connection = await Connection.connect({
      address: env.address,
      interceptors: [
        (options, next) => {
          calls.push(path.basename(options.method_definition.path));
          return next(options) as ReturnType<Interceptor>;
        },
      ],
    });
    await scheduleJanitor(new Client({ connection }));
    await connection.close();
    const every = async () => (await schedule.describe()).spec.intervals?.map((interval) => interval.every).join();
    await waitFor("the schedule to follow the worker", async () => (await every()) === "30000");
    assert.equal((await schedule.describe()).state.paused, true);
    assert.ok(calls.includes("UpdateSchedule"));
    assert.ok(!calls.includes("PatchSchedule"), "the paused janitor was triggered");
  });
});
