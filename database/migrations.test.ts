import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { SettingsError } from "../service/settings.ts";
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
    assert.deepEqual(ran.flat(), [
      "2026-11-23-renders",
      "2026-11-25-unended-renders",
      "2026-11-26-open-renders",
      "2026-11-27-deletions",
    ]);
    assert.deepEqual(await migrate(database.url), []);

    const orm = await openMigrator(database.url);
    try {
      assert.equal(await orm.schema.getUpdateSchemaSQL(), "");
    } finally {
      await orm.close();
    }
  });

  const refused = (text: RegExp) => (error: unknown) => error instanceof SettingsError && text.test(error.message);

  test("say that PostgreSQL refuses the password, the database or TLS", async () => {
    const url = new URL(database.url);
    await assert.rejects(
      migrate(Object.assign(new URL(url), { password: "x" }).href),
      refused(/password authentication failed/),
    );
    await assert.rejects(
      migrate(Object.assign(new URL(url), { pathname: "/x" }).href),
      refused(/database "x" does not exist/),
    );
    await assert.rejects(migrate(new URL("?sslmode=verify-full", url).href), refused(/does not support SSL/));
  });

  test("say that the role may not change the schema", async () => {
    const orm = await openMigrator(database.url);
    await orm.em.execute("create role reader login password 'r'");
    await orm.close();
    const url = Object.assign(new URL(database.url), { username: "reader", password: "r" }).href;
    await assert.rejects(
      migrate(url),
      refused(/^The role of DATABASE_URL may not change the schema: .*permission denied/),
    );
  });

  test("say that nobody listens there, or that nobody answers", { timeout: 10_000 }, async (t) => {
    await assert.rejects(migrate("postgresql://u:p@127.0.0.1:1/d"), refused(/ECONNREFUSED/));
    const silent = createServer().listen(0, "127.0.0.1");
    t.after(() => silent.close());
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    await assert.rejects(migrate(`postgresql://u:p@127.0.0.1:${port}/d`, 200), refused(/connection timeout/));
  });
});
