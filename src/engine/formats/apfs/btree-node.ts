import { viewOf } from '../../base/bytes.ts';
import type { WriteLabel } from '../../device/device.ts';
import { BLOCK_SIZE_BYTES, OBJECT, OBJECT_FLAG } from './layout.ts';
import {
  BTREE_INFO_AT,
  BtreeInfo,
  CHILD_SIZE_BYTES,
  FIXED_ENTRY_SIZE_BYTES,
  NO_OFFSET,
  NODE_FLAG,
  TABLE_AT,
  VARIABLE_ENTRY_SIZE_BYTES,
} from './layout-tree.ts';
import { writeFooter } from './node-writer.ts';
import { putHeader, putU64, u32At, u64At, xidOf } from './object.ts';
import type { MetadataBuffer } from './transaction.ts';
import { fixedTableBytes, footerSizes, HASHED_NAME_AT, hashIn, hashOf } from './tree-kinds.ts';
import type { TreeKind } from './tree-kinds.ts';

/** A table of varying records grows by so many entries at a time, while there is room. */
const TABLE_STEP = 8;

/** Records are short: a loop is over before a view would be made. */
function copyBytes(from: Uint8Array, at: number, into: Uint8Array, to: number, length: number): void {
  for (let i = 0; i < length; i++) into[to + i] = from[at + i]!;
}

/** Whose node it is, and where. */
export interface NodePlace {
  /** What its parent, or the owner of the tree, refers to it by; of a physical node its block. */
  readonly oid: number;
  readonly block: number;
  readonly label: WriteLabel;
}

/**
 * One node of a B-tree, as it lies on disk. The records stay bytes; the table of contents is in order, keys and values
 * lie in the order in which they came.
 *
 * Always compact: no holes among keys or values, so the free lists are empty. `prepare` writes what is kept outside
 * `bytes` (header, counts, footer) into them; until then those fields are what they were.
 */
export class BtreeNode implements MetadataBuffer {
  readonly bytes: Uint8Array;
  readonly kind: TreeKind;
  readonly label: WriteLabel;
  oid: number;
  block: number;
  /** Transaction of its last copy: equal to the running one, it may be changed where it is. */
  xid = 0;
  level: number;
  count = 0;
  readonly isRoot: boolean;
  /** Footer, of a root only: records in all leaves, nodes, and the longest record there ever was. */
  keyCount = 0;
  nodeCount = 1;
  longestKeyBytes: number;
  longestValueBytes: number;

  readonly #view: DataView;
  /** Of `bytes`: asking an array for its buffer takes as long as making a view of it. */
  readonly #buffer: ArrayBufferLike;
  readonly #bufferStart: number;
  readonly #entryBytes: number;
  /** Where the values end: the end of the block, or the footer. */
  readonly #valuesEnd: number;
  #tableBytes: number;
  #keyBytes = 0;
  #valueBytes = 0;

  /** An empty node. */
  constructor(kind: TreeKind, level: number, isRoot: boolean, place: NodePlace, bytes?: Uint8Array) {
    this.kind = kind;
    this.level = level;
    this.isRoot = isRoot;
    this.oid = place.oid;
    this.block = place.block;
    this.label = place.label;
    this.bytes = bytes ?? new Uint8Array(BLOCK_SIZE_BYTES);
    this.#buffer = this.bytes.buffer;
    this.#bufferStart = this.bytes.byteOffset;
    this.#view = viewOf(this.bytes);
    this.#entryBytes = kind.fixed === null ? VARIABLE_ENTRY_SIZE_BYTES : FIXED_ENTRY_SIZE_BYTES;
    this.#valuesEnd = isRoot ? BTREE_INFO_AT : BLOCK_SIZE_BYTES;
    this.#tableBytes =
      kind.fixed === null ? TABLE_STEP * VARIABLE_ENTRY_SIZE_BYTES : fixedTableBytes(kind, level);
    this.longestKeyBytes = kind.longestWhenEmpty.keyBytes;
    this.longestValueBytes = kind.longestWhenEmpty.valueBytes;
  }

