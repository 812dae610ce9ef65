import { hostname } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { MikroORM } from "@mikro-orm/postgresql";
import { Client } from "@temporalio/client";
import { Worker } from "@temporalio/worker";
import * as z from "zod";
import { connect, disconnect } from "../database/connect.ts";
import { hasSchema } from "../database/schema.ts";
import { databaseSettings } from "../database/settings.ts";
import { atMostEvery, type Log } from "../service/log.ts";
import { runProcess } from "../service/run-process.ts";
import { integer, partDigest, readSettings, resumeWindowSeconds } from "../service/settings.ts";
import { temporalSettings } from "../service/temporal.ts";
import { connectWorker, installRuntime, runWorker, shutdownTimes } from "../service/temporal-worker.ts";
import { s3Settings } from "../storage/client.ts";
import { Storage } from "../storage/storage.ts";
import { CONTROL_QUEUE } from "../workflows/messages.ts";
import { createActivities } from "./create-activities.ts";
import { keepJanitorScheduled, scheduleJanitor } from "./janitor-schedule.ts";

const USAGE = `Usage: npm run worker

The control worker: runs the workflows, and the activities that open, presign,
complete and abort uploads and record events. Run as many of it as you like.
Settings from the environment (default):

  DATABASE_URL            postgresql://user:password@host:port/database
  TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*
                          where Temporal is (localhost:7233, default)
  S3_BUCKET               the bucket that renders are stored in
  S3_ENDPOINT             the S3 server's URL (Amazon S3)
  S3_FORCE_PATH_STYLE     true for servers without a host name a bucket (false)
  AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...
                          the AWS SDK's usual ones
  PRESIGN_EXPIRES_SECONDS lifetime of a part's URL (900)
  RESUME_WINDOW_SECONDS   how long a failed render keeps its parts (86400)
  PART_DIGEST             md5 or none, the same as the GPU workers' (md5)
  METRICS_ADDRESS         IP address:port to serve metrics on, for Prometheus
                          (none)
`;

const workerSettings = s3Settings.extend(databaseSettings.shape).extend({
  PRESIGN_EXPIRES_SECONDS: integer(1, 604_800).default(900),
  RESUME_WINDOW_SECONDS: resumeWindowSeconds,
  PART_DIGEST: partDigest,
  METRICS_ADDRESS: z.string().optional(),
});

const LOOK_EVERY_MS = 200;

async function run(log: Log, stop: AbortSignal): Promise<void> {
  const settings = readSettings(workerSettings);
  const temporal = temporalSettings();
  const { namespace } = temporal;
  installRuntime(log, settings.METRICS_ADDRESS);
  const connection = await connectWorker(temporal, log, stop);
  if (connection === undefined) return;
  const client = new Client({ connection, namespace });
  const orm = await connect(settings.DATABASE_URL);
  const storage = new Storage(settings);
  const workflowsPath = fileURLToPath(import.meta.resolve("../workflows/index.ts"));
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue: CONTROL_QUEUE,
    identity: `worker ${process.pid}@${hostname()}`,
    workflowsPath,
    interceptors: { workflowModules: [workflowsPath] },
    activities: createActivities({
      storage,
      orm,
      client: client.workflow,
      digest: settings.PART_DIGEST,
      presignExpiresSeconds: settings.PRESIGN_EXPIRES_SECONDS,
      resumeWindowSeconds: settings.RESUME_WINDOW_SECONDS,
    }),
    maxConcurrentActivityTaskExecutions: 100, // they wait for S3 and PostgreSQL
    maxConcurrentWorkflowTaskExecutions: 40,
    maxCachedWorkflows: 200,
    ...shutdownTimes,
  });
  await untilMigrated(orm, log, stop);
  await scheduleJanitor(client);
  using _janitor = keepJanitorScheduled(client, log);
  log.info({ taskQueue: CONTROL_QUEUE }, "worker is polling");
  await runWorker(worker, stop);
  await disconnect(orm);
  storage.close();
}

/** Waits for this version's schema. A PostgreSQL that is away is not waited for: the activities do that. */
async function untilMigrated(orm: MikroORM, log: Log, stop: AbortSignal): Promise<void> {
  const seldom = atMostEvery(10_000);
  while (!stop.aborted && !(await hasSchema(orm.em.fork()).catch(() => true))) {
    seldom(() => log.info("the database lacks this version's schema: waiting for `npm run migrate`"));
    await pause(LOOK_EVERY_MS, undefined, { signal: stop }).catch(() => {});
  }
}

await runProcess({ name: "worker", usage: USAGE, run });
