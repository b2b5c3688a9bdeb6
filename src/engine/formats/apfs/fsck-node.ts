import { viewOf } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import {
  BTREE_INFO_AT,
  CHILD_SIZE_BYTES,
  FIXED_ENTRY_SIZE_BYTES,
  NODE_FLAG,
  NODE_HEADER_SIZE_BYTES,
  NO_OFFSET,
  TABLE_AT,
  VARIABLE_ENTRY_SIZE_BYTES,
} from './layout-tree.ts';
import type { TreeKind } from './fsck-kinds.ts';

/**
 * One node of a B-tree as it lies on the disk. The constructor takes whatever bytes there are; nothing else may be asked
 * of a node before `fatalFault` has said null.
 */
export class Node {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly block: number;
  readonly kind: TreeKind;
  readonly flags: number;
  readonly level: number;
  readonly count: number;
  readonly isRoot: boolean;
  readonly isLeaf: boolean;
  readonly isFixed: boolean;
  /** Keys lie from here … */
  readonly keysAt: number;
  /** … to here, where free space begins, … */
  readonly keysEnd: number;
  /** … which ends where the values begin. */
  readonly valuesAt: number;
  readonly valuesEnd: number;

  constructor(bytes: Uint8Array, block: number, kind: TreeKind) {
    const view = viewOf(bytes);
    this.bytes = bytes;
    this.view = view;
    this.block = block;
    this.kind = kind;
    this.flags = view.getUint16(0x20, true);
    this.level = view.getUint16(0x22, true);
    this.count = view.getUint32(0x24, true);
    this.isRoot = (this.flags & NODE_FLAG.root) !== 0;
    this.isLeaf = (this.flags & NODE_FLAG.leaf) !== 0;
    this.isFixed = (this.flags & NODE_FLAG.fixedSizes) !== 0;
    this.keysAt = TABLE_AT + view.getUint16(0x28, true) + view.getUint16(0x2a, true);
    this.keysEnd = this.keysAt + view.getUint16(0x2c, true);
    this.valuesAt = this.keysEnd + view.getUint16(0x2e, true);
    this.valuesEnd = this.isRoot ? BTREE_INFO_AT : BLOCK_SIZE_BYTES;
  }

  keyAt(index: number): number {
    return this.keysAt + this.view.getUint16(TABLE_AT + index * this.#entryBytes, true);
  }

  keyEnd(index: number): number {
    const at = TABLE_AT + index * this.#entryBytes;
    const { fixed } = this.kind;
    return (
      this.keysAt +
      this.view.getUint16(at, true) +
      (fixed ? fixed.keyBytes : this.view.getUint16(at + 2, true))
    );
  }

  /** A key without a value, in trees that allow such. */
  isGhost(index: number): boolean {
    return this.kind.hasGhosts && this.isLeaf && this.#valueOffset(index) === NO_OFFSET;
  }

  valueAt(index: number): number {
    return this.isGhost(index) ? this.valuesEnd : this.valuesEnd - this.#valueOffset(index);
  }

  valueBytes(index: number): number {
    const { fixed } = this.kind;
    if (!fixed) return this.view.getUint16(TABLE_AT + index * VARIABLE_ENTRY_SIZE_BYTES + 6, true);
    if (!this.isLeaf) return CHILD_SIZE_BYTES;
    return this.isGhost(index) ? 0 : fixed.valueBytes;
  }

  get #entryBytes(): number {
    return this.kind.fixed ? FIXED_ENTRY_SIZE_BYTES : VARIABLE_ENTRY_SIZE_BYTES;
  }

