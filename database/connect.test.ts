import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { TestDatabase } from "../test/support/database.ts";
import { waitFor } from "../test/support/wait-for.ts";
import { connect, disconnect } from "./connect.ts";
import { Viewer } from "./viewer.ts";

test("a connection heeds all of its URL, as pg does", async () => {
  const database = await TestDatabase.open();
  const orm = await connect(`${database.url}?application_name=us&sslmode=disable`);
  const [row] = await orm.em.fork().execute("select current_setting('application_name') as name");
  assert.deepEqual(row, { name: "us" });
  await disconnect(orm);
  const encrypted = await connect(`${database.url}?sslmode=require`);
  await assert.rejects(encrypted.em.fork().execute("select 1"), /does not support SSL/);
  await disconnect(encrypted);
  await database.close();
});

test("a PostgreSQL that does not answer any more is given up", { timeout: 20_000 }, async () => {
  const database = await TestDatabase.open();
  const orm = await connect(database.url, 200);
  await orm.em.fork().execute("select 1");
  await assert.rejects(orm.em.fork().execute("select pg_sleep(5)"), /PostgreSQL has not answered for 200 ms/);
  await orm.em.fork().execute("select 1");
  await disconnect(orm);
  await database.close();
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
