import assert from "node:assert/strict";
import { test } from "node:test";
import { TestDatabase } from "../test/support/database.ts";
import { openMigrator } from "./migrations.ts";
import { hasSchema } from "./schema.ts";

test("the schema is this version's only once the newest migration has run", async () => {
  await using database = await TestDatabase.openEmpty();
  const orm = await openMigrator(database.url);
  assert.equal(await hasSchema(orm.em), false);
  const names = (await orm.migrator.getPending()).map(({ name }) => name);
  await orm.migrator.up({ migrations: names.slice(0, -1) });
  assert.equal(await hasSchema(orm.em), false);
  await orm.migrator.up();
  assert.equal(await hasSchema(orm.em), true);
  await orm.close();
});
