import { viewOf } from '../../base/bytes.ts';
import { fletcher64 } from '../../codec/fletcher64.ts';
import { BLOCK_SIZE_BYTES, OBJECT } from './layout.ts';
import {
  BTREE_INFO_SIZE_BYTES,
  CHILD_SIZE_BYTES,
  FIXED_ENTRY_SIZE_BYTES,
  NODE_FLAG,
  NO_OFFSET,
  TABLE_AT,
  TREE_DEPTH_MAX,
  VARIABLE_ENTRY_SIZE_BYTES,
} from './layout-tree.ts';

/**
 * B-trees as those read them who must go on whatever they find: nothing here throws, every offset is cut to the node,
 * no walk is longer than the tree has distinct nodes, no path longer than TREE_DEPTH_MAX.
 */

/** Sizes of keys and leaf values where the nodes do not say them. Catalog, references, snapshots: variable. */
const FIXED_SIZES: Readonly<Record<number, readonly [keyBytes: number, valueBytes: number]>> = {
  [OBJECT.objectMap]: [16, 16],
  [OBJECT.omapSnapshots]: [8, 16],
  [OBJECT.freeQueue]: [16, 8],
  [OBJECT.fileExtentTree]: [16, 16],
};

/** Index values of a sealed catalog carry a SHA-256 behind the child. */
const HASHED_CHILD_SIZE_BYTES = CHILD_SIZE_BYTES + 32;

/** A structure that a damaged offset lets begin at the very end of a node ends within so many bytes behind it. */
const BEHIND_BYTES = 64;

/** The block and some bytes behind it, whatever they are: reading there must not fail. */
function readableBeyond(bytes: Uint8Array): DataView {
  const lengthBytes = BLOCK_SIZE_BYTES + BEHIND_BYTES;
  if (bytes.byteOffset + lengthBytes <= bytes.buffer.byteLength)
    return new DataView(bytes.buffer, bytes.byteOffset, lengthBytes);
  const padded = new Uint8Array(lengthBytes);
  padded.set(bytes.subarray(0, BLOCK_SIZE_BYTES));
  return viewOf(padded);
}

/** What a node's bytes are, as far as they can be made out. Offsets count from the start of the block. */
export class ViewNode {
  /** Goes on behind the node, so that no offset of the disk's can lead out of it. */
  readonly view: DataView;
  readonly flags: number;
  readonly level: number;
  /** Records the table has room for, at most what the header says. */
  readonly count: number;
  /** What the header says, true or not. */
  readonly statedCount: number;
  /** Where keys begin: behind the table of contents. */
  readonly keysAt: number;
  /** Where values end. */
  readonly valuesEnd: number;
  readonly entrySizeBytes: number;
  readonly #fixedKeyBytes: number;
  readonly #fixedValueBytes: number;

  constructor(
    readonly bytes: Uint8Array,
    /** Block it was read from. */
    readonly block: number,
    /** Subtype of its tree. */
    readonly subtype: number,
    /** Why it cannot be used; '' when it can. */
    readonly problem: string,
  ) {
    const view = readableBeyond(bytes);
    this.view = view;
    this.flags = view.getUint16(0x20, true);
    this.level = view.getUint16(0x22, true);
    this.statedCount = view.getUint32(0x24, true);
    const tableBytes = view.getUint16(0x28, true) + view.getUint16(0x2a, true);
    this.valuesEnd = BLOCK_SIZE_BYTES - (this.isRoot ? BTREE_INFO_SIZE_BYTES : 0);
    this.keysAt = Math.min(TABLE_AT + tableBytes, this.valuesEnd);
    const isFixed = (this.flags & NODE_FLAG.fixedSizes) !== 0;
    this.entrySizeBytes = isFixed ? FIXED_ENTRY_SIZE_BYTES : VARIABLE_ENTRY_SIZE_BYTES;
    this.count = Math.min(this.statedCount, Math.floor((this.keysAt - TABLE_AT) / this.entrySizeBytes));
    const [keyBytes, valueBytes] = FIXED_SIZES[subtype] ?? [0, 0];
    this.#fixedKeyBytes = isFixed ? keyBytes : -1;
    this.#fixedValueBytes = this.isLeaf ? valueBytes : this.childBytes;
  }

  get isRoot(): boolean {
    return (this.flags & NODE_FLAG.root) !== 0;
  }

  get isLeaf(): boolean {
    return this.level === 0;
  }

  get isFixed(): boolean {
    return this.#fixedKeyBytes >= 0;
  }

