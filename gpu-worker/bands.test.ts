import assert from "node:assert/strict";
import { test } from "node:test";
import type { PatternValues } from "../images/spec.ts";
import { bandsOf } from "./bands.ts";
import { type PreparedImage, prepareImage } from "./prepared-image.ts";

const BAND_PIXELS = 2 ** 16;
const ROWS = 12;

interface Changes extends Partial<Pick<PreparedImage, "fillRows">> {
  width?: number;
  cut?: number;
}

/** The bands of as many bytes as twelve rows have, from the file's second row on; each is one row, or a tile of it. */
function bands(pattern: Record<string, PatternValues>, { width = 40_000, cut = 0, ...changes }: Changes = {}) {
  const prepared = prepareImage(
    { width, height: 40, pattern, format: "PPM", rowOrder: "TOP_DOWN", pixelsPerMetre: 0 },
    BAND_PIXELS,
  );
  const image = { ...prepared, ...changes };
  assert.equal(image.shape.bandRows, 1);
  const start = image.headerSize + image.stride + cut;
  return [...bandsOf(image, { start, end: start + ROWS * image.stride })];
}

const rowsBack = (...from: Parameters<typeof bands>) => bands(...from).map((band) => band.rowsBack);

const same = { solid: { color: "#123456" } };

function stripes(onWidth: number, offWidth: number) {
  return { stripes: { axis: "HORIZONTAL", onWidth, offWidth, on: "#FFFFFF", off: "#000000" } };
}

test("rows that are all the same are computed once", () => {
  assert.deepEqual(rowsBack(same), [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
});

test("of different rows in turn each repeats the last of its kind", () => {
  assert.deepEqual(rowsBack(stripes(1, 1)), [0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
  assert.deepEqual(rowsBack(stripes(1, 2)), [0, 1, 0, 2, 1, 3, 2, 1, 3, 2, 1, 3]);
});

test("the last eight different rows are remembered", () => {
  const inTurn = (count: number) =>
    rowsBack(same, { fillRows: (fileRow: number, rows: Float32Array) => rows.fill(fileRow % count) });
  assert.deepEqual(inTurn(8), [0, 0, 0, 0, 0, 0, 0, 0, 8, 8, 8, 8]);
  assert.deepEqual(inTurn(9), Array(ROWS).fill(0));
});

test("each tile of a row repeats the tile above it", () => {
  assert.deepEqual(rowsBack(same, { width: 2 * BAND_PIXELS }), [0, 0, ...Array(2 * ROWS - 2).fill(1)]);
});

test("rows that differ are all computed", () => {
  assert.deepEqual(rowsBack({ allRgb: { offset: 0 } }), Array(ROWS).fill(0));
});

test("a row that the range holds only in part is not repeated", () => {
  assert.deepEqual(rowsBack(same, { cut: 1 }), [0, 0, ...Array(ROWS - 1).fill(1)]);
});
