import type { Format } from "../format.ts";
import type { RenderSpec } from "../spec.ts";

const FILE_HEADER_SIZE = 14;
const INFO_HEADER_SIZE = 40;
const HEADER_SIZE = FILE_HEADER_SIZE + INFO_HEADER_SIZE;

export const bmp24 = bmp({
  name: "BMP24",
  description: "Windows bitmap, 24 bits a pixel, uncompressed; at most 4 GiB. Opens everywhere.",
  bytesPerPixel: 3,
});

export const bmp32 = bmp({
  name: "BMP32",
  description: "Windows bitmap, 32 bits a pixel (the fourth byte is 0), uncompressed; at most 4 GiB. No row padding.",
  bytesPerPixel: 4,
});

function bmp(kind: Pick<Format, "name" | "description" | "bytesPerPixel">): Format {
  const stride = (width: number) => Math.ceil((width * kind.bytesPerPixel) / 4) * 4;
  return {
    ...kind,
    contentType: "image/bmp",
    extension: "bmp",
    channelOrder: "BGR",
    maxByteSize: 2 ** 32 - 1,
    stride,
    bottomUp: (spec) => spec.rowOrder === "BOTTOM_UP",
    headerSize: () => HEADER_SIZE,
    writeHeader: (spec, start, target) => {
      const header = bmpHeader(spec, kind.bytesPerPixel * 8, stride(spec.width) * spec.height);
      target.set(header.subarray(start, start + target.length));
    },
  };
}

/** BITMAPFILEHEADER and BITMAPINFOHEADER (https://learn.microsoft.com/windows/win32/api/wingdi/). */
function bmpHeader(spec: RenderSpec, bitsPerPixel: number, imageSize: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(HEADER_SIZE));
  header.setUint16(0, 0x4d42, true); // bfType "BM"
  header.setUint32(2, HEADER_SIZE + imageSize, true); // bfSize
  header.setUint32(10, HEADER_SIZE, true); // bfOffBits
  header.setUint32(14, INFO_HEADER_SIZE, true); // biSize
  header.setInt32(18, spec.width, true); // biWidth
  header.setInt32(22, spec.rowOrder === "TOP_DOWN" ? -spec.height : spec.height, true); // biHeight
  header.setUint16(26, 1, true); // biPlanes
  header.setUint16(28, bitsPerPixel, true); // biBitCount
  header.setUint32(34, imageSize, true); // biSizeImage; biCompression before it stays 0, BI_RGB
  header.setInt32(38, spec.pixelsPerMetre, true); // biXPelsPerMeter
  header.setInt32(42, spec.pixelsPerMetre, true); // biYPelsPerMeter
  return new Uint8Array(header.buffer);
}
