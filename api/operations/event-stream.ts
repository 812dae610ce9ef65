import { setTimeout as pause } from "node:timers/promises";
import type { RenderEvent } from "../../database/render-event.ts";
import type { RenderEventKind } from "../../database/state.ts";
import { atMostEvery } from "../../service/log.ts";
import type { Context } from "../context.ts";
import type { Watch } from "../event-feed.ts";
import { type RenderView, viewOf } from "./view.ts";

/** Events read at once: a subscriber holds no more than these, however slow it is. */
export const PAGE_SIZE = 50;

/** An event with the render as it was then. */
export interface RenderEventView {
  sequence: number;
  /** RFC 3339. */
  at: string;
  kind: RenderEventKind;
  render: RenderView;
}

export function eventView({ sequence, at, kind, state }: RenderEvent, row: RenderView["row"]): RenderEventView {
  return { sequence, at: at.toISOString(), kind, render: viewOf(row, state) };
}

const PAUSE_MS = 1_000;

const seldom = atMostEvery(10_000);

/**
 * Reads a page however long PostgreSQL is away: a failing stream would close the whole socket for good.
 * @returns no events where the watch ends first
 */
export async function readPage<E>(
  read: () => Promise<E[]>,
  watch: Watch,
  { reads, viewerId, log }: Pick<Context, "reads" | "viewerId" | "log">,
): Promise<E[]> {
  while (!watch.closed) {
    try {
      return await reads.run(viewerId, read);
    } catch (err) {
      seldom(() => log.warn({ err }, "event streams cannot read; trying again"));
      await pause(PAUSE_MS);
    }
  }
  return [];
}

/**
 * Ends the watch with the stream. A generator's own `return()` waits for its pending `next()`, and that one
 * for the watch, so the watch is closed first.
 */
export function closing<T>(generator: AsyncGenerator<T, void>, watch: Watch): AsyncIterableIterator<T, void> {
  return {
    next: () => generator.next(),
    return: () => {
      watch.close();
      return generator.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
