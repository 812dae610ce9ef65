import { abortOrphanUploads, finishDeletions, startLostRenders } from "./policies.ts";

/**
 * Started by a Schedule: sweeps up what crashes left between two systems. A sweep that fails does not stop the others.
 */
export async function janitor(): Promise<void> {
  const failures: unknown[] = [];
  for (const sweep of [startLostRenders, abortOrphanUploads, finishDeletions]) {
    await sweep().catch((error: unknown) => failures.push(error));
  }
  if (failures.length > 0) throw failures[0];
}
