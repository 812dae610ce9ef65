import type { EntityManager } from "@mikro-orm/postgresql";
import { activeStatuses, type RecordedEvent } from "./state.ts";

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
 * and an event of a render that has been deleted is dropped. A render that goes on is not to be deleted any more.
 */
export async function applyEvent(em: EntityManager, event: RecordedEvent): Promise<void> {
  const state = JSON.stringify(event.state);
  await em.execute(
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
       update render set sequence = ?, state = ?, deletion_asked_at = case when ? then null else deletion_asked_at end
       where id = ? and sequence < ?
     )
     select pg_notify('${EVENT_CHANNEL}', json_build_object('renderId', ?::text, 'sequence', ?::int, 'userId', user_id)::text)
     from event`,
    [
      ...[event.renderId, event.renderId, event.sequence],
      ...[event.renderId, event.sequence, event.at, event.kind, state],
      ...[event.sequence, state, activeStatuses.includes(event.state.status), event.renderId, event.sequence],
      ...[event.renderId, event.sequence],
    ],
  );
}
