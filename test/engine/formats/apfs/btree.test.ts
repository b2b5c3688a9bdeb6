import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { Btree, RECORD_BYTES_MAX } from '../../../../src/engine/formats/apfs/btree.ts';
import type { Cursor } from '../../../../src/engine/formats/apfs/btree-cursor.ts';
import { PhysicalHome } from '../../../../src/engine/formats/apfs/btree-home.ts';
import {
  EXTENT_REFERENCES,
  HASHED_CATALOG,
  OMAP_TREE,
  SNAPSHOT_METADATA,
} from '../../../../src/engine/formats/apfs/tree-kinds.ts';
import type { TreeKind } from '../../../../src/engine/formats/apfs/tree-kinds.ts';
import { CountingSpender, TreeMedium } from './tree-medium.ts';
import { walkTree } from './tree-walker.ts';

const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function makeTree(kind: TreeKind, nodesMax?: number) {
  const medium = new TreeMedium();
  const spender = new CountingSpender();
  const home = () => new PhysicalHome(kind, medium, medium, spender, 'test', nodesMax);
  const tree = Btree.create(kind, home());
  const walk = (root: number) =>
    walkTree((block) => medium.copyOf(block), root, {
      fixed: kind.fixed && [kind.fixed.keyBytes, kind.fixed.valueBytes],
      subtype: kind.subtype,
    });
  return { medium, spender, home, tree, walk };
}

const omapKey = (oid: number, xid: number) => {
  const key = new Uint8Array(16);
  new DataView(key.buffer).setBigUint64(0, BigInt(oid), true);
  new DataView(key.buffer).setBigUint64(8, BigInt(xid), true);
  return key;
};

/** An extended attribute of an object: the longest keys and values there are. */
const xattrKey = (object: number, name: string) => {
  const key = new Uint8Array(10 + name.length + 1);
  const view = new DataView(key.buffer);
  view.setBigUint64(0, (4n << 60n) | BigInt(object), true);
  view.setUint16(8, name.length + 1, true);
  for (let i = 0; i < name.length; i++) key[10 + i] = name.charCodeAt(i);
  return key;
};

/** How xattr keys are ordered, said another way. */
const xattrOrder = (a: Uint8Array, b: Uint8Array) => {
  const object = (key: Uint8Array) => new DataView(key.buffer).getBigUint64(0, true) & 0xfff_ffffn;
  if (object(a) !== object(b)) return object(a) < object(b) ? -1 : 1;
  return Buffer.compare(a.subarray(10), b.subarray(10));
};

describe.each([
  ['small records', 40, 30],
  ['records of all sizes', 260, 3900],
  ['long keys', 480, 8],
] as const)('random changes, %s', (_, nameMax, valueMax) => {
  test.each([1, 2, 3])('seed %d', (seed) => {
    const random = new Prng(seed);
    const below = (n: number) => random.below(n);
    const { medium, spender, tree, walk, home } = makeTree(HASHED_CATALOG);
    const model = new Map<string, { key: Uint8Array; value: Uint8Array }>();
    let current = tree;
    let isGrowing = true;
    for (let round = 0; round < 60; round++) {
      if (round % 12 === 11) isGrowing = !isGrowing;
      for (let step = 0; step < 40; step++) {
        const value = new Uint8Array(1 + below(valueMax)).fill(below(256));
        const name = String.fromCharCode(97 + below(26)).repeat(1 + below(nameMax));
        const known = [...model.values()];
        if (below(10) < (isGrowing ? 7 : 3) || known.length === 0) {
          const key = xattrKey(below(40), name + String(below(1000)));
          if (key.length + value.length > RECORD_BYTES_MAX) continue;
          current.put(key, value);
          model.set(hexOf(key), { key, value });
        } else if (below(3) === 0) {
          const { key } = known[below(known.length)]!;
          if (key.length + value.length > RECORD_BYTES_MAX) continue;
          current.replace(key, value);
          model.set(hexOf(key), { key, value });
        } else {
          const { key } = known[below(known.length)]!;
          expect(current.remove(key)).toBe(true);
          model.delete(hexOf(key));
        }
      }
      medium.commit();
      const sorted = [...model.values()].sort((a, b) => xattrOrder(a.key, b.key));
      const { records, nodes } = walk(current.root);
      expect(records).toEqual(sorted.map(({ key, value }) => [hexOf(key), hexOf(value)]));
      expect(medium.usedBlocks).toBe(nodes.length);
      expect(spender.blocks).toBe(nodes.length);
      // Whoever mounts again sees the same tree and, from here on, makes the same bytes.
      if (round % 5 === 0) current = new Btree(HASHED_CATALOG, home(), current.root);
    }
    for (const { key } of model.values()) current.remove(key);
    medium.commit();
    expect(walk(current.root).nodes).toHaveLength(1);
    expect(medium.usedBlocks).toBe(1);
  });
});

