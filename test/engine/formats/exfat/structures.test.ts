import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { Device } from '../../../../src/engine/device/device.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import type { StructureId, StructureNode } from '../../../../src/engine/formats/contract.ts';
import { OwnerIndex } from '../../../../src/engine/formats/exfat/owner-index.ts';
import { structures } from '../../../../src/engine/formats/exfat/structures.ts';
import { ExfatPatient } from '../../../evil/exfat-patient.ts';
import {
  LONG_NAME,
  NAME_255,
  ONE_SECTOR_CLUSTERS,
  SMALL_CLUSTERS,
  makeExfat,
} from '../../../evil/exfat-volumes.ts';

/**
 * Goal: the tree of structures holds what is on the volume, in pages, and every node lies where it says.
 */
function childrenOf(
  device: Device,
  parent: StructureId | null,
  index = new OwnerIndex(device),
): StructureNode[] {
  const nodes: StructureNode[] = [];
  for (;;) {
    const page = structures(device, parent, { offset: nodes.length, countMax: 50 }, index);
    nodes.push(...page.nodes);
    if (nodes.length >= page.total || page.nodes.length === 0) {
      expect(nodes.length).toBe(page.total);
      return nodes;
    }
  }
}

describe.each([SMALL_CLUSTERS, ONE_SECTOR_CLUSTERS])('clusters of $clusterSizeBytes bytes', (recipe) => {
  test('shows where files lie, with a chain or without', () => {
    const store = makeExfat(recipe);
    if (!store) return;
    const patient = new ExfatPatient(store);
    const clusters = patient.clustersOf('chained.bin');
    const [first = 0] = clusters;
    const nodes = childrenOf(store, 'files');
    expect(nodes.find(({ id }) => id === `file:${first}`)).toMatchObject({
      title: '/chained.bin',
      text: `${clusters.length} clusters, ${clusters.length} runs`,
    });
    const runs = childrenOf(store, `file:${first}`);
    expect(runs.map(({ deviceOffsetBytes }) => deviceOffsetBytes)).toEqual(
      clusters.map((cluster) => patient.clusterOffset(cluster)),
    );
    const notes = patient.find('notes.txt').firstCluster;
    expect(nodes.find(({ id }) => id === `file:${notes}`)?.text).toMatch(/ clusters, contiguous, no chain$/);
  });

  test('shows entry sets of directories, and subdirectories below their sets', () => {
    const store = makeExfat(recipe);
    if (!store) return;
    const patient = new ExfatPatient(store);
    const root = childrenOf(store, `dir:${patient.geometry.rootCluster}`);
    expect(root.slice(0, 4).map(({ text }) => text)).toEqual([
      'volume label "DISK"',
      'unused volume GUID',
      'allocation bitmap',
      'up-case table',
    ]);
    expect(root.at(-1)?.text).toBe('end of the directory');
    expect(root.map(({ title }) => title)).toContain(`file "${NAME_255}"`);
    const long = root.find(({ title }) => title === `file "${LONG_NAME}"`);
    const { offsets } = patient.find(LONG_NAME);
    expect(long).toMatchObject({ deviceOffsetBytes: offsets[0], lengthBytes: offsets.length * 32 });
    const entries = childrenOf(store, long?.id ?? '');
    expect(entries.map(({ deviceOffsetBytes }) => deviceOffsetBytes)).toEqual(offsets);
    expect(entries[2]?.text).toBe('name "A file with a l"');
    const fields = childrenOf(store, entries[1]?.id ?? '');
    expect(fields.find(({ title }) => title === 'StreamEntry.dataLength')).toMatchObject({
      text: '700 bytes',
      deviceOffsetBytes: (offsets[1] ?? 0) + 24,
    });

    const photos = root.find(({ title }) => title === 'directory "photos"');
    const [below] = childrenOf(store, photos?.id ?? '');
    const { firstCluster } = patient.find('photos');
    expect(below).toMatchObject({ id: `dir:${firstCluster}`, title: 'Directory /photos' });
    expect(below?.deviceOffsetBytes).toBe(patient.clusterOffset(firstCluster));
    const inside = childrenOf(store, `dir:${firstCluster}`).map(({ title }) => title);
    expect(inside).toEqual(
      expect.arrayContaining(['file "a.jpg"', 'file "b.jpg"', 'directory "summer holidays"']),
    );
  });

  test('shows FAT and bitmap in use, each entry and byte with its meaning', () => {
    const store = makeExfat(recipe);
    if (!store) return;
    const patient = new ExfatPatient(store);
    const [first = 0, second = 0] = patient.clustersOf('chained.bin');
    const entries = childrenOf(store, 'fat').flatMap(({ id }) => childrenOf(store, id));
    expect(entries[0]?.title).toBe('FAT[0]');
    expect(entries.find(({ title }) => title === `FAT[${first}]`)).toMatchObject({
      text: `cluster ${first} → ${second} (/chained.bin)`,
      deviceOffsetBytes: patient.fatOffset(first),
    });
    const [row] = childrenOf(store, 'bitmap');
    expect(row?.deviceOffsetBytes).toBe(patient.bitmapOffset);
    expect(row?.text).toMatch(/^\d+ of 512 used$/);
    const [byte] = childrenOf(store, row?.id ?? '');
    expect(byte).toMatchObject({ title: 'clusters 2 to 9', lengthBytes: 1 });
    const units = childrenOf(store, 'upcase');
    expect(units.find(({ title }) => title === 'U+0061 a')?.text).toBe('becomes U+0041 A');
  });

  test('shows the fields of boot sectors at their places', () => {
    const store = makeExfat(recipe);
    if (!store) return;
    expect(childrenOf(store, null).map(({ title }) => title)).toEqual([
      'Main boot region',
      'Backup boot region',
      'FAT',
      'Allocation bitmap',
      'Up-case table',
      'Files',
      'Root directory',
    ]);
    const sectors = childrenOf(store, 'boot:12');
    expect(sectors.map(({ deviceOffsetBytes }) => deviceOffsetBytes / 512)).toEqual(
      Array.from({ length: 12 }, (_, i) => 12 + i),
    );
    const fields = childrenOf(store, 'sector:12:0');
    expect(fields.find(({ title }) => title === 'BootSector.percentInUse')).toMatchObject({
      deviceOffsetBytes: 12 * 512 + 112,
      lengthBytes: 1,
    });
  });

  test('the whole tree can be walked, of healthy and of damaged volumes', () => {
    const healthy = makeExfat(recipe);
    if (!healthy) return;
    for (let seed = 0; seed < 8; seed++) {
      const store = healthy.fork();
      const patient = new ExfatPatient(store);
      const prng = new Prng(seed);
      const metadata = patient.clusterOffset(2) + 20 * recipe.clusterSizeBytes;
      for (let i = 0; i < seed * 2; i++) patient.put(512 + prng.below(metadata - 512), [prng.below(256)]);
      expect(walk(store)).toBeGreaterThan(20);
    }
  });
});

