import { viewOf } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES, OBJECT_FLAG, TYPE_WORD } from './layout.ts';
import {
  BTREE_INFO_AT,
  BTREE_INFO_SIZE_BYTES,
  BtreeInfo,
  BtreeNodeHeader,
  CHILD_SIZE_BYTES,
  FIXED_ENTRY_SIZE_BYTES,
  NO_OFFSET,
  NODE_FLAG,
  TABLE_AT,
  TREE_DEPTH_MAX,
  VARIABLE_ENTRY_SIZE_BYTES,
} from './layout-tree.ts';
import { u64At } from './fsck-check.ts';
import type { TreeKind } from './fsck-kinds.ts';
import { Node } from './fsck-node.ts';
import { putU64, RepairRefused } from './fsck-writer.ts';

/** A node that lies on the disk: what its parent calls it, and its block. Of a physical tree both are the same. */
export interface Placed {
  readonly reference: number;
  readonly block: number;
}

/** Where the nodes of a tree that is being repaired come from and go to. Nothing is ever changed in its place. */
export interface EditHome {
  /** Of the new checkpoint. */
  readonly xid: number;
  /** A fresh copy of a node. The tree has been checked. */
  read(reference: number): { readonly block: number; readonly bytes: Uint8Array };
  /** A new place for a node that changes (`old`), or for one more node of the tree (null). */
  place(old: Placed | null): Placed;
  /** This node is not part of the tree any more. */
  discard(old: Placed): void;
  /** The finished node, for its new block; seals it. */
  write(block: number, bytes: Uint8Array): void;
}

interface EditedRecord {
  key: Uint8Array;
  value: Uint8Array;
  /** The node it leads to, once that has been entered. */
  child: EditedNode | null;
}

interface EditedNode {
  /** Null: there was none. */
  readonly old: Placed | null;
  readonly bytes: Uint8Array;
  level: number;
  /** Room of its table of contents. */
  tableBytes: number;
  records: EditedRecord[];
  isChanged: boolean;
}

/**
 * A B-tree under repair: single records come, go and change, in memory; `write` brings every node that changed to a new
 * block, splits what has become too large, drops what has become empty, and answers where the root is. Costs the nodes
 * on the way to what changes. A tree that begins empty (`root` null) is made as a whole.
 */
export class TreeEditor {
  /** How many nodes more, or less, the tree has after `write`. */
  nodesAdded = 0;
  readonly #kind: TreeKind;
  readonly #home: EditHome;
  readonly #root: EditedNode;
  #recordsAdded = 0;
  readonly #longest = { keyBytes: 0, valueBytes: 0 };

  constructor(kind: TreeKind, home: EditHome, root: number | null) {
    this.#kind = kind;
    this.#home = home;
    this.#root = root === null ? emptyRoot() : this.#load(root);
    if (root === null) this.nodesAdded = 1;
  }

  /** The record with this key is what `change` makes of its value; null: there is none. */
  change(key: Uint8Array, change: (value: Uint8Array | null) => Uint8Array | null): void {
    const { records } = this.#leafOf(key, true);
    const { index, isFound } = this.#find(records, key);
    const old = isFound ? (records[index]?.value ?? null) : null;
    const value = change(old);
    if (value === null) {
      records.splice(index, isFound ? 1 : 0);
      this.#recordsAdded -= isFound ? 1 : 0;
      return;
    }
    records.splice(index, isFound ? 1 : 0, { key, value, child: null });
    this.#recordsAdded += isFound ? 0 : 1;
    this.#longest.keyBytes = Math.max(this.#longest.keyBytes, key.length);
    this.#longest.valueBytes = Math.max(this.#longest.valueBytes, value.length);
  }

  /** Changes bytes of values in the leaf at `block`, whose `bytes` say which one it is; before all other changes. */
  patch(block: number, bytes: Uint8Array, change: (bytes: Uint8Array) => void): void {
    const there = new Node(bytes, block, this.#kind);
    const leaf = this.#leafOf(bytes.slice(there.keyAt(0), there.keyEnd(0)), true);
    if (leaf.old?.block !== block) {
      throw new RepairRefused(`the ${this.#kind.title} knows another version of a node`);
    }
    change(leaf.bytes);
  }

  /** The last record whose key is at most this one; null: none. */
  upTo(key: Uint8Array): { readonly key: Uint8Array; readonly value: Uint8Array } | null {
    const { records } = this.#leafOf(key, false);
    const { index, isFound } = this.#find(records, key);
    return records[isFound ? index : index - 1] ?? null;
  }

  /** Where the root is from now on. */
  write(): number {
    const root = this.#root;
    let records = this.#settleChildren(root);
    while (this.#sizeOf(records) > this.#capacityOf(root.level, true)) {
      records = this.#writeParts(null, root, records);
      root.level++;
      root.tableBytes = 0;
    }
    if (records.length === 0) root.level = 0;
    const placed = this.#home.place(root.old);
    this.#writeNode({ placed, bytes: root.bytes, level: root.level, isRoot: true }, root.tableBytes, records);
    return placed.reference;
  }

  // ── finding ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The leaf in which this key stands or belongs. `isChanging`: all nodes on the way count as changed. */
  #leafOf(key: Uint8Array, isChanging: boolean): EditedNode {
    let node = this.#root;
    for (let depth = 0; ; depth++) {
      node.isChanged ||= isChanging;
      if (node.level === 0) return node;
      if (depth > TREE_DEPTH_MAX) throw new RepairRefused(`the ${this.#kind.title} has too many levels`);
      const { index, isFound } = this.#find(node.records, key);
      const record = node.records[Math.max(0, isFound ? index : index - 1)];
      if (!record) throw new RepairRefused(`the ${this.#kind.title} has an index node without records`);
      record.child ??= this.#load(u64At(viewOf(record.value), 0));
      node = record.child;
    }
  }

