import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { Device } from '../../../../src/engine/device/device.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import type { StructureId, StructureNode } from '../../../../src/engine/formats/contract.ts';
import { OwnerIndex } from '../../../../src/engine/formats/fat32/owner-index.ts';
import { structures } from '../../../../src/engine/formats/fat32/structures.ts';
import { Patient } from '../../../evil/patient.ts';
import { FLOPPY, LONG_NAME, SMALL_16, SMALL_32, makeVolume } from '../../../evil/volumes.ts';

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
    const page = structures(device, parent, { offset: nodes.length, countMax: 7 }, index);
    nodes.push(...page.nodes);
    if (nodes.length >= page.total || page.nodes.length === 0) {
      expect(nodes.length).toBe(page.total);
      return nodes;
    }
  }
}

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

  test('the whole tree can be walked, of healthy and of damaged volumes', () => {
    const healthy = makeVolume(recipe);
    if (!healthy) return;
    for (let seed = 0; seed < 15; seed++) {
      const store = healthy.fork();
      const patient = new Patient(store);
      const prng = new Prng(seed);
      const metadata = patient.clusterOffset(2) + 40 * patient.geometry.clusterSizeBytes;
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
  const store = makeVolume(FLOPPY);
  if (!store) return;
  for (const id of [
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
  ]) {
    expect(structures(store, id, { offset: 0, countMax: 10 }), id).toEqual({ nodes: [], total: 0 });
  }
  const blank = new Store({ blockSizeBytes: 512, blockCount: 10 });
  const [only] = structures(blank, null, { offset: 0, countMax: 10 }).nodes;
  expect(only?.text).toBe('not a FAT volume: the boot sector does not end in 55 AA');
});
