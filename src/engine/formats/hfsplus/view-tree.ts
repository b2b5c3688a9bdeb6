import { viewOf } from '../../base/bytes.ts';
import {
  HEADER_NODE,
  HEADER_RECORD_SIZE_BYTES,
  HeaderRecord,
  NODE_DESCRIPTOR_SIZE_BYTES,
  NODE_KIND,
  NODE_SIZE_BYTES_MAX,
  NODE_SIZE_BYTES_MIN,
  TREE_BIT,
  recordOffsetAt,
} from './layout-tree.ts';
import type { ViewFork } from './view-fork.ts';

/**
 * A B-tree for those who explain it. Believes nothing: pointers are checked, every walk visits a node once, a node that
 * is none has no records. What a sound tree holds is found in O(depth).
 */
export type TreeName = 'catalog' | 'extents' | 'attributes';

/** Byte of a key at which the file's or folder's id stands: the first thing each tree is ordered by. */
const ID_AT: Readonly<Record<TreeName, number>> = { catalog: 2, extents: 4, attributes: 4 };

/** Deeper than any tree the format allows; a walk down ends here. */
const DEPTH_MAX = 16;

export type IsBefore = (node: ViewNode, record: number) => boolean;

/** Bits of the header node and of each map node, and the map nodes in their order. */
interface NodeMap {
  readonly parts: readonly Uint8Array[];
  readonly nodes: readonly number[];
}

export interface Place {
  readonly node: ViewNode;
  readonly record: number;
}

export class ViewTree {
  readonly header: HeaderRecord;
  readonly nodeSizeBytes: number;
  /** Nodes of the file, used or not: what the fork has room for, whatever the header claims. */
  readonly nodeCount: number;
  /** '' for a tree whose header can be used. */
  readonly problem: string;
  readonly #nodes = new Map<number, ViewNode>();
  #map: NodeMap | null = null;

  constructor(
    readonly name: TreeName,
    readonly fork: ViewFork,
  ) {
    const start = fork.read(0, HEADER_NODE.header + HEADER_RECORD_SIZE_BYTES);
    this.header = HeaderRecord.peek(start, HEADER_NODE.header);
    const { nodeSizeBytes } = this.header;
    const isPossible =
      Number.isInteger(Math.log2(nodeSizeBytes)) &&
      nodeSizeBytes >= NODE_SIZE_BYTES_MIN &&
      nodeSizeBytes <= NODE_SIZE_BYTES_MAX;
    this.problem =
      fork.runs.length === 0
        ? 'has no blocks'
        : isPossible
          ? ''
          : `says nodes of ${nodeSizeBytes} bytes, which cannot be`;
    this.nodeSizeBytes = isPossible ? nodeSizeBytes : NODE_SIZE_BYTES_MIN;
    this.nodeCount = this.problem === '' ? Math.floor(fork.allocatedBytes / this.nodeSizeBytes) : 0;
  }

  has(number: number): boolean {
    return Number.isInteger(number) && number >= 0 && number < this.nodeCount;
  }

  /** Node `number` of the file; kept for the next who asks. */
  node(number: number): ViewNode {
    let node = this.#nodes.get(number);
    if (!node) {
      node = this.readNode(number);
      this.#nodes.set(number, node);
    }
    return node;
  }

  readNode(number: number): ViewNode {
    return this.nodeOf(number, this.fork.read(number * this.nodeSizeBytes, this.nodeSizeBytes));
  }

  /** Bytes seen as node `number` of this tree, wherever they come from. */
  nodeOf(number: number, bytes: Uint8Array): ViewNode {
    return new ViewNode(this, number, bytes);
  }

  // ── map of used nodes ──

  /** Map nodes in the order of their chain. */
  get mapNodes(): readonly number[] {
    return this.#readMap().nodes;
  }

  isUsed(number: number): boolean {
    const byte = Math.floor(number / 8);
    const first = mapBytesOfHeader(this.nodeSizeBytes);
    const rest = mapBytesOfMapNode(this.nodeSizeBytes);
    const part = byte < first ? 0 : 1 + Math.floor((byte - first) / rest);
    const value = this.#readMap().parts[part]?.[byte < first ? byte : (byte - first) % rest] ?? 0;
    return ((value << (number & 7)) & 0x80) !== 0;
  }

