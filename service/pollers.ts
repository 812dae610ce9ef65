import type { WorkflowService } from "@temporalio/client";

const TASK_QUEUE_TYPE_ACTIVITY = 2;

/** The identities of the workers that have asked for an activity of the queue in the last five minutes. */
export async function pollersOf(service: WorkflowService, namespace: string, queue: string): Promise<string[]> {
  const { pollers } = await service.describeTaskQueue({
    namespace,
    taskQueue: { name: queue },
    taskQueueType: TASK_QUEUE_TYPE_ACTIVITY,
  });
  return pollers.map(({ identity }) => identity ?? "");
}
