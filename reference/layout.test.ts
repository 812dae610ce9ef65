import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { referenceBytes, referenceHeader } from "./layout.ts";
import { image } from "./reference.fixture.ts";

describe("referenceBytes", () => {
  const rgb = { offset: 0x010203 };

  it("is a whole BMP24, from the bottom row, padded to four bytes", () => {
    const expected =
      "424d4e000000000000003600000028000000030000000200000001001800000000001800000" +
      "0130b0000130b00000000000000000000" +
      "060201070201080201000000" +
      "030201040201050201000000";
    assert.equal(Buffer.from(referenceBytes(image("allRgb", rgb), 0, 78)).toString("hex"), expected);
  });

  it("is a whole BMP32 with a negative height, from the top row", () => {
    const spec = image("allRgb", rgb, { format: "BMP32", rowOrder: "TOP_DOWN", width: 1, pixelsPerMetre: 0 });
    const expected =
      "424d3e000000000000003600000028000000" +
      "01000000feffffff01002000000000000800000000000000000000000000000000000000" +
      "0302010004020100";
    assert.equal(Buffer.from(referenceBytes(spec, 0, 62)).toString("hex"), expected);
  });

  it("is a whole PPM, whatever the row order", () => {
    const spec = image("allRgb", rgb, { format: "PPM" });
    const expected = Buffer.concat([
      Buffer.from("P6\n3 2\n255\n"),
      Buffer.from("010203010204010205010206010207010208", "hex"),
    ]);
    assert.deepEqual(Buffer.from(referenceBytes(spec, 0, expected.length)), expected);
  });

  it("is the same bytes in any pieces", () => {
    for (const format of ["BMP24", "BMP32", "PPM"] as const) {
      const spec = image("allRgb", rgb, { format, width: 5, height: 3 });
      const whole = referenceBytes(spec, 0, referenceHeader(spec).length + 45);
      for (let start = 0; start < whole.length; start++) {
        for (let end = start; end <= whole.length; end++) {
          assert.deepEqual(Buffer.from(referenceBytes(spec, start, end)), Buffer.from(whole.subarray(start, end)));
        }
      }
    }
  });
});
