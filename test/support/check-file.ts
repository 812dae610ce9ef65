import assert from "node:assert/strict";
import type { RenderSpec } from "../../images/spec.ts";
import { ReferenceCheck } from "../../reference/check.ts";
import { inSteps } from "../../stack/in-steps.ts";
import type { Render } from "./client.ts";

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
