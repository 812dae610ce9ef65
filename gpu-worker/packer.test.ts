import assert from "node:assert/strict";
import { test } from "node:test";
import { rowPackerOf } from "./packer.ts";

const pixels = Float32Array.from({ length: 13 }, (_, i) => 0xfe_81_01 - i * 0x03_11_07);

function expected(bytesPerPixel: 3 | 4, channelOrder: "BGR" | "RGB"): number[] {
  return [...pixels].flatMap((pixel) => {
    const rgb = [pixel >> 16, (pixel >> 8) & 255, pixel & 255];
    return [...(channelOrder === "RGB" ? rgb : rgb.reverse()), 0].slice(0, bytesPerPixel);
  });
}

for (const bytesPerPixel of [3, 4] as const) {
  for (const channelOrder of ["BGR", "RGB"] as const) {
    test(`${channelOrder}, ${bytesPerPixel} bytes a pixel, at every alignment, cut at every byte`, () => {
      const pack = rowPackerOf({ bytesPerPixel, channelOrder });
      for (let count = 0; count <= pixels.length; count++) {
        const row = expected(bytesPerPixel, channelOrder).slice(0, count * bytesPerPixel);
        for (let position = -row.length; position < 12; position++) {
          for (let cut = 0; cut <= row.length; cut++) {
            const length = Math.max(0, position + row.length - cut);
            const target = new Uint8Array(length).fill(0xa5);
            pack(pixels, count, position, new DataView(target.buffer));
            const wanted = Array.from({ length }, (_, at) => row[at - position] ?? 0xa5);
            assert.deepEqual([...target], wanted, `${count} pixels at ${position}, ${cut} bytes cut off`);
          }
        }
      }
    });
  }
}
