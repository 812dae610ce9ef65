import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { GraphQLError } from "graphql";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { createLog } from "../service/log.ts";
import { createAuthenticate } from "./auth.ts";

const log = createLog("auth-test");
log.level = "silent";

const SECRET = "a secret of at least 32 characters";
const key = new TextEncoder().encode(SECRET);

function token(sub: string | undefined, expires: string | undefined, { iss = "me", aud = "them" } = {}): SignJWT {
  const jwt = new SignJWT({ ...(sub === undefined ? {} : { sub }) }).setIssuer(iss).setAudience(aud);
  return (expires === undefined ? jwt : jwt.setExpirationTime(expires)).setProtectedHeader({ alg: "HS256" });
}

const refused = (message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof GraphQLError);
  assert.equal(error.extensions["code"], "UNAUTHENTICATED");
  assert.match(error.message, message);
  return true;
};

describe("authentication", () => {
  const authenticate = createAuthenticate({ JWT_SECRET: SECRET, JWT_ISSUER: "me", JWT_AUDIENCE: "them" }, log);

  test("takes a token's subject for the viewer, until it expires", async () => {
    const { id, expiresAt } = await authenticate(`Bearer ${await token("alice", "1h").sign(key)}`);
    assert.equal(id, "alice");
    const seconds = (expiresAt - Date.now()) / 1000;
    assert.ok(seconds > 3_590 && seconds < 3_610);
  });

  test("refuses every other token, and says why", async () => {
    const expiredToken = await token("alice", "-1m").sign(key);
    const cases: [string | undefined, RegExp][] = [
      [undefined, /needs a token/],
      ["", /needs a token/],
      ["Basic YTpi", /must be: Bearer TOKEN/],
      ["Bearer not.a.token", /not accepted/],
      [`Bearer ${expiredToken}`, /has expired/],
      [`Bearer ${await token("alice", undefined).sign(key)}`, /"exp"/],
      [`Bearer ${await token(undefined, "1h").sign(key)}`, /"sub"/],
      [`Bearer ${await token("x".repeat(256), "1h").sign(key)}`, /1 to 255/],
      [`Bearer ${await token("a\0b", "1h").sign(key)}`, /printable/],
      [`Bearer ${await token("alice", "1h", { iss: "you" }).sign(key)}`, /"iss"/],
      [`Bearer ${await token("alice", "1h", { aud: "you" }).sign(key)}`, /"aud"/],
      [`Bearer ${await token("alice", "1h").sign(new TextEncoder().encode("x".repeat(32)))}`, /signature/],
    ];
    for (const [authorization, message] of cases) await assert.rejects(authenticate(authorization), refused(message));
  });

  test("checks tokens by a key set, and never takes the set's keys for a shared secret", async (t) => {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: "one", alg: "ES256" }] };
    const server = createServer((_request, response) => void response.end(JSON.stringify(keys))).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const byKeySet = createAuthenticate({ JWKS_URL: `http://127.0.0.1:${port}/keys` }, log);

    const signed = new SignJWT({ sub: "bob" }).setExpirationTime("1h").setProtectedHeader({ alg: "ES256", kid: "one" });
    assert.equal((await byKeySet(`Bearer ${await signed.sign(privateKey)}`)).id, "bob");
    await assert.rejects(byKeySet(`Bearer ${await token("bob", "1h").sign(key)}`), refused(/not accepted/));
    const unknown = new SignJWT({ sub: "bob" })
      .setExpirationTime("1h")
      .setProtectedHeader({ alg: "ES256", kid: "two" });
    await assert.rejects(byKeySet(`Bearer ${await unknown.sign(privateKey)}`), refused(/not accepted/));
  });

  test("does not blame the token where the identity provider fails", async (t) => {
    const { privateKey } = await generateKeyPair("ES256");
    const signed = new SignJWT({ sub: "bob" }).setExpirationTime("1h").setProtectedHeader({ alg: "ES256", kid: "one" });
    const bob = `Bearer ${await signed.sign(privateKey)}`;
    const server = createServer((request, response) => {
      response.statusCode = request.url === "/failing" ? 503 : 200;
      response.end("<html>");
    }).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    for (const url of [`http://127.0.0.1:${port}/failing`, `http://127.0.0.1:${port}/html`, "http://127.0.0.1:1/"]) {
      const unavailable = { extensions: { code: "SERVICE_UNAVAILABLE", http: { status: 503 } } };
      await assert.rejects(createAuthenticate({ JWKS_URL: url }, log)(bob), unavailable, url);
    }
  });

  test("blames the identity provider, not the token, for a key that cannot be used", async (t) => {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 1024 }); // of 2048 bits at least, says RFC 7518
    const keys = { keys: [{ ...publicKey.export({ format: "jwk" }), kid: "weak", alg: "RS256" }] };
    const server = createServer((_request, response) => void response.end(JSON.stringify(keys))).listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { sub: "alice", exp: Math.floor(Date.now() / 1000) + 3_600 };
    const signed = `${part({ alg: "RS256", kid: "weak" })}.${part(claims)}`;
    const signature = sign("sha256", Buffer.from(signed), privateKey).toString("base64url");
    const weak = createAuthenticate({ JWKS_URL: `http://127.0.0.1:${port}/keys` }, log);
    await assert.rejects(weak(`Bearer ${signed}.${signature}`), {
      message: /key that it names cannot be used/,
      extensions: { code: "SERVICE_UNAVAILABLE", http: { status: 503 } },
    });
  });

  test("says once in ten seconds that the identity provider does not give its keys", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
    const told = createLog("auth-test");
    told.level = "silent";
    const errors = t.mock.method(told, "error", () => {});
    const unsure = createAuthenticate({ JWKS_URL: "http://127.0.0.1:1/" }, told);
    const { privateKey } = await generateKeyPair("ES256");
    const jwt = await new SignJWT({ sub: "alice", exp: Date.now() / 1000 + 3_600 })
      .setProtectedHeader({ alg: "ES256", kid: "invented" })
      .sign(privateKey);
    const ask = () => assert.rejects(unsure(`Bearer ${jwt}`), { message: /does not give its keys/ });
    for (let time = 0; time < 5; time++) await ask();
    assert.equal(errors.mock.callCount(), 1);
    t.mock.timers.tick(10_001);
    await ask();
    assert.equal(errors.mock.callCount(), 2);
  });
});
