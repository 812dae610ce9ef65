import type { Render } from "../../database/render.ts";
import type { RenderStatus } from "../../database/state.ts";
import type { FieldIssue } from "../../images/spec.ts";

/** Characters of a UUID. */
const LONGEST_ID = 36;

/** Issues that the message repeats, for clients that show nothing else. */
const ISSUES_SAID = 3;

interface UserError<Name extends string> {
  __typename: Name;
  message: string;
}

export type InvalidSpec = UserError<"InvalidSpecError"> & { issues: FieldIssue[] };
export type QuotaExceeded = UserError<"QuotaExceededError">;
export type IdempotencyConflict = UserError<"IdempotencyConflictError">;
export type NotFound = UserError<"RenderNotFoundError">;
export type InvalidState = UserError<"InvalidStateError"> & { status: RenderStatus };

/** For a spec, or what is asked for with it, that is outside its limits. */
export function invalidSpec(issues: FieldIssue[]): InvalidSpec {
  const said = issues.slice(0, ISSUES_SAID).map(({ message }) => message);
  const more = issues.length - said.length;
  const message = [...said, ...(more > 0 ? [`And ${more} more.`] : [])].join(" ");
  return { __typename: "InvalidSpecError", message, issues };
}

export function quotaExceeded(maxActiveRenders: number): QuotaExceeded {
  const message = `You already have ${maxActiveRenders} active renders, the most allowed. Wait until one ends, or cancel one.`;
  return { __typename: "QuotaExceededError", message };
}

export function idempotencyConflict(idempotencyKey: string | null, { id }: Render): IdempotencyConflict {
  const message = `The key ${JSON.stringify(idempotencyKey)} belongs to render ${id}, which has another spec or part size. Use a new key.`;
  return { __typename: "IdempotencyConflictError", message };
}

/** @param id as given: perhaps as long as a request may be */
export function renderNotFound(id: string): NotFound {
  const shown = id.length > LONGEST_ID ? `${id.slice(0, LONGEST_ID).toWellFormed()}…` : id;
  return { __typename: "RenderNotFoundError", message: `You have no render ${shown}.` };
}

export function invalidState({ status }: Pick<Render, "status">, message: string): InvalidState {
  return { __typename: "InvalidStateError", message, status };
}