  get childBytes(): number {
    return (this.flags & NODE_FLAG.hashed) !== 0 ? HASHED_CHILD_SIZE_BYTES : CHILD_SIZE_BYTES;
  }

  entryAt(record: number): number {
    return TABLE_AT + record * this.entrySizeBytes;
  }

  keyAt(record: number): number {
    return Math.min(this.keysAt + this.view.getUint16(this.entryAt(record), true), this.valuesEnd);
  }

  keyEnd(record: number): number {
    const length =
      this.#fixedKeyBytes >= 0 ? this.#fixedKeyBytes : this.view.getUint16(this.entryAt(record) + 2, true);
    return Math.min(this.keyAt(record) + length, this.valuesEnd);
  }

  /** Whether the record has a value; a free queue's single blocks have none. */
  hasValue(record: number): boolean {
    return this.#valueOffset(record) !== NO_OFFSET;
  }

  valueAt(record: number): number {
    const offset = this.#valueOffset(record);
    if (offset === NO_OFFSET) return this.valuesEnd;
    return Math.max(this.valuesEnd - offset, this.keysAt);
  }

  valueEnd(record: number): number {
    if (!this.hasValue(record)) return this.valuesEnd;
    const length =
      this.#fixedKeyBytes >= 0 ? this.#fixedValueBytes : this.view.getUint16(this.entryAt(record) + 6, true);
    return Math.min(this.valueAt(record) + length, this.valuesEnd);
  }

  #valueOffset(record: number): number {
    return this.view.getUint16(this.entryAt(record) + (this.#fixedKeyBytes >= 0 ? 2 : 4), true);
  }

  /** Number at `at`, nearest double; 0 where the node ends before. */
  u64(at: number): number {
    if (at + 8 > this.bytes.length) return 0;
    return this.view.getUint32(at + 4, true) * 2 ** 32 + this.view.getUint32(at, true);
  }

  /** What an index record refers to. */
  childOf(record: number): number {
    const at = this.valueAt(record);
    return at + CHILD_SIZE_BYTES <= this.valueEnd(record) ? this.u64(at) : 0;
  }
}

/** One record of a leaf. */
export interface Place {
  readonly node: ViewNode;
  readonly record: number;
}

/** Where nodes come from, kept while they are used again and again. */
export class NodeReader {
  readonly #read: (block: number) => Uint8Array | undefined;
  readonly #nodes = new Map<number, ViewNode>();

  /** `read`: the bytes of a block, nothing for one outside the container. */
  constructor(read: (block: number) => Uint8Array | undefined) {
    this.#read = read;
  }

  node(block: number, subtype: number, isHeaderless = false): ViewNode {
    const known = this.#nodes.get(block);
    if (known?.subtype === subtype) return known;
    const bytes = this.#read(block);
    const problem = bytes ? problemOf(bytes, subtype, isHeaderless) : 'lies outside the container';
    const node = new ViewNode(bytes ?? new Uint8Array(BLOCK_SIZE_BYTES), block, subtype, problem);
    if (this.#nodes.size >= NODES_KEPT_MAX) this.#nodes.clear();
    this.#nodes.set(block, node);
    return node;
  }
}

const NODES_KEPT_MAX = 4096;

/** Whether the stored checksum is that of the bytes behind it. */
export function isIntact(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  const { low, high } = fletcher64(bytes, 8);
  return view.getUint32(0, true) === low && view.getUint32(4, true) === high;
}

export const WRONG_CHECKSUM = 'has a wrong checksum';

function problemOf(bytes: Uint8Array, subtype: number, isHeaderless: boolean): string {
  if (isHeaderless) return '';
  const view = viewOf(bytes);
  const type = view.getUint16(0x18, true);
  if (type !== OBJECT.btreeRoot && type !== OBJECT.btreeNode) return 'is no node of a B-tree';
  if (view.getUint32(0x1c, true) !== subtype) return 'belongs to a tree of another kind';
  return isIntact(bytes) ? '' : WRONG_CHECKSUM;
}

/** A tree from its root down. */
export class ViewTree {
  readonly #reader: NodeReader;
  readonly #blockOf: (reference: number) => number | undefined;
  readonly #isHeaderless: boolean;

  /** `blockOf`: where the node lies that a reference names; nothing when nobody knows. */
  constructor(
    reader: NodeReader,
    readonly subtype: number,
    readonly rootReference: number,
    blockOf: (reference: number) => number | undefined,
    isHeaderless = false,
  ) {
    this.#reader = reader;
    this.#blockOf = blockOf;
    this.#isHeaderless = isHeaderless;
  }

