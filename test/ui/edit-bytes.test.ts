import { describe, expect, test } from 'vitest';
import type { Annotation } from '../../src/rpc/protocol.ts';
import { bytesOfTyped, modesOf, pokeLine, textOfBytes } from '../../src/ui/draw/edit-bytes.ts';

/** Goal: what is typed becomes the bytes that were meant, or a sentence; nothing else ever reaches a disk. */

const field = (stored: 'little' | 'big' | 'text' | undefined, lengthBytes: number): Annotation => ({
  ...{ offsetBytes: 0, lengthBytes, name: 'Field', text: '', doc: '', section: '' },
  ...(stored === undefined ? {} : { stored }),
});

const bytesOf = (
  text: string,
  mode: 'hex' | 'number' | 'text',
  length: number,
  of = field(undefined, length),
) => {
  const typed = bytesOfTyped(text, mode, length, of);
  return 'bytes' in typed ? [...typed.bytes] : typed.sentence;
};

describe('typing', () => {
  test('pairs of digits, however they are spaced', () => {
    expect(bytesOf('de ad BE ef', 'hex', 4)).toEqual([0xde, 0xad, 0xbe, 0xef]);
    expect(bytesOf(' 0xdead ', 'hex', 4)).toEqual([0xde, 0xad]);
  });

  test.each([
    ['fg', /‘g’ is no hexadecimal digit/],
    ['f💥', /is no hexadecimal digit/],
    ['fff', /3 digits/],
    ['', /Type the new bytes/],
    ['0011223344', /5 bytes are more than the 4 selected/],
  ])('%j is refused in a sentence', (text, sentence) => {
    expect(bytesOf(text, 'hex', 4)).toMatch(sentence);
  });

  test('a number in the byte order of its structure, up to the last bit', () => {
    expect(bytesOf('513', 'number', 4, field('little', 4))).toEqual([1, 2, 0, 0]);
    expect(bytesOf('0x201', 'number', 4, field('big', 4))).toEqual([0, 0, 2, 1]);
    expect(bytesOf('18446744073709551615', 'number', 8, field('little', 8))).toEqual(Array(8).fill(255));
    expect(bytesOf('18446744073709551616', 'number', 8, field('little', 8))).toMatch(
      /more than 8 bytes hold/,
    );
    expect(bytesOf('256', 'number', 1, field('little', 1))).toMatch(/at most 255/);
    expect(bytesOf('-1', 'number', 1, field('little', 1))).toMatch(/whole number/);
    expect(bytesOf('1e3', 'number', 2, field('little', 2))).toMatch(/whole number/);
  });

  test('text of one byte a character, padded as directories pad it', () => {
    expect(bytesOf('AB', 'text', 4, field('text', 4))).toEqual([65, 66, 32, 32]);
    expect(bytesOf('ABCDE', 'text', 4, field('text', 4))).toMatch(/5 bytes are more/);
    expect(bytesOf('ä', 'text', 4, field('text', 4))).toMatch(/not one byte/);
  });

  test('what stands there comes back as it is read', () => {
    const bytes = Uint8Array.of(1, 2, 0, 0);
    for (const stored of ['little', 'big'] as const) {
      const of = field(stored, 4);
      expect(bytesOf(textOfBytes(bytes, 'number', of), 'number', 4, of)).toEqual([...bytes]);
    }
    expect(bytesOf(textOfBytes(bytes, 'hex', undefined), 'hex', 4)).toEqual([...bytes]);
    expect(modesOf(field('big', 4))).toEqual(['hex', 'number']);
    expect(modesOf(field('text', 4))).toEqual(['hex', 'text']);
    expect(modesOf(undefined)).toEqual(['hex']);
  });

  test('the line is the one that the terminal takes', () => {
    expect(pokeLine(57, 12, Uint8Array.of(0xff, 0), true)).toBe('scope poke 57 12 ff00 --mend');
    expect(pokeLine(57, 12, Uint8Array.of(1), false)).toBe('scope poke 57 12 01');
  });
});
