import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PartRange, PartState } from "../database/state.ts";
import { PartLedger } from "./part-ledger.ts";

const result = (part: number) => ({
  etag: part.toString(16).padStart(32, "0"),
  crc32: (part * 0x9e3779b1) >>> 0,
  attempt: 1,
  workedMs: 1,
  backend: "cpu",
});

function runs(states: PartState[]): PartRange[] {
  const ranges: PartRange[] = [];
  states.forEach((state, index) => {
    const last = ranges.at(-1);
    if (last?.state === state) last.to = index + 1;
    else ranges.push({ from: index + 1, to: index + 1, state });
  });
  return ranges;
}

const actions = ["start", "finish", "fail", "release", "retryFailed"] as const;

test("agrees with a plain list of states, also after being packed and unpacked", () => {
  const step = fc.tuple(fc.constantFrom(...actions), fc.integer({ min: 1, max: 12 }));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.array(step, { maxLength: 60 }), (partCount, steps) => {
      const plan = { byteSize: partCount * 10 - 3, partSize: 10, partCount };
      const ledger = new PartLedger(plan);
      const states = new Array<PartState>(partCount).fill("WAITING");
      for (const [action, at] of steps) {
        const part = Math.min(at, partCount);
        if (states[part - 1] === "DONE" && action !== "retryFailed") continue;
        if (action === "retryFailed") {
          ledger.retryFailed();
          states.forEach((state, index) => {
            if (state === "FAILED") states[index] = "WAITING";
          });
        } else if (action === "finish") {
          ledger.finish(part, result(part), false);
          states[part - 1] = "DONE";
        } else {
          ledger[action](part);
          states[part - 1] = ({ start: "ACTIVE", fail: "FAILED", release: "WAITING" } as const)[action];
        }
      }
      const done = states.flatMap((state, index) => (state === "DONE" ? [index + 1] : []));
      for (const each of [ledger, new PartLedger(plan, ledger.pack())]) {
        assert.deepEqual(each.ranges, runs(states));
        assert.equal(each.count("DONE"), done.length);
        assert.equal(each.count("WAITING"), states.filter((state) => state === "WAITING").length);
        assert.equal(each.bytesDone, done.length * 10 - (done.includes(partCount) ? 3 : 0));
        assert.equal(each.firstWaiting()?.from, states.includes("WAITING") ? states.indexOf("WAITING") + 1 : undefined);
        assert.equal(each.pack().etags, done.map((part) => result(part).etag).join(" "));
        assert.equal(each.pack().crc32s, done.map((part) => result(part).crc32.toString(16).padStart(8, "0")).join(""));
      }
    }),
  );
});

test("counts each part that needed more than one attempt once", () => {
  const ledger = new PartLedger({ byteSize: 30, partSize: 10, partCount: 3 });
  ledger.finish(1, result(1), true);
  ledger.fail(2);
  ledger.retryFailed();
  ledger.finish(2, result(2), true);
  assert.equal(ledger.retriedParts, 2);
  assert.equal(new PartLedger({ byteSize: 30, partSize: 10, partCount: 3 }, ledger.pack()).retriedParts, 2);
});

test("10,000 finished parts pack into less than 512 KiB", () => {
  const ledger = new PartLedger({ byteSize: 100_000, partSize: 10, partCount: 10_000 });
  for (let part = 1; part <= 10_000; part++) ledger.finish(part, result(part), true);
  assert.ok(JSON.stringify(ledger.pack()).length < 512 * 1024);
});

test("loses what S3 has lost", () => {
  const ledger = new PartLedger({ byteSize: 30, partSize: 10, partCount: 3 });
  ledger.finish(2, result(2), false);
  ledger.fail(3);
  ledger.loseParts();
  assert.deepEqual(ledger.ranges, [{ from: 1, to: 3, state: "WAITING" }]);
  assert.equal(ledger.bytesDone, 0);
  assert.equal(ledger.count("DONE"), 0);
  assert.deepEqual(ledger.backends, ["cpu"]);
  assert.equal(ledger.retriedParts, 0);
  ledger.retryFailed();
  assert.equal(ledger.retriedParts, 2);
});

test("a part outside the plan is an error", () => {
  const ledger = new PartLedger({ byteSize: 30, partSize: 10, partCount: 3 });
  assert.throws(() => ledger.start(4), /There is no part 4 in a plan of 3/);
});
