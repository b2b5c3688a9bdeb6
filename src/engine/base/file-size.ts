/**
 * Sizes of files and places in them. A number holds every whole number up to 2^53, and beyond that fewer and fewer of
 * them: every multiple of 2,048 up to 2^64, which is enough for whole blocks.
 */

/** Can this be a place in a file at all? APFS counts to 2^63. */
export const isFileOffset = (value: number): boolean =>
  Number.isInteger(value) && value >= 0 && value < 2 ** 63;

/** Is `offset + length` what it says, and not the nearest number to it? */
export function isExactSum(offset: number, length: number): boolean {
  const end = offset + length;
  return end - offset === length && end - length === offset;
}

/** All digits: beyond 2^53 String() would stop at those that tell a number from its neighbours. */
export const allDigits = (value: number): string =>
  Number.isSafeInteger(value) || !Number.isInteger(value) ? String(value) : value.toFixed(0);
