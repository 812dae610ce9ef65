import { once } from "node:events";
import { availableParallelism } from "node:os";
import timers from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { ByteRange } from "../images/plan.ts";
import type { RenderSpec } from "../images/spec.ts";
import { messageOf } from "../service/errors.ts";
import type { Backend, BackendChoice } from "./backend.ts";
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
  /** A thread that finishes no band between two looks, this many seconds apart, has failed (60). */
  stallSeconds?: number;
  /** A thread that is not ready to render so many seconds after its start has failed (60). */
  startSeconds?: number;
}

/** A band takes milliseconds, the first one of a kernel as long as its compilation: seconds on a slow driver. */
const STALL_SECONDS = 60;

/** A thread is ready in less than a second, or as soon as its driver has opened the GPU. */
const START_SECONDS = 60;

/** A thread that gets on ends within milliseconds of being told to. */
const ENDS_WITHIN_MS = 10_000;

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
  const { backend: choice, threads = availableParallelism(), md5 } = settings;
  const limits = { stallSeconds: STALL_SECONDS, startSeconds: START_SECONDS, ...settings };
  const { thread, backend } = await RendererThread.start(choice, limits);
  const { kind, name, note } = backend;
  const slots = Array.from({ length: threads }, (_, i) => new Slot(kind, limits, i === 0 ? thread : undefined));
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

type Limits = Required<Pick<RendererSettings, "stallSeconds" | "startSeconds">>;

/** The place of one thread. A thread that failed is not trusted with another part: a new one takes its place. */
class Slot {
  readonly #kind: Backend["kind"];
  readonly #limits: Limits;
  #thread: Promise<RendererThread> | undefined;

  /** @param thread one that is ready; without it one is started, so that the first part does not wait for it so long */
  constructor(kind: Backend["kind"], limits: Limits, thread?: RendererThread) {
    this.#kind = kind;
    this.#limits = limits;
    if (thread) this.#thread = Promise.resolve(thread);
    else this.#start().catch(() => {}); // it is started once more for the first part that needs it
  }

  async render(order: RenderOrder, signal: AbortSignal): Promise<RenderedBytes> {
    try {
      const thread = await this.#livingThread();
      return await thread.render(order, signal);
    } catch (error) {
      if (error instanceof RendererError) await this.close();
      signal.throwIfAborted();
      throw error;
    }
  }

  /** One that ended, or failed to start, while nobody asked it for anything is replaced. */
  async #livingThread(): Promise<RendererThread> {
    const thread = await this.#thread?.catch(() => undefined);
    return thread && !thread.hasEnded ? thread : await this.#start();
  }

  #start(): Promise<RendererThread> {
    this.#thread = RendererThread.start(this.#kind, this.#limits).then(({ thread }) => thread);
    return this.#thread;
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
  readonly #worker: Worker;
  readonly #signals = new ThreadSignals();
  readonly #stallSeconds: number;
  #hasEnded = false;

  /** @throws RendererError where the backend that was named is not there */
  static async start(
    choice: BackendChoice,
    { startSeconds, stallSeconds }: Limits,
  ): Promise<{ thread: RendererThread; backend: Backend }> {
    const thread = new RendererThread(choice, stallSeconds);
    try {
      const answer = await thread.#answer(startSeconds);
      if (answer.type === "ready") return { thread, backend: answer };
      throw unexpected(answer);
    } catch (error) {
      await thread.close();
      throw error;
    }
  }

  private constructor(backend: BackendChoice, stallSeconds: number) {
    const workerData: ThreadOptions = { backend, signalMemory: this.#signals.memory };
    this.#worker = new Worker(new URL("./renderer-thread.ts", import.meta.url), { workerData });
    this.#stallSeconds = stallSeconds;
    this.#worker.on("error", () => {}); // `#answer` reports it; without a listener it would end the process
    this.#worker.once("exit", () => {
      this.#hasEnded = true;
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  async render(order: RenderOrder, signal: AbortSignal): Promise<RenderedBytes> {
    const cancel = () => {
      this.#signals.isCancelled = true;
    };
    this.#signals.isCancelled = signal.aborted;
    signal.addEventListener("abort", cancel, { once: true });
    try {
      this.#worker.postMessage(order);
      const answer = await this.#answer(this.#stallSeconds);
      signal.throwIfAborted();
      if (answer.type === "rendered") return answer.bytes;
      throw unexpected(answer);
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }

  /** @throws RendererError where the thread ends, or finishes no band for so many seconds, instead of answering */
  async #answer(stallSeconds: number): Promise<ThreadAnswer> {
    const settled = new AbortController();
    const { signal } = settled;
    const answered = once(this.#worker, "message", { signal });
    const ended = once(this.#worker, "exit", { signal });
    try {
      const [answer] = await Promise.race([
        answered,
        ended.then(([code]) => Promise.reject(new Error(`it ended with code ${code}`))),
        this.#stall(stallSeconds, signal),
      ]);
      return answer;
    } catch (error) {
      throw new RendererError(`The renderer thread failed: ${messageOf(error)}`);
    } finally {
      settled.abort();
    }
  }

  async #stall(seconds: number, settled: AbortSignal): Promise<never> {
    let bands = this.#signals.bands;
    for await (const _ of timers.setInterval(seconds * 1000, undefined, { signal: settled })) {
      if (this.#signals.bands === bands) break;
      bands = this.#signals.bands;
    }
    throw new Error(`it has done nothing for ${seconds} s`);
  }

  /**
   * A thread that hangs in its driver cannot be ended, and may still write into memory that is lent to another part:
   * then the whole process ends, and Temporal hands its parts to others.
   */
  async close(): Promise<void> {
    const late = setTimeout(() => {
      process.stderr.write("A renderer thread does not end when it is told to, so this process ends itself.\n");
      process.kill(process.pid, "SIGKILL"); // an exit would wait for the thread
    }, ENDS_WITHIN_MS);
    await this.#worker.terminate();
    clearTimeout(late);
  }
}

function unexpected(answer: ThreadAnswer): RendererError {
  return new RendererError(answer.type === "failed" ? answer.message : `The renderer thread answered ${answer.type}.`);
}
