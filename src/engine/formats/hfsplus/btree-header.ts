import { assert } from '../../base/assert.ts';
import type { TreeNode } from './btree-node.ts';
import { damaged } from './damage.ts';
import { HEADER_NODE, HEADER_RECORD_SIZE_BYTES, HeaderRecord, NODE_KIND, TREE_BIT } from './layout-tree.ts';

/** Bytes of a map node that are not its map: descriptor, two offsets, two spare ones. [HF newfs, BTreeAllocate.c] */
const MAP_NODE_OVERHEAD_BYTES = 20;

/** What the header needs of its tree. */
export interface HeaderHost {
  /** A map node, read. */
  mapNode(number: number): TreeNode;
  /** A node about to be used, without what it held. */
  freshNode(number: number): TreeNode;
  touch(node: TreeNode): void;
}

/** A stretch of the map: bit `firstNode + i` is bit i, most significant first, from byte `at` of `node`. */
interface MapPart {
  readonly node: TreeNode;
  readonly at: number;
  readonly lengthBytes: number;
  readonly firstNode: number;
}

const { fields } = HeaderRecord;
const AT = {
  treeDepth: HEADER_NODE.header + fields.treeDepth.at,
  rootNode: HEADER_NODE.header + fields.rootNode.at,
  leafRecords: HEADER_NODE.header + fields.leafRecords.at,
  firstLeafNode: HEADER_NODE.header + fields.firstLeafNode.at,
  lastLeafNode: HEADER_NODE.header + fields.lastLeafNode.at,
  totalNodes: HEADER_NODE.header + fields.totalNodes.at,
  freeNodes: HEADER_NODE.header + fields.freeNodes.at,
} as const;

/**
 * Node 0 of a tree and the map of used nodes that begins there. All is kept in the node's own bytes: what is read is
 * what will be written. Nodes are taken from the lowest number on, as Apple's driver takes them.
 */
export class TreeHeader {
  readonly node: TreeNode;
  readonly hasVariableIndexKeys: boolean;
  readonly maxKeyLengthBytes: number;
  readonly keyCompareType: number;
  readonly #host: HeaderHost;
  readonly #map: MapPart[];
  /** No node below this one is free. */
  #lowestFree = 1;

  /** EIO with a sentence when header or map make no sense; `capacityNodes` is what the tree's file has room for. */
  constructor(node: TreeNode, tree: string, capacityNodes: number, host: HeaderHost) {
    const record = HeaderRecord.peek(node.bytes, HEADER_NODE.header);
    if (node.kind !== NODE_KIND.header) throw damaged(`node 0 of the ${tree} is no header node`);
    if (record.totalNodes > capacityNodes) {
      throw damaged(`the ${tree} claims ${record.totalNodes} nodes, its file holds ${capacityNodes}`);
    }
    if (record.freeNodes > record.totalNodes) throw damaged(`the ${tree} has more free nodes than nodes`);
    this.node = node;
    this.#host = host;
    this.hasVariableIndexKeys = (record.attributes & TREE_BIT.variableIndexKeys) !== 0;
    this.maxKeyLengthBytes = record.maxKeyLengthBytes;
    this.keyCompareType = record.keyCompareType;
    this.#map = this.#readMap(tree);
  }