  /** Index of the key, or of the first record behind it. */
  #find(records: readonly EditedRecord[], key: Uint8Array): { index: number; isFound: boolean } {
    let [low, high] = [0, records.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = records[middle]?.key ?? key;
      const order = this.#kind.compare(other, 0, other.length, key, 0, key.length);
      if (order === 0) return { index: middle, isFound: true };
      if (order < 0) low = middle + 1;
      else high = middle;
    }
    return { index: low, isFound: false };
  }

  #load(reference: number): EditedNode {
    const { block, bytes } = this.#home.read(reference);
    const node = new Node(bytes, block, this.#kind);
    // Values are views: what `patch` changes in the bytes, they show.
    const records = Array.from({ length: node.count }, (_, i) => ({
      key: bytes.subarray(node.keyAt(i), node.keyEnd(i)),
      value: bytes.subarray(node.valueAt(i), node.valueAt(i) + node.valueBytes(i)),
      child: null,
    }));
    const tableBytes = node.keysAt - TABLE_AT;
    return { old: { reference, block }, bytes, level: node.level, tableBytes, records, isChanged: false };
  }

  // ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The records of a node once everything below it has been written. */
  #settleChildren(node: EditedNode): EditedRecord[] {
    if (node.level === 0) return node.records;
    return node.records.flatMap((record) =>
      record.child?.isChanged ? this.#settle(record.child) : [record],
    );
  }

  /** Writes a node that is no root; the answer stands for it in its parent: none, one or several records. */
  #settle(node: EditedNode): EditedRecord[] {
    const records = this.#settleChildren(node);
    if (records.length > 0) return this.#writeParts(node.old, node, records);
    if (node.old) {
      this.#home.discard(node.old);
      this.nodesAdded--;
    }
    return [];
  }

  /** As many nodes as the records need, each about as full as the others; the first one takes the place of `old`. */
  #writeParts(old: Placed | null, from: EditedNode, records: readonly EditedRecord[]): EditedRecord[] {
    const { level, bytes } = from;
    const capacity = this.#capacityOf(level, false);
    const total = this.#sizeOf(records);
    const target = total / Math.ceil(total / capacity);
    const parts: EditedRecord[][] = [];
    let size = Infinity;
    for (const record of records) {
      const more = this.#sizeOf([record]);
      if (size >= target || size + more > capacity) {
        parts.push([]);
        size = 0;
      }
      parts.at(-1)?.push(record);
      size += more;
    }
    return parts.map((part, i) => {
      const placed = this.#home.place(i === 0 ? old : null);
      if (i > 0 || old === null) this.nodesAdded++;
      this.#writeNode({ placed, bytes, level, isRoot: false }, from.tableBytes, part);
      const value = new Uint8Array(CHILD_SIZE_BYTES);
      putU64(viewOf(value), 0, placed.reference);
      return { key: part[0]?.key ?? new Uint8Array(0), value, child: null };
    });
  }

  /** Bytes for records and, where their sizes vary, for their entries in the table of contents. */
  #capacityOf(level: number, isRoot: boolean): number {
    const room = BLOCK_SIZE_BYTES - TABLE_AT - (isRoot ? BTREE_INFO_SIZE_BYTES : 0);
    return this.#kind.fixed ? room - this.#fixedTableBytes(level) : room;
  }

  #sizeOf(records: readonly EditedRecord[]): number {
    const entryBytes = this.#kind.fixed ? 0 : VARIABLE_ENTRY_SIZE_BYTES;
    return records.reduce((sum, { key, value }) => sum + key.length + value.length + entryBytes, 0);
  }

  /** Trees with fixed sizes make room for as many entries as could ever fit. */
  #fixedTableBytes(level: number): number {
    const { keyBytes, valueBytes } = this.#kind.fixed ?? { keyBytes: 0, valueBytes: 0 };
    const recordBytes = keyBytes + (level === 0 ? valueBytes : CHILD_SIZE_BYTES) + FIXED_ENTRY_SIZE_BYTES;
    return Math.floor((BLOCK_SIZE_BYTES - TABLE_AT) / recordBytes) * FIXED_ENTRY_SIZE_BYTES;
  }

  /** Room for the entries: as much as the node had, where that leaves enough. */
  #tableBytesOf(wanted: number, level: number, isRoot: boolean, records: readonly EditedRecord[]): number {
    if (this.#kind.fixed) return this.#fixedTableBytes(level);
    const least = VARIABLE_ENTRY_SIZE_BYTES * Math.max(1, records.length);
    const spare = this.#capacityOf(level, isRoot) - this.#sizeOf(records);
    return wanted >= least && wanted - VARIABLE_ENTRY_SIZE_BYTES * records.length <= spare ? wanted : least;
  }

  #writeNode(form: NodeForm, tableBytesWanted: number, records: readonly EditedRecord[]): void {
    const { placed, level, isRoot } = form;
    const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
    const view = viewOf(bytes);
    const tableBytes = this.#tableBytesOf(tableBytesWanted, level, isRoot, records);
    const keysAt = TABLE_AT + tableBytes;
    const valuesEnd = isRoot ? BTREE_INFO_AT : BLOCK_SIZE_BYTES;
    let key = keysAt;
    let value = valuesEnd;
    let entry = TABLE_AT;
    for (const record of records) {
      value -= record.value.length;
      bytes.set(record.key, key);
      bytes.set(record.value, value);
      const words = this.#kind.fixed
        ? [key - keysAt, valuesEnd - value]
        : [key - keysAt, record.key.length, valuesEnd - value, record.value.length];
      for (const [i, word] of words.entries()) view.setUint16(entry + 2 * i, word, true);
      entry += 2 * words.length;
      key += record.key.length;
    }
    BtreeNodeHeader.write(bytes, {
      ...{ checksumLow: 0, checksumHigh: 0, oid: placed.reference, xid: this.#home.xid },
      ...{ type: this.#typeOf(form), subtype: this.#kind.subtype, level, count: records.length },
      flags:
        (isRoot ? NODE_FLAG.root : 0) |
        (level === 0 ? NODE_FLAG.leaf : 0) |
        (this.#kind.fixed ? NODE_FLAG.fixedSizes : 0),
      ...{ tableOffset: 0, tableBytes, freeOffset: key - keysAt, freeBytes: value - key },
      ...{ keyHoles: NO_OFFSET, keyHoleBytes: 0, valueHoles: NO_OFFSET, valueHoleBytes: 0 },
    });
    if (isRoot) this.#writeFooter(bytes);
    this.#home.write(placed.block, bytes);
  }

  #typeOf({ isRoot, bytes }: NodeForm): number {
    const encrypted = viewOf(bytes).getUint32(TYPE_AT, true) & OBJECT_FLAG.encrypted;
    const isVirtual = this.#kind.storage === 'virtual';
    const root = isVirtual ? TYPE_WORD.virtualRoot : TYPE_WORD.physicalRoot;
    const node = isVirtual ? TYPE_WORD.virtualNode : TYPE_WORD.physicalNode;
    return (isRoot ? root : node) + encrypted;
  }

  #writeFooter(bytes: Uint8Array): void {
    const { old } = this.#root;
    const { fixed, footerFlags, longest } = this.#kind;
    const before = BtreeInfo.peek(this.#root.bytes, BTREE_INFO_AT);
    const info = {
      flags: old ? before.flags : footerFlags,
      nodeSizeBytes: BLOCK_SIZE_BYTES,
      keySizeBytes: fixed?.keyBytes ?? 0,
      valueSizeBytes: fixed?.valueBytes ?? 0,
      longestKeyBytes: longest.keyBytes ?? Math.max(before.longestKeyBytes, this.#longest.keyBytes),
      longestValueBytes: longest.valueBytes ?? Math.max(before.longestValueBytes, this.#longest.valueBytes),
      keyCount: before.keyCount + this.#recordsAdded,
      nodeCount: before.nodeCount + this.nodesAdded,
    };
    BtreeInfo.write(bytes, info, BTREE_INFO_AT);
  }
}

const TYPE_AT = 24;

interface NodeForm {
  readonly placed: Placed;
  /** Of the node it comes from: whether it is marked as encrypted. */
  readonly bytes: Uint8Array;
  readonly level: number;
  readonly isRoot: boolean;
}

/** Of a tree that has no node yet. */
const emptyRoot = (): EditedNode => ({
  ...{ old: null, bytes: new Uint8Array(BLOCK_SIZE_BYTES), level: 0, tableBytes: 0 },
  ...{ records: [], isChanged: true },
});
