import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { getIntrospectionQuery, parse, validate } from "graphql";
import { limitOperation } from "./limits.ts";
import { schema } from "./schema/index.ts";

function refusals(query: string): string[] {
  return validate(schema, parse(query), [limitOperation]).map(({ message }) => message);
}

const EVERY_FIELD = `
  id name status width height format pattern byteSize partSize partCount partsDone bytesUploaded progress retriedParts
  parts { from to state } backends failure { code message part } resumableUntil etag crc32 downloadUrl createdAt
  startedAt finishedAt workflow { workflowId runId url }`;

/** A field so many times, each by a name of its own. */
const aliases = (field: string, count: number) => Array.from({ length: count }, (_, i) => `a${i}: ${field}`).join(" ");

describe("the limits of an operation", () => {
  test("let through what people ask for", () => {
    assert.deepEqual(refusals(getIntrospectionQuery()), []);
    assert.deepEqual(refusals(`{ renders(first: 100) { totalCount nodes { ${EVERY_FIELD} } } }`), []);
    assert.deepEqual(refusals(`{ ${Array.from({ length: 90 }, (_, i) => `v${i}: viewer { id }`).join(" ")} }`), []);
  });

  test("refuse what is too deep", () => {
    const deep = `{ ${"a { ".repeat(499)} b ${" }".repeat(499)} }`;
    assert.deepEqual(refusals(deep), ["The operation is too large. It is 500 levels deep; 20 are allowed."]);
  });

  test("count a page's fields once an item, and a page of unknown size as the largest", () => {
    const twice = (first: string) => `query($n: Int) {
      a: renders(first: ${first}) { nodes { ${EVERY_FIELD} } } b: renders(first: ${first}) { nodes { ${EVERY_FIELD} } }
      c: renders(first: ${first}) { nodes { ${EVERY_FIELD} } }
    }`;
    assert.deepEqual(refusals(twice("10")), []);
    assert.match(refusals(twice("100"))[0] ?? "", /^The operation is too large. It costs \d+; 25000 are allowed/);
    assert.deepEqual(refusals(twice("$n")), refusals(twice("100")));
  });

  test("count a page that no resolver would give as one that it gives, so that nothing costs less than nothing", () => {
    const hundredPages = (first: number) =>
      Array.from({ length: 100 }, (_, i) => `a${i}: renders(first: ${first}) { nodes { ${EVERY_FIELD} } }`).join(" ");
    const refusal = (first: number) => refusals(`{ ${hundredPages(first)} }`);
    assert.equal(refusal(1).length, 1);
    assert.deepEqual(refusal(-2_147_483_648), refusal(1));
    assert.deepEqual(refusal(1_000_000), refusal(100));
  });

  test("count a field that costs a query of its own as often as it is asked for", () => {
    const counts = (times: number) => `{ viewer { ${aliases("activeRenders", times)} } }`;
    assert.deepEqual(refusals(counts(198)), []);
    assert.equal(refusals(counts(199)).length, 1);
  });

  test("count what lies below a list once an item, also below __schema", () => {
    const parts = (count: number) => `{ render(id: "1") { ${aliases("parts { to }", count)} } }`;
    assert.deepEqual(refusals(parts(1_000)), []);
    assert.match(refusals(parts(1_200))[0] ?? "", /^The operation is too large. It costs 25450;/);
    const types = (count: number) =>
      `{ __schema { types { fields { ${aliases("type { fields { name } }", count)} } } } }`;
    assert.deepEqual(refusals(types(50)), []);
    assert.equal(refusals(types(90)).length, 1);
    assert.equal(refusals(`{ ${aliases("__schema { types { name } }", 3)} }`).length, 1);
  });

  test("count text that may be long: names, messages and aliases", () => {
    const page = (fields: string) => `{ renders(first: 100) { nodes { ${fields} } } }`;
    assert.deepEqual(refusals(page(aliases("name", 12))), []);
    assert.equal(refusals(page(aliases("name", 13))).length, 1);
    assert.deepEqual(refusals(page(aliases("id", 200))), []);
    const long = "a".repeat(6_000);
    assert.equal(refusals(page(`${long}0: id ${long}1: id`)).length, 1);
  });

  test("count root fields dearly, also within fragments", () => {
    const fields = Array.from({ length: 101 }, (_, i) => `v${i}: viewer { id }`).join(" ");
    assert.equal(refusals(`{ ${fields} }`).length, 1);
    assert.equal(refusals(`{ ...all } fragment all on Query { ${fields} }`).length, 1);
  });

  test("measure fragments that multiply without multiplying the work", () => {
    const fragments = Array.from(
      { length: 60 },
      (_, i) => `fragment f${i} on Query { a: renders { nodes { id } } ...f${i + 1} b${i}: __typename ...f${i + 1} }`,
    );
    const bomb = `{ ...f0 } ${fragments.join("\n")} fragment f60 on Query { viewer { id } }`;
    const start = performance.now();
    assert.equal(refusals(bomb).length, 1);
    assert.ok(performance.now() - start < 1_000);
  });

  test("count a fragment as often as it is spread", () => {
    const pages = (fields: string) => ["a", "b", "c"].map((a) => `${a}: renders(first: 100) { ${fields} }`).join(" ");
    const whole = refusals(`{ ${pages(`nodes { ${EVERY_FIELD} }`)} }`);
    assert.equal(whole.length, 1);
    const fragment = `fragment Page on RenderConnection { nodes { ${EVERY_FIELD} } }`;
    assert.deepEqual(refusals(`{ ${pages("...Page")} } ${fragment}`), whole);
  });

  test("count lists within an inline fragment, and below __type", () => {
    const start = (count: number) =>
      `mutation($input: StartRenderInput!) { startRender(input: $input) { ... on Render { ${aliases("parts { to }", count)} } } }`;
    assert.deepEqual(refusals(start(1_000)), []);
    assert.equal(refusals(start(1_200)).length, 1);
    const type = (count: number) =>
      `{ __type(name: "Render") { ${aliases("fields { type { fields { name } } }", count)} } }`;
    assert.deepEqual(refusals(type(300)), []);
    assert.equal(refusals(type(700)).length, 1);
  });

  test("leave fragments in a circle to GraphQL's own rule", () => {
    assert.deepEqual(refusals("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"), []);
  });
});
