import { once } from "node:events";
import timers from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { messageOf } from "../service/errors.ts";
import type { Backend, BackendChoice } from "./backend.ts";
import type { RenderedBytes } from "./renderer.ts";
import { RendererError } from "./renderer-error.ts";
import type { RenderOrder, ThreadAnswer, ThreadOptions } from "./renderer-thread.ts";
import { ThreadSignals } from "./thread-signals.ts";

/** How long a thread may take. */
export interface ThreadLimits {
  /** One that finishes no band between two looks, this many seconds apart, has failed. */
  stallSeconds: number;
  /** One that is not ready to render so many seconds after its start has failed. */
  startSeconds: number;
}

/** A thread that gets on ends within milliseconds of being told to. */
const ENDS_WITHIN_MS = 10_000;

/** A renderer thread (renderer-thread.ts), as the main thread sees it. */
export class RendererThread {
  readonly #worker: Worker;
  readonly #signals = new ThreadSignals();
  readonly #stallSeconds: number;
  #hasEnded = false;

  /** @throws RendererError where the backend that was named is not there */
  static async start(
    choice: BackendChoice,
    { startSeconds, stallSeconds }: ThreadLimits,
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
