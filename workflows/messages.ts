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
  /** Bytes of the file, and of each part but perhaps the last. */
  byteSize: number;
  partSize: number;
  partCount: number;
  /** Seconds that a failed render keeps its parts. */
  resumeWindowSeconds: number;
}

/**
 * Updates of a running `renderImage`. `discardParts` ends a FAILED render's resume window at once (the API deletes it
 * then). Each answers, with the status then reached, once the event that shows it is recorded; one that is impossible
 * in the present status is refused by its validator with an ApplicationFailure of type INVALID_STATE whose first detail
 * is that status.
 */
export type RenderUpdate = "pauseRender" | "resumeRender" | "cancelRender" | "retryRender" | "discardParts";

export const INVALID_STATE = "InvalidState";
