import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { noise } from "./noise.ts";

/** A window of noise as 0xRRGGBB, row by row. */
function renderNoise(seed: number, { x: left = 0, y: top = 0, size = 512, monochrome = false } = {}): Int32Array {
  const { column, row, table } = noise.tables({ seed, monochrome }, { width: 1, height: 1 });
  const columns = Array.from({ length: size }, (_, x) => column(left + x));
  const rows = Array.from({ length: size }, (_, y) => row(top + y));
  return Int32Array.from({ length: size * size }, (_, i) =>
    noise.kernel.call({ thread: { x: i % size, y: Math.floor(i / size) } }, columns, rows, [...table]),
  );
}

const CHANNELS = { red: 16, green: 8, blue: 0 };
const windows = [
  { seed: 0, x: 0, y: 0 },
  { seed: 1, x: 0, y: 0 },
  { seed: -1, x: 2 ** 20 - 512, y: 2 ** 20 - 512 },
  { seed: 2 ** 31 - 1, x: 333_333, y: 0 },
];

/**
 * The limit of a normal deviate that chance passes once in 500,000 times: the seeds are fixed, so a test passes always
 * or never.
 */
const SIGMAS = 5;

function add(totals: Int32Array | Float64Array, index: number, amount: number): void {
  totals[index] = (totals[index] ?? 0) + amount;
}

/** How far counts are from equal, in standard deviations of a chi-square test. */
function chiSquareDeviation(counts: ArrayLike<number>, total: number): number {
  const expected = total / counts.length;
  const chiSquare = Array.from(counts).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  return (chiSquare - (counts.length - 1)) / Math.sqrt(2 * (counts.length - 1));
}

/** The correlation of a channel of one pixel list with a channel of another, in standard deviations. */
function correlationDeviation(a: ArrayLike<number>, aShift: number, b: ArrayLike<number>, bShift: number): number {
  let sum = 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    sum += ((((a[i] as number) >> aShift) & 255) - 127.5) * ((((b[i] as number) >> bShift) & 255) - 127.5);
  }
  const variance = (256 ** 2 - 1) / 12;
  return sum / variance / Math.sqrt(length);
}