  #readMap(tree: string): MapPart[] {
    const { node } = this;
    const mapEnd = node.offsetOf(3);
    if (mapEnd <= HEADER_NODE.map || mapEnd > node.bytes.length - 8) {
      throw damaged(`the map in the header of the ${tree} has no sensible length`);
    }
    const parts: MapPart[] = [
      { node, at: HEADER_NODE.map, lengthBytes: mapEnd - HEADER_NODE.map, firstNode: 0 },
    ];
    let covered = 8 * (mapEnd - HEADER_NODE.map);
    let next = node.forward;
    while (next !== 0) {
      if (next >= this.totalNodes || parts.length > this.totalNodes) {
        throw damaged(`the chain of map nodes of the ${tree} leads out of the tree`);
      }
      const map = this.#host.mapNode(next);
      const at = map.offsetOf(0);
      const end = map.offsetOf(1);
      if (map.kind !== NODE_KIND.map || at < HEADER_NODE.header || end <= at || end > map.bytes.length - 4) {
        throw damaged(`node ${next} of the ${tree} should be a map node`);
      }
      parts.push({ node: map, at, lengthBytes: end - at, firstNode: covered });
      covered += 8 * (end - at);
      next = map.forward;
    }
    return parts;
  }

  // ── counts ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Levels; 0 when the tree is empty. */
  get depth(): number {
    return this.node.view.getUint16(AT.treeDepth);
  }
  get rootNode(): number {
    return this.node.view.getUint32(AT.rootNode);
  }
  get leafRecords(): number {
    return this.node.view.getUint32(AT.leafRecords);
  }
  get firstLeafNode(): number {
    return this.node.view.getUint32(AT.firstLeafNode);
  }
  get lastLeafNode(): number {
    return this.node.view.getUint32(AT.lastLeafNode);
  }
  get totalNodes(): number {
    return this.node.view.getUint32(AT.totalNodes);
  }
  get freeNodes(): number {
    return this.node.view.getUint32(AT.freeNodes);
  }

  setRoot(rootNode: number, depth: number): void {
    this.#host.touch(this.node);
    this.node.view.setUint32(AT.rootNode, rootNode);
    this.node.view.setUint16(AT.treeDepth, depth);
  }
  setFirstLeaf(number: number): void {
    this.#host.touch(this.node);
    this.node.view.setUint32(AT.firstLeafNode, number);
  }
  setLastLeaf(number: number): void {
    this.#host.touch(this.node);
    this.node.view.setUint32(AT.lastLeafNode, number);
  }
  addLeafRecords(count: number): void {
    this.#host.touch(this.node);
    this.node.view.setUint32(AT.leafRecords, this.leafRecords + count);
  }
  #addFreeNodes(count: number): void {
    this.#host.touch(this.node);
    this.node.view.setUint32(AT.freeNodes, this.freeNodes + count);
  }

  // ── nodes come and go ─────────────────────────────────────────────────────────────────────────────────────────────

  /** The lowest free node, from now on in use. There must be one: `BTree.reserve` saw to it. EIO when the map denies it. */
  allocate(): number {
    const { totalNodes } = this;
    for (const part of this.#map) {
      const { firstNode, lengthBytes, node, at } = part;
      if (firstNode + 8 * lengthBytes <= this.#lowestFree) continue;
      for (let i = Math.max((this.#lowestFree - firstNode) >> 3, 0); i < lengthBytes; i++) {
        const byte = node.bytes[at + i] ?? 0;
        if (byte === 0xff) continue;
        const number = firstNode + 8 * i + Math.clz32(~byte & 0xff) - 24;
        if (number >= totalNodes) throw damaged('a tree has no free node, though its header counts some');
        this.#mark(number, true);
        this.#lowestFree = number + 1;
        this.#addFreeNodes(-1);
        return number;
      }
    }
    throw damaged('a tree has no free node, though its header counts some');
  }

  free(number: number): void {
    this.#mark(number, false);
    this.#lowestFree = Math.min(this.#lowestFree, number);
    this.#addFreeNodes(1);
  }

  #mark(number: number, isUsed: boolean): void {
    const part = this.#map.findLast(({ firstNode }) => firstNode <= number);
    assert(part !== undefined, 'the first part of the map begins at node 0');
    const bit = number - part.firstNode;
    const at = part.at + (bit >> 3);
    const mask = 0x80 >> (bit & 7);
    this.#host.touch(part.node);
    const old = part.node.bytes[at] ?? 0;
    part.node.bytes[at] = isUsed ? old | mask : old & ~mask;
  }

  /** The file has grown to `totalNodes`, the new ones zero: they are free, but for map nodes that take note of them. */
  extend(totalNodes: number): void {
    const before = this.totalNodes;
    assert(totalNodes >= before, 'a tree does not shrink');
    this.#host.touch(this.node);
    this.node.view.setUint32(AT.totalNodes, totalNodes);
    this.#addFreeNodes(totalNodes - before);
    let newNode = before;
    for (;;) {
      const last = this.#map.at(-1);
      assert(last !== undefined, 'the header has a map');
      const covered = last.firstNode + 8 * last.lengthBytes;
      if (covered >= totalNodes) break;
      const map = this.#host.freshNode(newNode);
      this.#host.touch(map);
      map.initialise(NODE_KIND.map, 0);
      const lengthBytes = map.bytes.length - MAP_NODE_OVERHEAD_BYTES;
      map.splice(0, 0, [new Uint8Array(lengthBytes)]);
      this.#host.touch(last.node);
      last.node.forward = newNode;
      this.#map.push({ node: map, at: map.offsetOf(0), lengthBytes, firstNode: covered });
      this.#mark(newNode, true);
      this.#addFreeNodes(-1);
      newNode++;
    }
  }
}

/** Just enough of node 0, before its size is known, to find that out. */
export const HEADER_PROBE_BYTES = HEADER_NODE.header + HEADER_RECORD_SIZE_BYTES;
