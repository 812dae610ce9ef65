import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type WorkflowHandle, WorkflowNotFoundError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import fc from "fast-check";
import type { RenderStatus } from "../database/state.ts";
import { RenderStage, type StagedRender, update } from "../test/support/staged-renders.ts";
import type { RenderUpdate } from "./messages.ts";

const PARTS = 20;

/** What may follow on what; a pause can come too late to keep a render from its end. */
const next: Partial<Record<RenderStatus, RenderStatus[]>> = {
  RUNNING: ["PAUSED", "CANCELING", "FAILED", "COMPLETED"],
  PAUSED: ["RUNNING", "CANCELING", "FAILED", "COMPLETED"],
  CANCELING: ["CANCELED"],
  FAILED: ["RUNNING", "FAILED"],
};

const anUpdate = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom<RenderUpdate>("pauseRender", "resumeRender") },
  { weight: 1, arbitrary: fc.constantFrom<RenderUpdate>("retryRender", "cancelRender") },
);

/** Some updates one after the other, each perhaps together with others. */
const steps = fc.array(fc.array(anUpdate, { minLength: 1, maxLength: 3 }), { maxLength: 8 });
const failingParts = fc.uniqueArray(fc.integer({ min: 1, max: PARTS }), { maxLength: 2 });

/** Sends an update, which a render that has ended does not take. */
async function ask(handle: WorkflowHandle, name: RenderUpdate): Promise<void> {
  await update(handle, name).catch((error: unknown) => {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  });
}

/** Has the render go on until it ends well, where nobody has cancelled it. */
async function bringToEnd(render: StagedRender, handle: WorkflowHandle): Promise<void> {
  for (;;) {
    const seen = render.events.length;
    const status = render.state?.status;
    if (status === "COMPLETED" || status === "CANCELED") return;
    if (status === "PAUSED") await ask(handle, "resumeRender");
    if (status === "FAILED") await ask(handle, "retryRender");
    await render.until(({ events }) => events.length > seen);
  }
}

describe("whatever is asked of a render, in turn and at once", () => {
  let stage: RenderStage;
  before(async () => {
    stage = await RenderStage.open();
  });
  after(() => stage[Symbol.asyncDispose]());

  test("it completes with all of its parts, or is cancelled and leaves nothing", async () => {
    await fc.assert(
      fc.asyncProperty(steps, failingParts, async (asked, failing) => {
        const broken = new Set(failing);
        const completed: string[] = [];
        const { render, handle } = await stage.start(PARTS, {
          part({ partNumber }) {
            if (broken.delete(partNumber)) throw ApplicationFailure.nonRetryable("S3 says no", "S3Refused");
          },
          complete: ({ etags }) => void completed.push(etags),
        });
        for (const together of asked) await Promise.all(together.map((name) => ask(handle, name)));
        await bringToEnd(render, handle);

        const story = render.events.filter(({ kind }) => kind === "STATUS").map(({ state }) => state.status);
        story.forEach((status, index) => {
          const before = story[index - 1];
          if (before !== undefined) assert.ok(next[before]?.includes(status), story.join(", "));
        });
        assert.deepEqual(
          render.events.map(({ sequence }) => sequence),
          [...render.events.keys()].map((index) => index + 2),
        );
        for (const etags of completed) assert.equal(etags.split(" ").length, PARTS);
        if (story.at(-1) === "CANCELED") assert.equal(render.calls.at(-1), "abort");
        else assert.deepEqual(render.state?.parts, [{ from: 1, to: PARTS, state: "DONE" }]);
      }),
      { numRuns: 60 },
    );
  });
});
