import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { COMBINING_CLASSES, DECOMPOSITIONS, FOLDS } from '../../../src/engine/codec/hfs-unicode.generated.ts';
import { binaryCompare, decompose, foldTable, foldedCompare } from '../../../src/engine/codec/hfs-unicode.ts';
import { findChecker, runChecker } from '../../support/checkers.ts';

const UNITS = Array.from({ length: 0x10000 }, (_, unit) => unit);
const GENERATED = 'src/engine/codec/hfs-unicode.generated.ts';

/** Composed characters of the BMP that Unicode got after 3.2. Balinese; no others (the list grows with nothing else). */
const NEWER = new Set([
  ...[0x1b06, 0x1b08, 0x1b0a, 0x1b0c, 0x1b0e, 0x1b12],
  ...[0x1b3b, 0x1b3d, 0x1b40, 0x1b41, 0x1b43],
]);
const isKept = (unit: number): boolean =>
  (unit >= 0x2000 && unit <= 0x2fff) || (unit >= 0xf900 && unit <= 0xfaff) || NEWER.has(unit);
const combiningUnits = COMBINING_CLASSES.trim()
  .split('\n')
  .flatMap((line) => {
    const [first = 0, last = 0] = line
      .split(' ')[0]!
      .split('-')
      .map((text) => Number.parseInt(text, 16));
    return UNITS.slice(first, last + 1);
  });

describe('the tables', () => {
  test('are what their script writes', () => {
    const python = findChecker('python3');
    if (python === null) return;
    const { exitCode, output } = runChecker(python, ['scripts/generate-hfs-unicode.py']);
    expect(exitCode, output).toBe(0);
    expect(output === readFileSync(GENERATED, 'utf8')).toBe(true);
  });

  test('have as many entries as the tables of Apple’s kernel', () => {
    expect(DECOMPOSITIONS.trim().split('\n')).toHaveLength(970);
    expect(combiningUnits).toHaveLength(297);
    const folds = foldTable();
    expect(UNITS.filter((unit) => folds[unit] !== unit && folds[unit] !== 0)).toHaveLength(313);
    expect(UNITS.filter((unit) => folds[unit] === 0)).toHaveLength(4 + 5 + 6 + 1);
    expect(FOLDS).toContain('10A0-10C5+48');
  });
});

describe('decompose', () => {
  test.each([
    ['plain ASCII ~', 'plain ASCII ~'],
    ['\u00c5', 'A\u030a'],
    ['\u1e69', 's\u0323\u0307'],
    ['\u01d5', 'U\u0308\u0304'],
    ['\u0385', '\u00a8\u0301'],
    ['\u0390', '\u03b9\u0308\u0301'], // the Greek tonos is an acute accent; before Mac OS X 10.2 it was U+030D
    ['\uac00', '\u1100\u1161'],
    ['\uac01', '\u1100\u1161\u11a8'],
    ['\ud7a3', '\u1112\u1175\u11c2'],
    ['\ud7a4', '\ud7a4'],
    ['\u212b', '\u212b'], // ångström sign: 2000–2FFF stay
    ['\uf900', '\uf900'],
    ['\ufb1d', '\u05d9\u05b4'],
    ['\u{1d15e}', '\u{1d15e}'], // pairs of surrogates stay, though Unicode decomposes this one
    ['\u{1f600}', '\u{1f600}'],
    ['\ud800', '\ud800'],
    ['e\u0301\u0327', 'e\u0327\u0301'],
    ['\u00e9\u0327', 'e\u0327\u0301'],
    ['a\u0315\u0300\u05ae\u0301b', 'a\u05ae\u0300\u0301\u0315b'],
    ['\u0301\u0327', '\u0327\u0301'], // marks without a letter
    ['a\u0301\u0903\u0327', 'a\u0301\u0903\u0327'], // a mark of class 0 separates
    ['a\u0350\u0323', 'a\u0350\u0323'], // U+0350 came with Unicode 4: no mark here, JavaScript would swap
    ['', ''],
  ])('%j → %j', (name, stored) => {
    expect(decompose(name)).toBe(stored);
    expect(decompose(stored)).toBe(stored);
  });

  test('agrees with NFD on every unit but those that HFS+ keeps', () => {
    const wrong = UNITS.filter((unit) => {
      const text = String.fromCharCode(unit);
      return decompose(text) !== (isKept(unit) ? text : text.normalize('NFD'));
    });
    expect(wrong).toEqual([]);
  });

  test('orders marks as NFD does', () => {
    const marked = fc.array(
      fc.oneof(
        fc.constantFrom(...combiningUnits),
        fc.constantFrom(0x61, 0xe9, 0x1ed3, 0x3b9, 0x1f82, 0x903, 0xac01),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(marked, (units) => {
        const text = String.fromCharCode(...units);
        expect(decompose(text)).toBe(text.normalize('NFD'));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('comparison', () => {
  test('folds case as Apple does, not as JavaScript does', () => {
    expect(foldedCompare('README', 'readme')).toBe(0);
    expect(foldedCompare('\u0416', '\u0436')).toBe(0); // Cyrillic
    expect(foldedCompare('\u10a0', '\u10d0')).toBe(0); // Georgian
    expect('\u10a0'.toLowerCase()).not.toBe('\u10d0');
    expect(foldedCompare('\u1e9e', 'ß')).not.toBe(0);
    expect(foldedCompare('\u0220', '\u019e')).not.toBe(0); // JavaScript would fold it
    expect(foldedCompare('É'.normalize('NFD'), 'é'.normalize('NFD'))).toBe(0);
  });

  test('passes over joiners and directions, ends count as nothing, NUL comes last', () => {
    expect(foldedCompare('a\u200cb', 'ab')).toBe(0);
    expect(foldedCompare('\ufeff', '')).toBe(0);
    expect(foldedCompare('ab\u202e', 'AB')).toBe(0);
    expect(foldedCompare('ab', 'abc')).toBeLessThan(0);
    expect(foldedCompare('abc', 'ab')).toBeGreaterThan(0);
    expect(foldedCompare('\0\0\0\0HFS+ Private Data', '\uf8ff')).toBeGreaterThan(0);
    expect(foldedCompare('_', 'A')).toBeLessThan(0); // 'a' counts, not 'A'
  });

  test('is an order', () => {
    const name = fc.array(
      fc.constantFrom('a', 'A', 'b', '\0', '\u200c', '\ufeff', 'Ж', 'ж', '\uff21', '\u2160', '\ud800'),
    );
    fc.assert(
      fc.property(name, name, name, (a, b, c) => {
        const [x, y, z] = [a.join(''), b.join(''), c.join('')].sort(foldedCompare) as [
          string,
          string,
          string,
        ];
        expect(foldedCompare(x, y)).toBeLessThanOrEqual(0);
        expect(foldedCompare(x, z)).toBeLessThanOrEqual(0);
        expect(Math.sign(foldedCompare(y, x))).toBe(-Math.sign(foldedCompare(x, y)) || 0);
      }),
    );
  });

  test('binary: units, then length; nothing is passed over', () => {
    expect(binaryCompare('A', 'a')).toBe(-1);
    expect(binaryCompare('a', 'ab')).toBe(-1);
    expect(binaryCompare('a\u200c', 'a')).toBe(1);
    expect(binaryCompare('\0', 'a')).toBe(-1);
    expect(binaryCompare('\uffff', '\u{10000}')).toBe(1); // units, not code points
    expect(binaryCompare('x', 'x')).toBe(0);
  });
});
