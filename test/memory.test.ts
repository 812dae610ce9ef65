import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { allRgb, MIB } from "./support/images.ts";
import { TestStack } from "./support/stack.ts";

describe("a GPU worker's memory", () => {
  let stack: TestStack;
  before(async () => {
    stack = await TestStack.start();
  });
  after(() => stack[Symbol.asyncDispose]());

  /** Peak resident bytes of a fresh GPU worker that renders a square image, and what it rendered. */
  async function peakOf(side: number) {
    await stack.kill("gpu-worker");
    const client = await stack.client();
    const { id } = await client.started({ spec: allRgb(side, side) });
    const { byteSize } = await client.completed(id);
    const [pid] = await stack.pids("gpu-worker");
    const status = await readFile(`/proc/${pid}/status`, "utf8");
    const peak = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    assert.deepEqual(await client.delete(id), { __typename: "DeletedRender", id });
    return { peak, byteSize };
  }

  const skip = process.platform === "linux" ? false : "peak memory is read from /proc, which is Linux's";
  it("stays below 512 MiB for 2 GiB, and is the same within 20 % as for 256 MiB", { skip }, async (test) => {
    const small = await peakOf(9459);
    const large = await peakOf(26_754);
    assert.ok(Math.abs(small.byteSize - 256 * MIB) < MIB);
    assert.ok(Math.abs(large.byteSize - 2048 * MIB) < MIB);
    test.diagnostic(
      `peak ${Math.round(small.peak / MIB)} MiB for 256 MiB, ${Math.round(large.peak / MIB)} MiB for 2 GiB`,
    );
    assert.ok(large.peak <= 512 * MIB);
    assert.ok(Math.abs(large.peak - small.peak) <= 0.2 * small.peak);
  });
});
