import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { Btree } from '../../../../src/engine/formats/apfs/btree.ts';
import { PhysicalHome } from '../../../../src/engine/formats/apfs/btree-home.ts';
import { TYPE_WORD } from '../../../../src/engine/formats/apfs/layout.ts';
import { OmapPhys } from '../../../../src/engine/formats/apfs/layout-tree.ts';
import { Omap } from '../../../../src/engine/formats/apfs/omap.ts';
import { staleRecords } from '../../../../src/engine/formats/apfs/snapshot-delete.ts';
import { HASHED_CATALOG, OMAP_TREE } from '../../../../src/engine/formats/apfs/tree-kinds.ts';
import { VirtualHome } from '../../../../src/engine/formats/apfs/virtual-home.ts';
import { CountingSpender, TreeMedium } from './tree-medium.ts';
import { walkTree } from './tree-walker.ts';

function makeOmap() {
  const medium = new TreeMedium();
  const spender = new CountingSpender();
  const tree = Btree.create(OMAP_TREE, new PhysicalHome(OMAP_TREE, medium, medium, spender, 'test'));
  const block = medium.allocateBlock(spender);
  const bytes = new Uint8Array(4096);
  OmapPhys.write(bytes, {
    ...{
      checksumLow: 0,
      checksumHigh: 0,
      oid: block,
      xid: medium.xid,
      type: TYPE_WORD.objectMap,
      subtype: 0,
    },
    ...{ flags: 0, snapshotCount: 0, treeType: TYPE_WORD.physicalRoot, treeBlock: tree.root },
    ...{ snapshotTreeType: TYPE_WORD.physicalRoot, snapshotTreeBlock: 0, mostRecentSnapshot: 0 },
    ...{ pendingRevertMin: 0, pendingRevertMax: 0 },
  });
  medium.touch({ bytes, block, label: { role: 'tree', owner: '', reason: '' } });
  medium.commit();
  const open = (at: number) => new Omap(medium, medium, at, spender, 'test');
  return { medium, spender, open, omap: open(block) };
}

describe('versions', () => {
  test.each([1, 2])('every view shows what it showed, seed %d', (seed) => {
    const random = new Prng(seed);
    const { medium, spender, open, omap } = makeOmap();
    let current = omap;
    const live = new Map<number, number>();
    const views: { xid: number; blocks: Map<number, number> }[] = [];
    let nextOid = 2000;
    const free = (block: number | null) => block !== null && medium.freeBlocks(block, 1, spender);
    const forget = (index: number) => {
      const { xid } = views[index]!;
      const next = views[index + 1]?.xid ?? Infinity;
      for (const stale of staleRecords(current, views[index - 1]?.xid ?? 0, xid, next, () => false)) {
        current.removeRecord(stale.oid, stale.xid);
        free(stale.block);
      }
      current.removeSnapshot(xid);
      views.splice(index, 1);
    };
    for (let round = 0; round < 60; round++) {
      const touched = new Set<number>();
      for (let step = 0; step < 30; step++) {
        const known = [...live.keys()].filter((oid) => !touched.has(oid));
        const choice = random.below(10);
        if (choice < 4 || known.length === 0) {
          const block = medium.allocateBlock(spender);
          current.map(nextOid, block);
          touched.add(nextOid);
          live.set(nextOid++, block);
          continue;
        }
        const oid = random.pick(known);
        touched.add(oid);
        if (choice < 7) {
          const block = medium.allocateBlock(spender);
          const old = live.get(oid);
          const given = current.remap(oid, current.lookup(oid, medium.xid)!.xid, block);
          expect(given).toBe(views.some(({ blocks }) => blocks.get(oid) === old) ? null : old);
          free(given);
          live.set(oid, block);
        } else {
          const old = live.get(oid);
          const given = current.unmap(oid);
          expect(given).toBe(views.some(({ blocks }) => blocks.get(oid) === old) ? null : old);
          free(given);
          live.delete(oid);
        }
      }
      if (views.length > 2 && random.below(4) === 0) forget(random.below(views.length));
      if (round % 5 === 3) {
        views.push({ xid: medium.xid, blocks: new Map(live) });
        current.addSnapshot();
      }
      medium.commit();
      current = open(current.block);
      expect(current.snapshots()).toEqual(views.map(({ xid }) => xid));
      expect(current.mostRecentSnapshot).toBe(views.at(-1)?.xid ?? 0);
      for (const { xid, blocks } of [...views, { xid: medium.xid, blocks: live }]) {
        for (let oid = 2000; oid < nextOid; oid++) {
          expect(current.lookup(oid, xid)?.block).toBe(blocks.get(oid));
        }
      }
    }
    expect(spender.blocks).toBe(medium.usedBlocks);
    // Without snapshots nothing but the live versions and the map itself is left in use.
    while (views.length > 0) forget(random.below(views.length));
    medium.commit();
    expect(current.tree.keyCount).toBe(live.size);
    expect(medium.usedBlocks).toBe(live.size + current.tree.nodeCount + 1);
  });

  test('an object that comes and goes between snapshots leaves nothing behind', () => {
    const { medium, spender, omap } = makeOmap();
    const before = omap.tree.keyCount;
    const block = medium.allocateBlock(spender);
    omap.map(5000, block);
    medium.commit();
    expect(omap.unmap(5000)).toBe(block);
    expect(omap.tree.keyCount).toBe(before);
  });
});

