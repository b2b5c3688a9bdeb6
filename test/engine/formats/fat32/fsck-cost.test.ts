import { describe, expect, test } from 'vitest';
import type { Store } from '../../../../src/engine/device/store.ts';
import { fsck } from '../../../../src/engine/formats/fat32/fsck.ts';
import { clusterOffsetBytes, geometryOf, setEntry } from '../../../../src/engine/formats/fat32/layout.ts';
import type { Geometry } from '../../../../src/engine/formats/fat32/layout.ts';
import { shortNameChecksum, writeLongNameSlots } from '../../../../src/engine/formats/fat32/names.ts';
import { regions } from '../../../../src/engine/formats/fat32/regions.ts';
import { emptyVolume, LABEL, testEmptyDisk } from '../fat-family/cost.ts';
import { geometryFrom } from '../fat-family/support.ts';
import { KIT } from './support.ts';
import { fastest } from '../../../support/stopwatch.ts';

const geometryIn = (store: Store): Geometry => geometryFrom(store, geometryOf);

/** `count` files of one cluster each in the root directory, which lies in one run. All is written by hand. */
function fill(store: Store, geometry: Geometry, count: number): void {
  const slots = new Uint8Array(count * 3 * 32);
  const rootClusters = Math.ceil((slots.length + 32) / geometry.clusterSizeBytes);
  const firstFile = 2 + rootClusters;
  for (let i = 0; i < count; i++) {
    const short = `F${String(i).padStart(7, '0')}TXT`;
    const at = i * 96;
    writeLongNameSlots(slots, at, `file number ${String(i).padStart(8, '0')}`, shortNameChecksum(short));
    for (let k = 0; k < 11; k++) slots[at + 64 + k] = short.charCodeAt(k);
    const view = new DataView(slots.buffer, at + 64, 32);
    view.setUint16(24, 0x5321, true);
    view.setUint16(26, (firstFile + i) & 0xffff, true);
    view.setUint16(20, (firstFile + i) >>> 16, true);
    view.setUint32(28, 100, true);
  }
  const blocks = new Uint8Array(Math.ceil((slots.length + 32) / 512) * 512);
  blocks.set(slots);
  store.write(clusterOffsetBytes(geometry, 2) / 512, blocks, LABEL);

  const table = new Uint8Array(Math.ceil(((firstFile + count) * 4) / 512) * 512);
  store.read(geometry.reservedSectors, table);
  for (let cluster = 2; cluster < firstFile + count; cluster++) {
    const isLast = cluster >= firstFile - 1;
    setEntry(32, table, cluster, isLast ? 0x0fff_ffff : cluster + 1);
  }
  for (let copy = 0; copy < 2; copy++) {
    store.write(geometry.reservedSectors + copy * geometry.fatSizeSectors, table, LABEL);
  }
}

describe('a check costs what is stored', () => {
  testEmptyDisk(KIT, 'an empty terabyte', 2 ** 40);

  test('20,000 files take less than a second', () => {
    const store = emptyVolume(KIT, 2 ** 30);
    fill(store, geometryIn(store), 20_000);
    fsck(store, { repair: true });
    let lines: readonly string[] = [];
    expect(fastest(5, () => (lines = fsck(store, { repair: false }).lines))).toBeLessThan(1000);
    expect(lines.at(-1)).toMatch(/^20000 files, /);
    expect(fastest(5, () => regions(store))).toBeLessThan(1000);
    expect(fsck(store, { repair: false }).findings).toEqual([]);
  });
});
