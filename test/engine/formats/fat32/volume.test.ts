import { describe, expect, test } from 'vitest';
import { fsckVfat, imageFile } from '../../../support/checkers.ts';
import { bytesOf, fresh, get, INIT, makeDirectory, mounted, names, outcome, put } from './support.ts';
import type { Fresh } from './support.ts';

/**
 * Goal: every operation leaves a volume that other programs call clean, and does what macOS's driver does.
 * Method: one scene per operation on a fresh volume, judged by fsck.vfat after unmount; contents read back after a
 * new mount, so that nothing comes from memory.
 */

const verdict = ({ device, volume }: Fresh): string => {
  volume.unmount();
  return fsckVfat(imageFile(device.bytes));
};

const TYPES = ['fat12', 'fat16', 'fat32'] as const;
const SIZES = { fat12: 4, fat16: 16, fat32: 34 };

describe.each(TYPES)('%s', (type) => {
  const scene = () => fresh(SIZES[type], { type });

  test('an empty volume is clean after mounting and unmounting', () => {
    const empty = scene();
    expect(names(empty.volume, empty.volume.root)).toEqual([]);
    expect(verdict(empty)).toBe('');
  });

  test('files and directories come back after a new mount', () => {
    const made = scene();
    const { device, volume } = made;
    const sub = makeDirectory(volume, volume.root, 'Sub Directory');
    const deep = makeDirectory(volume, sub, 'deep');
    put(volume, volume.root, 'README.TXT', bytesOf(10));
    put(volume, volume.root, 'a longer name.text', bytesOf(5000));
    put(volume, deep, 'ünïcode 😀 and a name that needs quite a few slots.data', bytesOf(70_000, 2));
    put(volume, deep, 'empty', bytesOf(0));
    expect(verdict(made)).toBe('');

    const again = mounted(device);
    expect(again.warnings).toEqual([]);
    expect(names(again, again.root)).toEqual(['Sub Directory', 'README.TXT', 'a longer name.text']);
    const deepAgain = again.lookup(again.lookup(again.root, 'SUB DIRECTORY')!, 'DEEP')!;
    expect(get(again, again.root, 'readme.txt')).toEqual(bytesOf(10));
    expect(get(again, again.root, 'ALONGE~1.TEX')).toEqual(bytesOf(5000));
    expect(get(again, deepAgain, 'ÜNÏCODE 😀 and a name that needs quite a few slots.data')).toEqual(
      bytesOf(70_000, 2),
    );
  });

  test('writing, overwriting, growing and shrinking agree with an array', () => {
    const made = scene();
    const { volume } = made;
    const node = volume.create(volume.root, 'file', INIT);
    const oracle = new Uint8Array(300_000);
    let size = 0;
    const write = (offset: number, length: number) => {
      const data = bytesOf(length, offset + length);
      expect(volume.write(node, offset, data)).toBe(length);
      oracle.set(data, offset);
      size = Math.max(size, offset + length);
    };
    const truncate = (to: number) => {
      volume.truncate(node, to);
      if (to < size) oracle.fill(0, to);
      size = to;
    };
    const check = () => {
      const into = new Uint8Array(size + 10);
      expect(volume.read(node, 0, into)).toBe(size);
      expect(into.subarray(0, size)).toEqual(oracle.subarray(0, size));
      expect(volume.attributes(node).sizeBytes).toBe(size);
    };
    write(0, 1);
    write(1, 511);
    write(700, 5000);
    check();
    truncate(600);
    write(100_000, 33);
    check();
    truncate(0);
    check();
    truncate(70_001);
    write(69_999, 12_345);
    write(513, 1024);
    check();
    truncate(512);
    truncate(4097);
    check();
    volume.release(node);
    expect(verdict(made)).toBe('');
  });

  test('removing frees clusters; a held file keeps its contents until the last holder lets go', () => {
    const made = scene();
    const { volume } = made;
    const free = volume.statistics().freeBlocks;
    put(volume, volume.root, 'gone', bytesOf(9000));
    const held = volume.create(volume.root, 'held with a long name', INIT);
    volume.write(held, 0, bytesOf(9000, 3));
    volume.remove(volume.root, 'gone');
    volume.remove(volume.root, 'held with a long name');
    expect(names(volume, volume.root)).toEqual([]);
    put(volume, volume.root, 'other', bytesOf(50_000, 4));
    const into = new Uint8Array(9000);
    expect(volume.read(held, 0, into)).toBe(9000);
    expect(into).toEqual(bytesOf(9000, 3));
    volume.release(held);
    volume.remove(volume.root, 'other');
    expect(volume.statistics().freeBlocks).toBe(free);
    expect(verdict(made)).toBe('');
  });

  test('renaming: other name, other case, other directory, over a file, over an empty directory', () => {
    const made = scene();
    const { device, volume } = made;
    const a = makeDirectory(volume, volume.root, 'a');
    const b = makeDirectory(volume, volume.root, 'b');
    put(volume, a, 'one.txt', bytesOf(100, 1));
    put(volume, a, 'two.txt', bytesOf(200, 2));
    volume.rename(a, 'one.txt', a, 'a name of many more slots than the first one had.txt');
    volume.rename(a, 'a name of many more slots than the first one had.txt', a, 'One.txt');
    volume.rename(a, 'one.txt', a, 'ONE.txt');
    expect(volume.storedName(a, 'one.txt')).toBe('ONE.txt');
    volume.rename(a, 'ONE.txt', b, 'moved');
    volume.rename(a, 'two.txt', b, 'MOVED');
    expect(names(volume, b)).toEqual(['MOVED']);
    const inner = makeDirectory(volume, a, 'inner');
    put(volume, inner, 'x', bytesOf(7));
    makeDirectory(volume, b, 'inner');
    volume.rename(a, 'inner', b, 'inner');
    expect(volume.parentOf(volume.lookup(b, 'inner')!)).toBe(b);
    expect(names(volume, a)).toEqual([]);
    expect(verdict(made)).toBe('');

    const again = mounted(device);
    const bAgain = again.lookup(again.root, 'b')!;
    expect(get(again, bAgain, 'moved')).toEqual(bytesOf(200, 2));
    expect(get(again, again.lookup(bAgain, 'inner')!, 'x')).toEqual(bytesOf(7));
  });
});

