import { describe, expect, test } from 'vitest';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { binaryCompare, foldedCompare } from '../../../../src/engine/codec/hfs-unicode.ts';
import {
  BINARY_ORDER,
  catalogKey,
  FOLDING_ORDER,
  orderOf,
  shownName,
  storedName,
} from '../../../../src/engine/formats/hfsplus/names.ts';
import { INIT, MIB, mount, namesIn, newDisk, verdict } from './volumes.ts';

describe('a name on the disk', () => {
  test.each([
    ['plain.txt', 'plain.txt'],
    ['Ά', 'Α\u0301'], // tonos becomes U+0301
    ['é', 'e\u0301'],
    ['각', '\u1100\u1161\u11a8'],
    ['a:b', 'a/b'],
    ['a/b', 'a:b'],
    ['\u2400x', '\0x'],
    ['\u212b', '\u212b'], // Ångström sign: U+2000–2FFF stays
    ['\ufb01', '\ufb01'],
    ['half \ud83d', 'half %ED%A0%BD'],
    ['\udcbe half', '%ED%B2%BE half'],
    ['\ud83d\udcbe', '\ud83d\udcbe'],
  ])('%j is stored as %j', (name, stored) => {
    expect(storedName(name)).toBe(stored);
  });

  test('comes back with colon, slash and NUL as Unix has them', () => {
    expect(shownName('a/b')).toBe('a:b');
    expect(shownName('\0x')).toBe('\u2400x');
    expect(shownName('e\u0301')).toBe('e\u0301');
  });

  test('has 1 to 255 units, counted after decomposition', () => {
    expect(storedName('x'.repeat(255))).toHaveLength(255);
    expect(storedName(`${'é'.repeat(127)}x`)).toHaveLength(255);
    for (const name of ['x'.repeat(256), 'é'.repeat(128), `${'\ud83d'.repeat(29)}`]) {
      expect(() => storedName(name)).toThrow(expect.objectContaining({ code: 'ENAMETOOLONG' }));
    }
    expect(() => storedName('')).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});

const ALPHABETS = [
  () => 0x20,
  (random: Prng) => 0x21 + random.below(0x5e),
  (random: Prng) => 0xc0 + random.below(0x180),
  (random: Prng) => 0x300 + random.below(0x70), // marks
  (random: Prng) => 0x370 + random.below(0x1c0), // Greek, Cyrillic
  (random: Prng) => 0x1e00 + random.below(0x200),
  (random: Prng) => 0x200b + random.below(6), // passed over in comparisons
  (random: Prng) => 0xac00 + random.below(11_172),
  (random: Prng) => 0x4e00 + random.below(0x5000),
  (random: Prng) => 0x1f300 + random.below(0x300), // beyond the BMP
  (random: Prng) => 0xf900 + random.below(0x100),
  (random: Prng) => random.below(0x10000),
];

function randomName(random: Prng): string {
  const kind = random.below(ALPHABETS.length);
  let name = '';
  for (let i = 1 + random.below(random.below(8) === 0 ? 250 : 20); i > 0; i--) {
    const pick = ALPHABETS[random.below(3) === 0 ? random.below(ALPHABETS.length) : kind];
    name += String.fromCodePoint(pick?.(random) ?? 0x61);
  }
  // fsck_hfs calls names illegal that macOS makes: U+0308 U+030D and U+0306 U+0307, which Unicode 2 took letters apart to.
  name = name.replace(/[/\0\u0307\u030d]/g, '_');
  return name === '.' || name === '..' ? 'dot' : name;
}

test('keys compare in place as names compare', () => {
  const random = new Prng(5);
  const names = Array.from({ length: 120 }, () => storedName(randomName(random).slice(0, 60)));
  for (const a of names) {
    const key = catalogKey(9, a);
    const node = new Uint8Array(14 + key.length);
    node.set(key, 14);
    for (const b of names) {
      const other = catalogKey(9, b);
      expect(Math.sign(FOLDING_ORDER.compare(node, 14, other))).toBe(Math.sign(foldedCompare(a, b)));
      expect(Math.sign(BINARY_ORDER.compare(node, 14, other))).toBe(Math.sign(binaryCompare(a, b)));
    }
    expect(FOLDING_ORDER.compare(node, 14, catalogKey(8, a))).toBe(1);
    expect(BINARY_ORDER.compare(node, 14, catalogKey(10, a))).toBe(-1);
  }
  expect(orderOf(false, 0xbc)).toBe(FOLDING_ORDER);
  expect(orderOf(true, 0xbc)).toBe(BINARY_ORDER);
  expect(orderOf(true, 0xcf)).toBe(FOLDING_ORDER);
});

/** Another number with the variable NAMES. */
const NAMES = Number(process.env['NAMES'] ?? 20_000);

test('a name that compares as no name at all is nobody’s', () => {
  const store = newDisk(8 * MIB);
  const volume = mount(store);
  expect(volume.lookup(volume.root, '\u200c')).toBeUndefined();
  expect(() => volume.create(volume.root, '\u200d\ufeff', INIT)).toThrow(
    expect.objectContaining({ code: 'EEXIST' }),
  );
  volume.release(volume.create(volume.root, 'a', INIT));
  expect(() => volume.rename(volume.root, 'a', volume.root, '\u200c')).toThrow(
    expect.objectContaining({ code: 'EEXIST' }),
  );
  expect(volume.lookup(volume.root, '\u200ca')?.inode).toBe(volume.lookup(volume.root, 'A')?.inode);
  volume.unmount();
  expect(verdict(store)).toBe('');
});

test.each(['hfsplus', 'hfsx'] as const)('random names on %s are found again and stand in order', (format) => {
  const store = newDisk(32 * MIB, format);
  const random = new Prng(format.length);
  let volume = mount(store);
  const inodes = new Map<string, number>();
  for (let i = 1; i <= NAMES; i++) {
    const name = randomName(random);
    try {
      const node = volume.create(volume.root, name, INIT);
      inodes.set(name, node.inode);
      volume.release(node);
    } catch (error) {
      const isExpected = error instanceof FsError && ['EEXIST', 'ENAMETOOLONG'].includes(error.code);
      if (!isExpected) throw error;
    }
    if (i % 1000 !== 0) continue;
    volume.unmount();
    expect(verdict(store)).toBe('');
    volume = mount(store);
  }
  for (const [name, inode] of inodes) expect(volume.lookup(volume.root, name)?.inode).toBe(inode);
  expect(namesIn(volume)).toHaveLength(inodes.size);
  for (const name of namesIn(volume).filter((_, i) => i % 2 === 0)) volume.remove(volume.root, name);
  volume.unmount();
  expect(verdict(store)).toBe('');
});
