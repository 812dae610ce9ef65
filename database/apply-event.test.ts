import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { MikroORM } from "@mikro-orm/postgresql";
import { Client } from "pg";
import { TestDatabase } from "../test/support/database.ts";
import { newRender, recordedEvent } from "../test/support/renders.ts";
import { waitFor } from "../test/support/wait-for.ts";
import { applyEvent, EVENT_CHANNEL } from "./apply-event.ts";
import { connect } from "./connect.ts";
import { createRender } from "./create-render.ts";
import { Render } from "./render.ts";
import { RenderEvent } from "./render-event.ts";

describe("applyEvent", () => {
  let database: TestDatabase;
  let orm: MikroORM;
  before(async () => {
    database = await TestDatabase.open();
    orm = await connect(database.url);
  });
  after(async () => {
    await orm.close();
    await database.close();
  });

  async function queued(userId: string): Promise<string> {
    const created = await createRender(orm.em.fork(), newRender(userId), 1_000);
    assert.equal(created.kind, "created");
    return created.render.id;
  }

  const rowOf = (id: string) => orm.em.fork().findOneOrFail(Render, { id });
  const eventsOf = (id: string) => orm.em.fork().find(RenderEvent, { render: id }, { orderBy: { sequence: "asc" } });

  test("writes row and event alike, whatever the text in them", async () => {
    const id = await queued("o'hara");
    const event = recordedEvent(id, 2);
    await applyEvent(orm.em.fork(), event);
    const row = await rowOf(id);
    assert.deepEqual([row.sequence, row.status, row.state], [2, "RUNNING", event.state]);
    const [, written] = await eventsOf(id);
    assert.deepEqual(
      [written?.userId, written?.at.toISOString(), written?.kind, written?.state],
      ["o'hara", event.at, "STATUS", event.state],
    );
  });

  test("changes nothing twice, and never goes back", async () => {
    const id = await queued("repeat");
    await applyEvent(orm.em.fork(), recordedEvent(id, 2));
    await Promise.all(Array.from({ length: 10 }, () => applyEvent(orm.em.fork(), recordedEvent(id, 3, "PAUSED"))));
    await applyEvent(orm.em.fork(), recordedEvent(id, 2, "FAILED"));
    assert.deepEqual(
      (await eventsOf(id)).map(({ sequence, state }) => [sequence, state.status]),
      [
        [1, "QUEUED"],
        [2, "RUNNING"],
        [3, "PAUSED"],
      ],
    );
    const row = await rowOf(id);
    assert.deepEqual([row.sequence, row.status], [3, "PAUSED"]);
  });

  test("calls a deletion off where the render goes on, and not where it ends", async () => {
    const id = await queued("retried");
    const deletionAskedAt = new Date();
    await orm.em.fork().nativeUpdate(Render, { id }, { deletionAskedAt });
    await applyEvent(orm.em.fork(), recordedEvent(id, 2, "FAILED"));
    assert.deepEqual((await rowOf(id)).deletionAskedAt, deletionAskedAt);
    await applyEvent(orm.em.fork(), recordedEvent(id, 3, "RUNNING"));
    assert.equal((await rowOf(id)).deletionAskedAt, null);
  });

  test("drops the event of a render that is gone", async () => {
    const id = await queued("gone");
    await orm.em.fork().nativeDelete(Render, { id });
    await applyEvent(orm.em.fork(), recordedEvent(id, 2));
    assert.deepEqual(await eventsOf(id), []);
  });

  test("gives a user's events positions by which a reader that follows them misses none", async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, () => queued("many")));
    const followed: RenderEvent[] = [];
    const follow = async () => {
      const position = followed.at(-1)?.position ?? 0;
      const where = { userId: "many", position: { $gt: position } };
      followed.push(...(await orm.em.fork().find(RenderEvent, where, { orderBy: { position: "asc" } })));
    };
    let writing = true;
    const written = Promise.all(
      ids.map(async (id) => {
        for (let sequence = 2; sequence <= 30; sequence++) await applyEvent(orm.em.fork(), recordedEvent(id, sequence));
      }),
    ).finally(() => {
      writing = false;
    });
    while (writing) await follow();
    await written;
    await follow();
    for (const id of ids) {
      assert.deepEqual(
        followed.filter(({ render }) => render.id === id).map(({ sequence }) => sequence),
        Array.from({ length: 30 }, (_, index) => index + 1),
      );
    }
  });

  test("notifies with the commit, once an event", async () => {
    const listener = new Client({ connectionString: database.url });
    await listener.connect();
    const heard: unknown[] = [];
    listener.on("notification", ({ payload = "" }) => heard.push(JSON.parse(payload)));
    await listener.query(`listen ${EVENT_CHANNEL}`);
    const id = await queued('quo"ted:user');
    await applyEvent(orm.em.fork(), recordedEvent(id, 2));
    await applyEvent(orm.em.fork(), recordedEvent(id, 2));
    await applyEvent(orm.em.fork(), recordedEvent(id, 3));
    await waitFor("the last notification", () => heard.length >= 3);
    await listener.end();
    assert.deepEqual(
      heard,
      [1, 2, 3].map((sequence) => ({ renderId: id, sequence, userId: 'quo"ted:user' })),
    );
  });
});
