import type { FieldIssue as FieldIssueShape } from "../../images/spec.ts";
import type {
  IdempotencyConflict,
  InvalidSpec,
  InvalidState,
  NotFound,
  QuotaExceeded,
} from "../operations/user-errors.ts";
import { builder } from "./builder.ts";
import { RenderStatus } from "./enums.ts";

const UserError = builder.interfaceRef<{ message: string }>("UserError").implement({
  description: "A reason that the caller can do something about.",
  fields: (t) => ({ message: t.exposeString("message", { description: "What is wrong and what to do, for people." }) }),
});

const FieldIssue = builder.objectRef<FieldIssueShape>("FieldIssue").implement({
  description: "One wrong field.",
  fields: (t) => ({
    path: t.exposeStringList("path", {
      description:
        "The way from the spec to the field, such as [pattern, grid, spacingX]; name, idempotencyKey and partSize stand alone.",
    }),
    message: t.exposeString("message", { description: "What was given and what is possible." }),
  }),
});

export const InvalidSpecError = builder.objectRef<InvalidSpec>("InvalidSpecError").implement({
  description: "The spec is outside its limits. Nothing was stored.",
  interfaces: [UserError],
  fields: (t) => ({
    issues: t.field({ type: [FieldIssue], description: "One a wrong field.", resolve: ({ issues }) => issues }),
  }),
});

export const QuotaExceededError = builder.objectRef<QuotaExceeded>("QuotaExceededError").implement({
  description: "The viewer has as many active renders as allowed. Nothing was stored.",
  interfaces: [UserError],
});

export const IdempotencyConflictError = builder.objectRef<IdempotencyConflict>("IdempotencyConflictError").implement({
  description: "The idempotency key belongs to an earlier render with another spec or part size. Nothing was stored.",
  interfaces: [UserError],
});

export const RenderNotFoundError = builder.objectRef<NotFound>("RenderNotFoundError").implement({
  description: "The viewer has no such render.",
  interfaces: [UserError],
});

export const InvalidStateError = builder.objectRef<InvalidState>("InvalidStateError").implement({
  description: "The render's status, or for a retry the quota, does not allow it. Nothing changed.",
  interfaces: [UserError],
  fields: (t) => ({
    status: t.field({ type: RenderStatus, description: "The status that it has.", resolve: ({ status }) => status }),
  }),
});
