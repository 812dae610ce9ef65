import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Connection, Client as TemporalClient } from "@temporalio/client";
import pg from "pg";
import { renderWorkflowId } from "../workflows/messages.ts";
import { assertFileIsRight } from "./support/check-file.ts";
import { endure, kill, victims } from "./support/endurance.ts";
import { allRgb, MIB } from "./support/images.ts";
import { ProxiedStack } from "./support/proxied-stack.ts";
import { type ProcessName, TestStack } from "./support/stack.ts";
import { waitFor } from "./support/wait-for.ts";

describe("processes that die during a render", () => {
  let proxied: ProxiedStack;
  before(async () => {
    proxied = await ProxiedStack.start({ GPU_WORKERS: "2", GPU_CONCURRENCY: "2" });
  });
  afterEach(() => proxied.clear());
  after(() => proxied[Symbol.asyncDispose]());

  /** Sixteen parts, each on the wire for half a second. */
  const spec = allRgb(5281, 5281);
  const slowly = () => {
    proxied.proxy.rule = ({ operation }) =>
      operation === "UploadPart" ? { kind: "throttle", bytesPerSecond: 10 * MIB } : undefined;
  };

  for (const victim of victims) {
    it(`kill -9 of ${victim}: the render ends byte-exact, nothing done is done again`, async () => {
      slowly();
      await endure(proxied, spec, async (latest) => {
        await waitFor("some parts", () => (latest()?.partsDone ?? 0) >= 4);
        await kill(proxied, victim);
      });
    });
  }

  it("S3 is away for 20 seconds: no part runs out of attempts", async () => {
    slowly();
    await endure(proxied, spec, async (latest) => {
      await waitFor("some parts", () => (latest()?.partsDone ?? 0) >= 4);
      await proxied.s3.kill();
      await delay(20_000);
      await proxied.s3.start();
    });
  });

  it("SIGTERM of a worker drains: exit code 0, and no attempt is lost", async () => {
    slowly();
    const client = await proxied.client();
    for (const name of ["gpu-worker", "worker"] as const) {
      const { id, partCount } = await client.started({ spec, partSize: 5 * MIB });
      await client.until(id, ({ partsDone }) => partsDone >= 2);
      const [pid = 0] = await proxied.stack.pids(name);
      const exitCodes = watchExits(name);
      process.kill(pid, "SIGTERM");
      const render = await client.completed(id);
      assert.deepEqual(proxied.attempts(id, partCount), new Array(partCount).fill(1));
      await assertFileIsRight(render, spec);
      await waitFor("its exit", () => exitCodes().length > 0);
      assert.deepEqual(exitCodes(), ["0"]);
    }
  });

  it("SIGTERM of GPU workers whose parts outlast the grace time hands them back: exit code 0, and sent anew at once", async () => {
    proxied.proxy.rule = ({ operation, attempt }) =>
      operation === "UploadPart" && attempt === 1 ? { kind: "throttle", bytesPerSecond: MIB / 16 } : undefined;
    const client = await proxied.client();
    const twoParts = allRgb(1801, 1801);
    const { id } = await client.started({ spec: twoParts, partSize: 5 * MIB });
    await waitFor(
      "both parts on the wire",
      () => proxied.puts(id).filter(({ bodyBytes }) => bodyBytes > 0).length === 2,
    );
    const pids = await proxied.stack.pids("gpu-worker");
    const exitCodes = watchExits("gpu-worker");
    const asked = performance.now();
    for (const pid of pids) process.kill(pid, "SIGTERM");
    const render = await client.completed(id);
    assert.deepEqual(proxied.attempts(id, 2), [2, 2]);
    const lastSent = Math.max(...proxied.puts(id).map(({ startedAt }) => startedAt));
    assert.ok(
      lastSent - asked < 27_000,
      `sent anew ${lastSent - asked} ms after SIGTERM, as if their workers had died`,
    );
    await assertFileIsRight(render, twoParts);
    await waitFor("their exits", () => exitCodes().length === pids.length);
    assert.deepEqual(exitCodes(), ["0", "0"]);
  });

  it("SIGTERM of a worker whom S3 does not answer ends it after 35 seconds, and its work is taken up again", async () => {
    proxied.proxy.rule = ({ operation, attempt }) =>
      operation === "CompleteMultipartUpload" && attempt === 1 ? { kind: "stallAnswer" } : undefined;
    const client = await proxied.client();
    const small = allRgb(400, 400);
    const { id } = await client.started({ spec: small });
    const completes = () => proxied.proxy.of("CompleteMultipartUpload").length;
    await waitFor("S3 to be asked", () => completes() === 1);
    const [pid = 0] = await proxied.stack.pids("worker");
    const exitCodes = watchExits("worker");
    process.kill(pid, "SIGTERM");
    await waitFor("its exit", () => exitCodes().length > 0);
    assert.deepEqual(exitCodes(), ["1"]);
    await assertFileIsRight(await client.completed(id), small);
  });

  it("two GPU workers share one render, and one alone finishes it", async () => {
    slowly();
    const client = await proxied.client();
    const { id, partCount } = await client.started({ spec, partSize: 5 * MIB });
    await client.until(id, ({ partsDone }) => partsDone >= 6);
    const [one = 0, other = 0] = await proxied.stack.pids("gpu-worker");
    process.kill(other, "SIGSTOP");
    const render = await client.completed(id);
    process.kill(other, "SIGKILL");
    await assertFileIsRight(render, spec);
    assert.ok(proxied.attempts(id, partCount).every((attempts) => attempts <= 2));
    const finishers = await identitiesOf(id);
    assert.ok(
      [one, other].every((pid) => finishers.some((identity) => identity.includes(`${pid}@`))),
      `${finishers}`,
    );
  });

  /** The exit codes, from now on, of the processes of that name, as the supervisor says them. */
  function watchExits(name: ProcessName): () => string[] {
    const before = proxied.stack.output.length;
    const exit = new RegExp(`^${name} ended \\(exit code (\\d+)\\)`, "gm");
    return () => Array.from(proxied.stack.output.slice(before).matchAll(exit), ([, code = ""]) => code);
  }

  /** Who finished the parts of a render, as Temporal's history names them. */
  async function identitiesOf(id: string): Promise<string[]> {
    const connection = await Connection.connect({ address: proxied.stack.info.temporalAddress });
    const { events } = await new TemporalClient({ connection }).workflow.getHandle(renderWorkflowId(id)).fetchHistory();
    await connection.close();
    const finished = events?.map((event) => event.activityTaskCompletedEventAttributes?.identity ?? "") ?? [];
    return [...new Set(finished)].filter((identity) => identity.startsWith("gpu-worker"));
  }
});

