import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { applyEvent, EVENT_CHANNEL } from "../../database/apply-event.ts";
import { createRender } from "../../database/create-render.ts";
import { Render } from "../../database/render.ts";
import type { RenderStatus } from "../../database/state.ts";
import { TestApi } from "../../test/support/api.ts";
import type { Client } from "../../test/support/client.ts";
import { newRender, recordedEvent } from "../../test/support/renders.ts";

const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe("event subscriptions", () => {
  let api: TestApi;
  let alice: Client;
  before(async () => {
    api = await TestApi.open();
    alice = await api.client("alice");
  });
  after(() => api.close());

  async function queued(userId = "alice"): Promise<string> {
    const created = await createRender(api.orm.em.fork(), newRender(userId), 1_000);
    assert.equal(created.kind, "created");
    return created.render.id;
  }

  const record = (id: string, sequence: number, status?: RenderStatus) =>
    applyEvent(api.orm.em.fork(), recordedEvent(id, sequence, status));

  async function recordAll(id: string, from: number, to: number): Promise<void> {
    for (let sequence = from; sequence <= to; sequence++) await record(id, sequence);
  }

  async function sequences(id: string, after?: number): Promise<number[]> {
    const seen: number[] = [];
    for await (const { sequence } of alice.events(id, after)) seen.push(sequence);
    return seen;
  }

  test("tell everything once and in order, from history to the end, and each event shows the render as it was", async () => {
    const id = await queued();
    await recordAll(id, 2, 120);
    const fromStart = alice.events(id, 0);
    const seen = [];
    for await (const event of fromStart) {
      seen.push(event.sequence);
      const { sequence, render } = event;
      assert.deepEqual([render.partsDone, render.width], [sequence === 1 ? 0 : sequence, 4]);
      if (sequence === 120) void recordAll(id, 121, 180).then(() => record(id, 181, "COMPLETED"));
    }
    assert.deepEqual(seen, upTo(181));
    assert.deepEqual(await sequences(id, 170), upTo(181, 171));
    assert.deepEqual(await sequences(id), [181]);
    assert.deepEqual(await sequences(id, 181), []);
  });

  test("end only after the latest end: a retry goes on after FAILED", async () => {
    const id = await queued();
    await record(id, 2, "FAILED");
    assert.deepEqual(await sequences(id, 0), [1, 2]);
    await record(id, 3, "RUNNING");
    await record(id, 4, "CANCELED");
    assert.deepEqual(await sequences(id, 0), [1, 2, 3, 4]);
  });

  test("end where nothing can come any more: after a sequence that was never reached, and with the render", async () => {
    const [reached, deleted] = [await queued(), await queued()];
    await record(reached, 2);
    const beyond = sequences(reached, 1_000_000);
    const [later, last] = [alice.events(reached, 1), alice.events(deleted, 0)];
    assert.equal((await later.next()).value?.sequence, 2); // Asked for after it, so the stream above has begun.
    assert.equal((await last.next()).value?.sequence, 1);
    await api.orm.em.fork().nativeDelete(Render, { id: deleted });
    await api.orm.em
      .fork()
      .execute(`notify ${EVENT_CHANNEL}, '{"renderId":"${deleted}","sequence":1,"userId":"alice"}'`);
    await record(reached, 3, "COMPLETED");
    assert.deepEqual(await beyond, []);
    assert.equal((await last.next()).done, true);
    await later.return(undefined);
  });

  test("do not mind what else is notified", async () => {
    const id = await queued();
    const events = sequences(id, 0);
    for (const payload of ["", "null", "{", "[]"]) {
      await api.orm.em.fork().execute(`notify ${EVENT_CHANNEL}, '${payload}'`);
    }
    await record(id, 2, "CANCELED");
    assert.deepEqual(await events, [1, 2]);
  });

  test("are nobody else's", async () => {
    const id = await queued("bob");
    const code = (error: unknown) => (error as { extensions: { code: string } }).extensions.code === "NOT_FOUND";
    await assert.rejects(sequences(id), code);
    await assert.rejects(sequences("01890000-0000-7000-8000-000000000000"), code);
  });

  test("go on without gap or double when PostgreSQL went away and came back", async () => {
    const id = await queued();
    const seen: number[] = [];
    const reached = Promise.withResolvers<void>();
    const following = (async () => {
      for await (const { sequence } of alice.events(id, 0)) {
        seen.push(sequence);
        if (sequence === 3) reached.resolve();
      }
    })();
    await recordAll(id, 2, 3);
    await reached.promise;
    await api.database.stop();
    await api.database.start();
    await recordAll(id, 4, 8);
    await record(id, 9, "COMPLETED");
    await following;
    assert.deepEqual(seen, upTo(9));
  });

  test("of all the viewer's renders start now, keep each render's order, and hold nobody else's", async () => {
    const early = await queued();
    await recordAll(early, 2, 4);
    const others = await queued("bob");
    await recordAll(others, 2, 20);
    const seen: [string, number][] = [];
    const query = "subscription { viewerRenderEvents { sequence render { id status } } }";
    type Event = { viewerRenderEvents: { sequence: number; render: { id: string } } };
    const events = alice.subscribe<Event>(query);
    const first = events.next();
    const untilHeard = async () => {
      for (let sequence = 5; ; sequence++) {
        await record(early, sequence);
        if (await Promise.race([first.then(() => true), new Promise((resolve) => setTimeout(resolve, 20))]))
          return sequence;
      }
    };
    const heardBy = await untilHeard();
    const late = await queued();
    await Promise.all([recordAll(early, heardBy + 1, 150), recordAll(late, 2, 150), recordAll(others, 21, 150)]);
    const note = ({ viewerRenderEvents: { sequence, render } }: Event) => seen.push([render.id, sequence]);
    const { value } = await first;
    note(value);
    const startedAt = seen[0]?.[1] ?? 0;
    assert.ok(startedAt >= 5);
    while (seen.length < 150 - startedAt + 1 + 150) note((await events.next()).value);
    await events.return(undefined);
    const of = (id: string) => seen.filter(([render]) => render === id).map(([, sequence]) => sequence);
    assert.deepEqual(of(early), upTo(150, startedAt));
    assert.deepEqual(of(late), upTo(150));
    assert.deepEqual(of(others), []);
  });
});