test.each([8, 16])('with %d nodes in memory, one read again is never a second node', (nodesMax) => {
  const random = new Prng(nodesMax);
  const { medium, tree, walk } = makeTree(OMAP_TREE, nodesMax);
  const model = new Map<number, number>();
  const change = (oid: number) => {
    const byte = random.below(256);
    tree.put(omapKey(oid, 2), new Uint8Array(16).fill(byte));
    model.set(oid, byte);
  };
  for (let oid = 0; oid < 20_000; oid++) {
    change(oid);
    if (oid % 50 === 49) medium.commit();
  }
  for (let round = 0; round < 2000; round++) {
    const near = random.below(19_000);
    for (let i = random.below(6); i > 0; i--) tree.find(omapKey(random.below(20_000), 2));
    change(near);
    for (let i = random.below(6); i > 0; i--) tree.find(omapKey(near + random.below(1000), 2));
    change(near + random.below(1000));
    if (random.below(3) === 0) medium.commit();
  }
  medium.commit();
  const { records, nodes } = walk(tree.root);
  expect(records.map(([, value]) => parseInt(value.slice(0, 2), 16))).toEqual([...model.values()]);
  expect(medium.usedBlocks).toBe(nodes.length);
});

/** A record about one object, told apart by its type and, of an extent, by its offset. */
const objectKey = (object: number, type: number, offset?: number) => {
  const key = new Uint8Array(offset === undefined ? 8 : 16);
  const view = new DataView(key.buffer);
  view.setBigUint64(0, (BigInt(type) << 60n) | BigInt(object), true);
  if (offset !== undefined) view.setBigUint64(8, BigInt(offset), true);
  return key;
};

test('files made and written one behind the other leave full nodes', () => {
  const { medium, tree, walk } = makeTree(HASHED_CATALOG);
  const FILES = 3000;
  let bytes = 0;
  for (let i = 16; i < 16 + FILES; i++) {
    const inodeBytes = 100 + ((i * 7) % 50);
    tree.insert(objectKey(i, 3), new Uint8Array(inodeBytes));
    tree.insert(objectKey(i, 6), new Uint8Array(4));
    tree.insert(objectKey(i, 8, 0), new Uint8Array(24));
    tree.replace(objectKey(i, 3), new Uint8Array(inodeBytes + 44));
    // Keys, values and entries in the table of contents.
    bytes += 8 + inodeBytes + 44 + 8 + 4 + 16 + 24 + 3 * 8;
    if (i % 100 === 0) medium.commit();
  }
  medium.commit();
  expect(walk(tree.root).records).toHaveLength(3 * FILES);
  expect(tree.nodeCount).toBeLessThan((bytes / 4000) * 1.25);
});

