import type { Format } from "../format.ts";
import type { Size } from "../pattern.ts";

export const ppm: Format = {
  name: "PPM",
  description:
    "Netpbm's portable pixmap (P6), 8 bits a channel; any size. The simplest there is: a line of text, then pixels.",
  contentType: "image/x-portable-pixmap",
  extension: "ppm",
  bytesPerPixel: 3,
  channelOrder: "RGB",
  stride: (width) => 3 * width,
  bottomUp: () => false,
  headerSize: (spec) => header(spec).length,
  writeHeader: (spec, start, target) => target.set(header(spec).subarray(start, start + target.length)),
};

function header({ width, height }: Size): Uint8Array {
  return new TextEncoder().encode(`P6\n${width} ${height}\n255\n`);
}
