import { abortOrphanUploads, startLostRenders } from "./policies.ts";

/**
 * Started by a Schedule: sweeps up what crashes left between two systems. A sweep that fails does not stop the other.
 */
export async function janitor(): Promise<void> {
  try {
    await startLostRenders();
  } finally {
    await abortOrphanUploads();
  }
}
