import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { MikroORM } from "@mikro-orm/postgresql";
import { TestDatabase } from "../test/support/database.ts";
import { newRender, recordedEvent } from "../test/support/renders.ts";
import { applyEvent } from "./apply-event.ts";
import { connect } from "./connect.ts";
import { createRender } from "./create-render.ts";
import { RenderEvent } from "./render-event.ts";
import { countActiveRenders, openRenders } from "./renders.ts";

describe("createRender", () => {
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

  test("writes the render, QUEUED, with its event 1", async () => {
    const asked = newRender("alice", { name: "50% \\ 'o' ?", byteSize: 5_000_000_000, partCount: 299 });
    const created = await createRender(orm.em.fork(), asked, 1);
    assert.equal(created.kind, "created");
    const { id, createdAt, sequence, state, status, ...rest } = created.render;
    assert.deepEqual({ ...rest }, asked);
    assert.equal(status, "QUEUED");
    assert.deepEqual(state.parts, [{ from: 1, to: 299, state: "WAITING" }]);
    const events = await orm.em.fork().find(RenderEvent, { render: id });
    assert.deepEqual(
      events.map((event) => [event.sequence, event.kind, event.at, event.state]),
      [[sequence, "STATUS", createdAt, state]],
    );
  });

  test("makes one render of one user's key, from 20 connections at once", async () => {
    const asked = (userId: string) => newRender(userId, { idempotencyKey: "key" });
    const answers = await Promise.all(Array.from({ length: 20 }, () => createRender(orm.em.fork(), asked("bob"), 1)));
    assert.deepEqual(answers.map(({ kind }) => kind).toSorted(), ["created", ...Array(19).fill("existing")]);
    const ids = answers.map((answer) => "render" in answer && answer.render.id);
    assert.equal(new Set(ids).size, 1);
    assert.equal((await createRender(orm.em.fork(), asked("carol"), 1)).kind, "created");
  });

  test("keeps the quota exactly, from 20 connections at once, and frees it when a render ends", async () => {
    const ask = () => createRender(orm.em.fork(), newRender("dave"), 7);
    const answers = await Promise.all(Array.from({ length: 20 }, ask));
    assert.equal(answers.filter(({ kind }) => kind === "created").length, 7);
    assert.equal(answers.filter(({ kind }) => kind === "quotaExceeded").length, 13);
    assert.equal(await countActiveRenders(orm.em.fork(), "dave"), 7);

    const [first] = answers.flatMap((answer) => ("render" in answer ? [answer.render.id] : []));
    assert.ok(first);
    await applyEvent(orm.em.fork(), recordedEvent(first, 2, "FAILED"));
    assert.equal((await ask()).kind, "created");
    assert.equal((await ask()).kind, "quotaExceeded");
  });

  test("leaves what has not ended to be found, also by an API whose clock is ahead", async (t) => {
    t.mock.timers.enable({ apis: ["Date"], now: Date.now() + 172_800_000 });
    const made = [1, 2].map(() => createRender(orm.em.fork(), newRender("erin"), 2));
    const [lost, ended] = (await Promise.all(made)).flatMap((answer) => ("render" in answer ? [answer.render.id] : []));
    assert.ok(lost && ended);
    await applyEvent(orm.em.fork(), recordedEvent(ended, 2, "COMPLETED"));
    const found = async (seconds: number) => {
      const ids: string[] = [];
      for await (const { id } of openRenders(orm.em, seconds)) ids.push(id);
      return ids;
    };
    assert.ok((await found(0)).includes(lost));
    assert.ok(!(await found(0)).includes(ended));
    assert.ok(!(await found(60)).includes(lost));
  });
});
