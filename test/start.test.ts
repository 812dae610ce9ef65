import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Connection, Client as TemporalClient } from "@temporalio/client";
import pg from "pg";
import { connect } from "../database/connect.ts";
import { createRender } from "../database/create-render.ts";
import { assertFileIsRight } from "./support/check-file.ts";
import { allRgb, MIB } from "./support/images.ts";
import { TestStack } from "./support/stack.ts";
import { waitFor } from "./support/wait-for.ts";

describe("one request, one render, one workflow", () => {
  let stack: TestStack;
  before(async () => {
    stack = await TestStack.start();
  });
  after(() => stack[Symbol.asyncDispose]());

  /** How many renders the database has by this idempotency key, and how many workflows ran for them. */
  async function countOf(idempotencyKey: string): Promise<{ renders: number; workflows: number }> {
    const database = new pg.Client(stack.info.databaseUrl);
    await database.connect();
    const { rows } = await database.query("select id from render where idempotency_key = $1", [idempotencyKey]);
    await database.end();
    const connection = await Connection.connect({ address: stack.info.temporalAddress });
    const ids = rows.map(({ id }) => `'render-${id}'`).join(", ");
    const { count } = await new TemporalClient({ connection }).workflow.count(`WorkflowId in (${ids})`);
    await connection.close();
    return { renders: rows.length, workflows: count };
  }

  const spec = allRgb(100, 100);

  it("from 20 connections at once with the same idempotency key", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => (await stack.client("one")).started({ spec, idempotencyKey: "same" })),
    );
    assert.equal(new Set(answers.map(({ id }) => id)).size, 1);
    const client = await stack.client("one");
    await client.completed(answers[0]?.id ?? "");
    assert.deepEqual(await countOf("same"), { renders: 1, workflows: 1 });
    const again = await client.started({ spec, idempotencyKey: "same" });
    assert.deepEqual([again.id, again.status], [answers[0]?.id, "COMPLETED"]);
  });

  it("deleteRender removes the object and frees the key", async () => {
    const client = await stack.client("deleting");
    const { id } = await client.started({ spec, idempotencyKey: "used" });
    await client.completed(id);
    assert.deepEqual(await client.delete(id.toUpperCase()), { __typename: "DeletedRender", id });
    assert.equal(await client.render(id), null);
    assert.deepEqual(
      (await stack.bucket.keys()).filter((key) => key.includes(id)),
      [],
    );
    const again = await client.started({ spec, idempotencyKey: "used" });
    assert.notEqual(again.id, id);
    await client.completed(again.id);
  });

  it("the same key with another spec is a conflict; the same key of another user is another render", async () => {
    const client = await stack.client("two");
    const first = await client.started({ spec, idempotencyKey: "mine" });
    const other = await client.start({ spec: allRgb(100, 101), idempotencyKey: "mine" });
    assert.equal(other.__typename, "IdempotencyConflictError");
    const theirs = await (await stack.client("three")).started({ spec, idempotencyKey: "mine" });
    assert.notEqual(theirs.id, first.id);
  });

  it("with Temporal away, also where the API is killed between writing the render and starting it", async () => {
    const client = await stack.client("four");
    const [temporal = 0] = await stack.pids("temporal");
    process.kill(temporal, "SIGSTOP");
    const patient = await client.started({ spec, idempotencyKey: "patient" });
    assert.equal(patient.status, "QUEUED");
    const interrupted = client.started({ spec, idempotencyKey: "interrupted" });
    interrupted.catch(() => {});
    await waitFor("the row", async () => (await rowsOf("interrupted")) === 1);
    await stack.kill("api");
    await assert.rejects(interrupted);
    process.kill(temporal, "SIGCONT");

    await waitFor("the API", () => stack.isReady());
    for (const idempotencyKey of ["patient", "interrupted"]) {
      const again = await stack.client("four");
      const { id } = await again.started({ spec, idempotencyKey });
      await assertFileIsRight(await again.completed(id), spec);
      assert.deepEqual(await countOf(idempotencyKey), { renders: 1, workflows: 1 });
    }
  });

  it("the janitor starts what an API left that died right after writing it, though nobody asks again", async () => {
    const orm = await connect(stack.info.databaseUrl);
    const plan = { byteSize: 54 + 300 * 100, partSize: 16 * MIB, partCount: 1 };
    const asked = { userId: "five", name: null, idempotencyKey: "forgotten", spec, pattern: "allRgb", ...plan };
    const created = await createRender(orm.em.fork(), asked, 20);
    await orm.close();
    assert.ok(created.kind === "created");
    const client = await stack.client("five");
    await assertFileIsRight(await client.completed(created.render.id), spec);
    assert.deepEqual(await countOf("forgotten"), { renders: 1, workflows: 1 });
  });

  it("a deletion that the API dies over is finished, and frees the key at once", async () => {
    const client = await stack.client("six");
    const { id } = await client.started({ spec, idempotencyKey: "dropped" });
    await client.completed(id);
    const [s3 = 0] = await stack.pids("s3");
    process.kill(s3, "SIGSTOP");
    const interrupted = client.delete(id);
    interrupted.catch(() => {});
    await waitFor("the key to be free", async () => (await rowsOf("dropped")) === 0);
    await stack.kill("api");
    await assert.rejects(interrupted);
    process.kill(s3, "SIGCONT");

    await waitFor("the API", () => stack.isReady());
    const again = await stack.client("six");
    const other = await again.started({ spec, idempotencyKey: "dropped" });
    assert.notEqual(other.id, id);
    await again.completed(other.id);
    await waitFor("the deletion", async () => (await again.render(id)) === null);
    assert.ok(!(await stack.bucket.keys()).some((key) => key.includes(id)));
  });

  async function rowsOf(idempotencyKey: string): Promise<number> {
    const database = new pg.Client(stack.info.databaseUrl);
    await database.connect();
    const { rowCount } = await database.query("select id from render where idempotency_key = $1", [idempotencyKey]);
    await database.end();
    return rowCount ?? 0;
  }
});
