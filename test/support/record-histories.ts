/**
 * Writes the histories that workflows/replay.test.ts replays: `node test/support/record-histories.ts`.
 * A change of renderImage that breaks the replay needs `patched()`; record anew only when no workflow of before runs.
 */
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { enginePath } from "./engines.ts";
import { RenderStage, update } from "./staged-renders.ts";

const folder = new URL("../../workflows/histories/", import.meta.url);

async function save(name: string, { workflowId }: WorkflowHandle, runId?: string): Promise<void> {
  const run = runId === undefined ? [] : ["--run-id", runId];
  const show = [
    "workflow",
    "show",
    "--address",
    stage.env.address,
    "--workflow-id",
    workflowId,
    ...run,
    "--output",
    "json",
  ];
  const { stdout } = await promisify(execFile)(enginePath("temporal"), show, { maxBuffer: 2 ** 24 });
  await writeFile(new URL(`${name}.json`, folder), stdout);
}

const suggestion = "limit.historyCount.suggestContinueAsNew=100";
const stage = await RenderStage.open(enginePath("temporal"), ["--dynamic-config-value", suggestion]);
await mkdir(folder, { recursive: true });

const happy = await stage.start(3);
await happy.handle.result();
await save("happy", happy.handle);

const retried = await stage.start(3, {
  part({ partNumber, url }, attempt) {
    if (partNumber === 2 && attempt === 1)
      throw ApplicationFailure.create({ type: "S3Unavailable", nextRetryDelay: 1 });
    if (partNumber === 3 && url.endsWith("/2")) throw ApplicationFailure.nonRetryable("403", "UrlExpired");
  },
});
await retried.handle.result();
await save("retried-part", retried.handle);

const canceled = await stage.start(3, {
  async part({ partNumber }) {
    if (partNumber === 3) await update(canceled.handle, "cancelRender");
  },
});
await canceled.handle.result();
await save("canceled", canceled.handle);

const broken = new Set([2]);
const failed = await stage.start(3, {
  part({ partNumber }) {
    if (broken.delete(partNumber)) throw ApplicationFailure.nonRetryable("S3 says no", "S3Refused");
  },
});
await failed.render.until(({ state }) => state?.status === "FAILED");
await update(failed.handle, "retryRender");
await failed.handle.result();
await save("failed-and-retried", failed.handle);

const long = await stage.start(60);
await long.handle.result();
await save("continued-as-new-first", long.handle, long.handle.firstExecutionRunId);
await save("continued-as-new-last", long.handle);

await stage.close();
