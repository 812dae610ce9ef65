import {
  ApplicationFailure,
  allHandlersFinished,
  CancellationScope,
  CancelledFailure,
  condition,
  continueAsNew,
  defineUpdate,
  setCurrentDetails,
  setHandler,
  workflowInfo,
} from "@temporalio/workflow";
import type { Upload } from "../activities/types.ts";
import type { RenderFailure, RenderState, RenderStatus } from "../database/state.ts";
import { formatOf } from "../images/formats/index.ts";
import { objectKey } from "../images/object-key.ts";
import { renderDetails, updateDescriptions } from "./details.ts";
import { EventRecorder } from "./event-recorder.ts";
import { failureOf, isLoss } from "./failures.ts";
import { INVALID_STATE, type RenderImageInput, type RenderUpdate } from "./messages.ts";
import { type PackedLedger, PartLedger } from "./part-ledger.ts";
import { PartPump, PartsFailed } from "./part-pump.ts";
import { PartWindow } from "./part-window.ts";
import { abortUpload, completeUpload, initUpload, recordEvent } from "./policies.ts";

/** What one run of the workflow hands to the next when its history has grown long. */
interface CarriedRender {
  upload?: Upload;
  ledger: PackedLedger;
  /** The PartWindow's size. */
  window: number;
  status: RenderStatus;
  startedAt: string;
  /** The last event's. */
  sequence: number;
  /** A Complete may have left an object, if not the right one. */
  completeTried: boolean;
  /** Of the first part that failed for good in this run and is not retried yet. */
  failure?: RenderFailure;
}

/**
 * One render, from an empty upload to a checked object: opens the upload, has its parts rendered, completes it, and
 * records every change on the way. Whatever happens, it ends with the object, or with nothing left in S3.
 * Returns the status it ended with; a failed render's workflow fails.
 */
export async function renderImage(input: RenderImageInput, carried?: CarriedRender): Promise<RenderStatus> {
  const render = new RenderRun(input, carried);
  return await CancellationScope.nonCancellable(async () => {
    if (carried === undefined) render.begin();
    render.listen(); // Runs the updates that came with the start at once, so the render has begun by then.
    for (;;) {
      await render.work(async () => {
        await render.goOnAsNewIfLong();
        await render.openUpload();
        await render.renderParts();
        await render.complete();
      });
      if (render.status === "FAILED") await render.waitForRetry();
      if (render.isUnderWay) continue; // Somebody wants it retried, perhaps since before FAILED was recorded.
      if (render.status !== "COMPLETED") await render.leaveNothing();
      return await render.end();
    }
  });
}

class RenderRun {
  readonly #input: RenderImageInput;
  readonly #key: string;
  readonly #ledger: PartLedger;
  readonly #window: PartWindow;
  readonly #pump: PartPump;
  readonly #events: EventRecorder;
  readonly #operator = CancellationScope.current();
  #work = new CancellationScope();
  #upload: Upload | undefined;
  #status: RenderStatus;
  #startedAt: string;
  #finishedAt: string | undefined;
  #failure: RenderFailure | undefined;
  #resumableUntil: string | undefined;
  #object: { etag: string; crc32: string } | undefined;
  #completeTried: boolean;
  #canceling: Promise<void> | undefined;
  #discarded = false;

