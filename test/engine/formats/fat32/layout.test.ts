import { describe, expect, test } from 'vitest';
import {
  BootSector32,
  geometryOf,
  getEntry,
  marksOf,
  setEntry,
} from '../../../../src/engine/formats/fat32/layout.ts';
import type { FatType } from '../../../../src/engine/formats/fat32/layout.ts';

describe.each([12, 16, 32] as FatType[])('entries of FAT%i', (type) => {
  const { mask } = marksOf(type);

  test('each entry keeps to itself', () => {
    const fat = new Uint8Array(100);
    for (let cluster = 0; cluster < 20; cluster++) setEntry(type, fat, cluster, (cluster * 0x1234567) & mask);
    for (let cluster = 0; cluster < 20; cluster++) {
      expect(getEntry(type, fat, cluster)).toBe((cluster * 0x1234567) & mask);
    }
  });
});

test('the upper four bits of a FAT32 entry survive a write and are not read', () => {
  const fat = new Uint8Array(8).fill(0xf0);
  setEntry(32, fat, 1, 5);
  expect(getEntry(32, fat, 1)).toBe(5);
  expect(fat[7]! & 0xf0).toBe(0xf0);
});

describe('a boot sector that lies is refused with a sentence', () => {
  const good = new Uint8Array(512);
  BootSector32.write(good, {
    jump: Uint8Array.of(0xeb, 0x58, 0x90),
    oemName: 'DISKOSCP',
    bytesPerSector: 512,
    sectorsPerCluster: 1,
    reservedSectors: 32,
    fatCount: 2,
    rootEntryCount: 0,
    totalSectors16: 0,
    media: 0xf8,
    fatSizeSectors16: 0,
    sectorsPerTrack: 63,
    headCount: 255,
    hiddenSectors: 0,
    totalSectors32: 131_072,
    fatSizeSectors32: 1009,
    extendedFlags: 0,
    version: 0,
    rootCluster: 2,
    fsInfoSector: 1,
    backupBootSector: 6,
    driveNumber: 0x80,
    state: 0,
    bootSignature: 0x29,
    serialNumber: 1,
    label: 'NO NAME    ',
    typeName: 'FAT32   ',
    bootCode: new Uint8Array(420),
    signature: 0xaa55,
  });
  const size = 131_072 * 512;

  test('the good one is taken', () => {
    expect(geometryOf(good, size)).toMatchObject({ type: 32, clusterCount: 129_022, dataFirstSector: 2050 });
  });

  test.each<[string, number, number[]]>([
    ['55 AA', 510, [0, 0]],
    ['bytes per sector', 11, [1, 2]],
    ['sectors per cluster', 13, [3]],
    ['sectors per cluster', 13, [0]],
    ['reserved sectors', 14, [0, 0]],
    ['file allocation tables', 16, [0]],
    ['file allocation table has no sectors', 36, [0, 0, 0, 0]],
    ['cut short', 32, [0xff, 0xff, 0xff, 0xff]],
    ['no room for data', 36, [0xff, 0xff, 0xff, 0xff]],
    ['entries for', 36, [1, 0, 0, 0]],
    ['root directory starts at', 44, [1, 0, 0, 0]],
    ['fixed root directory', 17, [16, 0]],
  ])('%s', (words, at, patch) => {
    const bad = good.slice();
    bad.set(patch, at);
    const answer = geometryOf(bad, size);
    expect(answer).toBeTypeOf('string');
    expect(answer).toContain(words);
  });
});
