import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import type { RenderSpec } from "../images/spec.ts";
import { Kernels } from "./kernels.ts";
import { prepareImage } from "./prepared-image.ts";
import { type FoundAdapter, findAdapter, offerToGpuJs } from "./webgpu.ts";

const spec: RenderSpec = {
  width: 64,
  height: 64,
  pattern: { allRgb: { offset: 0 } },
  format: "PPM",
  rowOrder: "TOP_DOWN",
  pixelsPerMetre: 0,
};

let device: GPUDevice | undefined;
/** The buffer that the kernel writes its pixels to. */
let output: GPUBuffer | undefined;
/** Of buffers like it, in place of their own. */
let outputSize: number | undefined;

const OUTPUT = 0x80 | 0x04; // GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC

/** Gives gpu.js devices of the adapter's GPU that the tests can do something to. */
function offer(found: FoundAdapter): false {
  found.adapter.requestDevice = async (descriptor) => {
    const adapter = await found.gpu.requestAdapter(); // each gives one device only
    assert.ok(adapter);
    const opened = await adapter.requestDevice(descriptor);
    const createBuffer = opened.createBuffer.bind(opened);
    opened.createBuffer = (buffer) => {
      if (buffer.usage !== OUTPUT) return createBuffer(buffer);
      output = createBuffer({ ...buffer, size: outputSize ?? buffer.size });
      return output;
    };
    device = opened;
    return opened;
  };
  offerToGpuJs(found);
  return false;
}

/** Why there is none, or false. */
const skip = await findAdapter().then(offer, (error: Error) => error.message);

describe("a GPU that fails makes the run fail", { skip }, () => {
  const image = prepareImage(spec, 2 ** 20);
  const inputs = [image.columns[0] ?? new Float32Array(), new Float32Array(image.shape.bandRows), image.table] as const;

  /** gpu.js opens another device once this one is lost. */
  afterEach(async () => {
    device?.destroy();
    await device?.lost;
  });

  test("without memory for the pixels, from the first run on", async () => {
    outputSize = 2 ** 45;
    const compiled = new Kernels("webgpu").kernelOf(image);
    await assert.rejects(compiled, /^Error: The GPU failed: Buffer size .* if this lasts, look at its driver/);
    outputSize = undefined;
  });

  test("with the pixels of an earlier run in its memory", async () => {
    const run = await new Kernels("webgpu").kernelOf(image);
    await run(...inputs);
    output?.destroy();
    await assert.rejects(async () => run(...inputs), /^Error: The GPU failed: .*destroyed/);
  });

  test("lost before a run and during it", async () => {
    const run = await new Kernels("webgpu").kernelOf(image);
    const lost = /^Error: The GPU was lost: .*\. Each attempt opens it anew/;
    const running = run(...inputs);
    device?.destroy();
    await assert.rejects(async () => running, lost);
    await assert.rejects(async () => run(...inputs), lost);
  });
});
