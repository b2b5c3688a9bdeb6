import { assert } from '../../base/assert.ts';
import { viewOf } from '../../base/bytes.ts';
import type { WriteLabel } from '../../device/device.ts';
import { damaged } from './damage.ts';
import { NODE_DESCRIPTOR_SIZE_BYTES, NODE_KIND, NodeDescriptor } from './layout-tree.ts';
import type { DeviceRun, MetadataBuffer } from './metadata.ts';

const { forward, backward, kind, height, recordCount } = NodeDescriptor.fields;

/** Order of the keys of a tree. */
export interface KeyOrder {
  /** Below 0, 0 or above 0: the key at byte `at` of `node` (its length field first) against `key`. */
  compare(node: Uint8Array, at: number, key: Uint8Array): number;
}

/**
 * A node in memory: its bytes and what they say. Whoever changes one has had it touched by the commit before. Bytes
 * that records gave up are zero.
 */
export class TreeNode implements MetadataBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  isDirty = false;
  label: WriteLabel;
  /** Another one after each change of its records, and when it leaves memory: a remembered index is no longer good. */
  version = 0;
  /** Used since the cache last looked. */
  isRecent = true;
  /** Records and links were found to make sense. */
  isChecked = false;

  constructor(
    readonly number: number,
    bytes: Uint8Array,
    readonly runs: readonly DeviceRun[],
    label: WriteLabel,
  ) {
    this.bytes = bytes;
    this.view = viewOf(bytes);
    this.label = label;
  }

  get forward(): number {
    return this.view.getUint32(forward.at);
  }
  set forward(node: number) {
    this.view.setUint32(forward.at, node);
  }
  get backward(): number {
    return this.view.getUint32(backward.at);
  }
  set backward(node: number) {
    this.view.setUint32(backward.at, node);
  }
  get kind(): number {
    return this.view.getUint8(kind.at);
  }
  get height(): number {
    return this.view.getUint8(height.at);
  }
  get recordCount(): number {
    return this.view.getUint16(recordCount.at);
  }

  /** Byte at which record `index` begins; of `recordCount`: where free space begins. */
  offsetOf(index: number): number {
    return this.view.getUint16(this.bytes.length - 2 * index - 2);
  }

  /** Byte behind the key of the record that begins at `at`. */
  dataOffsetOf(index: number): number {
    const at = this.offsetOf(index);
    const length = this.view.getUint16(at);
    return at + 2 + length + (length & 1);
  }

  /** The record's key with its length field, where it lies. */
  keyOf(index: number): Uint8Array {
    const at = this.offsetOf(index);
    return this.bytes.subarray(at, at + 2 + this.view.getUint16(at));
  }

  dataOf(index: number): Uint8Array {
    return this.bytes.subarray(this.dataOffsetOf(index), this.offsetOf(index + 1));
  }

  recordOf(index: number): Uint8Array {
    return this.bytes.subarray(this.offsetOf(index), this.offsetOf(index + 1));
  }

  /** Of an index node: the node that record `index` leads to. */
  childOf(index: number): number {
    return this.view.getUint32(this.dataOffsetOf(index));
  }

  /** Bytes of all records with their entries of the offset table. */
  get usedBytes(): number {
    const count = this.recordCount;
    return this.offsetOf(count) - NODE_DESCRIPTOR_SIZE_BYTES + 2 * count;
  }

  /** What `usedBytes` can become. */
  get capacityBytes(): number {
    return this.bytes.length - NODE_DESCRIPTOR_SIZE_BYTES - 2;
  }

  /** Index of the record with `key`, or the complement (~) of where it would stand. */
  search(order: KeyOrder, key: Uint8Array): number {
    const { bytes } = this;
    let low = 0;
    let high = this.recordCount - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const compared = order.compare(bytes, this.offsetOf(middle), key);
      if (compared === 0) return middle;
      if (compared < 0) low = middle + 1;
      else high = middle - 1;
    }
    return ~low;
  }

  // ── changes ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** All zero but the descriptor: an empty node of this kind. */
  initialise(kindOfNode: number, heightOfNode: number): void {
    this.clear();
    this.view.setUint8(kind.at, kindOfNode);
    this.view.setUint8(height.at, heightOfNode);
    this.view.setUint16(this.bytes.length - 2, NODE_DESCRIPTOR_SIZE_BYTES);
  }

  /** As fsck wants a node that is not in use. */
  clear(): void {
    this.bytes.fill(0);
    this.version++;
    this.isChecked = true;
  }

  fits(index: number, removeCount: number, insertBytes: number, insertCount: number): boolean {
    const removedBytes = removeCount === 0 ? 0 : this.offsetOf(index + removeCount) - this.offsetOf(index);
    const used = this.usedBytes - removedBytes - 2 * removeCount;
    return used + insertBytes + 2 * insertCount <= this.capacityBytes;
  }

  /** `key` must be of even length. */
  insert(index: number, key: Uint8Array, data: Uint8Array): void {
    const at = this.#makeRoom(index, 0, key.length + data.length, 1);
    this.bytes.set(key, at);
    this.bytes.set(data, at + key.length);
    this.view.setUint16(this.bytes.length - 2 * index - 2, at);
  }

  /** `records` in the place of `removeCount` ones from `index` on. */
  splice(index: number, removeCount: number, records: readonly Uint8Array[]): void {
    let length = 0;
    for (const record of records) length += record.length;
    let at = this.#makeRoom(index, removeCount, length, records.length);
    let entry = this.bytes.length - 2 * index - 2;
    for (const record of records) {
      this.bytes.set(record, at);
      this.view.setUint16(entry, at);
      at += record.length;
      entry -= 2;
    }
  }

  /** Moves what follows; returns where the new records' bytes belong. */
  #makeRoom(index: number, removeCount: number, insertBytes: number, insertCount: number): number {
    const { bytes, view } = this;
    const size = bytes.length;
    const count = this.recordCount;
    const start = this.offsetOf(index);
    const end = this.offsetOf(index + removeCount);
    const free = this.offsetOf(count);
    const shiftBytes = insertBytes - (end - start);
    const shiftCount = insertCount - removeCount;
    assert(
      free + shiftBytes + 2 * (count + shiftCount + 1) <= size,
      `node ${this.number} has room for ${insertBytes} bytes`,
    );
    this.version++;
    if (shiftBytes !== 0) bytes.copyWithin(start + insertBytes, end, free);
    if (shiftBytes < 0) bytes.fill(0, free + shiftBytes, free);
    if (shiftCount > 0) {
      for (let i = count; i >= index + removeCount; i--) {
        view.setUint16(size - 2 * (i + shiftCount) - 2, view.getUint16(size - 2 * i - 2) + shiftBytes);
      }
    } else if (shiftBytes !== 0 || shiftCount < 0) {
      for (let i = index + removeCount; i <= count; i++) {
        view.setUint16(size - 2 * (i + shiftCount) - 2, view.getUint16(size - 2 * i - 2) + shiftBytes);
      }
      if (shiftCount < 0) bytes.fill(0, size - 2 * count - 2, size - 2 * (count + shiftCount) - 2);
    }
    view.setUint16(recordCount.at, count + shiftCount);
    return start;
  }

  // ── trust ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Once, before anything in it is followed: kind and height as expected where it was found, record offsets ascending
   * within the node, every key inside its record, of an index every record with a child. EIO with a sentence.
   */
  check(tree: string, expectedKind: number, expectedHeight: number): void {
    if (this.kind !== expectedKind || this.height !== expectedHeight) {
      throw damaged(
        `node ${this.number} of the ${tree} has kind ${this.kind} and height ${this.height}, ` +
          `expected ${expectedKind} and ${expectedHeight}`,
      );
    }
    if (this.isChecked) return;
    const { view } = this;
    const count = this.recordCount;
    const tableAt = this.bytes.length - 2 * (count + 1);
    const wrong = (what: string) => damaged(`${what} of node ${this.number} of the ${tree} makes no sense`);
    if (count === 0 || tableAt < NODE_DESCRIPTOR_SIZE_BYTES) throw wrong('the record count');
    if (this.offsetOf(0) !== NODE_DESCRIPTOR_SIZE_BYTES) throw wrong('the first record');
    for (let i = 0; i < count; i++) {
      const at = this.offsetOf(i);
      const end = this.offsetOf(i + 1);
      if (end < at + 2 || end > tableAt) throw wrong(`the end of record ${i}`);
      const dataAt = at + 2 + view.getUint16(at) + (view.getUint16(at) & 1);
      const least = expectedKind === NODE_KIND.index ? 4 : 2;
      if (dataAt + least > end) throw wrong(`the key of record ${i}`);
    }
    this.isChecked = true;
  }
}
