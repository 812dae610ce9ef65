import type { WorkflowClient } from "@temporalio/client";
import { GPU_QUEUE, slotsOf } from "../gpu-worker/part.ts";
import { pollersOf } from "../service/pollers.ts";

/** How many parts the GPU workers take at once, all together: those that have asked for one in the last five minutes. */
export async function countGpuSlots({ workflowService, options }: WorkflowClient): Promise<number> {
  const identities = await pollersOf(workflowService, options.namespace, GPU_QUEUE);
  return identities.reduce((slots, identity) => slots + slotsOf(identity), 0);
}
