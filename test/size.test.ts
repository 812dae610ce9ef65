import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import type { MikroORM } from "@mikro-orm/postgresql";
import { Connection, Client as TemporalClient } from "@temporalio/client";
import { connect } from "../database/connect.ts";
import { createRender } from "../database/create-render.ts";
import { renderWorkflowId } from "../workflows/messages.ts";
import { startRenderImage } from "../workflows/start-render.ts";
import { AcceptingS3 } from "./support/accepting-s3.ts";
import type { Client, RenderEvent } from "./support/client.ts";
import { allRgb, MIB } from "./support/images.ts";
import { TestStack } from "./support/stack.ts";

/**
 * Ten thousand parts on the real Temporal and the real PostgreSQL. S3 refuses parts under 5 MiB, and 10,000 of those
 * are 50 GB, so the parts have 24 bytes and S3 is a server of the test's own that accepts and counts them.
 */
describe("ten thousand parts", () => {
  let s3: AcceptingS3;
  let stack: TestStack;
  let client: Client;
  let orm: MikroORM;
  let connection: Connection;
  let temporal: TemporalClient;
  const user = "user";
  before(async () => {
    s3 = await AcceptingS3.start();
    stack = await TestStack.start({
      S3_ENDPOINT: s3.endpoint,
      S3_FORCE_PATH_STYLE: "true",
      AWS_ACCESS_KEY_ID: "test",
      AWS_SECRET_ACCESS_KEY: "test",
      S3_BUCKET: "test",
      GPU_CONCURRENCY: "16",
    });
    client = await stack.client(user);
    orm = await connect(stack.info.databaseUrl);
    connection = await Connection.connect({ address: stack.info.temporalAddress });
    temporal = new TemporalClient({ connection });
  });
  after(async () => {
    await connection.close();
    await orm.close();
    await stack[Symbol.asyncDispose]();
    await s3.stop();
  });

  const partSize = 24;

  /** Past the API, which allows no such parts: the render's row and its workflow, as the API makes them. */
  async function start(partCount: number): Promise<string> {
    const spec = allRgb(1, 6 * partCount - 14);
    const byteSize = partCount * partSize - 2;
    const asked = { userId: user, name: null, idempotencyKey: randomUUID(), spec, pattern: "allRgb" };
    const created = await createRender(orm.em.fork(), { ...asked, byteSize, partSize, partCount }, 20);
    assert.equal(created.kind, "created");
    assert.ok("render" in created);
    await startRenderImage(temporal.workflow, created.render, 60);
    return created.render.id;
  }

  /** Processor seconds that the worker, which runs the workflows, has used: other load on the machine hardly counts. */
  async function workerSeconds(): Promise<number> {
    const [pid] = await stack.pids("worker");
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const [user = 0, system = 0] = stat.slice(stat.lastIndexOf(")")).split(" ").slice(12, 14).map(Number);
    return (user + system) / 100;
  }

  /** The runs of a render's workflow. */
  async function runsOf(id: string) {
    const workflowId = renderWorkflowId(id);
    const runs = [];
    for await (const { runId } of temporal.workflow.list({ query: `WorkflowId = '${workflowId}'` })) {
      const handle = temporal.workflow.getHandle(workflowId, runId);
      const { historyLength, historySize = 0 } = await handle.describe();
      runs.push({ historyLength, historySize, largestPayload: largestPayload(await handle.fetchHistory()) });
    }
    return runs;
  }

  const skip = process.platform === "linux" ? false : "processor time is read from /proc, which is Linux's";
  it("keep every history small, lose no event, and can be paused between two runs", { skip }, async (test) => {
    const atFirst = await workerSeconds();
    await client.completed(await start(1_000));
    const sentBefore = s3.puts;
    const before = await workerSeconds();
    const id = await start(10_000);
    const events: RenderEvent[] = [];
    let paused = false;
    let pause: Promise<void> = Promise.resolve();
    for await (const event of client.events(id, 0)) {
      events.push(event);
      if (event.render.partsDone < 5_000 || paused) continue;
      paused = true;
      pause = pauseAndResume(id);
    }
    await pause;
    const perPart = ((await workerSeconds()) - before) / 10_000;

    assert.deepEqual(
      events.map(({ sequence }) => sequence),
      events.map((_, index) => index + 1),
    );
    assert.ok(events.every(({ render }, index) => render.partsDone >= (events[index - 1]?.render.partsDone ?? 0)));
    const statuses = events.filter(({ kind }) => kind === "STATUS").map(({ render }) => render.status);
    assert.deepEqual(statuses, ["QUEUED", "RUNNING", "PAUSED", "RUNNING", "COMPLETED"]);
    assert.equal(s3.puts - sentBefore, 10_000);
    assert.equal(s3.objects.get(`renders/${id}.bmp`)?.size, 239_998);

    const runs = await runsOf(id);
    test.diagnostic(`runs of ${runs.map(({ historyLength }) => historyLength).join(", ")} events`);
    const perPartOfFew = (before - atFirst) / 1_000;
    const milliseconds = [perPart, perPartOfFew].map((seconds) => (seconds * 1000).toFixed(1));
    test.diagnostic(`${milliseconds[0]} ms of the worker's processor a part of 10,000, ${milliseconds[1]} of 1,000`);
    assert.ok(runs.length > 1);
    for (const run of runs) {
      assert.ok(run.historyLength > 0 && run.historyLength < 5_000, `a history of ${run.historyLength} events`);
      assert.ok(run.historySize > 0 && run.historySize < 10 * MIB, `a history of ${run.historySize} bytes`);
      assert.ok(run.largestPayload < 512 * 1024, `a payload of ${run.largestPayload} bytes`);
    }
    assert.ok(perPart <= 1.5 * perPartOfFew, "the time a part takes does not grow");
  });

  it("can be canceled after the workflow has continued as new", async () => {
    const id = await start(3_000); // so many that it cannot end before it is canceled
    await client.until(id, ({ partsDone }) => partsDone >= 1_400);
    assert.ok((await runsOf(id)).length > 1);
    await client.act("cancelRender", id);
    const { partsDone } = await client.until(id, ({ status }) => status === "CANCELED");
    assert.equal(partsDone, 0);
  });

  async function pauseAndResume(id: string): Promise<void> {
    const paused = await client.act("pauseRender", id);
    assert.equal("status" in paused && paused.status, "PAUSED");
    await client.until(id, ({ parts }) => parts.every(({ state }) => state !== "ACTIVE"));
    await client.act("resumeRender", id);
  }
});

/** Bytes of the largest payload anywhere in a history. */
function largestPayload(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((largest: number, inner) => Math.max(largest, largestPayload(inner)), 0);
}
