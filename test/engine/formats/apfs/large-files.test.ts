import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { fsck } from '../../../../src/engine/formats/apfs/fsck.ts';
import { decodeInode, emptyStream, encodeInode, Inode } from '../../../../src/engine/formats/apfs/inode.ts';
import { mountFirstVolume } from '../../../../src/engine/formats/apfs/mount.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import type { Volume } from '../../../../src/engine/formats/contract.ts';
import { fsckApfs } from '../../../support/checkers.ts';
import { sparseImageFile } from '../../../support/formats.ts';
import { refusalOf } from '../../../support/refusal.ts';

/**
 * Goal: files of up to 8 EiB, of which almost everything is a hole. Sizes and places are numbers, exact up to 2^53 and
 * beyond that in whole blocks; what would have to be rounded is refused. apfsck judges what lies on the disk.
 */
const BLOCK = 4096;
const EIB = 2 ** 60;
const MAX = 2 ** 63 - BLOCK;
const INIT = { mode: 0o644, uid: 501, gid: 20 };

function mounted(): { store: Store; volume: Volume; again: () => Volume } {
  const store = new Store({ blockSizeBytes: BLOCK, blockCount: 2 ** 13 });
  const clock = new SimulatedClock();
  newfs(store, {
    ...{ label: 'Test', settings: {}, partitionFirstBlock: 0, clock },
    random: new Prng(1),
  });
  const options = { isReadOnly: false, policy: 'each', clock, trace: SILENT } as const;
  const again = () =>
    mountFirstVolume(store, { ...options, owner: { uid: 501, gid: 20 }, timeZoneMinutes: 0 });
  return { store, volume: again(), again };
}

function expectClean(store: Store): void {
  expect(fsck(store, { repair: false }).findings).toEqual([]);
  expect(fsckApfs(sparseImageFile(store))).toBe('');
}

test('a block is written and read at 4 EiB, and the rest is one hole after another', () => {
  const { store, volume, again } = mounted();
  const file = volume.create(volume.root, 'far', INIT);
  const bytes = new Prng(1).bytes(BLOCK);
  expect(volume.write(file, 4 * EIB, bytes)).toBe(BLOCK);
  const { sizeBytes, allocatedBytes } = volume.attributes(file);
  expect([sizeBytes, allocatedBytes]).toEqual([4 * EIB + BLOCK, BLOCK]);
  expect(volume.extents(file)).toMatchObject([{ fileOffsetBytes: 4 * EIB, lengthBytes: BLOCK }]);
  volume.unmount();
  expectClean(store);
  const other = again();
  const found = other.lookup(other.root, 'far');
  if (found === undefined) throw new Error('it is there');
  const into = new Uint8Array(3 * BLOCK).fill(9);
  expect(other.read(found, 4 * EIB - BLOCK, into)).toBe(2 * BLOCK);
  expect(Buffer.compare(into.subarray(0, BLOCK), new Uint8Array(BLOCK))).toBe(0);
  expect(Buffer.compare(into.subarray(BLOCK, 2 * BLOCK), bytes)).toBe(0);
  expect(other.read(found, 4 * EIB + BLOCK, into)).toBe(0);
});

