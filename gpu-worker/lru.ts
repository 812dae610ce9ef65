/** A map of at most `capacity` entries: the one not used for the longest goes first, through `dispose`. */
export class Lru<Value> {
  readonly #entries = new Map<string, Value>();
  readonly #capacity: number;
  readonly #dispose: (value: Value) => void;

  constructor(capacity: number, dispose: (value: Value) => void = () => {}) {
    this.#capacity = capacity;
    this.#dispose = dispose;
  }

  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#entries.set(key, value);
    for (const [oldest, evicted] of this.#entries) {
      if (this.#entries.size <= this.#capacity) return;
      this.#entries.delete(oldest);
      this.#dispose(evicted);
    }
  }
}
