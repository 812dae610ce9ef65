import pLimit, { type LimitFunction } from "p-limit";

interface Line {
  limit: LimitFunction;
  /** That have asked and have not been answered. */
  askers: number;
}

/** Lets each viewer have a few things done at once, and the rest wait, so that nobody keeps others waiting. */
export class ViewerLimit {
  readonly #atOnce: number;
  readonly #lines = new Map<string, Line>();

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  /** Does it when the viewer has fewer than the allowed number under way. */
  async run<T>(viewerId: string, act: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(viewerId) ?? { limit: pLimit(this.#atOnce), askers: 0 };
    this.#lines.set(viewerId, line);
    line.askers += 1;
    try {
      return await line.limit(act);
    } finally {
      line.askers -= 1;
      if (line.askers === 0) this.#lines.delete(viewerId);
    }
  }
}
