import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { GPU, WebAssemblyKernel } from "gpu.js";
import type { KernelThread } from "../images/pattern.ts";
import type { RenderSpec } from "../images/spec.ts";
import { Kernels } from "./kernels.ts";
import { type PreparedImage, prepareImage } from "./prepared-image.ts";
import { runInWasmMemory } from "./webasm.ts";

const spec: RenderSpec = {
  width: 5,
  height: 3,
  pattern: { allRgb: { offset: 0 } },
  format: "BMP24",
  rowOrder: "TOP_DOWN",
  pixelsPerMetre: 0,
};
const image = prepareImage(spec, 64);

type AnyKernel = (this: KernelThread, columns: number[], rows: number[], table: number[]) => unknown;

function withKernel(source: AnyKernel): PreparedImage {
  return { ...image, patternName: "odd", kernel: source as PreparedImage["kernel"] };
}

const vector = withKernel(function (this: KernelThread, columns, rows, table) {
  return [columns[this.thread.x] as number, rows[this.thread.y] as number, table[0] as number];
});

test("a kernel that gpu.js silently moves to JavaScript is an error", async (t) => {
  const kernels = new Kernels("webasm");
  const translateSource: unknown = Reflect.get(WebAssemblyKernel.prototype, "translateSource");
  t.after(() => Reflect.set(WebAssemblyKernel.prototype, "translateSource", translateSource));
  Reflect.set(WebAssemblyKernel.prototype, "translateSource", () => false); // "I cannot compile this"
  await assert.rejects(
    kernels.kernelOf(image),
    /gpu\.js computes the kernel of allRgb on cpu instead of webasm: return type null is not supported/,
  );
});

for (const kind of ["webasm", "cpu"] as const) {
  test(`a kernel that returns more than one number is an error on ${kind}`, async () => {
    const kernels = new Kernels(kind);
    await assert.rejects(kernels.kernelOf(vector), /must return one number/);
  });
}

test("WebAssembly results are packed in place: the same memory, run after run", async () => {
  const kernels = new Kernels("webasm");
  const kernel = await kernels.kernelOf(image);
  const [columns = new Float32Array()] = image.columns;
  const first = (await kernel(columns, Float32Array.of(-9, -9, -9), image.table)).pack(image.byteOrder);
  const second = (await kernel(columns, Float32Array.of(1, 2, 3), image.table)).pack(image.byteOrder);
  assert.equal(first.buffer, second.buffer);
  const { tileWidth, bandRows } = image.shape;
  const blues = Array.from({ length: bandRows }, (_, y) =>
    Array.from({ length: spec.width }, (_, x) => second[(y * tileWidth + x) * 3]),
  );
  assert.deepEqual(blues, [
    [1, 2, 3, 4, 5],
    [2, 3, 4, 5, 6],
    [3, 4, 5, 6, 7],
  ]);
});

test("a gpu.js that keeps its compiled kernels otherwise is an error that says where to look", () => {
  const kernel = new GPU({ mode: "cpu" }).createKernel("function () { return 1; }", { output: [4, 1] });
  kernel();
  assert.throws(() => runInWasmMemory(kernel.kernel, { tileWidth: 4, bandRows: 1 }), /gpu-worker\/webasm\.ts/);
});

test("one kernel serves every image of its shape, source and table length", async () => {
  const kernels = new Kernels("webasm");
  const again = prepareImage({ ...spec, pattern: { allRgb: { offset: 99 } } }, 64);
  assert.equal(await kernels.kernelOf(image), await kernels.kernelOf(again));
  assert.notEqual(await kernels.kernelOf(image), await kernels.kernelOf(prepareImage({ ...spec, width: 9 }, 64)));
});

test("V8 puts a kernel into the loop that runs it, instead of calling it for every four pixels", async () => {
  const script = `
    const [{ Kernels }, { prepareImage }] = await Promise.all([import("./kernels.ts"), import("./prepared-image.ts")]);
    const image = prepareImage(${JSON.stringify({ ...spec, width: 1024, height: 64 })}, 2 ** 16);
    const compute = await new Kernels("webasm").kernelOf(image);
    for (let band = 0; band < 50; band++) compute(image.columns[0], new Float32Array(64), image.table);`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--trace-wasm-inlining", "--wasm-sync-tier-up", "--input-type=module", "--eval", script],
    { cwd: import.meta.dirname },
  );
  assert.match(stdout, /\[function 3: inlining direct call #0 to function 2\]/); // run_simd and the kernel's four cells
});

test("kernels that are not kept any more leave no memory behind on cpu", async () => {
  setFlagsFromString("--expose-gc");
  const collectGarbage: () => void = runInNewContext("gc");
  const kernels = new Kernels("cpu");
  const heapAfter = async (count: number) => {
    for (let i = 1; i <= count; i++) await kernels.kernelOf(prepareImage({ ...spec, width: 4 * i }, 2 ** 16));
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  const before = await heapAfter(50);
  const left = ((await heapAfter(250)) - before) / 250;
  assert.ok(left < 5_000, `each leaves ${left} bytes`);
});
