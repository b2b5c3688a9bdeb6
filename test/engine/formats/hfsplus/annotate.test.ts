import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { Device } from '../../../../src/engine/device/device.ts';
import type { Region } from '../../../../src/engine/formats/survey.ts';
import { annotate } from '../../../../src/engine/formats/hfsplus/annotate.ts';
import { OwnerIndex } from '../../../../src/engine/formats/hfsplus/owner-index.ts';
import { regions } from '../../../../src/engine/formats/hfsplus/regions.ts';
import { expectExplained, expectNoGaps, textsOf } from '../../../support/views.ts';
import { MKFS_VOLUMES, deviceOf, madeByMacos, madeByMkfs } from './view-images.ts';

/**
 * Goal: every block of a volume has one meaning and every byte of it is explained, on whatever volume.
 * Method: volumes of mkfs.hfsplus and macOS. Annotations must cover each block without gap or overlap and agree with the
 * regions; values are held against offsets of the specification, read here by hand.
 */
/** Blocks of a region worth a look: all of metadata, both ends of what is long and dull. */
function* blocksOf({ firstBlock, blockCount, role }: Region): Generator<number> {
  const isDull = role === 'free' || role === 'data' || blockCount > 600;
  const near = isDull ? 3 : blockCount;
  for (let i = 0; i < blockCount; i++) if (i < near || i >= blockCount - near) yield firstBlock + i;
}

function expectAllExplained(device: Device): readonly Region[] {
  const index = new OwnerIndex(device);
  const found = regions(device, index);
  expectNoGaps(device, found);
  for (const region of found) {
    for (const block of blocksOf(region)) {
      const annotation = annotate(device, block, index);
      expectExplained(device, block, annotation);
      const { role, owner } = annotation;
      expect({ role, owner }, `block ${block}`).toEqual({ role: region.role, owner: region.owner });
    }
  }
  return found;
}

const texts = (device: Device, block: number): string => textsOf(annotate(device, block));

const MACOS_VOLUMES = ['dfvfs-hfsplus.raw.gz', 'penguin359-hfsp-small.img.xz'];

describe.each([512, 4096])('in blocks of %i bytes', (blockSizeBytes) => {
  test.each(MKFS_VOLUMES)('every byte of a new volume is explained: $name', ({ sizeBytes, args }) => {
    const bytes = madeByMkfs(sizeBytes, args);
    if (!bytes || bytes.length % blockSizeBytes !== 0) return;
    const found = expectAllExplained(deviceOf(bytes, blockSizeBytes));
    expect(found.some(({ owner }) => owner === 'lost blocks')).toBe(false);
  });

  test.each(MACOS_VOLUMES)('every byte of a volume of macOS is explained: %s', (name) => {
    const bytes = madeByMacos(name);
    if (!bytes) return;
    const found = expectAllExplained(deviceOf(bytes, blockSizeBytes));
    expect(found.some(({ owner }) => owner === 'lost blocks')).toBe(false);
  });
});

describe('regions', () => {
  test('of a volume of macOS: headers, bitmap, trees, files by their paths, resource forks', () => {
    const bytes = madeByMacos('dfvfs-hfsplus.raw.gz');
    if (!bytes) return;
    const found = regions(deviceOf(bytes));
    const of = (owner: string) => found.filter((region) => region.owner === owner);
    expect(of('Boot blocks')).toEqual([
      { firstBlock: 0, blockCount: 2, role: 'reserved', owner: 'Boot blocks' },
    ]);
    expect(of('Volume header')).toMatchObject([{ firstBlock: 2, blockCount: 1, role: 'header' }]);
    expect(of('Alternate volume header')).toMatchObject([{ firstBlock: 8110, role: 'header' }]);
    expect(of('Allocation file')).toMatchObject([{ firstBlock: 8, blockCount: 8, role: 'allocation' }]);
    expect(of('Catalog tree')).toMatchObject([{ firstBlock: 1488, blockCount: 64, role: 'tree' }]);
    expect(of('/a_directory/a_file')).toMatchObject([{ firstBlock: 2192, blockCount: 8, role: 'data' }]);
    expect(of('resource fork of /a_directory/a_resourcefork')).toMatchObject([
      { firstBlock: 2232, role: 'data' },
    ]);
  });

  test('say free exactly where the bitmap does', () => {
    const bytes = madeByMacos('penguin359-hfsp-small.img.xz');
    if (!bytes) return;
    const found = regions(deviceOf(bytes));
    // Volume header: blockSize at 40, allocation file's first extent at 112 + 16.
    const header = new DataView(bytes.buffer, bytes.byteOffset + 1024, 512);
    const blockSize = header.getUint32(40);
    const bitmapAt = header.getUint32(128) * blockSize;
    for (const { firstBlock, blockCount, role } of found) {
      for (let sector = firstBlock; sector < firstBlock + blockCount; sector++) {
        const block = Math.floor((sector * 512) / blockSize);
        const isUsed = ((bytes[bitmapAt + (block >> 3)] ?? 0) << (block & 7)) & 0x80;
        expect(role === 'free', `sector ${sector}`).toBe(isUsed === 0);
      }
    }
  });

  test('a used block that nobody has is lost, a wide range of them one region', () => {
    const bytes = madeByMkfs(4 << 20);
    if (!bytes) return;
    const device = deviceOf(bytes);
    const header = new DataView(device.bytes.buffer, 1024, 512);
    const bitmapAt = header.getUint32(128) * header.getUint32(40);
    device.bytes.fill(0xff, bitmapAt + 100, bitmapAt + 102); // blocks 800 to 815
    const found = expectAllExplained(device);
    expect(found).toContainEqual({
      firstBlock: 6400,
      blockCount: 128,
      role: 'data',
      owner: 'lost blocks',
    });
  });
});

