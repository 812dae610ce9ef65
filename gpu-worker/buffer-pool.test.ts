import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { BufferPool, bufferBudget, type Loan } from "./buffer-pool.ts";

const MIB = 2 ** 20;
const never = new AbortController().signal;

/** Whether a loan has been granted, asked without waiting for it. */
async function isGranted(loan: Promise<Loan>): Promise<boolean> {
  let granted = false;
  void loan.then(() => {
    granted = true;
  });
  await turn();
  return granted;
}

const lend = (pool: BufferPool, ...sizes: number[]) => Promise.all(sizes.map((size) => pool.acquire(size, never)));
const placeOf = ({ bytes }: Loan) => [bytes.byteOffset, bytes.length];

test("has 64 MiB for each part that is taken at once, up to 2 GiB", () => {
  assert.deepEqual([1, 4, 32, 64].map(bufferBudget), [64 * MIB, 256 * MIB, 2048 * MIB, 2048 * MIB]);
});

test("lends up to its budget, then makes the next one wait", async () => {
  const pool = new BufferPool(3 * MIB);
  const [first, second] = (await lend(pool, MIB, 2 * MIB)) as [Loan, Loan];
  const third = pool.acquire(1, never);
  assert.equal(await isGranted(third), false);
  second[Symbol.dispose]();
  assert.deepEqual(placeOf(await third), [MIB, 1]);
  first[Symbol.dispose]();
});

test("lends one piece above the budget, alone", async () => {
  const pool = new BufferPool(MIB);
  const large = await pool.acquire(5 * MIB, never);
  const small = pool.acquire(1, never);
  assert.equal(await isGranted(small), false);
  large[Symbol.dispose]();
  assert.equal((await small).bytes.length, 1);
});

test("lends pieces of any size one after the other from the same memory, which grows only above the budget", async () => {
  const pool = new BufferPool(4 * MIB);
  const memories = new Set<SharedArrayBuffer>();
  const sizes: number[] = [];
  for (const size of [MIB, 3 * MIB, 2 * MIB + 1, 5 * MIB, 3 * MIB, 1024 * MIB, 1]) {
    using loan = await pool.acquire(size, never);
    assert.deepEqual(placeOf(loan), [0, size]);
    memories.add(loan.bytes.buffer);
    sizes.push(loan.bytes.buffer.byteLength / MIB);
  }
  assert.equal(memories.size, 1);
  assert.deepEqual(sizes, [4, 4, 4, 5, 5, 1024, 1024]);
});

test("keeps to the budget after it has lent more, and lends no byte twice", async () => {
  const pool = new BufferPool(8 * MIB);
  (await pool.acquire(20 * MIB, never))[Symbol.dispose]();
  const lent = new Set<Loan>();
  let seed = 1;
  for (let round = 0; round < 500; round++) {
    seed = (seed * 48_271) % (2 ** 31 - 1);
    const asked = pool.acquire(1 + (seed % (4 * MIB)), never);
    while (!(await isGranted(asked))) {
      const [some] = [...lent].slice(seed % lent.size);
      assert.ok(some);
      lent.delete(some);
      some[Symbol.dispose]();
    }
    lent.add(await asked);
    const places = [...lent].map(placeOf).sort(([a = 0], [b = 0]) => a - b);
    let end = 0;
    for (const [start = 0, length = 0] of places) {
      assert.ok(start >= end && start % 4096 === 0);
      end = start + length;
    }
    assert.ok(end <= 8 * MIB);
  }
});

test("lends from the front: what was never needed is never touched", async () => {
  const pool = new BufferPool(8 * MIB);
  const [first, second] = (await lend(pool, MIB, MIB)) as [Loan, Loan];
  first[Symbol.dispose]();
  assert.deepEqual(placeOf(await pool.acquire(MIB, never)), [0, MIB]);
  second[Symbol.dispose]();
  assert.deepEqual(placeOf(await pool.acquire(2 * MIB, never)), [MIB, 2 * MIB]);
});

test("serves in order: a small request does not pass a large one that waits", async () => {
  const pool = new BufferPool(4 * MIB);
  const first = await pool.acquire(2 * MIB, never);
  const large = pool.acquire(4 * MIB, never);
  const small = pool.acquire(MIB, never);
  assert.equal(await isGranted(small), false);
  first[Symbol.dispose]();
  assert.equal(await isGranted(large), true);
  assert.equal(await isGranted(small), false);
});

test("an aborted request leaves the line, and those behind it move up", async () => {
  const pool = new BufferPool(4 * MIB);
  await pool.acquire(2 * MIB, never);
  const abort = new AbortController();
  const large = pool.acquire(4 * MIB, abort.signal);
  const small = pool.acquire(MIB, never);
  abort.abort(new Error("cancelled"));
  await assert.rejects(large, /cancelled/);
  assert.equal((await small).bytes.length, MIB);
  await assert.rejects(pool.acquire(1, abort.signal), /cancelled/);
});
