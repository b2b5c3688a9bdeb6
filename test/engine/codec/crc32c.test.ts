import { expect, test } from 'vitest';
import { utf8 } from '../../../src/engine/base/bytes.ts';
import { Prng } from '../../../src/engine/base/prng.ts';
import { crc32c, crc32cWord } from '../../../src/engine/codec/crc32c.ts';

const inverted = (bytes: Uint8Array): number => (crc32c(0xffffffff, bytes) ^ 0xffffffff) >>> 0;

test('gives the check value and the vectors of RFC 3720', () => {
  expect(inverted(utf8('123456789'))).toBe(0xe3069283);
  expect(inverted(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(inverted(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
  expect(inverted(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
});

test('a word is its four bytes, the low one first', () => {
  const random = new Prng(3);
  for (let round = 0; round < 500; round++) {
    const word = random.u32();
    const crc = random.u32();
    const bytes = Uint8Array.of(word, word >>> 8, word >>> 16, word >>> 24);
    expect(crc32cWord(crc, word)).toBe(crc32c(crc, bytes));
  }
});
