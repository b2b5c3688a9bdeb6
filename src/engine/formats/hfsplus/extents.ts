import { FsError } from '../../base/errno.ts';
import { viewOf } from '../../base/bytes.ts';
import type { BlockRun } from './alloc.ts';
import type { BTree, Place } from './btree.ts';
import { damaged } from './damage.ts';
import { EXTENTS_KEY_LENGTH_BYTES, FORK_TYPE } from './layout-catalog.ts';
import {
  EXTENT_RECORD_SIZE_BYTES,
  EXTENT_SIZE_BYTES,
  EXTENTS_PER_RECORD,
  readExtents,
  writeExtents,
} from './layout.ts';
import type { ExtentDescriptor, Geometry } from './layout.ts';

/**
 * One fork: which blocks hold its bytes, and how it gets more of them or fewer.
 *
 * Eight extents stand in the fork data, more in records of the extents overflow tree, eight in each; a record exists
 * only when all before it are full. Nothing is kept in memory but the record last looked at: any block of the fork is
 * found by one search of the tree, appending looks at the last record alone. The fork data is changed in place, in the
 * 80 bytes handed in; who owns them sees to it that they are stored.
 *
 * Promises: `extend` takes what there is, blocks and tree nodes, and says how much that was, so nothing can be half
 * done. EIO with a sentence for extents that leave the volume, miss or do not add up to the blocks they claim.
 * Sources: TN1150 "Extents Overflow File"; apple-oss-distributions/hfs, core/FileExtentMapping.c.
 */
export interface ForkHost {
  readonly geometry: Geometry;
  readonly allocation: BlockSource;
  /** undefined for the extents overflow file, whose own extents have no place but the volume header. */
  readonly extentsTree: BTree | undefined;
  /** For sentences about writes. */
  readonly isRecording: boolean;
}

/** The bitmap, as far as forks need it: `AllocationBitmap`. */
export interface BlockSource {
  readonly freeBlocks: number;
  reserve(blocks: number): void;
  allocate(goalBlock: number, wantedBlocks: number): BlockRun[];
  free(runs: readonly BlockRun[]): void;
  giveBack(runs: readonly BlockRun[]): void;
}

export type ForkType = keyof typeof FORK_TYPE;

// Places in the 80 bytes of fork data.
const BLOCKS_AT = 12;
const EXTENTS_AT = 16;

/** Eight extents, and the block of the fork at which they begin. */
interface ExtentGroup {
  readonly firstBlock: number;
  readonly extents: readonly ExtentDescriptor[];
}

/** Where the fork ends: in its own eight extents, or in the overflow record at `place`. */
interface Tail extends ExtentGroup {
  readonly place: Place | undefined;
}

export class Fork {
  readonly #host: ForkHost;
  readonly #view: DataView;
  /** The overflow record last used. */
  #recent: ExtentGroup | undefined;

  /** `bytes`: 80 bytes of fork data, kept and changed in place. */
  constructor(
    host: ForkHost,
    readonly fileId: number,
    readonly type: ForkType,
    readonly bytes: Uint8Array,
  ) {
    this.#host = host;
    this.#view = viewOf(bytes);
  }

  get sizeBytes(): number {
    return this.#view.getUint32(0) * 2 ** 32 + this.#view.getUint32(4);
  }
  set sizeBytes(value: number) {
    this.#view.setUint32(0, Math.floor(value / 2 ** 32));
    this.#view.setUint32(4, value >>> 0);
  }

  get totalBlocks(): number {
    return this.#view.getUint32(BLOCKS_AT);
  }

  /** The fork data is another: what was remembered of it is worth nothing. */
  forget(): void {
    this.#recent = undefined;
  }

  // ── finding ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Where block `index` of the fork lies, and how many follow it without a gap. EIO when it should lie and does not. */
  runAt(index: number): BlockRun {
    let first = 0;
    for (let at = EXTENTS_AT; at < this.bytes.length; at += EXTENT_SIZE_BYTES) {
      const count = this.#view.getUint32(at + 4);
      if (count === 0) break;
      if (index < first + count) return this.#part(this.#view.getUint32(at), count, index - first);
      first += count;
    }
    if (index >= this.totalBlocks) throw this.#damaged(`block ${index} of it lies behind its end`);
    const group = this.#groupOf(index);
    first = group.firstBlock;
    for (const { startBlock, blockCount } of group.extents) {
      if (index < first + blockCount) return this.#part(startBlock, blockCount, index - first);
      first += blockCount;
    }
    throw this.#damaged(`nothing says where block ${index} of it lies`);
  }

