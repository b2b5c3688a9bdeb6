import { describe, expect, test } from 'vitest';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { randomBytes } from '../../../../src/engine/device/generated.ts';
import type { VolumeNode } from '../../../../src/engine/formats/contract.ts';
import type { BlockRun } from '../../../../src/engine/formats/hfsplus/alloc.ts';
import { Content } from '../../../../src/engine/formats/hfsplus/content.ts';
import type { BlockSource } from '../../../../src/engine/formats/hfsplus/extents.ts';
import { extentsKey, Fork } from '../../../../src/engine/formats/hfsplus/extents.ts';
import { FlatDevice } from '../../../support/flat-device.ts';
import { expectBytes, failure, HfsDisk } from './volume-support.ts';
import type { DiskOptions } from './volume-support.ts';

const MIB = 2 ** 20;
const NO_JOURNAL = { journal: 'off' };
const RESOURCE_FORK = 'com.apple.ResourceFork';

/** Bytes that tell where they belong. */
const pattern = (seed: number, lengthBytes: number): Uint8Array => {
  const bytes = new Uint8Array(lengthBytes);
  randomBytes(seed, 0, bytes);
  return bytes;
};

/** Two files that grow in turns, a block each: as torn as can be. */
function tear(disk: HfsDisk, names: readonly string[], blocks: number, blockBytes = 4096): VolumeNode[] {
  const nodes = names.map((name) => disk.create(name));
  for (let i = 0; i < blocks; i++) {
    nodes.forEach((node, n) => {
      const data = pattern(1000 * n + i, blockBytes);
      expect(disk.volume.write(node, i * blockBytes, data)).toBe(blockBytes);
    });
  }
  return nodes;
}

