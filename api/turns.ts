import { setImmediate as nextTurn } from "node:timers/promises";
import pLimit, { type LimitFunction } from "p-limit";

interface Line {
  limit: LimitFunction;
  /** That have asked and have not been answered. */
  askers: number;
}

/** Lets everybody have a few things done at once, and the rest of theirs wait, so that nobody keeps others waiting. */
export class Turns {
  readonly #atOnce: number;
  readonly #lines = new Map<string, Line>();

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Does it when `who` has fewer than the allowed number under way. */
  async take<T>(who: string, act: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(who) ?? { limit: pLimit(this.#atOnce), askers: 0 };
    this.#lines.set(who, line);
    line.askers += 1;
    try {
      return await line.limit(act);
    } finally {
      line.askers -= 1;
      if (line.askers === 0) this.#lines.delete(who);
    }
  }
}

let lastTurn: Promise<void> = Promise.resolve();

/**
 * Resolves in a turn of the event loop in which it resolves for nobody else. What follows may take the processor for a
 * while, and then others get their turns before the next such thing.
 */
export function ownTurn(): Promise<void> {
  lastTurn = lastTurn.then(() => nextTurn());
  return lastTurn;
}
