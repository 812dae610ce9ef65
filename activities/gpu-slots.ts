import type { WorkflowClient } from "@temporalio/client";
import { GPU_QUEUE, slotsOf } from "../gpu-worker/part.ts";

const TASK_QUEUE_TYPE_ACTIVITY = 2;

/** How many parts the GPU workers take at once, all together: those that have asked for one in the last five minutes. */
export async function countGpuSlots(client: WorkflowClient): Promise<number> {
  const { pollers } = await client.workflowService.describeTaskQueue({
    namespace: client.options.namespace,
    taskQueue: { name: GPU_QUEUE },
    taskQueueType: TASK_QUEUE_TYPE_ACTIVITY,
  });
  return pollers.reduce((slots, { identity }) => slots + slotsOf(identity ?? ""), 0);
}
