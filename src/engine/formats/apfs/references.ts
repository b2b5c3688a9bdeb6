import { viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { Run } from './alloc.ts';
import type { ContentHost, RecordCursor, RecordTree } from './content-host.ts';
import {
  EXTENT_KEY_TYPE,
  EXTENT_KIND,
  NO_OWNER,
  REFERENCE_KEY_SIZE_BYTES,
  REFERENCE_VALUE_SIZE_BYTES,
  putTagged,
} from './layout-extents.ts';
import { u32At } from './object.ts';

/**
 * Extent references: how many streams hold each block of contents.
 *
 * Every block has the sum of what the trees say, from that of the oldest snapshot to the live one: a NEW record in one
 * of them, deltas (UPDATE) in later ones. The rule by which a change finds its place: a block that a NEW record of the
 * live tree covers was allocated after the newest snapshot, and its count is changed there; at 0 the record goes and
 * the block is free. Any other block belongs to the tree of an older snapshot: the live tree gets an UPDATE, or the one
 * that is there changes and goes at 0; the block stays allocated until the snapshot is deleted.
 * (linux-apfs-rw, extents.c: apfs_put_single_extent, apfs_take_single_extent; apfsck/extents.c: parse_phys_ext_record,
 * which adds every UPDATE to the newest older record.)
 *
 * Records are cut at the edges of what is changed, and runs that several streams hold are never joined again: apfsck
 * counts a run once per stream and, where two streams of one run have different extents, wants it cut at the edges of
 * either. What one stream alone allocates in a row becomes one record, of at most `RECORD_BLOCKS_MAX` blocks: apfsck
 * looks no more than 5,000 blocks back for the record that covers a block.
 */
export const RECORD_BLOCKS_MAX = 4096;

export interface Reference {
  readonly firstBlock: number;
  /** First block behind the run. */
  readonly endBlock: number;
  readonly kind: number;
  readonly ownerLow: number;
  readonly ownerHigh: number;
  /** Streams that hold the run; of an UPDATE what it adds, negative for holders that are gone. */
  readonly count: number;
}

const COUNT_MAX = 0x7fff_ffff;
const TYPE_HIGH = EXTENT_KEY_TYPE.extent * 2 ** 28;
const NUMBER_HIGH_MASK = 0x0fff_ffff;

const key = new Uint8Array(REFERENCE_KEY_SIZE_BYTES);
const keyView = viewOf(key);
const value = new Uint8Array(REFERENCE_VALUE_SIZE_BYTES);
const valueView = viewOf(value);

function keyOf(block: number): Uint8Array {
  keyView.setUint32(0, block >>> 0, true);
  keyView.setUint32(4, Math.floor(block / 2 ** 32) + TYPE_HIGH, true);
  return key;
}

function valueOf(
  blockCount: number,
  kind: number,
  ownerLow: number,
  ownerHigh: number,
  count: number,
): Uint8Array {
  putTagged(valueView, 0, kind, blockCount);
  valueView.setUint32(8, ownerLow, true);
  valueView.setUint32(12, ownerHigh, true);
  valueView.setInt32(16, count, true);
  return value;
}

const firstBlockOf = ({ bytes, keyStart }: RecordCursor): number =>
  (u32At(bytes, keyStart + 4) & NUMBER_HIGH_MASK) * 2 ** 32 + u32At(bytes, keyStart);

/** The record at a valid cursor. EIO when it cannot be one. */
export function referenceOf(cursor: RecordCursor): Reference {
  const { bytes, valueStart } = cursor;
  const firstBlock = firstBlockOf(cursor);
  const high = u32At(bytes, valueStart + 4);
  const blockCount = (high & NUMBER_HIGH_MASK) * 2 ** 32 + u32At(bytes, valueStart);
  const kind = high >>> 28;
  const isKnown = kind === EXTENT_KIND.new || kind === EXTENT_KIND.update;
  if (!isKnown || blockCount === 0 || cursor.valueLengthBytes !== REFERENCE_VALUE_SIZE_BYTES) {
    throw damaged(`the record of block ${firstBlock} among the extent references makes no sense`);
  }
  return {
    firstBlock,
    endBlock: firstBlock + blockCount,
    kind,
    ownerLow: u32At(bytes, valueStart + 8),
    ownerHigh: u32At(bytes, valueStart + 12),
    count: u32At(bytes, valueStart + 16) | 0,
  };
}

/** The record that covers `block`, or the last one before it; undefined when there is neither. */
function lastBefore(tree: RecordTree, block: number): Reference | undefined {
  const cursor = tree.seekBefore(keyOf(block));
  return cursor.isValid ? referenceOf(cursor) : undefined;
}

/** The record of the live tree that covers `block`. */
export function referenceAt(tree: RecordTree, block: number): Reference | undefined {
  const record = lastBefore(tree, block);
  return record !== undefined && record.endBlock > block ? record : undefined;
}

/** The first record of a tree that reaches behind `block`. */
export function referenceBehind(tree: RecordTree, block: number): Reference | undefined {
  const covering = referenceAt(tree, block);
  if (covering !== undefined) return covering;
  const cursor = tree.seek(keyOf(block));
  return cursor.isValid ? referenceOf(cursor) : undefined;
}

/** The first block behind all that a tree tells of. */
export const endOfReferences = (tree: RecordTree): number =>
  lastBefore(tree, Number.MAX_SAFE_INTEGER)?.endBlock ?? 0;

/** How many blocks from `firstBlock` on, at most `blockCount`, one stream alone holds and no snapshot. */
export function soleBlocks(tree: RecordTree, firstBlock: number, blockCount: number): number {
  const record = referenceAt(tree, firstBlock);
  if (record === undefined || record.kind !== EXTENT_KIND.new || record.count !== 1) return 0;
  return Math.min(record.endBlock - firstBlock, blockCount);
}

/** How many of these blocks one stream alone holds and no snapshot. Cost follows the records. */
export function soleBlocksIn(tree: RecordTree, firstBlock: number, blockCount: number): number {
  const end = firstBlock + blockCount;
  const cursor = tree.seekBefore(keyOf(firstBlock));
  const from = cursor.isValid ? cursor : tree.seek(keyOf(firstBlock));
  let found = 0;
  for (; from.isValid; from.next()) {
    const record = referenceOf(from);
    if (record.firstBlock >= end) break;
    if (record.kind !== EXTENT_KIND.new || record.count !== 1) continue;
    found += Math.max(Math.min(record.endBlock, end) - Math.max(record.firstBlock, firstBlock), 0);
  }
  return found;
}

// ── changing ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Blocks just allocated belong to the stream `ownerId` and to nobody else. */
export function addExtent(host: ContentHost, firstBlock: number, blockCount: number, ownerId: number): void {
  addRun(host.references, firstBlock, blockCount, ownerId >>> 0, Math.floor(ownerId / 2 ** 32));
}

/** A run that one stream holds; it joins that before it where it may. */
function addRun(
  tree: RecordTree,
  firstBlock: number,
  blockCount: number,
  ownerLow: number,
  ownerHigh: number,
): void {
  const end = firstBlock + blockCount;
  let at = firstBlock;
  const left = lastBefore(tree, firstBlock);
  if (
    left !== undefined &&
    left.endBlock === firstBlock &&
    left.kind === EXTENT_KIND.new &&
    left.count === 1 &&
    left.ownerLow === ownerLow &&
    left.ownerHigh === ownerHigh
  ) {
    const joinedEnd = Math.min(end, left.firstBlock + RECORD_BLOCKS_MAX);
    if (joinedEnd > at) {
      const joined = valueOf(joinedEnd - left.firstBlock, EXTENT_KIND.new, ownerLow, ownerHigh, 1);
      tree.replace(keyOf(left.firstBlock), joined);
      at = joinedEnd;
    }
  }
  while (at < end) {
    const length = Math.min(end - at, RECORD_BLOCKS_MAX);
    tree.insert(keyOf(at), valueOf(length, EXTENT_KIND.new, ownerLow, ownerHigh, 1));
    at += length;
  }
}

/**
 * One more stream holds the blocks of these runs. Records that begin and end with a run are changed where they stand,
 * without a search when the run before was close. EIO.
 */
export function shareAll(host: ContentHost, runs: readonly Run[]): void {
  let cursor: RecordCursor | null = null;
  for (const { firstBlock, blockCount } of runs) {
    cursor = cursorAt(host.references, firstBlock, cursor);
    const record = cursor.isValid ? referenceOf(cursor) : undefined;
    if (record !== undefined && isRun(record, firstBlock, blockCount) && takesOneMore(record)) {
      const { kind, ownerLow, ownerHigh, count } = record;
      cursor.replace(valueOf(blockCount, kind, ownerLow, ownerHigh, count + 1));
    } else {
      adjust(host, firstBlock, blockCount, 1);
      cursor = null;
    }
  }
}

/** At the first record not before `block`; `near`, if there is one, stands at a record not far away. */
function cursorAt(tree: RecordTree, block: number, near: RecordCursor | null): RecordCursor {
  if (near !== null && firstBlockOf(near) < block) {
    for (let step = 0; step < NEAR_RECORDS && near.isValid; step++) {
      near.next();
      if (near.isValid && firstBlockOf(near) >= block) return near;
    }
  }
  return tree.seek(keyOf(block));
}

const NEAR_RECORDS = 4;

const isRun = (record: Reference, firstBlock: number, blockCount: number): boolean =>
  record.firstBlock === firstBlock && record.endBlock === firstBlock + blockCount;

/** Does the record stay, with a count that can be? */
const takesOneMore = ({ kind, count }: Reference): boolean =>
  kind === EXTENT_KIND.new ? count > 0 && count < COUNT_MAX : count !== -1 && count < COUNT_MAX;

/** One stream less holds these blocks; those that nobody holds any more are freed. EIO. */
export function drop(host: ContentHost, firstBlock: number, blockCount: number): number {
  return adjust(host, firstBlock, blockCount, -1);
}

/**
 * The contents of these blocks lie from `target` on now, held by whom they were. All of them were allocated after the
 * newest snapshot. The blocks they leave are the caller's to free. Returns how many records that touched. EIO.
 */
export function moveReferences(
  tree: RecordTree,
  firstBlock: number,
  blockCount: number,
  target: number,
): number {
  const end = firstBlock + blockCount;
  let touched = 0;
  for (let at = firstBlock; at < end; touched++) {
    const record = referenceAt(tree, at);
    if (record?.kind !== EXTENT_KIND.new) throw damaged(`no extent reference covers block ${at}`);
    const to = Math.min(end, record.endBlock);
    const { kind, ownerLow, ownerHigh, count } = record;
    changeRecord(tree, record, at, to, -count);
    const place = target + at - firstBlock;
    if (count === 1) addRun(tree, place, to - at, ownerLow, ownerHigh);
    else tree.insert(keyOf(place), valueOf(to - at, kind, ownerLow, ownerHigh, count));
    at = to;
  }
  return touched;
}

/** Blocks to be freed gather here, so that neighbours become one record of the free queue. */
interface Freed {
  firstBlock: number;
  endBlock: number;
}

function adjust(host: ContentHost, firstBlock: number, blockCount: number, delta: 1 | -1): number {
  const end = firstBlock + blockCount;
  const freed: Freed = { firstBlock, endBlock: firstBlock };
  let touched = 0;
  for (let at = firstBlock; at < end; touched++) {
    const record = lastBefore(host.references, at);
    if (record === undefined || record.endBlock <= at) {
      at = addUpdate(host, at, end, delta);
      continue;
    }
    const to = Math.min(end, record.endBlock);
    if (changeRecord(host.references, record, at, to, delta)) freeRun(host, freed, at, to);
    at = to;
  }
  if (freed.endBlock > freed.firstBlock) host.free(freed.firstBlock, freed.endBlock - freed.firstBlock);
  return touched;
}

/** No record of the live tree covers `from`: an older snapshot's does. Returns where the new record ends. */
function addUpdate(host: ContentHost, from: number, end: number, delta: number): number {
  const tree = host.references;
  if (!host.hasSnapshots) {
    throw damaged(`block ${from} belongs to a file, but no extent reference says so`);
  }
  let to = Math.min(end, from + RECORD_BLOCKS_MAX);
  const next = tree.seek(keyOf(from));
  if (next.isValid) to = Math.min(to, firstBlockOf(next));
  tree.insert(keyOf(from), valueOf(to - from, EXTENT_KIND.update, NO_OWNER.low, NO_OWNER.high, delta));
  return to;
}

/** Add `delta` to the part `from` … `to` of a record, cutting it there. Returns whether nobody holds that part now. */
function changeRecord(tree: RecordTree, record: Reference, from: number, to: number, delta: number): boolean {
  const { firstBlock, endBlock, kind, ownerLow, ownerHigh } = record;
  const count = record.count + delta;
  if (kind === EXTENT_KIND.new && (record.count <= 0 || count > COUNT_MAX)) {
    throw damaged(`${record.count} streams hold block ${firstBlock}, as its extent reference says`);
  }
  if (endBlock > to) {
    tree.insert(keyOf(to), valueOf(endBlock - to, kind, ownerLow, ownerHigh, record.count));
  }
  if (firstBlock < from) {
    tree.replace(keyOf(firstBlock), valueOf(from - firstBlock, kind, ownerLow, ownerHigh, record.count));
    if (count !== 0) tree.insert(keyOf(from), valueOf(to - from, kind, ownerLow, ownerHigh, count));
  } else if (count !== 0) {
    tree.replace(keyOf(from), valueOf(to - from, kind, ownerLow, ownerHigh, count));
  } else {
    tree.remove(keyOf(from));
  }
  return count === 0 && kind === EXTENT_KIND.new;
}

function freeRun(host: ContentHost, freed: Freed, from: number, to: number): void {
  if (freed.endBlock === from) {
    freed.endBlock = to;
    return;
  }
  if (freed.endBlock > freed.firstBlock) host.free(freed.firstBlock, freed.endBlock - freed.firstBlock);
  freed.firstBlock = from;
  freed.endBlock = to;
}

const damaged = (why: string): FsError =>
  new FsError('EIO', '', '', `${why}: the volume is damaged, check it with fsck_apfs`);
