/** Bitmaps as APFS writes them: one bit a block, least significant first, 1: in use. */

/** The bitmap of `count` blocks from `first` on; `runs` are disjoint [start, end) pairs in ascending order. */
export function bitmapOf(runs: Float64Array, first: number, count: number): Uint8Array {
  const bitmap = new Uint8Array(Math.ceil(count / 8));
  const stop = first + count;
  for (let i = firstRunAfter(runs, first); i < runs.length && (runs[i] ?? 0) < stop; i += 2) {
    setBits(bitmap, Math.max(first, runs[i] ?? 0) - first, Math.min(stop, runs[i + 1] ?? 0) - first);
  }
  return bitmap;
}

/** Index of the first run that ends behind `block`. */
export function firstRunAfter(runs: Float64Array, block: number): number {
  let low = 0;
  let high = runs.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((runs[2 * middle + 1] ?? 0) > block) high = middle;
    else low = middle + 1;
  }
  return 2 * low;
}

function setBits(bitmap: Uint8Array, from: number, to: number): void {
  let at = from;
  while (at < to && (at & 7) !== 0) setBit(bitmap, at++);
  const wholeEnd = to - (to & 7);
  if (at < wholeEnd) {
    bitmap.fill(0xff, at >> 3, wholeEnd >> 3);
    at = wholeEnd;
  }
  while (at < to) setBit(bitmap, at++);
}

function setBit(bitmap: Uint8Array, bit: number): void {
  bitmap[bit >> 3] = (bitmap[bit >> 3] ?? 0) | (1 << (bit & 7));
}

export const hasBit = (bitmap: Uint8Array, bit: number): boolean =>
  ((bitmap[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;

/** How many bits are set. */
export function countBits(bitmap: Uint8Array): number {
  let bits = 0;
  for (let i = 0; i < bitmap.length; i++) bits += BITS[bitmap[i] ?? 0] ?? 0;
  return bits;
}

const BITS = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0;
  for (let rest = byte; rest > 0; rest &= rest - 1) bits++;
  return bits;
});

/** Calls `found` for each run of blocks whose bit is set in `bitmap` and not in `other`: [from, to) bits. */
export function differences(
  bitmap: Uint8Array,
  other: Uint8Array,
  found: (from: number, to: number) => void,
): void {
  let from = -1;
  for (let byte = 0; byte < bitmap.length; byte++) {
    const bits = (bitmap[byte] ?? 0) & ~(other[byte] ?? 0);
    if (bits === 0 && from < 0) continue;
    for (let bit = 0; bit < 8; bit++) {
      const isSet = (bits & (1 << bit)) !== 0;
      if (isSet && from < 0) from = byte * 8 + bit;
      if (!isSet && from >= 0) {
        found(from, byte * 8 + bit);
        from = -1;
      }
    }
  }
  if (from >= 0) found(from, bitmap.length * 8);
}
