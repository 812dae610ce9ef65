import type { EntityManager } from "@mikro-orm/postgresql";
import { applyEvent } from "../database/apply-event.ts";
import type { RecordedEvent } from "./types.ts";

/** A render's row, its event and the NOTIFY, all or nothing; a repeat changes nothing. */
export function recordEvent(em: EntityManager, event: RecordedEvent): Promise<void> {
  return applyEvent(em, event);
}
