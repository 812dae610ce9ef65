const LEAST = 2;

/** Far from Temporal's limit of 2,000 activities under way in one workflow. */
const GREATEST = 512;

/** As long as no GPU worker is seen: what one takes at once by default. */
const DEFAULT_SLOTS = 4;

/**
 * For every two parts that GPU workers take at once, a third is put on the queue, so that it is there when one is done.
 */
const PARTS_PER_SLOT = 1.5;

/** A part that waited longer for a GPU worker was put on the queue too early. */
const LONG_WAIT_MS = 1_000;

/** Where parts find GPU workers free, the window may be a quarter larger than what was on the queue. */
const GROWTH = 1.25;

/**
 * How many parts a render has on the GPU queue at a time: a few more than GPU workers take at once. So they are kept
 * busy, and a pause takes effect soon. Where other renders use them too, parts have to wait; then each render comes to
 * fewer, and they take turns.
 */
export class PartWindow {
  #size: number | undefined;
  #limit: number;

  /** @param size what an earlier run came to */
  constructor(size?: number) {
    this.#size = size;
    this.#limit = size ?? 0;
  }

  /** Parts, 2 … 512. */
  get size(): number {
    return this.#size ?? windowFor(DEFAULT_SLOTS);
  }

  /**
   * The GPU workers seen just now take so many parts at once, all together. Those that are busy for minutes are not
   * seen, so fewer than before means nothing.
   */
  saw(slots: number): void {
    this.#limit = Math.max(this.#limit, windowFor(slots || DEFAULT_SLOTS));
    this.#size ??= this.#limit;
  }

  /** A part has come back that had waited so long; `inFlight` parts were, itself included, when it was put. */
  returned(inFlight: number, waitedMs: number): void {
    const { size } = this;
    const hasWaitedLong = waitedMs > LONG_WAIT_MS;
    this.#size = hasWaitedLong
      ? Math.max(Math.min(size, inFlight - 1), LEAST)
      : Math.max(size, Math.min(Math.ceil(inFlight * GROWTH), this.#limit));
  }
}

function windowFor(slots: number): number {
  return Math.min(Math.max(Math.ceil(slots * PARTS_PER_SLOT), LEAST), GREATEST);
}
