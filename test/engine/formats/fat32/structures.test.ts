import { describe, expect, test } from 'vitest';
import type { Device } from '../../../../src/engine/device/device.ts';
import type { StructureId, StructureNode } from '../../../../src/engine/formats/survey.ts';
import { structures } from '../../../../src/engine/formats/fat32/structures.ts';
import { Patient } from '../../../evil/patient.ts';
import { FLOPPY, LONG_NAME, SMALL_16, SMALL_32, makeVolume } from '../../../evil/volumes.ts';
import { childrenIn } from '../../../support/views.ts';
import { testUnknownIds, testWholeTree } from '../fat-family/views.ts';
import { damage, VIEWS } from './views-support.ts';

/**
 * Goal: the tree of structures holds what is on the volume, in pages, and every node lies where it says.
 */
const childrenOf = (device: Device, parent: StructureId | null): StructureNode[] =>
  childrenIn((id, page) => structures(device, id, page), parent, 7);

describe.each([FLOPPY, SMALL_16, SMALL_32])('FAT$type', (recipe) => {
  test('shows chains as the FAT links them', () => {
    const store = makeVolume(recipe);
    if (!store) return;
    const patient = new Patient(store);
    const { firstCluster } = patient.find('photos/b.jpg');
    const chain = patient.chain(firstCluster);
    const node = childrenOf(store, 'chains').find(({ id }) => id === `chain:${firstCluster}`);
    expect(node?.title).toBe('Chain of /photos/b.jpg');
    expect(node?.text).toMatch(new RegExp(`^${chain.length} clusters: ${firstCluster} `));
    const runs = childrenOf(store, `chain:${firstCluster}`);
    expect(runs[0]?.deviceOffsetBytes).toBe(patient.clusterOffset(firstCluster));
    const bytes = runs.reduce((sum, run) => sum + run.lengthBytes, 0);
    expect(bytes).toBe(chain.length * patient.geometry.clusterSizeBytes);
  });

  test('shows slots of directories, and subdirectories below their entries', () => {
    const store = makeVolume(recipe);
    if (!store) return;
    const patient = new Patient(store);
    const root = childrenOf(store, 'dir:0');
    const titles = root.map(({ title, text }) => `${title} ${text}`);
    expect(titles).toContain(`slot 3: long name part 5 of 5 "t"`);
    expect(titles.at(-1)).toMatch(/^slot \d+: end of the directory/);
    const entry = root.find(({ title, text }) => title.endsWith('directory') && text === '"photos"');
    const [below] = childrenOf(store, entry?.id ?? '');
    const { firstCluster } = patient.find('photos');
    expect(below).toMatchObject({ id: `dir:${firstCluster}`, title: 'Directory /photos' });
    expect(below?.deviceOffsetBytes).toBe(patient.clusterOffset(firstCluster));
    const inside = childrenOf(store, `dir:${firstCluster}`).map(({ text }) => text);
    expect(inside).toEqual(expect.arrayContaining(['"."', '".."', '"a.jpg"', '"b.jpg"']));
    expect(patient.find(LONG_NAME).parts[0]).toBe(root[3]?.deviceOffsetBytes);
  });

  test('shows entries of the FAT in use, each with its meaning', () => {
    const store = makeVolume(recipe);
    if (!store) return;
    const patient = new Patient(store);
    const { firstCluster } = patient.find('notes.txt');
    const entries = childrenOf(store, 'fat:2').flatMap(({ id }) => childrenOf(store, id));
    const second = patient.chain(firstCluster)[1] ?? 0;
    const node = entries.find(({ title }) => title === `FAT[${firstCluster}]`);
    expect(node?.text).toBe(`cluster ${firstCluster} → ${second} (/notes.txt)`);
    expect(node?.deviceOffsetBytes).toBe(patient.fatOffset(1) + Math.floor((firstCluster * recipe.type) / 8));
    expect(entries[0]?.title).toBe('FAT[0]');
  });

  test('shows the fields of headers at their places', () => {
    const store = makeVolume(recipe);
    if (!store) return;
    const top = childrenOf(store, null);
    expect(top.map(({ title }) => title).slice(-4)).toEqual(['FAT 1', 'FAT 2', 'Chains', 'Root directory']);
    const fields = childrenOf(store, 'boot');
    expect(fields.find(({ title }) => title === 'BootSector.bytesPerSector')).toMatchObject({
      text: '512 bytes',
      deviceOffsetBytes: 11,
      lengthBytes: 2,
    });
    if (recipe.type !== 32) return;
    const hint = childrenOf(store, 'fsinfo').find(({ title }) => title === 'FSInfo.freeCount');
    expect(hint?.deviceOffsetBytes).toBe(512 + 488);
    expect(childrenOf(store, 'boot backup')[1]?.deviceOffsetBytes).toBe(6 * 512 + 3);
    expect(childrenOf(store, 'fsinfo backup')[0]?.deviceOffsetBytes).toBe(7 * 512);
  });

  testWholeTree(VIEWS, () => makeVolume(recipe), damage(15), 7);
});

testUnknownIds(
  VIEWS,
  () => makeVolume(FLOPPY),
  [
    'dir:99',
    'chain:0',
    'chain:x',
    'fat:3',
    'fat:1:9-2',
    'fat:1:5-99999999',
    'slot:0:9999',
    'slot:0:-1',
    'nonsense',
    '',
  ],
  'not a FAT volume: the boot sector does not end in 55 AA',
);
