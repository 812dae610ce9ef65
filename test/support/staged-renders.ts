import { randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { fileURLToPath } from "node:url";
import { Context } from "@temporalio/activity";
import { type WorkflowHandle, WorkflowUpdateFailedError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import type { TestWorkflowEnvironment } from "@temporalio/testing";
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkerOptions } from "@temporalio/worker";
import type { AbortRequest, CompleteRequest, ControlActivities, PresignRequest } from "../../activities/types.ts";
import type { RecordedEvent, RenderState } from "../../database/state.ts";
import { GPU_QUEUE, type PartActivities, type PartResult, type PartTask } from "../../gpu-worker/part.ts";
import {
  CONTROL_QUEUE,
  RENDER_WORKFLOW_TYPE,
  type RenderImageInput,
  type RenderUpdate,
  renderWorkflowId,
} from "../../workflows/messages.ts";
import { startTemporal } from "./temporal.ts";

// Failing activities are what these tests are about: the SDK need not warn of each.
Runtime.install({ logger: new DefaultLogger("ERROR") });

/** By default, the server looks for tasks to hand out at most 20 times a second, so that each step waits some 40 ms. */
const PROMPTLY = "history.transferProcessorMaxPollRPS=1000";

/** What a test lets happen at one render's activities; what it leaves out succeeds at once. */
export interface Script {
  init?(attempt: number): Promise<void> | void;
  presign?(request: PresignRequest): Promise<void> | void;
  part?(task: PartTask, attempt: number): Promise<void> | void;
  complete?(request: CompleteRequest, attempt: number): Promise<void> | void;
  abort?(request: AbortRequest): Promise<void> | void;
  record?(event: RecordedEvent): Promise<void> | void;
  /** How long a URL presigned now is good for, in milliseconds; 15 minutes where it is left out. */
  lifeMs?(): number;
  /** What GPU workers are seen to take at once, together with the URLs from that part on; 4 where it is left out. */
  gpuSlots?(fromPart: number): number;
}

/** A step that is entered and left when the test says so. */
export function gate() {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  return { opened, open };
}

interface RunningWorker {
  stop(): Promise<void>;
}

/** The activities of one render, written down instead of done: the workflow is what is tested. */
export class StagedRender {
  readonly input: RenderImageInput;
  readonly events: RecordedEvent[] = [];
  /** Each call, in order: "init", "presign 1-32", "part 1", "complete", "abort". */
  readonly calls: string[] = [];
  readonly #script: Script;
  readonly #changed = new EventEmitter();
  #uploads = 0;

  constructor(input: RenderImageInput, script: Script) {
    this.input = input;
    this.#script = script;
  }

  get state(): RenderState | undefined {
    return this.events.at(-1)?.state;
  }

  /** Resolves when the render's latest event or its calls fulfil the condition. */
  async until(condition: (render: StagedRender) => boolean): Promise<void> {
    while (!condition(this)) await once(this.#changed, "change");
  }

  /** How often a part was tried. */
  attempts(part: number): number {
    return this.calls.filter((call) => call === `part ${part}`).length;
  }

  async initUpload(key: string) {
    this.#call("init");
    await this.#script.init?.(Context.current().info.attempt);
    this.#uploads += 1;
    return { key, uploadId: `upload-${this.#uploads}`, mark: "mark" };
  }

  async presignParts(request: PresignRequest) {
    const { from, to, uploadId } = request;
    this.#call(`presign ${from}-${to}`);
    await this.#script.presign?.(request);
    const urls = Array.from(
      { length: to - from + 1 },
      (_, index) => `${uploadId}/${from + index}/${this.calls.length}`,
    );
    const lifeMs = this.#script.lifeMs?.() ?? 900_000;
    return { urls, lifeMs, gpuSlots: this.#script.gpuSlots?.(from) ?? 4 };
  }

  async part(task: PartTask): Promise<PartResult> {
    const { attempt } = Context.current().info;
    Context.current().heartbeat();
    const startedAt = performance.now();
    this.#call(`part ${task.partNumber}`);
    await this.#script.part?.(task, attempt);
    const etag = task.partNumber.toString(16).padStart(32, "0");
    const workedMs = Math.round(performance.now() - startedAt);
    return { etag, crc32: task.partNumber, attempt, workedMs, backend: "staged" };
  }

  async complete(request: CompleteRequest) {
    this.#call("complete");
    await this.#script.complete?.(request, Context.current().info.attempt);
    return { etag: "etag", crc32: "0badcafe" };
  }

  async abort(request: AbortRequest) {
    this.#call("abort");
    await this.#script.abort?.(request);
  }

  async record(event: RecordedEvent): Promise<void> {
    await this.#script.record?.(event);
    if (!this.events.some(({ sequence }) => sequence === event.sequence)) {
      this.events.push(event);
      this.#changed.emit("change");
    }
  }

  #call(call: string): void {
    this.calls.push(call);
    this.#changed.emit("change");
  }
}

/** A Temporal server of its own with a control and a GPU worker, whose renders follow scripts. */
export class RenderStage {
  readonly env: TestWorkflowEnvironment;
  readonly #renders = new Map<string, StagedRender>();
  readonly #workers: RunningWorker[] = [];

  private constructor(env: TestWorkflowEnvironment) {
    this.env = env;
  }

  /** @param serverArgs more arguments for `temporal server start-dev` */
  static async open(serverArgs: string[] = []): Promise<RenderStage> {
    const stage = new RenderStage(await startTemporal(["--dynamic-config-value", PROMPTLY, ...serverArgs]));
    const gpu = { taskQueue: GPU_QUEUE, identity: "gpu-worker", activities: stagedParts(stage.#renders) };
    stage.#workers.push(await stage.#control(), await stage.#run(gpu));
    return stage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
    await this.env.teardown();
  }

  /** Stops the control worker and starts another in its place, which has seen nothing of what was before. */
  async restartControl(meanwhile: () => Promise<void>): Promise<void> {
    await this.#workers[0]?.stop();
    await meanwhile();
    this.#workers[0] = await this.#control();
  }

  async #control(): Promise<RunningWorker> {
    return await this.#run({
      taskQueue: CONTROL_QUEUE,
      identity: "worker",
      workflowBundle: await bundleRenderImage(),
      activities: stagedControl(this.#renders),
    });
  }

  async #run(options: WorkerOptions): Promise<RunningWorker> {
    const connection = this.env.nativeConnection;
    const worker = await Worker.create({ connection, maxHeartbeatThrottleInterval: "200 ms", ...options });
    const ended = worker.run();
    return {
      stop() {
        worker.shutdown();
        return ended;
      },
    };
  }

  /** Starts a render of so many parts of 10 bytes, the last of them 5 bytes. */
  async start(partCount: number, script: Script = {}, given: Partial<RenderImageInput> = {}) {
    const renderId = randomUUID();
    const input: RenderImageInput = {
      renderId,
      spec: {
        width: 1,
        height: 1,
        pattern: { solid: { color: "#000000" } },
        format: "PPM",
        rowOrder: "TOP_DOWN",
        pixelsPerMetre: 0,
      },
      byteSize: partCount * 10 - 5,
      partSize: 10,
      partCount,
      resumeWindowSeconds: 3600,
      ...given,
    };
    const render = new StagedRender(input, script);
    this.#renders.set(renderId, render);
    const handle = await this.env.client.workflow.start(RENDER_WORKFLOW_TYPE, {
      workflowId: renderWorkflowId(renderId),
      taskQueue: CONTROL_QUEUE,
      args: [input],
    });
    return { render, handle };
  }
}

/** For StagedRender.until: the latest event shows that status. */
export const is = (status: RenderState["status"]) => (render: StagedRender) => render.state?.status === status;

/** Sends an update and returns the status that it answers, or "InvalidState: STATUS" where it is refused. */
export async function update(handle: WorkflowHandle, name: RenderUpdate): Promise<string> {
  try {
    return await handle.executeUpdate<string, []>(name);
  } catch (error) {
    const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
    if (!(cause instanceof ApplicationFailure)) throw error;
    return `${cause.type}: ${cause.details?.[0]}`;
  }
}

/** Like a part on a slow line: goes on until it is cancelled. */
export async function untilCancelled(): Promise<void> {
  const beat = setInterval(() => Context.current().heartbeat(), 50);
  await Context.current().cancelled.finally(() => clearInterval(beat));
}

/** Runs the workflow again as its history says. @throws DeterminismViolationError where it goes another way */
export async function replay(handle: WorkflowHandle): Promise<void> {
  const workflowBundle = await bundleRenderImage();
  await Worker.runReplayHistory({ workflowBundle }, await handle.fetchHistory(), handle.workflowId);
}

/** The workflows' bundle, as the control worker makes it. */
export function bundleRenderImage() {
  const workflowsPath = fileURLToPath(import.meta.resolve("../../workflows/index.ts"));
  return bundleWorkflowCode({
    workflowsPath,
    workflowInterceptorModules: [workflowsPath],
    logger: new DefaultLogger("ERROR"),
  });
}

function stagedControl(renders: Map<string, StagedRender>): ControlActivities {
  return {
    initUpload: ({ key }) => find(renders, key).initUpload(key),
    presignParts: (request) => find(renders, request.key).presignParts(request),
    completeUpload: (request) => find(renders, request.key).complete(request),
    abortUpload: (request) => find(renders, request.key).abort(request),
    recordEvent: async (event) => find(renders, event.renderId).record(event),
  };
}

function stagedParts(renders: Map<string, StagedRender>): PartActivities {
  return { renderAndUploadPart: (task) => find(renders, task.renderId).part(task) };
}

function find(renders: Map<string, StagedRender>, idOrKey: string): StagedRender {
  const render = renders.get(idOrKey.replace(/^renders\/|\.\w+$/g, ""));
  if (render === undefined) throw ApplicationFailure.nonRetryable(`No render is staged for ${idOrKey}.`);
  return render;
}
