import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { GraphQLError } from "graphql";
import { generateKeyPair, SignJWT } from "jose";
import { Client } from "pg";
import { applyEvent } from "../database/apply-event.ts";
import { createRender } from "../database/create-render.ts";
import { patterns as allPatterns } from "../images/patterns/index.ts";
import { TestApi } from "../test/support/api.ts";
import { newRender, recordedEvent } from "../test/support/renders.ts";

const spec = { width: 4, height: 4, pattern: { solid: { color: "#123456" } } };

describe("the API over HTTP", () => {
  let api: TestApi;
  before(async () => {
    api = await TestApi.open();
  });
  after(() => api.close());

  test("says that it cannot check tokens while the identity provider is away", async () => {
    const unsure = await TestApi.open(undefined, "http://127.0.0.1:1/");
    const { privateKey } = await generateKeyPair("ES256");
    const jwt = new SignJWT({ sub: "alice" }).setExpirationTime("1h").setProtectedHeader({ alg: "ES256" });
    const response = await fetch(`${unsure.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${await jwt.sign(privateKey)}` },
      body: JSON.stringify({ query: "{ viewer { id } }" }),
    });
    const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
    assert.deepEqual([response.status, errors[0]?.extensions.code], [503, "SERVICE_UNAVAILABLE"]);
    await unsure.close();
  });

  async function post(body: string, headers: Record<string, string> = {}) {
    const authorization = `Bearer ${await api.token("alice")}`;
    const response = await fetch(`${api.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization, ...headers },
      body,
    });
    const { data, errors = [] } = (await response.json()) as {
      data?: unknown;
      errors?: { message: string; extensions: { code: string } }[];
    };
    return { status: response.status, headers: response.headers, data, errors, code: errors[0]?.extensions.code };
  }

  const query = (text: string, headers?: Record<string, string>) => post(JSON.stringify({ query: text }), headers);

  test("answers whoever has a token, and nobody else", async () => {
    const answer = await query("{ viewer { id activeRenders maxActiveRenders maxRenderBytes } }");
    assert.deepEqual(answer.data, {
      viewer: { id: "alice", activeRenders: 0, maxActiveRenders: 5, maxRenderBytes: 68_719_476_736 },
    });
    assert.equal(answer.headers.get("x-powered-by"), null);
    for (const authorization of ["", "Bearer a.b.c", `Bearer ${await api.token("alice", "-1m")}`]) {
      const refused = await query("{ viewer { id } }", { authorization });
      assert.deepEqual([refused.status, refused.code, refused.data], [401, "UNAUTHENTICATED", undefined]);
    }
  });

  test("refuses what is too large, too many or no GraphQL, before it runs", async () => {
    const cases: [string, number, string][] = [
      [JSON.stringify({ query: `#${"x".repeat(300_000)}` }), 413, "BAD_REQUEST"],
      ["{", 400, "BAD_REQUEST"],
      [JSON.stringify([{ query: "{ viewer { id } }" }]), 400, "BAD_REQUEST"],
      [JSON.stringify({ query: "{" }), 400, "GRAPHQL_PARSE_FAILED"],
      [JSON.stringify({ query: `{ ${"viewer { id } ".repeat(1_000)} }` }), 400, "GRAPHQL_PARSE_FAILED"],
      [JSON.stringify({ query: "{ nothing }" }), 400, "GRAPHQL_VALIDATION_FAILED"],
      [JSON.stringify({ query: `{ ${"a { ".repeat(500)} b ${" }".repeat(500)} }` }), 400, "GRAPHQL_VALIDATION_FAILED"],
      [
        JSON.stringify({ query: "query A { viewer { id } } query B { viewer { id } }" }),
        400,
        "OPERATION_RESOLUTION_FAILURE",
      ],
      [JSON.stringify({ query: "query A { viewer { id } }", operationName: "B" }), 400, "OPERATION_RESOLUTION_FAILURE"],
      [JSON.stringify({ query: "query A { viewer { id } }", operationName: "" }), 400, "OPERATION_RESOLUTION_FAILURE"],
      [JSON.stringify({ query: "subscription { viewerRenderEvents { sequence } }" }), 400, "GRAPHQL_VALIDATION_FAILED"],
    ];
    for (const [body, status, code] of cases) {
      const answer = await post(body);
      assert.deepEqual([answer.status, answer.code], [status, code], body.slice(0, 80));
      assert.doesNotMatch(JSON.stringify(answer.errors), /stack|node_modules/);
    }
  });

  test("tells of a few of many wrong values, and quotes little of each", async () => {
    const spec = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`a${i}`, 1]));
    const operation = "query($spec: RenderSpecInput!) { estimateRender(spec: $spec) { __typename } }";
    const answer = await post(JSON.stringify({ query: operation, variables: { spec } }));
    assert.deepEqual([answer.status, answer.code], [400, "BAD_USER_INPUT"]);
    assert.match(answer.errors[0]?.message ?? "", /^Variable "\$spec" got invalid value \{ a0: 1,.* …$/);
    assert.ok(JSON.stringify(answer.errors).length < 5_000);
    const few = await post(JSON.stringify({ query: operation, variables: { spec: { width: "1", height: {} } } }));
    assert.deepEqual(
      few.errors.map(({ message }) => message.replace(/^.* at /, "")),
      [
        '"spec.width"; Int cannot represent non-integer value: "1"',
        '"spec.height"; Int cannot represent non-integer value: {}',
        'Variable "$spec" got invalid value { width: "1", height: {} }; Field "pattern" of required type "PatternInput!" was not provided.',
      ],
    );
  });

  test("quotes no more of an id than an id has", async () => {
    const client = await api.client("alice");
    const id = "x".repeat(200_000);
    const message = `You have no render ${"x".repeat(36)}….`;
    assert.partialDeepStrictEqual(await client.act("cancelRender", id), { message });
    assert.partialDeepStrictEqual(await client.delete(id), { message });
  });

  test("answers clients that offer another protocol", async () => {
    const { host } = new URL(api.url);
    const offering = async (upgrade: string) => {
      const headers = { connection: "Upgrade, HTTP2-Settings", upgrade, "http2-settings": "AAMAAABkAAQAAP__" };
      const [response] = await once(
        get({ host: host.split(":")[0], port: host.split(":")[1], path: "/health", headers }),
        "response",
      );
      return [response.statusCode, await text(response)];
    };
    assert.deepEqual(await offering("h2c"), [200, '{"status":"ok"}']);
  });

  test("says in one line where its port is in use", async () => {
    const { port } = new URL(api.url);
    const another = spawn(process.execPath, ["api/main.ts"], {
      env: {
        PORT: port,
        DATABASE_URL: api.database.url,
        S3_BUCKET: "renders",
        JWT_SECRET: "a secret of thirty-two characters",
      },
    });
    const [[code], stdout, stderr] = await Promise.all([
      once(another, "close"),
      text(another.stdout),
      text(another.stderr),
    ]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, new RegExp(`^The API cannot start: .* in use .*:${port}\\. .*HOST and PORT\\.\n$`));
  });

  test("takes only POST, and only a content type that no foreign page can send", async () => {
    const get = await fetch(`${api.url}/graphql?query={viewer{id}}`);
    assert.deepEqual([get.status, get.headers.get("allow")], [405, "POST"]);
    const elsewhere = await fetch(`${api.url}/`);
    assert.equal(elsewhere.status, 404);
    assert.match(await elsewhere.text(), /There is nothing to GET here\. GraphQL is at \/graphql\./);
    assert.match(await get.text(), /asked by POST/);
    const plain = await query("{ viewer { id } }", { "content-type": "text/plain" });
    assert.equal(plain.status, 400);
  });

  test("refuses a condition at the root of a subscription, also of one that is not asked for", async () => {
    const subscription = "subscription S($on: Boolean!) { viewerRenderEvents @include(if: $on) { sequence } }";
    for (const document of [subscription, `${subscription} query A { viewer { id } }`]) {
      const { status, code } = await query(document);
      assert.deepEqual([status, code], [400, "GRAPHQL_VALIDATION_FAILED"]);
    }
  });

  test("signs one user's many download links while others get theirs", async () => {
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" });
    const links = async (user: string, count: number) => {
      const created = await createRender(api.orm.em.fork(), newRender(user), 1);
      assert.equal(created.kind, "created");
      const { id } = created.render;
      await applyEvent(api.orm.em.fork(), recordedEvent(id, 2, "COMPLETED"));
      const client = await api.client(user);
      const fields = Array.from({ length: count }, (_, i) => `a${i}: downloadUrl(expiresIn: ${i + 1})`);
      return () => client.request<{ render: object }>(`{ render(id: "${id}") { ${fields.join(" ")} } }`);
    };
    const [many, one] = [await links("many", 200), await links("one", 1)];
    let isDone = false;
    const all = many().then(({ render }) => {
      isDone = true;
      assert.equal(new Set(Object.values(render)).size, 200);
    });
    await one();
    assert.equal(isDone, false);
    await all;
  });

  test("says which argument is outside its range", async () => {
    const created = await createRender(api.orm.em.fork(), newRender("alice"), 5);
    const id = "render" in created && created.render.id;
    const cases: [string, RegExp][] = [
      ["renders(first: 0)", /first is 0; it must be from 1 to 100/],
      ["renders(last: 101)", /last is 101; it must be from 1 to 100/],
      ["renders(first: 1, last: 1)", /not both/],
      [`renders(after: "xyz")`, /after must be a cursor/],
      [`renders(filter: { nameContains: "\\u0000" })`, /U\+0000/],
    ];
    for (const [field, message] of cases) {
      const answer = await query(`{ ${field} { totalCount } }`);
      assert.equal(answer.code, "BAD_USER_INPUT");
      assert.match(answer.errors[0]?.message ?? "", message);
    }
    for (const seconds of [0, 604_801]) {
      const answer = await query(`{ render(id: "${id}") { downloadUrl(expiresIn: ${seconds}) } }`);
      assert.equal(answer.code, "BAD_USER_INPUT");
      assert.match(answer.errors[0]?.message ?? "", /from 1 to 604800/);
    }
  });

  test("shows the pattern definitions that specs are checked by", async () => {
    const answer = await query("{ patterns { name parameters { name type default minimum maximum } } }");
    const { patterns } = answer.data as { patterns: { name: string; parameters: unknown[] }[] };
    assert.deepEqual(
      patterns.map(({ name }) => name),
      allPatterns.map(({ name }) => name),
    );
    assert.deepEqual(patterns.find(({ name }) => name === "stripes")?.parameters, [
      { name: "axis", type: "Axis", default: "VERTICAL", minimum: null, maximum: null },
      { name: "onWidth", type: "Int", default: "1", minimum: 1, maximum: 1_048_576 },
      { name: "offWidth", type: "Int", default: "1", minimum: 1, maximum: 1_048_576 },
      { name: "on", type: "HexColor", default: "#FFFFFF", minimum: null, maximum: null },
      { name: "off", type: "HexColor", default: "#000000", minimum: null, maximum: null },
    ]);
  });

  test("estimates exactly, and names every wrong field at once", async () => {
    const fields = "... on RenderEstimate { byteSize partSize partCount } ... on InvalidSpecError { issues { path } }";
    const estimate = async (of: string) => (await query(`{ estimateRender(${of}) { ${fields} } }`)).data;
    assert.deepEqual(await estimate(`spec: { width: 26754, height: 26754, pattern: { allRgb: {} } }`), {
      estimateRender: { byteSize: 2_147_383_110, partSize: 16_777_216, partCount: 128 },
    });
    const wrong = `spec: { width: 0, height: 1, pattern: { grid: { spacingX: 0, spacingY: 1, line: "red" } } }, partSize: 1`;
    assert.deepEqual(await estimate(wrong), {
      estimateRender: {
        issues: [
          { path: ["width"] },
          { path: ["pattern", "grid", "spacingX"] },
          { path: ["pattern", "grid", "line"] },
          { path: ["partSize"] },
        ],
      },
    });
  });

  test("counts a name's characters as people do", async () => {
    const start = async (name: string) => {
      const input = `{ spec: { width: 0, height: 1, pattern: { allRgb: {} } }, name: ${JSON.stringify(name)} }`;
      const fields = "... on InvalidSpecError { issues { path } }";
      const { data } = await query(`mutation { startRender(input: ${input}) { ${fields} } }`);
      return (data as { startRender: { issues: { path: string[] }[] } }).startRender.issues.map(({ path }) => path[0]);
    };
    assert.deepEqual(await start("🎨".repeat(200)), ["width"]);
    assert.deepEqual(await start("🎨".repeat(201)), ["width", "name"]);
    assert.deepEqual(await start("two\nlines"), ["width", "name"]);
  });

  test("does without Temporal: a render is QUEUED all the same, and an action says what is missing", async () => {
    const client = await api.client("bob");
    const start = performance.now();
    const render = await client.started({ spec, idempotencyKey: "again" });
    assert.ok(performance.now() - start < 5_000);
    assert.equal(render.status, "QUEUED");
    assert.deepEqual(render.workflow, {
      workflowId: `render-${render.id}`,
      runId: null,
      url: `http://ui.example/namespaces/default/workflows/render-${render.id}`,
    });
    await assert.rejects(client.act("cancelRender", render.id), {
      message: /Temporal or the control worker .* does not answer/,
      extensions: { code: "SERVICE_UNAVAILABLE" },
    });
  });

  test("is not ready where PostgreSQL lacks the schema of its version", async () => {
    const client = new Client(api.database.url);
    await client.connect();
    const rename = (from: string, to: string) => client.query(`alter table render rename column ${from} to ${to}`);
    await rename("deletion_asked_at", "elsewhere");
    const ready = await fetch(`${api.url}/ready`);
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /postgresql lacks this version's schema \(npm run migrate\); temporal/);
    await rename("elsewhere", "deletion_asked_at");
    await client.end();
  });

  test("is healthy without Temporal, but not ready", async () => {
    assert.equal((await fetch(`${api.url}/health`)).status, 200);
    const ready = await fetch(`${api.url}/ready`);
    assert.equal(ready.status, 503);
    assert.deepEqual(await ready.json(), {
      status: "unavailable",
      reason: "temporal is not available (the log says why)",
    });
  });

  test("says so where PostgreSQL is away, and goes on once it is back", async () => {
    const client = await api.client("carol");
    const calls = [() => client.request("{ renders { nodes { id } } }"), () => client.start({ spec })];
    await api.database.stop();
    for (const call of calls) {
      await assert.rejects(call, (error: unknown) => {
        assert.ok(error instanceof GraphQLError);
        assert.match(error.message, /The database is not available/);
        return error.extensions["code"] === "SERVICE_UNAVAILABLE";
      });
    }
    await api.database.start();
    for (const call of calls) await call();
  });
});
