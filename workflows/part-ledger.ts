import type { PartRange, PartState } from "../database/state.ts";
import type { PartResult } from "../gpu-worker/part.ts";
import { crc32Hex } from "../images/crc32.ts";
import { byteRangeOf, type PartPlan } from "../images/plan.ts";

/** A ledger in as few bytes as 10,000 parts allow: what a workflow run hands to the next one. */
export interface PackedLedger {
  ranges: PartRange[];
  /** ETags of the DONE parts, in order, separated by one space. */
  etags: string;
  /** CRC-32s of the DONE parts, in order, 8 hex digits each, without separator. */
  crc32s: string;
  /** The parts that needed more than one attempt. */
  retried: number[];
  backends: string[];
}

/**
 * Which parts of a render are waiting, active, done or failed, kept run-length encoded, so that each change and each
 * snapshot costs as much as there are runs (about as many as parts in flight), however many parts there are.
 * Part numbers are 1-based.
 */
export class PartLedger {
  readonly #plan: PartPlan;
  readonly #etags: string[] = [];
  readonly #crc32s: number[] = [];
  readonly #backends: Set<string>;
  readonly #retried: Set<number>;
  readonly #counts: Record<PartState, number> = { WAITING: 0, ACTIVE: 0, DONE: 0, FAILED: 0 };
  /** Parts whose attempts came to nothing with the upload; they count as retried once they are taken up again. */
  #lost: number[] = [];
  #ranges: PartRange[];
  #bytesDone = 0;

  constructor(plan: PartPlan, packed?: PackedLedger) {
    this.#plan = plan;
    this.#ranges = packed?.ranges.map((range) => ({ ...range })) ?? [{ from: 1, to: plan.partCount, state: "WAITING" }];
    this.#retried = new Set(packed?.retried);
    this.#backends = new Set(packed?.backends);
    for (const { from, to, state } of this.#ranges) this.#counts[state] += to - from + 1;
    if (packed !== undefined) this.#unpackDone(packed);
  }

  count(state: PartState): number {
    return this.#counts[state];
  }

  get bytesDone(): number {
    return this.#bytesDone;
  }

  get retriedParts(): number {
    return this.#retried.size;
  }

  get backends(): string[] {
    return [...this.#backends];
  }

  /** A copy: neighbours differ in state, and together they are all parts. */
  get ranges(): PartRange[] {
    return this.#ranges.map((range) => ({ ...range }));
  }

  /** The first run of waiting parts. */
  firstWaiting(): { from: number; to: number } | undefined {
    return this.#ranges.find(({ state }) => state === "WAITING");
  }

  start(part: number): void {
    this.#set(part, "ACTIVE");
  }

  /** `retried`: the part needed more than one attempt. */
  finish(part: number, { etag, crc32, backend }: PartResult, retried: boolean): void {
    this.#set(part, "DONE");
    this.#etags[part] = etag;
    this.#crc32s[part] = crc32;
    this.#bytesDone += this.#bytesOf(part);
    this.#backends.add(backend);
    if (retried) this.#retried.add(part);
  }

  fail(part: number): void {
    this.#set(part, "FAILED");
  }

  /** An active part that was put back, neither done nor failed. */
  release(part: number): void {
    this.#set(part, "WAITING");
  }

  /** The failed parts wait again, as lost ones do. */
  retryFailed(): void {
    for (const part of this.#lost) this.#retried.add(part);
    this.#lost = [];
    for (const part of [...this.#parts("FAILED")]) {
      this.#retried.add(part);
      this.#set(part, "WAITING");
    }
  }

  /** S3 has lost the parts: all wait again. What happened so far (retries, backends) stays true. */
  loseParts(): void {
    const { partCount } = this.#plan;
    this.#lost = [...this.#parts("DONE"), ...this.#parts("FAILED")];
    this.#ranges = [{ from: 1, to: partCount, state: "WAITING" }];
    Object.assign(this.#counts, { WAITING: partCount, ACTIVE: 0, DONE: 0, FAILED: 0 });
    this.#bytesDone = 0;
  }

  pack(): PackedLedger {
    const done = [...this.#parts("DONE")];
    return {
      ranges: this.ranges,
      etags: done.map((part) => this.#etags[part]).join(" "),
      crc32s: done.map((part) => crc32Hex(this.#crc32s[part] ?? 0)).join(""),
      retried: [...this.#retried],
      backends: this.backends,
    };
  }

  *#parts(wanted: PartState): Generator<number> {
    for (const { from, to, state } of this.#ranges) {
      for (let part = from; state === wanted && part <= to; part++) yield part;
    }
  }

  #unpackDone({ etags, crc32s }: PackedLedger): void {
    const list = etags.split(" ");
    let index = 0;
    for (const part of this.#parts("DONE")) {
      this.#etags[part] = list[index] ?? "";
      this.#crc32s[part] = Number.parseInt(crc32s.slice(index * 8, index * 8 + 8), 16);
      this.#bytesDone += this.#bytesOf(part);
      index += 1;
    }
  }

  #bytesOf(part: number): number {
    const { start, end } = byteRangeOf(this.#plan, part);
    return end - start;
  }

  #set(part: number, state: PartState): void {
    const index = this.#ranges.findIndex(({ to }) => part <= to);
    const range = this.#ranges[index];
    if (range === undefined) throw new RangeError(`There is no part ${part} in a plan of ${this.#plan.partCount}.`);
    this.#counts[range.state] -= 1;
    this.#counts[state] += 1;
    const before = { from: range.from, to: part - 1, state: range.state };
    const after = { from: part + 1, to: range.to, state: range.state };
    const neighbours = [
      this.#ranges[index - 1],
      before,
      { from: part, to: part, state },
      after,
      this.#ranges[index + 1],
    ];
    const start = Math.max(index - 1, 0);
    this.#ranges.splice(start, index + 2 - start, ...merged(neighbours));
  }
}

function merged(neighbours: readonly (PartRange | undefined)[]): PartRange[] {
  const ranges: PartRange[] = [];
  for (const range of neighbours) {
    if (range === undefined || range.to < range.from) continue;
    const last = ranges.at(-1);
    if (last?.state === range.state) last.to = range.to;
    else ranges.push({ ...range });
  }
  return ranges;
}
