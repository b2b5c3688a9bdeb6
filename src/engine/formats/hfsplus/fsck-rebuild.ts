import { isZero, viewOf } from '../../base/bytes.ts';
import {
  HEADER_NODE,
  HEADER_RECORD_SIZE_BYTES,
  HeaderRecord,
  NODE_DESCRIPTOR_SIZE_BYTES,
  NODE_KIND,
  recordOffsetAt,
  TREE_BIT,
  USER_RECORD_SIZE_BYTES,
} from './layout-tree.ts';
import { count, NumberSet } from './fsck-bits.ts';
import { growTree } from './fsck-grow.ts';
import { STAGE } from './fsck-stages.ts';
import type { Pass } from './fsck-pass.ts';
import { gatherRecords } from './fsck-salvage.ts';
import type { Salvaged } from './fsck-salvage.ts';
import type { Tree } from './fsck-tree.ts';

/**
 * A B-tree built anew from the records of its readable leaves, without those a repair removed and with those it
 * inserted. New nodes go where the old tree has none, the header node follows, and only then are the old nodes erased:
 * a power cut leaves the old tree or the new one. Only where the file has too few free nodes are old ones overwritten.
 *
 * `kept`: nodes that the tree on the disk uses, gathered at the first rebuild of a run.
 * Returns null, or why it cannot be done.
 */
export function rebuildTree(pass: Pass, tree: Tree, kept: NumberSet, isFirst: boolean): string | null {
  const { records, leaves } = gatherRecords(tree);
  if (isFirst) keepOld(tree, leaves, kept);
  if (mapNodeCount(tree) > MAP_NODES_MAX)
    return `${tree.name}: ${count(tree.totalNodes, 'node')} are too many`;
  const attempt = (mayReuse: boolean, slackBytes: number): boolean => {
    const nodes = new FreeNodes(tree, kept, mayReuse);
    const builder = new Builder(tree, nodes, slackBytes);
    const mapNodes = nodes.take(mapNodeCount(tree));
    if (!mapNodes || !builder.build(records)) return false;
    builder.write(mapNodes);
    return true;
  };
  // A little is left free in each node: the next record that somebody adds need not split it.
  const slack = tree.nodeSizeBytes / 16;
  if (attempt(false, slack) || attempt(false, 0)) return null;
  const bytes = records.reduce((sum, record) => sum + record.bytes.length + 2, 0);
  const needed = Math.ceil((bytes * 1.1) / (tree.nodeSizeBytes - 64)) + 8;
  if (growTree(pass, tree, needed) && attempt(false, 0)) return null;
  if (attempt(true, slack) || attempt(true, 0)) return null;
  if (growTree(pass, tree, Math.ceil(needed / 8)) && attempt(true, 0)) return null;
  return `${tree.name}: ${count(records.length, 'record')} need more than its ${count(tree.totalNodes, 'node')}`;
}

/** More than any real tree has: sixteen terabytes claimed by a broken one are not worth a gigabyte of map. */
const MAP_NODES_MAX = 16_384;

function keepOld(tree: Tree, leaves: readonly number[], kept: NumberSet): void {
  for (const leaf of leaves) kept.add(leaf);
  const size = tree.nodeSizeBytes;
  // Index nodes are as good as lost in a broken tree; in a sound one they are what a cut must find.
  if (tree.isBroken) return;
  for (let at = tree.file.nextStored(0); at < tree.totalNodes * size; at = tree.file.nextStored(at)) {
    const node = Math.floor(at / size);
    if (tree.used.has(node)) kept.add(node);
    at = (node + 1) * size;
  }
}

function mapNodeCount(tree: Tree): number {
  const size = tree.nodeSizeBytes;
  return Math.max(0, Math.ceil((tree.totalNodes - (size - 256) * 8) / ((size - 20) * 8)));
}

/** Nodes in ascending order: first those the old tree does not use, then its own. */
class FreeNodes {
  readonly #tree: Tree;
  readonly #kept: NumberSet;
  #next = 1;
  #isReusing = false;

