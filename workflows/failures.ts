import { ActivityFailure, ApplicationFailure, TimeoutFailure } from "@temporalio/workflow";
import { partsLostTypes } from "../activities/types.ts";
import type { RenderFailure } from "../database/state.ts";

/** An activity that failed for good, as the render's failure shows it; any other error is a bug and passes through. */
export function failureOf(error: unknown, part?: number): RenderFailure {
  if (!(error instanceof ActivityFailure)) throw error;
  const { code, message } = explained(error);
  return { code, message: storable(message), ...(part === undefined ? {} : { part }) };
}

/** Whether the failure says that S3 has lost the parts. */
export const isLoss = (failure: RenderFailure | undefined) =>
  failure !== undefined && partsLostTypes.includes(failure.code);

function explained(error: ActivityFailure): { code: string; message: string } {
  const { cause } = error;
  if (cause instanceof ApplicationFailure) return { code: codeOf(cause), message: cause.message };
  if (cause instanceof TimeoutFailure) return { code: "WorkerLost", message: lostMessage(error, cause) };
  return { code: "Failed", message: cause?.message ?? error.message };
}

/** An expired URL never fails a part, as it gets another: one that does was refused while its life lasted. */
function codeOf({ type }: ApplicationFailure): string {
  return type === "UrlExpired" ? "S3Refused" : type || "Failed";
}

/** Characters; what S3 and the workers say is shorter. */
const LONGEST_MESSAGE = 800;

/** What others said may hold anything; PostgreSQL's jsonb takes no NUL and no half of a surrogate pair. */
function storable(text: string): string {
  return text
    .slice(0, LONGEST_MESSAGE)
    .toWellFormed()
    .replace(/\p{Cc}+/gu, " ");
}

/** The type of the ApplicationFailure that an activity ended with. */
export function failureType(error: unknown): string | undefined {
  const cause = error instanceof ActivityFailure ? error.cause : undefined;
  return cause instanceof ApplicationFailure ? (cause.type ?? undefined) : undefined;
}

function lostMessage({ activityType }: ActivityFailure, { timeoutType }: TimeoutFailure): string {
  const worker = activityType === "renderAndUploadPart" ? "gpu-worker" : "worker";
  const end = timeoutType === "HEARTBEAT" ? "stopped answering" : "took longer than it may";
  return `${activityType} failed: the last ${worker} that took it ${end}. Look at the ${worker} logs, then retry the render.`;
}