  /** The root; a node with a problem when it cannot be read. */
  get root(): ViewNode {
    return this.node(this.rootReference);
  }

  /** The node that lies in a block. */
  nodeIn(block: number): ViewNode {
    return this.#reader.node(block, this.subtype, this.#isHeaderless);
  }

  node(reference: number): ViewNode {
    const block = this.#blockOf(reference);
    if (block !== undefined) return this.nodeIn(block);
    return new ViewNode(new Uint8Array(BLOCK_SIZE_BYTES), 0, this.subtype, 'is in no object map');
  }

  /** The node below an index record; undefined when it cannot be used or is not of the level below. */
  child(node: ViewNode, record: number): ViewNode | undefined {
    const below = this.node(this.referenceBelow(node, record));
    return below.problem === '' && below.level === node.level - 1 ? below : undefined;
  }

  /** Children of a sealed catalog are counted from the root. */
  referenceBelow(node: ViewNode, record: number): number {
    const child = node.childOf(record);
    return (node.flags & NODE_FLAG.hashed) === 0 ? child : child + this.rootReference;
  }

  /** Every node that can be reached, each once, parents first. */
  *nodes(): Generator<ViewNode> {
    const { root } = this;
    if (root.problem !== '' || root.level >= TREE_DEPTH_MAX) return;
    const seen = new Set<number>([root.block]);
    const waiting = [root];
    for (let node = waiting.pop(); node; node = waiting.pop()) {
      yield node;
      if (node.isLeaf) continue;
      for (let record = node.count - 1; record >= 0; record--) {
        const below = this.child(node, record);
        if (!below || seen.has(below.block)) continue;
        seen.add(below.block);
        waiting.push(below);
      }
    }
  }

  /** Leaves in the order of their keys. */
  *leaves(): Generator<ViewNode> {
    for (const node of this.nodes()) if (node.isLeaf) yield node;
  }

  /** Records in order from the first one on for which `isBefore` is false. */
  *from(isBefore: (node: ViewNode, record: number) => boolean): Generator<Place> {
    for (const { node, first } of this.leavesFrom(isBefore)) {
      for (let record = first; record < node.count; record++) yield { node, record };
    }
  }

  /** As `from`, leaf by leaf: the record of each with which to begin. No leaf comes twice. */
  *leavesFrom(
    isBefore: (node: ViewNode, record: number) => boolean,
  ): Generator<{ readonly node: ViewNode; readonly first: number }> {
    const { root } = this;
    if (root.problem !== '' || root.level >= TREE_DEPTH_MAX) return;
    const path: { readonly node: ViewNode; record: number }[] = [];
    const seen = new Set<number>();
    let isSearching = true;
    let fruitless = 0;
    for (let node: ViewNode | undefined = root; ;) {
      fruitless++;
      if (node) {
        const first = isSearching ? firstNotBefore(node, isBefore) : 0;
        if (node.isLeaf) {
          if (seen.has(node.block)) return;
          seen.add(node.block);
          if (node.count > 0) fruitless = 0;
          yield { node, first };
          isSearching = false;
        } else path.push({ node, record: Math.max(first - 1, 0) - 1 });
      }
      const top = path.at(-1);
      if (!top || fruitless > FRUITLESS_STEPS_MAX) return;
      top.record++;
      if (top.record < top.node.count) node = this.child(top.node, top.record);
      else {
        path.pop();
        node = undefined;
        isSearching = false;
      }
    }
  }

  /** The last record for which `isBeyond` is false; undefined when there is none. */
  last(isBeyond: (node: ViewNode, record: number) => boolean): Place | undefined {
    let node: ViewNode | undefined = this.root;
    if (node.problem !== '' || node.level >= TREE_DEPTH_MAX) return undefined;
    while (node) {
      const record = firstNotBefore(node, (at, index) => !isBeyond(at, index)) - 1;
      if (record < 0) return undefined;
      if (node.isLeaf) return { node, record };
      node = this.child(node, record);
    }
    return undefined;
  }
}

/** So many steps in a row that lead to no record end a walk: a tree that is made of damage is not searched through. */
const FRUITLESS_STEPS_MAX = 512;

function firstNotBefore(node: ViewNode, isBefore: (node: ViewNode, record: number) => boolean): number {
  let low = 0;
  let high = node.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(node, middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Order of two pairs of numbers: below 0, 0 or above 0. */
export const comparePairs = (aHigh: number, aLow: number, bHigh: number, bLow: number): number =>
  aHigh !== bHigh ? (aHigh < bHigh ? -1 : 1) : aLow === bLow ? 0 : aLow < bLow ? -1 : 1;
