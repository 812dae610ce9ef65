import { crc32 } from "node:zlib";
import type { RenderSpec } from "../images/spec.ts";
import { bigTiffPixelOffset } from "./big-tiff.ts";
import { referenceBytes, referenceHeader, referencePixelByteSize, referencePixelBytes } from "./layout.ts";

/**
 * Checks a file that comes in pieces, in order, and holds none of it but a BIGTIFF's header:
 * `push` and `end` throw at the first wrong byte, saying where it is.
 */
export class ReferenceCheck {
  readonly #spec: RenderSpec;
  #position = 0;
  #crc32 = 0;
  /** A BIGTIFF's bytes so far, while its header is not complete. */
  #head: Uint8Array | undefined;
  #pixelOffset: number;

  constructor(spec: RenderSpec) {
    this.#spec = spec;
    this.#head = spec.format === "BIGTIFF" ? new Uint8Array() : undefined;
    this.#pixelOffset = spec.format === "BIGTIFF" ? 0 : referenceHeader(spec).length;
  }

  push(chunk: Uint8Array): void {
    this.#crc32 = crc32(chunk, this.#crc32);
    if (this.#head === undefined) this.#compare(chunk);
    else this.#readHeader(Buffer.concat([this.#head, chunk]));
  }

  /** @returns bytes seen and their CRC-32 as 8 lower-case hex digits */
  end(): { byteSize: number; crc32: string } {
    if (this.#head !== undefined) throw new Error("the file ends within its header");
    const expected = this.#pixelOffset + referencePixelByteSize(this.#spec);
    if (this.#position !== expected)
      throw new Error(`size of the file is ${this.#position}, and should be ${expected}`);
    return { byteSize: this.#position, crc32: this.#crc32.toString(16).padStart(8, "0") };
  }

  #readHeader(head: Uint8Array): void {
    const offset = bigTiffPixelOffset(this.#spec, head);
    this.#head = offset === undefined || head.length < offset ? head : undefined;
    if (offset === undefined || this.#head !== undefined) return;
    this.#pixelOffset = offset;
    this.#position = offset;
    this.#compare(head.subarray(offset));
  }

  #compare(chunk: Uint8Array): void {
    const end = this.#position + chunk.length;
    const byteSize = this.#pixelOffset + referencePixelByteSize(this.#spec);
    if (end > byteSize) throw new Error(`the file goes on after its ${byteSize} bytes`);
    const expected =
      this.#spec.format === "BIGTIFF"
        ? referencePixelBytes(this.#spec, this.#position - this.#pixelOffset, end - this.#pixelOffset)
        : referenceBytes(this.#spec, this.#position, end);
    if (Buffer.compare(chunk, expected) !== 0) {
      const at = chunk.findIndex((byte, index) => byte !== expected[index]);
      throw new Error(`byte ${this.#position + at} is ${chunk[at]}, and should be ${expected[at]}`);
    }
    this.#position = end;
  }
}
