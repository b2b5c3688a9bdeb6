import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { annotate } from '../../../../src/engine/formats/apfs/annotate.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import { OwnerIndex } from '../../../../src/engine/formats/apfs/owner-index.ts';
import { regions } from '../../../../src/engine/formats/apfs/regions.ts';
import { structures } from '../../../../src/engine/formats/apfs/structures.ts';
import type { Page, StructureId } from '../../../../src/engine/formats/survey.ts';
import { childrenIn, expectExplained, expectNoGaps } from '../../../support/views.ts';

/** Fresh containers of all sizes and forms. */
function made(sizeBytes: number, blockSizeBytes: number, settings: Record<string, string>): Store {
  const store = new Store({ blockSizeBytes, blockCount: sizeBytes / blockSizeBytes });
  const options = { clock: new SimulatedClock(), random: new Prng(1), partitionFirstBlock: 0 };
  newfs(store, { ...options, label: 'Fresh', settings });
  return store;
}

const MIB = 2 ** 20;
const TIB = 2 ** 40;

describe.each([
  ['1 MiB in sectors of 512', MIB, 512, {}],
  ['64 MiB', 64 * MIB, 4096, {}],
  ['two volumes', 2048 * MIB, 4096, { volumes: 'System,Data:role=data' }],
  ['plain space manager, queues made', 256 * MIB, 4096, { 'space-manager': 'plain', 'free-queues': 'made' }],
  ['16 TiB: address blocks', 16 * TIB, 4096, {}],
] as const)('%s', (_, sizeBytes, blockSizeBytes, settings) => {
  const store = made(sizeBytes, blockSizeBytes, settings);
  const index = new OwnerIndex(store);
  const found = regions(store, index);
  const perBlock = 4096 / blockSizeBytes;

  test('regions have no gaps; free blocks are those that the space manager counts', () => {
    expect(index.container.current.problem).toBe('');
    expectNoGaps(store, found);
    const free = found
      .filter(({ role }) => role === 'free')
      .reduce((sum, { blockCount }) => sum + blockCount, 0);
    expect(free / perBlock).toBe(index.container.space?.device.freeCount);
    expect(found.filter(({ owner }) => owner === 'lost blocks')).toEqual([]);
  });

  test('every byte of its metadata is explained', () => {
    for (const { firstBlock, blockCount, role, owner } of found) {
      if (role === 'free') continue;
      const step = Math.max(1, Math.floor(blockCount / 300));
      for (let block = firstBlock; block < firstBlock + blockCount; block += step) {
        const annotation = annotate(store, block, index);
        expectExplained(store, block, annotation);
        if (annotation.role !== role || annotation.owner !== owner)
          expect(annotation, `block ${block}`).toMatchObject({ role, owner });
        expect(annotation.title).not.toContain('wrong checksum');
      }
    }
  });

  test('structures of every volume, chunks page by page', () => {
    const open = (parent: StructureId | null, page: Page) => structures(store, parent, page, index);
    const titles = childrenIn(open, null, 50).map(({ title }) => title);
    const names = index.container.volumes.map(({ name }) => `Volume ${name}`);
    expect(names.length).toBeGreaterThan(0);
    expect(titles.slice(5)).toEqual(names);
    const { total, nodes } = open('chunks', { offset: 0, countMax: 3 });
    expect(total).toBe(Math.ceil(sizeBytes / 4096 / 32_768));
    expect(nodes.length).toBe(Math.min(3, total));
    for (const { slot } of index.container.volumes) {
      const root = childrenIn(open, `volume:${slot}`, 9).at(-1);
      expect(root?.title).toBe('Directory /');
    }
  });
});

test('with several volumes owners begin with the volume’s name', () => {
  const found = regions(made(2048 * MIB, 4096, { volumes: 'System,Data:role=data' }));
  const owners = new Set(found.map(({ owner }) => owner));
  for (const owner of ['System: Catalog', 'Data: Catalog', 'Data: Volume superblock', 'Object map'])
    expect(owners).toContain(owner);
  expect(owners).not.toContain('Catalog');
});
