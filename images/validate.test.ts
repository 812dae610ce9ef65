import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anyLength, anySpec } from "./arbitrary-spec.fixture.ts";
import { patterns } from "./patterns/index.ts";
import { planRender } from "./plan-render.ts";
import type { RenderSpecInput } from "./spec.ts";
import { checkSpec } from "./validate.ts";

const limits = { maxRenderBytes: 64 * 2 ** 30 };
const noLimits = { maxRenderBytes: Number.MAX_SAFE_INTEGER };

const valid: RenderSpecInput = {
  width: 1920,
  height: 1080,
  pattern: { solid: { color: "#a0B1c2" } },
  format: "BMP24",
  rowOrder: "BOTTOM_UP",
  pixelsPerMetre: 2835,
};

/** The paths of a spec's issues, joined by dots, with their messages. */
function issuesOf(change: Partial<RenderSpecInput>, { maxRenderBytes } = limits): Record<string, string> {
  const check = checkSpec({ ...valid, ...change }, { maxRenderBytes });
  const issues = "issues" in check ? check.issues : [];
  assert.equal(new Set(issues.map(({ path }) => path.join("."))).size, issues.length, "two issues of one field");
  return Object.fromEntries(issues.map(({ path, message }) => [path.join("."), message]));
}

function patternOfChecked(pattern: RenderSpecInput["pattern"]): unknown {
  const check = checkSpec({ ...valid, pattern }, limits);
  assert.ok("spec" in check, JSON.stringify(check));
  return check.spec.pattern;
}

test("takes nothing for a colour or a switch that only resembles one", () => {
  assert.deepEqual(Object.keys(issuesOf({ pattern: { solid: { color: "#1234567" } } })), ["pattern.solid.color"]);
  const monochrome = issuesOf({ pattern: { noise: { monochrome: "false" } } });
  assert.deepEqual(Object.keys(monochrome), ["pattern.noise.monochrome"]);
  assert.deepEqual(patternOfChecked({ colorBars: { colors: ["#abcdef", "#ABCDEF"] } }), {
    colorBars: { colors: ["#ABCDEF", "#ABCDEF"], axis: "VERTICAL" },
  });
});

test("a part size of 0 is none", () => {
  const planned = planRender({ spec: valid, partSize: 0 }, limits.maxRenderBytes);
  assert.ok("issues" in planned);
  assert.deepEqual(
    planned.issues.map(({ path }) => path),
    [["partSize"]],
  );
});

test("-0 is 0, as JSON will have it", () => {
  const { noise } = patternOfChecked({ noise: { seed: -0 } }) as { noise: { seed: number } };
  assert.ok(Object.is(noise.seed, 0));
  const check = checkSpec({ ...valid, pixelsPerMetre: -0 }, limits);
  assert.ok("spec" in check && Object.is(check.spec.pixelsPerMetre, 0));
});

test("a right spec comes back with its file's size, and colours in one spelling", () => {
  assert.deepEqual(checkSpec(valid, limits), {
    spec: { ...valid, pattern: { solid: { color: "#A0B1C2" } } },
    byteSize: 54 + 1920 * 1080 * 3,
  });
});

test("a checked spec checks again to itself", () => {
  fc.assert(
    fc.property(anySpec({ width: anyLength, height: anyLength }), (spec) => {
      const check = checkSpec(spec, noLimits);
      if ("issues" in check)
        assert.deepEqual(
          check.issues.map(({ path }) => path),
          [["format"]],
        );
      else assert.deepEqual(check.spec, spec);
    }),
  );
});

test("defaults are filled in; null is as good as absent; optional parameters stay absent", () => {
  assert.deepEqual(patternOfChecked({ gradient: { from: "#000000", to: "#FFFFFF", steps: null } }), {
    gradient: { from: "#000000", to: "#FFFFFF", direction: "RIGHT" },
  });
  assert.deepEqual(patternOfChecked({ stripes: {} }), {
    stripes: { axis: "VERTICAL", onWidth: 1, offWidth: 1, on: "#FFFFFF", off: "#000000" },
  });
  assert.deepEqual(patternOfChecked({ colorBars: { colors: null } }), {
    colorBars: {
      colors: ["#FFFFFF", "#FFFF00", "#00FFFF", "#00FF00", "#FF00FF", "#FF0000", "#0000FF", "#000000"],
      axis: "VERTICAL",
    },
  });
  assert.deepEqual(patternOfChecked({ zonePlate: {} }), {
    zonePlate: { period: 4096, dark: "#000000", light: "#FFFFFF" },
  });
  assert.deepEqual(patternOfChecked({ noise: {} }), { noise: { seed: 0, monochrome: false } });
  assert.deepEqual(patternOfChecked({ allRgb: {} }), { allRgb: { offset: 0 } });
});

