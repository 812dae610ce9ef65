import type { EntityManager } from "@mikro-orm/postgresql";
import { log } from "@temporalio/activity";
import type { WorkflowClient } from "@temporalio/client";
import type { Storage } from "../storage/storage.ts";

/** What the janitor's sweeps look at and mend. */
export interface JanitorTools {
  /** To be forked for each use. */
  em: EntityManager;
  client: WorkflowClient;
  storage: Storage;
  /** For the workflows that are started late. */
  resumeWindowSeconds: number;
  /** Aborts once nobody waits for the sweep any more; then it ends after the item at hand. */
  signal: AbortSignal;
}

/**
 * Mends one after the other; one that cannot be mended does not stop the rest.
 * @param nameOf what the log calls an item
 * @throws the first failure, once all have been looked at, or the signal's reason
 */
export async function sweep<T>(
  { signal }: JanitorTools,
  items: AsyncIterable<T>,
  nameOf: (item: T) => string,
  mend: (item: T) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = [];
  for await (const item of items) {
    signal.throwIfAborted();
    await mend(item).catch((error: unknown) => {
      log.warn(`${nameOf(item)} could not be mended; the next round tries again`, { error: `${error}` });
      failures.push(error);
    });
  }
  if (failures.length > 0) throw failures[0];
}
