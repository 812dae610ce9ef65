import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { DemoClient } from "./demo-client.ts";

test("follows nothing where it was stopped before", { timeout: 10_000 }, async () => {
  const urls = { graphqlUrl: "http://127.0.0.1:1/graphql", wsUrl: "ws://127.0.0.1:1/graphql" };
  const client = new DemoClient(urls, "token");
  const events = client.follow("a render", AbortSignal.abort(), () => true);
  assert.deepEqual(await events.next(), { value: undefined, done: true });
});

test("stops at once where the API stands still", { timeout: 10_000 }, async (t) => {
  const sockets: Socket[] = [];
  const server = createServer((socket) => sockets.push(socket.on("error", () => {}))).listen(0, "127.0.0.1");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const urls = { graphqlUrl: `http://127.0.0.1:${port}/graphql`, wsUrl: `ws://127.0.0.1:${port}/graphql` };
  const stop = new AbortController();
  const events = new DemoClient(urls, "token").follow("a render", stop.signal, () => true);
  const next = events.next().catch(() => "ended");
  await once(server, "connection");
  stop.abort();
  await next;
});
