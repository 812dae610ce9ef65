import assert from "node:assert/strict";
import { test } from "node:test";
import type { BandPixels } from "./kernels.ts";
import { prepareImage } from "./prepared-image.ts";
import { computeInOrder } from "./renderer.ts";

test("a band that fails while an earlier one is computed fails the rendering, and nothing beside it", async () => {
  const size = { width: 1_000, height: 4 };
  const spec = { ...size, pattern: { noise: {} }, format: "PPM", rowOrder: "TOP_DOWN", pixelsPerMetre: 0 } as const;
  const image = prepareImage(spec, size.width);
  const range = { start: image.headerSize, end: image.headerSize + size.height * image.stride };
  const first = Promise.withResolvers<BandPixels>();
  const second = Promise.reject(new Error("the device is lost"));
  const bands = [first.promise, second];
  const rendering = Array.fromAsync(computeInOrder(image, () => bands.shift() ?? second, range, 2));
  setImmediate(() => first.resolve({ pack: () => Buffer.alloc(0) })); // a rejection that nobody handles ends the process before
  await assert.rejects(rendering, /the device is lost/);
});
