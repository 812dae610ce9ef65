import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { after, before, describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { TestWorkflowEnvironment } from "@temporalio/testing";
import { migrate } from "../database/migrations.ts";
import { TestDatabase } from "../test/support/database.ts";
import { Relay } from "../test/support/relay.ts";
import { startTemporal } from "../test/support/temporal.ts";

/** Until the test ends. */
function startWorker(test: TestContext, env: NodeJS.ProcessEnv): ChildProcessByStdio<null, Readable, Readable> {
  const main = fileURLToPath(import.meta.resolve("./main.ts"));
  const worker = spawn(process.execPath, [main], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  test.after(() => worker.kill("SIGKILL"));
  return worker;
}

/** Until the test ends. */
async function startRelay(test: TestContext, port: number): Promise<Relay> {
  const relay = await Relay.start(port);
  test.after(() => relay[Symbol.asyncDispose]());
  return relay;
}

/** A Temporal that answers every call with that status (https://grpc.io/docs/guides/status-codes/), until the test ends. */
async function startRefusing(test: TestContext, status: number): Promise<{ port: number }> {
  const server = http2.createServer();
  const headers = { "content-type": "application/grpc", "grpc-status": status };
  server.on("stream", (stream) => stream.on("error", () => {}).respond(headers, { endStream: true }));
  server.listen(0, "127.0.0.1");
  test.after(() => server.close());
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port };
}

describe("npm run worker", () => {
  let temporal: TestWorkflowEnvironment;
  let database: TestDatabase;
  before(async () => {
    [temporal, database] = await Promise.all([startTemporal(), TestDatabase.open()]);
  });
  after(() => Promise.all([temporal.teardown(), database.close()]));

  /** S3 is asked for nothing before there is a render. */
  const settings = () => ({
    TEMPORAL_ADDRESS: temporal.address,
    DATABASE_URL: database.url,
    ...{ S3_ENDPOINT: "http://127.0.0.1:1", S3_BUCKET: "bucket", AWS_REGION: "us-east-1" },
  });

  test("SIGTERM while it connects to Temporal ends it with exit code 0", async (t) => {
    const relay = await startRelay(t, Number(new URL(`http://${temporal.address}`).port));
    const connected = once(relay.server, "connection");
    const worker = startWorker(t, { ...settings(), TEMPORAL_ADDRESS: relay.address });
    const [output, exit] = [text(worker.stdout), once(worker, "exit")];
    await connected;
    worker.kill("SIGTERM");
    assert.deepEqual(await exit, [0, null]);
    assert.match(await output, /"signal":"SIGTERM"/);
  });

  test("waits for the database's migration before it polls", async (t) => {
    await using empty = await TestDatabase.openEmpty();
    const worker = startWorker(t, { ...settings(), DATABASE_URL: empty.url });
    let waited = false;
    for await (const line of createInterface(worker.stdout)) {
      if (line.includes("waiting for `npm run migrate`")) {
        waited = true;
        await migrate(empty.url);
      }
      if (line.includes("worker is polling")) break;
    }
    assert.equal(waited, true);
    const exit = once(worker, "exit");
    worker.stdout.resume();
    worker.kill("SIGTERM");
    assert.deepEqual(await exit, [0, null]);
  });

  test("where Temporal goes on refusing its polls, it ends with exit code 1, so that another can take its place", async (t) => {
    const NOT_FOUND = 5;
    const relay = await startRelay(t, Number(new URL(`http://${temporal.address}`).port));
    const refusing = await startRefusing(t, NOT_FOUND);
    const worker = startWorker(t, { ...settings(), TEMPORAL_ADDRESS: relay.address });
    const exit = once(worker, "exit");
    let output = "";
    for await (const line of createInterface(worker.stdout)) {
      if (line.includes("worker is polling")) relay.passOnTo(refusing.port);
      output += line;
    }
    assert.deepEqual(await exit, [1, null]);
    assert.match(output, /"msg":"Worker failed".*"level":60/);
  });

  test("serves metrics for Prometheus where METRICS_ADDRESS says, until SIGTERM ends it with exit code 0", async (t) => {
    const relay = await Relay.start(1);
    const { address } = relay;
    await relay[Symbol.asyncDispose](); // its port is free now
    const worker = startWorker(t, { ...settings(), METRICS_ADDRESS: address });
    const lines = createInterface(worker.stdout);
    for await (const line of lines) if (line.includes("worker is polling")) break;
    const answer = await fetch(`http://${address}/metrics`);
    assert.match(await answer.text(), /^temporal_worker_task_slots_available\{.*task_queue="control"/m);
    worker.stdout.resume();
    worker.kill("SIGTERM");
    assert.deepEqual(await once(worker, "exit"), [0, null]);
  });

  test("where the workflows cannot be bundled, its log says why", async (t) => {
    const nowhere = { HOME: "/proc", XDG_CACHE_HOME: "/proc", TMPDIR: "/proc" };
    const worker = startWorker(t, { ...settings(), ...nowhere });
    const [output, [code]] = await Promise.all([text(worker.stdout), once(worker, "exit")]);
    assert.equal(code, 1);
    assert.match(output, /Module build failed .*swc-loader/);
  });

  test("a METRICS_ADDRESS that nothing can listen on ends it with what to do and exit code 1", async (t) => {
    const relay = await startRelay(t, 1);
    for (const address of [relay.address, "localhost"]) {
      const worker = startWorker(t, { ...settings(), METRICS_ADDRESS: address });
      const [stderr, [code]] = await Promise.all([text(worker.stderr), once(worker, "exit")]);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^METRICS_ADDRESS=${address}: not an IP address and a free port \\(`));
    }
  });
});
