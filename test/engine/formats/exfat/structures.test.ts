import { describe, expect, test } from 'vitest';
import type { Device } from '../../../../src/engine/device/device.ts';
import type { StructureId, StructureNode } from '../../../../src/engine/formats/survey.ts';
import { structures } from '../../../../src/engine/formats/exfat/structures.ts';
import { ExfatPatient } from '../../../evil/exfat-patient.ts';
import {
  LONG_NAME,
  NAME_255,
  ONE_SECTOR_CLUSTERS,
  SMALL_CLUSTERS,
  makeExfat,
} from '../../../evil/exfat-volumes.ts';
import { childrenIn } from '../../../support/views.ts';
import { testUnknownIds, testWholeTree } from '../fat-family/views.ts';
import { damage, VIEWS } from './views-support.ts';

/**
 * Goal: the tree of structures holds what is on the volume, in pages, and every node lies where it says.
 */
const childrenOf = (device: Device, parent: StructureId | null): StructureNode[] =>
  childrenIn((id, page) => structures(device, id, page), parent, 50);

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

  testWholeTree(VIEWS, () => makeExfat(recipe), damage(8), 50);
});

testUnknownIds(
  VIEWS,
  () => makeExfat(SMALL_CLUSTERS),
  [
    ...['dir:99', 'dir:x', 'file:0', 'file:x', 'boot:1', 'sector:0:12', 'sector:0:-1', 'sector:3:0'],
    ...['fat:9-2', 'fat:5-99999999', 'fat:x', 'bitmap:7', 'bitmap:99999999', 'set:5:1', 'set:5:-1'],
    ...['set:5:9999', 'entry:5:9999', 'entry:x:0', 'nonsense', ''],
  ],
  'not an exFAT volume: the boot sector does not say EXFAT',
);
