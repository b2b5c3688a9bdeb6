import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { decodeXSym, encodeXSym } from '../../../../src/engine/codec/xsym.ts';
import {
  flagsOf,
  stampOf,
  tenMillisecondsOf,
  timeOf,
} from '../../../../src/engine/formats/fat32/attributes.ts';
import { fsckVfat, imageFile } from '../../../support/checkers.ts';
import { bytesOf, get, INIT, makeDirectory, names, outcome, put } from '../fat-family/support.ts';
import { fresh, mounted } from './support.ts';

/** Goal: what FAT can say of a file is kept as macOS keeps it, and nothing else. Method: set, unmount, mount, look. */

const at = (year: number, month: number, day: number, ...rest: number[]): number =>
  Date.UTC(year, month - 1, day, ...rest) / 1000;

describe('times', () => {
  test.each([
    [at(2026, 1, 1, 9, 0, 1), 990_000_000, at(2026, 1, 1, 9)],
    [at(1980, 1, 1), 0, at(1980, 1, 1)],
    [at(1969, 7, 20), 0, at(1980, 1, 1)],
    [at(2107, 12, 31, 23, 59, 59), 0, at(2107, 12, 31, 23, 59, 58)],
    [at(2200, 1, 1), 0, at(2107, 12, 31, 23, 59, 58)],
    [at(2024, 2, 29, 12, 34, 56), 0, at(2024, 2, 29, 12, 34, 56)],
  ])('%d s are written in steps of 2 s', (seconds, nanoseconds, kept) => {
    expect(timeOf(stampOf({ seconds, nanoseconds }, 0), 0, 0).seconds).toBe(kept);
  });

  test('creation has steps of 10 ms', () => {
    const time = { seconds: at(2026, 5, 6, 7, 8, 9), nanoseconds: 123_456_789 };
    expect(timeOf(stampOf(time, 0), tenMillisecondsOf(time), 0)).toEqual({
      ...time,
      nanoseconds: 120_000_000,
    });
  });

  test('the disk keeps local time', () => {
    const time = { seconds: at(2026, 1, 1, 0, 30), nanoseconds: 0 };
    const stamp = stampOf(time, -90);
    expect(timeOf(stamp, 0, 0).seconds).toBe(at(2025, 12, 31, 23));
    expect(timeOf(stamp, 0, -90)).toEqual(time);
  });

  test.each([0, 0xffff_ffff, 0x0001_0000, 0x01e0_ffff])('stamp %i gives a time, legal or not', (stamp) => {
    expect(Number.isSafeInteger(timeOf(stamp, 255, 840).seconds)).toBe(true);
  });
});

describe('a file', () => {
  test('gets times and flags, and keeps them', () => {
    const { device, volume } = fresh();
    const node = put(volume, volume.root, 'x', bytesOf(3));
    const time = { seconds: at(2001, 2, 3, 4, 5, 6), nanoseconds: 70_000_000 };
    volume.setAttributes(node, { accessTime: time, modifyTime: time, birthTime: time, flags: 0x8002 });
    volume.unmount();
    const again = mounted(device);
    const found = again.attributes(again.lookup(again.root, 'x')!);
    expect(found).toMatchObject({
      birthTime: time,
      modifyTime: { ...time, nanoseconds: 0 },
      changeTime: { ...time, nanoseconds: 0 },
      accessTime: { seconds: at(2001, 2, 3), nanoseconds: 0 },
      flags: 0x8002,
      mode: 0o777,
      linkCount: 1,
      uid: 501,
      sizeBytes: 3,
      allocatedBytes: 512,
    });
  });

  test.each([
    [0, 0x20],
    [0x1_0000, 0],
    [0x2, 0x21],
    [0x2_0000, 0x21],
    [0x8000, 0x22],
  ])('chflags %i becomes attribute bits %i', (flags, bits) => {
    const { device, volume } = fresh();
    const node = put(volume, volume.root, 'X', bytesOf(0));
    volume.setAttributes(node, { flags });
    volume.unmount();
    const root = device.bytes.findIndex(
      (byte, i) => i % 32 === 0 && byte === 0x58 && device.bytes[i + 1] === 0x20,
    );
    expect(device.bytes[root + 11]).toBe(bits);
    expect(flagsOf(bits)).toBe(flags === 0x2_0000 ? 0x2 : flags);
  });

  test('chmod and chown change nothing and are no error; a directory cannot be immutable', () => {
    const { volume } = fresh();
    const node = put(volume, volume.root, 'x', bytesOf(0));
    volume.setAttributes(node, { mode: 0o600, uid: 7, gid: 8 });
    expect(volume.attributes(node)).toMatchObject({ mode: 0o777, uid: 501, gid: 20 });
    const d = makeDirectory(volume, volume.root, 'd');
    volume.setAttributes(d, { flags: 2 });
    expect(volume.attributes(d).flags).toBe(0);
  });

  test('whose name begins with a dot is hidden, as long as it does', () => {
    const { volume } = fresh();
    const node = put(volume, volume.root, '.hidden', bytesOf(0));
    expect(volume.attributes(node).flags & 0x8000).toBe(0x8000);
    volume.rename(volume.root, '.hidden', volume.root, 'seen');
    expect(volume.attributes(volume.lookup(volume.root, 'seen')!).flags & 0x8000).toBe(0);
  });

  test('keeps its inode number through writing, renaming and emptying, and shares it with nobody', () => {
    const { volume } = fresh();
    const d = makeDirectory(volume, volume.root, 'd');
    const held = volume.create(volume.root, 'x', INIT);
    const { inode } = held;
    volume.write(held, 0, bytesOf(2000));
    volume.rename(volume.root, 'x', d, 'y');
    expect(volume.lookup(d, 'y')).toBe(held);
    volume.truncate(held, 0);
    const others = [0, 1, 2, 3].map((i) => put(volume, d, `other ${i}`, bytesOf(600)));
    expect(volume.lookup(d, 'Y')!.inode).toBe(inode);
    expect(new Set([inode, d.inode, ...others.map((node) => node.inode)]).size).toBe(6);
  });

  test('changes the time of its directory by coming and going', () => {
    const clock = new SimulatedClock();
    const { volume } = fresh(34, {}, { clock });
    const d = makeDirectory(volume, volume.root, 'd');
    const before = volume.attributes(d).modifyTime.seconds;
    clock.advance(10e9);
    put(volume, d, 'x', bytesOf(0));
    expect(volume.attributes(d).modifyTime.seconds).toBe(before + 10);
    clock.advance(10e9);
    volume.remove(d, 'x');
    expect(volume.attributes(d).modifyTime.seconds).toBe(before + 20);
  });
});

