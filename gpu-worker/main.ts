import { availableParallelism, hostname } from "node:os";
import { Worker } from "@temporalio/worker";
import * as z from "zod";
import type { Log } from "../service/log.ts";
import { runProcess } from "../service/run-process.ts";
import { integer, oneOf, partDigest, readSettings, SettingsError } from "../service/settings.ts";
import { temporalSettings } from "../service/temporal.ts";
import { connectWorker, installRuntime, runWorker, shutdownTimes } from "../service/temporal-worker.ts";
import { createPartActivities } from "./activity.ts";
import { backendChoices } from "./backend.ts";
import { BufferPool, bufferBudget } from "./buffer-pool.ts";
import { GPU_QUEUE, gpuWorkerIdentity } from "./part.ts";
import { RendererError } from "./renderer-error.ts";
import { createRenderers, type RendererSettings, type Renderers } from "./renderers.ts";
import { createUploader } from "./uploader.ts";

const USAGE = `Usage: npm run gpu-worker

Renders parts of images and puts them into S3 by presigned URLs, for the task
queue "${GPU_QUEUE}" of Temporal. Run as many of it as you like.
Settings from the environment (default):

  GPU_BACKEND           auto, webgpu, webasm or cpu (auto: a real WebGPU
                        adapter, else WebAssembly, else JavaScript)
  GPU_CONCURRENCY       parts in flight (4); each adds 64 MiB, up to 2 GiB, to
                        the memory for parts, and larger parts wait for it
  RENDER_THREADS        renderer threads (one a processor, at most as many as
                        GPU_CONCURRENCY)
  PART_DIGEST           md5: S3 checks every part on receipt; none: TLS alone
                        guards the way (md5)
  UPLOAD_STALL_SECONDS  an upload without progress for so long is cut and tried
                        again (30)
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*
                        where Temporal is (localhost:7233, default)
  METRICS_ADDRESS       IP address:port to serve metrics on, for Prometheus
                        (none)
`;

const gpuWorkerSettings = z.object({
  GPU_BACKEND: oneOf(backendChoices).default("auto"),
  GPU_CONCURRENCY: integer(1, 64).default(4),
  RENDER_THREADS: integer(1, 256).optional(),
  PART_DIGEST: partDigest,
  METRICS_ADDRESS: z.string().optional(),
  UPLOAD_STALL_SECONDS: integer(1, 3600).default(30),
});

async function run(log: Log, stop: AbortSignal): Promise<void> {
  const settings = readSettings(gpuWorkerSettings);
  const renderers = await openRenderers({
    backend: settings.GPU_BACKEND,
    threads: Math.min(settings.RENDER_THREADS ?? availableParallelism(), settings.GPU_CONCURRENCY),
    md5: settings.PART_DIGEST === "md5",
  });
  log.info({ backend: renderers.backend, threads: renderers.threads, note: renderers.note }, "renders");
  const uploader = createUploader({ stallSeconds: settings.UPLOAD_STALL_SECONDS });
  const buffers = new BufferPool(bufferBudget(settings.GPU_CONCURRENCY));
  const activities = createPartActivities({ renderers, uploader, buffers });
  const temporal = temporalSettings();
  installRuntime(log, settings.METRICS_ADDRESS);
  const connection = await connectWorker(temporal, log, stop);
  if (connection) {
    const worker = await Worker.create({
      connection,
      namespace: temporal.namespace,
      taskQueue: GPU_QUEUE,
      identity: gpuWorkerIdentity({
        pid: process.pid,
        host: hostname(),
        backend: renderers.backend,
        slots: settings.GPU_CONCURRENCY,
      }),
      activities,
      maxConcurrentActivityTaskExecutions: settings.GPU_CONCURRENCY,
      maxHeartbeatThrottleInterval: "1s",
      ...shutdownTimes,
    });
    log.info({ taskQueue: GPU_QUEUE, concurrency: settings.GPU_CONCURRENCY }, "worker is polling");
    await runWorker(worker, stop);
  }
  uploader.close();
  await renderers.close();
}

async function openRenderers(settings: RendererSettings): Promise<Renderers> {
  return await createRenderers(settings).catch((error: unknown) => {
    if (error instanceof RendererError) throw new SettingsError(`GPU_BACKEND=${settings.backend}: ${error.message}`);
    throw error;
  });
}

await runProcess({ name: "gpu-worker", usage: USAGE, run });
