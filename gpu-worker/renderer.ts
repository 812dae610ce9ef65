import { createHash } from "node:crypto";
import { crc32 } from "@node-rs/crc32";
import type { ByteRange } from "../images/plan.ts";
import type { RenderSpec } from "../images/spec.ts";
import type { BackendKind } from "./backend.ts";
import { type Band, bandsOf, packedUpTo, placeBand, repeatBand } from "./bands.ts";
import { type BandKernel, type BandPixels, Kernels } from "./kernels.ts";
import { Lru } from "./lru.ts";
import { type PreparedImage, prepareImage } from "./prepared-image.ts";

/**
 * Milliseconds of one thread, by stage. The kernel's include the way back from the GPU, and the copying of rows that
 * need no kernel because they repeat earlier ones.
 */
export interface StageTimes {
  kernel: number;
  packing: number;
  crc32: number;
  md5: number;
}

export interface RenderedBytes {
  /** Of the range's bytes, 0 … 2^32 − 1. */
  crc32: number;
  /** Base64, as Content-MD5 wants it; only where it was asked for. */
  md5?: string;
  times: StageTimes;
}

export interface RenderOptions {
  md5: boolean;
  /** Called after each band; false ends the rendering with RenderingCancelled. */
  onBand(): boolean;
}

export class RenderingCancelled extends Error {
  override name = "RenderingCancelled";
}

const IMAGES_KEPT = 4;

/**
 * Renders byte ranges of images in one thread, band by band: the kernel computes some rows, they are packed into the
 * target and digested while they are still in the processor's cache.
 */
export class Renderer {
  readonly #kernels: Kernels;
  readonly #images = new Lru<PreparedImage>(IMAGES_KEPT);

  constructor(kind: BackendKind) {
    this.#kernels = new Kernels(kind);
  }

  /**
   * Fills `target`, which has exactly the range's length; whatever it held before is overwritten.
   * @throws RenderingCancelled, or an Error where the pattern's kernel or the device fails
   */
  async render(
    spec: RenderSpec,
    range: ByteRange,
    target: Buffer,
    { md5, onBand }: RenderOptions,
  ): Promise<RenderedBytes> {
    const image = this.#prepare(spec);
    const kernel = await this.#kernels.kernelOf(image);
    const watch = new StopWatch();
    const digest = new Digest(target, md5, watch);
    const header = Math.min(image.headerSize, range.end) - range.start;
    if (header > 0) image.format.writeHeader(spec, range.start, target.subarray(0, header));

    const { bandsInFlight } = this.#kernels.bandSettings;
    for await (const { band, pixels } of computeInOrder(image, kernel, range, bandsInFlight)) {
      if (!pixels) repeatBand(image, band, range.start, target);
      watch.lap("kernel");
      if (!onBand()) throw new RenderingCancelled();
      if (pixels) placeBand(image, band, pixels.pack(image.byteOrder), range.start, target);
      watch.lap("packing");
      digest.upTo(packedUpTo(image, band) - range.start);
    }
    return { ...digest.end(), times: watch.times };
  }

  #prepare(spec: RenderSpec): PreparedImage {
    const key = JSON.stringify(spec);
    const kept = this.#images.get(key);
    if (kept) return kept;
    const image = prepareImage(spec, this.#kernels.bandSettings.bandPixels);
    this.#images.set(key, image);
    return image;
  }
}

interface StartedBand {
  band: Band;
  /** Of a band that repeats an earlier one none are computed. */
  pixels: BandPixels | Promise<BandPixels> | undefined;
}

/** Starts the range's bands in order, at most `inFlight` ahead of the one that is taken, and yields their pixels. */
export async function* computeInOrder(image: PreparedImage, kernel: BandKernel, range: ByteRange, inFlight: number) {
  const started: StartedBand[] = [];
  try {
    for (const band of bandsOf(image, range)) {
      const pixels = band.rowsBack > 0 ? undefined : kernel(band.columns, band.rows, image.table);
      Promise.resolve(pixels).catch(() => {}); // `oldest` awaits it later, and tells
      started.push({ band, pixels });
      if (started.length >= inFlight) yield* oldest(started);
    }
    while (started.length > 0) yield* oldest(started);
  } finally {
    await Promise.allSettled(started.map(({ pixels }) => pixels));
  }
}

async function* oldest(started: StartedBand[]) {
  const first = started.shift();
  if (first) yield { band: first.band, pixels: await first.pixels };
}

/**
 * CRC-32 and, where asked for, MD5 of bytes that become ready from the front. The CRC-32 is @node-rs/crc32's, by
 * carry-less multiplication: 13 GB/s on a core where node:zlib's made 5.
 */
class Digest {
  readonly #bytes: Uint8Array;
  readonly #md5;
  readonly #watch: StopWatch;
  #crc32 = 0;
  #done = 0;

  constructor(bytes: Uint8Array, md5: boolean, watch: StopWatch) {
    this.#bytes = bytes;
    this.#md5 = md5 ? createHash("md5") : undefined;
    this.#watch = watch;
  }

  /** Takes in the bytes before `ready`; a `ready` past the end means all. */
  upTo(ready: number): void {
    const bytes = this.#bytes.subarray(this.#done, ready);
    this.#crc32 = crc32(bytes, this.#crc32);
    this.#watch.lap("crc32");
    this.#md5?.update(bytes);
    this.#watch.lap("md5");
    this.#done += bytes.length;
  }

  end(): { crc32: number; md5?: string } {
    this.upTo(this.#bytes.length);
    return this.#md5 ? { crc32: this.#crc32, md5: this.#md5.digest("base64") } : { crc32: this.#crc32 };
  }
}

class StopWatch {
  readonly times: StageTimes = { kernel: 0, packing: 0, crc32: 0, md5: 0 };
  #last = performance.now();

  /** Books the time since the last lap on a stage. */
  lap(stage: keyof StageTimes): void {
    const now = performance.now();
    this.times[stage] += now - this.#last;
    this.#last = now;
  }
}
