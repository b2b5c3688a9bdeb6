import { describe, expect, test } from 'vitest';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { BTree } from '../../../../src/engine/formats/hfsplus/btree.ts';
import type { TreeFile } from '../../../../src/engine/formats/hfsplus/btree.ts';
import type { MetadataBuffer } from '../../../../src/engine/formats/hfsplus/metadata.ts';
import { HEADER_NODE, HeaderRecord } from '../../../../src/engine/formats/hfsplus/layout-tree.ts';
import { BINARY_ORDER, catalogKey } from '../../../../src/engine/formats/hfsplus/names.ts';
import { Store } from '../../../../src/engine/device/store.ts';

const LABEL = { role: 'tree', owner: 'test', reason: 'test' } as const;

/** An empty tree on a disk of its own, whose file may grow to `nodesMax`. */
function newTree(nodeSizeBytes: number, nodes: number, nodesMax: number) {
  const sectors = nodeSizeBytes / 512;
  const store = new Store({ blockSizeBytes: 512, blockCount: sectors * nodesMax });
  const header = new Uint8Array(nodeSizeBytes);
  const view = new DataView(header.buffer);
  header[8] = 1;
  view.setUint16(10, 3);
  [14, 120, 248, nodeSizeBytes - 8].forEach((at, i) => view.setUint16(nodeSizeBytes - 2 * i - 2, at));
  HeaderRecord.write(
    header,
    {
      ...{ treeDepth: 0, rootNode: 0, leafRecords: 0, firstLeafNode: 0, lastLeafNode: 0, nodeSizeBytes },
      ...{ maxKeyLengthBytes: 516, totalNodes: nodes, freeNodes: nodes - 1, clumpSizeBytes: 0 },
      ...{ treeType: 0, keyCompareType: 0, attributes: 6 },
    },
    HEADER_NODE.header,
  );
  header[HEADER_NODE.map] = 0x80;
  store.write(0, header, LABEL);

  const dirty = new Set<MetadataBuffer>();
  const file: TreeFile & { capacityNodes: number } = {
    nodeSizeBytes,
    capacityNodes: nodes,
    runsOf: (number) => [{ deviceOffsetBytes: number * nodeSizeBytes, lengthBytes: nodeSizeBytes }],
    grow(atLeast) {
      if (file.capacityNodes + atLeast > nodesMax) throw new FsError('ENOSPC', '', '');
      return (file.capacityNodes = Math.min(nodesMax, file.capacityNodes + Math.max(atLeast, 8)));
    },
  };
  const commit = {
    isRecording: false,
    touch(buffer: MetadataBuffer) {
      buffer.isDirty = true;
      dirty.add(buffer);
    },
  };
  const open = () => new BTree(store, 'test tree', file, commit, () => BINARY_ORDER);
  const flush = () => {
    for (const buffer of dirty) {
      store.write((buffer.runs[0]?.deviceOffsetBytes ?? 0) / 512, buffer.bytes, LABEL);
      buffer.isDirty = false;
    }
    dirty.clear();
  };
  return { tree: open(), open, flush, store, file };
}

const textOf = (key: Uint8Array) =>
  `${new DataView(key.buffer, key.byteOffset).getUint32(2)}/` +
  String.fromCharCode(...Array.from({ length: (key.length - 8) / 2 }, (_, i) => key[9 + 2 * i] ?? 0));

/**
 * The rules of the format held against the bytes on the disk, by code that shares nothing with the tree: every level,
 * links, keys of children, map, counts, zeroed free nodes.
 */
