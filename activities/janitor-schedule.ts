import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleOptions,
  type ScheduleOptionsStartWorkflowAction,
  ScheduleOverlapPolicy,
} from "@temporalio/client";
import type { Workflow } from "@temporalio/common";
import { CONTROL_QUEUE } from "../workflows/messages.ts";

const janitorEvery = "30 seconds";

/** Longer than both sweeps with all their attempts; one that a later version cannot go on with ends here. */
const janitorWithin = "2 hours";

const note = "Starts, completes or fails renders left without a workflow; aborts uploads that no workflow owns";

const schedule: Omit<ScheduleOptions<ScheduleOptionsStartWorkflowAction<Workflow>>, "scheduleId" | "state"> = {
  spec: { intervals: [{ every: janitorEvery }] },
  policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: janitorEvery },
  action: {
    type: "startWorkflow",
    workflowType: "janitor",
    workflowId: "janitor",
    taskQueue: CONTROL_QUEUE,
    workflowExecutionTimeout: janitorWithin,
  },
};

/** Sees to it that the janitor comes regularly, one at a time, however many workers say so; and once at the start. */
export async function scheduleJanitor(client: Client): Promise<void> {
  const janitor = client.schedule.getHandle("janitor");
  try {
    await client.schedule.create({ scheduleId: "janitor", ...schedule, state: { note } });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await janitor.update(({ state }) => ({ ...schedule, state: { ...state, note } })); // it may be an older version's
  }
  await janitor.trigger();
}
