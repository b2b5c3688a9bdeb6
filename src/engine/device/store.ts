import { assert } from '../base/assert.ts';
import { FsError } from '../base/errno.ts';
import type { Device, Fill, WriteLabel } from './device.ts';
import type { SavedContent } from './saved-blocks.ts';
import { FROM_BACKING, isOwn, mark, ownValueOfSlot, slotOf, Slots, valueOfSlot, ZEROS } from './slots.ts';
import { contentHash } from './slot-table.ts';
import type { Tape, TapeRange } from './tape.ts';
import { BlockTree, FAN_OUT, markTree, type Child, type Stretch } from './tree.ts';

/**
 * A disk that remembers. Any state can be kept (`version`), come back (`restore`) or live on beside another (`fork`),
 * each in a constant number of steps whatever the disk holds; memory goes to blocks that differ, once.
 */
export interface Geometry {
  readonly blockSizeBytes: number;
  readonly blockCount: number;
}

/**
 * An image that lies below a store: read when a block is looked at, never copied, never written.
 * What the device has beyond `sizeBytes` is zeros.
 */
export interface Backing {
  readonly sizeBytes: number;
  /** Fill all of `into`; the range lies within the image. FsError EIO when the host cannot. */
  read(offsetBytes: number, into: Uint8Array): void;
  /** First byte at or after `offsetBytes` that may not be zero, for hosts that know the holes of their files. */
  nextData?(offsetBytes: number): number;
}

/** A kept state. Opaque; holds on to its contents for as long as it is held (see `Store.compact`). */
export class Version {
  readonly slots: Slots;
  readonly root: Child;

  constructor(slots: Slots, root: Child) {
    this.slots = slots;
    this.root = root;
  }
}

/** What a run of blocks comes from. `zero` is said over a backing that may hold something else. */
export type RunKind = 'backing' | 'zero' | 'stored' | 'generated';

export interface BlockRun {
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly kind: RunKind;
}

const TRIM_LABEL: WriteLabel = { role: 'free', owner: '', reason: 'these blocks are no longer needed' };

/** Writes of at most so many blocks, which is what metadata are written in, look for what was there before. */
const SHARED_BLOCKS_MAX = 128;

/** 16 TiB. */
export const DEVICE_BYTES_MAX = 2 ** 44;

export class Store implements Device {
  readonly blockSizeBytes: number;
  readonly blockCount: number;
  readonly isReadOnly: boolean;
  /** What is done to the store goes here while the tape records. One store at a time should feed a tape. */
  tape: Tape | null = null;

  readonly #backing: Backing | null;
  readonly #slots: Slots;
  readonly #tree: BlockTree;
  #version: Version | null = null;
  /** What a block that was zeroed holds: nothing is below it, or something must be hidden. */
  readonly #zero: number;
  readonly #stretch: Stretch = { value: 0, end: 0 };

  constructor(geometry: Geometry, backing: Backing | null = null, isReadOnly = false, slots?: Slots) {
    const { blockSizeBytes, blockCount } = geometry;
    assert(
      blockSizeBytes === 512 || blockSizeBytes === 4096,
      `blocks of ${blockSizeBytes} bytes are 512 or 4096`,
    );
    assert(
      Number.isSafeInteger(blockCount) && blockCount > 0 && blockCount * blockSizeBytes <= DEVICE_BYTES_MAX,
      `${blockCount} blocks are at least one and at most 16 TiB`,
    );
    this.blockSizeBytes = blockSizeBytes;
    this.blockCount = blockCount;
    this.isReadOnly = isReadOnly;
    this.#backing = backing;
    this.#zero = backing === null ? FROM_BACKING : ZEROS;
    this.#slots = slots ?? new Slots(blockSizeBytes);
    this.#tree = new BlockTree(blockCount, this.#slots);
  }

