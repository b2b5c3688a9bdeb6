import { describe, expect, test } from 'vitest';
import {
  AttributeInline,
  CatalogFile,
  CatalogFolder,
} from '../../../../src/engine/formats/hfsplus/layout-catalog.ts';
import { JournalHeader, journalChecksum } from '../../../../src/engine/formats/hfsplus/layout-journal.ts';
import { HeaderRecord } from '../../../../src/engine/formats/hfsplus/layout-tree.ts';
import {
  VOLUME_HEADER_SIZE_BYTES,
  VolumeHeader,
  geometryOf,
  hfsDate,
  readFork,
  timeOfHfs,
  writeFork,
} from '../../../../src/engine/formats/hfsplus/layout.ts';

/** A header as mkfs.hfsplus writes the fields that geometry follows from: 16 MiB, blocks of 4,096 bytes. */
function header(change: { signature?: number; version?: number; blockSize?: number; blocks?: number } = {}) {
  const bytes = new Uint8Array(VOLUME_HEADER_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, change.signature ?? 0x482b);
  view.setUint16(2, change.version ?? 4);
  view.setUint32(40, change.blockSize ?? 4096);
  view.setUint32(44, change.blocks ?? 4096);
  return bytes;
}

const MIB = 2 ** 20;

describe('volume header', () => {
  test('gives the geometry', () => {
    expect(geometryOf(header(), 0, 16 * MIB)).toMatchObject({
      isHfsx: false,
      blockSizeBytes: 4096,
      totalBlocks: 4096,
      alternateHeaderOffsetBytes: 16 * MIB - 1024,
    });
    expect(geometryOf(header({ signature: 0x4858, version: 5 }), 0, 16 * MIB)).toMatchObject({
      isHfsx: true,
    });
  });

  test.each([
    [{ signature: 0 }, 'no volume header'],
    [{ version: 5 }, 'version 5'],
    [{ blockSize: 3000 }, 'allocation blocks of 3000 bytes'],
    [{ blockSize: 256 }, 'allocation blocks of 256 bytes'],
    [{ blockSize: 0 }, 'allocation blocks of 0 bytes'],
    [{ blocks: 0 }, 'no allocation blocks'],
    [{ blocks: 4097 }, 'cut short'],
  ])('%j is refused with a sentence', (change, sentence) => {
    expect(geometryOf(header(change), 0, 16 * MIB)).toContain(sentence);
  });

  test('has the five forks where TN1150 prints them', () => {
    const { fields } = VolumeHeader;
    expect([fields.allocationFile.at, fields.extentsFile.at, fields.catalogFile.at]).toEqual([112, 192, 272]);
    expect([fields.attributesFile.at, fields.startupFile.at]).toEqual([352, 432]);
  });
});

test('structures have the sizes of hfs_format.h', () => {
  expect([CatalogFolder.sizeBytes, CatalogFile.sizeBytes]).toEqual([88, 248]);
  expect([HeaderRecord.sizeBytes, AttributeInline.sizeBytes]).toEqual([106, 16]);
  expect(JournalHeader.little.sizeBytes).toBe(48);
});

test('a fork is read as it was written, sizes beyond 32 bits included', () => {
  const record = new Uint8Array(80);
  const fork = {
    logicalSizeBytes: 5 * 2 ** 32 + 7,
    clumpSizeBytes: 65_536,
    totalBlocks: 12,
    extents: [
      { startBlock: 100, blockCount: 10 },
      { startBlock: 7, blockCount: 2 },
    ],
  };
  writeFork(record, fork);
  expect(readFork(record)).toEqual(fork);
  expect([...record.subarray(0, 8)]).toEqual([0, 0, 0, 5, 0, 0, 0, 7]);
});

test('dates count from 1904 and stay within their 32 bits', () => {
  expect(hfsDate({ seconds: 1 })).toBe(2_082_844_801);
  expect(hfsDate({ seconds: 0 })).toBe(0);
  expect(hfsDate({ seconds: 2 ** 33 })).toBe(0xffff_ffff);
  expect(timeOfHfs(0xffff_ffff).seconds).toBe(Date.UTC(2040, 1, 6, 6, 28, 15) / 1000);
  expect(timeOfHfs(5).seconds).toBe(0);
});

test('the journal’s checksum is Apple’s', () => {
  // By hand: 0 → (0 ^ 1) = 1 → (0x100 ^ 3) = 0x103, complemented.
  expect(journalChecksum(Uint8Array.of(1, 2))).toBe(~0x103 >>> 0);
});
