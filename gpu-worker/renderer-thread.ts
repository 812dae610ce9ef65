import { parentPort, workerData } from "node:worker_threads";
import type { ByteRange } from "../images/plan.ts";
import type { RenderSpec } from "../images/spec.ts";
import { messageOf } from "../service/errors.ts";
import { type Backend, type BackendChoice, openBackend } from "./backend.ts";
import { type RenderedBytes, Renderer, RenderingCancelled } from "./renderer.ts";
import { ThreadSignals } from "./thread-signals.ts";

/** What a renderer thread is started with. */
export interface ThreadOptions {
  backend: BackendChoice;
  /** Of the ThreadSignals. */
  signalMemory: SharedArrayBuffer;
}

/** What the main thread asks for, one at a time. */
export interface RenderOrder {
  spec: RenderSpec;
  range: ByteRange;
  /** At least as long as the range. */
  target: Uint8Array<SharedArrayBuffer>;
  md5: boolean;
}

/** What the thread answers: once after its start, then once to every order. */
export type ThreadAnswer =
  | ({ type: "ready" } & Backend)
  | { type: "rendered"; bytes: RenderedBytes }
  | { type: "cancelled" }
  | { type: "failed"; message: string };

async function serve(answer: (message: ThreadAnswer) => void): Promise<void> {
  const { backend: choice, signalMemory }: ThreadOptions = workerData;
  const backend = await openBackend(choice);
  const renderer = new Renderer(backend.kind);
  const signals = new ThreadSignals(signalMemory);
  const onBand = () => {
    signals.countBand();
    return !signals.isCancelled;
  };
  parentPort?.on("message", async ({ spec, range, target, md5 }: RenderOrder) => {
    try {
      const bytes = Buffer.from(target.buffer, target.byteOffset, range.end - range.start);
      answer({ type: "rendered", bytes: await renderer.render(spec, range, bytes, { md5, onBand }) });
    } catch (error) {
      answer(error instanceof RenderingCancelled ? { type: "cancelled" } : failed(error));
    }
  });
  parentPort?.on("messageerror", (error) => answer(failed(error)));
  answer({ type: "ready", ...backend });
}

function failed(error: unknown): ThreadAnswer {
  return { type: "failed", message: messageOf(error) };
}

const answer = (message: ThreadAnswer) => parentPort?.postMessage(message);
await serve(answer).catch((error: unknown) => answer(failed(error)));
