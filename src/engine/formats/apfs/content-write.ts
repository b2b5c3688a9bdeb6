import { isZero } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import { ZERO_FILL } from '../contract.ts';
import { contentLabel, copySource, readRun, writeBlocks } from './content-io.ts';
import type { Source } from './content-io.ts';
import { nodesOfChanges, nodesOfNeighbours } from './content-host.ts';
import type { ContentHost } from './content-host.ts';
import { dropExtents, STEP_RECORDS_MAX } from './content-cut.ts';
import type { Writing } from './content-cut.ts';
import {
  clipped,
  damagedStream,
  endOf,
  extentAt,
  extentsIn,
  HOLE_BYTES_MAX,
  replaceRange,
} from './extents.ts';
import type { StreamExtent } from './extents.ts';
import type { Stream } from './inode.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { addExtent, RECORD_BLOCKS_MAX, soleBlocks } from './references.ts';

/**
 * Putting bytes into a stream that its file alone holds.
 *
 * Bytes go to the device at once, to blocks that nothing durable refers to; records and sizes follow with the
 * transaction. Blocks are written where they are only when the running transaction allocated them, when they lie
 * behind the end of the file (nothing durable has read them since they were reserved), or by policy; and never when a
 * snapshot or another stream holds them. A power cut leaves the old contents, whole.
 *
 * Bytes behind the end of the file read as zeros whatever lies there: whoever makes the file longer makes them so.
 */

/** Blocks of one step: 1 GiB. */
export const STEP_BLOCKS_MAX = 2 ** 18;