function verify(store: Store, nodeSizeBytes: number, totalNodes: number): Map<string, number> {
  const node = (number: number) => {
    const bytes = new Uint8Array(nodeSizeBytes);
    store.read((number * nodeSizeBytes) / 512, bytes);
    return { bytes, view: new DataView(bytes.buffer) };
  };
  const header = node(0);
  const depth = header.view.getUint16(14);
  expect(header.view.getUint32(14 + 22)).toBe(totalNodes);
  const used = new Set([0]);
  const mapBits: number[] = [];
  const takeMap = (bytes: Uint8Array, from: number, to: number) => mapBits.push(...bytes.subarray(from, to));
  takeMap(header.bytes, 248, nodeSizeBytes - 8);
  for (let map = header.view.getUint32(0); map !== 0;) {
    used.add(map);
    const { bytes, view } = node(map);
    expect([bytes[8], bytes[9], view.getUint16(10), view.getUint32(4)]).toEqual([2, 0, 1, 0]);
    takeMap(bytes, 14, nodeSizeBytes - 6);
    map = view.getUint32(0);
  }
  const levels: number[][] = [];
  const leaves = new Map<string, number>();
  const walk = (number: number, height: number): string => {
    expect(used.has(number)).toBe(false);
    used.add(number);
    (levels[height] ??= []).push(number);
    const { bytes, view } = node(number);
    expect([bytes[8], bytes[9]]).toEqual([height === 1 ? 255 : 0, height]);
    const count = view.getUint16(10);
    expect(count).toBeGreaterThan(0);
    let first = '';
    let before = '';
    let end = 14;
    for (let i = 0; i < count; i++) {
      const at = view.getUint16(nodeSizeBytes - 2 * i - 2);
      expect(at).toBe(end);
      end = view.getUint16(nodeSizeBytes - 2 * i - 4);
      const dataAt = at + 2 + view.getUint16(at);
      const key = textOf(bytes.subarray(at, dataAt));
      if (i === 0) first = key;
      else expect(before < key).toBe(true);
      before = key;
      if (height > 1) {
        expect(end).toBe(dataAt + 4);
        expect(walk(view.getUint32(dataAt), height - 1)).toBe(key);
      } else leaves.set(key, end - dataAt);
    }
    return first;
  };
  if (depth > 0) walk(header.view.getUint32(16), depth);
  for (const level of levels.slice(1)) {
    level.forEach((number, i) => {
      const { view } = node(number);
      expect([view.getUint32(0), view.getUint32(4)]).toEqual([level[i + 1] ?? 0, level[i - 1] ?? 0]);
    });
  }
  expect(header.view.getUint32(20)).toBe(leaves.size);
  expect([header.view.getUint32(24), header.view.getUint32(28)]).toEqual([
    levels[1]?.[0] ?? 0,
    levels[1]?.at(-1) ?? 0,
  ]);
  expect(header.view.getUint32(14 + 26)).toBe(totalNodes - used.size);
  for (let i = 0; i < 8 * mapBits.length; i++) {
    const isMarked = ((mapBits[i >> 3] ?? 0) & (0x80 >> (i & 7))) !== 0;
    if (isMarked !== used.has(i)) expect(`node ${i} marked ${isMarked}`).toBe(`used ${used.has(i)}`);
    if (!isMarked && i < totalNodes) expect(node(i).bytes.every((byte) => byte === 0)).toBe(true);
  }
  return leaves;
}

const PARENT = 0x30303030; // digits, so that the text of a key sorts as the key does
const keyNamed = (name: string) => catalogKey(PARENT, name);

