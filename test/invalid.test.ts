import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Connection, Client as TemporalClient } from "@temporalio/client";
import pg from "pg";
import type { Client, StartInput } from "./support/client.ts";
import { allRgb, onePerPattern } from "./support/images.ts";
import { TestStack } from "./support/stack.ts";

describe("an invalid spec", () => {
  let stack: TestStack;
  let client: Client;
  before(async () => {
    stack = await TestStack.start();
    client = await stack.client();
  });
  after(() => stack[Symbol.asyncDispose]());

  const spec = allRgb(16, 16);
  const withPattern = (name: string, change: object): StartInput => ({
    spec: { ...spec, pattern: { [name]: { ...onePerPattern[name], ...change } } },
  });
  const cases: [wrong: string, input: StartInput, path: string[], limit: RegExp][] = [
    ["width", { spec: { ...spec, width: 0 } }, ["width"], /1,?048,?576/],
    ["width", { spec: { ...spec, width: 1_048_577 } }, ["width"], /1,?048,?576/],
    ["height", { spec: { ...spec, height: -1 } }, ["height"], /1,?048,?576/],
    ["pixelsPerMetre", { spec: { ...spec, pixelsPerMetre: -1 } }, ["pixelsPerMetre"], /2,?147,?483,?647/],
    ["gradient steps", withPattern("gradient", { steps: 1 }), ["pattern", "gradient", "steps"], /1,?024/],
    ["gradient steps", withPattern("gradient", { steps: 1025 }), ["pattern", "gradient", "steps"], /1,?024/],
    [
      "cell width",
      withPattern("checkerboard", { cellWidth: 0 }),
      ["pattern", "checkerboard", "cellWidth"],
      /1,?048,?576/,
    ],
    [
      "stripe width",
      withPattern("stripes", { offWidth: 1_048_577 }),
      ["pattern", "stripes", "offWidth"],
      /1,?048,?576/,
    ],
    ["a colour", withPattern("solid", { color: "red" }), ["pattern", "solid", "color"], /#RRGGBB/],
    ["no colours", withPattern("colorBars", { colors: [] }), ["pattern", "colorBars", "colors"], /64/],
    [
      "65 colours",
      withPattern("colorBars", { colors: Array(65).fill("#000000") }),
      ["pattern", "colorBars", "colors"],
      /64/,
    ],
    ["spacing", withPattern("grid", { spacingY: 0 }), ["pattern", "grid", "spacingY"], /1,?048,?576/],
    ["thickness", withPattern("border", { thickness: 0 }), ["pattern", "border", "thickness"], /1,?048,?576/],
    ["period", withPattern("zonePlate", { period: 1 }), ["pattern", "zonePlate", "period"], /4,?096/],
    ["period", withPattern("zonePlate", { period: 4097 }), ["pattern", "zonePlate", "period"], /4,?096/],
    ["offset", withPattern("allRgb", { offset: 16_777_216 }), ["pattern", "allRgb", "offset"], /16,?777,?215/],
    ["part size", { spec, partSize: 5 * 2 ** 20 - 1 }, ["partSize"], /5,?242,?880/],
    ["part size", { spec, partSize: 2 ** 30 + 1 }, ["partSize"], /1,?073,?741,?824/],
  ];
  for (const [wrong, input, path, limit] of cases) {
    it(`${wrong}: the issue leads to the field and says the limit`, async () => {
      const outcome = await client.start(input);
      assert.equal(outcome.__typename, "InvalidSpecError");
      assert.ok("issues" in outcome);
      assert.deepEqual(
        outcome.issues.map((issue) => issue.path),
        [path],
      );
      assert.match(outcome.issues[0]?.message ?? "", limit);
      assert.equal(outcome.message, outcome.issues[0]?.message);
    });
  }

  it("has one issue for each wrong field", async () => {
    const input = { spec: { ...spec, width: 0, height: 0, pattern: { allRgb: { offset: -1 } } }, partSize: 1 };
    const outcome = await client.start(input);
    assert.ok("issues" in outcome);
    const paths = outcome.issues.map((issue) => issue.path.join("."));
    assert.deepEqual(paths.sort(), ["height", "partSize", "pattern.allRgb.offset", "width"]);
    assert.match(outcome.message, /^(\w+ is -?\d+; .*?\. ){3}And 1 more\.$/);
  });

  const tooLarge: [title: string, input: StartInput, limit: RegExp][] = [
    ["a BMP that its 32-bit size field cannot say", { spec: allRgb(40_000, 40_000) }, /4,?294,?967,?295/],
    [
      "a file over MAX_RENDER_BYTES",
      { spec: allRgb(1_048_576, 1_048_576, { format: "PPM" }) },
      /68,?719,?476,?736|64 GiB/,
    ],
  ];
  for (const [title, input, limit] of tooLarge) {
    it(`${title} is refused with that limit`, async () => {
      const outcome = await client.start(input);
      assert.equal(outcome.__typename, "InvalidSpecError");
      assert.match(JSON.stringify(outcome), limit);
    });
  }

  it("takes exactly one pattern", async () => {
    const two = { ...spec, pattern: { allRgb: {}, solid: { color: "#000000" } } };
    await assert.rejects(client.start({ spec: two }), { name: "GraphQLError" });
    await assert.rejects(client.start({ spec: { ...spec, pattern: {} } }), { name: "GraphQLError" });
  });

  it("leaves no row and no workflow", async () => {
    const database = new pg.Client(stack.info.databaseUrl);
    await database.connect();
    const { rows } = await database.query("select count(*)::int as renders from render");
    await database.end();
    assert.deepEqual(rows, [{ renders: 0 }]);

    const connection = await Connection.connect({ address: stack.info.temporalAddress });
    const { count } = await new TemporalClient({ connection }).workflow.count("WorkflowType = 'renderImage'");
    await connection.close();
    assert.equal(count, 0);
  });
});
