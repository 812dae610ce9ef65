import { CancellationScope, condition } from "@temporalio/workflow";
import type { RecordedEvent, RenderState } from "../database/state.ts";

type Event = Omit<RecordedEvent, "renderId">;

type RecordEvent = (event: Event) => Promise<void>;

interface Waiting {
  at: string;
  state: RenderState;
  recorded(): void;
}

/** Progress is recorded at most so often: what comes sooner after the last record gathers. */
const GATHER_MS = 1_000;

/** Gathered progress goes out with the next change after GATHER_MS; where none comes, after so long. */
const LATEST_MS = 1_500;

/**
 * The one place from which a render's events go out, numbered and in order. Progress gathers while an event is being
 * recorded and for a moment after the last of its kind; the next event carries it all. So the number of events follows
 * the time, not the number of parts. A change of status always gets an event of its own, at once, with the state as it
 * was at that moment.
 */
export class EventRecorder {
  readonly #record: RecordEvent;
  readonly #state: () => RenderState;
  readonly #statuses: Waiting[] = [];
  #sequence: number;
  #progressed = false;
  #isGathered = false;
  #recording = false;
  #progressRecordedAt = 0;
  #hurried = 0;

  /** @param sequence that of the last event already recorded */
  constructor(sequence: number, state: () => RenderState, record: RecordEvent) {
    this.#sequence = sequence;
    this.#state = state;
    this.#record = record;
    CancellationScope.nonCancellable(() => this.#run());
  }

  /** The last event's. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Resolves when the status that the render has now is recorded. */
  recordStatus(): Promise<void> {
    this.#progressed = false;
    const [at, state] = [now(), this.#state()];
    return new Promise((recorded) => {
      this.#statuses.push({ at, state, recorded });
    });
  }

  /**
   * Something other than the status has changed. The clock is read here, never in a condition: a refused update has
   * conditions evaluated again but leaves no history, so a replay would not read the clock there.
   */
  noteProgress(): void {
    this.#progressed = true;
    this.#isGathered ||= Date.now() - this.#progressRecordedAt >= GATHER_MS;
  }

  /** Resolves when everything that has changed is recorded, which is done without delay. */
  async flush(): Promise<void> {
    this.#hurried += 1;
    try {
      await condition(() => !this.#hasNews() && !this.#recording);
    } finally {
      this.#hurried -= 1;
    }
  }

  #hasNews(): boolean {
    return this.#progressed || this.#statuses.length > 0;
  }

  #isDue(): boolean {
    return this.#statuses.length > 0 || this.#hurried > 0 || this.#isGathered;
  }

  async #run(): Promise<never> {
    for (;;) {
      await condition(() => this.#hasNews());
      if (!this.#isDue()) await condition(() => this.#isDue(), LATEST_MS, { summary: "Gather progress" });
      this.#recording = true;
      const status = this.#statuses.shift();
      if (status !== undefined) await this.#recordWaiting(status);
      else if (this.#progressed) await this.#recordProgress();
      this.#recording = false;
    }
  }

  async #recordWaiting({ at, state, recorded }: Waiting): Promise<void> {
    await this.#recordNext({ at, kind: "STATUS", state });
    recorded();
  }

  async #recordProgress(): Promise<void> {
    this.#progressed = false;
    await this.#recordNext({ at: now(), kind: "PROGRESS", state: this.#state() });
    this.#progressRecordedAt = Date.now();
    this.#isGathered = false;
  }

  async #recordNext(event: Omit<Event, "sequence">): Promise<void> {
    const sequence = this.#sequence + 1;
    await this.#record({ sequence, ...event });
    this.#sequence = sequence;
  }
}

const now = () => new Date().toISOString();
