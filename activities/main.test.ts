import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { TestWorkflowEnvironment } from "@temporalio/testing";
import { TestDatabase } from "../test/support/database.ts";
import { startTemporal } from "../test/support/temporal.ts";

type WorkerProcess = ChildProcessByStdio<null, Readable, Readable>;

function startWorker(env: NodeJS.ProcessEnv): WorkerProcess {
  const main = fileURLToPath(import.meta.resolve("./main.ts"));
  return spawn(process.execPath, [main], {
    env: { PATH: process.env["PATH"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Passes every connection on to the port of this machine. */
async function startRelay(port: number): Promise<{ server: Server; address: string }> {
  const server = createServer((socket) => {
    const onward = connect(port, "127.0.0.1");
    socket.on("error", () => onward.destroy()).pipe(onward);
    onward.on("error", () => socket.destroy()).pipe(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
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

  /** Sends SIGTERM once `moment` has come. */
  async function exitCode(worker: WorkerProcess, moment: Promise<unknown>): Promise<unknown> {
    const [output, exit] = [text(worker.stdout), once(worker, "exit")];
    await Promise.race([moment, exit]);
    worker.kill("SIGTERM");
    const [code, signal] = await exit;
    assert.match(await output, /"signal":"SIGTERM"/);
    return code ?? signal;
  }

  test("SIGTERM while it connects to Temporal ends it with exit code 0", async () => {
    const relay = await startRelay(Number(new URL(`http://${temporal.address}`).port));
    const connected = once(relay.server, "connection");
    const worker = startWorker({ ...settings(), TEMPORAL_ADDRESS: relay.address });
    assert.equal(await exitCode(worker, connected), 0);
    relay.server.close();
  });

  test("SIGTERM while it connects to PostgreSQL ends it with exit code 0", async () => {
    const url = new URL(database.url);
    const relay = await startRelay(Number(url.port));
    url.host = relay.address;
    const connected = once(relay.server, "connection");
    const worker = startWorker({ ...settings(), DATABASE_URL: `${url}` });
    assert.equal(await exitCode(worker, connected), 0);
    relay.server.close();
  });

  test("serves metrics for Prometheus where METRICS_ADDRESS says, until SIGTERM ends it with exit code 0", async () => {
    const relay = await startRelay(1);
    relay.server.close(); // its port is free now
    const worker = startWorker({ ...settings(), METRICS_ADDRESS: relay.address });
    const lines = createInterface(worker.stdout);
    for await (const line of lines) if (line.includes("worker is polling")) break;
    const answer = await fetch(`http://${relay.address}/metrics`);
    assert.match(await answer.text(), /^temporal_worker_task_slots_available\{.*task_queue="control"/m);
    worker.stdout.resume();
    worker.kill("SIGTERM");
    assert.deepEqual(await once(worker, "exit"), [0, null]);
  });

  test("a METRICS_ADDRESS that nothing can listen on ends it with what to do and exit code 1", async () => {
    const relay = await startRelay(1);
    for (const address of [relay.address, "localhost"]) {
      const worker = startWorker({ ...settings(), METRICS_ADDRESS: address });
      const [stderr, [code]] = await Promise.all([text(worker.stderr), once(worker, "exit")]);
      assert.equal(code, 1);
      assert.match(stderr, new RegExp(`^METRICS_ADDRESS=${address}: not an IP address and a free port \\(`));
    }
    relay.server.close();
  });
});
