const MODULUS = 0xffff_ffff;
/** So many words may be summed before a running sum could leave the 53 exact bits of a number. */
const WORDS_PER_ROUND = 1024;

/** The two halves of a checksum, as they lie on disk: `low` first. */
export interface Fletcher64 {
  readonly low: number;
  readonly high: number;
}

/**
 * Fletcher's checksum over the little-endian 32-bit words of `bytes` from `from` to the end, arranged so that the sums
 * over the words and the checksum behind them are zero (Apple File System Reference, "obj_phys_t"). Neither half is
 * ever 0, so a block of zeros never verifies. `from` and the length are multiples of 4.
 */
export function fletcher64(bytes: Uint8Array, from = 0): Fletcher64 {
  let first = 0;
  let second = 0;
  for (let at = from; at < bytes.length;) {
    const end = Math.min(bytes.length, at + WORDS_PER_ROUND * 4);
    if (IS_LITTLE_ENDIAN && (bytes.byteOffset + at) % 4 === 0) {
      const words = new Uint32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >> 2);
      // Four words at a time: an addition need not wait for the one before it.
      const fours = words.length & ~3;
      for (let i = 0; i < fours; i += 4) {
        const one = words[i]!;
        const two = one + words[i + 1]!;
        const three = two + words[i + 2]!;
        const four = three + words[i + 3]!;
        second += 4 * first + (one + two + (three + four));
        first += four;
      }
      for (let i = fours; i < words.length; i++) {
        first += words[i]!;
        second += first;
      }
    } else {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at, end - at);
      for (let i = 0; i < end - at; i += 4) {
        first += view.getUint32(i, true);
        second += first;
      }
    }
    at = end;
    first %= MODULUS;
    second %= MODULUS;
  }
  const low = MODULUS - ((first + second) % MODULUS);
  return { low, high: MODULUS - ((first + low) % MODULUS) };
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;