  #part(startBlock: number, blockCount: number, skip: number): BlockRun {
    if (startBlock + blockCount > this.#host.geometry.totalBlocks) {
      throw this.#damaged(
        `blocks ${startBlock} to ${startBlock + blockCount - 1} of it lie outside the volume`,
      );
    }
    return { startBlock: startBlock + skip, blockCount: blockCount - skip };
  }

  /** The overflow record that should hold block `index`. */
  #groupOf(index: number): ExtentGroup {
    const known = this.#recent;
    if (known !== undefined && index >= known.firstBlock && index < endOf(known)) return known;
    const place = this.#placeBefore(index);
    if (place === undefined)
      throw this.#damaged(`the record that says where block ${index} of it lies is missing`);
    return (this.#recent = this.#groupAt(place));
  }

  /** The last of this fork's overflow records that begins at or before `index`. */
  #placeBefore(index: number): Place | undefined {
    const { extentsTree } = this.#host;
    const place = extentsTree?.seekBackward(extentsKey(this.fileId, this.type, index));
    return place !== undefined && this.#isOwn(place) ? place : undefined;
  }

  #isOwn({ node, index }: Place): boolean {
    const at = node.offsetOf(index);
    return node.view.getUint32(at + 4) === this.fileId && node.view.getUint8(at + 2) === FORK_TYPE[this.type];
  }

  #groupAt({ node, index }: Place): ExtentGroup {
    const at = node.dataOffsetOf(index);
    if (node.offsetOf(index + 1) - at < EXTENT_RECORD_SIZE_BYTES) {
      throw this.#damaged('a record of its extents is too short');
    }
    return {
      firstBlock: node.view.getUint32(node.offsetOf(index) + 8),
      extents: readExtents(node.bytes, at),
    };
  }

  /** All runs in order, neighbours not joined. */
  runs(): BlockRun[] {
    const all: BlockRun[] = [];
    let block = 0;
    const add = (extents: readonly ExtentDescriptor[]) => {
      for (const { startBlock, blockCount } of extents) {
        all.push(this.#part(startBlock, blockCount, 0));
        block += blockCount;
      }
    };
    add(readExtents(this.bytes, EXTENTS_AT));
    const { extentsTree } = this.#host;
    let place = block < this.totalBlocks ? this.#placeBefore(block) : undefined;
    while (place !== undefined && block < this.totalBlocks) {
      const group = this.#groupAt(place);
      if (group.firstBlock !== block || group.extents.length === 0) break;
      add(group.extents);
      place = extentsTree?.next(place);
      if (place !== undefined && !this.#isOwn(place)) place = undefined;
    }
    if (block !== this.totalBlocks) throw this.#mismatch(block);
    return all;
  }

  #tail(): Tail {
    const extents = readExtents(this.bytes, EXTENTS_AT);
    const inline = { firstBlock: 0, extents, place: undefined };
    const { totalBlocks } = this;
    if (endOf(inline) === totalBlocks) return inline;
    const place = this.#placeBefore(totalBlocks - 1);
    if (place === undefined || extents.length < EXTENTS_PER_RECORD) throw this.#mismatch(endOf(inline));
    const group = this.#groupAt(place);
    if (endOf(group) !== totalBlocks) throw this.#mismatch(endOf(group));
    return { ...group, place };
  }

  #mismatch(found: number): FsError {
    return this.#damaged(`it claims ${this.totalBlocks} blocks, its extents end at ${found}`);
  }

  #damaged(what: string): FsError {
    return damaged(`the ${this.type} fork of file ${this.fileId} is damaged: ${what}`);
  }

  // ── growing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Up to `wanted` blocks more, behind the last one where these are free, otherwise in as few runs as there are.
   * Returns how many: fewer when the volume is full, or when no room for the records of a torn fork can be found.
   */
  extend(wanted: number): number {
    const tail = this.#tail();
    const last = tail.extents.at(-1);
    const goal = last === undefined ? 0 : last.startBlock + last.blockCount;
    const runs = this.#host.allocation.allocate(goal, wanted);
    let done = this.#appendTo(tail, runs);
    while (done < runs.length && this.#makeRoomForRecord()) {
      const group = runs.slice(done, done + EXTENTS_PER_RECORD);
      this.#insertRecord(group);
      done += group.length;
    }
    const unused = runs.slice(done);
    if (unused.length > 0) this.#host.allocation.giveBack(unused);
    return countOf(runs) - countOf(unused);
  }

  /** What fits in the last extent and in free places beside it; returns how many runs that were. */
  #appendTo(tail: Tail, runs: readonly BlockRun[]): number {
    const extents = [...tail.extents];
    const last = extents.at(-1);
    const [first] = runs;
    let done = 0;
    if (last !== undefined && first?.startBlock === last.startBlock + last.blockCount) {
      extents[extents.length - 1] = { ...last, blockCount: last.blockCount + first.blockCount };
      done = 1;
    }
    const fitting = runs.slice(done, done + EXTENTS_PER_RECORD - extents.length);
    extents.push(...fitting);
    done += fitting.length;
    if (done > 0) this.#putTail(tail, extents, this.totalBlocks + countOf(runs.slice(0, done)));
    return done;
  }

  #putTail(tail: Tail, extents: readonly ExtentDescriptor[], totalBlocks: number): void {
    const { extentsTree } = this.#host;
    if (tail.place === undefined || extentsTree === undefined) {
      writeExtents(this.bytes, EXTENTS_AT, extents);
    } else {
      this.#giveReason(extentsTree);
      extentsTree.update(tail.place, recordOf(extents));
    }
    this.#setBlocks(totalBlocks);
  }

  #setBlocks(totalBlocks: number): void {
    this.#view.setUint32(BLOCKS_AT, totalBlocks);
    this.#recent = undefined;
  }

  /** False when the tree of extents has no room and finds none, or when this fork has none. */
  #makeRoomForRecord(): boolean {
    try {
      this.#host.extentsTree?.reserve(1);
    } catch (error) {
      if (error instanceof FsError && error.code === 'ENOSPC') return false;
      throw error;
    }
    return this.#host.extentsTree !== undefined;
  }

  #insertRecord(extents: readonly ExtentDescriptor[]): void {
    const { extentsTree } = this.#host;
    if (extentsTree === undefined) return;
    this.#giveReason(extentsTree);
    extentsTree.insert(extentsKey(this.fileId, this.type, this.totalBlocks), recordOf(extents));
    this.#setBlocks(this.totalBlocks + countOf(extents));
  }

  #giveReason(tree: BTree): void {
    if (this.#host.isRecording) tree.reason = `where the ${this.type} fork of file ${this.fileId} goes on`;
  }

  // ── shrinking ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Keep `blocks` blocks; returns the others, to be freed or given back. Overflow records that are empty go. */
  cut(blocks: number): BlockRun[] {
    const groups = this.#groupsFrom(blocks);
    for (const group of groups) {
      const kept = headOf(group, blocks);
      const { extentsTree } = this.#host;
      if (group.firstBlock === 0 || extentsTree === undefined) {
        writeExtents(this.bytes, EXTENTS_AT, kept);
      } else {
        this.#giveReason(extentsTree);
        const key = extentsKey(this.fileId, this.type, group.firstBlock);
        if (kept.length === 0) extentsTree.remove(key);
        else extentsTree.replace(key, recordOf(kept));
      }
      this.#setBlocks(group.firstBlock + countOf(kept));
    }
    return groups.reverse().flatMap((group) => tailOf(group, blocks));
  }

  /** The groups that hold block `blocks` and all behind it, last one first, each found sound. */
  #groupsFrom(blocks: number): ExtentGroup[] {
    const inline: ExtentGroup = { firstBlock: 0, extents: readExtents(this.bytes, EXTENTS_AT) };
    const inlineBlocks = endOf(inline);
    const groups: ExtentGroup[] = [];
    for (let end = this.totalBlocks; end > blocks; end = groups.at(-1)?.firstBlock ?? 0) {
      const place = end <= inlineBlocks ? undefined : this.#placeBefore(end - 1);
      const group = place === undefined ? inline : this.#groupAt(place);
      if (endOf(group) !== end || (place !== undefined && group.firstBlock < Math.max(inlineBlocks, 1))) {
        throw this.#mismatch(endOf(group));
      }
      for (const { startBlock, blockCount } of group.extents) this.#part(startBlock, blockCount, 0);
      groups.push(group);
    }
    return groups;
  }
}