  #valueOffset(index: number): number {
    return this.kind.fixed
      ? this.view.getUint16(TABLE_AT + index * FIXED_ENTRY_SIZE_BYTES + 2, true)
      : this.view.getUint16(TABLE_AT + index * VARIABLE_ENTRY_SIZE_BYTES + 4, true);
  }

  /** Why the records of this node cannot be read at all; null: they can. `isRoot`: as whoever points here says. */
  fatalFault(isRoot: boolean): string | null {
    const { kind, count } = this;
    if (this.isRoot !== isRoot)
      return isRoot ? 'the root is not flagged as root' : 'a child is flagged as root';
    if (this.isFixed !== (kind.fixed !== null)) return `wrong flags (0x${this.flags.toString(16)})`;
    if (this.isLeaf !== (this.level === 0))
      return `level ${this.level} and flags 0x${this.flags.toString(16)} disagree`;
    if (this.valuesAt > this.valuesEnd) return 'table, keys and free space reach beyond the values';
    if (this.view.getUint16(0x28, true) !== 0) return 'the table of contents does not follow the header';
    const tableBytes = this.keysAt - TABLE_AT;
    if (count * this.#entryBytes > tableBytes)
      return `${count} records do not fit into a table of ${tableBytes} bytes`;
    if (count === 0 && (!isRoot || !this.isLeaf)) return 'it has no records';
    const childBytes = kind.isSealed ? SEALED_CHILD_BYTES : CHILD_SIZE_BYTES;
    for (let i = 0; i < count; i++) {
      const keyAt = this.keyAt(i);
      const keyEnd = this.keyEnd(i);
      if (keyEnd > this.keysEnd) return `key ${i} reaches beyond the keys`;
      if (keyEnd - keyAt < kind.keyBytesMin) return `key ${i} has ${keyEnd - keyAt} bytes`;
      const at = this.valueAt(i);
      const length = this.valueBytes(i);
      if (at < this.valuesAt || at + length > this.valuesEnd) return `value ${i} is out of bounds`;
      if (!this.isLeaf && length !== childBytes) return `value ${i} of an index node has ${length} bytes`;
    }
    return null;
  }

  /** What is wrong with flags, size of the table and free space, though all records can be read. */
  fault(): string | null {
    const { flags, kind } = this;
    if ((flags & ~31) !== 0) return `unknown flags (0x${flags.toString(16)})`;
    const sealed = NODE_FLAG.hashed | NODE_FLAG.noHeader;
    if ((flags & sealed) !== (kind.isSealed ? sealed : 0)) return `wrong flags (0x${flags.toString(16)})`;
    const tableBytes = this.keysAt - TABLE_AT;
    const least = tableBytesMin(kind, this.isLeaf);
    if (tableBytes < least) return `a table of contents of ${tableBytes} bytes, at least ${least} expected`;
    if (kind.fixed && !kind.hasGhosts && tableBytes !== least) {
      return `a table of contents of ${tableBytes} bytes, ${least} expected`;
    }
    return this.#spaceFault();
  }

  /** Every byte of both areas is part of one record or counted as free; listed holes are holes. */
  #spaceFault(): string | null {
    use.fill(0);
    let keyBytes = 0;
    let valueBytes = 0;
    for (let i = 0; i < this.count; i++) {
      const keyAt = this.keyAt(i);
      const keyEnd = this.keyEnd(i);
      use.fill(1, keyAt, keyEnd);
      keyBytes += keyEnd - keyAt;
      const at = this.valueAt(i);
      const length = this.valueBytes(i);
      use.fill(1, at, at + length);
      valueBytes += length;
    }
    return (
      this.#areaFault('key', this.keysAt, this.keysEnd, keyBytes, 0x30) ??
      this.#areaFault('value', this.valuesAt, this.valuesEnd, valueBytes, 0x34)
    );
  }

  #areaFault(what: string, from: number, to: number, bytesOfRecords: number, headAt: number): string | null {
    let used = 0;
    for (let i = from; i < to; i++) used += use[i] ?? 0;
    if (used !== bytesOfRecords) return `${what}s of two records overlap`;
    const total = this.view.getUint16(headAt + 2, true);
    if (to - from - used !== total) {
      return `wrong free space total for the ${what} area (${total}, expected ${to - from - used})`;
    }
    return this.#holesFault(what, from, to, this.view.getUint16(headAt, true), total);
  }

  #holesFault(what: string, from: number, to: number, first: number, total: number): string | null {
    let offset = first;
    let rest = total;
    while (rest > 0 && offset !== NO_OFFSET) {
      const at = what === 'key' ? from + offset : to - offset;
      if (at < from || at + HOLE_HEADER_BYTES > to) return `a listed hole lies outside the ${what} area`;
      const length = this.view.getUint16(at + 2, true);
      if (length < HOLE_HEADER_BYTES || at + length > to)
        return `a listed hole of ${length} bytes in the ${what} area`;
      for (let i = at; i < at + length; i++) {
        if (use[i] !== 0)
          return use[i] === 1 ? `${what} space in use is listed as free` : `a ${what} hole is listed twice`;
        use[i] = 2;
      }
      rest -= length;
      offset = this.view.getUint16(at, true);
    }
    return offset === NO_OFFSET ? null : `the list of ${what} holes does not end`;
  }
}

/** Every byte of the node being looked at: 0 nobody's, 1 part of a record, 2 a listed hole. */
const use = new Uint8Array(BLOCK_SIZE_BYTES);

/** Trees with fixed sizes make room for as many records as could ever fit, the footer of a root left aside (§4.4). */
function tableBytesMin(kind: TreeKind, isLeaf: boolean): number {
  if (!kind.fixed) return VARIABLE_ENTRY_SIZE_BYTES;
  const valueBytes = isLeaf ? kind.fixed.valueBytes : CHILD_SIZE_BYTES;
  const recordBytes = kind.fixed.keyBytes + valueBytes + FIXED_ENTRY_SIZE_BYTES;
  return Math.floor((BLOCK_SIZE_BYTES - NODE_HEADER_SIZE_BYTES) / recordBytes) * FIXED_ENTRY_SIZE_BYTES;
}

/** {next offset u16, length u16} at the beginning of each hole. */
const HOLE_HEADER_BYTES = 4;
/** In a sealed catalog: place of the child relative to the root's id, and its SHA-256. */
const SEALED_CHILD_BYTES = 40;
