/**
 * Writes the histories that workflows/replay.test.ts replays: `node test/support/record-histories.ts`.
 * A change of renderImage that breaks the replay needs `patched()`; record anew only when no workflow of before runs.
 */
import { mkdir, writeFile } from "node:fs/promises";
import type { WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import proto from "@temporalio/proto";
import { RenderStage, update } from "./staged-renders.ts";

const folder = new URL("../../workflows/histories/", import.meta.url);

async function save(name: string, handle: WorkflowHandle): Promise<void> {
  const history = proto.temporal.api.history.v1.History.fromObject(await handle.fetchHistory());
  const plain = proto.temporal.api.history.v1.History.toObject(history, {
    longs: String,
    enums: String,
    bytes: String,
  });
  await writeFile(new URL(`${name}.json`, folder), `${JSON.stringify(plain, withoutMachine, 1)}\n`);
}

/** Where a history was recorded is nobody's business. */
function withoutMachine(key: string, value: unknown): unknown {
  return key === "stackTrace" || key === "identity" ? undefined : value;
}

const suggestion = "limit.historyCount.suggestContinueAsNew=100";
const stage = await RenderStage.open(["--dynamic-config-value", suggestion]);
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
const { workflowId, firstExecutionRunId } = long.handle;
await save("continued-as-new-first", stage.env.client.workflow.getHandle(workflowId, firstExecutionRunId));
await save("continued-as-new-last", stage.env.client.workflow.getHandle(workflowId));

await stage.close();
