/**
 * CRC-32 (the one of zlib, PNG and gzip) of a whole from those of its pieces, as zlib's `crc32_combine` does it
 * (https://github.com/madler/zlib/blob/develop/crc32.c): appending n bytes multiplies the CRC so far by x^(8n) modulo
 * the CRC's polynomial. Polynomials over GF(2) are 32-bit numbers whose highest bit is the coefficient of x^0.
 */

const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;
const X_TO_THE_8 = ONE >>> 8;

/**
 * The CRC-32 (0 … 2^32 − 1) of a file from those of its parts, in order: every part has `partSize` bytes
 * but the last, which has the rest of `byteSize`.
 */
export function combineCrc32s(
  crc32s: readonly number[],
  { byteSize, partSize }: { byteSize: number; partSize: number },
): number {
  const shiftPart = power(X_TO_THE_8, partSize);
  const shiftLast = power(X_TO_THE_8, byteSize - partSize * (crc32s.length - 1));
  const last = crc32s.length - 1;
  return crc32s.reduce((whole, crc, i) => (multiply(whole, i === last ? shiftLast : shiftPart) ^ crc) >>> 0, 0);
}

/** A CRC-32 as the API and the ledger of parts write it: 8 lower-case hex digits. */
export const crc32Hex = (crc32: number) => crc32.toString(16).padStart(8, "0");

/** `base` to the power of `exponent` (0 … 2^53 − 1). */
function power(base: number, exponent: number): number {
  let result = ONE;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(result, square);
    square = multiply(square, square);
  }
  return result;
}

function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= shifted;
    shifted = shifted & 1 ? (shifted >>> 1) ^ POLYNOMIAL : shifted >>> 1;
  }
  return product >>> 0;
}
