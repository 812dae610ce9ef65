import { abortOrphanUploads, startLostRenders } from "./policies.ts";

/** Started by a Schedule: sweeps up what crashes left between two systems. */
export async function janitor(): Promise<void> {
  await startLostRenders();
  await abortOrphanUploads();
}
