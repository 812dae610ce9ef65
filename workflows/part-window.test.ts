import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { seededRandom } from "../test/support/random.ts";
import { PartWindow } from "./part-window.ts";

/** Reckons so many GPU slots that take parts of about this length while the window keeps their queue filled: its sizes. */
function play({ slots, partMs, parts }: { slots: number; partMs: number; parts: number }) {
  const window = new PartWindow();
  const random = seededRandom(1);
  const freeAt = new Array<number>(slots).fill(0);
  const ends: { at: number; waited: number; inFlight: number }[] = [];
  const sizes: number[] = [];
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
  test("comes to as many slow parts as there are slots, and hardly more", () => {
    for (const slots of [2, 4, 8, 16]) {
      for (const size of settled(play({ slots, partMs: 20_000, parts: 300 }))) {
        assert.ok(size >= slots && size <= 1 + slots * 1.5, `${size} for ${slots} slots`);
      }
    }
  });

  test("never lets slots run empty", () => {
    for (const partMs of [100, 500, 2_000, 60_000]) {
      for (const slots of [2, 4, 8, 30]) {
        assert.ok(Math.min(...settled(play({ slots, partMs, parts: 400 }))) >= slots, `${slots} slots, ${partMs} ms`);
      }
    }
  });

  test("lets quick parts wait for about a second", () => {
    const sizes = settled(play({ slots: 4, partMs: 500, parts: 300 }));
    assert.ok(Math.max(...sizes) <= 4 * (1 + 2) * 1.5, `${Math.max(...sizes)}`);
  });

  test("finds many slots within few rounds", () => {
    assert.equal(play({ slots: 32, partMs: 1_000, parts: 160 }).at(-1), 32);
  });

  test("keeps two at least, so that the next part is there when one is done", () => {
    const window = new PartWindow();
    for (let part = 0; part < 10; part++) window.returned(window.size, 60_000);
    assert.equal(window.size, 2);
  });
});
