import { CancellationScope, condition } from "@temporalio/workflow";
import type { RecordedEvent, RenderEventKind, RenderState } from "../database/state.ts";

type Event = Omit<RecordedEvent, "renderId">;

interface Waiting {
  at: string;
  state: RenderState;
  recorded(): void;
}

/**
 * The one place from which a render's events go out, numbered and in order. While one is being recorded, changes
 * gather; the next event carries them all. So the number of events follows the time that recording takes, not the
 * number of parts. A change of status always gets an event of its own, with the state as it was at that moment.
 */
export class EventRecorder {
  readonly #record: (event: Event) => Promise<void>;
  readonly #state: () => RenderState;
  readonly #statuses: Waiting[] = [];
  #sequence: number;
  #progressed = false;
  #recording = false;

  /** `sequence` is that of the last event already recorded. */
  constructor(sequence: number, state: () => RenderState, record: (event: Event) => Promise<void>) {
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
  status(): Promise<void> {
    this.#progressed = false;
    const [at, state] = [now(), this.#state()];
    return new Promise((recorded) => {
      this.#statuses.push({ at, state, recorded });
    });
  }

  /** Something other than the status has changed. */
  progress(): void {
    this.#progressed = true;
  }

  /** Resolves when everything that has changed is recorded. */
  async idle(): Promise<void> {
    await condition(() => !this.#hasNews() && !this.#recording);
  }

  #hasNews(): boolean {
    return this.#progressed || this.#statuses.length > 0;
  }

  async #run(): Promise<never> {
    for (;;) {
      await condition(() => this.#hasNews());
      this.#recording = true;
      const status = this.#statuses.shift();
      if (status === undefined) await this.#recordProgress();
      else await this.#recordStatus(status);
      this.#recording = false;
    }
  }

  async #recordStatus({ at, state, recorded }: Waiting): Promise<void> {
    await this.#recordNext("STATUS", at, state);
    recorded();
  }

  async #recordProgress(): Promise<void> {
    this.#progressed = false;
    await this.#recordNext("PROGRESS", now(), this.#state());
  }

  async #recordNext(kind: RenderEventKind, at: string, state: RenderState): Promise<void> {
    this.#sequence += 1;
    await this.#record({ sequence: this.#sequence, at, kind, state });
  }
}

const now = () => new Date().toISOString();
