/**
 * Writes histories that workflows/replay.test.ts replays: `node test/support/record-histories.ts NAME ...`.
 * A change of renderImage that breaks the replay needs `patched()`; record a history anew only when no workflow of
 * before runs.
 */
import { writeFile } from "node:fs/promises";
import type { WorkflowHandle } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import proto from "@temporalio/proto";
import { RenderStage, type Script, update } from "./staged-renders.ts";

/** Each runs a render to its end; its name is the history's. */
const stories: Record<string, (stage: RenderStage) => Promise<WorkflowHandle>> = {
  async happy(stage) {
    const { handle } = await stage.start(3);
    await handle.result();
    return handle;
  },

  async "retried-part"(stage) {
    const { handle } = await stage.start(3, {
      part({ partNumber, url }, attempt) {
        if (partNumber === 2 && attempt === 1)
          throw ApplicationFailure.create({ type: "S3Unavailable", nextRetryDelay: 1 });
        if (partNumber === 3 && url.endsWith("/2")) throw ApplicationFailure.nonRetryable("403", "UrlExpired");
      },
    });
    await handle.result();
    return handle;
  },

  async "paused-and-resumed"(stage) {
    const pausing = atPart(3, () => update(handle, "pauseRender"));
    const { render, handle } = await stage.start(5, { ...pausing, gpuSlots: () => 2 });
    await render.until(({ state }) => state?.status === "PAUSED" && state.parts.every((p) => p.state !== "ACTIVE"));
    await update(handle, "resumeRender");
    await handle.result();
    return handle;
  },

  async canceled(stage) {
    const { handle } = await stage.start(
      3,
      atPart(3, () => update(handle, "cancelRender")),
    );
    await handle.result();
    return handle;
  },

  async "canceled-by-operator"(stage) {
    const { handle } = await stage.start(
      3,
      atPart(3, () => handle.cancel()),
    );
    await handle.result().catch(() => {});
    return handle;
  },

  async "failed-and-retried"(stage) {
    const { render, handle } = await stage.start(3, failsOnce());
    await render.until(({ state }) => state?.status === "FAILED");
    await update(handle, "retryRender");
    await handle.result();
    return handle;
  },

  async "failed-and-discarded"(stage) {
    const { render, handle } = await stage.start(3, failsOnce());
    await render.until(({ state }) => state?.status === "FAILED");
    await update(handle, "discardParts");
    await handle.result().catch(() => {});
    return handle;
  },

  async "continued-as-new-first"(stage) {
    const { handle } = await stage.start(60);
    await handle.result();
    return stage.env.client.workflow.getHandle(handle.workflowId, handle.firstExecutionRunId);
  },

  async "continued-as-new-last"(stage) {
    const { handle } = await stage.start(60);
    await handle.result();
    return stage.env.client.workflow.getHandle(handle.workflowId);
  },
};

function atPart(number: number, act: () => Promise<unknown>): Script {
  return {
    async part({ partNumber }) {
      if (partNumber === number) await act();
    },
  };
}

function failsOnce(): Script {
  const broken = new Set([2]);
  return {
    part({ partNumber }) {
      if (broken.delete(partNumber)) throw ApplicationFailure.nonRetryable("S3 says no", "S3Refused");
    },
  };
}

async function save(name: string, handle: WorkflowHandle): Promise<void> {
  const history = proto.temporal.api.history.v1.History.fromObject(await handle.fetchHistory());
  const plain = proto.temporal.api.history.v1.History.toObject(history, {
    longs: String,
    enums: String,
    bytes: String,
  });
  const file = new URL(`../../workflows/histories/${name}.json`, import.meta.url);
  await writeFile(file, `${JSON.stringify(plain, withoutMachine, 1)}\n`);
}

/** Where a history was recorded is nobody's business. */
function withoutMachine(key: string, value: unknown): unknown {
  return key === "stackTrace" || key === "identity" ? undefined : value;
}

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in stories));
if (names.length === 0 || unknown.length > 0) {
  console.error(`Give the histories to record, of: ${Object.keys(stories).join(", ")}.`);
  process.exit(2);
}
const stage = await RenderStage.open(["--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=100"]);
try {
  for (const name of names) {
    const handle = await stories[name]?.(stage);
    if (handle) await save(name, handle);
  }
} finally {
  await stage[Symbol.asyncDispose]();
}
