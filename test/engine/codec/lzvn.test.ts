import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { unpackLzvn } from '../../../src/engine/codec/lzvn.ts';

const bytes = (...parts: (number | string)[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part)] : [part])));
const unpack = (sizeBytes: number, ...parts: (number | string)[]): string | null => {
  const out = unpackLzvn(bytes(...parts), sizeBytes);
  return out === null ? null : Buffer.from(out).toString('latin1');
};

describe('LZVN', () => {
  test.each([
    ['literals alone', 'abc', [0xe3, 'abc', 0x06]],
    ['many literals', 'x'.repeat(20), [0xe0, 4, 'x'.repeat(20), 0x06]],
    ['a small distance', 'abcabca', [0b11_001_000, 3, 'abc', 0x06]],
    ['a medium distance', `ab${'ab'.repeat(3)}`, [0b101_10_000, 0b000010_11, 0, 'ab', 0x06]],
    ['a large distance', 'abcabca', [0b11_001_111, 3, 0, 'abc', 0x06]],
    ['the distance before', 'abcabcXbcX', [0b11_000_000, 3, 'abc', 0b01_000_110, 'X', 0x06]],
    ['a match alone', 'abcabcabca', [0b11_001_000, 3, 'abc', 0xf3, 0x06]],
    ['a long match alone', 'a'.repeat(1 + 3 + 18), [0b01_000_000, 1, 'a', 0xf0, 2, 0x06]],
    ['operations that do nothing', 'ab', [0x0e, 0xe1, 'a', 0x16, 0xe1, 'b', 0x06]],
    ['no end mark', 'abc', [0xe3, 'abc']],
  ])('%s', (_, text, parts) => {
    expect(unpack(text.length, ...parts)).toBe(text);
  });

  test.each([
    ['a distance beyond what there is', 7, [0b01_001_000, 2, 'a', 0x06]],
    ['a distance of nothing', 7, [0b01_001_000, 0, 'a', 0x06]],
    ['a match without any distance before', 4, [0xe1, 'a', 0xf3, 0x06]],
    ['more than was asked for', 2, [0xe3, 'abc', 0x06]],
    ['less than was asked for', 4, [0xe3, 'abc', 0x06]],
    ['literals behind the end of the data', 9, [0xe9, 'abc']],
    ['an operation that does not exist', 4, [0xe3, 'abc', 0x1e, 0xe1, 'd', 0x06]],
    ['another one', 4, [0xe3, 'abc', 0x75, 0xe1, 'd', 0x06]],
  ])('%s is damage', (_, size, parts) => {
    expect(unpack(size, ...parts)).toBeNull();
  });

  test('any bytes give exactly the size or nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(500), (data, size) => {
        const out = unpackLzvn(data, size);
        expect(out === null || out.length === size).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