describe.each([512, 1024, 4096, 8192])('a tree with nodes of %i bytes', (nodeSizeBytes) => {
  test('holds what was put in, through random inserts, changes and removals', () => {
    const { tree, flush, store, file, open } = newTree(nodeSizeBytes, 8, 6000);
    const random = new Prng(nodeSizeBytes);
    const model = new Map<string, number>();
    const nameMax = nodeSizeBytes === 512 ? 30 : 100;
    const dataMax = nodeSizeBytes === 512 ? 60 : 248;
    for (let step = 1; step <= 4000; step++) {
      const isGrowing = step % 2000 < 1100;
      const name = String(random.below(10 ** 6)).padStart(1 + random.below(nameMax), 'x');
      const text = `${PARENT}/${name}`;
      const known = [...model.keys()];
      if (isGrowing || known.length === 0) {
        const length = 2 + 2 * random.below(dataMax / 2);
        tree.reserve(1);
        if (model.has(text)) tree.replace(keyNamed(name), new Uint8Array(length).fill(step));
        else tree.insert(keyNamed(name), new Uint8Array(length).fill(step));
        model.set(text, length);
      } else {
        const victim = known[random.below(known.length)] ?? '';
        tree.reserveForRemoval();
        expect(tree.remove(keyNamed(victim.slice(`${PARENT}/`.length)))).toBe(true);
        model.delete(victim);
      }
      if (step % 250 === 0) {
        flush();
        expect(verify(store, nodeSizeBytes, file.capacityNodes)).toEqual(
          new Map([...model].sort(([a], [b]) => (a < b ? -1 : 1))),
        );
      }
    }
    const again = open();
    for (const [text, length] of model) {
      const place = again.find(keyNamed(text.slice(`${PARENT}/`.length)));
      expect(place?.isFound && place.node.dataOf(place.index).length).toBe(length);
    }
  });

  test('grows in order, walks both ways, and shrinks to nothing', () => {
    const { tree, flush, store, file } = newTree(nodeSizeBytes, 8, 6000);
    const names = Array.from({ length: 3000 }, (_, i) => `name ${String(i).padStart(5, '0')}`);
    for (const name of names) {
      tree.reserve(1);
      tree.insert(keyNamed(name), new Uint8Array(40));
    }
    flush();
    verify(store, nodeSizeBytes, file.capacityNodes);
    const seen: string[] = [];
    for (let place = tree.first(); place !== undefined; place = tree.next(place)) {
      seen.push(textOf(place.node.keyOf(place.index)).slice(`${PARENT}/`.length));
    }
    expect(seen).toEqual(names);
    let count = 0;
    let place = tree.seekBackward(catalogKey(PARENT + 1, ''));
    for (; place !== undefined; place = tree.previous(place)) count++;
    expect(count).toBe(names.length);
    // Filled in order, nodes are better than half full.
    const leaves = tree.header.totalNodes - tree.header.freeNodes;
    expect(leaves).toBeLessThan((names.length * (8 + 20 + 40 + 2)) / (nodeSizeBytes * 0.6));

    for (const name of names) expect(tree.remove(keyNamed(name))).toBe(true);
    expect([tree.header.depth, tree.header.rootNode]).toEqual([0, 0]);
    flush();
    expect(verify(store, nodeSizeBytes, file.capacityNodes).size).toBe(0);
  });

  test('a file that cannot grow leaves the tree as it was', () => {
    const { tree, flush, store, file } = newTree(nodeSizeBytes, 8, 40);
    let count = 0;
    const fill = () => {
      for (; ; count++) {
        tree.reserve(1);
        tree.insert(keyNamed(`n${String((count * 7919) % 100_000).padStart(6, '0')}`), new Uint8Array(60));
      }
    };
    expect(fill).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
    flush();
    expect(verify(store, nodeSizeBytes, file.capacityNodes).size).toBe(count);
  });
});

test('what leads out of the tree or round in circles is EIO', () => {
  const { tree, flush, store, open } = newTree(512, 8, 200);
  for (let i = 0; i < 100; i++) {
    tree.reserve(1);
    tree.insert(keyNamed(`name ${String(i).padStart(3, '0')}`), new Uint8Array(40));
  }
  flush();
  const root = tree.header.rootNode;
  const leaf = tree.first()?.node.number ?? 0;
  const second = tree.first()?.node.forward ?? 0;
  const damage = (number: number, at: number, value: number[]) => {
    const copy = store.fork();
    const bytes = new Uint8Array(512);
    store.read(number, bytes);
    bytes.set(value, at);
    store.write(number, bytes, LABEL);
    const run = () => {
      const damagedTree = open();
      let place = damagedTree.first();
      for (let steps = 0; place !== undefined; steps++) {
        expect(steps).toBeLessThan(1000);
        place = damagedTree.next(place);
      }
      damagedTree.find(keyNamed('name 000'));
    };
    expect(run).toThrow(expect.objectContaining({ code: 'EIO' }));
    const old = new Uint8Array(512);
    copy.read(number, old);
    store.write(number, old, LABEL);
  };
  damage(second, 0, [0, 0, 0, leaf]); // the second leaf leads back to the first
  damage(second, 0, [0xff, 0, 0, 0]);
  damage(leaf, 10, [0x7f, 0xff]); // records beyond the node
  damage(leaf, 10, [0, 0]);
  damage(leaf, 508, [0xff, 0xff]); // an offset outside
  damage(leaf, 14, [0x7f, 0]); // a key longer than its record
  damage(leaf, 8, [0]); // a leaf that says it is an index node
  damage(root, 9, [200]);
  damage(0, 16, [0, 0, 0xff, 0]); // the root outside the tree
  damage(0, 14, [0, 9]); // nine levels
  damage(0, 36, [0xff, 0, 0, 0]); // more nodes than the file holds
});
