import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { Client } from "pg";
import { pino } from "pino";
import { EVENT_CHANNEL } from "../database/apply-event.ts";
import { TestDatabase } from "../test/support/database.ts";
import { Relay } from "../test/support/relay.ts";
import { EventFeed } from "./event-feed.ts";

let database: TestDatabase;
let client: Client;
before(async () => {
  database = await TestDatabase.openEmpty();
  client = new Client(database.url);
  await client.connect();
});
after(async () => {
  await client.end();
  await database.close();
});

const notify = (channel: string, payload = "") => client.query("select pg_notify($1, $2)", [channel, payload]);

/** A feed through that address of the database, and what it logs. */
function feedThrough(url: string, ownNotify: (channel: string) => Promise<unknown> = notify) {
  const lines: string[] = [];
  const feed = new EventFeed(
    url,
    ownNotify,
    pino({ name: "test" }, { write: (line: string) => void lines.push(line) }),
  );
  return { feed, lines };
}

test("wakes who waits for a render's events, and says nothing", async () => {
  const { feed, lines } = feedThrough(database.url);
  const watch = feed.watch("render r");
  const hint = JSON.stringify({ renderId: "r", sequence: 2, userId: "u" });
  assert.equal(await watch.changed(), true); // all are woken once the feed listens
  await notify(EVENT_CHANNEL, hint);
  assert.equal(await watch.changed(), true);
  await feed.close();
  assert.deepEqual(lines, []);
});

test("where no notifications come, as through a pooler in transaction mode, it says so and wakes all now and then", async () => {
  await using proxy = createServer((downstream) => {
    const upstream = connect(Number(new URL(database.url).port), "127.0.0.1");
    downstream.pipe(upstream);
    withoutNotifications(upstream, downstream);
    for (const socket of [upstream, downstream]) socket.on("error", () => {});
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  const url = new URL(database.url);
  url.port = `${(proxy.address() as AddressInfo).port}`;
  const { feed, lines } = feedThrough(url.href);
  const watch = feed.watch("viewer u");
  assert.equal(await watch.changed(), true);
  assert.equal(await watch.changed(), true);
  await feed.close();
  const { level, err } = JSON.parse(lines[0] ?? "{}");
  assert.equal(level, 40);
  assert.match(err.message, /DATABASE_URL leads through a pooler in transaction mode/);
});

test("where its connection falls silent just while it waits for its own notification, it connects again", async () => {
  await using relay = await Relay.start(Number(new URL(database.url).port));
  const url = new URL(database.url);
  url.port = `${relay.port}`;
  const { feed, lines } = feedThrough(url.href, async (channel) => {
    if (lines.length > 0) return await notify(channel);
    relay.forget();
  });
  const watch = feed.watch("viewer u");
  assert.equal(await watch.changed(), true);
  assert.equal(await watch.changed(), true); // it listens again
  await feed.close();
  assert.equal(lines.length, 1);
});

/** NotificationResponse: https://www.postgresql.org/docs/current/protocol-message-formats.html */
const NOTIFICATION = "A".charCodeAt(0);

/** Hands on what PostgreSQL says, message by message (type, then a length that counts itself), but no notifications. */
function withoutNotifications(upstream: Socket, downstream: Socket): void {
  let rest = Buffer.alloc(0);
  upstream.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5) {
      const end = 1 + rest.readUInt32BE(1);
      if (rest.length < end) break;
      if (rest[0] !== NOTIFICATION) downstream.write(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  });
  upstream.on("close", () => downstream.destroy());
  downstream.on("close", () => upstream.destroy());
}
