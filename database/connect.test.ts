import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { TestDatabase } from "../test/support/database.ts";
import { newRender } from "../test/support/renders.ts";
import { waitFor } from "../test/support/wait-for.ts";
import { connect, disconnect, isDatabaseAway } from "./connect.ts";
import { createRender } from "./create-render.ts";
import { Viewer } from "./viewer.ts";

test("a connection heeds all of its URL, as pg does", async () => {
  await using database = await TestDatabase.open();
  const withParameters = (parameters: string) => new URL(`?${parameters}`, database.url).href;
  const orm = await connect(withParameters("application_name=us&sslmode=disable"));
  const [row] = await orm.em.fork().execute("select current_setting('application_name') as name");
  assert.deepEqual(row, { name: "us" });
  await disconnect(orm);
  const encrypted = await connect(withParameters("sslmode=require"));
  await assert.rejects(encrypted.em.fork().execute("select 1"), /does not support SSL/);
  await disconnect(encrypted);
});

test("PostgreSQL ends what nobody waits for any more", async () => {
  await using database = await TestDatabase.open();
  const orm = await connect(database.url);
  assert.deepEqual(await orm.em.fork().execute("show statement_timeout"), [{ statement_timeout: "10s" }]);
  await disconnect(orm);
});

test("a PostgreSQL that does not answer any more is given up", { timeout: 20_000 }, async () => {
  await using database = await TestDatabase.open();
  const orm = await connect(database.url, 200);
  await orm.em.fork().execute("select 1");
  await assert.rejects(orm.em.fork().execute("select pg_sleep(5)"), /PostgreSQL has not answered for 200 ms/);
  await orm.em.fork().execute("select 1");
  await disconnect(orm);
});

describe("a PostgreSQL that is away is known as such", () => {
  const meanwhile = {
    "it closes connections": (socket: Socket) => socket.end(),
    "it resets connections": (socket: Socket) => socket.resetAndDestroy(),
    "it closes connections once they are greeted": (socket: Socket) => socket.once("data", () => socket.end()),
  };
  for (const [name, treat] of Object.entries(meanwhile)) {
    test(`where ${name}`, async (t) => {
      const server = createServer((socket) => treat(socket.on("error", () => {}))).listen(0, "127.0.0.1");
      t.after(() => server.close());
      await once(server, "listening");
      const orm = await connect(`postgresql://a:b@127.0.0.1:${(server.address() as AddressInfo).port}/x`);
      await assert.rejects(createRender(orm.em.fork(), newRender("alice"), 1), isDatabaseAway);
      await assert.rejects(orm.em.fork().findOne(Viewer, "alice"), isDatabaseAway);
      await disconnect(orm);
    });
  }

  test("where it lets nobody in: another password, no such database", async () => {
    await using database = await TestDatabase.open();
    const wrong = [{ password: "another" }, { pathname: "/another" }].map((part) =>
      Object.assign(new URL(database.url), part),
    );
    for (const { href } of wrong) {
      const orm = await connect(href);
      await assert.rejects(orm.em.fork().findOne(Viewer, "alice"), isDatabaseAway);
      await disconnect(orm);
    }
  });

  test("where it takes no changes any more, as after a failover", async () => {
    await using database = await TestDatabase.open();
    const url = new URL(database.url);
    url.searchParams.set("options", "-c default_transaction_read_only=on");
    const orm = await connect(url.href);
    await assert.rejects(createRender(orm.em.fork(), newRender("alice"), 1), isDatabaseAway);
    await disconnect(orm);
  });

  test("where it does not answer", { timeout: 20_000 }, async () => {
    await using database = await TestDatabase.open();
    const orm = await connect(database.url, 200);
    const sleeping = orm.em.fork().transactional((em) => em.execute("select pg_sleep(5)"));
    await assert.rejects(sleeping, isDatabaseAway);
    await disconnect(orm);
  });
});

test("connections that are lost in transactions don't stay with the pool, any of twenty", {
  timeout: 20_000,
}, async () => {
  await using database = await TestDatabase.open();
  const orm = await connect(database.url);
  const pool = await orm.em.getConnection().getNativeClient();
  const stopped = Promise.withResolvers<void>();
  const transactions = Array.from({ length: 20 }, (_, i) =>
    orm.em.fork().transactional(async (em) => {
      if (i % 2 === 0) await em.execute("select pg_sleep(60)");
      await em.execute("select 1");
      await stopped.promise;
      if (i % 4 === 1) await em.execute("select 1"); // the others come to their COMMIT
    }),
  );
  const outcomes = Promise.allSettled(transactions);
  await waitFor("twenty connections", () => pool.totalCount === 20);
  await database.stop();
  stopped.resolve();
  for (const outcome of await outcomes) {
    assert.ok(outcome.status === "rejected");
    assert.ok(isDatabaseAway(outcome.reason), outcome.reason);
  }
  await waitFor("the pool to have none of them", () => pool.totalCount === 0);
  await database.start();
  await orm.em.fork().transactional((em) => em.execute("select 1"));
  await disconnect(orm);
});

test("a process that stops in a transaction holds up others for ten seconds, and nobody waits longer for a lock", {
  timeout: 40_000,
}, async () => {
  await using database = await TestDatabase.open();
  const [frozen, other] = [await connect(database.url), await connect(database.url)];
  const [locked, thawed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await other.em.fork().execute("select 1");
  const held = frozen.em.fork().transactional(async (em) => {
    await em.execute("insert into viewer (id, position) values ('alice', 0)");
    locked.resolve();
    await thawed.promise;
  });
  await locked.promise;
  const create = () => createRender(other.em.fork(), newRender("alice"), 1);
  await assert.rejects(create(), (error: Error) => /lock timeout/.test(error.message) && isDatabaseAway(error));
  assert.equal((await create()).kind, "created");
  thawed.resolve();
  await assert.rejects(held, isDatabaseAway);
  await disconnect(frozen);
  await disconnect(other);
});

describe("disconnect", () => {
  let database: TestDatabase;
  before(async () => {
    database = await TestDatabase.open();
  });
  after(() => database.close());

  test("lets queries finish whose connections are just being opened", { timeout: 20_000 }, async () => {
    const orm = await connect(database.url);
    const pool = await orm.em.getConnection().getNativeClient();
    const reads = Array.from({ length: 10 }, () => orm.em.fork().findOne(Viewer, "alice"));
    await waitFor("ten connections", () => pool.totalCount === 10);
    await disconnect(orm);
    assert.deepEqual(await Promise.all(reads), Array(10).fill(null));
  });

  test("has nothing to do where PostgreSQL never answered", async () => {
    const orm = await connect("postgresql://rasterlift:secret@127.0.0.1:1/rasterlift");
    await assert.rejects(orm.em.fork().findOne(Viewer, "alice"), /ECONNREFUSED/);
    await disconnect(orm);
  });
});