  // ── versions ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The state as it is. The same object while nothing was written. */
  version(): Version {
    if (this.#version?.root !== this.#tree.root) {
      this.#version = new Version(this.#slots, this.#tree.freeze());
    }
    return this.#version;
  }

  /** Become what a version of this store or of one of its forks was. */
  restore(version: Version): void {
    assert(version.slots === this.#slots, 'the version is of this store or of a fork of it');
    this.#tree.restore(version.root);
    this.#version = version;
  }

  /** A store of its own with the contents of this one. It records on no tape. */
  fork(): Store {
    const fork = new Store(this, this.#backing, this.isReadOnly, this.#slots);
    fork.restore(this.version());
    return fork;
  }

  /** Forget all contents. Of a fork that is no longer needed: what only it wrote is free at once. */
  discard(): void {
    this.#tree.discard();
    this.#version = null;
  }

  /** Bytes of content in memory, of this store, its forks, versions and tapes together. */
  get storedBytes(): number {
    return this.#slots.usedBytes;
  }

  /**
   * Free what nothing names any more, after branches were dropped. `keep` lists everything that lives on beside this
   * store: its other forks, and all versions and tape ranges somebody will ask for. The rest may not be used again.
   */
  compact(keep: {
    readonly stores: readonly Store[];
    readonly versions: readonly Version[];
    readonly recordings: readonly (TapeRange & { readonly tape: Tape })[];
  }): void {
    const marks = this.#slots.newMarks();
    const seen = new Set<Child>();
    const roots = [this, ...keep.stores].map((store) => store.#tree.root);
    for (const root of [...roots, ...keep.versions.map((version) => version.root)])
      markTree(root, marks, seen);
    for (const { tape, from, to } of keep.recordings) {
      for (let i = from; i < to; i++) {
        tape.pieces(i, (_, count, value) => {
          if (value > 0) mark(marks, slotOf(value), count);
        });
      }
    }
    this.#slots.sweep(marks);
  }

  // ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

  read(firstBlock: number, into: Uint8Array): void {
    const end = firstBlock + this.#blocksOf(firstBlock, into.length);
    // A run of blocks with contents in one place is copied as one: [start, start + count) holding `value` and up.
    let start = firstBlock;
    let count = 0;
    let value = 0;
    for (let block = firstBlock; block < end;) {
      const leafIndex = (block / FAN_OUT) | 0;
      const leafFirst = leafIndex * FAN_OUT;
      const leafEnd = Math.min(end, leafFirst + FAN_OUT);
      const leaf = this.#tree.find(leafIndex);
      if (typeof leaf === 'number') {
        if (count > 0 && leaf !== value) {
          this.#load(start, count, value, into, (start - firstBlock) * this.blockSizeBytes);
          count = 0;
        }
        if (count === 0) start = block;
        value = leaf;
        count += leafEnd - block;
        block = leafEnd;
        continue;
      }
      for (; block < leafEnd; block++) {
        const next = leaf.values[block - leafFirst]!;
        if (count > 0 && (next > 0 ? slotOf(next) === slotOf(value) + count && value > 0 : next === value)) {
          count++;
          continue;
        }
        if (count > 0) this.#load(start, count, value, into, (start - firstBlock) * this.blockSizeBytes);
        start = block;
        count = 1;
        value = next;
      }
    }
    if (count > 0) this.#load(start, count, value, into, (start - firstBlock) * this.blockSizeBytes);
  }

  /** Bytes of `count` blocks with contents `value`, slots counting up, at `toBytes` of `into`. */
  #load(block: number, count: number, value: number, into: Uint8Array, toBytes: number): void {
    if (value > 0) {
      this.#slots.load(slotOf(value), count, into, toBytes);
      return;
    }
    const target = into.subarray(toBytes, toBytes + count * this.blockSizeBytes);
    if (value === ZEROS || (value === FROM_BACKING && this.#backing === null)) target.fill(0);
    else if (value === FROM_BACKING) this.#loadBacking(block * this.blockSizeBytes, target);
    else this.#slots.loadGenerated(value, block * this.blockSizeBytes, target);
  }

  #loadBacking(offsetBytes: number, target: Uint8Array): void {
    const there = Math.max(0, Math.min(target.length, this.#backing!.sizeBytes - offsetBytes));
    if (there > 0) this.#backing!.read(offsetBytes, target.subarray(0, there));
    target.fill(0, there);
  }

  nextStored(firstBlock: number): number {
    let block = firstBlock;
    while (block < this.blockCount) {
      this.#tree.stretchAt(block, this.#stretch);
      const { value, end } = this.#stretch;
      if (value !== ZEROS && value !== FROM_BACKING) return block;
      if (value === FROM_BACKING && this.#backing !== null) {
        const data = this.#nextBackingData(block);
        if (data < end) return data;
      }
      block = end;
    }
    return this.blockCount;
  }

  #nextBackingData(block: number): number {
    const backing = this.#backing!;
    const offsetBytes = block * this.blockSizeBytes;
    if (offsetBytes >= backing.sizeBytes) return this.blockCount;
    if (backing.nextData === undefined) return block;
    const dataBytes = backing.nextData(offsetBytes);
    if (dataBytes >= backing.sizeBytes) return this.blockCount;
    return Math.max(block, Math.floor(dataBytes / this.blockSizeBytes));
  }

  /** The whole device as runs, each as long as it can be. Cost follows what is stored. */
  *runs(): Generator<BlockRun> {
    const stretch: Stretch = { value: 0, end: 0 };
    let firstBlock = 0;
    let kind: RunKind | null = null;
    for (let block = 0; block < this.blockCount; block = stretch.end) {
      this.#tree.stretchAt(block, stretch);
      const next = this.#kindOf(stretch.value);
      if (kind !== null && next !== kind) {
        yield { firstBlock, blockCount: block - firstBlock, kind };
        firstBlock = block;
      }
      kind = next;
    }
    if (kind !== null) yield { firstBlock, blockCount: this.blockCount - firstBlock, kind };
  }

  #kindOf(value: number): RunKind {
    if (value > 0) return 'stored';
    if (value === ZEROS) return 'zero';
    if (value === FROM_BACKING) return this.#backing === null ? 'zero' : 'backing';
    return 'generated';
  }

  // ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  write(firstBlock: number, data: Uint8Array, label: WriteLabel): void {
    const count = this.#blocksOf(firstBlock, data.length);
    this.#assertWritable();
    if (this.tape?.isRecording === true) this.#writeRecorded(this.tape, firstBlock, count, data, label);
    else if (count === 1) this.#writeOne(firstBlock, data);
    else if (count > 0) this.#writeMany(firstBlock, count, data);
  }

  #writeOne(block: number, data: Uint8Array): void {
    if (isZeroBlock(data)) {
      this.#tree.cover(block, 1, this.#zero);
      return;
    }
    const leafIndex = (block / FAN_OUT) | 0;
    const values = this.#tree.leafForWrite(leafIndex).values;
    const i = block - leafIndex * FAN_OUT;
    let value = values[i]!;
    if (!isOwn(value)) {
      value = ownValueOfSlot(this.#slots.allocate());
      values[i] = value;
    }
    this.#slots.store(slotOf(value), 1, data, 0);
  }

  /** In place where the slots are ours alone; slots in a row are one copy. */
  #writeMany(firstBlock: number, blockCount: number, data: Uint8Array): void {
    const end = firstBlock + blockCount;
    let firstSlot = 0;
    let count = 0;
    let fromBytes = 0;
    for (let block = firstBlock; block < end;) {
      const leafIndex = (block / FAN_OUT) | 0;
      const leafFirst = leafIndex * FAN_OUT;
      const leafEnd = Math.min(end, leafFirst + FAN_OUT);
      const values = this.#tree.leafForWrite(leafIndex).values;
      for (; block < leafEnd; block++) {
        let value = values[block - leafFirst]!;
        if (!isOwn(value)) {
          value = ownValueOfSlot(this.#slots.allocate());
          values[block - leafFirst] = value;
        }
        if (slotOf(value) === firstSlot + count) {
          count++;
          continue;
        }
        if (count > 0) this.#slots.store(firstSlot, count, data, fromBytes);
        fromBytes = (block - firstBlock) * this.blockSizeBytes;
        firstSlot = slotOf(value);
        count = 1;
      }
    }
    this.#slots.store(firstSlot, count, data, fromBytes);
  }

  /** Always into slots that the tape keeps and nobody overwrites: what is small and was there before shares them. */
  #writeRecorded(tape: Tape, firstBlock: number, count: number, data: Uint8Array, label: WriteLabel): void {
    tape.append('write', firstBlock, count, label);
    if (count <= SHARED_BLOCKS_MAX) {
      this.#writeShared(tape, firstBlock, count, data);
      return;
    }
    for (let done = 0; done < count;) {
      const slot = this.#slots.allocate();
      let here = 1;
      while (done + here < count && this.#slots.allocateAt(slot + here)) here++;
      this.#slots.store(slot, here, data, done * this.blockSizeBytes);
      this.#place(firstBlock + done, here, valueOfSlot(slot));
      tape.appendPiece(valueOfSlot(slot), here);
      done += here;
    }
  }

  #writeShared(tape: Tape, firstBlock: number, count: number, data: Uint8Array): void {
    let first = 0;
    let value = 0;
    for (let done = 0; done <= count; done++) {
      const next = done < count ? this.#keptValue(data, done * this.blockSizeBytes) : NaN;
      if (done > 0 && next !== (value > 0 ? value + 2 * (done - first) : value)) {
        this.#place(firstBlock + first, done - first, value);
        tape.appendPiece(value, done - first);
        first = done;
      }
      if (done === first) value = next;
    }
  }

  /** The value of a block of `data`, that is stored for good if it is new. */
  #keptValue(data: Uint8Array, fromBytes: number): number {
    const hash = contentHash(data, fromBytes, this.blockSizeBytes);
    if (hash === 0) return this.#zero;
    let slot = this.#slots.find(data, fromBytes, hash);
    if (slot === 0) {
      slot = this.#slots.allocate();
      this.#slots.store(slot, 1, data, fromBytes);
      this.#slots.remember(slot, hash);
    }
    return valueOfSlot(slot);
  }

