import { MAXIMUM_PART_SIZE } from "../images/plan.ts";
import { WaitingLine } from "./waiting-line.ts";

const MIB = 2 ** 20;

/** A buffer on loan; `using` gives it back. */
export interface Loan extends Disposable {
  buffer: SharedArrayBuffer;
}

/**
 * The memory that parts are rendered into, at most `budget` bytes of it, except that one buffer alone may be
 * larger. The buffers are shared with the renderer threads rather than transferred, so a thread that dies
 * takes none with it.
 *
 * V8 does not reckon with the memory of a SharedArrayBuffer, and lets it go late: one above the budget is not made anew
 * for each part, but kept and, where it must, grown.
 */
export class BufferPool {
  readonly #budget: number;
  readonly #free = new Set<SharedArrayBuffer>();
  readonly #large = new SharedArrayBuffer(0, { maxByteLength: MAXIMUM_PART_SIZE });
  readonly #line = new WaitingLine<number, SharedArrayBuffer>((size) => this.#take(size));
  #allocated = 0;

  constructor(budget: number) {
    this.#budget = budget;
  }

  /** Lends a buffer of at least `size` bytes, with whatever its last user left in it. */
  async acquire(size: number, signal: AbortSignal): Promise<Loan> {
    const buffer = await this.#line.acquire(size, signal);
    return { buffer, [Symbol.dispose]: () => this.#giveBack(buffer) };
  }

  #take(size: number): SharedArrayBuffer | undefined {
    const length = Math.ceil(size / MIB) * MIB;
    const fitting = this.#smallestFree(length);
    if (fitting) {
      this.#free.delete(fitting);
      return fitting;
    }
    for (const buffer of this.#free) {
      if (this.#allocated + length > this.#budget) this.#drop(buffer);
    }
    if (this.#allocated > 0 && this.#allocated + length > this.#budget) return undefined;
    this.#allocated += length;
    return length > this.#budget ? this.#grownLarge(length) : new SharedArrayBuffer(length);
  }

  #grownLarge(length: number): SharedArrayBuffer {
    if (length > this.#large.byteLength) this.#large.grow(length);
    return this.#large;
  }

  /** One of more than twice the length would keep others from being lent beside it. */
  #smallestFree(length: number): SharedArrayBuffer | undefined {
    return [...this.#free]
      .filter(({ byteLength }) => byteLength >= length && byteLength <= 2 * length)
      .sort((a, b) => a.byteLength - b.byteLength)
      .at(0);
  }

  #giveBack(buffer: SharedArrayBuffer): void {
    if (buffer !== this.#large) this.#free.add(buffer);
    else this.#allocated = 0; // it is only ever lent alone
    this.#line.serve();
  }

  #drop(buffer: SharedArrayBuffer): void {
    this.#free.delete(buffer);
    this.#allocated -= buffer.byteLength;
  }
}