  /** A node read from the disk, which `damageOf` (btree-damage.ts) found sound. The node keeps `bytes`. */
  static of(bytes: Uint8Array, kind: TreeKind, place: NodePlace): BtreeNode {
    const view = viewOf(bytes);
    const isRoot = (view.getUint16(0x20, true) & NODE_FLAG.root) !== 0;
    const node = new BtreeNode(kind, view.getUint16(0x22, true), isRoot, place, bytes);
    node.xid = xidOf(bytes);
    node.count = view.getUint32(0x24, true);
    node.#tableBytes = view.getUint16(0x2a, true);
    node.#keyBytes = view.getUint16(0x2c, true);
    const freeBytes = view.getUint16(0x2e, true);
    node.#valueBytes = node.#valuesEnd - TABLE_AT - node.#tableBytes - node.#keyBytes - freeBytes;
    if (isRoot) {
      const info = BtreeInfo.peek(bytes, BTREE_INFO_AT);
      node.keyCount = info.keyCount;
      node.nodeCount = info.nodeCount;
      node.longestKeyBytes = info.longestKeyBytes;
      node.longestValueBytes = info.longestValueBytes;
    }
    if (!node.#isCompact()) node.#rebuild(node.count);
    return node;
  }

  get isLeaf(): boolean {
    return this.level === 0;
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Index of the record with exactly this key, or −1 − (index of the first record behind it). `hint`: what an earlier
   * search answered, looked at first with what lies beside it; any number will do.
   */
  search(key: Uint8Array, hint?: number): number {
    const { compare, fixed, orderMask } = this.kind;
    const { bytes } = this;
    const view = this.#view;
    const keysAt = TABLE_AT + this.#tableBytes;
    // Most comparisons end with the object, so that is read from the key once.
    const keyWord = u32At(key, 4);
    const keyHigh = (keyWord & orderMask) >>> 0;
    const keyLow = u32At(key, 0);
    // In a large directory the object is always the same, and most comparisons end with the hash.
    const keyHash = hashOf(this.kind, key);
    let low = 0;
    let high = this.count;
    let isNear = hint !== undefined;
    let middle = hint === undefined ? high >>> 1 : Math.min(hint < 0 ? -1 - hint : hint, high - 1);
    while (low < high) {
      const entry = TABLE_AT + middle * this.#entryBytes;
      const at = keysAt + view.getUint16(entry, true);
      let order = ((view.getUint32(at + 4, true) & orderMask) >>> 0) - keyHigh;
      if (order === 0) order = view.getUint32(at, true) - keyLow;
      if (order === 0) {
        const length = fixed === null ? view.getUint16(entry + 2, true) : fixed.keyBytes;
        if (keyHash >= 0 && length >= HASHED_NAME_AT && view.getUint32(at + 4, true) === keyWord) {
          order = hashIn(view.getUint32(at + 8, true)) - keyHash;
        }
        if (order === 0) order = compare(bytes, at, length, key, 0, key.length);
        if (order === 0) return middle;
      }
      if (order < 0) {
        low = middle + 1;
        middle = low;
      } else {
        high = middle;
        middle = high - 1;
      }
      if (!isNear) middle = (low + high) >>> 1;
      isNear = false;
    }
    return -1 - low;
  }

  /** Negative, 0 or positive: how the key of the record stands to this one. */
  compareAt(index: number, key: Uint8Array): number {
    return this.kind.compare(this.bytes, this.keyStart(index), this.keyLengthAt(index), key, 0, key.length);
  }

  /** A view of the key, good until the node changes. */
  keyAt(index: number): Uint8Array {
    return new Uint8Array(this.#buffer, this.#bufferStart + this.keyStart(index), this.keyLengthAt(index));
  }

  /** A view of the value, good until the node changes; empty for a ghost. */
  valueAt(index: number): Uint8Array {
    if (this.#valueOffset(index) === NO_OFFSET) return this.bytes.subarray(0, 0);
    return new Uint8Array(
      this.#buffer,
      this.#bufferStart + this.valueStart(index),
      this.valueLengthAt(index),
    );
  }

  /** Where the key begins in `bytes`. */
  keyStart(index: number): number {
    return TABLE_AT + this.#tableBytes + this.#view.getUint16(this.#entryAt(index), true);
  }

  /** Where the value, no ghost, begins in `bytes`. */
  valueStart(index: number): number {
    return this.#valuesEnd - this.#valueOffset(index);
  }

  /** The child of an index record. */
  childAt(index: number): number {
    return u64At(this.bytes, this.valueStart(index));
  }

  keyLengthAt(index: number): number {
    const { fixed } = this.kind;
    return fixed === null ? this.#view.getUint16(this.#entryAt(index) + 2, true) : fixed.keyBytes;
  }

  valueLengthAt(index: number): number {
    const { fixed } = this.kind;
    if (fixed === null) return this.#view.getUint16(this.#entryAt(index) + 6, true);
    if (this.#valueOffset(index) === NO_OFFSET) return 0;
    return this.level === 0 ? fixed.valueBytes : CHILD_SIZE_BYTES;
  }

  /** Key, value and table entry of a record. */
  recordBytesAt(index: number): number {
    return this.keyLengthAt(index) + this.valueLengthAt(index) + this.#entryBytes;
  }

  /** Less than a quarter of the room for records is used: the node had better join a neighbour. */
  get isSparse(): boolean {
    const isFixed = this.kind.fixed !== null;
    const used = this.#keyBytes + this.#valueBytes + (isFixed ? 0 : this.count * VARIABLE_ENTRY_SIZE_BYTES);
    const room = this.#valuesEnd - TABLE_AT - (isFixed ? this.#tableBytes : 0);
    return used * 4 < room;
  }

  /** Would the node hold so many more (or fewer) bytes of keys and values, and records? */
  fits(keyBytes: number, valueBytes: number, records: number): boolean {
    const count = this.count + records;
    const isFixed = this.kind.fixed !== null;
    if (isFixed && count * FIXED_ENTRY_SIZE_BYTES > this.#tableBytes) return false;
    const tableBytes = isFixed ? this.#tableBytes : Math.max(count, 1) * VARIABLE_ENTRY_SIZE_BYTES;
    const used = tableBytes + this.#keyBytes + keyBytes + this.#valueBytes + valueBytes;
    return used <= this.#valuesEnd - TABLE_AT;
  }

  /** Would all records of `other` fit behind those of this node? */
  fitsAllOf(other: BtreeNode): boolean {
    return this.fits(other.#keyBytes, other.#valueBytes, other.count);
  }

  /** Could this node, a root, hold what its only child holds? */
  couldBecome(child: BtreeNode): boolean {
    const tableBytes =
      this.kind.fixed === null
        ? child.count * VARIABLE_ENTRY_SIZE_BYTES
        : fixedTableBytes(this.kind, child.level);
    const { fixed } = this.kind;
    if (fixed !== null && child.count * FIXED_ENTRY_SIZE_BYTES > tableBytes) return false;
    return tableBytes + child.#keyBytes + child.#valueBytes <= this.#valuesEnd - TABLE_AT;
  }

  // ── changing: the caller has asked whether it fits ────────────────────────────────────────────────────────────────

  /** A record in the place `index`; an empty value makes a ghost. Key and value may lie in this very node. */
  insertAt(index: number, key: Uint8Array, value: Uint8Array): void {
    if (this.#isOwn(key)) key = key.slice();
    if (this.#isOwn(value)) value = value.slice();
    this.#makeTable(this.count + 1, key.length + value.length);
    const entry = this.#entryAt(index);
    const end = this.#entryAt(this.count);
    if (entry < end) this.bytes.copyWithin(entry + this.#entryBytes, entry, end);
    this.count++;
    this.#putKey(index, key);
    this.#putValue(index, value);
  }

  removeAt(index: number): void {
    this.#closeKey(index);
    this.#closeValue(index);
    const entry = this.#entryAt(index);
    this.bytes.copyWithin(entry, entry + this.#entryBytes, this.#entryAt(this.count));
    this.count--;
    if (this.kind.fixed === null) this.#narrowTable();
  }

  setKeyAt(index: number, key: Uint8Array): void {
    if (key.length === this.keyLengthAt(index)) {
      this.bytes.set(key, this.keyStart(index));
      return;
    }
    if (this.#isOwn(key)) key = key.slice();
    this.#closeKey(index);
    this.#makeTable(this.count, key.length);
    this.#putKey(index, key);
  }

  setValueAt(index: number, value: Uint8Array): void {
    if (value.length === this.valueLengthAt(index)) {
      if (value.length > 0) this.bytes.set(value, this.valueStart(index));
      return;
    }
    if (this.#isOwn(value)) value = value.slice();
    this.#closeValue(index);
    this.#makeTable(this.count, value.length);
    this.#putValue(index, value);
  }

  setChildAt(index: number, child: number): void {
    putU64(this.bytes, this.valueStart(index), child);
  }

  /** Records `from` and later go to the end of `target`; this node keeps the others. */
  moveTo(target: BtreeNode, from: number): void {
    target.appendFrom(this, from);
    this.#rebuild(from);
  }

  /** Copies of the records of `source` from index `from` on. */
  appendFrom(source: BtreeNode, from: number): void {
    for (let i = from; i < source.count; i++) this.#append(source, i);
  }

  /** Becomes empty, of another level: roots that grow or collapse. */
  clear(level: number): void {
    this.level = level;
    this.count = 0;
    this.#keyBytes = 0;
    this.#valueBytes = 0;
    this.#tableBytes =
      this.kind.fixed === null ? TABLE_STEP * VARIABLE_ENTRY_SIZE_BYTES : fixedTableBytes(this.kind, level);
  }

  /** Puts everything that is kept outside of the bytes into them. */
  prepare(xid: number): void {
    const { bytes, kind } = this;
    const view = this.#view;
    const storage = kind.storage === 'virtual' ? 0 : OBJECT_FLAG[kind.storage];
    const type = this.isRoot ? OBJECT.btreeRoot : OBJECT.btreeNode;
    putHeader(bytes, this.oid, xid, storage + type, kind.subtype);
    const flags =
      (this.isRoot ? NODE_FLAG.root : 0) |
      (this.level === 0 ? NODE_FLAG.leaf : 0) |
      (kind.fixed === null ? 0 : NODE_FLAG.fixedSizes);
    view.setUint16(0x20, flags, true);
    view.setUint16(0x22, this.level, true);
    view.setUint32(0x24, this.count, true);
    view.setUint16(0x28, 0, true);
    view.setUint16(0x2a, this.#tableBytes, true);
    view.setUint16(0x2c, this.#keyBytes, true);
    view.setUint16(0x2e, this.#freeBytes, true);
    view.setUint32(0x30, NO_OFFSET, true);
    view.setUint32(0x34, NO_OFFSET, true);
    if (!this.isRoot) return;
    const { keyBytes, valueBytes } = footerSizes(kind);
    writeFooter(bytes, {
      flags: kind.footerFlags,
      keySizeBytes: keyBytes,
      valueSizeBytes: valueBytes,
      longestKeyBytes: this.longestKeyBytes,
      longestValueBytes: this.longestValueBytes,
      keyCount: this.keyCount,
      nodeCount: this.nodeCount,
    });
  }

  /** Is it a view into this node? (The offset first: see ownBytes in btree.ts.) */
  #isOwn(bytes: Uint8Array): boolean {
    return bytes.byteOffset > 0 && bytes.buffer === this.#buffer;
  }

  // ── places ────────────────────────────────────────────────────────────────────────────────────────────────────────

  get #freeBytes(): number {
    return this.#valuesEnd - TABLE_AT - this.#tableBytes - this.#keyBytes - this.#valueBytes;
  }

  #entryAt(index: number): number {
    return TABLE_AT + index * this.#entryBytes;
  }

  /** How far before the end of the values this one begins; NO_OFFSET for a ghost. */
  #valueOffset(index: number): number {
    const entry = this.#entryAt(index);
    return this.#view.getUint16(this.kind.fixed === null ? entry + 4 : entry + 2, true);
  }

  #putKey(index: number, key: Uint8Array): void {
    const entry = this.#entryAt(index);
    this.#view.setUint16(entry, this.#keyBytes, true);
    if (this.kind.fixed === null) this.#view.setUint16(entry + 2, key.length, true);
    this.bytes.set(key, TABLE_AT + this.#tableBytes + this.#keyBytes);
    this.#keyBytes += key.length;
  }

  #putValue(index: number, value: Uint8Array): void {
    const entry = this.#entryAt(index);
    const isFixed = this.kind.fixed !== null;
    this.#valueBytes += value.length;
    const isGhost = isFixed && value.length === 0;
    this.#view.setUint16(entry + (isFixed ? 2 : 4), isGhost ? NO_OFFSET : this.#valueBytes, true);
    if (!isFixed) this.#view.setUint16(entry + 6, value.length, true);
    this.bytes.set(value, this.#valuesEnd - this.#valueBytes);
  }

  /** A copy of a record of another node, behind all others. Splits copy whole nodes: no views are made. */
  #append(source: BtreeNode, index: number): void {
    const keyLength = source.keyLengthAt(index);
    const valueLength = source.valueLengthAt(index);
    const valueOffset = source.#valueOffset(index);
    this.#makeTable(this.count + 1, keyLength + valueLength);
    const entry = this.#entryAt(this.count++);
    const view = this.#view;
    const keyTo = TABLE_AT + this.#tableBytes + this.#keyBytes;
    view.setUint16(entry, this.#keyBytes, true);
    this.#keyBytes += keyLength;
    this.#valueBytes += valueLength;
    if (this.kind.fixed === null) {
      view.setUint16(entry + 2, keyLength, true);
      view.setUint16(entry + 4, this.#valueBytes, true);
      view.setUint16(entry + 6, valueLength, true);
    } else {
      view.setUint16(entry + 2, valueLength === 0 ? NO_OFFSET : this.#valueBytes, true);
    }
    copyBytes(source.bytes, source.keyStart(index), this.bytes, keyTo, keyLength);
    const valueTo = this.#valuesEnd - this.#valueBytes;
    copyBytes(source.bytes, source.#valuesEnd - valueOffset, this.bytes, valueTo, valueLength);
  }

  /** Takes the key out of the keys; those behind it move up. Its table entry is left without meaning. */
  #closeKey(index: number): void {
    const length = this.keyLengthAt(index);
    const view = this.#view;
    const offset = view.getUint16(this.#entryAt(index), true);
    const keysAt = TABLE_AT + this.#tableBytes;
    if (offset + length < this.#keyBytes) {
      this.bytes.copyWithin(keysAt + offset, keysAt + offset + length, keysAt + this.#keyBytes);
      const end = this.#entryAt(this.count);
      for (let entry = TABLE_AT; entry < end; entry += this.#entryBytes) {
        const other = view.getUint16(entry, true);
        if (other > offset) view.setUint16(entry, other - length, true);
      }
    }
    this.#keyBytes -= length;
  }

  /** The same for the value: those before it, which came later, move down. */
  #closeValue(index: number): void {
    const length = this.valueLengthAt(index);
    if (length === 0) return;
    const view = this.#view;
    const offset = this.#valueOffset(index);
    if (offset < this.#valueBytes) {
      const from = this.#valuesEnd - this.#valueBytes;
      this.bytes.copyWithin(from + length, from, this.#valuesEnd - offset);
      const end = this.#entryAt(this.count);
      const first = TABLE_AT + (this.kind.fixed === null ? 4 : 2);
      for (let entry = first; entry < end; entry += this.#entryBytes) {
        const other = view.getUint16(entry, true);
        if (other > offset && other !== NO_OFFSET) view.setUint16(entry, other - length, true);
      }
    }
    this.#valueBytes -= length;
  }

  /** Room in the table for so many entries, with so many bytes of keys and values yet to come. */
  #makeTable(entries: number, moreBytes: number): void {
    if (this.kind.fixed !== null) return;
    const needed = entries * VARIABLE_ENTRY_SIZE_BYTES;
    const room = this.#valuesEnd - TABLE_AT - this.#keyBytes - this.#valueBytes - moreBytes;
    if (needed <= this.#tableBytes && this.#tableBytes <= room) return;
    const generous = Math.ceil(entries / TABLE_STEP) * TABLE_STEP * VARIABLE_ENTRY_SIZE_BYTES;
    this.#resizeTable(generous <= room ? generous : Math.max(needed, VARIABLE_ENTRY_SIZE_BYTES));
  }

  /** A table more than two steps too large gives them back. */
  #narrowTable(): void {
    const steps = Math.max(Math.ceil(this.count / TABLE_STEP), 1) + 2;
    const generous = steps * TABLE_STEP * VARIABLE_ENTRY_SIZE_BYTES;
    if (this.#tableBytes > generous) this.#resizeTable(generous - TABLE_STEP * VARIABLE_ENTRY_SIZE_BYTES);
  }

  #resizeTable(tableBytes: number): void {
    const from = TABLE_AT + this.#tableBytes;
    this.bytes.copyWithin(TABLE_AT + tableBytes, from, from + this.#keyBytes);
    this.#tableBytes = tableBytes;
  }

  /** Do keys and values fill their areas without holes? `damageOf` has excluded overlaps. */
  #isCompact(): boolean {
    let keys = 0;
    let values = 0;
    for (let i = 0; i < this.count; i++) {
      keys += this.keyLengthAt(i);
      values += this.valueLengthAt(i);
    }
    return keys === this.#keyBytes && values === this.#valueBytes;
  }

  /** The first `count` records, in order and compact; the rest of the node becomes zeros. */
  #rebuild(count: number): void {
    const { bytes } = this;
    const old = new BtreeNode(this.kind, this.level, this.isRoot, this, bytes.slice());
    old.#tableBytes = this.#tableBytes;
    const footer = this.isRoot ? bytes.slice(BTREE_INFO_AT) : null;
    bytes.fill(0, TABLE_AT);
    if (footer !== null) bytes.set(footer, BTREE_INFO_AT);
    this.clear(this.level);
    for (let i = 0; i < count; i++) this.#append(old, i);
  }
}
