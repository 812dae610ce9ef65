import type { Format } from "../images/format.ts";

/**
 * Writes `pixels[0 … count − 1]` (0xRRGGBB each) as bytes into `target`, the first pixel at byte `position`.
 * What would lie before the target's start or after its end is left out, down to single bytes of a pixel, so
 * `position` may be negative.
 */
export type RowPacker = (pixels: Float32Array, count: number, position: number, target: DataView) => void;

/** Writes the pixels `from` … `to − 1` as bytes from `offset` on; all of them lie within the target. */
type PixelPacker = (pixels: Float32Array, from: number, to: number, target: DataView, offset: number) => void;

/** How a format's pixels become bytes. */
export function rowPackerOf({
  bytesPerPixel,
  channelOrder,
}: Pick<Format, "bytesPerPixel" | "channelOrder">): RowPacker {
  const pack = pixelPackers[`${channelOrder}${bytesPerPixel}`];
  const scratch = new DataView(new ArrayBuffer(bytesPerPixel));

  function packCutPixel(pixels: Float32Array, index: number, position: number, target: DataView) {
    const at = position + index * bytesPerPixel;
    pack(pixels, index, index + 1, scratch, 0);
    const last = Math.min(bytesPerPixel, target.byteLength - at);
    for (let byte = Math.max(0, -at); byte < last; byte++) target.setUint8(at + byte, scratch.getUint8(byte));
  }

  return (pixels, count, position, target) => {
    const from = Math.min(count, Math.max(0, Math.ceil(-position / bytesPerPixel)));
    const to = Math.max(from, Math.min(count, Math.floor((target.byteLength - position) / bytesPerPixel)));
    if (from > 0) packCutPixel(pixels, from - 1, position, target);
    pack(pixels, from, to, target, position + from * bytesPerPixel);
    if (to < count) packCutPixel(pixels, to, position, target);
  };
}

const pixelPackers: Record<`${Format["channelOrder"]}${Format["bytesPerPixel"]}`, PixelPacker> = {
  BGR3: packBgr,
  RGB3: packRgb,
  BGR4: packBgr0,
  RGB4: packRgb0,
};

function packBgr(pixels: Float32Array, from: number, to: number, target: DataView, offset: number) {
  const rest = to - ((to - from) % 4);
  packBgrQuads(pixels, from, rest, target, offset);
  for (let index = rest, at = offset + (rest - from) * 3; index < to; index++, at += 3) {
    const pixel = pixels[index] as number;
    target.setInt16(at, pixel, true);
    target.setInt8(at + 2, pixel >>> 16);
  }
}

/**
 * Four pixels in three stores; a DataView's stores may lie anywhere and cost the same as an Int32Array's.
 * A function of its own: together with the loop over the rest, V8 gives up its fastest code again and again.
 */
function packBgrQuads(pixels: Float32Array, from: number, to: number, target: DataView, offset: number) {
  for (let index = from, at = offset; index < to; index += 4, at += 12) {
    const a = pixels[index] as number;
    const b = (pixels[index + 1] as number) | 0;
    const c = (pixels[index + 2] as number) | 0;
    const d = pixels[index + 3] as number;
    target.setInt32(at, a | (b << 24), true);
    target.setInt32(at + 4, (b >>> 8) | (c << 16), true);
    target.setInt32(at + 8, (c >>> 16) | (d << 8), true);
  }
}

function packRgb(pixels: Float32Array, from: number, to: number, target: DataView, offset: number) {
  const rest = to - ((to - from) % 4);
  packRgbQuads(pixels, from, rest, target, offset);
  for (let index = rest, at = offset + (rest - from) * 3; index < to; index++, at += 3) {
    const pixel = swapped(pixels[index] as number);
    target.setInt16(at, pixel, true);
    target.setInt8(at + 2, pixel >>> 16);
  }
}

function packRgbQuads(pixels: Float32Array, from: number, to: number, target: DataView, offset: number) {
  for (let index = from, at = offset; index < to; index += 4, at += 12) {
    const a = swapped(pixels[index] as number);
    const b = swapped(pixels[index + 1] as number);
    const c = swapped(pixels[index + 2] as number);
    const d = swapped(pixels[index + 3] as number);
    target.setInt32(at, a | (b << 24), true);
    target.setInt32(at + 4, (b >>> 8) | (c << 16), true);
    target.setInt32(at + 8, (c >>> 16) | (d << 8), true);
  }
}

function packBgr0(pixels: Float32Array, from: number, to: number, target: DataView, offset: number) {
  for (let index = from, at = offset; index < to; index++, at += 4) target.setInt32(at, pixels[index] as number, true);
}

function packRgb0(pixels: Float32Array, from: number, to: number, target: DataView, offset: number) {
  for (let index = from, at = offset; index < to; index++, at += 4) {
    target.setInt32(at, swapped(pixels[index] as number), true);
  }
}

function swapped(pixel: number): number {
  return ((pixel & 0xff) << 16) | (pixel & 0xff00) | (pixel >>> 16);
}
