import { CancellationScope, condition, isCancellation, workflowInfo } from "@temporalio/workflow";
import type { Upload } from "../activities/types.ts";
import type { RenderFailure } from "../database/state.ts";
import type { PartResult } from "../gpu-worker/part.ts";
import { byteRangeOf } from "../images/plan.ts";
import { failureOf, failureType, isLoss } from "./failures.ts";
import type { RenderImageInput } from "./messages.ts";
import type { PartLedger } from "./part-ledger.ts";
import { isExpired, type PartUrl, PartUrls } from "./part-urls.ts";
import type { PartWindow } from "./part-window.ts";
import { presignParts, renderAndUploadPart } from "./policies.ts";

/** One part that fails for good is that part's trouble, and the others go on; so many are everybody's. */
const FAILED_PARTS_LIMIT = 3;

/** What the pump needs of the render whose parts it handles. */
interface PumpedRender {
  /** Where it is not, no part is started. */
  isRunning(): boolean;
  upload(): Upload;
  /** A part has been started, or has come back. */
  noteProgress(): void;
  /** Ends this run of the workflow. */
  goOnAsNew(): Promise<void>;
}

/** Keeps a window of a render's parts on the GPU queue; a part that fails leaves the others to finish. */
export class PartPump {
  readonly #input: RenderImageInput;
  readonly #ledger: PartLedger;
  readonly #window: PartWindow;
  readonly #render: PumpedRender;
  readonly #urls = new PartUrls((from, to) => this.#presign(from, to));
  #failure: RenderFailure | undefined;
  #inFlight = 0;
  #isHistoryLong = false;

  /** @param failure that of the parts that failed in an earlier run */
  constructor(
    input: RenderImageInput,
    ledger: PartLedger,
    window: PartWindow,
    render: PumpedRender,
    failure: RenderFailure | undefined,
  ) {
    this.#input = input;
    this.#ledger = ledger;
    this.#window = window;
    this.#render = render;
    this.#failure = failure;
  }

  /** The first part's that failed for good, or one that says that S3 has lost the parts. */
  get failure(): RenderFailure | undefined {
    return this.#failure;
  }

  /**
   * Resolves when all parts are done. Where this run's history has grown long meanwhile, the next run does the rest.
   * @throws PartsFailed when nothing is in flight any more
   */
  async run(): Promise<void> {
    try {
      for (;;) {
        await condition(() => this.#mayStartPart() || this.#hasDrained());
        if (this.#hasDrained()) break;
        const waiting = this.#ledger.firstWaiting();
        if (waiting === undefined || !this.#mayStartPart()) continue; // Resumed and paused at the same moment.
        const url = await this.#urls.take(waiting);
        if (this.#mayStartPart()) this.#startPart(waiting.from, url);
      }
    } finally {
      await CancellationScope.nonCancellable(() => condition(() => this.#inFlight === 0));
    }
    if (this.#isHistoryLong && this.#ledger.count("WAITING") > 0 && !this.#isHopeless()) await this.#render.goOnAsNew();
    if (this.#failure !== undefined) throw new PartsFailed();
  }

  /** The failed parts are to be rendered again. */
  retryFailed(): void {
    this.#failure = undefined;
    this.#ledger.retryFailed();
  }

  /**
   * Something has made this run's history longer: a part that is done, or an update, of which a run takes only so many.
   * Looked at here and in no condition: see EventRecorder.noteProgress.
   */
  noteLength(): void {
    this.#isHistoryLong ||= workflowInfo().continueAsNewSuggested;
  }

  #mayStartPart(): boolean {
    return this.#hasPartsToStart() && this.#render.isRunning() && this.#inFlight < this.#window.size;
  }

  /** Nothing is in flight, and nothing more is to start in this run. */
  #hasDrained(): boolean {
    return this.#inFlight === 0 && !this.#hasPartsToStart();
  }

  #hasPartsToStart(): boolean {
    return this.#ledger.count("WAITING") > 0 && !this.#isHistoryLong && !this.#isHopeless();
  }

  #isHopeless(): boolean {
    return isLoss(this.#failure) || this.#ledger.count("FAILED") >= FAILED_PARTS_LIMIT;
  }

  #startPart(part: number, url: PartUrl): void {
    this.#inFlight += 1;
    const [inFlight, putAt] = [this.#inFlight, Date.now()];
    this.#ledger.start(part);
    this.#render.noteProgress();
    this.#renderPart(part, url)
      .then((done) => {
        if (done === undefined) return this.#ledger.release(part);
        const { result, retried } = done;
        this.#ledger.finish(part, result, retried);
        if (!retried) this.#window.returned(inFlight, Date.now() - putAt - result.workedMs);
      })
      .catch((error: unknown) => this.#partFailed(part, error))
      .finally(() => {
        this.#inFlight -= 1;
        this.noteLength();
        this.#render.noteProgress();
      });
  }

  #partFailed(part: number, error: unknown): void {
    if (isCancellation(error)) {
      this.#ledger.release(part);
    } else {
      this.#ledger.fail(part);
      const failure = failureOf(error, part);
      if (this.#failure === undefined || isLoss(failure)) this.#failure = failure;
    }
  }

  /**
   * S3 answers 403 to a URL whose life is over, as happens to a part that waited long for a GPU worker: it always gets
   * another, which lives longer. A 403 to a URL that is still good is S3's refusal; then one more URL is tried.
   * Resolves with nothing where another URL is the next run's business, because this one's history has grown long.
   */
  async #renderPart(part: number, url: PartUrl): Promise<{ result: PartResult; retried: boolean } | undefined> {
    let [refusals, expired] = [0, 0];
    for (let attempt = 1, current = url; ; attempt++) {
      try {
        const result = await this.#renderPartAt(part, current.url);
        return { result, retried: attempt > 1 || result.attempt > 1 };
      } catch (error) {
        if (failureType(error) !== "UrlExpired") throw error;
        if (isExpired(current, Date.now())) expired += 1;
        else refusals += 1;
        if (refusals > 1) throw error;
        if (workflowInfo().continueAsNewSuggested) return undefined;
      }
      const [another] = await this.#presign(part, part, expired);
      if (another === undefined) throw new RangeError(`No other URL was presigned for part ${part}.`);
      current = another;
    }
  }

  #renderPartAt(partNumber: number, url: string): Promise<PartResult> {
    const { renderId, spec, partCount } = this.#input;
    const { start, end } = byteRangeOf(this.#input, partNumber);
    const options = {
      activityId: `part-${String(partNumber).padStart(5, "0")}`,
      summary: `Part ${partNumber} of ${partCount}: bytes ${start} to ${end - 1}`,
    };
    return renderAndUploadPart.executeWithOptions(options, [{ renderId, spec, partNumber, start, end, url }]);
  }

  async #presign(from: number, to: number, expired = 0): Promise<PartUrl[]> {
    const { partSize, byteSize } = this.#input;
    const options = { summary: from === to ? `A URL for part ${from}` : `URLs for parts ${from} to ${to}` };
    const request = { ...this.#render.upload(), from, to, partSize, byteSize, ...(expired > 0 ? { expired } : {}) };
    const { urls, lifeMs, gpuSlots } = await presignParts.executeWithOptions(options, [request]);
    this.#window.saw(gpuSlots);
    const expiresAt = Date.now() + lifeMs;
    return urls.map((url) => ({ url, expiresAt }));
  }
}

/** Parts failed for good; the pump's `failure` says how. */
export class PartsFailed extends Error {}
