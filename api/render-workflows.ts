import {
  ApplicationFailure,
  type Client,
  isGrpcServiceError,
  ServiceError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from "@temporalio/client";
import type { Render } from "../database/render.ts";
import { type RenderStatus, renderStatuses } from "../database/state.ts";
import type { Log } from "../service/log.ts";
import { INVALID_STATE, type RenderUpdate, renderWorkflowId } from "../workflows/messages.ts";
import { type StartedFrom, startRenderImage } from "../workflows/start-render.ts";
import { serviceUnavailable } from "./errors.ts";
import { LimitByKey } from "./limit-by-key.ts";
import type { ApiSettings } from "./settings.ts";
import type { TemporalClient } from "./temporal-client.ts";

const START_WITHIN_MS = 2_000;
const UPDATE_WITHIN_MS = 10_000;

/** https://grpc.io/docs/guides/status-codes/ */
const FAILED_PRECONDITION = 9;

/**
 * What a workflow answers to an update: `gone` where none runs under the render's id, `refused` with the status that
 * forbids it.
 */
export type UpdateAnswer = { kind: "done" | "gone" } | { kind: "refused"; status: RenderStatus; message: string };

/** A render as PostgreSQL has it. */
type UpdatedRender = StartedFrom & Pick<Render, "sequence" | "status">;

/** The API's side of `renderImage`: starting it, asking it to change, and finding it in the Temporal UI. */
export class RenderWorkflows {
  readonly #temporal: TemporalClient;
  readonly #settings: Pick<ApiSettings, "RESUME_WINDOW_SECONDS" | "TEMPORAL_UI_URL">;
  readonly #log: Log;
  /** By render. */
  readonly #updates = new LimitByKey(1);

  constructor(
    temporal: TemporalClient,
    settings: Pick<ApiSettings, "RESUME_WINDOW_SECONDS" | "TEMPORAL_UI_URL">,
    log: Log,
  ) {
    this.#temporal = temporal;
    this.#settings = settings;
    this.#log = log;
  }

  /** Starts the workflow of a QUEUED render; where Temporal does not answer in time, the janitor starts it later. */
  async start(render: StartedFrom): Promise<void> {
    try {
      await this.#temporal.call(Date.now() + START_WITHIN_MS, (client) => this.#start(client, render));
    } catch (err) {
      this.#log.warn({ err, renderId: render.id }, "Temporal did not start the render; the janitor will");
    }
  }

  /**
   * Asks the render's workflow for a change and waits until the event that shows it is recorded. A render's updates are
   * sent one after the other: with more than ten at a time, Temporal takes seconds for each.
   * @throws GraphQLError SERVICE_UNAVAILABLE where Temporal or the control worker does not answer in time
   */
  async update(render: UpdatedRender, update: RenderUpdate): Promise<UpdateAnswer> {
    const deadline = Date.now() + UPDATE_WITHIN_MS;
    try {
      await this.#updates.run(render.id, () =>
        this.#temporal.call(deadline, (client) => this.#update(client, render, update)),
      );
      return { kind: "done" };
    } catch (error) {
      const answer = answerIn(error);
      if (answer !== undefined) return answer;
      this.#log.warn({ err: error, renderId: render.id, update }, "a render's workflow did not answer");
      throw unansweredError(update, error);
    }
  }

  /** The render's page in the Temporal UI, where one is configured. */
  url(renderId: string): string | undefined {
    const { TEMPORAL_UI_URL } = this.#settings;
    if (TEMPORAL_UI_URL === undefined) return undefined;
    const namespace = encodeURIComponent(this.#temporal.namespace);
    return `${TEMPORAL_UI_URL.replace(/\/+$/, "")}/namespaces/${namespace}/workflows/${renderWorkflowId(renderId)}`;
  }

  /** @throws where Temporal does not answer within `ms`, or has no such namespace */
  async ping(ms: number): Promise<void> {
    const { namespace } = this.#temporal;
    await this.#temporal.call(Date.now() + ms, (client) => client.workflowService.describeNamespace({ namespace }));
  }

  async #update(client: Client, render: UpdatedRender, update: RenderUpdate): Promise<void> {
    if (render.sequence === 1) await this.#start(client, render);
    const handle = client.workflow.getHandle(renderWorkflowId(render.id));
    try {
      await handle.executeUpdate<RenderStatus, []>(update);
    } catch (error) {
      const sameAsCancel = render.status === "FAILED" ? "discardParts" : "cancelRender";
      if (update !== sameAsCancel || refusalOf(error) === undefined) throw error;
      await handle.cancel(); // which Temporal always takes, and of a failed render discards the parts
      if (!isOverLimit(error)) throw error; // the worker has not taken it yet
    }
  }

  #start(client: Client, render: StartedFrom): Promise<void> {
    return startRenderImage(client.workflow, render, this.#settings.RESUME_WINDOW_SECONDS);
  }
}

/** The answer that came as an error. */
function answerIn(error: unknown): UpdateAnswer | undefined {
  if (error instanceof WorkflowNotFoundError) return { kind: "gone" };
  if (!(error instanceof WorkflowUpdateFailedError && error.cause instanceof ApplicationFailure)) return undefined;
  const { type, details, message } = error.cause;
  if (type === "AcceptedUpdateCompletedWorkflow") return { kind: "gone" }; // it was ended from outside meanwhile
  const status = renderStatuses.find((one) => type === INVALID_STATE && one === details?.[0]);
  return status && { kind: "refused", status, message };
}

function unansweredError(update: RenderUpdate, error: unknown): unknown {
  if (!(error instanceof WorkflowUpdateRPCTimeoutOrCancelledError || error instanceof ServiceError)) return error;
  if (isOverLimit(error)) {
    return serviceUnavailable(
      `${update} was not possible: Temporal takes no more requests for this render, as it has had thousands. Try again when a part is done, or cancel the render; a failed one can be deleted.`,
    );
  }
  const silent = "Temporal or the control worker (npm run worker) does not answer";
  return serviceUnavailable(
    update === "discardParts"
      ? `The render's parts could not be removed in time: S3 is away, or ${silent}. It is deleted once they are gone; where it stays, ask again.`
      : `${update} was not confirmed in time: ${silent}. It may still take effect; look at the render's status and ask again.`,
  );
}

/** Temporal takes 2,000 updates in one run of a workflow; another run begins when a part is done. */
function isOverLimit(error: unknown): boolean {
  return refusalOf(error)?.includes("total number of distinct updates") ?? false;
}

/** Why Temporal itself does not take the update, where it says so: also when workers fail at the workflow's tasks. */
function refusalOf(error: unknown): string | undefined {
  const cause = error instanceof ServiceError ? error.cause : undefined;
  return isGrpcServiceError(cause) && cause.code === FAILED_PRECONDITION ? cause.details : undefined;
}
