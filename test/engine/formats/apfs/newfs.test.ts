import { spawnSync } from 'node:child_process';
import { openSync, closeSync, ftruncateSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { BtreeNodeHeader } from '../../../../src/engine/formats/apfs/layout-tree.ts';
import { VolumeSuperblock } from '../../../../src/engine/formats/apfs/layout-volume.ts';
import { NxSuperblock } from '../../../../src/engine/formats/apfs/layout.ts';
import { FreeQueue, SpaceDevice, SpacePool } from '../../../../src/engine/formats/apfs/layout-space.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import { findChecker, fsckApfs, temporaryFolder } from '../../../support/checkers.ts';
import { sparseImageFile } from '../../../support/formats.ts';
import { refusalOf } from '../../../support/refusal.ts';

const MIB = 2 ** 20;
const TIB = 2 ** 40;

function made(
  sizeBytes: number,
  settings: Record<string, string> = {},
  label = 'Test',
  blockSizeBytes = 4096,
): Store {
  const store = new Store({ blockSizeBytes, blockCount: Math.floor(sizeBytes / blockSizeBytes) });
  newfs(store, {
    ...{ label, settings, partitionFirstBlock: 0 },
    clock: new SimulatedClock(),
    random: new Prng(1),
  });
  return store;
}

function blockOf(store: Store, block: number): Uint8Array {
  const bytes = new Uint8Array(4096);
  store.read((block * 4096) / store.blockSizeBytes, bytes);
  return bytes;
}

describe('apfsck accepts new containers', () => {
  test.each([1, 2, 3, 17, 53, 128, 129, 512, 600, 1024, 5000, 51_200].map((mib) => [mib]))(
    'of %d MiB',
    (mib) => {
      expect(fsckApfs(sparseImageFile(made(mib * MIB)))).toBe('');
    },
  );

  test('of 1 TiB on sectors of 512 bytes', () => {
    expect(fsckApfs(sparseImageFile(made(TIB, {}, 'Big', 512)))).toBe('');
  });

  test.each<[string, Record<string, string>]>([
    ['as mkapfs makes them', { 'space-manager': 'plain', 'free-queues': 'made' }],
    ['with queues at once', { 'free-queues': 'made' }],
    ['plain, queues later', { 'space-manager': 'plain' }],
    ['case-sensitive', { 'case-sensitive': 'yes' }],
    ['with several volumes', { volumes: 'Data:role=data,Work:case-sensitive,Tmp:quota=1g:reserve=256m' }],
    ['with a role, quota and reserve', { role: 'backup', quota: '2g', reserve: '1g' }],
  ])('%s', (_, settings) => {
    expect(fsckApfs(sparseImageFile(made(4096 * MIB, settings)))).toBe('');
  });
});

test('a new container is the one that mkapfs makes, where it is not to be another', () => {
  const mkapfs = findChecker('mkapfs');
  if (mkapfs === null) return;
  for (const mib of [1, 16, 64, 500, 1024, 5120]) {
    const path = join(temporaryFolder(), 'mkapfs.img');
    const file = openSync(path, 'w');
    ftruncateSync(file, mib * MIB);
    closeSync(file);
    expect(spawnSync(mkapfs, [path]).status).toBe(0);
    const image = openSync(path, 'r');
    const theirs = (at: number) => {
      const bytes = new Uint8Array(4096);
      readSync(image, bytes, 0, 4096, at * 4096);
      return bytes;
    };
    const ours = made(mib * MIB, { 'space-manager': 'plain', 'free-queues': 'made' });
    const picked = (bytes: Uint8Array) => {
      const { blockCount, descriptorBlocks, dataBlocks, descriptorBase, dataBase, ...rest } =
        NxSuperblock.peek(bytes);
      const { volumesMax, ephemeralInfo, features, incompatibleFeatures, flags } = rest;
      const rings = { descriptorBlocks, dataBlocks, descriptorBase, dataBase };
      return { blockCount, ...rings, volumesMax, ephemeralInfo, features, incompatibleFeatures, flags };
    };
    expect(picked(blockOf(ours, 0)), `${mib} MiB`).toEqual(picked(theirs(0)));
    const spaceIn = (block: (at: number) => Uint8Array) => {
      const { dataBase, dataIndex } = NxSuperblock.peek(block(0));
      for (let at = dataBase + dataIndex; ; at++) {
        const bytes = block(at);
        if (BtreeNodeHeader.peek(bytes).type !== 0x8000_0005) continue;
        const { freeCount: _, addressOffsetBytes: offset, ...device } = SpaceDevice.peek(bytes, 0x30);
        const { bitmapBase: _base, poolBase: _pool, ...pool } = SpacePool.peek(bytes, 0x90);
        const limits = [0, 1, 2].map((i) => FreeQueue.peek(bytes, 0xc8 + 40 * i).treeNodeLimit);
        return { device, pool, limits, offset };
      }
    };
    expect(spaceIn((at) => blockOf(ours, at))).toEqual(spaceIn(theirs));
    closeSync(image);
  }
});

test.each([
  ['made', 4],
  ['lazy', 2],
] as const)(
  'the form of macOS, queues %s: versioned, two checkpoints, owners and times',
  (queues, objects) => {
    const store = made(16 * MIB, { 'free-queues': queues });
    const superblock = NxSuperblock.peek(blockOf(store, 0));
    expect(superblock.xid).toBe(2);
    expect(NxSuperblock.peek(blockOf(store, 2)).xid).toBe(1);
    expect(NxSuperblock.peek(blockOf(store, 2)).uuid).toEqual(superblock.uuid);
    expect(superblock.dataLength).toBe(objects);
    const space = blockOf(store, superblock.dataBase + superblock.dataIndex);
    expect(SpacePool.peek(space, 0x90).flags).toBe(1);
    const oids = [0, 1].map((i) => FreeQueue.peek(space, 0xc8 + 40 * i).treeOid);
    expect(oids.every((oid) => oid > 0)).toBe(queues === 'made');
    const volume = Array.from({ length: 120 }, (_, at) => VolumeSuperblock.peek(blockOf(store, at))).find(
      ({ magic, type }) => magic === 0x4253_5041 && type === 0xd,
    );
    expect(volume?.name).toBe('Test');
    expect(volume?.modifyTime.seconds).toBeGreaterThan(0);
    expect(volume?.nextDocumentId).toBe(3);
  },
);

test('newfs is quick and small however large the disk is', () => {
  const store = made(TIB);
  let stored = 0;
  for (let at = store.nextStored(0); at < store.blockCount; at = store.nextStored(at + 1)) stored++;
  expect(stored * 4096).toBeLessThan(2 * MIB);
});

test('what was there before is gone: an old container with a higher transaction does not come back', () => {
  const store = new Store({ blockSizeBytes: 4096, blockCount: 4096 });
  const label = { role: 'data', owner: '', reason: 'an older life' } as const;
  const old = made(16 * MIB, {}, 'Old');
  for (let at = 0; at < 4096; at++)
    store.write(at, at < 200 ? blockOf(old, 4 - (at % 4)) : blockOf(old, 0), label);
  newfs(store, {
    ...{ label: 'New', settings: {}, partitionFirstBlock: 0 },
    clock: new SimulatedClock(),
    random: new Prng(2),
  });
  expect(fsckApfs(sparseImageFile(store))).toBe('');
});

describe('what cannot be made is refused in a sentence', () => {
  test.each<[string, number, Record<string, string>, RegExp]>([
    ['a disk below 1 MiB', 512 * 1024, {}, /EINVAL .*1 MiB/],
    ['an unknown setting', 16 * MIB, { size: '5' }, /EINVAL APFS has no setting 'size'/],
    ['more volumes than fit', 16 * MIB, { volumes: 'B' }, /EINVAL .*512 MiB/],
    ['a role that is none', 16 * MIB, { role: 'king' }, /EINVAL 'king' is no role.*System/],
    ['a quota that is no size', 16 * MIB, { quota: 'much' }, /EINVAL 'much' is no quota/],
    ['a reserve above the quota', 16 * MIB, { quota: '4m', reserve: '8m' }, /EINVAL .*cannot reserve more/],
    ['a reserve above the disk', 16 * MIB, { reserve: '64m' }, /EINVAL .*reserve/],
    ['a quota that leaves nothing', 16 * MIB, { quota: '4k' }, /EINVAL .*room to work/],
    ['an unknown form', 16 * MIB, { 'space-manager': 'fancy' }, /EINVAL .*versioned or plain/],
    ['an unknown answer', 16 * MIB, { 'case-sensitive': 'perhaps' }, /EINVAL .*yes or no/],
    ['a setting of a volume that is none', 4096 * MIB, { volumes: 'B:color=red' }, /EINVAL .*'color'/],
  ])('%s', (_, sizeBytes, settings, expected) => {
    expect(refusalOf(() => made(sizeBytes, settings))).toMatch(expected);
  });

  test.each([
    ['a slash', 'a/b', /EINVAL .*slash/],
    ['a NUL', 'a\0b', /EINVAL/],
    ['half a surrogate pair', '\ud800', /EILSEQ/],
    ['256 bytes', 'ä'.repeat(128), /ENAMETOOLONG .*255/],
  ])('a name with %s', (_, name, expected) => {
    expect(refusalOf(() => made(16 * MIB, {}, name))).toMatch(expected);
  });

  test('255 bytes are a name', () => {
    expect(fsckApfs(sparseImageFile(made(16 * MIB, {}, 'ä'.repeat(127) + 'x')))).toBe('');
  });
});
