import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { exportJWK, generateKeyPair, jwtVerify, SignJWT } from "jose";
import { keysOfProvider } from "./key-set.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** An identity provider whose answers the test sets, on the test's clock. */
async function provider(t: TestContext) {
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" };
  const state = { status: 200, body: JSON.stringify({ keys: [jwk] }), requests: 0, faults: 0 };
  const server = createServer((_request, response) => {
    state.requests += 1;
    response.writeHead(state.status).end(state.body);
  }).listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const keys = keysOfProvider(`http://127.0.0.1:${port}/keys`, () => {
    state.faults += 1;
  });
  const verify = async (kid = "one") => {
    const token = await new SignJWT().setProtectedHeader({ alg: "ES256", kid }).sign(privateKey);
    await jwtVerify(token, keys);
  };
  return { state, jwk, verify, pass: (ms: number) => t.mock.timers.tick(ms) };
}

const unavailable = { extensions: { code: "SERVICE_UNAVAILABLE", http: { status: 503 } } };

for (const [what, answer] of [
  ["fails", { status: 500 }],
  ["gives no JSON", { body: "<html>" }],
  ["gives no keys", { body: '{"keys":[]}' }],
] as const) {
  test(`a provider that ${what}: the last keys are used for an hour, and are told to be old`, async (t) => {
    const { state, verify, pass } = await provider(t);
    await verify();
    const { status, body } = state;
    Object.assign(state, answer);
    pass(59 * MINUTE);
    await verify();
    assert.deepEqual([state.requests, state.faults], [2, 1]);
    pass(11 * MINUTE);
    await assert.rejects(verify(), unavailable);
    Object.assign(state, { status, body });
    pass(5 * SECOND);
    await verify();
  });
}

test("a provider that fails is asked once in five seconds, whoever comes with whatever token", async (t) => {
  const { state, verify, pass } = await provider(t);
  state.status = 500;
  for (let token = 0; token < 10; token++) await assert.rejects(verify(`${token}`), unavailable);
  assert.equal(state.requests, 1);
  pass(5 * SECOND);
  for (let token = 0; token < 10; token++) await assert.rejects(verify(`${token}`), unavailable);
  assert.equal(state.requests, 2);
});

test("a key that cannot be read is the provider's fault, and is fetched again half a minute later", async (t) => {
  const { state, jwk, verify, pass } = await provider(t);
  const { body } = state;
  state.body = JSON.stringify({ keys: [{ ...jwk, x: "AA" }] });
  await assert.rejects(verify(), unavailable);
  state.body = body;
  await assert.rejects(verify(), unavailable);
  pass(30 * SECOND);
  await verify();
  assert.equal(state.requests, 2);
});