  /** Let blocks hold `value` (slots counting up), which others may hold too. */
  #place(firstBlock: number, count: number, value: number): void {
    if (value <= 0) {
      this.#tree.cover(firstBlock, count, value);
      return;
    }
    const end = firstBlock + count;
    let next = value;
    for (let block = firstBlock; block < end;) {
      const leafIndex = (block / FAN_OUT) | 0;
      const leafFirst = leafIndex * FAN_OUT;
      const leafEnd = Math.min(end, leafFirst + FAN_OUT);
      const values = this.#tree.leafForWrite(leafIndex).values;
      for (; block < leafEnd; block++) {
        const old = values[block - leafFirst]!;
        if (isOwn(old)) this.#slots.free(slotOf(old));
        values[block - leafFirst] = next;
        next += 2;
      }
    }
  }

  fill(firstBlock: number, blockCount: number, fill: Fill, label: WriteLabel): void {
    this.#assertRange(firstBlock, blockCount);
    this.#assertWritable();
    const value =
      fill.generator === 'zero'
        ? this.#zero
        : this.#slots.generatedValue(fill.seed, fill.offsetBytes - firstBlock * this.blockSizeBytes);
    this.#cover('fill', firstBlock, blockCount, value, label);
  }

  trim(firstBlock: number, blockCount: number): void {
    this.#assertRange(firstBlock, blockCount);
    this.#assertWritable();
    this.#cover('trim', firstBlock, blockCount, this.#zero, TRIM_LABEL);
  }

  #cover(kind: 'fill' | 'trim', first: number, count: number, value: number, label: WriteLabel): void {
    if (this.tape?.isRecording === true) {
      this.tape.append(kind, first, count, label);
      this.tape.appendPiece(value, count);
    }
    if (count > 0) this.#tree.cover(first, count, value);
  }

  /** What was saved of a range comes back (saved-blocks.ts); never recorded, it is no write of anybody. */
  cover(firstBlock: number, blockCount: number, { kind, seed, originBytes }: SavedContent): void {
    this.#assertRange(firstBlock, blockCount);
    assert(kind !== 'stored', 'stored content has bytes to be written');
    const value = kind === 'generated' ? this.#slots.generatedValue(seed, originBytes) : this.#zero;
    if (blockCount > 0) this.#tree.cover(firstBlock, blockCount, kind === 'backing' ? FROM_BACKING : value);
  }

  barrier(reason: string): void {
    if (this.tape?.isRecording === true)
      this.tape.append('barrier', 0, 0, { role: 'free', owner: '', reason });
  }

  // ── what a tape holds ─────────────────────────────────────────────────────────────────────────────────────────────

  /** Do entries of a tape again, that this store or one of its forks recorded. Copies no bytes and records nothing. */
  replay(tape: Tape, { from, to }: TapeRange): void {
    for (let i = from; i < to; i++) this.replayPart(tape, i, tape.blockCountAt(i));
  }

  /** Only the first `blockCount` blocks of one entry: what a power cut may have left of it. */
  replayPart(tape: Tape, entry: number, blockCount: number): void {
    let left = blockCount;
    tape.pieces(entry, (block, count, value) => {
      if (left > 0 && count > 0) this.#place(block, Math.min(left, count), value);
      left -= count;
    });
  }

  /** The bytes an entry wrote from its block `skipBlocks` on. */
  readRecorded(tape: Tape, entry: number, skipBlocks: number, into: Uint8Array): void {
    const first = tape.firstBlockAt(entry) + skipBlocks;
    const end = first + into.length / this.blockSizeBytes;
    assert(
      skipBlocks >= 0 && end <= tape.firstBlockAt(entry) + tape.blockCountAt(entry),
      'the entry is that long',
    );
    tape.pieces(entry, (block, count, value) => {
      const from = Math.max(first, block);
      const to = Math.min(end, block + count);
      if (from >= to) return;
      const here = value > 0 ? value + 2 * (from - block) : value;
      this.#load(from, to - from, here, into, (from - first) * this.blockSizeBytes);
    });
  }

  // ── bounds ────────────────────────────────────────────────────────────────────────────────────────────────────────

  #blocksOf(firstBlock: number, lengthBytes: number): number {
    const blockCount = lengthBytes / this.blockSizeBytes;
    assert(Number.isInteger(blockCount), 'the bytes are whole blocks');
    this.#assertRange(firstBlock, blockCount);
    return blockCount;
  }

  #assertRange(firstBlock: number, blockCount: number): void {
    if (!(firstBlock >= 0 && blockCount >= 0 && firstBlock + blockCount <= this.blockCount)) {
      assert(
        false,
        `blocks ${firstBlock} to ${firstBlock + blockCount} lie on a device of ${this.blockCount}`,
      );
    }
  }

  #assertWritable(): void {
    if (this.isReadOnly) throw new FsError('EROFS', 'write', '', 'the device is read-only');
  }
}

/** Cheap for everything else: data that is not zero says so within a few bytes. */
function isZeroBlock(data: Uint8Array): boolean {
  if (data[0] !== 0 || data[data.length >>> 1] !== 0 || data[data.length - 1] !== 0) return false;
  for (let i = 0; i < data.length; i++) if (data[i] !== 0) return false;
  return true;
}
