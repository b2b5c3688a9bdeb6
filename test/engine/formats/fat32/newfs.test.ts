import { closeSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { geometryOf } from '../../../../src/engine/formats/fat32/layout.ts';
import { newfs } from '../../../../src/engine/formats/fat32/newfs.ts';
import { findChecker, fsckVfat, imageFile, runChecker, temporaryFolder } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';
import { formatted, mounted } from './support.ts';

/**
 * Goal: an empty volume is what mkfs.fat or Windows would have made of the disk.
 * Method: byte by byte against mkfs.vfat for the sizes at which its tables change; fsck.vfat for everything else.
 */

const MEBIBYTE = 2 ** 20;

const storeOf = (sizeBytes: number, blockSizeBytes = 512): Store =>
  new Store({ blockSizeBytes, blockCount: sizeBytes / blockSizeBytes });

const make = (sizeBytes: number, settings: Record<string, string> = {}, label = '', blockSizeBytes = 512) => {
  const device = storeOf(sizeBytes, blockSizeBytes);
  const report = newfs(device, {
    label,
    settings,
    clock: new SimulatedClock(),
    random: new Prng(1),
    partitionFirstBlock: 0,
  });
  return { device, report };
};

const problem = (action: () => unknown): string => {
  try {
    action();
  } catch (error) {
    if (error instanceof FsError) return `${error.code}: ${error.detail}`;
    throw error;
  }
  return 'none';
};

/** Boot code is our own (mkfs.fat's prints a message), from byte `from` of the boot sectors on. */
const withoutBootCode = (bytes: Uint8Array, from: number, sectors: readonly number[]): Uint8Array => {
  const copy = bytes.slice();
  for (const sector of sectors) copy.fill(0, sector * 512 + from, sector * 512 + 510);
  return copy;
};

describe('against mkfs.vfat', () => {
  /** Compares the metadata and the first cluster; what follows is zeros in both. */
  test.each<[number, string, Record<string, string>]>([
    [34, '32', { type: 'fat32' }],
    [36, '32', {}],
    [64, '32', {}],
    [128, '32', {}],
    [260, '32', {}],
    [261, '32', {}],
    [300, '32', {}],
    [1024, '32', {}],
    [9 * 1024, '32', {}],
    [20 * 1024, '32', {}],
    [40 * 1024, '32', {}],
    [1, '12', { type: 'auto' }],
    [5, '12', { type: 'auto' }],
    [16, '16', { type: 'auto' }],
    [33, '16', { type: 'auto' }],
    [256, '16', { type: 'auto' }],
    [511, '16', { type: 'auto' }],
    [600, '32', { type: 'auto' }],
  ])('%i MiB, FAT%s', (mebibytes, type, settings) => {
    const program = findChecker('mkfs.vfat');
    if (program === null) return;
    const path = join(temporaryFolder(), 'theirs.img');
    writeFileSync(path, '');
    truncateSync(path, mebibytes * MEBIBYTE);
    const { exitCode, output } = runChecker(program, ['--invariant', '-i', '12345678', '-F', type, path]);
    expect(exitCode, output).toBe(0);

    const ours = make(mebibytes * MEBIBYTE, { oem: 'mkfs.fat', serial: '1234-5678', ...settings }).device;
    const boot = new Uint8Array(512);
    ours.read(0, boot);
    const geometry = geometryOf(boot, mebibytes * MEBIBYTE);
    if (typeof geometry === 'string') throw new Error(geometry);
    const length = (geometry.dataFirstSector + 8) * 512;
    const mine = new Uint8Array(length);
    ours.read(0, mine);
    const theirs = new Uint8Array(length);
    const file = openSync(path, 'r');
    readSync(file, theirs, 0, length, 0);
    closeSync(file);
    const [from, sectors] = type === '32' ? [90, [0, 6]] : [62, [0]];
    const [a, b] = [withoutBootCode(mine, from, sectors), withoutBootCode(theirs, from, sectors)];
    expect(a.findIndex((byte, i) => byte !== b[i])).toBe(-1);
  });
});

describe('volumes that fsck.vfat calls clean', () => {
  test.each<[number, Record<string, string>, string]>([
    [64, {}, 'A LABEL'],
    [64, { table: 'windows' }, ''],
    [300, { table: 'windows' }, ''],
    [40, { fats: '1' }, ''],
    [40, { reserved: '100' }, ''],
    [40, { reserved: '8' }, ''],
    [4, { table: 'windows' }, 'SMALL'],
    [100, { type: 'fat16', 'root-entries': '1024' }, 'X'],
    [2, { type: 'fat12' }, ''],
    [300, { 'cluster-size': '512' }, ''],
  ])('%i MiB %j %j', (mebibytes, settings, label) => {
    const device = new FlatDevice(mebibytes * MEBIBYTE);
    formatted(device, settings, label);
    expect(fsckVfat(imageFile(device.bytes))).toBe('');
    const volume = mounted(device);
    expect(volume.label).toBe(label);
    volume.setLabel('new label');
    volume.unmount();
    expect(fsckVfat(imageFile(device.bytes))).toBe('');
    expect(mounted(device).label).toBe('NEW LABEL');
  });

  test('sectors of 4096 bytes', () => {
    const device = new FlatDevice(300 * MEBIBYTE, 4096);
    formatted(device);
    const volume = mounted(device);
    expect(volume.statistics().blockSizeBytes).toBe(4096);
    volume.unmount();
    expect(fsckVfat(imageFile(device.bytes))).toBe('');
  });
});

describe('what cannot be made', () => {
  test.each<[number, Record<string, string>, string, RegExp]>([
    [10 * 1024, {}, '', /EINVAL: 10k is too small for a FAT volume: try -s 24k/],
    [MEBIBYTE, { type: 'fat32' }, '', /too small for a FAT32 volume: try -s 33m/],
    [5 * 1024 * MEBIBYTE, { type: 'fat16' }, '', /too large for a FAT16 volume/],
    [2 ** 40, { 'cluster-size': '512' }, '', /too large for a FAT volume with clusters of 512 bytes/],
    [64 * MEBIBYTE, { 'cluster-sizes': '1k' }, '', /did you mean 'cluster-size'/],
    [64 * MEBIBYTE, { 'cluster-size': '3k' }, '', /no cluster size: choose/],
    [64 * MEBIBYTE, { type: 'fat64' }, '', /choose fat12 or fat16/],
    [64 * MEBIBYTE, { serial: 'xyz' }, '', /eight hexadecimal digits/],
    [64 * MEBIBYTE, { fats: '3' }, '', /from 1 to 2/],
    [64 * MEBIBYTE, { type: 'fat32', reserved: '2' }, '', /needs 8 reserved sectors/],
    [64 * MEBIBYTE, {}, 'a/b', /no FAT label/],
    [64 * MEBIBYTE, {}, 'twelve chars', /ENAMETOOLONG/],
  ])('%i bytes, %j %j', (sizeBytes, settings, label, wanted) => {
    expect(problem(() => make(sizeBytes, settings, label))).toMatch(wanted);
  });

  test('the size an error names can be made', () => {
    const sentence = problem(() => make(10 * 1024));
    const [, kibibytes] = /try -s (\d+)k/.exec(sentence) ?? [];
    expect(problem(() => make(Number(kibibytes) * 1024))).toBe('none');
  });
});

describe('large disks', () => {
  test('1 TB takes milliseconds and next to no memory', () => {
    const { device, report } = make(2 ** 40);
    expect(report.warnings.join()).toContain('32 GB');
    let stored = 0;
    for (let block = device.nextStored(0); block < device.blockCount; block = device.nextStored(block + 1))
      stored++;
    expect(stored * 512).toBeLessThan(2 * MEBIBYTE);
    const volume = mounted(device);
    expect(volume.statistics().freeBlocks).toBe(volume.statistics().totalBlocks - 1);
  });

  test('3 TiB: FAT counts 2^32 sectors, the rest is said to be unused', () => {
    const { report } = make(3 * 2 ** 40);
    expect(report.warnings[0]).toContain('4,294,967,295 sectors');
  });

  test('the printed lines are those of newfs_msdos', () => {
    expect(make(300 * MEBIBYTE).report.lines).toEqual([
      '512 bytes per physical sector',
      '613144 sectors in 76643 FAT32 clusters (4096 bytes/cluster)',
      'bps=512 spc=8 res=32 nft=2 mid=0xf8 spt=63 hds=16 hid=0 drv=0x80 bsec=614376 bspf=600 rdcl=2 infs=1 bkbs=6',
    ]);
  });
});