  constructor(
    tree: Tree,
    kept: NumberSet,
    private readonly mayReuse: boolean,
  ) {
    this.#tree = tree;
    this.#kept = kept;
  }

  take(count: number): number[] | null {
    const taken: number[] = [];
    while (taken.length < count) {
      if (this.#next >= this.#tree.totalNodes) {
        if (this.#isReusing || !this.mayReuse) return null;
        this.#isReusing = true;
        this.#next = 1;
        continue;
      }
      if (this.#kept.has(this.#next) === this.#isReusing) taken.push(this.#next);
      this.#next++;
    }
    return taken;
  }
}

interface BuiltNode {
  readonly node: number;
  readonly height: number;
  readonly entries: readonly Entry[];
}

interface Entry {
  readonly bytes: Uint8Array;
  /** Of the key with its length field. */
  readonly keyBytes: number;
}

class Builder {
  readonly #levels: BuiltNode[][] = [];
  #records = 0;
  readonly #isVariable: boolean;
  readonly #attributes: number;

  constructor(
    private readonly tree: Tree,
    private readonly nodes: FreeNodes,
    private readonly slackBytes: number,
  ) {
    this.#attributes = tree.fresh.attributes;
    this.#isVariable = (this.#attributes & TREE_BIT.variableIndexKeys) !== 0;
  }

  /** False when the nodes do not suffice. */
  build(records: readonly Salvaged[]): boolean {
    this.#records = records.length;
    if (records.length === 0) return true;
    let level = this.#level(
      records.map(({ bytes, keyBytes }) => ({ bytes, keyBytes })),
      1,
    );
    while (level && level.length > 1) {
      const entries = level.map((child) => this.#indexEntry(child));
      level = this.#level(entries, this.#levels.length + 1);
    }
    return level !== null;
  }

  #level(entries: readonly Entry[], height: number): BuiltNode[] | null {
    const size = this.tree.nodeSizeBytes;
    const room = size - NODE_DESCRIPTOR_SIZE_BYTES - 2;
    const groups: Entry[][] = [];
    let used = room;
    for (const entry of entries) {
      const bytes = entry.bytes.length + 2;
      if (used + bytes > room - (used > 0 ? this.slackBytes : 0) || groups.length === 0) {
        groups.push([]);
        used = 0;
      }
      groups.at(-1)?.push(entry);
      used += bytes;
    }
    const nodes = this.nodes.take(groups.length);
    if (!nodes) return null;
    const level = groups.map((group, index) => ({ node: nodes[index] ?? 0, height, entries: group }));
    this.#levels.push(level);
    return level;
  }

  #indexEntry(child: BuiltNode): Entry {
    const first = child.entries[0];
    const key = first ? first.bytes.subarray(0, first.keyBytes) : new Uint8Array(2);
    const length = this.#isVariable ? key.length : 2 + this.tree.fresh.maxKeyLengthBytes;
    const bytes = new Uint8Array(length + (length & 1) + 4);
    bytes.set(key);
    viewOf(bytes).setUint32(bytes.length - 4, child.node);
    return { bytes, keyBytes: length };
  }