test('what others leave without a record that it is gone is asked for', () => {
  const { medium, spender, omap } = makeOmap();
  const block = medium.allocateBlock(spender);
  omap.map(5000, block);
  const first = medium.xid;
  omap.addSnapshot();
  medium.commit();
  const asked: number[] = [];
  const staleOf = (answer: boolean) =>
    staleRecords(omap, 0, first, Infinity, ({ oid }) => {
      asked.push(oid);
      return answer;
    });
  expect(staleOf(true)).toEqual([{ oid: 5000, xid: first, block }]);
  expect(staleOf(false)).toEqual([]);
  expect(asked).toEqual([5000, 5000]);
  omap.unmap(5000);
  // Its own record says so: nobody is asked, and the record goes too.
  expect(staleOf(false).map(({ xid }) => xid)).toEqual([first, medium.xid]);
  expect(asked).toHaveLength(2);
});

test('a catalog keeps its references and its old versions', () => {
  const { medium, spender, omap, open } = makeOmap();
  const home = new VirtualHome(HASHED_CATALOG, medium, omap, { transaction: medium }, spender, 'test');
  const tree = Btree.create(HASHED_CATALOG, home);
  const root = tree.root;
  const keyOf = (object: number) => {
    const key = new Uint8Array(8);
    new DataView(key.buffer).setBigUint64(0, (3n << 60n) | BigInt(object), true);
    return key;
  };
  const order = Array.from({ length: 3000 }, (_, i) => (i * 1777) % 3000);
  order.forEach((object, i) => {
    tree.insert(keyOf(object), new Uint8Array(90).fill(object));
    if (i % 250 === 249) medium.commit();
  });
  omap.addSnapshot();
  const xid = medium.xid;
  medium.commit();
  for (const object of order) if (object >= 50) tree.remove(keyOf(object));
  medium.commit();
  expect(tree.root).toBe(root);

  const again = open(omap.block);
  const read = (view: number) => (oid: number) => medium.copyOf(again.lookup(oid, view)!.block);
  const shape = { fixed: null, subtype: HASHED_CATALOG.subtype };
  expect(walkTree(read(medium.xid), root, shape).records).toHaveLength(50);
  expect(walkTree(read(medium.xid), root, shape).nodes.length).toBeLessThanOrEqual(4);
  expect(walkTree(read(xid), root, shape).records).toHaveLength(3000);

  const old = new Btree(
    HASHED_CATALOG,
    new VirtualHome(HASHED_CATALOG, medium, again, { xid }, spender, ''),
    root,
  );
  expect(old.find(keyOf(2999))).toEqual(new Uint8Array(90).fill(2999));
  expect(() => old.remove(keyOf(2999))).toThrow('open for writing');
});

test('damage is said in a sentence', () => {
  const { medium, omap, open } = makeOmap();
  const bytes = medium.blocks.get(omap.block)!;
  bytes[100]! ^= 1;
  expect(() => open(omap.block)).toThrow('does not hold an object map');
  bytes[100]! ^= 1;
  medium.blocks.get(omap.tree.root)![200]! ^= 1;
  expect(() => open(omap.block)).toThrow('its checksum is wrong');
});
