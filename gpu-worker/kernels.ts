import { GPU, type IKernelRunShortcut } from "gpu.js";
import type { BackendKind } from "./backend.ts";
import { Lru } from "./lru.ts";
import { type ByteOrder, Packer } from "./packer.ts";
import type { KernelShape, PreparedImage } from "./prepared-image.ts";
import { runInWasmMemory } from "./webasm.ts";
import { resultOfDevice } from "./webgpu.ts";

/** The pixels that one run of a kernel has computed. */
export interface BandPixels {
  /**
   * Memory that begins with their bytes, those of the kernel's whole shape, row after row. To be called once, since
   * they may take the pixels' place; the next band overwrites them.
   */
  pack(order: ByteOrder): Buffer;
}

/** Computes one band. The arguments may be changed as soon as the call has returned. */
export type BandKernel = (
  columns: Float32Array,
  rows: Float32Array,
  table: Float32Array,
) => BandPixels | Promise<BandPixels>;

interface CachedKernel {
  compute: BandKernel;
  destroy(): void;
}

/** How a backend is used best. */
interface BandSettings {
  /** Pixels a band: on a CPU it stays in the L2 cache, a GPU wants enough work for each round trip. */
  bandPixels: number;
  /** Bands under way at once. More than one needs results that outlive the next run. */
  bandsInFlight: number;
  /** Compiled kernels that a thread keeps. Each holds the memory of its bands: with WebGPU some 16 MiB. */
  kernelsKept: number;
}

const bandSettings: Record<BackendKind, BandSettings> = {
  webgpu: { bandPixels: 2 ** 20, bandsInFlight: 2, kernelsKept: 4 },
  webasm: { bandPixels: 2 ** 16, bandsInFlight: 1, kernelsKept: 16 },
  cpu: { bandPixels: 2 ** 16, bandsInFlight: 1, kernelsKept: 16 },
};

const WASM_PAGE = 65_536;

/** The compiled kernels of one thread, kept for as long as they are in use. */
export class Kernels {
  readonly bandSettings: BandSettings;
  readonly #kind: BackendKind;
  readonly #kept: Lru<CachedKernel>;

  constructor(kind: BackendKind) {
    this.#kind = kind;
    this.bandSettings = bandSettings[kind];
    this.#kept = new Lru(this.bandSettings.kernelsKept, (kernel) => kernel.destroy());
  }

  /** @throws Error where gpu.js would compute the kernel on another backend than asked */
  async kernelOf(image: PreparedImage): Promise<BandKernel> {
    const { tileWidth, bandRows } = image.shape;
    const key = [tileWidth, bandRows, image.table.length, image.kernel].join(" ");
    const kept = this.#kept.get(key);
    if (kept) return kept.compute;
    const kernel = await this.#compile(image);
    this.#kept.set(key, kernel);
    return kernel.compute;
  }

  async #compile({ kernel: source, patternName, shape, columns, table }: PreparedImage): Promise<CachedKernel> {
    // One GPU a kernel: it lists its kernels, and those of the CPU stay in the list when they are destroyed.
    const kernel = new GPU({ mode: this.#kind }).createKernel(source.toString(), {
      output: [shape.tileWidth, shape.bandRows],
      precision: "single",
    });
    const first = [columns[0] ?? new Float32Array(shape.tileWidth), new Float32Array(shape.bandRows), table];
    rowsOf(await resultOfDevice(() => kernel(...first)));
    this.#checkMode(kernel, patternName);
    return { compute: this.#runnerOf(kernel, shape), destroy: () => kernel.destroy() };
  }

  #runnerOf(kernel: IKernelRunShortcut, shape: KernelShape): BandKernel {
    if (this.#kind === "webasm") return runInWasmMemory(kernel.kernel, shape);
    const pack = packerOfRows(shape);
    if (this.#kind === "webgpu") {
      return async (...inputs) => pack(rowsOf(await resultOfDevice(() => kernel(...inputs))));
    }
    return (...inputs) => pack(rowsOf(kernel(...inputs)));
  }

  #checkMode({ kernel }: IKernelRunShortcut, patternName: string): void {
    const mode: unknown = Reflect.get(kernel.constructor, "mode");
    if (mode === this.#kind) return;
    throw new Error(
      `gpu.js computes the kernel of ${patternName} on ${mode} instead of ${this.#kind}: ` +
        `${kernel.fallbackReason ?? "it does not say why"}. Only what gpu.js can compile may stand in a kernel.`,
    );
  }
}

/** Pixels that gpu.js hands over row by row are packed in a memory of the kernel's own. */
function packerOfRows({ tileWidth, bandRows }: KernelShape): (rows: Float32Array[]) => BandPixels {
  const count = tileWidth * bandRows;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((count * 4) / WASM_PAGE) });
  const pixels = new Float32Array(memory.buffer, 0, count);
  const packer = new Packer(memory, 0);
  return (rows) => ({
    pack: (order) => {
      rows.forEach((row, y) => {
        pixels.set(row, y * tileWidth);
      });
      return packer.pack(count, order);
    },
  });
}

/** @throws Error where the result is anything but two-dimensional numbers: a kernel may also return vectors */
function rowsOf(result: unknown): Float32Array[] {
  if (Array.isArray(result) && result.every((row) => row instanceof Float32Array)) return result;
  throw new Error("A pattern's kernel must return one number.");
}
