import pLimit, { type LimitFunction } from "p-limit";

interface Line {
  limit: LimitFunction;
  /** That have asked and have not been answered. */
  askers: number;
}

/** Has a few things done at once for each key (a viewer, a render); the rest wait, in the order in which they came. */
export class LimitByKey {
  readonly #atOnce: number;
  readonly #lines = new Map<string, Line>();

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Does it when fewer than the allowed number are under way for the key. */
  async run<T>(key: string, act: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(key) ?? { limit: pLimit(this.#atOnce), askers: 0 };
    this.#lines.set(key, line);
    line.askers += 1;
    try {
      return await line.limit(act);
    } finally {
      line.askers -= 1;
      if (line.askers === 0) this.#lines.delete(key);
    }
  }
}
