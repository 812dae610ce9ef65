import { type ByteRange, MAX_PART_SIZE } from "../images/plan.ts";
import { WaitingLine } from "./waiting-line.ts";

const BYTES_A_SLOT = 64 * 2 ** 20;
const MOST_BYTES = 2 * 2 ** 30;

/**
 * Bytes for all parts that a GPU worker takes at once: 64 MiB for each, up to 2 GiB. A single part may take all of them,
 * and more. (Node.js 24.21 hands no piece of a SharedArrayBuffer of 4 GiB to another thread.)
 */
export function bufferBudget(concurrency: number): number {
  return Math.min(concurrency * BYTES_A_SLOT, MOST_BYTES);
}

/** Where a loan begins: at a multiple of so many bytes, a page. */
const ALIGNMENT = 4096;

/** Memory on loan; `using` gives it back. */
export interface Loan extends Disposable {
  bytes: Uint8Array<SharedArrayBuffer>;
}

/**
 * The memory that parts are rendered into, at most `budget` bytes of it, except that one part alone may be larger.
 * It is shared with the renderer threads rather than transferred, so a thread that dies takes none with it.
 *
 * All of it is one SharedArrayBuffer, lent piece by piece from the front: the garbage collector does not count the
 * memory of SharedArrayBuffers, so dropped ones pile up. It takes up memory as far as it was ever lent.
 */
export class BufferPool {
  readonly #budget: number;
  readonly #memory: SharedArrayBuffer;
  readonly #line = new WaitingLine<number, ByteRange>((size) => this.#take(size));
  /** In the order of their bytes. */
  readonly #lent: ByteRange[] = [];

  constructor(budget: number) {
    this.#budget = budget;
    this.#memory = new SharedArrayBuffer(budget, { maxByteLength: Math.max(budget, MAX_PART_SIZE) });
  }

  /** Lends `size` bytes, with whatever their last user left in them. */
  async acquire(size: number, signal: AbortSignal): Promise<Loan> {
    const range = await this.#line.acquire(size, signal);
    return { bytes: new Uint8Array(this.#memory, range.start, size), [Symbol.dispose]: () => this.#giveBack(range) };
  }

  #take(size: number): ByteRange | undefined {
    const end = this.#lent.length === 0 ? Math.max(size, this.#budget) : this.#budget;
    if (end > this.#memory.byteLength) this.#memory.grow(end);
    let start = 0;
    for (const [index, next] of [...this.#lent, { start: end, end }].entries()) {
      if (start + size <= next.start) {
        const range = { start, end: start + size };
        this.#lent.splice(index, 0, range);
        return range;
      }
      start = Math.ceil(next.end / ALIGNMENT) * ALIGNMENT;
    }
    return undefined;
  }

  #giveBack(range: ByteRange): void {
    this.#lent.splice(this.#lent.indexOf(range), 1);
    this.#line.serve();
  }
}
