import { type ExecutionResult, GraphQLError } from "graphql";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import type { PartRange, RenderFailure, RenderStatus } from "../../database/state.ts";
import type { ImageFormat, RowOrder } from "../../images/spec.ts";

export interface Render {
  id: string;
  name: string | null;
  status: RenderStatus;
  width: number;
  height: number;
  format: ImageFormat;
  pattern: string;
  byteSize: number;
  partSize: number;
  partCount: number;
  partsDone: number;
  bytesUploaded: number;
  progress: number;
  retriedParts: number;
  parts: PartRange[];
  backends: string[];
  failure: (Omit<RenderFailure, "part"> & { part: number | null }) | null;
  resumableUntil: string | null;
  etag: string | null;
  crc32: string | null;
  downloadUrl: string | null;
  createdAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  workflow: { workflowId: string; runId: string | null; url: string | null };
}

export interface RenderEvent {
  sequence: number;
  at: string;
  kind: "STATUS" | "PROGRESS";
  render: Omit<Render, "downloadUrl" | "workflow">;
}

/** What a mutation answers: a render, or an error by its type's name. */
export type Outcome<T = Render> =
  | ({ __typename: "Render" } & T)
  | {
      __typename: "InvalidSpecError";
      message: string;
      issues: { path: string[]; message: string }[];
    }
  | { __typename: "InvalidStateError"; message: string; status: RenderStatus }
  | {
      __typename: "QuotaExceededError" | "IdempotencyConflictError" | "RenderNotFoundError";
      message: string;
    };

/** RenderSpecInput; what is left out takes the API's default. */
interface SpecInput {
  width: number;
  height: number;
  pattern: { readonly [name: string]: { readonly [parameter: string]: unknown } };
  format?: ImageFormat;
  rowOrder?: RowOrder;
  pixelsPerMetre?: number;
}

export interface StartInput {
  spec: SpecInput;
  name?: string;
  idempotencyKey?: string;
  partSize?: number;
}

export type Action = "pauseRender" | "resumeRender" | "cancelRender" | "retryRender";

const SNAPSHOT_FIELDS = `
  id name status width height format pattern byteSize partSize partCount partsDone bytesUploaded progress retriedParts
  parts { from to state } backends failure { code message part } resumableUntil etag crc32
  createdAt startedAt finishedAt`;
const RENDER_FIELDS = `${SNAPSHOT_FIELDS} workflow { workflowId runId url } downloadUrl`;
const OUTCOME_FIELDS = `__typename ... on Render { ${RENDER_FIELDS} } ... on UserError { message }`;
const START_FIELDS = `${OUTCOME_FIELDS} ... on InvalidSpecError { issues { path message } }`;
const ACTION_FIELDS = `${OUTCOME_FIELDS} ... on InvalidStateError { status }`;

/** Whoever calls the API with one token, over both transports. */
export class Client {
  readonly #graphqlUrl: string;
  readonly #wsUrl: string;
  readonly #token: string | undefined;

  constructor(urls: { graphqlUrl: string; wsUrl: string }, token: string | undefined) {
    this.#graphqlUrl = urls.graphqlUrl;
    this.#wsUrl = urls.wsUrl;
    this.#token = token;
  }

  /** The HTTP status and body of a request, whatever they are. */
  async post(query: string, variables: object = {}): Promise<{ status: number; result: ExecutionResult }> {
    const response = await fetch(this.#graphqlUrl, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        ...(this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    return { status: response.status, result: (await response.json()) as ExecutionResult };
  }

  /** @throws GraphQLError where the answer has errors */
  async request<T>(query: string, variables: object = {}): Promise<T> {
    const { result } = await this.post(query, variables);
    return dataOf<T>(result);
  }

  async start(input: StartInput): Promise<Outcome> {
    const query = `mutation ($input: StartRenderInput!) { startRender(input: $input) { ${START_FIELDS} } }`;
    return (await this.request<{ startRender: Outcome }>(query, { input })).startRender;
  }

  /** @throws where the API refuses to start the render */
  async started(input: StartInput): Promise<Render> {
    const outcome = await this.start(input);
    if (outcome.__typename !== "Render") throw new Error(JSON.stringify(outcome));
    return outcome;
  }

  async act(action: Action, id: string): Promise<Outcome> {
    const query = `mutation ($id: ID!) { outcome: ${action}(id: $id) { ${ACTION_FIELDS} } }`;
    return (await this.request<{ outcome: Outcome }>(query, { id })).outcome;
  }

  async delete(id: string): Promise<Outcome<{ id: string }> | { __typename: "DeletedRender"; id: string }> {
    const query = `mutation ($id: ID!) { outcome: deleteRender(id: $id) {
      __typename ... on DeletedRender { id } ... on UserError { message } ... on InvalidStateError { status } } }`;
    return (await this.request<{ outcome: { __typename: "DeletedRender"; id: string } }>(query, { id })).outcome;
  }

  async render(id: string): Promise<Render | null> {
    const query = `query ($id: ID!) { render(id: $id) { ${RENDER_FIELDS} } }`;
    return (await this.request<{ render: Render | null }>(query, { id })).render;
  }

  /**
   * The raw results of a subscription, over a connection of its own that is closed with the iteration.
   * Throws what the server closes or refuses the connection with.
   */
  async *subscribe<T>(query: string, variables: Record<string, unknown> = {}): AsyncGenerator<T> {
    const client = createClient({
      url: this.#wsUrl,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      ...(this.#token === undefined ? {} : { connectionParams: { authorization: `Bearer ${this.#token}` } }),
    });
    try {
      for await (const result of client.iterate({ query, variables })) yield dataOf<T>(result);
    } finally {
      await client.dispose();
    }
  }

  /** The render's events, from the next one after `after`, until it has ended. */
  async *events(id: string, after?: number): AsyncGenerator<RenderEvent> {
    const query = `subscription ($id: ID!, $after: Int) {
      renderEvents(id: $id, after: $after) { sequence at kind render { ${SNAPSHOT_FIELDS} } } }`;
    for await (const { renderEvents } of this.subscribe<{ renderEvents: RenderEvent }>(query, { id, after })) {
      yield renderEvents;
    }
  }

  /** All events of a render from the first to its end. */
  async history(id: string): Promise<RenderEvent[]> {
    return Array.fromAsync(this.events(id, 0));
  }

  /** The first event at which the render is as asked. @throws where it ends before */
  async until(id: string, is: (render: RenderEvent["render"]) => boolean): Promise<RenderEvent["render"]> {
    for await (const { render } of this.events(id)) {
      if (is(render)) return render;
      if (ended.has(render.status)) break;
    }
    throw new Error(`the render ended otherwise: ${JSON.stringify(await this.render(id))}`);
  }

  /** Follows the render until it is COMPLETED. @throws where it ends otherwise */
  async completed(id: string): Promise<Render> {
    await this.until(id, ({ status }) => status === "COMPLETED");
    const render = await this.render(id);
    if (render === null) throw new Error(`render ${id} is gone`);
    return render;
  }
}

const ended: ReadonlySet<RenderStatus> = new Set(["COMPLETED", "FAILED", "CANCELED"]);

function dataOf<T>(result: ExecutionResult | { data?: unknown; errors?: unknown }): T {
  if (Array.isArray(result.errors)) {
    const [first] = result.errors;
    throw new GraphQLError(first?.message ?? "unknown", { extensions: first?.extensions });
  }
  return result.data as T;
}
