import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { BufferPool, type Loan } from "./buffer-pool.ts";

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

test("lends up to its budget, then makes the next one wait", async () => {
  const pool = new BufferPool(3 * MIB);
  const first = await pool.acquire(MIB, never);
  const second = await pool.acquire(2 * MIB, never);
  const third = pool.acquire(1, never);
  assert.equal(await isGranted(third), false);
  second[Symbol.dispose]();
  assert.equal((await third).buffer, second.buffer);
  first[Symbol.dispose]();
});

test("lends one buffer above the budget, alone", async () => {
  const pool = new BufferPool(MIB);
  const large = await pool.acquire(5 * MIB, never);
  const small = pool.acquire(1, never);
  assert.equal(await isGranted(small), false);
  large[Symbol.dispose]();
  assert.equal((await small).buffer.byteLength, MIB);
});

test("lends the same memory for every part above the budget, and grows it", async () => {
  const pool = new BufferPool(MIB);
  const buffers = new Set<SharedArrayBuffer>();
  for (const size of [5 * MIB, 3 * MIB, 7 * MIB, 1024 * MIB]) {
    using loan = await pool.acquire(size, never);
    assert.ok(loan.buffer.byteLength >= size);
    buffers.add(loan.buffer);
  }
  assert.equal(buffers.size, 1);
});

test("lends small buffers side by side, although large ones are free", async () => {
  const pool = new BufferPool(4 * MIB);
  const large = [await pool.acquire(2 * MIB, never), await pool.acquire(2 * MIB, never)];
  for (const loan of large) loan[Symbol.dispose]();
  const huge = await pool.acquire(4 * MIB, never);
  huge[Symbol.dispose]();
  const small = Array.from({ length: 4 }, () => pool.acquire(MIB, never));
  assert.deepEqual(await Promise.all(small.map(isGranted)), [true, true, true, true]);
});

test("uses a free buffer again, the smallest that fits", async () => {
  const pool = new BufferPool(8 * MIB);
  const [large, small] = [await pool.acquire(4 * MIB, never), await pool.acquire(2 * MIB, never)];
  large[Symbol.dispose]();
  small[Symbol.dispose]();
  assert.equal((await pool.acquire(MIB + 1, never)).buffer, small.buffer);
  assert.equal((await pool.acquire(MIB + 1, never)).buffer, large.buffer);
});

test("gives up free buffers that are too small when a larger one needs their room", async () => {
  const pool = new BufferPool(4 * MIB);
  const small = [await pool.acquire(2 * MIB, never), await pool.acquire(2 * MIB, never)];
  for (const loan of small) loan[Symbol.dispose]();
  assert.equal((await pool.acquire(3 * MIB, never)).buffer.byteLength, 3 * MIB);
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
  assert.equal((await small).buffer.byteLength, MIB);
  await assert.rejects(pool.acquire(1, abort.signal), /cancelled/);
});
