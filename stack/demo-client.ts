import { createClient } from "graphql-ws";
import * as z from "zod";
import type { RenderSpec } from "../images/spec.ts";
import type { StackInfo } from "./data-folder.ts";
import { StackError } from "./stack-error.ts";

const started = z.discriminatedUnion("__typename", [
  z.object({ __typename: z.literal("Render"), id: z.string() }),
  z.object({
    __typename: z.enum(["InvalidSpecError", "QuotaExceededError", "IdempotencyConflictError"]),
    message: z.string(),
  }),
]);

const progress = z.object({
  status: z.string(),
  bytesUploaded: z.number(),
  failure: z.object({ code: z.string(), message: z.string() }).nullable(),
});

const finished = z.object({
  byteSize: z.number(),
  partSize: z.number(),
  partCount: z.number(),
  retriedParts: z.number(),
  backends: z.array(z.string()),
  crc32: z.string(),
  downloadUrl: z.string(),
  startedAt: z.string(),
  workflow: z.object({ url: z.string().nullable() }),
});

export type RenderProgress = z.infer<typeof progress>;
export type FinishedRender = z.infer<typeof finished>;

/** What the demo asks of the GraphQL API, as any other client would. */
export class DemoClient {
  readonly #urls: Pick<StackInfo, "graphqlUrl" | "wsUrl">;
  readonly #authorization: string;

  constructor(urls: Pick<StackInfo, "graphqlUrl" | "wsUrl">, token: string) {
    this.#urls = urls;
    this.#authorization = `Bearer ${token}`;
  }

  /** @returns the render's id. @throws StackError with the API's reason where it refuses */
  async startRender(spec: RenderSpec, partSize: number | undefined): Promise<string> {
    const { startRender } = await this.#request(
      z.object({ startRender: started }),
      `mutation ($input: StartRenderInput!) {
        startRender(input: $input) {
          __typename
          ... on Render { id }
          ... on UserError { message }
        }
      }`,
      { input: { spec, name: "demo", ...(partSize === undefined ? {} : { partSize }) } },
    );
    if (startRender.__typename === "Render") return startRender.id;
    throw new StackError(startRender.message);
  }

  /**
   * Each event's render, until the last one or until `stop` aborts. A lost connection is made again while the API `mayComeBack`.
   * @throws what ended the connection
   */
  async *follow(id: string, stop: AbortSignal, mayComeBack: () => boolean): AsyncGenerator<RenderProgress> {
    if (stop.aborted) return;
    const client = createClient({
      url: this.#urls.wsUrl,
      connectionParams: { authorization: this.#authorization },
      shouldRetry: mayComeBack,
    });
    // Does not wait for the API, which may stand still.
    const end = () => {
      Promise.resolve(client.dispose()).catch(() => {}); // with what terminate() says
      client.terminate();
    };
    stop.addEventListener("abort", end, { once: true });
    const query = `subscription ($id: ID!) {
      renderEvents(id: $id) { render { status bytesUploaded failure { code message } } }
    }`;
    try {
      const event = z.object({ renderEvents: z.object({ render: progress }) });
      for await (const { data, errors } of client.iterate({ query, variables: { id } })) {
        if (errors) throw new StackError(errors.map(({ message }) => message).join("\n"));
        yield event.parse(data).renderEvents.render;
      }
    } finally {
      stop.removeEventListener("abort", end);
      end();
    }
  }

  async finishedRender(id: string): Promise<FinishedRender> {
    const { render } = await this.#request(
      z.object({ render: finished }),
      `query ($id: ID!) {
        render(id: $id) {
          byteSize partSize partCount retriedParts backends crc32 downloadUrl startedAt workflow { url }
        }
      }`,
      { id },
    );
    return render;
  }

  /** @throws where the API does not say within five seconds that it does */
  async cancelRender(id: string): Promise<void> {
    const query = "mutation ($id: ID!) { cancelRender(id: $id) { __typename } }";
    const answer = z.object({ cancelRender: z.object({ __typename: z.string() }) });
    await this.#request(answer, query, { id }, 5_000);
  }

  async #request<T>(shape: z.ZodType<T>, query: string, variables: object, withinMs = 30_000): Promise<T> {
    const response = await fetch(this.#urls.graphqlUrl, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: this.#authorization },
      body: JSON.stringify({ query, variables }),
      signal: AbortSignal.timeout(withinMs),
    });
    const answer = z
      .object({ data: z.unknown(), errors: z.array(z.object({ message: z.string() })).optional() })
      .parse(await response.json());
    if (answer.errors) throw new StackError(answer.errors.map(({ message }) => message).join("\n"));
    return shape.parse(answer.data);
  }
}
