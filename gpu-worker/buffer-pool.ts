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
 */
export class BufferPool {
  readonly #budget: number;
  readonly #free = new Set<SharedArrayBuffer>();
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
    const fitting = this.#smallestFree(size);
    if (fitting) {
      this.#free.delete(fitting);
      return fitting;
    }
    const length = Math.ceil(size / MIB) * MIB;
    for (const buffer of this.#free) {
      if (this.#allocated + length > this.#budget) this.#drop(buffer);
    }
    if (this.#allocated > 0 && this.#allocated + length > this.#budget) return undefined;
    this.#allocated += length;
    return new SharedArrayBuffer(length);
  }

  #smallestFree(size: number): SharedArrayBuffer | undefined {
    return [...this.#free]
      .filter((buffer) => buffer.byteLength >= size)
      .sort((a, b) => a.byteLength - b.byteLength)
      .at(0);
  }

  #giveBack(buffer: SharedArrayBuffer): void {
    this.#free.add(buffer);
    if (buffer.byteLength > this.#budget) this.#drop(buffer);
    this.#line.serve();
  }

  #drop(buffer: SharedArrayBuffer): void {
    this.#free.delete(buffer);
    this.#allocated -= buffer.byteLength;
  }
}