/** A key of the extents overflow tree, with its length field. */
export function extentsKey(fileId: number, type: ForkType, firstBlock: number): Uint8Array {
  const key = new Uint8Array(2 + EXTENTS_KEY_LENGTH_BYTES);
  const view = viewOf(key);
  view.setUint16(0, EXTENTS_KEY_LENGTH_BYTES);
  view.setUint8(2, FORK_TYPE[type]);
  view.setUint32(4, fileId);
  view.setUint32(8, firstBlock);
  return key;
}

function recordOf(extents: readonly ExtentDescriptor[]): Uint8Array {
  const record = new Uint8Array(EXTENT_RECORD_SIZE_BYTES);
  writeExtents(record, 0, extents);
  return record;
}

export const countOf = (runs: readonly ExtentDescriptor[]): number =>
  runs.reduce((sum, { blockCount }) => sum + blockCount, 0);

const endOf = ({ firstBlock, extents }: ExtentGroup): number => firstBlock + countOf(extents);

/** Of a group, the extents in front of block `blocks` of the fork. */
function headOf({ firstBlock, extents }: ExtentGroup, blocks: number): ExtentDescriptor[] {
  const kept: ExtentDescriptor[] = [];
  let block = firstBlock;
  for (const { startBlock, blockCount } of extents) {
    const keep = Math.min(blocks - block, blockCount);
    if (keep <= 0) break;
    kept.push({ startBlock, blockCount: keep });
    block += blockCount;
  }
  return kept;
}

/** The others. */
function tailOf({ firstBlock, extents }: ExtentGroup, blocks: number): ExtentDescriptor[] {
  const gone: ExtentDescriptor[] = [];
  let block = firstBlock;
  for (const { startBlock, blockCount } of extents) {
    const keep = Math.max(Math.min(blocks - block, blockCount), 0);
    if (keep < blockCount) gone.push({ startBlock: startBlock + keep, blockCount: blockCount - keep });
    block += blockCount;
  }
  return gone;
}
