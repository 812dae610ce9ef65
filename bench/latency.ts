import { Connection, Client as TemporalClient } from "@temporalio/client";
import { createRenderers } from "../gpu-worker/renderers.ts";
import { byteSizeOf } from "../images/formats/index.ts";
import { TestStack } from "../test/support/stack.ts";
import { renderWorkflowId } from "../workflows/messages.ts";
import { bmp24 } from "./images.ts";
import { type BenchSettings, percent, type Report, verdict } from "./report.ts";
import { type TimedRender, timeRender } from "./stack.ts";
import { median, quantile, sum } from "./statistics.ts";

const RUNS = 20;
const WARM_UP = 5;
const GOAL_MS = 500;
const spec = { width: 1920, height: 1080, pattern: { allRgb: {} } };

/** Milliseconds of each step, in the order of the steps. */
type Steps = Record<string, number>;

/** How long a small render takes from the mutation sent to the COMPLETED event received, and where the time goes. */
export async function benchLatency({ runs = RUNS, signal, progress }: BenchSettings): Promise<Report> {
  progress("latency: starting the stack");
  await using stack = await TestStack.start();
  const client = await stack.client();
  const connection = await Connection.connect({ address: stack.info.temporalAddress });
  const temporal = new TemporalClient({ connection });
  const totals: number[] = [];
  const steps: Steps[] = [];
  try {
    for (let run = 1 - WARM_UP; run <= runs; run++) {
      progress(run > 0 ? `latency: run ${run}/${runs}` : "latency: warming up");
      const render = await timeRender(client, { spec }, signal);
      if (run < 1) continue;
      totals.push(render.completedAt - render.sentAt);
      steps.push(await stepsOf(temporal, render));
    }
  } finally {
    await connection.close();
  }
  const rendering = await renderAlone(runs, signal);
  const medianSteps = Object.keys(steps[0] ?? {}).map((name) => ({
    name,
    milliseconds: median(steps.map((step) => step[name] ?? 0)),
  }));
  const whole = sum(medianSteps.map(({ milliseconds }) => milliseconds));
  const total = { median: median(totals), minimum: Math.min(...totals), p95: quantile(totals, 0.95) };
  return {
    tables: [
      {
        title: `Latency: 1920 × 1080, mutation sent to COMPLETED received, ${runs} runs after ${WARM_UP}`,
        columns: ["", "ms", "share", "goal"],
        rows: [
          ...medianSteps.map(({ name, milliseconds }) => [
            name,
            milliseconds.toFixed(1),
            percent(milliseconds / whole),
          ]),
          ["median", total.median.toFixed(), "", verdict(`${GOAL_MS} ms`, total.median <= GOAL_MS)],
          ["minimum", total.minimum.toFixed()],
          ["95th percentile", total.p95.toFixed()],
        ],
        notes: [
          "Steps are medians, by the times of the workflow's history.",
          `Rendering and digesting the part takes ${rendering.toFixed(1)} ms of renderAndUploadPart's (measured alone).`,
        ],
      },
    ],
    results: { milliseconds: { ...total, runs: totals }, steps: medianSteps, renderingMilliseconds: rendering },
  };
}

/** Milliseconds that a warm renderer takes for the same part: the history does not look into the activity. */
async function renderAlone(runs: number, signal: AbortSignal): Promise<number> {
  const image = bmp24("allRgb", spec);
  const range = { start: 0, end: byteSizeOf(image) };
  const target = new Uint8Array(new SharedArrayBuffer(range.end));
  const renderers = await createRenderers({ backend: "auto", threads: 1, md5: true });
  const milliseconds: number[] = [];
  try {
    for (let run = 1 - WARM_UP; run <= runs; run++) {
      const start = performance.now();
      await renderers.render(image, range, target, { signal });
      if (run > 0) milliseconds.push(performance.now() - start);
    }
  } finally {
    await renderers.close();
  }
  return median(milliseconds);
}

interface ActivityTimes {
  type: string;
  scheduled: number;
  started: number;
  completed: number;
}

/** Cuts the way of one render at the events of its workflow's history. */
async function stepsOf(temporal: TemporalClient, render: TimedRender): Promise<Steps> {
  const { events } = await temporal.workflow.getHandle(renderWorkflowId(render.id)).fetchHistory();
  const activities = new Map<string, ActivityTimes>();
  let workflowStarted = Number.NaN;
  for (const event of events ?? []) {
    const at = millisecondsOf(event.eventTime);
    const { activityTaskScheduledEventAttributes: scheduled } = event;
    const { activityTaskStartedEventAttributes: started, activityTaskCompletedEventAttributes: completed } = event;
    if (event.workflowExecutionStartedEventAttributes) workflowStarted = at;
    if (scheduled) {
      const type = scheduled.activityType?.name ?? "";
      activities.set(String(event.eventId), { type, scheduled: at, started: at, completed: at });
    }
    const startedActivity = activities.get(String(started?.scheduledEventId));
    if (startedActivity) startedActivity.started = at;
    const completedActivity = activities.get(String(completed?.scheduledEventId));
    if (completedActivity) completedActivity.completed = at;
  }

  const steps: Steps = { "API: check, store, start the workflow": workflowStarted - render.sentAt };
  const add = (step: string, milliseconds: number) => {
    steps[step] = (steps[step] ?? 0) + milliseconds;
  };
  let reached = workflowStarted;
  let inWorkflow = 0;
  for (const { type, scheduled, started, completed } of activities.values()) {
    inWorkflow += Math.max(0, scheduled - reached);
    add(`${type}: waits for a worker`, started - Math.max(scheduled, Math.min(reached, started)));
    add(`${type}: runs`, completed - Math.max(started, Math.min(reached, completed)));
    reached = Math.max(reached, completed);
  }
  steps["workflow: decides what is next"] = inWorkflow;
  steps["COMPLETED is received"] = render.completedAt - reached;
  return steps;
}

function millisecondsOf(time: { seconds?: unknown; nanos?: number | null } | null | undefined): number {
  return Number(time?.seconds ?? 0) * 1000 + (time?.nanos ?? 0) / 1e6;
}