/** Opens every node once and counts them; a tree that contains itself would not end. */
function walk(store: Store): number {
  const index = new OwnerIndex(store);
  const waiting: (StructureId | null)[] = [null];
  let nodes = 0;
  for (let parent = waiting.pop(); parent !== undefined; parent = waiting.pop()) {
    for (const node of childrenOf(store, parent, index)) {
      if (++nodes > 200_000) throw new Error('the tree does not end');
      expect(node.deviceOffsetBytes + node.lengthBytes).toBeLessThanOrEqual(store.blockCount * 512);
      if (node.hasChildren) waiting.push(node.id);
    }
  }
  return nodes;
}

test('an id of something that is not there has no children', () => {
  const store = makeExfat(SMALL_CLUSTERS);
  if (!store) return;
  const ids = ['dir:99', 'dir:x', 'file:0', 'file:x', 'boot:1', 'sector:0:12', 'sector:0:-1', 'sector:3:0'];
  ids.push('fat:9-2', 'fat:5-99999999', 'fat:x', 'bitmap:7', 'bitmap:99999999', 'set:5:1', 'set:5:-1');
  ids.push('set:5:9999', 'entry:5:9999', 'entry:x:0', 'nonsense', '');
  for (const id of ids) {
    expect(structures(store, id, { offset: 0, countMax: 10 }), id).toEqual({ nodes: [], total: 0 });
  }
  const blank = new Store({ blockSizeBytes: 512, blockCount: 10 });
  const [only] = structures(blank, null, { offset: 0, countMax: 10 }).nodes;
  expect(only?.text).toBe('not an exFAT volume: the boot sector does not say EXFAT');
});
