import { setFlagsFromString } from "node:v8";
import type { Kernel } from "gpu.js";
import type { BandKernel, BandPixels } from "./kernels.ts";
import { Packer } from "./packer.ts";
import type { KernelShape } from "./prepared-image.ts";

/** What gpu.js keeps of a compiled WebAssembly kernel: `_active` in its src/backend/web-assembly/kernel.js. */
interface CompiledModule {
  /** Computes the cells `start` … `end − 1`. */
  run: WasmRun;
  /** The same, four cells at a time; `start` and `end` are multiples of 4. Null where SIMD is missing. */
  runSimd: WasmRun | null;
  /** Arguments, constants, output. */
  memory: WebAssembly.Memory;
  layout: {
    arrays: Record<string, { index: number; offset: number; flatLength: number }>;
    /** In bytes. */
    outputOffset: number;
  };
  cells: number;
}

type WasmRun = (start: number, end: number, seed: number) => void;

/**
 * gpu.js's loop calls the kernel for every four cells, and by default V8 does not inline it into so small a loop.
 * Inlined, what does not change in the loop is computed once: a light kernel becomes more than twice as fast, a heavy
 * one no slower.
 */
setFlagsFromString("--wasm-inlining-min-budget=1000");

/**
 * Runs a kernel that gpu.js has built for WebAssembly inside its memory, and packs the pixels there too, without the
 * copy of every result that gpu.js's own `run` makes (`f32.slice`, as dear as the kernel itself).
 *
 * gpu.js has no public way to do this: what is read here are internals of 2.24.1, checked at every use.
 * @throws Error where gpu.js no longer keeps them this way
 */
export function runInWasmMemory(kernel: Kernel, { tileWidth, bandRows }: KernelShape): BandKernel {
  const { run, runSimd, memory, layout, cells } = compiledModule(kernel, tileWidth * bandRows);
  const inputs = Object.values(layout.arrays)
    .sort((a, b) => a.index - b.index)
    .map(({ offset, flatLength }) => new Float32Array(memory.buffer, offset, flatLength));
  const runCells = runSimd ?? run;
  const packer = new Packer(memory, layout.outputOffset);
  const pixels: BandPixels = { pack: (order) => packer.pack(cells, order) };
  const current: (Float32Array | undefined)[] = [];

  return (...values) => {
    values.forEach((value, index) => {
      const changes = index === ROWS || current[index] !== value;
      if (changes) inputs[index]?.set(value);
      current[index] = value;
    });
    runCells(0, cells, 0);
    return pixels;
  };
}

/** The kernel's second argument is filled anew for every band; the others change only with the tile or the image. */
const ROWS = 1;

function compiledModule(kernel: Kernel, cells: number): CompiledModule {
  const active: unknown = Reflect.get(kernel, "_active");
  if (isCompiledModule(active) && active.cells === cells) return active;
  throw new Error(
    "gpu.js keeps its compiled WebAssembly kernels differently from version 2.24.1: " +
      "gpu-worker/webasm.ts must be adapted to the installed version.",
  );
}

function isCompiledModule(value: unknown): value is CompiledModule {
  if (!isRecord(value) || !isRecord(value["layout"]) || !isRecord(value["layout"]["arrays"])) return false;
  const { run, runSimd, memory, layout, cells } = value;
  return (
    typeof run === "function" &&
    (runSimd === null || typeof runSimd === "function") &&
    memory instanceof WebAssembly.Memory &&
    typeof cells === "number" &&
    typeof layout["outputOffset"] === "number" &&
    Object.keys(value["layout"]["arrays"]).length === 3 &&
    Object.values(value["layout"]["arrays"]).every(
      (array) =>
        isRecord(array) && [array["index"], array["offset"], array["flatLength"]].every((n) => typeof n === "number"),
    )
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
