import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { WriteLabel } from '../../../../src/engine/device/device.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { fsck } from '../../../../src/engine/formats/fat32/fsck.ts';
import { clusterOffsetBytes, geometryOf, setEntry } from '../../../../src/engine/formats/fat32/layout.ts';
import type { Geometry } from '../../../../src/engine/formats/fat32/layout.ts';
import { shortNameChecksum, writeLongNameSlots } from '../../../../src/engine/formats/fat32/names.ts';
import { newfs } from '../../../../src/engine/formats/fat32/newfs.ts';
import { regions } from '../../../../src/engine/formats/fat32/regions.ts';

/**
 * Goal: a check costs what is stored. The bounds are an order of magnitude above what was measured (1 TB empty: 2 ms;
 * 20,000 files: 45 ms), so that they fail for a change of kind, not for a busy machine.
 */
const LABEL: WriteLabel = { role: 'data', owner: 'test', reason: 'test' };

function emptyVolume(sizeBytes: number): Store {
  const store = new Store({ blockSizeBytes: 512, blockCount: sizeBytes / 512 });
  newfs(store, {
    label: '',
    settings: {},
    clock: new SimulatedClock(),
    random: new Prng(1),
    partitionFirstBlock: 0,
  });
  return store;
}

function geometryIn(store: Store): Geometry {
  const sector = new Uint8Array(512);
  store.read(0, sector);
  const geometry = geometryOf(sector, store.blockCount * 512);
  if (typeof geometry === 'string') throw new Error(geometry);
  return geometry;
}

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

/** Of the processor, not of the wall: other work on the machine does not count. The best of five. */
function milliseconds(work: () => void): number {
  const times = Array.from({ length: 5 }, () => {
    const started = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(started);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

describe('a check costs what is stored', () => {
  test('an empty terabyte takes milliseconds', () => {
    const store = emptyVolume(2 ** 40);
    let findings = -1;
    const took = milliseconds(() => (findings = fsck(store, { repair: false }).findings.length));
    expect(findings).toBe(0);
    expect(took).toBeLessThan(50);
    expect(milliseconds(() => regions(store))).toBeLessThan(50);
  });

  test('20,000 files take less than 0.3 s', () => {
    const store = emptyVolume(2 ** 30);
    fill(store, geometryIn(store), 20_000);
    fsck(store, { repair: true });
    let lines: readonly string[] = [];
    expect(milliseconds(() => (lines = fsck(store, { repair: false }).lines))).toBeLessThan(300);
    expect(lines.at(-1)).toMatch(/^20000 files, /);
    expect(milliseconds(() => regions(store))).toBeLessThan(300);
    expect(fsck(store, { repair: false }).findings).toEqual([]);
  });
});
