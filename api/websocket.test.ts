import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { GRAPHQL_TRANSPORT_WS_PROTOCOL } from "graphql-ws";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import WebSocket from "ws";
import { Render } from "../database/render.ts";
import { TestApi } from "../test/support/api.ts";
import { waitFor } from "../test/support/wait-for.ts";

interface Message {
  type: string;
  id?: string;
  payload?: unknown;
}

/** A socket that speaks graphql-transport-ws by hand, and keeps what it hears. */
class RawSocket {
  readonly #socket: WebSocket;
  readonly #opened: Promise<unknown>;
  readonly #heard: Message[] = [];
  readonly #closed: Promise<{ code: number; reason: string }>;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.#socket = new WebSocket(url, GRAPHQL_TRANSPORT_WS_PROTOCOL, { headers });
    this.#opened = once(this.#socket, "open");
    this.#socket.on("message", (data) => this.#heard.push(JSON.parse(String(data))));
    this.#socket.on("error", () => {});
    this.#closed = once(this.#socket, "close").then(([code, reason]) => ({ code, reason: String(reason) }));
  }

  async init(payload?: object): Promise<void> {
    await this.#opened;
    this.send({ type: "connection_init", ...(payload ? { payload } : {}) });
  }

  send(message: Message | string): void {
    this.#socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  subscribe(id: string, query: string, variables?: object): void {
    this.send({ id, type: "subscribe", payload: { query, variables } });
  }

  async hears(is: (message: Message) => boolean): Promise<Message> {
    for (;;) {
      const message = this.#heard.find(is);
      if (message) return message;
      const closed = this.#closed.then(({ code, reason }) => assert.fail(`closed with ${code} ${reason}`));
      await Promise.race([once(this.#socket, "message"), closed]);
    }
  }

  closed(): Promise<{ code: number; reason: string }> {
    return this.#closed;
  }

  /** Stops reading, and so answering a close; what it sends still goes out. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Sends a message again and again, and reads nothing. @returns how often it could, at most `times` */
  async flood(message: Message, times: number): Promise<number> {
    await this.#opened;
    this.pause();
    for (let sent = 0; sent < times; sent++) {
      const failure = await new Promise((flushed) => this.#socket.send(JSON.stringify(message), flushed));
      if (failure) return sent;
    }
    return times;
  }

  end(): void {
    this.#socket.terminate();
  }
}

const isAck = ({ type }: Message) => type === "connection_ack";
const FOLLOW = "subscription { viewerRenderEvents { sequence } }";

describe("the API over WebSocket", () => {
  let api: TestApi;
  before(async () => {
    api = await TestApi.open();
  });
  after(() => api.close());

  const bearer = async (expires?: string | number, user = "alice") => ({
    authorization: `Bearer ${await api.token(user, expires)}`,
  });

  async function admitted(user?: string): Promise<RawSocket> {
    const socket = new RawSocket(api.wsUrl);
    await socket.init(await bearer(undefined, user));
    await socket.hears(isAck);
    return socket;
  }

  test("takes the token from the connection's parameters or from the HTTP header", async () => {
    const byHeader = new RawSocket(api.wsUrl, await bearer());
    await byHeader.init();
    await byHeader.hears(isAck);
    byHeader.subscribe("1", "{ viewer { id } }");
    const { payload } = await byHeader.hears(({ type }) => type === "next");
    assert.deepEqual(payload, { data: { viewer: { id: "alice" } } });
    byHeader.end();
    (await admitted()).end();
  });

  /** A token that is refused for a reason that says `word`. */
  function tokenWithReason(word: string): string {
    const header = { alg: "HS256", crit: [word] };
    return [header, { sub: "mallory" }, {}].map((part) => base64url(JSON.stringify(part))).join(".");
  }

  const base64url = (text: string) => Buffer.from(text).toString("base64url");

  test("closes for good without a token, and for a fresh one where it is refused", async () => {
    const cases: [object | undefined, number][] = [
      [undefined, 4401],
      [{ authorization: "Bearer a.b.c" }, 4403],
      [{ authorization: `Bearer ${tokenWithReason("é".repeat(100))}` }, 4403], // a reason has 123 bytes at most
      [await bearer("-1m"), 4403],
    ];
    for (const [payload, code] of cases) {
      const socket = new RawSocket(api.wsUrl);
      await socket.init(payload);
      assert.equal((await socket.closed()).code, code);
    }
  });

  test("closes for a fresh token when the token expires", async () => {
    const socket = new RawSocket(api.wsUrl);
    const toleratedSeconds = 5;
    await socket.init(await bearer(Math.floor(Date.now() / 1000) - toleratedSeconds + 4));
    await socket.hears(isAck);
    socket.subscribe("1", FOLLOW);
    assert.deepEqual(await socket.closed(), { code: 4403, reason: "Token expired" });
  });

  test("hears nobody any more whose token has expired, though the client leaves the socket open", async () => {
    const toleratedSeconds = 5;
    const expires = Math.floor(Date.now() / 1000) - toleratedSeconds + 2;
    const open = async () => {
      const socket = new RawSocket(api.wsUrl);
      await socket.init(await bearer(expires, "late"));
      await socket.hears(isAck);
      return socket;
    };
    const [deaf, witness] = [await open(), await open()];
    deaf.pause();
    await witness.closed();
    const input = { spec: { width: 8, height: 8, pattern: { allRgb: {} } } };
    deaf.subscribe("1", "mutation ($input: StartRenderInput!) { startRender(input: $input) { __typename } }", {
      input,
    });
    deaf.resume();
    assert.equal((await deaf.closed()).code, 4403);
    await (await api.client("in time")).start(input);
    const renders = await api.orm.em.fork().find(Render, { userId: ["late", "in time"] });
    assert.deepEqual(
      renders.map(({ userId }) => userId),
      ["in time"],
    );
  });

  test("cuts off a client that does not read, with or without a token", async () => {
    for (const socket of [new RawSocket(api.wsUrl), await admitted()]) {
      const heard = await socket.flood({ type: "ping", payload: { text: "x".repeat(200_000) } }, 400);
      socket.end();
      assert.ok(heard < 400);
    }
  });

  test("closes where an operation's id is long, as each answer would repeat it", async () => {
    const socket = await admitted();
    socket.subscribe("x".repeat(257), FOLLOW);
    assert.equal((await socket.closed()).code, 4400);
  });

  test("bounds the operations of all sockets of a viewer together", async () => {
    const sockets = await Promise.all(Array.from({ length: 6 }, () => admitted("dora")));
    for (const socket of sockets) for (let index = 0; index < 84; index++) socket.subscribe(`s${index}`, FOLLOW);
    const refusals = await Promise.any(sockets.map((socket) => socket.hears(({ type }) => type === "error")));
    assert.match(JSON.stringify(refusals.payload), /TOO_MANY_OPERATIONS/);
    for (const socket of sockets) socket.end();
  });

  test("answers a wrong operation with its errors, and goes on", async () => {
    const socket = await admitted();
    const cases = {
      syntax: ["subscription {", "GRAPHQL_PARSE_FAILED"],
      field: ["subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"],
      depth: [
        `{ __type(name: "A") { ${"ofType { ".repeat(20)} name ${" }".repeat(20)} } }`,
        "GRAPHQL_VALIDATION_FAILED",
      ],
      "a condition at the root": [
        "subscription ($on: Boolean!) { viewerRenderEvents @include(if: $on) { sequence } }",
        "GRAPHQL_VALIDATION_FAILED",
      ],
      "a condition in a fragment": [
        "subscription { ...F } fragment F on Subscription { ... @skip(if: true) { viewerRenderEvents { sequence } } }",
        "GRAPHQL_VALIDATION_FAILED",
      ],
      tokens: [`{ ${"viewer { id } ".repeat(1_000)} }`, "GRAPHQL_PARSE_FAILED"],
    };
    for (const [id, [query = "", code]] of Object.entries(cases)) {
      socket.subscribe(id, query);
      const { payload } = await socket.hears((message) => message.id === id);
      assert.deepEqual((payload as { extensions: { code: string } }[])[0]?.extensions.code, code, id);
    }
    const spec = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`a${i}`, 1]));
    const query = "query($spec: RenderSpecInput!) { estimateRender(spec: $spec) { __typename } }";
    socket.send({ id: "variables", type: "subscribe", payload: { query, variables: { spec } } });
    const wrong = await socket.hears(({ id }) => id === "variables");
    assert.equal(wrong.type, "error");
    assert.ok(JSON.stringify(wrong).length < 5_000);
    const missing = `subscription { renderEvents(id: "none") { sequence } }`;
    socket.subscribe("missing", missing);
    const { payload } = await socket.hears(({ id, type }) => id === "missing" && type === "next");
    assert.equal((payload as { errors: { extensions: { code: string } }[] }).errors[0]?.extensions.code, "NOT_FOUND");
    socket.subscribe("still", "{ viewer { id } }");
    await socket.hears(({ id, type }) => id === "still" && type === "next");
    socket.end();
  });

  test("bounds the operations of a socket, and frees their places", async () => {
    const socket = await admitted();
    for (let index = 0; index <= 100; index++) socket.subscribe(`s${index}`, FOLLOW);
    const { id, payload } = await socket.hears(({ type }) => type === "error");
    assert.equal(id, "s100");
    assert.match(JSON.stringify(payload), /TOO_MANY_OPERATIONS/);
    socket.send({ id: "s0", type: "complete" });
    socket.subscribe("again", "{ viewer { id } }");
    await socket.hears((message) => message.id === "again" && message.type === "next");
    socket.end();
  });

  test("operations that cannot be told apart keep no place", async () => {
    const socket = await admitted();
    for (let index = 0; index <= 100; index++) {
      socket.subscribe(`s${index}`, "query A { viewer { id } } query B { viewer { id } }");
      const { payload } = await socket.hears(({ id }) => id === `s${index}`);
      assert.match(JSON.stringify(payload), /OPERATION_RESOLUTION_FAILURE/);
    }
    socket.subscribe("s0", "{ viewer { id } }");
    await socket.hears(({ id, type }) => id === "s0" && type === "next");
    socket.end();
  });

  test("bounds the sockets of a viewer, and frees their places", async () => {
    const sockets = await Promise.all(Array.from({ length: 100 }, () => admitted("bob")));
    await assert.rejects(admitted("bob"), /closed with 4429/);
    (await admitted("carol")).end();
    for (const socket of sockets) socket.end();
    await waitFor("a place", () =>
      admitted("bob").then(
        (socket) => {
          socket.end();
          return true;
        },
        () => false,
      ),
    );
  });

  test("asks to come again where the token cannot be checked now", async (t) => {
    const away = await TestApi.open(undefined, "http://127.0.0.1:1/");
    t.after(() => away.close());
    const { privateKey } = await generateKeyPair("ES256");
    const jwt = new SignJWT({ sub: "alice" }).setExpirationTime("1h").setProtectedHeader({ alg: "ES256" });
    const socket = new RawSocket(away.wsUrl);
    await socket.init({ authorization: `Bearer ${await jwt.sign(privateKey)}` });
    assert.equal((await socket.closed()).code, 1013);
  });

  test("closes an open socket whose token's key has been withdrawn", async (t) => {
    const [one, two] = await Promise.all([generateKeyPair("ES256"), generateKeyPair("ES256")]);
    const setOf = async ({ publicKey }: typeof one, kid: string) =>
      JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: "ES256", kid }] });
    let keys = await setOf(one, "one");
    const server = createServer((_, response) => void response.end(keys)).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const rotating = await TestApi.open(undefined, `http://127.0.0.1:${port}/`);
    t.after(() => rotating.close());
    const header = { alg: "ES256", kid: "one" };
    const jwt = new SignJWT({ sub: "alice" }).setExpirationTime("1h").setProtectedHeader(header);
    const authorization = `Bearer ${await jwt.sign(one.privateKey)}`;

    t.mock.timers.enable({ apis: ["Date", "setTimeout"], now: Date.now() });
    const socket = new RawSocket(rotating.wsUrl);
    await socket.init({ authorization });
    await socket.hears(isAck);
    keys = await setOf(two, "two");
    t.mock.timers.tick(11 * 60_000); // the set is fetched again after ten
    const { code, reason } = await socket.closed();
    assert.equal(code, 4403);
    assert.match(reason, /no applicable key found/);
  });

  test("does not count sockets that were closed while their token was checked", async (t) => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const asked = Promise.withResolvers<() => void>();
    const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), alg: "ES256" }] });
    const server = createServer((_, response) => asked.resolve(() => void response.end(keys))).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const slow = await TestApi.open(undefined, `http://127.0.0.1:${port}/`);
    t.after(() => slow.close());
    const jwt = new SignJWT({ sub: "alice" }).setExpirationTime("1h").setProtectedHeader({ alg: "ES256" });
    const token = { authorization: `Bearer ${await jwt.sign(privateKey)}` };
    const connect = async () => {
      const socket = new RawSocket(slow.wsUrl);
      await socket.init(token);
      return socket;
    };

    const sockets = await Promise.all(Array.from({ length: 100 }, connect));
    const answer = await asked.promise;
    for (const socket of sockets) socket.end();
    await Promise.all(sockets.map((socket) => socket.closed()));
    answer();
    await waitFor("a place for another socket", async () => {
      const socket = await connect();
      const outcome = await Promise.race([socket.hears(isAck).catch(() => {}), socket.closed().then(() => undefined)]);
      socket.end();
      return outcome !== undefined;
    });
  });

  test("closes where an id is used again before its operation has answered", async () => {
    const socket = await admitted();
    await api.orm.em.fork().transactional(async (em) => {
      await em.execute("lock table viewer in access exclusive mode"); // which the operation reads before it answers
      socket.subscribe("1", FOLLOW);
      socket.send({ id: "1", type: "complete" });
      socket.subscribe("1", FOLLOW);
      assert.equal((await socket.closed()).code, 4409);
    });
  });

  test("closes where a message is too large, and writes nothing beside the log", async (t) => {
    const written = t.mock.method(console, "error");
    const socket = await admitted();
    socket.send("x".repeat(300_000));
    assert.equal((await socket.closed()).code, 1009);
    assert.equal(written.mock.callCount(), 0);
  });

  test("tells no more of a fault on the server's side than over HTTP", async () => {
    const socket = await admitted();
    await api.database.stop();
    socket.subscribe("1", "{ viewer { activeRenders } }");
    const { payload } = await socket.hears(({ type }) => type === "next");
    const [error] = (payload as { errors: { message: string; extensions: Record<string, unknown> }[] }).errors;
    assert.match(error?.message ?? "", /^The database is not available\. Try again; .* report error /);
    assert.deepEqual(Object.keys(error?.extensions ?? {}), ["code", "errorId"]);
    await api.database.start();
    socket.end();
  });

  test("sends its clients elsewhere when it stops", async () => {
    const socket = await admitted();
    socket.subscribe("1", FOLLOW);
    const closed = socket.closed();
    await api.stopServer();
    assert.equal((await closed).code, 1001);
  });
});