  /** First node whose bit stands in map node `number` (0: the header node); −1 when it is no map node of the chain. */
  firstNodeOfMap(number: number): number {
    if (number === 0) return 0;
    const position = this.mapNodes.indexOf(number);
    return position < 0
      ? -1
      : 8 * (mapBytesOfHeader(this.nodeSizeBytes) + position * mapBytesOfMapNode(this.nodeSizeBytes));
  }

  #readMap(): NodeMap {
    if (this.#map) return this.#map;
    const header = this.node(0);
    const first = mapBytesOfHeader(this.nodeSizeBytes);
    const rest = mapBytesOfMapNode(this.nodeSizeBytes);
    const parts = [header.bytes.subarray(HEADER_NODE.map, HEADER_NODE.map + first)];
    const nodes = new Set<number>();
    let bits = 8 * first;
    for (
      let next = header.forward;
      bits < this.nodeCount && next > 0 && this.has(next) && !nodes.has(next);
    ) {
      nodes.add(next);
      const node = this.node(next);
      parts.push(node.bytes.subarray(NODE_DESCRIPTOR_SIZE_BYTES, NODE_DESCRIPTOR_SIZE_BYTES + rest));
      bits += 8 * rest;
      next = node.forward;
    }
    this.#map = { parts, nodes: [...nodes] };
    return this.#map;
  }

  // ── walks ──

  /** Every leaf that can be reached from the root or along the chain of leaves, each once. */
  *leaves(): Generator<ViewNode> {
    if (this.problem !== '') return;
    /** Of nodes seen: the link to the next. A damaged tree may claim more nodes than memory has bytes. */
    const seen = new Map<number, number>();
    const { rootNode, firstLeafNode } = this.header;
    const waiting = [rootNode];
    while (waiting.length > 0) {
      const number = waiting.pop() ?? 0;
      if (number === 0 || !this.has(number) || seen.has(number)) continue;
      const node = this.readNode(number);
      seen.set(number, node.kind === NODE_KIND.leaf ? node.forward : 0);
      if (node.kind === NODE_KIND.leaf) yield node;
      else if (node.kind === NODE_KIND.index) {
        for (let i = node.count - 1; i >= 0; i--) waiting.push(node.childOf(i));
      }
    }
    const inChain = new Set<number>();
    let next = firstLeafNode;
    while (next > 0 && this.has(next) && !inChain.has(next)) {
      inChain.add(next);
      const link = seen.get(next);
      if (link !== undefined) {
        next = link;
        continue;
      }
      const node = this.readNode(next);
      if (node.kind !== NODE_KIND.leaf) break;
      yield node;
      next = node.forward;
    }
  }

  /** Records of `id` and of greater ids, in the order of the tree. */
  from(id: number): Generator<Place> {
    return this.fromKey((node, record) => node.idOf(record) < id);
  }

  /** Records from the first one on that is not `isBefore` what is sought, in the order of the tree. */
  *fromKey(isBefore: IsBefore): Generator<Place> {
    const start = this.#lowerBound(isBefore);
    if (!start) return;
    let { node, record } = start;
    for (const seen = new Set<ViewNode>(); !seen.has(node);) {
      seen.add(node);
      for (; record < node.count; record++) yield { node, record };
      if (!this.has(node.forward) || node.forward === 0) return;
      node = this.node(node.forward);
      if (node.kind !== NODE_KIND.leaf) return;
      record = 0;
    }
  }

  /** The records of one id, leaf by leaf: numbers `first` to before `end`. Costs a look at each leaf, not record. */
  *stretchesOf(
    id: number,
  ): Generator<{ readonly node: ViewNode; readonly first: number; readonly end: number }> {
    const start = this.#lowerBound((node, record) => node.idOf(record) < id);
    let node = start?.node;
    for (const seen = new Set<ViewNode>(); node && !seen.has(node);) {
      seen.add(node);
      const first = node.firstNot((at, record) => at.idOf(record) < id);
      const end = node.firstNot((at, record) => at.idOf(record) <= id);
      if (end > first) yield { node, first, end };
      if (end < node.count || !this.has(node.forward) || node.forward === 0) return;
      node = this.node(node.forward);
      if (node.kind !== NODE_KIND.leaf) return;
    }
  }

