import { viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { RecordCursor, RecordTree } from './content-host.ts';
import { NO_ID, RECORD_TYPE, putObjectKey } from './layout-catalog.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { u32At, u64At } from './object.ts';

/**
 * The file extents of a stream: records of the catalog that say where its bytes lie.
 *
 * They tile the stream from 0 to its allocated size without gap or overlap, holes included (block 0). Neighbours that
 * go on in the same run of blocks, or are both holes, are one record as soon as this file has touched the place where
 * they meet, so that appending a block makes no record. [APFS Reference "j_file_extent_val_t"; what apfsck demands]
 */
export interface StreamExtent {
  /** Where in the stream. */
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** 0: a hole. */
  readonly firstBlock: number;
  /** As stored; 0 on volumes that are not encrypted. */
  readonly cryptoId: number;
}

const KEY_SIZE_BYTES = 16;
const VALUE_SIZE_BYTES = 24;
const LENGTH_HIGH_MASK = 0x00ff_ffff;

/** One record can say 2^56 − 1; longer holes are several. */
export const HOLE_BYTES_MAX = 2 ** 55;
/** Multiples of a block are exact numbers as far as this and beyond. */
const STREAM_END_MAX = 2 ** 63;

const key = new Uint8Array(KEY_SIZE_BYTES);
const keyView = viewOf(key);
const value = new Uint8Array(VALUE_SIZE_BYTES);
const valueView = viewOf(value);

function keyOf(streamId: number, offsetBytes: number): Uint8Array {
  putObjectKey(keyView, 0, streamId, RECORD_TYPE.fileExtent);
  keyView.setUint32(8, offsetBytes >>> 0, true);
  keyView.setUint32(12, Math.floor(offsetBytes / 2 ** 32), true);
  return key;
}

function valueOf({ lengthBytes, firstBlock, cryptoId }: StreamExtent): Uint8Array {
  putWords(0, lengthBytes);
  putWords(8, firstBlock);
  putWords(16, cryptoId);
  return value;
}

function putWords(at: number, number: number): void {
  const isNone = number >= NO_ID;
  valueView.setUint32(at, isNone ? 0xffff_ffff : number >>> 0, true);
  valueView.setUint32(at + 4, isNone ? 0xffff_ffff : Math.floor(number / 2 ** 32), true);
}

const EXTENT_HIGH = RECORD_TYPE.fileExtent * 2 ** 28;

/** The extent at the cursor; undefined when it stands elsewhere than at one of this stream. EIO for nonsense. */
export function extentOf(cursor: RecordCursor, streamId: number): StreamExtent | undefined {
  if (!cursor.isValid) return undefined;
  const { bytes, keyStart } = cursor;
  const isOfStream =
    u32At(bytes, keyStart) === streamId >>> 0 &&
    u32At(bytes, keyStart + 4) === Math.floor(streamId / 2 ** 32) + EXTENT_HIGH;
  if (!isOfStream) return undefined;
  const { valueStart, valueLengthBytes } = cursor;
  const offsetBytes = u64At(bytes, keyStart + 8);
  const lengthBytes = (u32At(bytes, valueStart + 4) & LENGTH_HIGH_MASK) * 2 ** 32 + u32At(bytes, valueStart);
  const firstBlock = u64At(bytes, valueStart + 8);
  const isSane =
    valueLengthBytes === VALUE_SIZE_BYTES &&
    lengthBytes > 0 &&
    lengthBytes % BLOCK_SIZE_BYTES === 0 &&
    u32At(bytes, keyStart + 8) % BLOCK_SIZE_BYTES === 0 &&
    Number.isSafeInteger(firstBlock) &&
    (firstBlock === 0 || Number.isSafeInteger(lengthBytes)) &&
    offsetBytes + lengthBytes <= STREAM_END_MAX;
  if (!isSane) throw damagedStream(streamId, `has an extent at ${offsetBytes} that makes no sense`);
  return { offsetBytes, lengthBytes, firstBlock, cryptoId: u64At(bytes, valueStart + 16) };
}

/** A cursor at the extent that covers `offsetBytes`, or else at the first behind it; perhaps at another record. */
export function seekExtent(tree: RecordTree, streamId: number, offsetBytes: number): RecordCursor {
  const cursor = tree.seekBefore(keyOf(streamId, offsetBytes));
  if (!cursor.isValid) return tree.seek(keyOf(streamId, offsetBytes));
  const extent = extentOf(cursor, streamId);
  if (extent === undefined || endOf(extent) <= offsetBytes) cursor.next();
  return cursor;
}

/** The extent that covers `offsetBytes`; undefined behind the last one. */
export function extentAt(tree: RecordTree, streamId: number, offsetBytes: number): StreamExtent | undefined {
  const cursor = tree.seekBefore(keyOf(streamId, offsetBytes));
  const extent = extentOf(cursor, streamId);
  return extent !== undefined && endOf(extent) > offsetBytes ? extent : undefined;
}

/** The extents that lie in or touch `fromBytes` … `toBytes`, whole, at most `countMax` of them. */
export function extentsIn(
  tree: RecordTree,
  streamId: number,
  fromBytes: number,
  toBytes: number,
  countMax: number,
): StreamExtent[] {
  const found: StreamExtent[] = [];
  const cursor = seekExtent(tree, streamId, fromBytes);
  while (found.length < countMax) {
    const extent = extentOf(cursor, streamId);
    if (extent === undefined || extent.offsetBytes >= toBytes) break;
    found.push(extent);
    cursor.next();
  }
  return found;
}

export const endOf = (extent: StreamExtent): number => extent.offsetBytes + extent.lengthBytes;

/** The part of `extent` that lies within `fromBytes` … `toBytes`; they overlap. */
export function clipped(extent: StreamExtent, fromBytes: number, toBytes: number): StreamExtent {
  const start = Math.max(extent.offsetBytes, fromBytes);
  const end = Math.min(endOf(extent), toBytes);
  if (start === extent.offsetBytes && end === endOf(extent)) return extent;
  const skippedBlocks = (start - extent.offsetBytes) / BLOCK_SIZE_BYTES;
  return {
    offsetBytes: start,
    lengthBytes: end - start,
    firstBlock: extent.firstBlock === 0 ? 0 : extent.firstBlock + skippedBlocks,
    cryptoId: extent.cryptoId,
  };
}

/** Does `right` go on where `left` ends, in the stream and on the disk? */
function continues(left: StreamExtent, right: StreamExtent): boolean {
  if (endOf(left) !== right.offsetBytes || left.cryptoId !== right.cryptoId) return false;
  if (left.firstBlock === 0 || right.firstBlock === 0) {
    return left.firstBlock === right.firstBlock && left.lengthBytes + right.lengthBytes <= HOLE_BYTES_MAX;
  }
  return left.firstBlock + left.lengthBytes / BLOCK_SIZE_BYTES === right.firstBlock;
}

const joined = (left: StreamExtent, right: StreamExtent): StreamExtent => ({
  ...left,
  lengthBytes: left.lengthBytes + right.lengthBytes,
});

/** What stands around a range. */
interface Surroundings {
  /** Records that overlap the range, whole and in order. */
  readonly overlapping: StreamExtent[];
  /** The record that ends where the range begins. */
  readonly left: StreamExtent | undefined;
  /** The record that begins where the range ends. */
  readonly right: StreamExtent | undefined;
}

function surroundings(tree: RecordTree, streamId: number, from: number, to: number): Surroundings {
  const overlapping: StreamExtent[] = [];
  let left: StreamExtent | undefined;
  // From the block before the range, so that a left neighbour is met as well.
  const cursor = seekExtent(tree, streamId, Math.max(from - BLOCK_SIZE_BYTES, 0));
  for (;;) {
    const extent = extentOf(cursor, streamId);
    if (extent === undefined || extent.offsetBytes > to) break;
    if (endOf(extent) <= from) {
      if (endOf(extent) === from) left = extent;
    } else {
      if (extent.offsetBytes === to) return { overlapping, left, right: extent };
      overlapping.push(extent);
    }
    cursor.next();
  }
  return { overlapping, left, right: undefined };
}

/**
 * Put `inserted` (or nothing) in the place of whatever the stream has from `from` to `to`, multiples of a block.
 * Returns what stood there, cut to the range: its references are the caller's to drop.
 */
export function replaceRange(
  tree: RecordTree,
  streamId: number,
  from: number,
  to: number,
  inserted: StreamExtent | null,
): StreamExtent[] {
  const { overlapping, left, right } = surroundings(tree, streamId, from, to);
  const first = overlapping[0];
  const last = overlapping[overlapping.length - 1];
  const head = first !== undefined && first.offsetBytes < from ? clipped(first, 0, from) : undefined;
  const tail = last !== undefined && endOf(last) > to ? clipped(last, to, endOf(last)) : undefined;

  let middle = inserted;
  const before = head ?? left;
  const after = tail ?? right;
  const joinsLeft = middle !== null && before !== undefined && continues(before, middle);
  if (joinsLeft && middle !== null && before !== undefined) middle = joined(before, middle);
  const joinsRight = middle !== null && after !== undefined && continues(middle, after);
  if (joinsRight && middle !== null && after !== undefined) middle = joined(middle, after);

  const wanted: StreamExtent[] = [];
  if (head !== undefined && !joinsLeft) wanted.push(head);
  if (middle !== null) wanted.push(middle);
  if (tail !== undefined && !joinsRight) wanted.push(tail);
  const present = overlapping.slice();
  if (joinsLeft && head === undefined && left !== undefined) present.unshift(left);
  if (joinsRight && tail === undefined && right !== undefined) present.push(right);
  store(tree, streamId, present, wanted);

  for (let i = 0; i < overlapping.length; i++) {
    const extent = overlapping[i];
    if (extent !== undefined) overlapping[i] = clipped(extent, from, to);
  }
  return overlapping;
}

/** Make the records `wanted` of the records `present`; both are in order. */
function store(
  tree: RecordTree,
  streamId: number,
  present: readonly StreamExtent[],
  wanted: readonly StreamExtent[],
): void {
  let next = 0;
  for (const { offsetBytes } of present) {
    // What lies before this record and was not there before is inserted when all removals are done.
    while ((wanted[next]?.offsetBytes ?? Infinity) < offsetBytes) next++;
    const successor = wanted[next];
    if (successor?.offsetBytes === offsetBytes)
      tree.replace(keyOf(streamId, offsetBytes), valueOf(successor));
    else tree.remove(keyOf(streamId, offsetBytes));
  }
  for (const extent of wanted) {
    if (present.some((old) => old.offsetBytes === extent.offsetBytes)) continue;
    tree.insert(keyOf(streamId, extent.offsetBytes), valueOf(extent));
  }
}

/** A record of a stream that has none there yet. */
export function addFileExtent(tree: RecordTree, streamId: number, extent: StreamExtent): void {
  tree.insert(keyOf(streamId, extent.offsetBytes), valueOf(extent));
}

export function removeFileExtent(tree: RecordTree, streamId: number, offsetBytes: number): void {
  tree.remove(keyOf(streamId, offsetBytes));
}

export const damagedStream = (streamId: number, why: string): FsError =>
  new FsError('EIO', '', '', `the stream ${streamId} ${why}: check the volume with fsck_apfs`);
