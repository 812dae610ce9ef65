import type { RenderStatus } from "../database/state.ts";
import type { RenderSpec } from "../images/spec.ts";

/** The task queue of workflows and control activities. */
export const CONTROL_QUEUE = "control";

export const RENDER_WORKFLOW_TYPE = "renderImage";

export function renderWorkflowId(renderId: string): string {
  return `render-${renderId}`;
}

/** What starts `renderImage`. */
export interface RenderImageInput {
  renderId: string;
  spec: RenderSpec;
  byteSize: number;
  partSize: number;
  partCount: number;
  /** Seconds that a failed render keeps its parts. */
  resumeWindowSeconds: number;
}

/**
 * Updates of a running `renderImage`. `discardParts` ends a FAILED render's resume window at once (the API deletes it
 * then). Each answers, with the status then reached, once the event that shows it is recorded; one that is impossible
 * in the present status fails at once with an ApplicationFailure of type INVALID_STATE whose first detail is that status.
 */
export type RenderUpdate = "pauseRender" | "resumeRender" | "cancelRender" | "retryRender" | "discardParts";

export const INVALID_STATE = "InvalidState";

const possibleStatuses: Record<RenderUpdate, readonly RenderStatus[]> = {
  pauseRender: ["RUNNING"],
  resumeRender: ["PAUSED"],
  cancelRender: ["RUNNING", "PAUSED", "CANCELING"],
  retryRender: ["FAILED"],
  discardParts: ["FAILED"],
};

export function isPossible(update: RenderUpdate, status: RenderStatus): boolean {
  return possibleStatuses[update].includes(status);
}

/** Says why not. */
export function impossible(update: RenderUpdate, present: string): string {
  return `${update} is possible while a render is ${possibleStatuses[update].join(" or ")}; this one is ${present}.`;
}