  /** Leaf and first record that is not before; the record may be one behind the last of its leaf. */
  #lowerBound(isBefore: IsBefore): Place | null {
    if (this.problem !== '') return null;
    let number = this.header.rootNode;
    for (let depth = 0; depth < DEPTH_MAX; depth++) {
      if (number === 0 || !this.has(number)) return null;
      const node = this.node(number);
      const record = node.firstNot(isBefore);
      if (node.kind === NODE_KIND.leaf) return { node, record };
      if (node.kind !== NODE_KIND.index) return null;
      number = node.childOf(Math.max(record - 1, 0));
    }
    return null;
  }
}

const mapBytesOfHeader = (nodeSizeBytes: number): number => nodeSizeBytes - HEADER_NODE.map - 8;
/** A map node leaves two bytes unused before its two offsets. */
const mapBytesOfMapNode = (nodeSizeBytes: number): number => nodeSizeBytes - 20;

/** From and to which byte of its node a record goes. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Bytes seen as a node. */
export class ViewNode {
  readonly kind: number;
  readonly height: number;
  readonly forward: number;
  readonly backward: number;
  /** What the descriptor says. */
  readonly recordCount: number;
  /** How many records can be told apart: as far as offsets ascend and stay inside. */
  readonly count: number;
  readonly view: DataView;

  constructor(
    readonly tree: ViewTree,
    readonly number: number,
    readonly bytes: Uint8Array,
  ) {
    const view = viewOf(bytes);
    this.view = view;
    this.forward = view.getUint32(0);
    this.backward = view.getUint32(4);
    this.kind = view.getUint8(8);
    this.height = view.getUint8(9);
    this.recordCount = view.getUint16(10);
    const roomFor = (bytes.length - NODE_DESCRIPTOR_SIZE_BYTES) / 2 - 1;
    let count = 0;
    if (this.recordCount <= roomFor) {
      const end = recordOffsetAt(bytes.length, this.recordCount);
      let offset = NODE_DESCRIPTOR_SIZE_BYTES;
      if (this.offset(0) === offset) {
        for (; count < this.recordCount; count++) {
          const next = this.offset(count + 1);
          if (next <= offset || next > end) break;
          offset = next;
        }
      }
    }
    this.count = count;
  }

  /** Where the table at the node's end says that record `index` begins. */
  offset(index: number): number {
    return this.view.getUint16(recordOffsetAt(this.bytes.length, index));
  }

  /** Only asked for index < count. */
  span(index: number): Span {
    return { from: this.offset(index), to: this.offset(index + 1) };
  }

  /** Where the key of a record ends and its data begin. Never behind the record's end. */
  keyEnd(index: number): number {
    const { from, to } = this.span(index);
    return Math.min(from + this.keyLengthBytes(from, to), to);
  }

  /** With its length field and padding. `to` keeps a damaged length inside the record. */
  keyLengthBytes(from: number, to: number): number {
    if (to - from < 2) return to - from;
    const { attributes, maxKeyLengthBytes } = this.tree.header;
    const isFixed = this.kind === NODE_KIND.index && (attributes & TREE_BIT.variableIndexKeys) === 0;
    const length = 2 + (isFixed ? maxKeyLengthBytes : this.view.getUint16(from));
    return length + (length & 1);
  }

  /** File or folder that a record's key begins with; 0 when the record is too short. */
  idOf(index: number): number {
    const { from, to } = this.span(index);
    const at = from + ID_AT[this.tree.name];
    return at + 4 <= to ? this.view.getUint32(at) : 0;
  }

  /** Node that record `index` of an index node points to; 0 when it points nowhere. */
  childOf(index: number): number {
    if (index >= this.count) return 0;
    const at = this.keyEnd(index);
    return at + 4 <= this.span(index).to ? this.view.getUint32(at) : 0;
  }

  firstNot(isBefore: IsBefore): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(this, middle)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
