import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { before, describe, test } from "node:test";
import proto from "@temporalio/proto";
import { Worker, type WorkflowBundleWithSourceMap } from "@temporalio/worker";
import { DeterminismViolationError } from "@temporalio/workflow";
import { bundleRenderImage } from "../test/support/staged-renders.ts";

const folder = new URL("histories/", import.meta.url);
/** Recorded by `node test/support/record-histories.ts`. */
const names = (await readdir(folder)).map((file) => file.replace(".json", ""));

async function historyOf(name: string) {
  const json: unknown = JSON.parse(await readFile(new URL(`${name}.json`, folder), "utf8"));
  assert.ok(typeof json === "object" && json !== null);
  return proto.temporal.api.history.v1.History.fromObject(json);
}

describe("a render that ran before", () => {
  let bundle: WorkflowBundleWithSourceMap;
  before(async () => {
    bundle = await bundleRenderImage();
  });

  assert.ok(names.length > 0);
  for (const name of names) {
    test(`${name}: replays`, async () => {
      await Worker.runReplayHistory({ workflowBundle: bundle }, await historyOf(name), "render");
    });
  }

  test("does not replay where the order of activities has changed", async () => {
    const inOrder = /await render\.renderParts\(\);\s*await render\.complete\(\);/;
    assert.match(bundle.code, inOrder);
    const code = bundle.code.replace(inOrder, "await render.complete(); await render.renderParts();");
    const replay = Worker.runReplayHistory({ workflowBundle: { code } }, await historyOf("happy"), "render");
    await assert.rejects(replay, DeterminismViolationError);
  });
});
