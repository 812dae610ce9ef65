const least = 2;

/** Where a render begins: what one GPU worker takes at once by default. */
const atFirst = 4;

/** Enough for eight GPU workers. */
const most = 32;

/** A part that waited longer for a GPU worker was put on the queue too early. */
const longWaitMs = 1_000;

/**
 * How many parts a render has on the GPU queue at a time: about as many as GPU workers take. A part that came back
 * without having waited there shows that they could do with a few more than were in flight when it was put; one that
 * waited, with less. So GPU workers are kept busy, a pause takes effect soon, and renders that share them take turns.
 */
export class PartWindow {
  #size: number;

  /** @param size what an earlier run came to */
  constructor(size = atFirst) {
    this.#size = size;
  }

  /** Parts, 2 … 32. */
  get size(): number {
    return this.#size;
  }

  /** A part has come back that had waited so long; `inFlight` parts were, itself included, when it was put. */
  returned(inFlight: number, waitedMs: number): void {
    this.#size =
      waitedMs > longWaitMs
        ? Math.max(Math.min(this.#size, inFlight - 1), least)
        : Math.min(Math.max(this.#size, Math.ceil(inFlight * 1.25)), most);
  }
}