const blockStart = (offsetBytes: number): number => offsetBytes - (offsetBytes % BLOCK_SIZE_BYTES);
export const blockEnd = (offsetBytes: number): number =>
  Math.ceil(offsetBytes / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
const blocksOf = (lengthBytes: number): number => lengthBytes / BLOCK_SIZE_BYTES;

/** New nodes and records of the free queue that it takes to replace `extents` by a run of `newBlocks`. */
export function roomOfReplacing(
  host: ContentHost,
  extents: readonly StreamExtent[],
  newBlocks: number,
  gapBytes = 0,
): { readonly blocks: number; readonly freeRecords: number } {
  // Head, tail and joined neighbours of the range, and a hole before it, which may be several records.
  const catalogChanges = extents.length + 6 + Math.floor(Math.max(gapBytes, 0) / HOLE_BYTES_MAX);
  let referenceChanges = 2 + Math.ceil(newBlocks / RECORD_BLOCKS_MAX);
  for (const { firstBlock, lengthBytes } of extents) {
    if (firstBlock !== 0) referenceChanges += 3 + Math.ceil(blocksOf(lengthBytes) / RECORD_BLOCKS_MAX);
  }
  return {
    blocks:
      nodesOfNeighbours(host.catalog, catalogChanges) + nodesOfChanges(host.references, referenceChanges),
    freeRecords: referenceChanges + catalogChanges,
  };
}

/**
 * Write as much of `source` (whose first byte belongs at `originBytes`) from `at` to `end` as goes in one run of
 * blocks. Returns where it ended. ENOSPC when not even one block is to be had: then nothing has changed.
 */
export function writeStep(
  writing: Writing,
  at: number,
  end: number,
  source: Source,
  originBytes: number,
): number {
  const { host, inode, stream } = writing;
  const start = blockStart(at);
  const stop = Math.min(blockEnd(end), start + STEP_BLOCKS_MAX * BLOCK_SIZE_BYTES);
  // From the block before on: new blocks are wanted behind that one's.
  const extents = extentsIn(
    host.catalog,
    inode.privateId,
    Math.max(start - BLOCK_SIZE_BYTES, 0),
    stop,
    STEP_RECORDS_MAX,
  );
  const before = extents[0];
  if (before !== undefined && endOf(before) <= start) extents.shift();
  const first = extents[0];
  if (start < stream.allocatedBytes && (first === undefined || first.offsetBytes > start)) {
    throw damagedStream(inode.privateId, `has no extent at ${start}`);
  }
  const inPlace = first === undefined ? 0 : writableBlocks(writing, clipped(first, start, stop));
  if (inPlace > 0 && first !== undefined) {
    const to = Math.min(end, start + inPlace * BLOCK_SIZE_BYTES);
    const block = first.firstBlock + blocksOf(start - first.offsetBytes);
    // A file that ends before this block has blocks in reserve: what lies between is to be zeros.
    if (at > stream.sizeBytes) {
      host.commit.change({ ...roomOfReplacing(host, [], 1), kind: 'grow' }, () => fillGap(writing, at));
    }
    putBytes(writing, block, start, at, to, source, originBytes);
    finish(stream, at, to);
    return to;
  }
  const wishEnd = endOfWish(writing, extents, start, stop);
  const room = roomOfReplacing(host, extents, blocksOf(wishEnd - start), start - stream.allocatedBytes);
  return host.commit.change({ blocks: room.blocks + 1, kind: 'grow', freeRecords: room.freeRecords }, () => {
    const goal = goalBehind(before, start);
    const run = allocateRun(writing, goal, blocksOf(wishEnd - start), room.blocks);
    const runEnd = start + run.blockCount * BLOCK_SIZE_BYTES;
    const to = Math.min(end, runEnd);
    try {
      fillGap(writing, at);
      putBytes(writing, run.firstBlock, start, at, to, source, originBytes);
    } catch (error) {
      host.free(run.firstBlock, run.blockCount);
      throw error;
    }
    putExtent(writing, start, runEnd, run.firstBlock);
    finish(stream, at, to);
    return to;
  });
}

function finish(stream: Stream, from: number, to: number): void {
  if (to > stream.sizeBytes) stream.sizeBytes = to;
  stream.bytesWritten += to - from;
}

/** Where the stretch ends that wants new blocks: at the end, or where blocks begin that may be written over. */
function endOfWish(writing: Writing, extents: readonly StreamExtent[], start: number, stop: number): number {
  let end = start;
  for (const extent of extents) {
    if (extent.offsetBytes > start && writableBlocks(writing, clipped(extent, start, stop)) > 0) {
      return extent.offsetBytes;
    }
    end = Math.min(endOf(extent), stop);
  }
  return extents.length < STEP_RECORDS_MAX ? stop : end;
}

/** How many blocks at the start of `extent` may be written where they are. */
function writableBlocks({ host, stream }: Writing, extent: StreamExtent): number {
  const { firstBlock, lengthBytes, offsetBytes } = extent;
  if (firstBlock === 0) return 0;
  const isReserve = offsetBytes >= blockEnd(stream.sizeBytes);
  const isFree = host.overwritesInPlace || isReserve;
  if (!isFree && !host.commit.isFresh(firstBlock)) return 0;
  const sole = soleBlocks(host.references, firstBlock, blocksOf(lengthBytes));
  if (isFree) return sole;
  let fresh = 0;
  while (fresh < sole && host.commit.isFresh(firstBlock + fresh)) fresh++;
  return fresh;
}

/** The block behind that of the stream's block before `start`, if `before` is the extent that has it. */
function goalBehind(before: StreamExtent | undefined, start: number): number | null {
  if (before === undefined || before.firstBlock === 0) return null;
  if (before.offsetBytes >= start || endOf(before) < start) return null;
  return before.firstBlock + blocksOf(start - before.offsetBytes);
}

/** A run of at most so many blocks that leaves `metadataBlocks` of those to be had. ENOSPC. */
function allocateRun(
  { host }: Writing,
  goal: number | null,
  blockCount: number,
  metadataBlocks: number,
): { readonly firstBlock: number; readonly blockCount: number } {
  const available = host.availableBlocks - metadataBlocks;
  if (available <= 0) throw full();
  return host.allocate(Math.min(blockCount, available), goal, 'data');
}

/** Blocks in reserve behind the last one, as many as go in one run and end before `end`. ENOSPC. */
export function reserveStep(writing: Writing, end: number): void {
  const { host, stream } = writing;
  const start = stream.allocatedBytes;
  const wish = Math.min(blocksOf(end - start), STEP_BLOCKS_MAX);
  const room = roomOfReplacing(host, [], wish);
  host.commit.change({ blocks: room.blocks + 1, kind: 'grow' }, () => {
    const before =
      start === 0 ? undefined : extentAt(host.catalog, writing.inode.privateId, start - BLOCK_SIZE_BYTES);
    const run = allocateRun(writing, goalBehind(before, start), wish, room.blocks);
    putExtent(writing, start, start + run.blockCount * BLOCK_SIZE_BYTES, run.firstBlock);
  });
}

const full = (): FsError =>
  new FsError(
    'ENOSPC',
    '',
    '',
    'the container or the quota of the volume is full: remove files or snapshots',
  );

/** The run at `firstBlock` takes the place of whatever the stream had from `start` to `end`. */
function putExtent(writing: Writing, start: number, end: number, firstBlock: number): void {
  const { host, inode, stream } = writing;
  const inserted = { offsetBytes: start, lengthBytes: end - start, firstBlock, cryptoId: 0 };
  const replaced = replaceRange(host.catalog, inode.privateId, start, end, inserted);
  addExtent(host, firstBlock, blocksOf(end - start), inode.privateId);
  dropExtents(host, inode, replaced);
  if (end > stream.allocatedBytes) stream.allocatedBytes = end;
}

/** Nothing is stored from `start` to `end`. */
export function putHole(writing: Writing, start: number, end: number): void {
  const { host, inode, stream } = writing;
  for (let at = start; at < end;) {
    const to = Math.min(end, at + HOLE_BYTES_MAX);
    const hole = { offsetBytes: at, lengthBytes: to - at, firstBlock: 0, cryptoId: 0 };
    const replaced = replaceRange(host.catalog, inode.privateId, at, to, hole);
    inode.sparseBytes += to - at;
    dropExtents(host, inode, replaced);
    at = to;
  }
  if (end > stream.allocatedBytes) stream.allocatedBytes = end;
}

// ── bytes ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const ragged = new Uint8Array(BLOCK_SIZE_BYTES);

/** Put the bytes `from` … `to` of the stream into the run at `firstBlock`, which stands for `start` on. */
function putBytes(
  writing: Writing,
  firstBlock: number,
  start: number,
  from: number,
  to: number,
  source: Source,
  originBytes: number,
): void {
  const { host, inode } = writing;
  const label = contentLabel(inode.nameBytes);
  for (let at = from; at < to;) {
    const within = at % BLOCK_SIZE_BYTES;
    const block = firstBlock + blocksOf(at - within - start);
    if (within === 0 && to - at >= BLOCK_SIZE_BYTES) {
      const whole = blockStart(to) - at;
      writeBlocks(host.device, block, source, at - originBytes, whole, label);
      at += whole;
      continue;
    }
    const part = Math.min(BLOCK_SIZE_BYTES - within, to - at);
    readBlock(writing, at - within, ragged);
    copySource(source, at - originBytes, ragged.subarray(within, within + part));
    writeBlocks(host.device, block, ragged, 0, BLOCK_SIZE_BYTES, label);
    at += part;
  }
}

/** The block of the stream at `start` as it is now, zeros behind the end of the file. */
function readBlock({ host, inode, stream }: Writing, start: number, into: Uint8Array): void {
  const validBytes = Math.min(Math.max(stream.sizeBytes - start, 0), BLOCK_SIZE_BYTES);
  const extent = validBytes === 0 ? undefined : extentAt(host.catalog, inode.privateId, start);
  if (extent === undefined || extent.firstBlock === 0) {
    into.fill(0);
    return;
  }
  readRun(host.device, extent.firstBlock, start - extent.offsetBytes, into.subarray(0, validBytes));
  into.fill(0, validBytes);
}

// ── behind the end ──────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The file is about to have bytes from `at` on: whatever lies between its end and there becomes zeros, and the extents
 * reach as far as the block of `at`. The size stays. ENOSPC.
 */
export function fillGap(writing: Writing, at: number): void {
  const { stream } = writing;
  const target = blockStart(at);
  if (at <= stream.sizeBytes) return;
  if (blockEnd(stream.sizeBytes) <= target) zeroTail(writing);
  zeroReserve(writing, blockEnd(stream.sizeBytes), Math.min(target, stream.allocatedBytes));
  putHole(writing, stream.allocatedBytes, target);
}

/** Bytes behind the end of the file in its last block become zeros, if they are not. ENOSPC. */
export function zeroTail(writing: Writing): void {
  const { host, inode, stream } = writing;
  const within = stream.sizeBytes % BLOCK_SIZE_BYTES;
  if (within === 0) return;
  const start = stream.sizeBytes - within;
  const extent = extentAt(host.catalog, inode.privateId, start);
  if (extent === undefined) throw damagedStream(inode.privateId, `has no extent at ${start}`);
  if (extent.firstBlock === 0) return;
  const buffer = new Uint8Array(BLOCK_SIZE_BYTES);
  readRun(host.device, extent.firstBlock, start - extent.offsetBytes, buffer);
  if (isZero(buffer.subarray(within))) return;
  buffer.fill(0, within);
  const end = start + BLOCK_SIZE_BYTES;
  const label = contentLabel(inode.nameBytes);
  const here = clipped(extent, start, end);
  if (writableBlocks(writing, here) > 0) {
    writeBlocks(host.device, here.firstBlock, buffer, 0, BLOCK_SIZE_BYTES, label);
    return;
  }
  const room = roomOfReplacing(host, [here], 1);
  host.commit.change({ blocks: room.blocks + 1, kind: 'grow' }, () => {
    const run = allocateRun(writing, goalBehind(extent, start), 1, room.blocks);
    writeBlocks(host.device, run.firstBlock, buffer, 0, BLOCK_SIZE_BYTES, label);
    putExtent(writing, start, end, run.firstBlock);
  });
}

/** Blocks in reserve from `start` to `end` become zeros: in place where the file alone holds them, holes elsewhere. */
export function zeroReserve(writing: Writing, start: number, end: number): void {
  const { host, inode } = writing;
  const label = contentLabel(inode.nameBytes);
  for (let at = start; at < end;) {
    const extent = extentAt(host.catalog, inode.privateId, at);
    if (extent === undefined) throw damagedStream(inode.privateId, `has no extent at ${at}`);
    const part = clipped(extent, at, end);
    const sole =
      part.firstBlock === 0 ? 0 : soleBlocks(host.references, part.firstBlock, blocksOf(part.lengthBytes));
    const lengthBytes = sole * BLOCK_SIZE_BYTES;
    if (sole > 0) {
      writeBlocks(host.device, part.firstBlock, { fill: ZERO_FILL, lengthBytes }, 0, lengthBytes, label);
      at += lengthBytes;
    } else {
      if (part.firstBlock !== 0) putHole(writing, at, endOf(part));
      at = endOf(part);
    }
  }
}
