import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { isFree, reservePorts } from "./ports.ts";

test("blocks of stacks side by side share no port, and a released one is taken again", async () => {
  const blocks = await Promise.all([reservePorts(undefined), reservePorts(undefined), reservePorts(undefined)]);
  const ports = blocks.flatMap((block) => Object.values(block.ports));
  assert.equal(new Set(ports).size, ports.length);
  const [first] = blocks;
  await first.release();
  const again = await reservePorts(first.base);
  assert.deepEqual(again.ports, first.ports);
  for (const block of [again, ...blocks.slice(1)]) await block.release();
});

test("a remembered block in which one port is taken makes way for another", async () => {
  const block = await reservePorts(undefined);
  await block.release();
  const squatter = createServer().listen(block.ports.s3, "127.0.0.1");
  await once(squatter, "listening");
  assert.equal(await isFree(block.ports.s3), false);
  const other = await reservePorts(block.base);
  assert.notEqual(other.base, block.base);
  await other.release();
  squatter.close();
});

test("a block is cleared of what SeaweedFS left in /tmp, or makes way where that cannot be removed", async (t) => {
  const block = await reservePorts(undefined);
  const left = `/tmp/seaweedfs-s3-${block.ports.s3}.sock`;
  t.after(() => rmSync(left, { recursive: true, force: true }));
  writeFileSync(left, "");
  await block.release();
  assert.equal(existsSync(left), false);

  writeFileSync(left, "");
  const again = await reservePorts(block.base);
  assert.equal(again.base, block.base);
  assert.equal(existsSync(left), false);
  await again.release();

  mkdirSync(left); // which stays, as another user's socket does
  const other = await reservePorts(block.base);
  assert.notEqual(other.base, block.base);
  await other.release();
});
