import { viewOf } from '../../base/bytes.ts';
import type { WriteLabel } from '../../device/device.ts';
import {
  HEADER_NODE,
  HeaderRecord,
  NODE_DESCRIPTOR_SIZE_BYTES,
  NODE_KIND,
  NODE_SIZE_BYTES_MAX,
  NODE_SIZE_BYTES_MIN,
} from './layout-tree.ts';
import { NumberSet } from './fsck-bits.ts';
import type { SpecialFile } from './fsck-forks.ts';
import type { KeyRules } from './fsck-keys.ts';
import { STAGE } from './fsck-stages.ts';

/**
 * One of the three B-trees under examination: its nodes, what a walk found out about it, and what has to be done to it.
 * A record that keeps its length is changed in place (`patch`); everything else (`remove`, `insert`, a broken
 * structure) waits until the end of the pass, when the tree is built anew (fsck-rebuild.ts).
 */
export class Tree {
  readonly nodeSizeBytes: number;
  totalNodes: number;
  header: HeaderRecord;
  readonly headerNode: Uint8Array;
  /** Leaves in the order of their keys, as the index leads to them. */
  readonly leaves: number[] = [];
  /** Nodes that something leads to, header and map nodes with them. */
  readonly used = new NumberSet();
  leafRecords = 0;
  depth = 0;
  isBroken = false;
  readonly removed = new Set<number>();
  readonly inserted: Inserted[] = [];
  /** Repairs that wait until it is known that no file holds the same blocks. */
  readonly erasures: (() => void)[] = [];

  constructor(
    public file: SpecialFile,
    readonly rules: (header: HeaderRecord) => KeyRules,
    readonly nodeSizeMin: number,
    /** What new header nodes say. */
    readonly fresh: FreshHeader,
  ) {
    const first = file.read(0, NODE_SIZE_BYTES_MIN);
    this.header = HeaderRecord.peek(first, HEADER_NODE.header);
    const stated = this.header.nodeSizeBytes;
    this.nodeSizeBytes = isNodeSize(stated, nodeSizeMin) ? stated : guessNodeSize(file, nodeSizeMin);
    this.totalNodes = Math.min(Math.floor(file.sizeBytes / this.nodeSizeBytes), 2 ** 32 - 1);
    this.headerNode = file.read(0, this.nodeSizeBytes);
  }

  /** The same file with more blocks behind it. */
  grow(file: SpecialFile): void {
    this.file = file;
    this.totalNodes = Math.min(Math.floor(file.sizeBytes / this.nodeSizeBytes), 2 ** 32 - 1);
  }

  get keys(): KeyRules {
    return this.rules(this.header);
  }

  get name(): string {
    return this.file.name;
  }

  get mustRebuild(): boolean {
    return this.isBroken || this.removed.size > 0 || this.inserted.length > 0;
  }

  readNode(node: number): Uint8Array {
    return this.file.read(node * this.nodeSizeBytes, this.nodeSizeBytes);
  }

  deviceOffset(node: number, at = 0): number {
    return this.file.deviceOffset(node * this.nodeSizeBytes + at);
  }

  label(reason: string): WriteLabel {
    return { role: 'tree', owner: this.name, reason };
  }

  patch(node: number, at: number, bytes: Uint8Array, reason: string): void {
    this.file.write(node * this.nodeSizeBytes + at, bytes, STAGE.records, this.label(reason));
  }

  /** The record whose key begins at `keyAt` of `node`. */
  remove(node: number, keyAt: number): void {
    this.removed.add(placeOf(node, keyAt));
  }

  /** `key` with its length field. An insert wins over a record with the same key. */
  insert(key: Uint8Array, data: Uint8Array): void {
    this.inserted.push({ key, data });
  }
}

export interface Inserted {
  readonly key: Uint8Array;
  readonly data: Uint8Array;
}

export interface FreshHeader {
  readonly maxKeyLengthBytes: number;
  readonly attributes: number;
  readonly keyCompareType: number;
}

/** One number for a record: nodes are below 2^32, offsets in them below 2^15. */
export const placeOf = (node: number, keyAt: number): number => node * 32_768 + keyAt;

export const isNodeSize = (size: number, min: number): boolean =>
  size >= min && size <= NODE_SIZE_BYTES_MAX && (size & (size - 1)) === 0;

/** Where the header node is lost: the size at which most of the places where nodes would be look like nodes. */
function guessNodeSize(file: SpecialFile, min: number): number {
  let best = min;
  let bestCount = 0;
  for (let size = min; size <= NODE_SIZE_BYTES_MAX; size *= 2) {
    let count = 0;
    let looks = 0;
    const end = file.sizeBytes - size;
    for (let at = file.nextStored(0); at <= end && looks < GUESS_NODES_MAX; at = file.nextStored(at + size)) {
      at -= at % size;
      looks++;
      if (looksLikeNode(file.read(at, size))) count++;
    }
    // A node of 4 KiB is met at every 8 KiB too: only more of them say that they are smaller.
    if (count * size > bestCount * best * 1.1) [best, bestCount] = [size, count];
  }
  return best;
}

const GUESS_NODES_MAX = 512;

function looksLikeNode(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  const kind = bytes[8];
  if (kind !== NODE_KIND.leaf && kind !== NODE_KIND.index) return false;
  const records = view.getUint16(10);
  return (
    records > 0 && nodeFault(view, bytes.length) === null && (kind === NODE_KIND.leaf) === (bytes[9] === 1)
  );
}

/** Is the table of record offsets one? Null when it is, else what is wrong; `at` is the byte of the node. */
export function nodeFault(view: DataView, nodeSizeBytes: number): { text: string; at: number } | null {
  const records = view.getUint16(10);
  const table = nodeSizeBytes - 2 * (records + 1);
  if (table < NODE_DESCRIPTOR_SIZE_BYTES) return { text: `${records} records cannot fit`, at: 10 };
  let previous = 0;
  for (let index = 0; index <= records; index++) {
    const at = nodeSizeBytes - 2 * (index + 1);
    const offset = view.getUint16(at);
    const isFirst = index === 0;
    if (isFirst ? offset !== NODE_DESCRIPTOR_SIZE_BYTES : offset <= previous || offset > table) {
      return { text: `record ${index} begins at byte ${offset}`, at };
    }
    if ((offset & 1) !== 0) return { text: `record ${index} begins at the odd byte ${offset}`, at };
    previous = offset;
  }
  return null;
}
