import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "../test/support/random.ts";
import { PartWindow } from "./part-window.ts";

interface Play {
  /** Parts that the GPU workers really take at once, for this render. */
  slots: number;
  /** Those that were seen. */
  seen?: number;
  partMs: number;
  parts: number;
}

/**
 * Reckons so many GPU slots that take parts of about this length while the window keeps their queue filled: its sizes.
 */
function play({ slots, seen = slots, partMs, parts }: Play) {
  const window = new PartWindow();
  window.saw(seen);
  const random = seededRandom(1);
  const freeAt = new Array<number>(slots).fill(0);
  const ends: { at: number; waited: number; inFlight: number }[] = [];
  const sizes = [window.size];
  const put = (now: number) => {
    freeAt.sort((a, b) => a - b);
    const startsAt = Math.max(now, freeAt[0] ?? 0);
    const endsAt = startsAt + partMs * (0.9 + 0.2 * random());
    freeAt[0] = endsAt;
    ends.push({ at: endsAt, waited: startsAt - now, inFlight: ends.length + 1 });
  };
  for (let now = 0, left = parts; left > 0; left--) {
    while (ends.length < window.size) put(now);
    ends.sort((a, b) => a.at - b.at);
    const next = ends.shift();
    assert.ok(next);
    now = next.at;
    window.returned(next.inFlight, next.waited);
    sizes.push(window.size);
  }
  return sizes;
}

const settled = (sizes: number[]) => sizes.slice(-50);

describe("the window of parts on the GPU queue", () => {
  test("is half as large again as what GPU workers take at once, from the first part on", () => {
    for (const slots of [2, 4, 8, 100]) assert.equal(play({ slots, partMs: 500, parts: 1 }).at(0), slots * 1.5);
  });

  test("never lets slots run empty, and hardly makes parts wait", () => {
    for (const partMs of [100, 500, 2_000, 60_000]) {
      for (const slots of [2, 4, 8, 30, 100]) {
        const sizes = settled(play({ slots, partMs, parts: 400 }));
        assert.ok(Math.min(...sizes) >= slots, `${Math.min(...sizes)} for ${slots} slots, ${partMs} ms`);
        assert.ok(Math.max(...sizes) <= slots * 1.5, `${Math.max(...sizes)} for ${slots} slots, ${partMs} ms`);
      }
    }
  });

  test("comes to fewer where other renders have most of the slots", () => {
    for (const size of settled(play({ slots: 3, seen: 40, partMs: 20_000, parts: 300 }))) {
      assert.ok(size >= 3 && size <= 6, `${size}`);
    }
  });

  test("grows when GPU workers come", () => {
    const window = new PartWindow();
    window.saw(4);
    window.saw(32);
    for (let part = 0; part < 20; part++) window.returned(window.size, 0);
    assert.equal(window.size, 48);
  });

  test("does not shrink because GPU workers are too busy to be seen", () => {
    const window = new PartWindow();
    window.saw(40);
    window.saw(0);
    window.returned(60, 0);
    assert.equal(window.size, 60);
  });

  test("goes on from what an earlier run came to", () => {
    const window = new PartWindow(20);
    window.saw(4);
    window.returned(20, 0);
    assert.equal(window.size, 20);
    window.returned(20, 60_000);
    assert.equal(window.size, 19);
    window.returned(19, 0);
    assert.equal(window.size, 20);
  });

  test("reckons with one GPU worker where none is there", () => {
    const window = new PartWindow();
    assert.equal(window.size, 6);
    window.saw(0);
    assert.equal(window.size, 6);
  });

  test("keeps two at least, so that the next part is there when one is done", () => {
    const window = new PartWindow();
    for (let part = 0; part < 10; part++) window.returned(window.size, 60_000);
    assert.equal(window.size, 2);
  });

  test("stays far from the number of activities that Temporal allows", () => {
    const window = new PartWindow();
    window.saw(10_000);
    assert.equal(window.size, 512);
  });
});