describe('extents', () => {
  test.each<[string, DiskOptions]>([
    ['journaled', {}],
    ['without a journal', { settings: NO_JOURNAL }],
    ['HFSX, every operation at once', { isHfsx: true, policy: 'each' }],
    ['blocks of 512 bytes', { settings: { ...NO_JOURNAL, 'block-size': '512' } }],
    ['sectors of 4096 bytes', { sectorBytes: 4096 }],
  ])('hundreds in each of two files, read back, cut, and gone: %s', (_, options) => {
    const disk = new HfsDisk(options);
    const free = disk.freeBlocks;
    const blockBytes = disk.volume.statistics().blockSizeBytes;
    const [a, b] = tear(disk, ['a', 'b'], 300, blockBytes);
    if (!a || !b) throw new Error('two files');
    expect(disk.volume.extents(a).length).toBeGreaterThan(290);
    disk.check();
    for (const [n, name] of ['a', 'b'].entries()) {
      const bytes = disk.contents(disk.node(name));
      for (let i = 0; i < 300; i++) {
        const part = bytes.subarray(i * blockBytes, (i + 1) * blockBytes);
        expectBytes(part, pattern(1000 * n + i, blockBytes));
      }
    }
    disk.volume.truncate(disk.node('a'), 100 * blockBytes + 1);
    disk.check();
    expect(disk.contents(disk.node('a')).length).toBe(100 * blockBytes + 1);
    disk.volume.truncate(disk.node('b'), 8 * blockBytes);
    disk.check();
    disk.volume.truncate(disk.node('b'), 3);
    disk.check();
    disk.volume.remove(disk.volume.root, 'a');
    disk.volume.remove(disk.volume.root, 'b');
    disk.check();
    // The extents tree may have grown meanwhile; here it has not.
    expect(disk.freeBlocks).toBe(free);
    expect(disk.parts.extents.header.leafRecords).toBe(0);
  });

  test('one piece where there is room', () => {
    const disk = new HfsDisk();
    const node = disk.create('whole');
    for (let i = 0; i < 50; i++) disk.volume.write(node, i * 10_000, pattern(i, 10_000));
    expect(disk.volume.extents(node)).toHaveLength(1);
    disk.check();
    const bytes = disk.contents(disk.node('whole'));
    for (let i = 0; i < 50; i++)
      expectBytes(bytes.subarray(i * 10_000, (i + 1) * 10_000), pattern(i, 10_000));
  });

  test('every block of a torn file is found from anywhere', () => {
    const disk = new HfsDisk();
    tear(disk, ['a', 'b'], 250);
    disk.remount();
    const node = disk.node('a');
    const random = new Prng(5);
    const into = new Uint8Array(4096);
    for (let i = 0; i < 1000; i++) {
      const block = random.below(250);
      disk.volume.read(node, block * 4096, into);
      expectBytes(into, pattern(block, 4096));
    }
  });

  test('the extents tree grows for a file of thousands', () => {
    const disk = new HfsDisk({ sizeBytes: 40 * MIB, settings: { ...NO_JOURNAL, 'block-size': '512' } });
    const nodes = disk.parts.extents.header.totalNodes;
    const size = 18_000;
    const [a, b] = tear(disk, ['a', 'b'], size, 512);
    if (!a || !b) throw new Error('two files');
    expect(disk.parts.extents.header.totalNodes).toBeGreaterThan(nodes);
    disk.check();
    const bytes = disk.contents(disk.node('b'));
    for (let i = 0; i < size; i += 97)
      expectBytes(bytes.subarray(i * 512, (i + 1) * 512), pattern(1000 + i, 512));
    disk.volume.remove(disk.volume.root, 'a');
    disk.check();
  });

  test('both forks of a file at once, each torn', () => {
    const disk = new HfsDisk();
    tear(disk, ['a', 'b'], 120);
    // Every other block is free now.
    disk.volume.remove(disk.volume.root, 'b');
    disk.volume.sync();
    const filler = disk.create('filler');
    const rest = disk.freeBlocks - 110;
    disk.volume.fill(filler, 0, rest * 4096, { generator: 'zero' });
    const node = disk.create('both');
    disk.volume.write(node, 0, pattern(1, 40 * 4096));
    disk.volume.setExtendedAttribute(node, RESOURCE_FORK, pattern(2, 50 * 4096 - 7));
    disk.check();
    const again = disk.node('both');
    expectBytes(disk.contents(again), pattern(1, 40 * 4096));
    expectBytes(disk.volume.getExtendedAttribute(again, RESOURCE_FORK), pattern(2, 50 * 4096 - 7));
    disk.volume.removeExtendedAttribute(again, RESOURCE_FORK);
    disk.check();
    disk.volume.remove(disk.volume.root, 'both');
    disk.check();
  });
});

