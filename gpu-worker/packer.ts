import { readFileSync } from "node:fs";
import path from "node:path";
import type { Format } from "../images/format.ts";

/** How pixels become a format's bytes. */
export interface ByteOrder {
  bytesPerPixel: Format["bytesPerPixel"];
  /**
   * Of the bytes of four pixels (B, G, R, 0 each), the indices of those that are written: the first eight and the rest.
   */
  indices: readonly [first: bigint, last: bigint];
}

const CHANNELS = { BGR: [0, 1, 2, 3], RGB: [2, 1, 0, 3] } as const;

export function byteOrderOf({
  bytesPerPixel,
  channelOrder,
}: Pick<Format, "bytesPerPixel" | "channelOrder">): ByteOrder {
  const channels = CHANNELS[channelOrder].slice(0, bytesPerPixel);
  const indices = new Uint8Array(16);
  indices.set([0, 4, 8, 12].flatMap((pixel) => channels.map((channel) => pixel + channel)));
  const [first = 0n, last = 0n] = new BigUint64Array(indices.buffer);
  return { bytesPerPixel, indices: [first, last] };
}

type Pack = (pixels: number, end: number, step: number, first: bigint, last: bigint) => void;

/** packer.wat says what it does. */
const module = new WebAssembly.Module(readFileSync(path.join(import.meta.dirname, "packer.wasm")));

/**
 * Turns pixels into bytes where they lie, in WebAssembly memory, by 128-bit instructions: several times as fast as
 * JavaScript can write them.
 */
export class Packer {
  readonly #start: number;
  readonly #bytes: Buffer;
  readonly #pack: Pack;

  /** @param start the byte of the memory at which the pixels start */
  constructor(memory: WebAssembly.Memory, start: number) {
    this.#start = start;
    this.#bytes = Buffer.from(memory.buffer, start);
    this.#pack = new WebAssembly.Instance(module, { env: { memory } }).exports["pack"] as Pack;
  }

  /**
   * Replaces `count` pixels (0xRRGGBB each, as 32-bit floats; a multiple of 4) by their bytes.
   * @returns the memory from `start` on, which begins with the bytes
   */
  pack(count: number, { bytesPerPixel, indices }: ByteOrder): Buffer {
    this.#pack(this.#start, this.#start + count * 4, bytesPerPixel * 4, ...indices);
    return this.#bytes;
  }
}
