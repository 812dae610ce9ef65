import { GPU, type IKernelRunShortcut } from "gpu.js";
import type { BackendKind } from "./backend.ts";
import { Lru } from "./lru.ts";
import type { PreparedImage } from "./prepared-image.ts";
import { runInWasmMemory } from "./webasm.ts";

/**
 * Computes one band: `rows[y][x]` is 0xRRGGBB of column x, row y of the kernel's shape.
 * The arguments may be changed as soon as the call has returned.
 */
export type BandKernel = (
  columns: Float32Array,
  rows: Float32Array,
  table: Float32Array,
) => Float32Array[] | Promise<Float32Array[]>;

interface CachedKernel {
  compute: BandKernel;
  destroy(): void;
}

/** How a backend is fed best. */
interface Feeding {
  /** Pixels a band: on a CPU it stays in the L2 cache, a GPU wants enough work for each round trip. */
  bandPixels: number;
  /** Bands under way at once. More than one needs results that outlive the next run. */
  bandsInFlight: number;
}

const feedings: Record<BackendKind, Feeding> = {
  webgpu: { bandPixels: 2 ** 20, bandsInFlight: 2 },
  webasm: { bandPixels: 2 ** 16, bandsInFlight: 1 },
  cpu: { bandPixels: 2 ** 16, bandsInFlight: 1 },
};

const KERNELS_KEPT = 16;

/** The compiled kernels of one thread, kept for as long as they are in use. */
export class Kernels {
  readonly feeding: Feeding;
  readonly #kind: BackendKind;
  readonly #gpu: GPU;
  readonly #kept = new Lru<CachedKernel>(KERNELS_KEPT, (kernel) => kernel.destroy());

  constructor(kind: BackendKind) {
    this.#kind = kind;
    this.#gpu = new GPU({ mode: kind });
    this.feeding = feedings[kind];
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

  async close(): Promise<void> {
    this.#kept.clear();
    await this.#gpu.destroy();
  }

  async #compile({ kernel: source, patternName, shape, columns, table }: PreparedImage): Promise<CachedKernel> {
    const kernel = this.#gpu.createKernel(source.toString(), {
      output: [shape.tileWidth, shape.bandRows],
      precision: "single",
    });
    const run: BandKernel =
      this.#kind === "webgpu"
        ? async (...inputs) => asBand(await kernel(...inputs))
        : (...inputs) => asBand(kernel(...inputs));
    await run(columns[0] ?? new Float32Array(shape.tileWidth), new Float32Array(shape.bandRows), table);
    this.#checkMode(kernel, patternName);
    return {
      compute: this.#kind === "webasm" ? runInWasmMemory(kernel.kernel, shape) : run,
      destroy: () => kernel.destroy(),
    };
  }

  #checkMode({ kernel }: IKernelRunShortcut, patternName: string): void {
    const mode: unknown = Reflect.get(kernel.constructor, "mode");
    if (mode === this.#kind && !kernel.fallbackReason) return;
    throw new Error(
      `gpu.js computes the kernel of ${patternName} on ${mode} instead of ${this.#kind}: ` +
        `${kernel.fallbackReason ?? "it does not say why"}. Only what gpu.js can compile may stand in a kernel.`,
    );
  }
}

/** @throws Error where the result is anything but two-dimensional numbers: a kernel may also return vectors */
function asBand(result: unknown): Float32Array[] {
  if (Array.isArray(result) && result.every((row) => row instanceof Float32Array)) return result;
  throw new Error("A pattern's kernel must return one number.");
}
