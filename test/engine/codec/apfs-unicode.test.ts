import { describe, expect, test } from 'vitest';
import { COMBINING_CLASSES, DECOMPOSITIONS } from '../../../src/engine/codec/apfs-unicode.generated.ts';
import { canonicalPoints } from '../../../src/engine/codec/apfs-unicode.ts';

const pointsOf = (text: string): number[] => [...text].map((character) => character.codePointAt(0) ?? 0);
const textOf = (points: readonly number[]): string => String.fromCodePoint(...points);

/** Code points that the table takes apart. */
const decomposing = DECOMPOSITIONS.trim()
  .split('\n')
  .flatMap((line) => {
    const [first = '', ...words] = line.split(' ');
    return words.map((_, i) => Number.parseInt(first, 16) + i);
  });

describe('decomposition', () => {
  test('is that of Unicode: characters, syllables and marks in any order', () => {
    // Counted in apfsprogs' table of Unicode 9.0.
    expect(decomposing).toHaveLength(2060);
    for (const point of decomposing) {
      const text = String.fromCodePoint(point);
      expect(textOf(canonicalPoints(text, false))).toBe(text.normalize('NFD'));
    }
    for (let point = 0xac00; point <= 0xd7a3; point += 13) {
      const text = String.fromCodePoint(point);
      expect(textOf(canonicalPoints(text, false))).toBe(text.normalize('NFD'));
    }
  });

  test('orders marks by their classes and leaves those of one class as they came', () => {
    expect(canonicalPoints('a\u0301\u0323\u0300', false)).toEqual([0x61, 0x323, 0x301, 0x300]);
    expect(canonicalPoints('\u0301\u0323', false)).toEqual([0x323, 0x301]);
    expect(canonicalPoints('\u1e69', false)).toEqual(canonicalPoints('s\u0307\u0323', false));
  });

  test('knows 814 marks of Unicode 9.0', () => {
    const marks = COMBINING_CLASSES.trim()
      .split('\n')
      .reduce((sum, line) => {
        const [first = 0, last = first] = (line.split(' ')[0] ?? '')
          .split('-')
          .map((digits) => Number.parseInt(digits, 16));
        return sum + last - first + 1;
      }, 0);
    expect(marks).toBe(814);
  });
});

describe('folding', () => {
  test.each([
    ['ÄÖÜ', 'äöü'],
    ['Straße', 'STRASSE'],
    ['ẞ', 'ss'],
    ['ς', 'Σ'],
    ['ﬃ', 'FFI'],
    ['\u212a', 'k'],
    ['\u0130', 'i\u0307'],
    ['\u0149', '\u02bcN'],
    ['ꭰ', 'Ꭰ'], // Cherokee folds upwards
    ['\u{10400}', '\u{10428}'],
    ['\u1e94b', '\u1e95B'],
  ])('%s is %s', (a, b) => {
    expect(canonicalPoints(a, true)).toEqual(canonicalPoints(b, true));
    expect(canonicalPoints(a, false)).not.toEqual(canonicalPoints(b, false));
  });

  test('leaves the dotless i and what Unicode got after 9.0', () => {
    expect(canonicalPoints('ı', true)).toEqual([0x131]);
    // Georgian Mtavruli came with 11.0, a Dives Akuru vowel that decomposes with 13.0.
    expect(canonicalPoints('\u1c90\u{11938}', true)).toEqual(pointsOf('\u1c90\u{11938}'));
  });
});