describe('errors', () => {
  test.each<[string, string, (made: Fresh) => unknown]>([
    [
      'a name twice, in other case',
      'EEXIST',
      ({ volume }) => (put(volume, volume.root, 'A', bytesOf(0)), put(volume, volume.root, 'a', bytesOf(0))),
    ],
    [
      'a directory that is not empty',
      'ENOTEMPTY',
      ({ volume }) => {
        put(volume, makeDirectory(volume, volume.root, 'd'), 'x', bytesOf(0));
        volume.removeDirectory(volume.root, 'd');
      },
    ],
    ['what is not there', 'ENOENT', ({ volume }) => volume.remove(volume.root, 'x')],
    [
      'a file of 4 GiB',
      'EFBIG',
      ({ volume }) => volume.truncate(volume.create(volume.root, 'x', INIT), 2 ** 32),
    ],
    [
      'a write past 4 GiB',
      'EFBIG',
      ({ volume }) => volume.write(volume.create(volume.root, 'x', INIT), 2 ** 32 - 2, bytesOf(2)),
    ],
    [
      'more than there is room for',
      'ENOSPC',
      ({ volume }) => volume.truncate(volume.create(volume.root, 'x', INIT), 2 ** 30),
    ],
    [
      'a name of 256 units',
      'ENAMETOOLONG',
      ({ volume }) => volume.create(volume.root, 'x'.repeat(256), INIT),
    ],
    [
      'a symlink to 1025 bytes',
      'ENAMETOOLONG',
      ({ volume }) => volume.makeSymlink!(volume.root, 'x', 'y'.repeat(1025), INIT),
    ],
    [
      'the flag nodump',
      'EINVAL',
      ({ volume }) => volume.setAttributes(volume.create(volume.root, 'x', INIT), { flags: 1 }),
    ],
  ])('%s is %s and leaves a clean volume', (_, code, action) => {
    const made = fresh();
    expect(outcome(() => action(made))).toBe(code);
    expect(verdict(made)).toBe('');
  });
});
