import { setTimeout as pause } from "node:timers/promises";
import { DefaultLogger, makeTelemetryFilterString, NativeConnection, Runtime } from "@temporalio/worker";
import type { Log } from "./log.ts";
import { temporalSettings } from "./temporal.ts";

const reconnectSeconds = 2;

/**
 * Connects a worker, however long Temporal takes to come up; what the SDK has to say goes into the log.
 * @returns undefined where the process is to stop meanwhile
 */
export async function connectWorker(log: Log, stop: AbortSignal): Promise<NativeConnection | undefined> {
  Runtime.install({
    shutdownSignals: [],
    logger: new DefaultLogger("INFO", ({ level, message, meta }) => {
      log[level === "WARN" ? "warn" : level === "ERROR" ? "error" : "info"](meta, message);
    }),
    telemetryOptions: { logging: { forward: {}, filter: makeTelemetryFilterString({ core: "WARN" }) } },
  });
  const { connectionOptions } = temporalSettings();
  const address = connectionOptions.address ?? "localhost:7233";
  while (!stop.aborted) {
    try {
      return await NativeConnection.connect(connectionOptions);
    } catch (error) {
      log.warn(`Temporal at ${address} does not answer (${error}); trying again in ${reconnectSeconds} s`);
    }
    await pause(reconnectSeconds * 1000, undefined, { signal: stop }).catch(() => {});
  }
  return undefined;
}
