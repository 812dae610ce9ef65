import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { connect, disconnect, entities } from "../database/connect.ts";
import { migrate } from "../database/migrations.ts";
import { TestDatabase } from "./support/database.ts";
import { allRgb } from "./support/images.ts";
import { TestStack } from "./support/stack.ts";

const PASSWORD = "of-the-app's-role";

/** What psql would send: its own commands read the password into a variable, which it writes as a literal. */
async function appRoleStatements(): Promise<string> {
  const script = await readFile(path.join(import.meta.dirname, "../database/app-role.sql"), "utf8");
  const literal = `'${PASSWORD.replaceAll("'", "''")}'`;
  return script.replace(/^ *\\.*\n/gm, "").replace(":'password'", literal);
}

/** The same database, as the app's role. */
function asApp(databaseUrl: string): string {
  return Object.assign(new URL(databaseUrl), { username: "rasterlift_app", password: PASSWORD }).href;
}

async function execute(databaseUrl: string, statements: string): Promise<unknown[]> {
  const orm = await connect(databaseUrl);
  try {
    return await orm.em.fork().execute(statements);
  } finally {
    await disconnect(orm);
  }
}

test("API and worker do with the role that app-role.sql makes before the schema is there", async () => {
  await using database = await TestDatabase.openEmpty();
  await execute(database.url, await appRoleStatements());
  await migrate(database.url);
  await using stack = await TestStack.start({ DATABASE_URL: asApp(database.url) });
  const client = await stack.client();
  const { id } = await client.started({ spec: allRgb(8, 8) });
  await client.completed(id);
  assert.equal((await client.delete(id)).__typename, "DeletedRender");
});

test("made later, it may change the rows of every table, and no table", async () => {
  await using database = await TestDatabase.open();
  await execute(database.url, await appRoleStatements());
  const privileges = ["select", "insert", "update", "delete"].map((name) => `has_table_privilege(oid, '${name}')`);
  const tables = await execute(
    asApp(database.url),
    `select relname, ${privileges.join(" and ")} as granted from pg_class
     where relkind = 'r' and relnamespace = 'public'::regnamespace`,
  );
  assert.ok(tables.length > entities.length); // and the list of migrations
  for (const table of tables) assert.partialDeepStrictEqual(table, { granted: true });
  for (const change of ["create table more ()", "drop table render_event", "alter table render add more int"])
    await assert.rejects(execute(asApp(database.url), change), /permission denied|must be owner/);
});
