import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleOptions,
  type ScheduleOptionsStartWorkflowAction,
  ScheduleOverlapPolicy,
} from "@temporalio/client";
import type { Workflow } from "@temporalio/common";
import type { Log } from "../service/log.ts";
import { CONTROL_QUEUE } from "../workflows/messages.ts";

const JANITOR_EVERY = "30 seconds";
const LOOKED_FOR_EVERY_MS = 30_000;

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
  if (!(await makeSchedule(client))) {
    await janitor.update(({ state }) => ({ ...schedule, state: { ...state, note: NOTE } })); // it may be an older version's
  }
  if (!(await janitor.describe()).state.paused) await janitor.trigger();
}

/**
 * Looks again and again whether Temporal still has the schedule: it may have been lost with its database, or deleted, and
 * without the janitor, renders whose workflows were lost with it would never end.
 * @returns what ends it
 */
export function keepJanitorScheduled(client: Client, log: Log): Disposable {
  const keep = async () => {
    try {
      const isNew = await client.withDeadline(Date.now() + LOOKED_FOR_EVERY_MS, () => makeSchedule(client));
      if (isNew) log.warn("the schedule `janitor` was gone from Temporal; it is there again");
    } catch (err) {
      log.warn({ err }, "could not look for the schedule `janitor`; trying again");
    }
  };
  const timer = setInterval(() => void keep(), LOOKED_FOR_EVERY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** @returns whether it had to be made */
async function makeSchedule(client: Client): Promise<boolean> {
  try {
    await client.schedule.create({ scheduleId: "janitor", ...schedule, state: { note: NOTE } });
    return true;
  } catch (error) {
    if (error instanceof ScheduleAlreadyRunning) return false;
    throw error;
  }
}
