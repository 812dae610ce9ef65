import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { reservePorts } from "./ports.ts";
import { s3Answers, seaweedProgram } from "./seaweedfs.ts";
import { Supervised } from "./supervised.ts";

test("S3 wants credentials, and the filer behind it neither takes nor lists files by HTTP", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "rasterlift-seaweedfs-"));
  const block = await reservePorts(undefined);
  const { ports } = block;
  const program = await seaweedProgram(folder, ports, { accessKeyId: "key", secretAccessKey: "secret" });
  const weed = new Supervised(program, folder, { changed: () => {}, say: () => {} });
  t.after(async () => {
    await weed.stop();
    await block.release();
    await rm(folder, { recursive: true });
  });
  await weed.ready(() => s3Answers(`http://127.0.0.1:${ports.s3}`));

  const put = (port: number) => fetch(`http://127.0.0.1:${port}/bucket/file`, { method: "PUT", body: "text" });
  assert.equal((await put(ports.s3)).status, 403);
  assert.equal((await put(ports.s3Filer)).status, 404);
  assert.equal((await fetch(`http://127.0.0.1:${ports.s3Filer}/`)).status, 404);
});
