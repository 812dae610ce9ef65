import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { applyEvent } from "../../database/apply-event.ts";
import { createRender } from "../../database/create-render.ts";
import { TestApi } from "../../test/support/api.ts";
import type { Client } from "../../test/support/client.ts";
import { newRender, recordedEvent } from "../../test/support/renders.ts";

interface Page {
  edges: { cursor: string; node: { id: string } }[];
  nodes: { id: string; name: string }[];
  pageInfo: {
    hasNextPage: boolean;
    hasPreviousPage: boolean;
    startCursor: string | null;
    endCursor: string | null;
  };
  totalCount: number;
}

describe("the list of renders", () => {
  let api: TestApi;
  let alice: Client;
  /** Newest first. */
  const ids: string[] = [];
  const names = ["100% wide", "100 wide", "under_score", "underscore", "back\\slash", "Grün", "g"];

  before(async () => {
    api = await TestApi.open();
    alice = await api.client("alice");
    for (const [index, name] of names.entries()) {
      const pattern = index % 2 === 0 ? "allRgb" : "solid";
      const created = await createRender(api.orm.em.fork(), newRender("alice", { name, pattern }), 100);
      assert.equal(created.kind, "created");
      ids.unshift(created.render.id);
    }
    await createRender(api.orm.em.fork(), newRender("bob", { name: "bob's" }), 100);
  });
  after(() => api.close());

  async function list(args: object): Promise<Page> {
    const query = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: RenderFilter) {
      renders(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
        edges { cursor node { id } } nodes { id name } totalCount
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`;
    return (await alice.request<{ renders: Page }>(query, args)).renders;
  }

  const summary = ({ nodes, pageInfo: { hasPreviousPage, hasNextPage } }: Page) => ({
    at: nodes.map(({ id }) => ids.indexOf(id)),
    hasPreviousPage,
    hasNextPage,
  });

  test("is the viewer's own, newest first, and pages forwards and backwards over everything once", async () => {
    const first = await list({ first: 3 });
    assert.deepEqual(summary(first), { at: [0, 1, 2], hasPreviousPage: false, hasNextPage: true });
    assert.equal(first.totalCount, 7);
    assert.deepEqual(
      first.edges.map(({ node }) => node.id),
      first.nodes.map(({ id }) => id),
    );
    assert.equal(first.pageInfo.startCursor, first.edges[0]?.cursor);
    const second = await list({ first: 3, after: first.pageInfo.endCursor });
    assert.deepEqual(summary(second), { at: [3, 4, 5], hasPreviousPage: true, hasNextPage: true });
    const third = await list({ first: 3, after: second.pageInfo.endCursor });
    assert.deepEqual(summary(third), { at: [6], hasPreviousPage: true, hasNextPage: false });
    const beyond = await list({ first: 3, after: third.pageInfo.endCursor });
    assert.deepEqual(summary(beyond), { at: [], hasPreviousPage: true, hasNextPage: false });
    assert.equal(beyond.pageInfo.endCursor, null);

    const back = await list({ last: 3, before: third.pageInfo.startCursor });
    assert.deepEqual(summary(back), summary(second));
    const start = await list({ last: 5, before: back.pageInfo.startCursor });
    assert.deepEqual(summary(start), { at: [0, 1, 2], hasPreviousPage: false, hasNextPage: true });
    const ahead = await list({ last: 3, before: first.pageInfo.startCursor });
    assert.deepEqual(summary(ahead), { at: [], hasPreviousPage: false, hasNextPage: true });
    const between = await list({ first: 9, after: first.edges[0]?.cursor, before: third.edges[0]?.cursor });
    assert.deepEqual(summary(between), { at: [1, 2, 3, 4, 5], hasPreviousPage: true, hasNextPage: true });
  });

  test("shifts no page when new renders come in between", async () => {
    const first = await list({ first: 3 });
    const created = await createRender(api.orm.em.fork(), newRender("alice", { name: "late" }), 100);
    assert.equal(created.kind, "created");
    assert.deepEqual(summary(await list({ first: 3, after: first.pageInfo.endCursor })).at, [3, 4, 5]);
    ids.unshift(created.render.id);
    names.push("late");
  });

  test("filters by status, pattern and a text in the name, taken literally", async () => {
    const named = async (filter: object) => (await list({ filter })).nodes.map(({ name }) => name);
    assert.deepEqual(await named({ nameContains: "100%" }), ["100% wide"]);
    assert.deepEqual(await named({ nameContains: "r_s" }), ["under_score"]);
    assert.deepEqual(await named({ nameContains: "k\\s" }), ["back\\slash"]);
    assert.deepEqual(await named({ nameContains: "G" }), ["g", "Grün"]);
    assert.deepEqual(await named({ nameContains: "RÜ" }), ["Grün"]);
    assert.deepEqual(await named({ pattern: ["solid"] }), ["Grün", "underscore", "100 wide"]);
    assert.deepEqual(await named({ pattern: ["solid"], nameContains: "wide" }), ["100 wide"]);
    const [newest = ""] = ids;
    await applyEvent(api.orm.em.fork(), recordedEvent(newest, 2));
    assert.deepEqual(await named({ status: ["RUNNING", "PAUSED"] }), ["late"]);
    assert.equal((await list({ filter: { status: ["QUEUED"] } })).totalCount, 7);
  });

  test("refuses a filter's text that is longer than any name", async () => {
    assert.deepEqual((await list({ filter: { nameContains: "😀".repeat(200) } })).nodes, []);
    for (const filter of [{ nameContains: "x".repeat(201) }, { pattern: ["x".repeat(201)] }])
      await assert.rejects(list({ filter }), /filter has a text of 201 characters; no name has more than 200/);
  });
});