test("every wrong field is reported, all at once, with the value and the limit", () => {
  const issues = issuesOf({
    width: 0,
    height: 2 ** 20 + 1,
    pixelsPerMetre: -1,
    pattern: { gradient: { from: "red", to: "#12345", steps: 1, direction: "NORTH" } },
  });
  assert.deepEqual(issues, {
    width: "width is 0; it must be a whole number from 1 to 1048576.",
    height: "height is 1048577; it must be a whole number from 1 to 1048576.",
    "pattern.gradient.from": 'from is "red"; it must be a colour as #RRGGBB, six hexadecimal digits after #.',
    "pattern.gradient.to": 'to is "#12345"; it must be a colour as #RRGGBB, six hexadecimal digits after #.',
    "pattern.gradient.direction": 'direction is "NORTH"; it must be one of RIGHT, DOWN, LEFT, UP.',
    "pattern.gradient.steps": "steps is 1; it must be a whole number from 2 to 1024.",
    pixelsPerMetre: "pixelsPerMetre is -1; it must be a whole number from 0 to 2147483647.",
  });
});

test("numbers that JSON does not have are shown as they are", () => {
  assert.match(issuesOf({ width: Number.NaN })["width"] ?? "", /^width is NaN;/);
  assert.match(issuesOf({ height: Number.POSITIVE_INFINITY })["height"] ?? "", /^height is Infinity;/);
  const pattern = { colorBars: { colors: ["#000000", Number.NEGATIVE_INFINITY] } };
  assert.match(issuesOf({ pattern })["pattern.colorBars.colors"] ?? "", /number 2 is -Infinity\.$/);
});

test("a pattern is exactly one known pattern with known parameters, the required ones among them", () => {
  const known = patterns.map(({ name }) => name).join(", ");
  assert.deepEqual(issuesOf({ pattern: {} }), {
    pattern: `pattern has nothing; it must have exactly one of ${known}.`,
  });
  assert.deepEqual(Object.keys(issuesOf({ pattern: { plaid: {} } })), ["pattern"]);
  assert.deepEqual(Object.keys(issuesOf({ pattern: { solid: { color: "#000000" }, noise: {} } })), ["pattern"]);
  assert.deepEqual(issuesOf({ pattern: { solid: { colour: "#000000" } } }), {
    "pattern.solid.colour": "colour is not a parameter of solid; it has color.",
    "pattern.solid.color": "color is missing; it must be given.",
  });
});

test("a list is one field: its length, then its elements", () => {
  const colors = (given: unknown) =>
    issuesOf({ pattern: { colorBars: { colors: given } } })["pattern.colorBars.colors"];
  assert.equal(colors(["#000000"]), undefined);
  assert.equal(colors("#000000"), 'colors is "#000000"; it must be a list of 1 to 64 colours.');
  assert.equal(colors([]), "colors has 0 colours; it must have 1 to 64.");
  assert.equal(colors(Array(65).fill("#000000")), "colors has 65 colours; it must have 1 to 64.");
  assert.match(colors(["#000000", "blue", 7]) ?? "", /number 2 is "blue", number 3 is 7/);
});

for (const pattern of patterns) {
  for (const [name, parameter] of Object.entries(pattern.parameters)) {
    if (parameter.type !== "Int") continue;
    test(`${pattern.name}.${name} takes exactly ${parameter.minimum} … ${parameter.maximum}`, () => {
      const path = `pattern.${pattern.name}.${name}`;
      const issue = (value: unknown) => issuesOf({ pattern: { [pattern.name]: { [name]: value } } })[path];
      assert.equal(issue(parameter.minimum), undefined);
      assert.equal(issue(parameter.maximum), undefined);
      for (const wrong of [parameter.minimum - 1, parameter.maximum + 1, parameter.minimum + 0.5, "7", true]) {
        assert.match(issue(wrong) ?? "", new RegExp(`from ${parameter.minimum} to ${parameter.maximum}`));
      }
    });
  }
}

test("a BMP ends at 4,294,967,295 bytes", () => {
  assert.deepEqual(issuesOf({ width: 32_768, height: 32_767, format: "BMP32" }), {});
  const issues = issuesOf({ width: 32_768, height: 32_768, format: "BMP32" });
  assert.deepEqual(Object.keys(issues), ["format"]);
  assert.match(issues["format"] ?? "", /32768 × 32768.*4294967350 bytes.*4294967295.*PPM or BIGTIFF/);
  assert.deepEqual(issuesOf({ width: 32_768, height: 32_768, format: "BIGTIFF" }), {});
});

test("a render ends at MAX_RENDER_BYTES, and its longer side is what is too long", () => {
  const byteSize = 54 + 1920 * 1080 * 3;
  assert.deepEqual(issuesOf({}, { maxRenderBytes: byteSize }), {});
  const issues = issuesOf({}, { maxRenderBytes: byteSize - 1 });
  assert.deepEqual(Object.keys(issues), ["width"]);
  assert.match(issues["width"] ?? "", new RegExp(`1920 × 1080.*${byteSize} bytes.*${byteSize - 1}`));
  assert.deepEqual(Object.keys(issuesOf({ height: 1921 }, { maxRenderBytes: 1 })), ["height"]);
  assert.deepEqual(Object.keys(issuesOf({ width: 2 ** 20, height: 2 ** 20 })), ["width", "format"]);
});
