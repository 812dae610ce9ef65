import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RenderSpec } from "../images/spec.ts";
import { referencePixel } from "./patterns.ts";
import { image } from "./reference.fixture.ts";

const BLACK = "#000000";
const WHITE = "#FFFFFF";

/** Every expected value here was worked out by hand from the definitions. */
describe("referencePixel", () => {
  const cases: [title: string, spec: RenderSpec, pixels: [x: number, y: number, color: number][]][] = [
    ["solid", image("solid", { color: "#0A0b0C" }), [[2, 1, 0x0a0b0c]]],
    [
      "gradient to the right",
      image("gradient", { from: "#0000FF", to: "#FF0000", direction: "RIGHT" }),
      [
        [0, 0, 0x0000ff],
        [1, 0, 0x7f007f],
        [2, 1, 0xff0000],
      ],
    ],
    [
      "gradient upwards",
      image("gradient", { from: BLACK, to: WHITE, direction: "UP" }),
      [
        [0, 1, 0x000000],
        [0, 0, 0xffffff],
      ],
    ],
    [
      "gradient in steps",
      image("gradient", { from: BLACK, to: WHITE, direction: "LEFT", steps: 3 }, { width: 7 }),
      [
        [6, 0, 0x000000],
        [4, 0, 0x000000],
        [3, 0, 0x7f7f7f],
        [2, 0, 0x7f7f7f],
        [1, 0, 0xffffff],
      ],
    ],
    [
      "gradient one pixel wide",
      image("gradient", { from: "#010203", to: WHITE, direction: "RIGHT" }, { width: 1 }),
      [[0, 0, 0x010203]],
    ],
    [
      "gradient over the widest image",
      image("gradient", { from: BLACK, to: WHITE, direction: "RIGHT" }, { width: 1_048_576 }),
      [
        [1_048_574, 0, 0xfefefe],
        [4112, 0, 0x000000],
        [4113, 0, 0x010101],
      ],
    ],
    [
      "checkerboard",
      image("checkerboard", { cellWidth: 2, cellHeight: 1, even: BLACK, odd: WHITE }),
      [
        [1, 0, 0x000000],
        [2, 0, 0xffffff],
        [2, 1, 0x000000],
      ],
    ],
    [
      "horizontal stripes",
      image("stripes", { axis: "HORIZONTAL", onWidth: 1, offWidth: 2, on: WHITE, off: BLACK }, { height: 5 }),
      [
        [0, 0, 0xffffff],
        [0, 2, 0x000000],
        [0, 3, 0xffffff],
      ],
    ],
    [
      "colour bars",
      image("colorBars", { axis: "VERTICAL", colors: ["#000001", "#000002"] }),
      [
        [1, 0, 0x000001],
        [2, 0, 0x000002],
      ],
    ],
    [
      "grid",
      image(
        "grid",
        { spacingX: 3, spacingY: 2, thickness: 1, line: WHITE, background: BLACK },
        { width: 5, height: 4 },
      ),
      [
        [1, 0, 0xffffff],
        [1, 1, 0x000000],
        [3, 1, 0xffffff],
        [4, 2, 0xffffff],
      ],
    ],
    [
      "border",
      image("border", { thickness: 1, line: WHITE, background: BLACK }, { width: 4, height: 3 }),
      [
        [0, 1, 0xffffff],
        [1, 1, 0x000000],
        [3, 1, 0xffffff],
        [1, 2, 0xffffff],
      ],
    ],
    [
      // (2·0−2)² + (2·0−1)² = 5; 5 mod 4 = 1; floor(1·256/4) = 64; in doubles, cos(π/2) > 0, so table[64] = 127
      "zone plate",
      image("zonePlate", { period: 4, dark: BLACK, light: WHITE }),
      [
        [0, 0, 0x7f7f7f],
        [1, 0, 0x7f7f7f],
      ],
    ],
    [
      // (2·1048575 − 1048576 + 1)² = 1048575² and the same down; 2·1048575² mod 4096 = 2; 2·256/4096 = 0; table[0] = 0
      "zone plate's far corner",
      image("zonePlate", { period: 4096, dark: "#102030", light: WHITE }, { width: 2 ** 20, height: 2 ** 20 }),
      [[2 ** 20 - 1, 2 ** 20 - 1, 0x102030]],
    ],
    [
      "allRgb",
      image("allRgb", { offset: 16_777_214 }),
      [
        [0, 0, 0xfffffe],
        [2, 0, 0x000000],
        [1, 1, 0x000002],
      ],
    ],
    [
      "allRgb's far corner",
      image("allRgb", { offset: 0 }, { width: 1_000_003, height: 1_048_576 }),
      [[1_000_002, 1_048_575, 0x2fffff]],
    ],
  ];
  for (const [title, spec, pixels] of cases) {
    it(title, () => {
      for (const [x, y, color] of pixels) {
        assert.equal(referencePixel(spec, x, y).toString(16), color.toString(16), `(${x}, ${y})`);
      }
    });
  }

  const noise: [seed: number, x: number, y: number, color: number, monochrome: number][] = [
    [0, 0, 0, 0xc5278e, 0xc5c5c5],
    [0, 1, 0, 0x845ab2, 0x848484],
    [0, 0, 1, 0x510cd1, 0x515151],
    [1, 0, 0, 0x66ae68, 0x666666],
    [-1, 1048575, 1048575, 0x09d96c, 0x090909],
    [2147483647, 123456, 654321, 0x36dcbd, 0x363636],
    [-2147483648, 1048575, 0, 0x09fb37, 0x090909],
  ];
  it("noise agrees with the table in docs/patterns.md", () => {
    const size = { width: 2 ** 20, height: 2 ** 20 };
    for (const [seed, x, y, color, grey] of noise) {
      const pixel = (monochrome: boolean) => referencePixel(image("noise", { seed, monochrome }, size), x, y);
      assert.equal(pixel(false), color);
      assert.equal(pixel(true), grey);
    }
  });

  it("refuses a pattern that it does not know", () => {
    assert.throws(() => referencePixel(image("plaid", {}), 0, 0), /knows no pattern plaid/);
  });
});
