import { closeSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { bootChecksum, geometryOf } from '../../../../src/engine/formats/exfat/layout.ts';
import type { Geometry } from '../../../../src/engine/formats/exfat/layout.ts';
import { newfs } from '../../../../src/engine/formats/exfat/newfs.ts';
import { findChecker, fsckExfat, imageFile, runChecker, temporaryFolder } from '../../../support/checkers.ts';
import { Stopwatch } from '../../../support/stopwatch.ts';

/**
 * Goal: an empty volume is what mkfs.exfat, macOS or Windows would have made of the disk.
 * Method: byte by byte against mkfs.exfat for the sizes at which its tables change; fsck.exfat for everything else.
 */

const MEBIBYTE = 2 ** 20;

const make = (sizeBytes: number, settings: Record<string, string> = {}, label = '', blockSizeBytes = 512) => {
  const device = new Store({ blockSizeBytes, blockCount: sizeBytes / blockSizeBytes });
  const report = newfs(device, {
    label,
    settings,
    clock: new SimulatedClock(),
    random: new Prng(1),
    partitionFirstBlock: 0,
  });
  return { device, report };
};

const bytesOf = (device: Store, lengthBytes = device.blockCount * device.blockSizeBytes): Uint8Array => {
  const bytes = new Uint8Array(lengthBytes);
  device.read(0, bytes);
  return bytes;
};

const geometryIn = (bytes: Uint8Array, sizeBytes: number): Geometry => {
  const geometry = geometryOf(bytes.subarray(0, 512), sizeBytes);
  if (typeof geometry === 'string') throw new Error(geometry);
  return geometry;
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

const GUID = '12345678-1234-1234-1234-123456789abc';

/** What may differ: serial number, PercentInUse, boot code, and the checksum that follows from them. */
function withoutOwn(bytes: Uint8Array, sectorSizeBytes: number): Uint8Array {
  const copy = bytes.slice();
  for (const region of [0, 12 * sectorSizeBytes]) {
    copy.fill(0, region + 100, region + 104);
    copy.fill(0, region + 112, region + 113);
    copy.fill(0, region + 120, region + 510);
    copy.fill(0, region + 11 * sectorSizeBytes, region + 12 * sectorSizeBytes);
  }
  return copy;
}

describe('against mkfs.exfat', () => {
  test.each<[number, string[], Record<string, string>]>([
    [5, [], {}],
    [6, [], {}],
    [8, [], {}],
    [64, [], {}],
    [100, [], {}],
    [256, [], {}],
    [257, [], {}],
    [1024, [], {}],
    [32 * 1024, [], {}],
    [33 * 1024, [], {}],
    [1024 * 1024, [], {}],
    [64, ['-c', '512'], { 'cluster-size': '512' }],
    [64, ['-c', '64K'], { 'cluster-size': '64k' }],
    [512, ['-c', '32M'], { 'cluster-size': '32m' }],
    [64, ['-b', '64K'], { alignment: '64k' }],
    [64, ['-b', '4M'], { alignment: '4m' }],
  ])('%i MiB %j', (mebibytes, args, settings) => {
    const program = findChecker('mkfs.exfat');
    if (program === null) return;
    const path = join(temporaryFolder(), 'theirs.img');
    writeFileSync(path, '');
    truncateSync(path, mebibytes * MEBIBYTE);
    const { exitCode, output } = runChecker(program, ['-L', 'Größe', '-U', GUID, ...args, path]);
    expect(exitCode, output).toBe(0);

    const { device } = make(mebibytes * MEBIBYTE, { table: 'mkfs.exfat', guid: GUID, ...settings }, 'Größe');
    const { heapFirstSector, rootCluster, sectorsPerCluster } = geometryIn(
      bytesOf(device, 512),
      mebibytes * MEBIBYTE,
    );
    const length = (heapFirstSector + Math.min(64 * 1024, (rootCluster - 1) * sectorsPerCluster)) * 512;
    const mine = withoutOwn(bytesOf(device, length), 512);
    const theirs = new Uint8Array(length);
    const file = openSync(path, 'r');
    readSync(file, theirs, 0, length, 0);
    closeSync(file);
    const at = withoutOwn(theirs, 512).findIndex((byte, i) => byte !== mine[i]);
    expect(at, `first difference in sector ${Math.floor(at / 512)}, byte ${at % 512}`).toBe(-1);
  });
});

describe('judged by fsck.exfat', () => {
  test.each<[string, number, Record<string, string>, number]>([
    ['256 KiB', MEBIBYTE / 4, {}, 512],
    ['512 KiB', MEBIBYTE / 2, {}, 512],
    ['1 MiB of 512 B clusters', MEBIBYTE, { 'cluster-size': '512' }, 512],
    ['odd size', 7 * MEBIBYTE + 512 * 13, {}, 512],
    ['sectors of 4096', 16 * MEBIBYTE, {}, 4096],
    ['64 MiB', 64 * MEBIBYTE, {}, 512],
    ['Windows', 64 * MEBIBYTE, { table: 'windows' }, 512],
    ['clusters of 1 MiB', 64 * MEBIBYTE, { 'cluster-size': '1m' }, 512],
  ])('%s', (_, sizeBytes, settings, blockSizeBytes) => {
    const { device } = make(sizeBytes, settings, 'TEST', blockSizeBytes);
    expect(fsckExfat(imageFile(bytesOf(device)))).toBe('');
  });
});

test('512 KiB lie as on the volume that macOS made of as much', () => {
  const { device } = make(MEBIBYTE / 2, {}, 'EXFATTEST');
  expect(geometryIn(bytesOf(device, 512), MEBIBYTE / 2)).toEqual({
    sectorSizeBytes: 512,
    clusterSizeBytes: 4096,
    sectorsPerCluster: 8,
    totalSectors: 1024,
    fatFirstSector: 128,
    fatSizeSectors: 128,
    fatCount: 1,
    activeFat: 0,
    heapFirstSector: 256,
    clusterCount: 96,
    rootCluster: 5,
  });
  expect(bytesOf(device, 512)[112]).toBe(7 - 3);
});

test('both boot regions are whole, with their checksum', () => {
  const bytes = bytesOf(make(8 * MEBIBYTE).device, 24 * 512);
  const view = new DataView(bytes.buffer);
  for (const region of [0, 12 * 512]) {
    const checksum = bootChecksum(bytes.subarray(region), 512);
    for (let at = 0; at < 512; at += 4) expect(view.getUint32(region + 11 * 512 + at, true)).toBe(checksum);
  }
});

test('a terabyte takes less than 2 MB and few milliseconds', () => {
  make(1024 * 1024 * MEBIBYTE);
  const watch = new Stopwatch();
  const { device } = make(1024 * 1024 * MEBIBYTE);
  expect(watch.milliseconds).toBeLessThan(100);
  let stored = 0;
  for (let block = device.nextStored(0); block < device.blockCount; block = device.nextStored(block + 1))
    stored++;
  expect(stored * 512).toBeLessThan(2e6);
});

test('there are never more clusters than there may be', () => {
  const { device, report } = make(2 ** 44, { 'cluster-size': '512' });
  const { totalSectors, heapFirstSector, clusterCount } = geometryIn(bytesOf(device, 512), 2 ** 44);
  expect(clusterCount).toBe(0xfffffff5);
  expect(totalSectors).toBe(heapFirstSector + clusterCount);
  expect(report.warnings).toEqual([
    expect.stringMatching(/^exFAT counts at most 4,294,967,285 clusters; 14 TiB/),
  ]);
});

describe('silly wishes get a sentence', () => {
  test.each<[number, Record<string, string>, string, RegExp]>([
    [16 * 1024, {}, '', /^EINVAL: 16 KiB is too small.* needs \d+ KiB/],
    [MEBIBYTE, { 'cluster-size': '3k' }, '', /^EINVAL: '3k' is no value for cluster-size/],
    [MEBIBYTE, { 'cluster-size': '64m' }, '', /^EINVAL: '64m'/],
    [MEBIBYTE, { size: '1' }, '', /^EINVAL: exFAT has no setting 'size'/],
    [MEBIBYTE, { table: 'beos' }, '', /^EINVAL: 'beos' is no table/],
    [MEBIBYTE, { serial: 'xyz' }, '', /^EINVAL: 'xyz' is no serial number/],
    [MEBIBYTE, { guid: 'xyz' }, '', /^EINVAL: 'xyz' is no GUID/],
    [MEBIBYTE, {}, 'twelve units', /^ENAMETOOLONG: /],
    [MEBIBYTE, {}, 'a:b', /^EINVAL: /],
    [MEBIBYTE, {}, '\ud800', /^EILSEQ: /],
  ])('%i bytes %j %j', (sizeBytes, settings, label, sentence) => {
    expect(problem(() => make(sizeBytes, settings, label))).toMatch(sentence);
  });
});