test('the largest size there is comes and goes, with blocks at its end, clones, holes and a removal', () => {
  const { store, volume } = mounted();
  const free = volume.statistics().freeBlocks;
  const file = volume.create(volume.root, 'file', INIT);
  volume.truncate(file, MAX);
  expect(volume.attributes(file)).toMatchObject({ sizeBytes: MAX, allocatedBytes: 0 });
  volume.write(file, MAX - BLOCK, new Uint8Array(BLOCK).fill(7));
  volume.write(file, 3 * EIB, new Uint8Array(3 * BLOCK).fill(8));
  volume.clone?.(file, volume.root, 'clone', null);
  const clone = volume.lookup(volume.root, 'clone');
  if (clone === undefined) throw new Error('it is there');
  volume.write(clone, 3 * EIB + BLOCK, new Uint8Array(BLOCK).fill(6));
  const into = new Uint8Array(BLOCK);
  expect([volume.read(clone, MAX - BLOCK, into), into[0], into[BLOCK - 1]]).toEqual([BLOCK, 7, 7]);
  volume.punchHole?.(file, 0, MAX - 2 * BLOCK);
  expect(volume.attributes(file).allocatedBytes).toBe(BLOCK);
  volume.sync();
  expect(fsck(store, { repair: false }).findings.map(({ kind }) => kind)).toEqual(['dirty']);
  volume.truncate(file, 2 ** 53 + BLOCK);
  volume.truncate(file, 10);
  expect(volume.attributes(file)).toMatchObject({ sizeBytes: 10, allocatedBytes: 0 });
  volume.remove(volume.root, 'clone');
  volume.remove(volume.root, 'file');
  volume.release(file);
  volume.unmount();
  expectClean(store);
  expect(
    mountFirstVolume(store, {
      ...{ isReadOnly: true, policy: 'each', clock: new SimulatedClock(), trace: SILENT },
      owner: { uid: 0, gid: 0 },
      timeZoneMinutes: 0,
    }).statistics().freeBlocks,
  ).toBe(free);
});

describe('what a number cannot say exactly is refused, and nothing changes', () => {
  test.each<[string, (volume: Volume, file: ReturnType<Volume['create']>) => unknown]>([
    ['a size beyond 2^53 that is no whole block', (v, f) => v.truncate(f, 2 ** 53 + 2)],
    ['a size beyond the last block', (v, f) => v.truncate(f, 2 ** 63)],
    ['a write that ends within a block', (v, f) => v.write(f, 4 * EIB, new Uint8Array(10))],
    ['a write that begins within a block', (v, f) => v.write(f, 2 ** 53 + 2, new Uint8Array(BLOCK))],
    ['a write across 2^53 from within a block', (v, f) => v.write(f, 2 ** 53 - 1, new Uint8Array(BLOCK))],
    ['a write behind the last block', (v, f) => v.write(f, MAX, new Uint8Array(BLOCK))],
  ])('%s', (_, action) => {
    const { volume } = mounted();
    const file = volume.create(volume.root, 'file', INIT);
    volume.write(file, 0, new Uint8Array(5));
    expect(refusalOf(() => action(volume, file))).toMatch(/^EFBIG \w/);
    expect(volume.attributes(file).sizeBytes).toBe(5);
  });

  test('up to 2^53 every byte counts', () => {
    const { store, volume } = mounted();
    const file = volume.create(volume.root, 'file', INIT);
    volume.write(file, 2 ** 53 - 3, Uint8Array.of(1, 2, 3));
    expect(volume.attributes(file).sizeBytes).toBe(2 ** 53);
    const into = new Uint8Array(10);
    expect([volume.read(file, 2 ** 53 - 2, into), into[0], into[1]]).toEqual([2, 2, 3]);
    volume.unmount();
    expectClean(store);
  });
});

test('a size that is no number is shown as the end of its last block, and written back as it was', () => {
  const inode = new Inode(20);
  inode.mode = 0o100_644;
  inode.privateId = 20;
  inode.nameBytes = Uint8Array.of(0x61);
  inode.stream = { ...emptyStream(), sizeBytes: 4 * EIB, allocatedBytes: 8 * EIB };
  const bytes = encodeInode(inode).slice();
  const at = bytes.findLastIndex((byte) => byte === 0x40);
  // 2^62 + 5: its last byte is in the block that begins at 2^62.
  bytes[at - 7] = 5;
  const read = decodeInode(20, bytes);
  expect(read.stream?.sizeBytes).toBe(4 * EIB + BLOCK);
  expect(encodeInode(read)).toEqual(bytes);
  if (read.stream !== null) read.stream.sizeBytes = 4 * EIB;
  expect(encodeInode(read)[at - 7]).toBe(0);
});
