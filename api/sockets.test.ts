import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { buildSchema } from "graphql";
import { GRAPHQL_TRANSPORT_WS_PROTOCOL, makeServer } from "graphql-ws";
import { pino } from "pino";
import WebSocket from "ws";
import * as z from "zod";
import { type Connection, serveSockets } from "./sockets.ts";

const cutOff = z.object({
  msg: z.literal("a client that does not read is cut off"),
  unread: z.int(),
  unreadBytes: z.int(),
});

for (const { of, bytes } of [
  { of: "few large", bytes: 200_000 },
  { of: "many small", bytes: 500 },
]) {
  test(`a client that leaves ${of} answers unread is cut off before they take up memory`, async (t) => {
    const lines: string[] = [];
    const httpServer = createServer().listen(0, "127.0.0.1");
    const protocol = makeServer<Record<string, never>, Connection>({
      schema: buildSchema("type Query { nothing: Int }"),
    });
    const log = pino({ name: "test" }, { write: (line: string) => void lines.push(line) });
    const sockets = serveSockets(httpServer, "/", protocol, log);
    await once(httpServer, "listening");
    t.after(async () => {
      await sockets.dispose();
      httpServer.close();
    });

    const { port } = httpServer.address() as AddressInfo;
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, GRAPHQL_TRANSPORT_WS_PROTOCOL);
    client.on("error", () => {});
    await once(client, "open");
    client.pause();
    const ping = JSON.stringify({ type: "ping", payload: { text: "x".repeat(bytes) } });
    for (let failure: unknown; !failure && lines.length === 0; )
      failure = await new Promise((flushed) => client.send(ping, flushed));
    client.terminate();

    const { unread, unreadBytes } = cutOff.parse(JSON.parse(lines[0] ?? "{}"));
    assert.ok(unread <= 1_000 && unreadBytes < 8 * 2 ** 20 + 2 * bytes, `${unread} messages of ${unreadBytes} bytes`);
  });
}