describe("a worker that dies over the event COMPLETED", () => {
  it("leaves the render COMPLETED, with its file, though somebody wants to cancel it then", async () => {
    await using stack = await TestStack.start();
    await using database = await slowToRecordCompleted(stack.info.databaseUrl);
    const client = await stack.client();
    const small = allRgb(400, 400);
    const { id } = await client.started({ spec: small });
    await waitFor("PostgreSQL to be told", () => database.isBusy());
    await stack.kill("worker");
    const render = await client.completed(id);
    await client.act("cancelRender", id).catch(() => {}); // not answered in time, perhaps
    const connection = await Connection.connect({ address: stack.info.temporalAddress });
    assert.equal(
      await new TemporalClient({ connection }).workflow.getHandle(renderWorkflowId(id)).result(),
      "COMPLETED",
    );
    await connection.close();
    assert.equal((await client.history(id)).at(-1)?.render.status, "COMPLETED");
    await assertFileIsRight(render, small);
  });

  /** Has PostgreSQL take 3 seconds to record COMPLETED. */
  async function slowToRecordCompleted(databaseUrl: string) {
    const database = new pg.Client(databaseUrl);
    await database.connect();
    await database.query(`
      create function slow() returns trigger language plpgsql as $$
      begin
        if new.state ->> 'status' = 'COMPLETED' then perform pg_sleep(3); end if;
        return new;
      end $$;
      create trigger slow before insert on render_event for each row execute function slow()`);
    return {
      async isBusy() {
        const { rowCount } = await database.query("select from pg_stat_activity where wait_event = 'PgSleep'");
        return rowCount === 1;
      },
      [Symbol.asyncDispose]: () => database.end(),
    };
  }
});

describe("a stack that is stopped while S3 does not answer", () => {
  it("lets its worker end by itself", async () => {
    await using proxied = await ProxiedStack.start();
    proxied.proxy.rule = ({ operation }) =>
      operation === "CompleteMultipartUpload" ? { kind: "stallAnswer" } : undefined;
    await (await proxied.client()).started({ spec: allRgb(400, 400) });
    await waitFor("S3 to be asked", () => proxied.proxy.of("CompleteMultipartUpload").length === 1);
    assert.equal(await proxied.stack.stop(), 0);
    const log = await readFile(path.join(proxied.stack.folder, "logs", "worker.log"), "utf8");
    assert.match(log, /did not put all its work down/);
  });
});

describe("a stack without GPU workers", () => {
  it("keeps the render RUNNING, says so in the Temporal UI, and finishes it once one comes", async () => {
    await using stack = await TestStack.start({ GPU_WORKERS: "0" });
    const client = await stack.client();
    const { id } = await client.started({ spec: allRgb(64, 64) });
    await client.until(id, ({ parts }) => parts.some(({ state }) => state === "ACTIVE"));
    const address = stack.info.temporalAddress;
    const connection = await Connection.connect({ address });
    const handle = new TemporalClient({ connection }).workflow.getHandle(renderWorkflowId(id));
    const { currentDetails } = await handle.query<{ currentDetails: string }>("__temporal_workflow_metadata");
    await connection.close();
    assert.match(currentDetails, /A gpu-worker must run/);
    assert.equal((await client.render(id))?.status, "RUNNING");

    const script = path.resolve(import.meta.dirname, "../gpu-worker/main.ts");
    const gpuWorker = spawn(process.execPath, [script], { env: { TEMPORAL_ADDRESS: address }, stdio: "ignore" });
    const exit = once(gpuWorker, "exit");
    await assertFileIsRight(await client.completed(id), allRgb(64, 64));
    gpuWorker.kill("SIGTERM");
    assert.deepEqual(await exit, [0, null]);
  });
});
