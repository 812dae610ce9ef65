import type { EntityManager } from "@mikro-orm/postgresql";
import { activityInfo } from "@temporalio/activity";
import { applyEvent } from "../database/apply-event.ts";
import type { RecordedEvent } from "../database/state.ts";

/** A render's row, its event with the run that records it, and the NOTIFY, all or nothing; a repeat changes nothing. */
export function recordEvent(em: EntityManager, { state, ...event }: RecordedEvent): Promise<void> {
  const { runId } = activityInfo().workflowExecution ?? {};
  return applyEvent(em, { ...event, state: { ...state, ...(runId === undefined ? {} : { runId }) } });
}
