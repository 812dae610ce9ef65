import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { assemblePacker } from "./assemble.ts";
import { byteOrderOf, Packer } from "./packer.ts";

/** Every value of each byte, and the ends of the range. */
const pixels = Float32Array.of(
  0,
  0xff_ff_ff,
  0x01_02_03,
  ...Array.from({ length: 257 }, (_, i) => (i * 0x01_03_07) & 0xff_ff_ff),
);

for (const bytesPerPixel of [3, 4] as const) {
  for (const channelOrder of ["BGR", "RGB"] as const) {
    test(`${channelOrder}, ${bytesPerPixel} bytes a pixel, anywhere in the memory, and nothing else is touched`, () => {
      const expected = [...pixels].flatMap((pixel) => {
        const rgb = [pixel >> 16, (pixel >> 8) & 255, pixel & 255];
        return [...(channelOrder === "RGB" ? rgb : rgb.reverse()), 0].slice(0, bytesPerPixel);
      });
      for (const start of [0, 16, 20, 1000]) {
        const memory = new WebAssembly.Memory({ initial: 1 });
        const all = new Uint8Array(memory.buffer).fill(0xa5);
        new Float32Array(memory.buffer, start).set(pixels);
        const bytes = new Packer(memory, start).pack(pixels.length, byteOrderOf({ bytesPerPixel, channelOrder }));
        assert.equal(bytes.byteOffset, start);
        assert.deepEqual([...bytes.subarray(0, expected.length)], expected);
        const end = start + pixels.byteLength;
        assert.ok(
          all.subarray(0, start).every((byte) => byte === 0xa5),
          "before",
        );
        assert.ok(
          all.subarray(end).every((byte) => byte === 0xa5),
          "after",
        );
      }
    });
  }
}

test("packs up to the memory's last byte", () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  new Float32Array(memory.buffer).fill(0x0a_0b_0c);
  const bytes = new Packer(memory, 0).pack(65_536 / 4, byteOrderOf({ bytesPerPixel: 3, channelOrder: "RGB" }));
  assert.deepEqual([...bytes.subarray(65_536 * 0.75 - 3, 65_536 * 0.75)], [0x0a, 0x0b, 0x0c]);
});

test("packer.wasm is what packer.wat says; otherwise run npx node gpu-worker/assemble.ts", async () => {
  const committed = await readFile(path.join(import.meta.dirname, "packer.wasm"));
  assert.deepEqual(new Uint8Array(committed), new Uint8Array(await assemblePacker()));
});
