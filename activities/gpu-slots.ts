import { log } from "@temporalio/activity";
import type { WorkflowClient } from "@temporalio/client";
import { GPU_QUEUE, slotsOf } from "../gpu-worker/part.ts";
import { pollersOf } from "../service/pollers.ts";

const ANSWER_WITHIN_MS = 2_000;

/**
 * How many parts the GPU workers take at once, all together: those that have asked for one in the last five minutes.
 * It is only a hint for how many parts to put on the queue: 0 where Temporal does not say.
 */
export async function countGpuSlots({ connection, workflowService, options }: WorkflowClient): Promise<number> {
  const ask = () => pollersOf(workflowService, options.namespace, GPU_QUEUE);
  try {
    const identities = await connection.withDeadline(Date.now() + ANSWER_WITHIN_MS, ask);
    return identities.reduce((slots, identity) => slots + slotsOf(identity), 0);
  } catch (error) {
    log.warn("Temporal does not say which GPU workers there are", { error });
    return 0;
  }
}
