import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, Connection } from "@temporalio/client";
import { MockActivityEnvironment, type TestWorkflowEnvironment } from "@temporalio/testing";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { GPU_QUEUE, gpuWorkerIdentity, slotsOf } from "../gpu-worker/part.ts";
import { startTemporal } from "../test/support/temporal.ts";
import { waitFor } from "../test/support/wait-for.ts";
import { countGpuSlots } from "./gpu-slots.ts";

Runtime.install({ logger: new DefaultLogger("ERROR") });

let env: TestWorkflowEnvironment;
before(async () => {
  env = await startTemporal();
});
after(() => env.teardown());

test("counts what the GPU workers that poll take at once, and nobody else", async () => {
  assert.equal(await countGpuSlots(env.client.workflow), 0);
  const identities = [
    gpuWorkerIdentity({ pid: 1, host: "a", backend: "webasm", slots: 4 }),
    gpuWorkerIdentity({ pid: 1, host: "b", backend: "webgpu (nvidia-h200)", slots: 16 }),
    "somebody else ×100",
  ];
  const workers = await Promise.all(
    identities.map(async (identity) => {
      const connection = await NativeConnection.connect({ address: env.address }); // one connection takes one worker a queue
      const activities = { renderAndUploadPart: async () => {} };
      return { connection, worker: await Worker.create({ connection, taskQueue: GPU_QUEUE, identity, activities }) };
    }),
  );
  const running = Promise.all(workers.map(({ worker }) => worker.run()));
  await waitFor("all slots", async () => (await countGpuSlots(env.client.workflow)) === 20);
  for (const { worker } of workers) worker.shutdown();
  await running;
  await Promise.all(workers.map(({ connection }) => connection.close()));
});

test("where Temporal does not say, it counts none", async () => {
  const connection = Connection.lazy({ address: "127.0.0.1:1" });
  const { workflow } = new Client({ connection });
  assert.equal(await new MockActivityEnvironment().run(() => countGpuSlots(workflow)), 0);
  await connection.close();
});

test("the identity of a GPU worker says its slots", () => {
  assert.equal(slotsOf(gpuWorkerIdentity({ pid: 7, host: "h", backend: "cpu", slots: 64 })), 64);
  for (const other of ["", "gpu-worker 7@h cpu", "worker 7@h ×4"]) assert.equal(slotsOf(other), 0);
});
