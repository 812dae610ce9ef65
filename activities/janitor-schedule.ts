import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleOptions,
  type ScheduleOptionsStartWorkflowAction,
  ScheduleOverlapPolicy,
} from "@temporalio/client";
import type { Workflow } from "@temporalio/common";
import { CONTROL_QUEUE } from "../workflows/messages.ts";

const JANITOR_EVERY = "30 seconds";

/** Longer than all sweeps with all their attempts; one that a later version cannot go on with ends here. */
const JANITOR_WITHIN = "2 hours";

const NOTE =
  "Starts, completes or fails renders left without a workflow; aborts uploads that no workflow owns; finishes deletions";

const schedule: Omit<ScheduleOptions<ScheduleOptionsStartWorkflowAction<Workflow>>, "scheduleId" | "state"> = {
  spec: { intervals: [{ every: JANITOR_EVERY }] },
  policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: JANITOR_EVERY },
  action: {
    type: "startWorkflow",
    workflowType: "janitor",
    workflowId: "janitor",
    taskQueue: CONTROL_QUEUE,
    workflowExecutionTimeout: JANITOR_WITHIN,
  },
};

/**
 * Sees to it that the janitor comes regularly, however many workers say so, its runs one at a time; and once at each
 * worker's start, also beside one that a killed worker has left. One that an operator has paused stays away.
 */
export async function scheduleJanitor(client: Client): Promise<void> {
  const janitor = client.schedule.getHandle("janitor");
  try {
    await client.schedule.create({ scheduleId: "janitor", ...schedule, state: { note: NOTE } });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
    await janitor.update(({ state }) => ({ ...schedule, state: { ...state, note: NOTE } })); // it may be an older version's
  }
  if (!(await janitor.describe()).state.paused) await janitor.trigger();
}
