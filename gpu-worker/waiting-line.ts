interface Waiter<Request, Resource> {
  request: Request;
  resolve(resource: Resource): void;
}

/**
 * First come, first served: `acquire` resolves as soon as `take` has something for the one at the front.
 * Whoever gives something back calls `serve`.
 */
export class WaitingLine<Request, Resource> {
  readonly #take: (request: Request) => Resource | undefined;
  readonly #waiters = new Set<Waiter<Request, Resource>>();

  constructor(take: (request: Request) => Resource | undefined) {
    this.#take = take;
  }

  /** @throws the signal's reason, once it aborts while this request waits */
  async acquire(request: Request, signal: AbortSignal): Promise<Resource> {
    signal.throwIfAborted();
    return await new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiters.delete(waiter);
        reject(signal.reason);
        this.serve();
      };
      const waiter = {
        request,
        resolve: (resource: Resource) => {
          signal.removeEventListener("abort", leave);
          resolve(resource);
        },
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiters.add(waiter);
      this.serve();
    });
  }

  serve(): void {
    for (const waiter of this.#waiters) {
      const resource = this.#take(waiter.request);
      if (resource === undefined) return;
      this.#waiters.delete(waiter);
      waiter.resolve(resource);
    }
  }
}
