import { type Client, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from "@temporalio/client";
import { CONTROL_QUEUE } from "../workflows/messages.ts";

const janitorEvery = "30 seconds";

/** Sees to it that the janitor comes regularly, one at a time, however many workers say so; and once at the start. */
export async function scheduleJanitor(client: Client): Promise<void> {
  try {
    await client.schedule.create({
      scheduleId: "janitor",
      spec: { intervals: [{ every: janitorEvery }] },
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: janitorEvery },
      action: { type: "startWorkflow", workflowType: "janitor", workflowId: "janitor", taskQueue: CONTROL_QUEUE },
      state: { note: "Starts renders left without a workflow and aborts uploads that no workflow owns" },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
  await client.schedule.getHandle("janitor").trigger();
}
