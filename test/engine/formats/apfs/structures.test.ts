import { describe, expect, test } from 'vitest';
import { checkpointStates } from '../../../../src/engine/formats/apfs/checkpoint-trees.ts';
import { structures } from '../../../../src/engine/formats/apfs/structures.ts';
import { OwnerIndex } from '../../../../src/engine/formats/apfs/owner-index.ts';
import type { Page, StructureId } from '../../../../src/engine/formats/survey.ts';
import { childrenIn, countNodes } from '../../../support/views.ts';
import { IMAGES } from './view-images.ts';

const PAGE = { offset: 0, countMax: 200 };

describe.each(IMAGES)('$name', ({ device: make }) => {
  const device = make();
  const index = new OwnerIndex(device);
  const open = (parent: StructureId | null, page: Page = PAGE) => structures(device, parent, page, index);

  test('the tree ends, every page of it is full, nothing lies outside the device', () => {
    expect(countNodes(device, open, 97)).toBeGreaterThan(100);
  });

  test('top, checkpoints, chunks and the files of every volume', () => {
    const titles = open(null).nodes.map(({ title }) => title);
    expect(titles.slice(0, 5)).toEqual([
      'Block 0',
      'Container superblock',
      'Checkpoints',
      'Space manager',
      'Object map of the container',
    ]);
    expect(titles.slice(5)).toEqual(index.container.volumes.map(({ name }) => `Volume ${name}`));
    const checkpoints = childrenIn(open, 'checkpoints', 5);
    expect(checkpoints[0]?.text).toMatch(/^the current one, whole in its rings/);
    expect(checkpoints.filter(({ text }) => text.includes('whole in its rings')).length).toBeGreaterThan(0);
    const [newest] = checkpointStates(device, 1);
    expect(newest).toMatchObject({ xid: index.container.current.xid, problem: '' });
    const chunks = childrenIn(open, 'chunks', 1);
    expect(chunks).toHaveLength(Math.ceil(index.container.blockCount / 32_768));
    for (const { slot, name } of index.container.volumes) {
      const nodes = childrenIn(open, `volume:${slot}`, 3);
      expect(nodes[0]?.text).toContain(name);
      expect(nodes.map(({ title }) => title)).toContain('Catalog');
      const files = nodes.at(-1);
      expect(files?.title).toMatch(/^(Directory \/|Files)$/);
    }
  });

  test('what is not there has no children', () => {
    for (const id of [
      'nothing',
      'checkpoint:0',
      'checkpoint:x',
      'object:99999999999',
      'object:',
      'chunk:999999',
      'chunk:-1',
      'volume:7',
      'snapshot:0:99',
      'tree:catalog.9.0',
      'node:catalog.0.0:9999999',
      'node:omap:99999999999',
      'record:omap:0:0',
      'part:omap:5:9',
      'item:0.0:123456',
      'item:0.98:2',
      'inleaf:0.0:0:0',
      'inleaf:0.0:99999999999:0',
      'ephemeral:1:2:3',
      'queue:5',
    ])
      expect(open(id), id).toEqual({ nodes: [], total: 0 });
  });

  test('damage gives no exception', () => {
    const damaged = make();
    for (let round = 0; round < 30; round++) {
      const at = (round * 131 + 32) % Math.min(damaged.bytes.length - 512, 4096 * 100);
      damaged.bytes.fill(round * 37, at, at + 40);
      const damagedIndex = new OwnerIndex(damaged);
      const look = (parent: StructureId | null, page: Page) =>
        structures(damaged, parent, page, damagedIndex);
      for (const { id } of look(null, PAGE).nodes)
        for (const below of look(id, PAGE).nodes) look(below.id, PAGE);
    }
  });
});

test('what is no container says why', () => {
  const [image] = IMAGES;
  const device = image?.device();
  device?.bytes.fill(0, 0, 4096);
  if (!device) return;
  const { nodes } = structures(device, null, PAGE);
  expect(nodes).toHaveLength(1);
  expect(nodes[0]?.text).toBe("not an APFS container: block 0 does not say 'NXSB'");
});
