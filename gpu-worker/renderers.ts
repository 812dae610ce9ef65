import { availableParallelism } from "node:os";
import type { ByteRange } from "../images/plan.ts";
import type { RenderSpec } from "../images/spec.ts";
import type { Backend, BackendChoice } from "./backend.ts";
import type { RenderedBytes } from "./renderer.ts";
import { RendererError } from "./renderer-error.ts";
import type { RenderOrder } from "./renderer-thread.ts";
import { RendererThread, type ThreadLimits } from "./thread.ts";
import { WaitingLine } from "./waiting-line.ts";

/** The limits are 60 seconds each by default. */
export interface RendererSettings extends Partial<ThreadLimits> {
  backend: BackendChoice;
  /** By default one a processor: also with WebGPU, bytes are packed and digested on processors. */
  threads?: number | undefined;
  /** Whether each render also computes the MD5 of its bytes. */
  md5: boolean;
}

/** A band takes milliseconds, the first one of a kernel as long as its compilation: seconds on a slow driver. */
const STALL_SECONDS = 60;

/** A thread is ready in less than a second, or as soon as its driver has opened the GPU. */
const START_SECONDS = 60;

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

/** The place of one thread. A thread that failed is not trusted with another part: a new one takes its place. */
class Slot {
  readonly #kind: Backend["kind"];
  readonly #limits: ThreadLimits;
  #thread: Promise<RendererThread> | undefined;

  /** @param thread one that is ready; without it one is started, so that the first part does not wait for it so long */
  constructor(kind: Backend["kind"], limits: ThreadLimits, thread?: RendererThread) {
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
