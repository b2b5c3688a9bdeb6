import type { Fill } from './device.ts';

/**
 * Content that is computed when it is read. The random stream is a counter-based hash: word w of seed s depends on
 * nothing but (s, w), so any byte of a petabyte is as near as the first. Not for secrets; good enough that no
 * compressor and no eye finds a pattern.
 */

/** A bijective mixer of 32 bits: Chris Wellons's "lowbias32" (nullprogram.com, "Prospecting for Hash Functions"). */
function mix(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}

const WORD_BYTES = 4;
/** The two keys of a stream change every so many words, so that a word's counter fits 32 bits. */
const WORDS_PER_KEY = 2 ** 32;

/** Fills `into` with bytes `offsetBytes` … of the endless random stream of `seed`. */
export function randomBytes(seed: number, offsetBytes: number, into: Uint8Array): void {
  const seedKey = mix(seed | 0) ^ mix(Math.floor(seed / 2 ** 32) + 0x9e3779b9);
  let at = 0;
  while (at < into.length) {
    const position = offsetBytes + at;
    const word = Math.floor(position / WORD_BYTES);
    const era = Math.floor(word / WORDS_PER_KEY);
    const innerKey = mix(seedKey + era);
    const outerKey = mix(innerKey + 0x6a09e667);
    let counter = (word - era * WORDS_PER_KEY) | 0;
    const bytesLeft = ((era + 1) * WORDS_PER_KEY - word) * WORD_BYTES - (position % WORD_BYTES);
    const end = Math.min(into.length, at + bytesLeft);

    let skip = position % WORD_BYTES;
    while (at < end) {
      const bits = mix(mix(counter ^ innerKey) + outerKey);
      counter = (counter + 1) | 0;
      if (skip === 0 && at + WORD_BYTES <= end) {
        into[at] = bits;
        into[at + 1] = bits >>> 8;
        into[at + 2] = bits >>> 16;
        into[at + 3] = bits >>> 24;
        at += WORD_BYTES;
        continue;
      }
      for (; skip < WORD_BYTES && at < end; skip++) into[at++] = bits >>> (8 * skip);
      skip = 0;
    }
  }
}

/** Fills `into` with what `fill` says stands `fromBytes` behind the start of the filled range. */
export function generate(fill: Fill, fromBytes: number, into: Uint8Array): void {
  if (fill.generator === 'zero') into.fill(0);
  else randomBytes(fill.seed, fill.offsetBytes + fromBytes, into);
}
