"""Writes the allRgb image of the given width and height to standard output, as a bottom-up 24-bit BMP, some rows at a
time: what a numpy user would write to render an image that does not fit into memory."""

import struct
import sys

import numpy as np

BAND_PIXELS = 2**20

width, height = int(sys.argv[1]), int(sys.argv[2])
stride = (3 * width + 3) // 4 * 4
band_rows = max(1, BAND_PIXELS // width)

out = sys.stdout.buffer
out.write(struct.pack("<2sIII", b"BM", 54 + stride * height, 0, 54))
out.write(struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, stride * height, 2835, 2835, 0, 0))

columns = np.arange(width, dtype=np.uint32)
band = np.zeros((band_rows, stride), dtype=np.uint8)
pixels = band[:, : 3 * width].reshape(band_rows, width, 3)
for bottom in range(height - 1, -1, -band_rows):
    rows = np.arange(bottom, max(-1, bottom - band_rows), -1, dtype=np.uint64) * width
    values = (rows % 2**24).astype("<u4")[:, None] + columns
    pixels[: len(rows)] = values.view(np.uint8).reshape(len(rows), width, 4)[:, :, :3]
    out.write(band[: len(rows)])
