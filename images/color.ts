/** A checked "#RRGGBB" as the number 0xRRGGBB. */
export function colorOf(hex: string): number {
  return Number.parseInt(hex.slice(1), 16);
}

/**
 * Calculates each channel of a colour from the same channel (0 … 255) of two others.
 * Colours are numbers 0xRRGGBB.
 */
export function mapChannels(a: number, b: number, channel: (a: number, b: number) => number): number {
  let color = 0;
  for (const unit of [0x10000, 0x100, 1]) {
    color += channel(Math.floor(a / unit) % 256, Math.floor(b / unit) % 256) * unit;
  }
  return color;
}