describe('sizes', () => {
  test('a gap before a write, and a larger size, are zeros on blocks of their own', () => {
    const disk = new HfsDisk();
    // What was there before must not shine through.
    const old = disk.create('old');
    disk.volume.fill(old, 0, 8 * MIB, { generator: 'random', seed: 1, offsetBytes: 0 });
    disk.volume.remove(disk.volume.root, 'old');
    disk.volume.release(old);
    disk.volume.sync();
    const node = disk.create('gap');
    disk.volume.write(node, 0, pattern(1, 100));
    disk.volume.write(node, 50_000, pattern(2, 100));
    disk.volume.truncate(node, 200_001);
    expect(disk.volume.attributes(node).allocatedBytes).toBe(Math.ceil(200_001 / 4096) * 4096);
    const expected = new Uint8Array(200_001);
    expected.set(pattern(1, 100));
    expected.set(pattern(2, 100), 50_000);
    expectBytes(disk.contents(node), expected);
    disk.check();
    expectBytes(disk.contents(disk.node('gap')), expected);
  });

  test('shrunk and grown within a block, the cut bytes are gone', () => {
    const disk = new HfsDisk();
    const node = disk.create('cut');
    disk.volume.write(node, 0, pattern(1, 5000));
    disk.volume.truncate(node, 10);
    disk.volume.truncate(node, 5000);
    const expected = new Uint8Array(5000);
    expected.set(pattern(1, 10));
    expectBytes(disk.contents(node), expected);
  });

  test('a write that does not fit is as long as fits; none at all is ENOSPC; a size is all or nothing', () => {
    const disk = new HfsDisk();
    const node = disk.create('full');
    disk.volume.write(node, 0, pattern(1, 100));
    const room = (disk.freeBlocks + 1) * 4096;
    const error = failure(() => disk.volume.truncate(node, room + 1));
    expect(error.code).toBe('ENOSPC');
    expect(disk.volume.attributes(node).sizeBytes).toBe(100);
    expect(failure(() => disk.volume.write(node, room + 5, pattern(1, 1))).code).toBe('ENOSPC');
    expect(disk.volume.write(node, 100, pattern(2, room))).toBe(room - 100);
    expect(disk.freeBlocks).toBe(0);
    expect(failure(() => disk.volume.write(node, room, pattern(1, 1))).code).toBe('ENOSPC');
    expect(failure(() => disk.volume.preallocate(node, 1)).code).toBe('ENOSPC');
    disk.check();
    expectBytes(disk.contents(disk.node('full')).subarray(100), pattern(2, room - 100));
    disk.volume.truncate(disk.node('full'), 0);
    expect(disk.freeBlocks).toBe(room / 4096);
    disk.check();
  });

  test('a size beyond all numbers is EFBIG, one beyond the volume ENOSPC at once', () => {
    const disk = new HfsDisk();
    const node = disk.create('huge');
    expect(failure(() => disk.volume.truncate(node, 2 ** 53)).code).toBe('EFBIG');
    expect(failure(() => disk.volume.write(node, 2 ** 53, pattern(1, 10))).code).toBe('EFBIG');
    expect(failure(() => disk.volume.truncate(node, 2 ** 50)).code).toBe('ENOSPC');
    disk.check();
  });

  test('a fill costs no bytes, and reads as it should from anywhere', () => {
    const disk = new HfsDisk();
    const node = disk.create('fill');
    disk.volume.write(node, 0, pattern(1, 777));
    disk.volume.fill(node, 777, 3 * MIB + 5, { generator: 'random', seed: 9, offsetBytes: 0 });
    disk.check();
    const bytes = disk.contents(disk.node('fill'));
    expectBytes(bytes.subarray(777), pattern(9, 3 * MIB + 5));
  });
});

describe('preallocation', () => {
  test('lies behind the size until the last holder lets go', () => {
    const disk = new HfsDisk();
    const free = disk.freeBlocks;
    const node = disk.create('reserved');
    disk.volume.write(node, 0, pattern(1, 10));
    expect(disk.volume.preallocate(node, MIB)).toBe(MIB);
    expect(disk.volume.attributes(node).sizeBytes).toBe(10);
    expect(disk.freeBlocks).toBe(free - 1 - 256);
    disk.volume.write(node, 10, pattern(2, 6000));
    expect(disk.volume.extents(node)).toHaveLength(1);
    expect(disk.freeBlocks).toBe(free - 1 - 256);
    disk.volume.release(node);
    expect(disk.freeBlocks).toBe(free - 2);
    disk.check();
    const node2 = disk.node('reserved');
    disk.volume.preallocate(node2, MIB);
    disk.volume.truncate(node2, 5);
    expect(disk.freeBlocks).toBe(free - 1);
    disk.check();
  });
});

