import type { RenderState } from "../database/state.ts";
import { GPU_QUEUE } from "../gpu-worker/part.ts";
import type { RenderUpdate } from "./messages.ts";

/** What the Temporal UI says of each update before somebody sends one. */
export const updateDescriptions: Record<RenderUpdate, string> = {
  pauseRender: "Parts in flight finish, no new ones start",
  resumeRender: "A paused render goes on",
  cancelRender: "Parts in flight stop, and S3 is left with nothing of the render",
  retryRender: "A failed render goes on with the parts that are missing",
  discardParts: "A failed render's parts are removed now instead of at the end of its resume window",
};

/** What the Temporal UI shows of a running render: Markdown, for whoever operates it. */
export function renderDetails(state: RenderState, byteSize: number): string {
  const lines = [
    `**${state.status}**: ${state.partsDone} of ${state.parts.at(-1)?.to ?? 0} parts, ${mebibytes(state.bytesUploaded)} of ${mebibytes(byteSize)} MiB in S3`,
    waitingLine(state),
    state.backends.length > 0 ? `- rendered by ${state.backends.join(", ")}` : undefined,
    state.retriedParts > 0 ? `- ${state.retriedParts} parts needed more than one attempt` : undefined,
    state.failure && `- failed: \`${state.failure.code}\` ${partOf(state)}${state.failure.message}`,
    state.resumableUntil && `- retryRender keeps the parts until ${state.resumableUntil}`,
  ];
  return lines.filter((line) => line !== undefined).join("\n");
}

function waitingLine({ status, parts, backends, partsDone }: RenderState): string | undefined {
  const active = parts.filter(({ state }) => state === "ACTIVE").reduce((sum, { from, to }) => sum + to - from + 1, 0);
  if (active === 0) return undefined;
  const line = `- ${active} parts wait on task queue \`${GPU_QUEUE}\` or are being rendered`;
  const unanswered = status === "RUNNING" && partsDone === 0 && backends.length === 0;
  return unanswered ? `${line}; none has come back yet. A gpu-worker must run: \`npm run gpu-worker\`` : line;
}

function partOf({ failure }: RenderState): string {
  return failure?.part === undefined ? "" : `part ${failure.part}: `;
}

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);