test("equals the test vectors of docs/patterns.md", () => {
  const text = readFileSync(new URL("../../docs/patterns.md", import.meta.url), "utf8");
  const vectors = text.matchAll(/^\| (−?\d+) \| (\d+) \| (\d+) \| (0x\w+) \| (0x\w+) \| #(\w+) \| #(\w+) \|$/gm);
  let count = 0;
  for (const [, seedText, xText, yText, column, row, color, grey] of vectors) {
    const seed = Number(seedText?.replace("−", "-"));
    const at = { x: Number(xText), y: Number(yText), size: 1 };
    const tables = noise.tables({ seed, monochrome: false }, { width: 1, height: 1 });
    assert.equal(tables.column(at.x), Number(column));
    assert.equal(tables.row(at.y), Number(row));
    assert.deepEqual([...renderNoise(seed, at)], [Number(`0x${color}`)]);
    assert.deepEqual([...renderNoise(seed, { ...at, monochrome: true })], [Number(`0x${grey}`)]);
    count++;
  }
  assert.ok(count >= 7);
});

test("monochrome noise is the red channel in all three", () => {
  const color = renderNoise(5, { size: 64 });
  const grey = renderNoise(5, { size: 64, monochrome: true });
  assert.deepEqual(
    grey,
    color.map((pixel) => (pixel >> 16) * 0x010101),
  );
});

for (const { seed, ...at } of windows) {
  const where = `seed ${seed} at (${at.x}, ${at.y})`;

  test(`every channel is uniform: ${where}`, () => {
    const pixels = renderNoise(seed, at);
    for (const [channel, shift] of Object.entries(CHANNELS)) {
      const counts = new Int32Array(256);
      for (const pixel of pixels) add(counts, (pixel >> shift) & 255, 1);
      const deviation = chiSquareDeviation(counts, pixels.length);
      assert.ok(Math.abs(deviation) < SIGMAS, `${channel}: ${deviation}`);
    }
  });

  test(`channels and neighbours in every direction are uncorrelated: ${where}`, () => {
    const size = 512;
    const pixels = renderNoise(seed, at);
    const shifts = Object.values(CHANNELS);
    for (const [dx, dy] of [
      [0, 0],
      [1, 0],
      [0, 1],
      [1, 1],
      [-1, 1],
      [2, 0],
      [0, 2],
      [2, 1],
      [-2, 1],
      [1, 2],
    ] as const) {
      const moved = pixels.subarray(dy * size + dx);
      for (const a of shifts) {
        for (const b of shifts) {
          if (dx === 0 && dy === 0 && a === b) continue;
          const deviation = correlationDeviation(pixels, a, moved, b);
          assert.ok(Math.abs(deviation) < SIGMAS, `neighbour (${dx}, ${dy}), bits ${a} and ${b}: ${deviation}`);
        }
      }
    }
  });

  test(`no row, no column is brighter than chance: ${where}`, () => {
    const size = 512;
    const pixels = renderNoise(seed, at);
    for (const shift of Object.values(CHANNELS)) {
      const [rows, columns] = [new Float64Array(size), new Float64Array(size)];
      for (const [i, pixel] of pixels.entries()) {
        const value = ((pixel >> shift) & 255) - 127.5;
        add(rows, Math.floor(i / size), value);
        add(columns, i % size, value);
      }
      const deviation = Math.sqrt((size * (256 ** 2 - 1)) / 12);
      for (const sum of [...rows, ...columns]) assert.ok(Math.abs(sum) / deviation < SIGMAS + 1);
    }
  });

  test(`no separable structure: four corners of rectangles neither add nor combine to anything: ${where}`, () => {
    const size = 512;
    const pixels = renderNoise(seed, at);
    const sums = new Int32Array(256);
    const xors = new Int32Array(256);
    let zeros = 0;
    let total = 0;
    const pixel = (x: number, y: number) => pixels[y * size + x] as number;
    for (let y = 0; y < size; y += 2) {
      for (let x = 0; x < size; x += 2) {
        const [right, below] = [(x + 1 + y) % size, (y + 1 + 3 * x) % size];
        if (right === x || below === y) continue;
        const corners = [pixel(x, y), pixel(right, below), pixel(right, y), pixel(x, below)] as const;
        const sum = corners[0] + corners[1] - corners[2] - corners[3];
        add(sums, (sum >> 16) & 255, 1);
        add(xors, (corners[0] ^ corners[1] ^ corners[2] ^ corners[3]) & 255, 1);
        zeros += Number(sum === 0);
        total++;
      }
    }
    assert.ok(zeros <= 2, `${zeros} of ${total} interactions are 0`);
    assert.ok(Math.abs(chiSquareDeviation(sums, total)) < SIGMAS);
    assert.ok(Math.abs(chiSquareDeviation(xors, total)) < SIGMAS);
  });
}

test("another seed, another image: unequal and uncorrelated", () => {
  const first = renderNoise(0);
  for (const seed of [1, 2, -1, 65_536, -(2 ** 31)]) {
    const other = renderNoise(seed);
    const equal = first.filter((pixel, i) => pixel === other[i]).length;
    assert.ok(equal <= 3, `${equal} pixels of seeds 0 and ${seed} are equal`);
    for (const shift of Object.values(CHANNELS)) {
      assert.ok(Math.abs(correlationDeviation(first, shift, other, shift)) < SIGMAS);
    }
  }
});

test("no two columns and no two rows of the largest image are the same", () => {
  const { column, row } = noise.tables({ seed: 3, monochrome: false }, { width: 2 ** 20, height: 2 ** 20 });
  for (const line of [column, row]) {
    assert.equal(new Set(Array.from({ length: 2 ** 20 }, (_, i) => line(i))).size, 2 ** 20);
  }
});
