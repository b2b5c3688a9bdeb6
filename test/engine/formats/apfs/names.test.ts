import { describe, expect, test } from 'vitest';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { isSameName, nameBytes, nameHash } from '../../../../src/engine/formats/apfs/names.ts';

const errnoOf = (body: () => unknown): string => {
  try {
    body();
    return 'done';
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    return error.code;
  }
};

describe('what is stored', () => {
  test('is the spelling itself, 1 to 255 bytes', () => {
    expect(Array.from(nameBytes('é\u0301/:'))).toEqual([0xc3, 0xa9, 0xcc, 0x81, 0x2f, 0x3a]);
    expect(nameBytes('x'.repeat(255))).toHaveLength(255);
    expect(nameBytes('é'.repeat(127))).toHaveLength(254);
    expect(errnoOf(() => nameBytes('x'.repeat(256)))).toBe('ENAMETOOLONG');
    expect(errnoOf(() => nameBytes('é'.repeat(128)))).toBe('ENAMETOOLONG');
    expect(errnoOf(() => nameBytes(''))).toBe('EINVAL');
    expect(errnoOf(() => nameBytes('a\0b'))).toBe('EINVAL');
    expect(errnoOf(() => nameBytes('é\0'))).toBe('EINVAL');
  });

  test.each(['\ud83d', 'a\udc00', '\ufffe', '\ufdd0', '\u{1ffff}'])('%j is refused', (name) => {
    expect(errnoOf(() => nameBytes(name))).toBe('EILSEQ');
  });

  test.each(['\u{1f970}', '\u{40000}', '\ue000', '\u{1f600}'])(
    '%s is taken: newer than 9.0, unassigned, private',
    (name) => {
      expect(nameBytes(name).length).toBeGreaterThan(2);
    },
  );
});

/** Computed by apfsprogs' own normalizer (lib/unicode.c) and its CRC-32C. */
const HASHES: readonly (readonly [string, number, number])[] = [
  ['root', 0x2d9c79, 0x2d9c79],
  ['private-dir', 0x2b29a3, 0x2b29a3],
  ['Readme.TXT', 0x0bc65b, 0x2fe184],
  ['Übergröße', 0x3a38e6, 0x39002f],
  ['ẹ́', 0x37e35b, 0x37e35b],
  ['Straße', 0x05e73a, 0x146c83],
  ['ΑΣ', 0x104e24, 0x1360d1],
  ['한국어', 0x33adf4, 0x33adf4],
  ['🥰 new', 0x15c9e8, 0x15c9e8],
  ['あが', 0x36436d, 0x36436d],
  ['ﬁle', 0x2e2f93, 0x0e7c61],
  ['ẛ̣', 0x2ba1ea, 0x3fd19a],
];

describe('hashes', () => {
  test.each(HASHES)('%s', (name, sensitive, insensitive) => {
    expect(nameHash(name, false)).toBe(sensitive);
    expect(nameHash(name, true)).toBe(insensitive);
  });
});

describe('names that are one', () => {
  test.each([
    ['README', 'readme', true, false],
    ['\u00c5ngström', 'A\u030angström', true, true],
    ['STRASSE', 'straße', true, false],
    ['a', 'b', false, false],
    ['a', 'aa', false, false],
    ['é', 'e', false, false],
    ['\u1f80', '\u03b1\u0313\u0345', true, true],
  ])('%s and %s', (a, b, isInsensitiveSame, isSensitiveSame) => {
    expect(isSameName(a, b, true)).toBe(isInsensitiveSame);
    expect(isSameName(a, b, false)).toBe(isSensitiveSame);
    if (isInsensitiveSame) expect(nameHash(a, true)).toBe(nameHash(b, true));
    if (isSensitiveSame) expect(nameHash(a, false)).toBe(nameHash(b, false));
  });
});
