import assert from "node:assert/strict";
import { test } from "node:test";
import { openMigrator } from "../database/migrations.ts";
import { TestDatabase } from "../test/support/database.ts";
import { NEWEST_SCHEMA } from "./health.ts";

test("readiness asks for what the newest migration brings", async () => {
  await using database = await TestDatabase.openEmpty();
  const orm = await openMigrator(database.url);
  const names = (await orm.migrator.getPending()).map(({ name }) => name);
  await orm.migrator.up({ migrations: names.slice(0, -1) });
  await assert.rejects(orm.em.execute(NEWEST_SCHEMA), /does not exist/);
  await orm.migrator.up();
  await orm.em.execute(NEWEST_SCHEMA);
  await orm.close();
});
