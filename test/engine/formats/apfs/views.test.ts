import { describe, expect, test } from 'vitest';
import { viewOf } from '../../../../src/engine/base/bytes.ts';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import type { MountOptions, Volume, VolumeNode } from '../../../../src/engine/formats/contract.ts';
import type { Page, StructureId } from '../../../../src/engine/formats/survey.ts';
import { fletcher64 } from '../../../../src/engine/codec/fletcher64.ts';
import { annotate } from '../../../../src/engine/formats/apfs/annotate.ts';
import { mountFirstVolume, openContainer } from '../../../../src/engine/formats/apfs/mount.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import { OwnerIndex } from '../../../../src/engine/formats/apfs/owner-index.ts';
import { regions } from '../../../../src/engine/formats/apfs/regions.ts';
import { structures } from '../../../../src/engine/formats/apfs/structures.ts';
import { childrenIn, expectExplained, expectNoGaps } from '../../../support/views.ts';
import { Stopwatch } from '../../../support/stopwatch.ts';

/**
 * Goal: in a container with a life behind it, clones, snapshots, links, holes, fragments, two volumes, map and bytes
 * still say what the volumes say. Method: the writer makes it; what it answers of its files' extents is held against
 * the regions, and the bitmap against both.
 */
const clock = new SimulatedClock();
const INIT = { mode: 0o644, uid: 501, gid: 20 };
const BLOCK = 4096;
const OPTIONS: MountOptions = {
  isReadOnly: false,
  policy: 'writeback',
  clock,
  trace: SILENT,
  owner: { uid: 501, gid: 20 },
  timeZoneMinutes: 0,
};

interface Lived {
  readonly store: Store;
  /** Paths with their volume's name and the blocks they have now. */
  readonly blocks: ReadonlyMap<string, ReadonlySet<number>>;
}

function blocksOf(volume: Volume, node: VolumeNode): Set<number> {
  const blocks = new Set<number>();
  for (const { deviceOffsetBytes, lengthBytes } of volume.extents(node)) {
    for (let at = deviceOffsetBytes; at < deviceOffsetBytes + lengthBytes; at += BLOCK)
      blocks.add(at / BLOCK);
  }
  return blocks;
}

function lived(): Lived {
  const store = new Store({ blockSizeBytes: BLOCK, blockCount: (1100 * 2 ** 20) / BLOCK });
  const settings = { volumes: 'Macintosh,Data' };
  newfs(store, { label: 'Macintosh', settings, clock, random: new Prng(4), partitionFirstBlock: 0 });
  const container = openContainer(store, OPTIONS);
  const [main, data] = [0, 1].map((index) => container.mountVolume(index, { isReadOnly: false }));
  if (!main || !data) throw new Error('two volumes were asked for');
  const blocks = new Map<string, Set<number>>();
  const keep = (volume: Volume, path: string, node: VolumeNode): void => {
    blocks.set(`${volume.label}: ${path}`, blocksOf(volume, node));
  };
  const many = main.makeDirectory(main.root, 'many', INIT);
  for (let i = 0; i < 900; i++) {
    const node = main.create(many, `a file with a long name, number ${i}`, INIT);
    main.write(node, 0, new Uint8Array(100 + i).fill(i));
    if (i % 300 === 0) keep(main, `/many/a file with a long name, number ${i}`, node);
  }
  const photo = main.create(main.root, 'photo.jpg', INIT);
  main.write(photo, 0, new Uint8Array(40 * BLOCK).fill(1));
  const gone = main.create(main.root, 'gone', INIT);
  main.write(gone, 0, new Uint8Array(6 * BLOCK).fill(2));
  const goneBlocks = blocksOf(main, gone);
  main.sync();
  main.snapshots?.create('before');
  main.remove(main.root, 'gone');
  main.release(gone);
  for (let i = 1; i < 900; i += 3) main.remove(many, `a file with a long name, number ${i}`);
  main.clone?.(photo, main.root, 'clone.jpg', null);
  const clone = main.lookup(main.root, 'clone.jpg');
  if (!clone) throw new Error('a clone was made');
  main.write(clone, 10 * BLOCK, new Uint8Array(2 * BLOCK).fill(3));
  const linked = main.create(main.root, 'first name', INIT);
  main.write(linked, 0, new Uint8Array(5000).fill(1));
  main.link?.(linked, many, 'second name');
  main.setExtendedAttribute?.(linked, 'com.example.long', new Uint8Array(9000).fill(2));
  const sparse = main.create(main.root, 'sparse', INIT);
  main.write(sparse, 50 * BLOCK, new Uint8Array(10).fill(3));
  const pair = ['/one', '/two'].map((path) => [path, data.create(data.root, path.slice(1), INIT)] as const);
  for (let piece = 0; piece < 30; piece++) {
    for (const [, node] of pair) data.write(node, piece * BLOCK, new Uint8Array(BLOCK).fill(piece));
    data.sync();
  }
  for (const [path, node] of pair) keep(data, path, node);
  keep(main, '/sparse', sparse);
  keep(main, '/first name', linked);
  keep(main, '/photo.jpg', photo);
  keep(main, '/clone.jpg', clone);
  blocks.set('pinned', goneBlocks);
  for (const volume of [main, data]) volume.unmount();
  container.close();
  return { store, blocks };
}