describe('annotate', () => {
  test('the volume header with its forks', () => {
    const bytes = madeByMkfs(16 << 20, ['-J']);
    if (!bytes) return;
    const header = texts(deviceOf(bytes), 2);
    expect(header).toMatch('VolumeHeader.signature | 0x482b');
    expect(header).toMatch('VolumeHeader.journalInfoBlock | 2');
    expect(header).toMatch('VolumeHeader.catalogFile.extents[0] | blocks 515 to 546 (32 blocks)');
    expect(header).toMatch('VolumeHeader.catalogFile.extents[1…] | 7 unused extents');
    expect(header).toMatch('journaled');
  });

  test('a header node: header record, map', () => {
    const bytes = madeByMkfs(4 << 20);
    if (!bytes) return;
    const device = deviceOf(bytes);
    const [catalog] = regions(device).filter(({ owner }) => owner === 'Catalog tree');
    const node = texts(device, catalog?.firstBlock ?? 0);
    expect(node).toMatch('NodeDescriptor.kind | header');
    expect(node).toMatch('HeaderRecord.rootNode | 1');
    expect(node).toMatch(/nodes 0 to 7 \| 11000000: in use 0, 1 \|/);
  });

  test('a leaf of the catalog: keys with names and paths, records, offsets', () => {
    const bytes = madeByMacos('dfvfs-hfsplus.raw.gz');
    if (!bytes) return;
    const device = deviceOf(bytes, 4096);
    const node = texts(device, 187);
    expect(node).toMatch(/record \d+: CatalogKey\.parentId \| 2: the root folder/);
    expect(node).toMatch(/CatalogKey\.name \| "passwords\.txt"/);
    expect(node).toMatch(/keyLengthBytes \| \d+ bytes: file "a_resourcefork" in \/a_directory \|/);
    expect(node).toMatch(/CatalogFile\.resourceFork\.extents\[0\] \| block 279 \(1 block\)/);
    expect(node).toMatch(/record \d+: CatalogThread\.name \| "a_directory"/);
    expect(node).toMatch('offset of the free space');
    expect(annotate(device, 187).title).toBe('Catalog tree, leaf node 1, 26 records');
  });

  test('files: contents, slack, whose', () => {
    const bytes = madeByMacos('dfvfs-hfsplus.raw.gz');
    if (!bytes) return;
    const device = deviceOf(bytes, 4096);
    const text = texts(device, 274);
    expect(text).toMatch('data | bytes 0 to 52 of /a_directory/a_file');
    expect(text).toMatch('slack | 4043 bytes of slack behind the end of /a_directory/a_file');
  });

  test('bits say whose the blocks are', () => {
    const bytes = madeByMacos('dfvfs-hfsplus.raw.gz');
    if (!bytes) return;
    const text = texts(deviceOf(bytes), 8);
    expect(text).toMatch(/blocks 272 to 279 \| 00111111: in use 274, 275, 276, 277, 278, 279 \| .*a_file/);
    expect(text).toMatch('no blocks');
  });

  test('what is no volume is shown as what it is', () => {
    const device = deviceOf(new Uint8Array(1 << 20));
    expect(regions(device)).toEqual([{ firstBlock: 0, blockCount: 2048, role: 'reserved', owner: '' }]);
    expectExplained(device, 2, annotate(device, 2));
    expect(annotate(device, 2).title).toMatch('Not an HFS+ volume: no volume header');
  });

  test('a damaged header: the alternate one serves', () => {
    const bytes = madeByMacos('dfvfs-hfsplus.raw.gz');
    if (!bytes) return;
    const device = deviceOf(bytes);
    device.bytes.fill(0, 1024, 1536);
    const found = expectAllExplained(device);
    expect(found.some(({ owner }) => owner === '/passwords.txt')).toBe(true);
  });
});

describe('damage', () => {
  test.each([1, 2, 3, 4, 5, 6])(
    'bytes changed at random throw nothing and leave nothing unexplained (%i)',
    (seed) => {
      const bytes = madeByMacos('dfvfs-hfsplus.raw.gz') ?? madeByMkfs(4 << 20, ['-J']);
      if (!bytes) return;
      const random = new Prng(seed);
      for (let round = 0; round < 12; round++) {
        const device = deviceOf(bytes, seed % 2 ? 512 : 4096);
        const metadata = regions(device).filter(({ role }) => !['free', 'data', 'reserved'].includes(role));
        for (let change = 0; change < 40; change++) {
          const { firstBlock, blockCount } = metadata[random.below(metadata.length)]!;
          const sizeBytes = Math.min(blockCount, 16) * device.blockSizeBytes;
          device.bytes[firstBlock * device.blockSizeBytes + random.below(sizeBytes)] = random.below(256);
        }
        const index = new OwnerIndex(device);
        expectNoGaps(device, regions(device, index));
        for (const { firstBlock, blockCount } of metadata) {
          for (let i = 0; i < Math.min(blockCount, 20); i++)
            expectExplained(device, firstBlock + i, annotate(device, firstBlock + i, index));
        }
      }
    },
  );
});
