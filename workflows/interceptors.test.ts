import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { RenderStage, replay, update } from "../test/support/staged-renders.ts";

describe("a render replays", () => {
  test("whatever was asked in vain meanwhile", async () => {
    await using stage = await RenderStage.open();
    const takes400Ms = () => pause(400); // progress gathers for 1,000
    const { render, handle } = await stage.start(20, { part: takes400Ms, gpuSlots: () => 2 });
    const askInVain = async () => {
      while ((render.state?.partsDone ?? 0) < 12)
        assert.equal(await update(handle, "resumeRender"), "InvalidState: RUNNING");
    };
    await Promise.all(Array.from({ length: 3 }, askInVain));
    assert.equal(await handle.result(), "COMPLETED");
    await replay(handle);
  });

  test("also where its worker has to build it up again for an update", async () => {
    await using stage = await RenderStage.open();
    const parts = Array.from({ length: 9 }, () => Promise.withResolvers<void>());
    const { render, handle } = await stage.start(40, {
      part: ({ partNumber }) => parts[partNumber]?.promise ?? pause(200),
      gpuSlots: () => 5,
    });
    await render.until(({ calls }) => calls.includes("part 8"));
    await update(handle, "pauseRender");
    await pause(1_200); // so that progress is recorded with the next part
    parts[1]?.resolve();
    await render.until(({ state }) => state?.partsDone === 1);
    await pause(100);
    for (const part of parts.slice(2, 6)) {
      part.resolve(); // which leads to nothing, in a task of its own
      await pause(80);
    }
    let resumed: Promise<string> | undefined;
    await stage.restartControl(async () => {
      resumed = update(handle, "resumeRender");
      await pause(1_500); // the timer of the progress goes off
    });
    assert.equal(await resumed, "RUNNING");
    for (const part of parts) part.resolve();
    assert.equal(await handle.result(), "COMPLETED");
    await replay(handle);
  });
});
