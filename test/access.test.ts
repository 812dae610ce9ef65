import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { GraphQLFormattedError } from "graphql";
import { SignJWT } from "jose";
import { Client } from "./support/client.ts";
import { allRgb } from "./support/images.ts";
import { TestStack } from "./support/stack.ts";

describe("access to the API", () => {
  let stack: TestStack;
  before(async () => {
    stack = await TestStack.start({ MAX_ACTIVE_RENDERS: "2" });
  });
  after(() => stack[Symbol.asyncDispose]());

  const viewerQuery = "{ viewer { id } }";
  const anyEvent = "subscription { viewerRenderEvents { sequence } }";

  async function refusedTokens(): Promise<[title: string, token: string | undefined][]> {
    const otherSecret = new TextEncoder().encode("another secret, of at least 32 characters");
    const forged = new SignJWT().setProtectedHeader({ alg: "HS256" }).setSubject("a").setExpirationTime("1h");
    return [
      ["no token", undefined],
      ["a token that is none", "token"],
      ["an expired token", await stack.token("a", "-1h")],
      ["a token of another issuer", await forged.sign(otherSecret)],
    ];
  }

  it("is refused over HTTP with 401 without a good token", async () => {
    for (const [title, token] of await refusedTokens()) {
      const { status, result } = await new Client(stack.info, token).post(viewerQuery);
      assert.deepEqual([status, result.errors?.[0]?.extensions?.["code"]], [401, "UNAUTHENTICATED"], title);
    }
  });

  it("is refused over WebSocket without a good token", async () => {
    for (const [title, token] of await refusedTokens()) {
      const subscription = new Client(stack.info, token).subscribe(anyEvent);
      await assert.rejects(subscription.next(), (closed: unknown) => {
        assert.ok(typeof closed === "object" && closed !== null && "code" in closed, title);
        assert.ok(closed.code === 4401 || closed.code === 4403, `${title}: ${closed.code}`);
        return true;
      });
    }
  });

  it("shows nobody another user's render, and lets nobody act on it", async () => {
    const owner = await stack.client("owner");
    const other = await stack.client("other");
    const { id } = await owner.started({ spec: allRgb(8, 8) });
    await owner.completed(id);

    assert.equal((await owner.request<{ viewer: { id: string } }>(viewerQuery)).viewer.id, "owner");
    assert.equal(await other.render(id), null);
    const { renders } = await other.request<{ renders: { totalCount: number; nodes: unknown[] } }>(
      "{ renders { totalCount nodes { id } } }",
    );
    assert.deepEqual(renders, { totalCount: 0, nodes: [] });
    for (const action of ["cancelRender", "pauseRender", "resumeRender", "retryRender"] as const) {
      assert.equal((await other.act(action, id)).__typename, "RenderNotFoundError");
    }
    assert.equal((await other.delete(id)).__typename, "RenderNotFoundError");
    await assert.rejects(other.events(id, 0).next(), /no render/);
    assert.ok(await owner.render(id));
  });

  it("sends nobody another user's events", async () => {
    const owner = await stack.client("owner");
    const other = await stack.client("other");
    const spec = allRgb(8, 8);
    const seen = other.subscribe<{ viewerRenderEvents: { render: { id: string } } }>(
      "subscription { viewerRenderEvents { render { id } } }",
    );
    const render = async (client: Client) => (await client.completed((await client.started({ spec })).id)).id;
    const own = new Set<string>();
    let isListening = false;
    const first = seen.next().finally(() => {
      isListening = true;
    });
    while (!isListening) own.add(await render(other));
    await first;

    await render(owner);
    const last = await render(other);
    own.add(last);
    for await (const { viewerRenderEvents } of seen) {
      assert.ok(own.has(viewerRenderEvents.render.id));
      if (viewerRenderEvents.render.id === last) break;
    }
  });

  it("holds a user to MAX_ACTIVE_RENDERS, exactly, however many requests come at once", async () => {
    const client = await stack.client();
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, () => client.start({ spec: allRgb(6001, 5003), partSize: 5 * 2 ** 20 })),
    );
    const refused = outcomes.filter(({ __typename }) => __typename === "QuotaExceededError");
    assert.equal(refused.length, 8);
    for (const outcome of outcomes) if (outcome.__typename === "Render") await client.act("cancelRender", outcome.id);
  });

  const field = "workflow { workflowId }";
  const unparsed = "GRAPHQL_PARSE_FAILED";
  const invalid = "GRAPHQL_VALIDATION_FAILED";
  const tooBig = 1009; // https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1
  type Case = [title: string, codes: [http: string, webSocket: string | number], selection: string, fragment?: string];
  const tooMuch: Case[] = [
    ["aliases", [unparsed, unparsed], Array.from({ length: 2_000 }, (_, index) => `a${index}: id`).join(" ")],
    ["repetition", ["BAD_REQUEST", tooBig], new Array(20_000).fill(field).join(" ")],
    ["fragments in a ring", [invalid, invalid], "...ring", "fragment ring on Render { id ...ring }"],
  ];
  for (const [title, codes, selection, fragment = ""] of tooMuch) {
    it(`refuses too much of ${title}, on both transports alike`, async () => {
      const client = await stack.client();
      const query = `{ renders { nodes { ${selection} } } } ${fragment}`;
      const { result } = await client.post(query);
      assert.equal(result.data, undefined);
      const subscription = client.subscribe(query);
      const refusal: Refusal = await subscription.next().catch((error) => error);
      assert.deepEqual([result.errors?.[0]?.extensions?.["code"], codeOf(refusal)], codes);
    });
  }
});

/** What a server refuses an operation over WebSocket with: its errors, or the close of the socket. */
type Refusal = GraphQLFormattedError[] | { code: number };

function codeOf(refusal: Refusal): unknown {
  return Array.isArray(refusal) ? refusal[0]?.extensions?.["code"] : refusal.code;
}