  constructor(input: RenderImageInput, carried: CarriedRender | undefined) {
    this.#input = input;
    this.#key = objectKey(input.renderId, input.spec.format);
    this.#ledger = new PartLedger(input, carried?.ledger);
    this.#window = new PartWindow(carried?.window);
    this.#upload = carried?.upload;
    this.#status = carried?.status ?? "RUNNING";
    this.#startedAt = carried?.startedAt ?? new Date().toISOString();
    this.#completeTried = carried?.completeTried ?? false;
    this.#events = new EventRecorder(
      carried?.sequence ?? 1,
      () => this.#state(),
      (event) => {
        setCurrentDetails(renderDetails(event.state, input.byteSize));
        const summary = `Record ${event.kind === "STATUS" ? event.state.status : "progress"}`;
        return recordEvent.executeWithOptions({ summary }, [{ renderId: input.renderId, ...event }]);
      },
    );
    const render = {
      isRunning: () => this.#status === "RUNNING",
      upload: () => this.#opened(),
      noteProgress: () => this.#events.noteProgress(),
      goOnAsNew: () => this.#goOnAsNew(),
    };
    this.#pump = new PartPump(input, this.#ledger, this.#window, render, carried?.failure);
  }

  get status(): RenderStatus {
    return this.#status;
  }

  get isUnderWay(): boolean {
    return this.#status === "RUNNING" || this.#status === "PAUSED";
  }

  /** Pause, resume, cancel, retry and discard, each only where it is possible. */
  listen(): void {
    this.#on("pauseRender", ["RUNNING"], () => this.#enter("PAUSED"));
    this.#on("resumeRender", ["PAUSED"], () => this.#enter("RUNNING"));
    this.#on("cancelRender", ["RUNNING", "PAUSED", "CANCELING"], () => this.#cancel());
    this.#on("retryRender", ["FAILED"], () => this.#retry());
    this.#on("discardParts", ["FAILED"], () => this.#discard());
    this.#operator.cancelRequested.catch(() => this.#operatorCancels());
  }

  begin(): void {
    void this.#enter("RUNNING");
  }

  /** Runs the steps of a render until they are done, a failure stops them or somebody cancels. */
  async work(steps: () => Promise<void>): Promise<void> {
    if (this.#canceling !== undefined) return;
    this.#work = new CancellationScope();
    try {
      await this.#work.run(steps);
    } catch (error) {
      if (this.#status !== "CANCELING") await this.#fail(error);
    }
  }

  async openUpload(): Promise<void> {
    if (this.#upload !== undefined) return;
    const { contentType } = formatOf(this.#input.spec);
    this.#upload = await initUpload({ key: this.#key, contentType });
  }

  renderParts(): Promise<void> {
    return this.#pump.run();
  }

  /** Makes the parts one object. A pause that came meanwhile is waited for; one that comes now is too late. */
  async complete(): Promise<void> {
    await condition(() => this.#status === "RUNNING");
    const { etags, crc32s } = this.#ledger.pack();
    const { byteSize, partSize } = this.#input;
    this.#completeTried = true;
    const object = await completeUpload({ ...this.#opened(), byteSize, partSize, etags, crc32s });
    if (this.#canceling !== undefined) return;
    this.#object = object;
    this.#finishedAt = new Date().toISOString();
    await this.#enter("COMPLETED");
  }

  /** A failed render keeps its parts for a while: until somebody has the missing ones rendered, or gives them all up. */
  async waitForRetry(): Promise<void> {
    const window = `${this.#input.resumeWindowSeconds} seconds` as const;
    await condition(() => this.#resumableUntil === undefined, window, { summary: "Keep the parts for retryRender" });
  }

  /** Removes what S3 has of the render, however long that takes, and says so. */
  async leaveNothing(): Promise<void> {
    const { uploadId } = this.#upload ?? {};
    this.#resumableUntil = undefined;
    await abortUpload({
      key: this.#key,
      discardObject: this.#completeTried,
      ...(uploadId === undefined ? {} : { uploadId }),
    });
    this.#ledger.loseParts();
    if (this.#status === "CANCELING") this.#finishedAt = new Date().toISOString();
    await this.#enter(this.#status === "CANCELING" ? "CANCELED" : this.#status);
    this.#discarded = true;
  }

  /** Answers whoever is still waiting, and closes the workflow in the way that the Temporal UI shows the end. */
  async end(): Promise<RenderStatus> {
    await this.#events.flush();
    await condition(allHandlersFinished);
    const { code, message } = this.#failure ?? {};
    if (this.#status === "FAILED") throw ApplicationFailure.nonRetryable(message, code);
    if (this.#status === "CANCELED" && this.#operator.consideredCancelled)
      throw new CancelledFailure("Render canceled");
    return this.#status;
  }

  #on(update: RenderUpdate, possible: RenderStatus[], action: () => Promise<void>): void {
    const validator = () => {
      const isEnding = this.#status === "FAILED" && this.#resumableUntil === undefined;
      if (possible.includes(this.#status) && !isEnding) return;
      const present = isEnding ? "FAILED, and its parts are being removed" : this.#status;
      const message = `${update} is possible while a render is ${possible.join(" or ")}; this one is ${present}.`;
      throw ApplicationFailure.nonRetryable(message, INVALID_STATE, this.#status);
    };
    const handler = async (): Promise<RenderStatus> => {
      const recorded = action();
      const reached = this.#status;
      this.#pump.noteLength();
      await recorded;
      return reached;
    };
    setHandler(defineUpdate<RenderStatus>(update), handler, { validator, description: updateDescriptions[update] });
  }

  #enter(status: RenderStatus): Promise<void> {
    this.#status = status;
    return this.#events.recordStatus();
  }

  #cancel(): Promise<void> {
    this.#canceling ??= this.#enter("CANCELING");
    this.#work.cancel();
    return this.#canceling;
  }

  #retry(): Promise<void> {
    this.#failure = undefined;
    this.#resumableUntil = undefined;
    this.#finishedAt = undefined;
    this.#pump.retryFailed();
    return this.#enter("RUNNING");
  }

  async #discard(): Promise<void> {
    this.#resumableUntil = undefined;
    await CancellationScope.nonCancellable(() => condition(() => this.#discarded));
  }

  #operatorCancels(): void {
    if (this.#status === "FAILED") this.#resumableUntil = undefined;
    else if (this.#status !== "COMPLETED" && this.#status !== "CANCELED") void this.#cancel();
  }

  async #fail(error: unknown): Promise<void> {
    const ofParts = error instanceof PartsFailed || isLoss(this.#pump.failure);
    this.#failure = ofParts ? this.#pump.failure : failureOf(error);
    if (isLoss(this.#failure)) this.#losePartsAndUpload();
    const now = Date.now();
    this.#finishedAt = new Date(now).toISOString();
    this.#resumableUntil = new Date(now + this.#input.resumeWindowSeconds * 1000).toISOString();
    await this.#enter("FAILED");
  }

  #losePartsAndUpload(): void {
    this.#ledger.loseParts();
    this.#upload = undefined;
  }

  #opened(): Upload {
    if (this.#upload === undefined) throw new Error("The upload has not been opened.");
    return this.#upload;
  }

  /** A render may be retried without end, but one run of a workflow takes only so many updates and events. */
  async goOnAsNewIfLong(): Promise<void> {
    if (workflowInfo().continueAsNewSuggested) await this.#goOnAsNew();
  }

  /**
   * Ends this run; the next one goes on from what is carried. A cancel that comes meanwhile cancels this, as all of the
   * work.
   */
  async #goOnAsNew(): Promise<void> {
    await this.#events.flush();
    await condition(allHandlersFinished);
    await continueAsNew<typeof renderImage>(this.#input, {
      ...(this.#upload === undefined ? {} : { upload: this.#upload }),
      ledger: this.#ledger.pack(),
      window: this.#window.size,
      status: this.#status,
      startedAt: this.#startedAt,
      sequence: this.#events.sequence,
      completeTried: this.#completeTried,
      ...(this.#pump.failure === undefined ? {} : { failure: this.#pump.failure }),
    });
  }

  #state(): RenderState {
    const isFailed = this.#status === "FAILED";
    return {
      status: this.#status,
      partsDone: this.#ledger.count("DONE"),
      bytesUploaded: this.#ledger.bytesDone,
      retriedParts: this.#ledger.retriedParts,
      parts: this.#ledger.ranges,
      backends: this.#ledger.backends,
      startedAt: this.#startedAt,
      ...(isFailed && this.#failure !== undefined ? { failure: this.#failure } : {}),
      ...(this.#resumableUntil === undefined ? {} : { resumableUntil: this.#resumableUntil }),
      ...(this.#object ?? {}),
      ...(this.#finishedAt === undefined ? {} : { finishedAt: this.#finishedAt }),
    };
  }
}
