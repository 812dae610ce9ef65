import { isDeepStrictEqual } from "node:util";
import { createRender } from "../../database/create-render.ts";
import { patternOf } from "../../images/patterns/index.ts";
import { planRender } from "../../images/plan-render.ts";
import type { FieldIssue, RenderSpecInput } from "../../images/spec.ts";
import type { Context } from "../context.ts";
import {
  type IdempotencyConflict,
  type InvalidSpec,
  idempotencyConflict,
  invalidSpec,
  type QuotaExceeded,
  quotaExceeded,
} from "./user-errors.ts";
import { type RenderView, viewOf } from "./view.ts";

const MAX_TEXT_LENGTH = 200;

export interface StartRenderArguments {
  spec: RenderSpecInput;
  name?: string | null | undefined;
  idempotencyKey?: string | null | undefined;
  /** Bytes. */
  partSize?: number | null | undefined;
}

export type StartRenderResult = RenderView | InvalidSpec | QuotaExceeded | IdempotencyConflict;

/**
 * Writes the render with its event 1 and then starts its workflow; what a crash leaves between the two, the same
 * request sent again or the janitor mends.
 */
export async function startRender(input: StartRenderArguments, context: Context): Promise<StartRenderResult> {
  const { MAX_ACTIVE_RENDERS, MAX_RENDER_BYTES } = context.settings;
  const planned = planRender(input, MAX_RENDER_BYTES);
  const issues = [
    ...("issues" in planned ? planned.issues : []),
    ...checkText("name", input.name, 0),
    ...checkText("idempotencyKey", input.idempotencyKey, 1),
  ];
  if ("issues" in planned || issues.length > 0) return invalidSpec(issues);

  const { spec, plan } = planned;
  const idempotencyKey = input.idempotencyKey ?? null;
  const created = await createRender(
    context.em(),
    {
      userId: context.viewerId,
      name: input.name ?? null,
      idempotencyKey,
      spec,
      pattern: patternOf(spec).pattern.name,
      ...plan,
    },
    MAX_ACTIVE_RENDERS,
  );
  if (created.kind === "quotaExceeded") return quotaExceeded(MAX_ACTIVE_RENDERS);
  const { render } = created;
  if (!isDeepStrictEqual(render.spec, spec) || render.partSize !== plan.partSize) {
    return idempotencyConflict(idempotencyKey, render);
  }
  if (created.kind === "created") context.log.info({ renderId: render.id, userId: context.viewerId }, "startRender");
  if (render.sequence === 1) await context.workflows.start(render);
  return viewOf(render);
}

function checkText(field: string, text: string | null | undefined, minimum: number): FieldIssue[] {
  if (text == null) return [];
  const { length } = [...text];
  const fits = length >= minimum && length <= MAX_TEXT_LENGTH;
  if (fits && !/\p{Cc}|\p{Cs}/u.test(text)) return [];
  const message = `${field} has ${length} characters; it must have ${minimum} to ${MAX_TEXT_LENGTH}, none of them a control character or half of a surrogate pair.`;
  return [{ path: [field], message }];
}
