import timers from "node:timers/promises";
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime, type Worker } from "@temporalio/worker";
import { hasCode, messageOf } from "./errors.ts";
import type { Log } from "./log.ts";
import { stopped } from "./run-process.ts";
import { SettingsError } from "./settings.ts";
import type { TemporalSettings } from "./temporal.ts";

const RECONNECT_SECONDS = 2;

const LOOK_EVERY_MS = 1_000;

/**
 * After SIGTERM, activities under way have 20 seconds to finish before they are handed back to Temporal; after 35 the
 * process ends even where S3 or Temporal keeps one waiting.
 */
export const shutdownTimes = { shutdownGraceTime: "20 seconds", shutdownForceTime: "35 seconds" } as const;

/** https://grpc.io/docs/guides/status-codes/ */
const NOT_FOUND = 5;

/**
 * Has the SDK log what it has to say there, and leave signals to the process. Once, before anything else of the SDK.
 * @param metricsAddress an IP address and a port: the SDK's metrics are served there for Prometheus, at /metrics
 * @throws SettingsError where nothing can listen there
 */
export function installRuntime(log: Log, metricsAddress: string | undefined): void {
  const logging = { forward: {}, filter: makeTelemetryFilterString({ core: "WARN" }) };
  try {
    const runtime = Runtime.install({
      shutdownSignals: [],
      logger: new DefaultLogger("INFO", ({ level, message, meta }) => {
        log[level === "WARN" ? "warn" : level === "ERROR" ? "error" : "info"](meta, message);
      }),
      telemetryOptions: metricsAddress
        ? { logging, metrics: { prometheus: { bindAddress: metricsAddress } } }
        : { logging },
    });
    process.once("exit", () => runtime.flushLogs()); // it keeps lines back for a moment, to sort them
  } catch (error) {
    if (metricsAddress === undefined) throw error;
    throw new SettingsError(
      `METRICS_ADDRESS=${metricsAddress}: not an IP address and a free port (${messageOf(error)})`,
    );
  }
}

/**
 * Connects a worker, however long Temporal takes to come up.
 * @returns undefined where the process is to stop meanwhile
 * @throws SettingsError where Temporal does not have the namespace
 */
export async function connectWorker(
  { connectionOptions, namespace }: TemporalSettings,
  log: Log,
  stop: AbortSignal,
): Promise<NativeConnection | undefined> {
  const address = connectionOptions.address ?? "localhost:7233";
  while (!stop.aborted) {
    try {
      const connection = await NativeConnection.connect(connectionOptions);
      await requireNamespace(connection, namespace);
      return connection;
    } catch (error) {
      if (error instanceof SettingsError) throw error;
      log.warn(`Temporal at ${address} does not answer (${error}); trying again in ${RECONNECT_SECONDS} s`);
    }
    await timers.setTimeout(RECONNECT_SECONDS * 1000, undefined, { signal: stop }).catch(() => {});
  }
  return undefined;
}

/**
 * Lets the worker work until the process is to stop, and closes its connection.
 * @throws Error where it works no more; then only a new process can
 */
export async function runWorker(worker: Worker, stop: AbortSignal): Promise<void> {
  const settled = new AbortController();
  try {
    // Also where it is to stop already: only a worker that ran gives its connection back.
    const closed = worker.runUntil(stopped(stop)).then(() => worker.connection?.close());
    await Promise.race([closed, ended(worker, settled.signal)]);
  } finally {
    settled.abort();
  }
}

/**
 * Resolves where the worker has stopped, with all its work put down, and rejects where it has failed, also where
 * `runUntil` does not say so. Once Temporal has refused its polls for a minute (a token that is not accepted any more, a
 * namespace that is away), the worker fails, and the SDK may wait for ever for the rest of its end (1.24.0), also on
 * SIGTERM: a process that lives and does nothing, which no supervisor would replace. Where Temporal does not answer, it
 * waits for half a minute after the worker has stopped.
 */
async function ended(worker: Worker, settled: AbortSignal): Promise<void> {
  let earlier: string | undefined;
  for await (const _ of timers.setInterval(LOOK_EVERY_MS, undefined, { signal: settled })) {
    const state = worker.getState();
    if (state === earlier && state === "STOPPED") return;
    if (state === earlier && state === "FAILED") throw new Error("The worker has failed; its last lines say why.");
    earlier = state;
  }
}

/** Whatever else is wrong with it, the worker will say. */
async function requireNamespace({ workflowService }: NativeConnection, namespace: string): Promise<void> {
  await workflowService.describeNamespace({ namespace }).catch((error: unknown) => {
    if (!hasCode(error, NOT_FOUND)) return;
    throw new SettingsError(`Temporal has no namespace ${namespace}: make it, or correct TEMPORAL_NAMESPACE.`);
  });
}
