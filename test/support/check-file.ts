import assert from "node:assert/strict";
import type { RenderSpec } from "../../images/spec.ts";
import { ReferenceCheck } from "../../stack/reference.ts";
import type { Render } from "./client.ts";

/** Bytes compared at once. */
const step = 2 ** 20;

/** Downloads a completed render by its presigned URL and compares every byte, and its CRC-32, with the reference. */
export async function assertFileIsRight(render: Render, spec: RenderSpec): Promise<void> {
  assert.ok(render.downloadUrl, "a completed render has a download URL");
  const response = await fetch(render.downloadUrl);
  assert.equal(response.status, 200);
  assert.ok(response.body);
  const check = new ReferenceCheck(spec);
  for await (const piece of inSteps(response.body)) check.push(piece);
  assert.deepEqual(check.end(), { byteSize: render.byteSize, crc32: render.crc32 });
}

/** A reference made for many bytes at once is faster than one for each small chunk of the network. */
async function* inSteps(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let gathered: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    gathered.push(chunk);
    size += chunk.length;
    if (size < step) continue;
    yield Buffer.concat(gathered);
    gathered = [];
    size = 0;
  }
  yield Buffer.concat(gathered);
}