/** A file of 400 pieces and `count` clones of it. */
function clonesOf(count: number): Store {
  const store = new Store({ blockSizeBytes: BLOCK, blockCount: (64 * 2 ** 20) / BLOCK });
  newfs(store, { label: 'Clones', settings: {}, clock, random: new Prng(5), partitionFirstBlock: 0 });
  const volume = mountFirstVolume(store, OPTIONS);
  const [file, other] = ['file', 'other'].map((name) => volume.create(volume.root, name, INIT));
  if (!file || !other) throw new Error('two files were made');
  for (let piece = 0; piece < 400; piece++) {
    for (const node of [file, other]) volume.write(node, piece * BLOCK, new Uint8Array(BLOCK).fill(piece));
    if (piece % 10 === 0) volume.sync();
  }
  for (let i = 1; i <= count; i++) volume.clone?.(file, volume.root, `c${i}`, null);
  volume.unmount();
  return store;
}

const sealed = (block: Uint8Array): void => {
  const { low, high } = fletcher64(block, 8);
  const view = viewOf(block);
  view.setUint32(0, low, true);
  view.setUint32(4, high, true);
};

describe('two volumes with a life behind them', () => {
  const { store, blocks } = lived();
  const index = new OwnerIndex(store);
  const found = regions(store, index);
  const at = new Map<number, { readonly role: string; readonly owner: string }>();
  for (const { firstBlock, blockCount, role, owner } of found) {
    if (role === 'free') continue;
    for (let block = firstBlock; block < firstBlock + blockCount; block++) at.set(block, { role, owner });
  }

  test('regions have no gaps and agree with the bitmap block by block', () => {
    expectNoGaps(store, found);
    const { space } = index.container;
    const wrong: number[] = [];
    for (let block = 0; block < store.blockCount; block++)
      if (space?.isUsed(block) !== at.has(block)) wrong.push(block);
    expect(wrong).toEqual([]);
    expect(found.filter(({ owner }) => owner === 'lost blocks')).toEqual([]);
  });

  test('follow the extents of every file', () => {
    const clone = blocks.get('Macintosh: /clone.jpg') ?? new Set();
    const photo = blocks.get('Macintosh: /photo.jpg') ?? new Set();
    let shared = 0;
    for (const [path, own] of blocks) {
      if (path === 'pinned') continue;
      expect(own.size, path).toBeGreaterThan(0);
      for (const block of own) {
        const isShared = clone.has(block) && photo.has(block);
        if (isShared) shared++;
        const owner = isShared ? 'Macintosh: /clone.jpg and /photo.jpg' : path;
        expect(at.get(block), `block ${block} of ${path}`).toEqual({
          role: isShared ? 'shared' : 'data',
          owner,
        });
      }
    }
    expect(shared).toBe(2 * 38);
  });

  test('what only the snapshot has is pinned, with the path it has there', () => {
    const gone = blocks.get('pinned') ?? new Set();
    expect(gone.size).toBe(6);
    for (const block of gone)
      expect(at.get(block)).toEqual({ role: 'pinned', owner: 'Macintosh: snapshot before: /gone' });
    const owners = new Set([...at.values()].map(({ owner }) => owner));
    for (const owner of [
      'Macintosh: Catalog',
      'Macintosh: Catalog of snapshot before',
      'Macintosh: Volume superblock of snapshot before',
      'Macintosh: Extent references of snapshot before',
      'Data: Extent references',
      'Macintosh: attribute com.example.long of /first name',
    ])
      expect(owners).toContain(owner);
    expect([...owners].some((owner) => /^free queue, transaction \d+$/.test(owner))).toBe(true);
    // Replaced in the clone, and only the snapshot's superblock knows the old catalog: nothing else is pinned.
    const pinned = [...at.values()].filter(({ role }) => role === 'pinned');
    expect(new Set(pinned.map(({ owner }) => owner.replace(/number \d+/, 'number N')))).toEqual(
      new Set([
        'Macintosh: snapshot before: /gone',
        'Macintosh: snapshot before: /many/a file with a long name, number N',
      ]),
    );
  });

  test('every byte of every metadata block is explained', () => {
    for (const { firstBlock, blockCount, role, owner } of found) {
      if (role === 'free') continue;
      for (let block = firstBlock; block < firstBlock + Math.min(blockCount, 600); block++) {
        const annotation = annotate(store, block, index);
        expectExplained(store, block, annotation);
        if (annotation.role !== role || annotation.owner !== owner)
          expect(annotation, `block ${block}`).toMatchObject({ role, owner });
        if (role !== 'data') expect(annotation.title).not.toContain('wrong checksum');
      }
    }
  });

  test('one block alone is explained as with the whole index', () => {
    for (let i = 0; i < found.length; i += 41) {
      const { firstBlock = 0 } = found[i] ?? {};
      expect(annotate(store, firstBlock)).toEqual(annotate(store, firstBlock, index));
    }
  });

  test('files, clones and snapshots in the tree of structures', () => {
    const open = (parent: StructureId | null, page: Page) => structures(store, parent, page, index);
    const root = childrenIn(open, 'item:0.0:2', 50);
    const clone = root.find(({ title }) => title === 'File clone.jpg');
    expect(clone?.text).toMatch(/a clone$/);
    const extents = childrenIn(open, clone?.id ?? '', 50).map(({ title }) => title);
    expect(extents.filter((title) => title.startsWith('bytes '))).toHaveLength(3);
    const sparse = root.find(({ title }) => title === 'File sparse');
    const [hole] = childrenIn(open, sparse?.id ?? '', 50).filter(({ title }) => title.startsWith('bytes '));
    expect(hole?.text).toBe('hole of 50 blocks');
    const volume = childrenIn(open, 'volume:0', 50);
    const snapshot = volume.find(({ title }) => title === 'Snapshot before');
    const files = childrenIn(open, snapshot?.id ?? '', 50).at(-1);
    const then = childrenIn(open, files?.id ?? '', 50).map(({ title }) => title);
    expect(then).toContain('File gone');
    expect(then).not.toContain('File clone.jpg');
    expect(root.map(({ title }) => title)).not.toContain('File gone');
    const many = root.find(({ title }) => title === 'Directory many');
    const page = open(many?.id ?? '', { offset: 400, countMax: 7 });
    expect(page.nodes).toHaveLength(7);
    expect(page.total).toBeGreaterThan(600);
    expect(page.nodes[0]?.title).toMatch(/^File a file with a long name/);
  });

  test('damage under true checksums is shown, never thrown, and ends', () => {
    const random = new Prng(23);
    const metadata = found.flatMap(({ firstBlock, blockCount, role }) =>
      role === 'tree' || role === 'references' || role === 'header' || role === 'checkpoint'
        ? Array.from({ length: Math.min(blockCount, 400) }, (_, i) => firstBlock + i)
        : [],
    );
    for (let round = 0; round < 30; round++) {
      const damaged = store.fork();
      const spoilt: number[] = [];
      for (let i = 0; i < 12; i++) {
        const block = random.pick(metadata);
        const bytes = new Uint8Array(BLOCK);
        damaged.read(block, bytes);
        // Header, table of contents, the last values: where numbers lead somewhere.
        const area = random.pick([0x20, 0x38, 0x58, 3900, random.below(4000)]);
        const length = 1 + random.below(6);
        bytes.set(random.bytes(length), area + random.below(90));
        sealed(bytes);
        damaged.write(block, bytes, { role: 'tree', owner: 'test', reason: 'spoil it' });
        spoilt.push(block);
      }
      const damagedIndex = new OwnerIndex(damaged);
      expectNoGaps(damaged, regions(damaged, damagedIndex));
      for (const block of spoilt) expectExplained(damaged, block, annotate(damaged, block, damagedIndex));
      const look = (parent: StructureId | null) =>
        structures(damaged, parent, { offset: 0, countMax: 40 }, damagedIndex).nodes;
      for (let walk = 0; walk < 15; walk++) {
        let nodes = look(null);
        for (let depth = 0; depth < 9 && nodes.length > 0; depth++) nodes = look(random.pick(nodes).id);
      }
    }
  });

  test('thousands of clones of one file are one line of the map', () => {
    const many = clonesOf(3000);
    const watch = new Stopwatch();
    const owners = new Set(regions(many).flatMap(({ role, owner }) => (role === 'shared' ? [owner] : [])));
    expect([...owners]).toEqual(['/c1, /c10 and 2999 more']);
    // Clones that were written to have streams of their own, which still hold the same blocks.
    const volume = mountFirstVolume(many, OPTIONS);
    for (let i = 1; i <= 40; i++) {
      const clone = volume.lookup(volume.root, `c${i}`);
      if (clone) volume.write(clone, 0, new Uint8Array(BLOCK));
    }
    volume.unmount();
    const later = new Set(regions(many).flatMap(({ role, owner }) => (role === 'shared' ? [owner] : [])));
    expect([...later].some((owner) => owner.endsWith(' and many more'))).toBe(true);
    expect(watch.milliseconds).toBeLessThan(3000);
  });
});
