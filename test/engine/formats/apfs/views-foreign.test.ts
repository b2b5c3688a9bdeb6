import { describe, expect, test } from 'vitest';
import { viewOf } from '../../../../src/engine/base/bytes.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { fletcher64 } from '../../../../src/engine/codec/fletcher64.ts';
import { annotate } from '../../../../src/engine/formats/apfs/annotate.ts';
import { RECORD_TYPE } from '../../../../src/engine/formats/apfs/layout-catalog.ts';
import { nameHash } from '../../../../src/engine/formats/apfs/names.ts';
import { OwnerIndex } from '../../../../src/engine/formats/apfs/owner-index.ts';
import { regions } from '../../../../src/engine/formats/apfs/regions.ts';
import { nameOfDirectoryRecord, typeOf } from '../../../../src/engine/formats/apfs/view-records.ts';
import { expectExplained, expectNoGaps } from '../../../support/views.ts';
import { IMAGES } from './view-images.ts';

/**
 * Goal: map and bytes of containers that macOS, mkapfs and the Linux driver wrote say what those meant. Method: the
 * space manager's bitmap, which the views' walk does not need, must agree block by block; hashes of names, written by
 * others, must be the ones we compute.
 */
function sealBlock(bytes: Uint8Array, at: number): void {
  const block = bytes.subarray(at - (at % 4096), at - (at % 4096) + 4096);
  const { low, high } = fletcher64(block, 8);
  const view = viewOf(block);
  view.setUint32(0, low, true);
  view.setUint32(4, high, true);
}

describe.each(IMAGES)('$name', ({ device: make }) => {
  const device = make();
  const index = new OwnerIndex(device);
  const found = regions(device, index);
  const perBlock = 4096 / device.blockSizeBytes;

  test('regions have no gaps, and what is not free is used in the bitmap', () => {
    expect(index.container.problem).toBe('');
    expectNoGaps(device, found);
    const { space, blockCount } = index.container;
    const wrong: number[] = [];
    for (const { firstBlock, blockCount: count, role } of found) {
      for (let block = firstBlock; block < firstBlock + count; block += perBlock) {
        const number = Math.floor(block / perBlock);
        if (number < blockCount && space?.isUsed(number) !== (role !== 'free')) wrong.push(number);
      }
    }
    expect(wrong).toEqual([]);
    expect(found.filter(({ owner }) => owner === 'lost blocks')).toEqual([]);
  });

  test('the free blocks of the map are those that the space manager counts', () => {
    const { container } = index;
    // Of one image only the beginning was kept.
    if (container.blockCount < container.superblock.blockCount) return;
    const free = found
      .filter(({ role }) => role === 'free')
      .reduce((sum, { blockCount }) => sum + blockCount, 0);
    expect(free / perBlock).toBe(container.space?.device.freeCount);
  });

  test('every byte of every metadata block is explained', () => {
    for (const { firstBlock, blockCount, role, owner } of found) {
      const isMetadata = !['free', 'data', 'shared', 'pinned'].includes(role);
      const last = isMetadata ? Math.min(blockCount, 2000) : Math.min(blockCount, 4);
      for (let block = firstBlock; block < firstBlock + last; block++) {
        const annotation = annotate(device, block, index);
        expectExplained(device, block, annotation);
        if (annotation.role !== role || annotation.owner !== owner)
          expect(annotation, `block ${block}`).toMatchObject({ role, owner });
      }
    }
  });

  test('nothing that the checkpoint refers to is damaged', () => {
    for (const { firstBlock, role } of found) {
      if (role !== 'tree' && role !== 'references' && role !== 'header') continue;
      const { title } = annotate(device, firstBlock, index);
      expect(title).not.toContain('wrong checksum');
    }
  });

  test('one block alone is explained as with the whole index', () => {
    for (let i = 0; i < found.length; i += 29) {
      const { firstBlock = 0 } = found[i] ?? {};
      expect(annotate(device, firstBlock)).toEqual(annotate(device, firstBlock, index));
    }
  });

  test('names of directories have the hashes that were written', () => {
    let names = 0;
    for (const { views } of index.container.volumes) {
      for (const view of views) {
        const isInsensitive = (view.superblock.incompatibleFeatures & 1) !== 0;
        for (const node of view.catalog.leaves()) {
          for (let record = 0; record < node.count; record++) {
            if (typeOf({ node, record }) !== RECORD_TYPE.directoryRecord || !view.isHashed) continue;
            const word = node.view.getUint32(node.keyAt(record) + 8, true);
            const name = nameOfDirectoryRecord({ node, record }, true);
            expect(nameHash(name, isInsensitive), name).toBe(word >>> 10);
            names++;
          }
        }
      }
    }
    const isEncrypted = index.container.superblock.keybagCount > 0;
    expect(names).toBeGreaterThan(isEncrypted ? -1 : 1);
  });

  test('damage is shown, never thrown', () => {
    const random = new Prng(19);
    const damaged = make();
    const tops = [0, 1, 2, 61, 62, 63, 64, 65, 66, 67, 68, 88];
    const metadata = found.flatMap(({ firstBlock, role }) =>
      ['free', 'data', 'shared', 'pinned'].includes(role) ? [] : [firstBlock],
    );
    for (let round = 0; round < 60; round++) {
      const before: [number, Uint8Array][] = [];
      for (let i = 0; i < 8; i++) {
        const block = i < 2 ? random.pick(tops) * perBlock : random.pick(metadata);
        const at = block * device.blockSizeBytes + random.below(i % 2 === 0 ? 128 : 4096);
        const length = 1 + random.below(8);
        const blockAt = at - (at % 4096);
        before.push([blockAt, damaged.bytes.slice(blockAt, blockAt + 4096)]);
        damaged.bytes.set(random.bytes(length).subarray(0, damaged.bytes.length - at), at);
        // Half of it with a true checksum: what reads on must not trust the rest either.
        if (round % 2 === 1) sealBlock(damaged.bytes, at);
      }
      const damagedIndex = new OwnerIndex(damaged);
      expectNoGaps(damaged, regions(damaged, damagedIndex));
      for (const [at] of before) {
        const block = Math.floor(at / damaged.blockSizeBytes);
        expectExplained(damaged, block, annotate(damaged, block, damagedIndex));
      }
      for (const [at, bytes] of before.reverse()) damaged.bytes.set(bytes, at);
    }
  });
});