describe('symlinks', () => {
  test.each(['', 'x', '../ünïcode', 'y'.repeat(1023), 'z'.repeat(1024)])('to %j', (target) => {
    const file = encodeXSym(target)!;
    expect(file).toHaveLength(1067);
    expect(new TextDecoder().decode(decodeXSym(file)!)).toBe(target);
    for (const [offset, was] of [
      [0, 'X'],
      [6, '0'],
      [20, ''],
      [43, ''],
    ] as const) {
      if (target === '' && offset === 43) continue;
      const damaged = file.slice();
      damaged[offset]! ^= 1;
      expect(decodeXSym(damaged), `byte ${offset} ${was}`).toBeNull();
    }
  });

  test('are what macOS writes: known bytes', () => {
    const text = new TextDecoder().decode(encodeXSym('target')!);
    expect(text.startsWith('XSym\n0006\n42aefbae01d2dfd981f7da7d823d689e\ntarget\n   ')).toBe(true);
  });

  test('come back after a mount; a file of 1067 other bytes is a file', () => {
    const made = fresh();
    const { device, volume } = made;
    volume.makeSymlink!(volume.root, 'link', '../somewhere/else', INIT);
    put(volume, volume.root, 'no link', bytesOf(1067));
    volume.unmount();
    expect(fsckVfat(imageFile(device.bytes))).toBe('');
    const again = mounted(device);
    const link = again.lookup(again.root, 'link')!;
    expect([link.type, again.readLink!(link), again.attributes(link).sizeBytes]).toEqual([
      'symlink',
      '../somewhere/else',
      17,
    ]);
    expect(again.lookup(again.root, 'no link')!.type).toBe('file');
    expect(again.list(again.root, null, 9).entries.map((entry) => entry.type)).toEqual(['symlink', 'file']);
    expect(outcome(() => again.readLink!(again.lookup(again.root, 'no link')!))).toBe('EINVAL');
  });
});

describe('listing', () => {
  test('goes on where it stopped, though what was listed is removed', () => {
    const { volume } = fresh();
    for (let i = 0; i < 50; i++) put(volume, volume.root, `file number ${i}`, bytesOf(0));
    const seen: string[] = [];
    for (let after: number | null = null; ;) {
      const page = volume.list(volume.root, after, 7);
      for (const { name } of page.entries) {
        seen.push(name);
        volume.remove(volume.root, name);
      }
      if (page.next === null) break;
      after = page.next;
    }
    expect(seen).toEqual(Array.from({ length: 50 }, (_, i) => `file number ${i}`));
    expect(names(volume, volume.root)).toEqual([]);
  });

  test('a short name finds its file too, and is taken', () => {
    const { volume } = fresh();
    put(volume, volume.root, 'Long File Name.text', bytesOf(5));
    expect(get(volume, volume.root, 'longfi~1.tex')).toEqual(bytesOf(5));
    expect(outcome(() => volume.create(volume.root, 'LONGFI~1.TEX', INIT))).toBe('EEXIST');
    expect(volume.storedName(volume.root, 'LONGFI~1.tex')).toBe('Long File Name.text');
  });
});