describe('fixed sizes', () => {
  test('omap records in ascending order leave full nodes', () => {
    const { medium, tree, walk } = makeTree(OMAP_TREE);
    for (let i = 0; i < 5000; i++) {
      tree.insert(omapKey(1024 + i, 2), new Uint8Array(16).fill(i));
      if (i % 1000 === 999) medium.commit();
    }
    const { records, nodes } = walk(tree.root);
    expect(records).toHaveLength(5000);
    expect(nodes.length).toBeLessThanOrEqual(Math.ceil(5000 / 112) + 2);
    expect(tree.keyCount).toBe(5000);
  });

  test('a full root leaf holds 111 records', () => {
    const { tree } = makeTree(OMAP_TREE);
    for (let i = 0; i < 111; i++) tree.insert(omapKey(i, 1), new Uint8Array(16));
    expect(tree.nodeCount).toBe(1);
    tree.insert(omapKey(111, 1), new Uint8Array(16));
    expect(tree.nodeCount).toBeGreaterThan(1);
  });

  test('descending order, then every other one removed, then all', () => {
    const { medium, tree, walk } = makeTree(OMAP_TREE);
    for (let i = 3000; i > 0; i--) tree.insert(omapKey(i, 1), new Uint8Array(16));
    expect(tree.nodeCount).toBeLessThanOrEqual(Math.ceil(3000 / 112) + 2);
    medium.commit();
    for (let i = 2; i <= 3000; i += 2) expect(tree.remove(omapKey(i, 1))).toBe(true);
    medium.commit();
    expect(walk(tree.root).records).toHaveLength(1500);
    for (let i = 1; i <= 2990; i += 2) tree.remove(omapKey(i, 1));
    medium.commit();
    expect(walk(tree.root).nodes.length).toBeLessThanOrEqual(1);
  });

  test('a renamed record keeps its place', () => {
    const { medium, tree, walk } = makeTree(OMAP_TREE);
    for (let i = 0; i < 500; i++) tree.insert(omapKey(i, 1), new Uint8Array(16));
    medium.commit();
    for (let i = 0; i < 500; i++) tree.rename(omapKey(i, 1), omapKey(i, 7), new Uint8Array(16).fill(i));
    medium.commit();
    expect(walk(tree.root).records.map(([key]) => key)).toEqual(
      Array.from({ length: 500 }, (_, i) => hexOf(omapKey(i, 7))),
    );
  });
});

describe('cursors', () => {
  const { tree } = makeTree(OMAP_TREE);
  for (let i = 0; i < 1000; i++) tree.insert(omapKey(2 * i + 2, 5), new Uint8Array(16).fill(i));
  const oidAt = (key: Uint8Array) => new DataView(key.buffer, key.byteOffset).getUint32(0, true);

  test.each([
    [0, 2, null],
    [2, 2, 2],
    [3, 4, 2],
    [1501, 1502, 1500],
    [2000, 2000, 2000],
    [2001, null, 2000],
  ])('around %d', (oid, atLeast, atMost) => {
    const up = tree.seek(omapKey(oid, 5));
    expect(up.isValid ? oidAt(up.key) : null).toBe(atLeast);
    const down = tree.seekBefore(omapKey(oid, 5));
    expect(down.isValid ? oidAt(down.key) : null).toBe(atMost);
  });

  test('walk both ways', () => {
    const oids: number[] = [];
    for (const cursor = tree.first(); cursor.isValid; cursor.next()) oids.push(oidAt(cursor.key));
    expect(oids).toEqual(Array.from({ length: 1000 }, (_, i) => 2 * i + 2));
    const back: number[] = [];
    for (const cursor = tree.seekBefore(omapKey(9999, 0)); cursor.isValid; cursor.previous())
      back.push(oidAt(cursor.key));
    expect(back).toEqual(oids.reverse());
  });

  test.each([undefined, 8])('replace values where they stand, %s nodes in memory', (nodesMax) => {
    const { medium, tree: other, walk } = makeTree(OMAP_TREE, nodesMax);
    const count = 2000;
    for (let i = 0; i < count; i++) other.insert(omapKey(i, 5), new Uint8Array(16).fill(i));
    medium.commit();
    const cursor = other.first();
    for (let i = 0; i < count; i++, cursor.next()) {
      if (i % 3 > 0) continue;
      cursor.replace(new Uint8Array(16).fill(i + 1));
      if (i % 9 > 0) continue;
      // Somebody looks elsewhere, and a few steps back and forth lead over the borders of nodes.
      other.find(omapKey((i * 7919) % count, 5));
      const steps = Math.min(i, 200);
      for (let step = 0; step < steps; step++) cursor.previous();
      cursor.replace(cursor.value.slice());
      for (let step = 0; step < steps; step++) cursor.next();
    }
    expect(cursor.isValid).toBe(false);
    medium.commit();
    const values = walk(other.root).records.map(([, value]) => value);
    const wanted = Array.from({ length: count }, (_, i) => new Uint8Array(16).fill(i % 3 > 0 ? i : i + 1));
    expect(values).toEqual(wanted.map(hexOf));
    expect(() => other.first().replace(new Uint8Array(8))).toThrow('keeps its length');
  });

  test('replace values though the home has forgotten nodes meanwhile', () => {
    const { medium, home, tree: made, walk } = makeTree(OMAP_TREE, 8);
    const count = 8000;
    const values = Array.from({ length: count }, (_, i) => new Uint8Array(16).fill(i));
    for (const [i, value] of values.entries()) made.insert(omapKey(i, 5), value);
    medium.commit();
    const other = new Btree(OMAP_TREE, home(), made.root);
    const put = (cursor: Cursor, byte: number) => {
      values[oidAt(cursor.key)] = new Uint8Array(16).fill(byte);
      cursor.replace(new Uint8Array(16).fill(byte));
    };
    // Another cursor goes over all leaves: the one this stands in is read again.
    const walker = other.first();
    for (let i = 0; i < 500; i++) walker.next();
    const standing = other.seek(omapKey(5000, 5));
    while (walker.isValid) walker.next();
    put(standing, 201);
    expect(other.find(omapKey(5000, 5))).toEqual(values[5000]);
    medium.commit();
    // It has gone far itself: of the node above both leaves it knows one that is no longer part of the tree.
    const cursor = other.seek(omapKey(1000, 5));
    for (let i = 0; i < 2000; i++) cursor.next();
    put(cursor, 202);
    for (let i = 0; i < 200; i++) cursor.next();
    put(cursor, 203);
    for (let i = 0; i < 200; i++) cursor.previous();
    expect(cursor.value).toEqual(values[3000]);
    medium.commit();
    expect(walk(other.root).records.map(([, value]) => value)).toEqual(values.map(hexOf));
  });

  test('are void after a change', () => {
    const { tree: other } = makeTree(OMAP_TREE);
    other.insert(omapKey(1, 1), new Uint8Array(16));
    const cursor = other.first();
    other.remove(omapKey(1, 1));
    expect(() => cursor.key).toThrow('after a change');
    expect(other.first().isValid).toBe(false);
  });
});

