import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { waitFor } from "../test/support/wait-for.ts";
import { type PortBlock, reservePorts } from "./ports.ts";
import { s3Answers, seaweedProgram } from "./seaweedfs.ts";
import { removeSockets } from "./seaweedfs-sockets.ts";
import { Supervised } from "./supervised.ts";

let folder: string;
let block: PortBlock;
let weed: Supervised;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "rasterlift-seaweedfs-"));
  block = await reservePorts(undefined);
  const program = await seaweedProgram(folder, block.ports, { accessKeyId: "key", secretAccessKey: "secret" });
  weed = new Supervised(program, folder, { changed: () => {}, say: () => {} });
  await weed.ready(() => s3Answers(`http://127.0.0.1:${block.ports.s3}`));
});
afterEach(async () => {
  await weed.stop();
  await block.release();
  await rm(folder, { recursive: true });
});

test("S3 wants credentials, and the filer behind it neither takes nor lists files by HTTP", async () => {
  const { ports } = block;
  const put = (port: number) => fetch(`http://127.0.0.1:${port}/bucket/file`, { method: "PUT", body: "text" });
  assert.equal((await put(ports.s3)).status, 403);
  assert.equal((await put(ports.s3Filer)).status, 404);
  assert.equal((await fetch(`http://127.0.0.1:${ports.s3Filer}/`)).status, 404);
});

test("all its sockets in /tmp are known, and so can be removed", async () => {
  const ports = Object.values(block.ports);
  const sockets = async () =>
    (await readdir("/tmp")).filter((name) => ports.some((port) => name.endsWith(`-${port}.sock`)));
  await waitFor("its sockets", async () => (await sockets()).length === 7);
  assert.equal(removeSockets(block.ports), true);
  assert.deepEqual(await sockets(), []);
});
