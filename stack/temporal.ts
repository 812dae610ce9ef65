import { Connection, type ConnectionOptions } from "@temporalio/client";
import { findEngine } from "./engines.ts";
import type { Ports } from "./ports.ts";
import type { Program } from "./supervised.ts";

/** Temporal's dev server with its UI, on 127.0.0.1; its state in one SQLite file. */
export async function temporalProgram(databaseFile: string, ports: Ports, signal: AbortSignal): Promise<Program> {
  return {
    name: "temporal",
    ...(await findEngine("temporal", signal)),
    args: [
      ...["server", "start-dev", "--ip", "127.0.0.1", "--db-filename", databaseFile],
      ...["--port", `${ports.temporal}`, "--ui-port", `${ports.temporalUi}`],
      ...["--http-port", `${ports.temporalHttp}`, "--metrics-port", `${ports.temporalMetrics}`],
      ...["--log-level", "error", "--ui-disable-news-fetch"],
      // A third less processor time than SQLite's default, and still nothing is lost when the process is killed.
      ...["--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL"],
      // Otherwise the server asks Temporal's host whether it is the newest.
      ...["--dynamic-config-value", "frontend.enableServerVersionCheck=false"],
      // Its 20 polls a second would make each step of a workflow wait some 40 ms.
      ...["--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000"],
      // With four partitions, as by default, most tasks go from one to another before a worker gets them.
      ...["--dynamic-config-value", "matching.numTaskqueueReadPartitions=1"],
      ...["--dynamic-config-value", "matching.numTaskqueueWritePartitions=1"],
    ],
    env: { PATH: process.env["PATH"], HOME: process.env["HOME"], TZ: process.env["TZ"] },
    stopWithinMs: 10_000,
  };
}

/** How the stack reaches it: never by the proxy that the environment may name. */
export function temporalConnection(ports: Ports): ConnectionOptions {
  return { address: `127.0.0.1:${ports.temporal}`, channelArgs: { "grpc.enable_http_proxy": 0 } };
}

/** Whether a Temporal server answers. */
export async function temporalAnswers(options: ConnectionOptions): Promise<boolean> {
  try {
    const connection = await Connection.connect({ ...options, connectTimeout: 1_000 });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}
