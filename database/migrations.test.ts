import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { TestDatabase } from "../test/support/database.ts";
import { migrate, openMigrator } from "./migrations.ts";

describe("migrations", () => {
  let database: TestDatabase;
  before(async () => {
    database = await TestDatabase.openEmpty();
  });
  after(() => database.close());

  test("run once, however many processes start them at once, and make the schema that the entities describe", async () => {
    const ran = await Promise.all(Array.from({ length: 5 }, () => migrate(database.url)));
    assert.deepEqual(ran.flat(), ["2026-11-23-renders", "2026-11-25-unended-renders"]);
    assert.deepEqual(await migrate(database.url), []);

    const orm = await openMigrator(database.url);
    try {
      assert.equal(await orm.schema.getUpdateSchemaSQL(), "");
    } finally {
      await orm.close();
    }
  });
});