describe('damage', () => {
  test.each([
    ['an extent outside the volume', (bytes: Uint8Array) => bytes.fill(0xff, 16, 19), /outside the volume/],
    [
      'fewer blocks than claimed',
      (bytes: Uint8Array) => bytes.fill(9, 12, 16),
      /missing|nothing says|claims/,
    ],
  ])('%s is EIO, for reading, growing and cutting', (_, harm, sentence) => {
    const disk = new HfsDisk();
    const node = disk.create('broken');
    disk.volume.write(node, 0, pattern(1, 3 * 4096));
    const { record } = node as unknown as { record: Uint8Array };
    harm(record.subarray(88, 168));
    const into = new Uint8Array(10);
    for (const action of [
      () => disk.volume.extents(node),
      () => disk.volume.truncate(node, 0),
      () => disk.volume.remove(disk.volume.root, 'broken') ?? disk.volume.release(node),
    ]) {
      const error = failure(action);
      expect(error.code).toBe('EIO');
      expect(error.detail).toMatch(sentence);
    }
    expect(disk.volume.read(node, 0, into.subarray(0, 0))).toBe(0);
  });

  test('a record of the extents tree that is missing, or leaves a gap', () => {
    const disk = new HfsDisk();
    const [a] = tear(disk, ['a', 'b'], 40);
    if (!a) throw new Error('a file');
    expect(disk.parts.extents.remove(extentsKey(a.inode, 'data', 16))).toBe(true);
    const { record } = a as unknown as { record: Uint8Array };
    const fork = new Fork(
      { ...disk.parts, extentsTree: disk.parts.extents, isRecording: false },
      a.inode,
      'data',
      record.subarray(88, 168),
    );
    expect(fork.runAt(15).blockCount).toBe(1);
    expect(failure(() => fork.runAt(16)).code).toBe('EIO');
    expect(fork.runAt(24).blockCount).toBe(1);
    expect(failure(() => fork.runs()).detail).toMatch(/claims 40 blocks, its extents end at/);
    expect(failure(() => fork.cut(0)).code).toBe('EIO');
    expect(fork.totalBlocks).toBe(40);
  });
});

describe('a fork without a place for more than eight extents', () => {
  const geometry = new HfsDisk().parts.geometry;

  /** Every other block is free; `given` counts what is out. */
  function tornSource() {
    const out = new Set<number>();
    const put = (runs: readonly BlockRun[], isOut: boolean) => {
      for (const { startBlock, blockCount } of runs) {
        for (let i = 0; i < blockCount; i++) {
          if (isOut) out.add(startBlock + i);
          else out.delete(startBlock + i);
        }
      }
    };
    const source = {
      freeBlocks: 100,
      reserve: () => {},
      allocate: (_goal: number, wanted: number) => {
        const runs = Array.from({ length: wanted }, (_, i) => ({ startBlock: 10 + 2 * i, blockCount: 1 }));
        put(runs, true);
        return runs;
      },
      free: (runs: readonly BlockRun[]) => put(runs, false),
      giveBack: (runs: readonly BlockRun[]) => put(runs, false),
    };
    return { out, source };
  }

  const forkOver = (source: BlockSource) =>
    new Fork(
      { geometry, allocation: source, extentsTree: undefined, isRecording: false },
      20,
      'data',
      new Uint8Array(80),
    );

  test('takes eight and gives the others back', () => {
    const { out, source } = tornSource();
    const fork = forkOver(source);
    expect(fork.extend(10)).toBe(8);
    expect([...out]).toEqual(fork.runs().map((run) => run.startBlock));
    expect(fork.totalBlocks).toBe(8);
  });

  test('gives all back when that is not enough, and when the disk fails', () => {
    const { out, source } = tornSource();
    const fork = forkOver(source);
    const device = new FlatDevice(2 ** 20);
    const content = new Content({ device, geometry, allocation: source, wroteData: () => {} });
    expect(failure(() => content.truncate(fork, 10 * 4096, 'f')).code).toBe('ENOSPC');
    expect([fork.totalBlocks, fork.sizeBytes, out.size]).toEqual([0, 0, 0]);
    device.write = () => {
      throw new FsError('EIO', '', '');
    };
    expect(failure(() => content.write(fork, 0, pattern(1, 4096), 'f')).code).toBe('EIO');
    expect([fork.totalBlocks, fork.sizeBytes, out.size]).toEqual([0, 0, 0]);
  });
});