test('keys and values may be views into the tree', () => {
  const { medium, tree, walk } = makeTree(HASHED_CATALOG);
  for (let i = 0; i < 40; i++) tree.insert(xattrKey(i, 'name'), new Uint8Array(80).fill(i));
  for (let i = 0; i < 40; i++) {
    const value = tree.find(xattrKey(i, 'name'))!;
    tree.insert(xattrKey(i, 'other'), value);
    expect(tree.find(xattrKey(i, 'other'))).toEqual(new Uint8Array(80).fill(i));
  }
  while (tree.keyCount > 0) tree.remove(tree.first().key);
  medium.commit();
  expect(walk(tree.root).records).toEqual([]);
});

test('the beginning of a key finds the first record of a kind', () => {
  const { tree } = makeTree(HASHED_CATALOG);
  tree.insert(xattrKey(7, 'b'), new Uint8Array(1));
  tree.insert(xattrKey(7, 'a'), new Uint8Array(2));
  tree.insert(xattrKey(6, 'z'), new Uint8Array(3));
  expect(tree.seek(xattrKey(7, '').subarray(0, 8)).value).toHaveLength(2);
});

test('destroying a tree gives back every block', () => {
  for (const kind of [EXTENT_REFERENCES, SNAPSHOT_METADATA]) {
    const { medium, tree, spender } = makeTree(kind);
    for (let i = 0; i < 2000; i++) {
      const key = new Uint8Array(8);
      new DataView(key.buffer).setBigUint64(0, (2n << 60n) | BigInt(i * 10), true);
      tree.insert(key, new Uint8Array(20));
      if (i % 700 === 0) medium.commit();
    }
    tree.destroy();
    medium.commit();
    expect(medium.usedBlocks).toBe(0);
    expect(spender.blocks).toBe(0);
  }
});