  write(mapNodes: readonly number[]): void {
    const { tree } = this;
    const used = new NumberSet();
    for (const node of [0, ...mapNodes]) used.add(node);
    for (const level of this.#levels) {
      for (const [index, built] of level.entries()) {
        used.add(built.node);
        const bytes = this.#nodeBytes(built, level[index - 1]?.node ?? 0, level[index + 1]?.node ?? 0);
        this.#write(built.node, bytes, STAGE.fresh, 'a node of the tree built anew');
      }
    }
    const size = tree.nodeSizeBytes;
    let first = (size - 256) * 8;
    for (const [index, node] of mapNodes.entries()) {
      const bytes = mapNodeBytes(size, mapNodes[index + 1] ?? 0, used.bytes(first, (size - 20) * 8));
      this.#write(node, bytes, STAGE.fresh, 'a node of the map of the tree built anew');
      first += (size - 20) * 8;
    }
    this.#write(
      0,
      this.#headerBytes(used, mapNodes[0] ?? 0),
      STAGE.records,
      'the header node leads to the tree built anew',
    );
    this.#eraseOld(used);
  }

  #write(node: number, bytes: Uint8Array, stage: number, reason: string): void {
    this.tree.file.write(node * this.tree.nodeSizeBytes, bytes, stage, this.tree.label(reason));
  }

  #nodeBytes({ height, entries }: BuiltNode, backward: number, forward: number): Uint8Array {
    const size = this.tree.nodeSizeBytes;
    const bytes = new Uint8Array(size);
    const view = viewOf(bytes);
    view.setUint32(0, forward);
    view.setUint32(4, backward);
    view.setUint8(8, height === 1 ? NODE_KIND.leaf : NODE_KIND.index);
    view.setUint8(9, height);
    view.setUint16(10, entries.length);
    let at = NODE_DESCRIPTOR_SIZE_BYTES;
    for (const [index, entry] of entries.entries()) {
      view.setUint16(recordOffsetAt(size, index), at);
      bytes.set(entry.bytes, at);
      at += entry.bytes.length;
    }
    view.setUint16(recordOffsetAt(size, entries.length), at);
    return bytes;
  }

  #headerBytes(used: NumberSet, firstMapNode: number): Uint8Array {
    const { tree } = this;
    const size = tree.nodeSizeBytes;
    const old = tree.headerNode;
    const bytes = new Uint8Array(size);
    const view = viewOf(bytes);
    view.setUint32(0, firstMapNode);
    view.setUint8(8, NODE_KIND.header);
    view.setUint16(10, 3);
    const leaves = this.#levels[0] ?? [];
    const isSound = old[8] === NODE_KIND.header;
    HeaderRecord.write(
      bytes,
      {
        treeDepth: this.#levels.length,
        rootNode: this.#levels.at(-1)?.[0]?.node ?? 0,
        leafRecords: this.#records,
        firstLeafNode: leaves[0]?.node ?? 0,
        lastLeafNode: leaves.at(-1)?.node ?? 0,
        nodeSizeBytes: size,
        maxKeyLengthBytes: tree.fresh.maxKeyLengthBytes,
        totalNodes: tree.totalNodes,
        freeNodes: tree.totalNodes - used.size,
        clumpSizeBytes: isSound ? tree.header.clumpSizeBytes : 0,
        treeType: 0,
        keyCompareType: tree.fresh.keyCompareType,
        attributes: this.#attributes,
      },
      HEADER_NODE.header,
    );
    if (isSound)
      bytes.set(old.subarray(HEADER_NODE.user, HEADER_NODE.user + USER_RECORD_SIZE_BYTES), HEADER_NODE.user);
    bytes.set(used.bytes(0, (size - 256) * 8), HEADER_NODE.map);
    const offsets = [
      HEADER_NODE.header,
      HEADER_NODE.header + HEADER_RECORD_SIZE_BYTES,
      HEADER_NODE.map,
      size - 8,
    ];
    for (const [index, offset] of offsets.entries()) view.setUint16(recordOffsetAt(size, index), offset);
    return bytes;
  }

  #eraseOld(used: NumberSet): void {
    const { tree } = this;
    const size = tree.nodeSizeBytes;
    const { file } = tree;
    for (let at = file.nextStored(0); at < tree.totalNodes * size; at = file.nextStored(at)) {
      const node = Math.floor(at / size);
      at = (node + 1) * size;
      if (used.has(node) || isZero(tree.readNode(node))) continue;
      this.#write(node, new Uint8Array(size), STAGE.cleanup, 'erase a node of the old tree');
    }
  }
}

function mapNodeBytes(size: number, forward: number, map: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(size);
  const view = viewOf(bytes);
  view.setUint32(0, forward);
  view.setUint8(8, NODE_KIND.map);
  view.setUint16(10, 1);
  bytes.set(map, NODE_DESCRIPTOR_SIZE_BYTES);
  view.setUint16(recordOffsetAt(size, 0), NODE_DESCRIPTOR_SIZE_BYTES);
  view.setUint16(recordOffsetAt(size, 1), size - 6);
  return bytes;
}
