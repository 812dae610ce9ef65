import { isDeepStrictEqual } from "node:util";
import type { EntityManager } from "@mikro-orm/postgresql";
import { RenderEvent } from "./render-event.ts";
import type { RecordedEvent } from "./state.ts";

/** The channel of NOTIFY; each payload is an EventHint. */
export const EVENT_CHANNEL = "render_event";

/**
 * "There is something to read": hints may repeat or get lost with a connection, the event table never lies. `sequence` is
 * for people who LISTEN themselves; whoever reads the table knows what it has.
 */
export interface EventHint {
  renderId: string;
  sequence: number;
  userId: string;
}

/**
 * Writes an event, the render's row and a NOTIFY, all or nothing, in one round trip.
 * Idempotent by (render, sequence): a repeat changes nothing, an older event never overwrites a newer state,
 * and an event of a render that has been deleted is dropped.
 *
 * Where a workflow task is lost after its event was written, Temporal runs it again, and it may then tell something newer
 * under the same number. Such an event, different and later than all others, gets the next number, as PROGRESS where the
 * status has not changed.
 * @returns the number that the event has
 */
export async function applyEvent(em: EntityManager, event: RecordedEvent): Promise<number> {
  if (await insertEvent(em, event)) return event.sequence;
  const { renderId: render, sequence } = event;
  const kept = await em.findOne(RenderEvent, { render, sequence });
  const latest = await em.findOne(RenderEvent, { render }, { orderBy: { sequence: "desc" } });
  if (kept === null || latest === null || isRepeat(event, kept)) return sequence;
  if (isRepeat(event, latest)) return latest.sequence;
  if (new Date(event.at) <= latest.at) return sequence;
  const kind = event.state.status === latest.state.status ? "PROGRESS" : event.kind;
  return applyEvent(em, { ...event, kind, sequence: latest.sequence + 1 });
}

/**
 * Whether the event is the stored one, told again. Of an end, the status alone decides: told again, it has another time,
 * and more parts may be done.
 */
function isRepeat({ state: { runId: _run, ...state } }: RecordedEvent, kept: RenderEvent): boolean {
  const { runId: _keptRun, ...known } = kept.state;
  return state.status === known.status && (state.finishedAt !== undefined || isDeepStrictEqual(state, known));
}

/** Resolves false where the number is taken, or the render is gone. */
async function insertEvent(em: EntityManager, event: RecordedEvent): Promise<boolean> {
  const state = JSON.stringify(event.state);
  const notified = await em.execute(
    `with next as (
       insert into viewer (id, position)
       select user_id, 1 from render
       where id = ? and not exists (select from render_event where render_id = ? and sequence = ?)
       on conflict (id) do update set position = viewer.position + 1
       returning id, position
     ), event as (
       insert into render_event (render_id, sequence, user_id, position, at, kind, state)
       select ?, ?, id, position, ?, ?, ? from next
       on conflict (render_id, sequence) do nothing
       returning user_id
     ), row as (
       update render set sequence = ?, state = ? where id = ? and sequence < ?
     )
     select pg_notify('${EVENT_CHANNEL}', json_build_object('renderId', ?::text, 'sequence', ?::int, 'userId', user_id)::text)
     from event`,
    [
      ...[event.renderId, event.renderId, event.sequence],
      ...[event.renderId, event.sequence, event.at, event.kind, state],
      ...[event.sequence, state, event.renderId, event.sequence],
      ...[event.renderId, event.sequence],
    ],
  );
  return notified.length > 0;
}
