import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { TestDatabase } from "../test/support/database.ts";
import { waitFor } from "../test/support/wait-for.ts";
import { connect, disconnect } from "./connect.ts";
import { Viewer } from "./viewer.ts";

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
