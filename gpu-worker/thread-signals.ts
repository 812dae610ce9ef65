const CANCELLED = 0;
const BANDS = 1;

/**
 * What the main thread and a renderer thread tell each other while a rendering is under way, by memory that they share.
 */
export class ThreadSignals {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;

  constructor(memory = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  /** Whether the rendering under way is to end. */
  get isCancelled(): boolean {
    return Atomics.load(this.#cells, CANCELLED) === 1;
  }

  set isCancelled(cancelled: boolean) {
    Atomics.store(this.#cells, CANCELLED, cancelled ? 1 : 0);
  }

  /** The thread shows that it gets on. */
  countBand(): void {
    Atomics.add(this.#cells, BANDS, 1);
  }

  /** Bands that the thread has rendered; wraps around. */
  get bands(): number {
    return Atomics.load(this.#cells, BANDS);
  }
}
