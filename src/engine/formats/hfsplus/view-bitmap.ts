import type { ViewFork } from './view-fork.ts';

const PAGE_BYTES = 65_536;

/**
 * Runs of set bits from bit `first` to before `end`, as [first, length], ascending. Bit 0 is the highest of byte 0.
 * What was never stored is zeros and costs nothing.
 */
export function* usedRuns(bitmap: ViewFork, first: number, end: number): Generator<[number, number]> {
  let start = -1;
  let bit = first;
  while (bit < end) {
    const byte = bit >>> 3;
    if (byte >= bitmap.allocatedBytes) break;
    if (start < 0) {
      const stored = bitmap.nextStored(byte);
      if (stored > byte) {
        bit = stored * 8;
        continue;
      }
    }
    const page = bitmap.read(byte, Math.min(PAGE_BYTES, Math.ceil((end - byte * 8) / 8)));
    const pageEnd = Math.min(end, (byte + page.length) * 8);
    while (bit < pageEnd) {
      const value = page[(bit >>> 3) - byte] ?? 0;
      const isWhole = (bit & 7) === 0 && bit + 8 <= pageEnd && (value === 0 || value === 0xff);
      const isSet = ((value << (bit & 7)) & 0x80) !== 0;
      if (isSet && start < 0) start = bit;
      if (!isSet && start >= 0) {
        yield [start, bit - start];
        start = -1;
      }
      bit += isWhole ? 8 : 1;
    }
  }
  if (start >= 0) yield [start, Math.min(bit, end) - start];
}
