import { once } from "node:events";
import { availableParallelism } from "node:os";
import { setInterval as ticks } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { RenderSpec } from "../images/spec.ts";
import type { Backend, BackendChoice } from "./backend.ts";
import type { ByteRange } from "./bands.ts";
import type { RenderedBytes } from "./renderer.ts";
import type { RenderOrder, ThreadAnswer, ThreadOptions } from "./renderer-thread.ts";
import { ThreadSignals } from "./thread-signals.ts";
import { WaitingLine } from "./waiting-line.ts";

/** The renderer or its device failed; the next render starts a fresh thread, and may succeed. */
export class RendererError extends Error {
  override name = "RendererError";
}

export interface RendererSettings {
  backend: BackendChoice;
  /** By default one a processor: also with WebGPU, bytes are packed and digested on processors. */
  threads?: number | undefined;
  /** Whether each render also computes the MD5 of its bytes. */
  md5: boolean;
  /** A thread that renders no band from one look to the next, so many seconds later, has failed (60). */
  stallSeconds?: number;
}

/** A band takes milliseconds, the first one of a kernel as long as its compilation: seconds on a slow driver. */
const STALL_SECONDS = 60;

/** Several renderer threads of one backend. */
export interface Renderers {
  /** What renders: "webgpu (nvidia-h200)", "webasm" or "cpu". */
  readonly backend: string;
  /** Where `auto` did not take WebGPU: why. */
  readonly note: string | undefined;
  readonly threads: number;
  /**
   * Renders the range's bytes of the image's file to the front of `target`, in the next thread that is free.
   * @throws RendererError, or the signal's reason once it aborts: `target` is not written any more then
   */
  render(
    spec: RenderSpec,
    range: ByteRange,
    target: Uint8Array<SharedArrayBuffer>,
    options?: { signal?: AbortSignal; onStart?: () => void },
  ): Promise<RenderedBytes>;
  /** Ends the threads. Renders under way fail. */
  close(): Promise<void>;
}

/**
 * Starts renderer threads.
 * @throws RendererError where the backend that was named is not there
 */
export async function createRenderers(settings: RendererSettings): Promise<Renderers> {
  const { backend: choice, threads = availableParallelism(), md5, stallSeconds = STALL_SECONDS } = settings;
  const first = await RendererThread.start(choice);
  const { kind, name, note } = first.backend;
  const slots = Array.from({ length: threads }, (_, i) => new Slot(kind, stallSeconds, i === 0 ? first : undefined));
  const idle = [...slots];
  let closed = false;
  const line = new WaitingLine<void, Slot>(() => idle.shift());

  return {
    backend: name,
    note,
    threads,
    render: async (spec, { start, end }, target, { signal = NEVER, onStart } = {}) => {
      const slot = await line.acquire(undefined, signal);
      try {
        if (closed) throw new RendererError("The renderers are closed.");
        onStart?.();
        return await slot.render({ spec, range: { start, end }, target, md5 }, signal);
      } finally {
        idle.unshift(slot); // first in turn again: it has its kernels compiled
        line.serve();
      }
    },
    close: async () => {
      closed = true;
      await Promise.all(slots.map((slot) => slot.close()));
    },
  };
}

const NEVER = new AbortController().signal;

/** The place of one thread. A thread that failed is not trusted with another part: a new one takes its place. */
class Slot {
  readonly #kind: Backend["kind"];
  readonly #stallSeconds: number;
  #thread: Promise<RendererThread> | undefined;

  constructor(kind: Backend["kind"], stallSeconds: number, thread?: RendererThread) {
    this.#kind = kind;
    this.#stallSeconds = stallSeconds;
    this.#thread = thread && Promise.resolve(thread);
  }

  async render(order: RenderOrder, signal: AbortSignal): Promise<RenderedBytes> {
    try {
      const thread = await this.#livingThread();
      return await thread.render(order, signal, this.#stallSeconds);
    } catch (error) {
      if (error instanceof RendererError) await this.close();
      signal.throwIfAborted();
      throw error;
    }
  }

  /** One that ended while nobody asked it for anything is replaced. */
  async #livingThread(): Promise<RendererThread> {
    const thread = await this.#thread;
    if (thread && !thread.hasEnded) return thread;
    this.#thread = RendererThread.start(this.#kind);
    return await this.#thread;
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.then(
      (started) => started.close(),
      () => {},
    );
  }
}

class RendererThread {
  readonly backend: Backend;
  readonly #worker: Worker;
  readonly #signals: ThreadSignals;
  #hasEnded = false;

  static async start(backend: BackendChoice): Promise<RendererThread> {
    const signals = new ThreadSignals();
    const workerData: ThreadOptions = { backend, signalMemory: signals.memory };
    const worker = new Worker(new URL("./renderer-thread.ts", import.meta.url), { workerData });
    worker.on("error", () => {}); // `answerOf` reports it; without a listener it would end the process
    const answer = await answerOf(worker);
    if (answer.type === "ready") return new RendererThread(answer, worker, signals);
    await worker.terminate();
    throw new RendererError(
      answer.type === "failed" ? answer.message : `The renderer thread began with ${answer.type}.`,
    );
  }

  private constructor(backend: Backend, worker: Worker, signals: ThreadSignals) {
    this.backend = backend;
    this.#worker = worker;
    this.#signals = signals;
    worker.once("exit", () => {
      this.#hasEnded = true;
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  async render(order: RenderOrder, signal: AbortSignal, stallSeconds: number): Promise<RenderedBytes> {
    const cancel = () => {
      this.#signals.isCancelled = true;
    };
    this.#signals.isCancelled = signal.aborted;
    signal.addEventListener("abort", cancel, { once: true });
    const settled = new AbortController();
    try {
      this.#worker.postMessage(order);
      const answer = await Promise.race([answerOf(this.#worker), this.#stall(stallSeconds, settled.signal)]);
      signal.throwIfAborted();
      if (answer.type === "rendered") return answer.bytes;
      throw new RendererError(
        answer.type === "failed" ? answer.message : `The renderer thread answered ${answer.type}.`,
      );
    } finally {
      settled.abort();
      signal.removeEventListener("abort", cancel);
    }
  }

  /** @throws RendererError once the thread has rendered nothing for so long, as where a driver hangs */
  async #stall(seconds: number, settled: AbortSignal): Promise<never> {
    let bands: number | undefined;
    for await (const _ of ticks(seconds * 1000, undefined, { signal: settled })) {
      if (this.#signals.bands === bands) break;
      bands = this.#signals.bands;
    }
    throw new RendererError(`The renderer thread has rendered nothing for ${seconds} s; another takes its place.`);
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** @throws RendererError where the thread ends instead of answering */
async function answerOf(worker: Worker): Promise<ThreadAnswer> {
  const settled = new AbortController();
  const answered = once(worker, "message", { signal: settled.signal });
  const ended = once(worker, "exit", { signal: settled.signal });
  try {
    const [answer] = await Promise.race([
      answered,
      ended.then(([code]) => Promise.reject(new Error(`it ended with code ${code}`))),
    ]);
    return answer;
  } catch (error) {
    throw new RendererError(`The renderer thread failed: ${error instanceof Error ? error.message : error}`);
  } finally {
    settled.abort();
  }
}
