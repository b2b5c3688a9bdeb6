import { FsError } from '../../base/errno.ts';
import type { Extent } from '../contract.ts';
import { holdersOf, makeStream, setHolders, unshare } from './clones.ts';
import { cut, roomOfDropping, STEP_RECORDS_MAX } from './content-cut.ts';
import type { Writing } from './content-cut.ts';
import { lengthOf, readRun } from './content-io.ts';
import type { Source } from './content-io.ts';
import { isFull, nodesOfChanges, setSparse } from './content-host.ts';
import type { ContentHost, StreamOwner } from './content-host.ts';
import {
  blockEnd,
  fillGap,
  putHole,
  reserveStep,
  roomOfReplacing,
  STEP_BLOCKS_MAX,
  writeStep,
  zeroTail,
} from './content-write.ts';
import {
  damagedStream,
  endOf,
  extentAt,
  extentOf,
  extentsIn,
  removeFileExtent,
  replaceRange,
  seekExtent,
} from './extents.ts';
import type { StreamExtent } from './extents.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { drop, RECORD_BLOCKS_MAX } from './references.ts';

/**
 * Contents of files: reading, writing, making longer and shorter, holes, blocks in reserve, letting go.
 *
 * Whatever changes contents first gives the file a stream of its own if it shares one (clones.ts); members of the inode
 * (`stream`, `privateId`, flags, `sparseBytes`) change here, the caller stores them and the times. On an FsError the
 * contents are what they were, except where it says otherwise. Calls may be made within a transaction of the caller;
 * each step asks for its own room.
 */

/** The format counts to 2^63 − 1; the last whole block before that. */
export const FILE_SIZE_BYTES_MAX = 2 ** 63 - BLOCK_SIZE_BYTES;

/** Up to here a number is any whole number, beyond it whole blocks are exact. */
const FINE_BYTES_MAX = 2 ** 53;

/** EFBIG for sizes that a file cannot have, and for those beyond 2^53 that would have to be rounded. */
function requireSize(sizeBytes: number, isWhole: boolean): void {
  if (sizeBytes > FILE_SIZE_BYTES_MAX) {
    throw new FsError('EFBIG', '', '', 'a file has at most 2^63 bytes, less one block');
  }
  if (sizeBytes <= FINE_BYTES_MAX || isWhole) return;
  const detail = `beyond 2^53 bytes sizes and places are counted in whole blocks of ${BLOCK_SIZE_BYTES} bytes here`;
  throw new FsError('EFBIG', '', '', detail);
}

/** EFBIG for a size that a file cannot be given. */
export const requireFileSize = (sizeBytes: number): void => requireSize(sizeBytes, isWhole(sizeBytes));

const isWhole = (bytes: number): boolean => bytes % BLOCK_SIZE_BYTES === 0;

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Fills `into` from `offsetBytes`; returns how many bytes there were. EIO. */
export function readContent(
  host: ContentHost,
  inode: StreamOwner,
  offsetBytes: number,
  into: Uint8Array,
): number {
  const { stream } = inode;
  if (stream === null) return 0;
  return readExtents(host, inode.privateId, stream.sizeBytes, offsetBytes, into);
}

/** The same of any stream. */
export function readExtents(
  host: ContentHost,
  streamId: number,
  sizeBytes: number,
  offsetBytes: number,
  into: Uint8Array,
): number {
  const length = Math.max(Math.min(into.length, sizeBytes - offsetBytes), 0);
  if (length === 0) return 0;
  const cursor = seekExtent(host.catalog, streamId, offsetBytes);
  for (let done = 0; done < length; cursor.next()) {
    const at = offsetBytes + done;
    const extent = extentOf(cursor, streamId);
    if (extent === undefined || extent.offsetBytes > at || endOf(extent) <= at) {
      throw damagedStream(streamId, `has no extent at ${at}`);
    }
    const part = Math.min(endOf(extent) - at, length - done);
    const target = into.subarray(done, done + part);
    if (extent.firstBlock === 0) target.fill(0);
    else readRun(host.device, extent.firstBlock, at - extent.offsetBytes, target);
    done += part;
  }
  return length;
}

/** Where the file's bytes lie, holes left out, in order. */
export function extentsOf(host: ContentHost, inode: StreamOwner): Extent[] {
  const { stream } = inode;
  const extents: Extent[] = [];
  if (stream === null) return extents;
  const cursor = seekExtent(host.catalog, inode.privateId, 0);
  for (; ; cursor.next()) {
    const extent = extentOf(cursor, inode.privateId);
    if (extent === undefined) break;
    const { offsetBytes, lengthBytes, firstBlock } = extent;
    const length = Math.min(lengthBytes, stream.sizeBytes - offsetBytes);
    if (length <= 0) break;
    if (firstBlock === 0) continue;
    const deviceOffsetBytes = firstBlock * BLOCK_SIZE_BYTES;
    const last = extents.at(-1);
    const continuesLast =
      last !== undefined &&
      last.deviceOffsetBytes + last.lengthBytes === deviceOffsetBytes &&
      last.fileOffsetBytes + last.lengthBytes === offsetBytes;
    if (continuesLast) extents[extents.length - 1] = { ...last, lengthBytes: last.lengthBytes + length };
    else extents.push({ fileOffsetBytes: offsetBytes, deviceOffsetBytes, lengthBytes: length });
  }
  return extents;
}

// ── writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The file's own stream, made or taken out of sharing. ENOSPC. */
function openStream(host: ContentHost, inode: StreamOwner, keptBytes = Infinity): Writing {
  if (inode.stream === null) {
    host.commit.change({ blocks: nodesOfChanges(host.catalog, 1), kind: 'grow' }, () => {
      makeStream(host, inode);
    });
  } else {
    unshare(host, inode, keptBytes);
  }
  const { stream } = inode;
  if (stream === null) throw damagedStream(inode.privateId, 'is gone');
  const writing = { host, inode, stream };
  // What is flagged as preallocated would have to lose its flag block by block as the file grows.
  if (host.flagsPreallocation && !cut(writing, blockEnd(stream.sizeBytes))) throw noRoomToGive();
  return writing;
}

/**
 * Write `source` at `offsetBytes`; a gap reads as zeros. Returns how many bytes of it fitted, ENOSPC when none did, EFBIG
 * before anything changes.
 */
export function writeContent(
  host: ContentHost,
  inode: StreamOwner,
  offsetBytes: number,
  source: Source,
): number {
  const length = lengthOf(source);
  const end = offsetBytes + length;
  requireSize(end, isWhole(offsetBytes) && isWhole(length));
  if (length === 0) return 0;
  const writing = openStream(host, inode);
  let at = offsetBytes;
  while (at < end) {
    try {
      at = writeStep(writing, at, end, source, offsetBytes);
    } catch (error) {
      // A full volume takes what fits: the rest is not written, and the caller learns how much was.
      if (!isFull(error) || at === offsetBytes) throw error;
      break;
    }
  }
  return at - offsetBytes;
}

// ── other sizes ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Grown bytes read as zeros and take no room. ENOSPC leaves the old size. */
export function truncateContent(host: ContentHost, inode: StreamOwner, sizeBytes: number): void {
  requireFileSize(sizeBytes);
  const oldBytes = inode.stream?.sizeBytes ?? 0;
  if (sizeBytes === oldBytes) {
    releaseReserve(host, inode);
    return;
  }
  const writing = openStream(host, inode, sizeBytes < oldBytes ? sizeBytes : Infinity);
  const { stream } = writing;
  if (sizeBytes > oldBytes) {
    const room = roomOfReplacing(host, [], 1, sizeBytes - stream.allocatedBytes);
    host.commit.change({ blocks: room.blocks + 1, kind: 'grow' }, () => {
      fillGap(writing, blockEnd(sizeBytes));
      stream.sizeBytes = sizeBytes;
    });
    return;
  }
  stream.sizeBytes = sizeBytes;
  // What could not be given back stays in reserve: the file is as long as it should be, and its end is legal.
  if (!cut(writing, blockEnd(sizeBytes)) && host.flagsPreallocation) throw noRoomToGive();
  try {
    zeroTail(writing);
  } catch (error) {
    // No room to copy one block: old bytes stay behind the end, and become zeros when the file grows (fillGap).
    if (!isFull(error)) throw error;
  }
}

const noRoomToGive = (): FsError =>
  new FsError(
    'ENOSPC',
    '',
    '',
    'no block is left for the metadata that this takes: remove files or snapshots',
  );

/** The range, whole blocks, reads as zeros and takes no room; the size stays. EINVAL, ENOSPC. */
export function punchContent(
  host: ContentHost,
  inode: StreamOwner,
  offsetBytes: number,
  lengthBytes: number,
): void {
  if (offsetBytes % BLOCK_SIZE_BYTES !== 0 || lengthBytes % BLOCK_SIZE_BYTES !== 0) {
    const detail = `a hole begins and ends with a block of ${BLOCK_SIZE_BYTES} bytes: round its offset and length`;
    throw new FsError('EINVAL', '', '', detail);
  }
  const size = inode.stream?.sizeBytes ?? 0;
  const end = Math.min(offsetBytes + lengthBytes, blockEnd(size));
  if (end <= offsetBytes) return;
  const writing = openStream(host, inode);
  let recordsMax = STEP_RECORDS_MAX;
  for (let at = offsetBytes; at < end;) {
    try {
      at = punchStep(writing, at, end, recordsMax);
    } catch (error) {
      if (!isFull(error) || recordsMax === 1) throw error;
      recordsMax = 1;
    }
  }
}

/** Returns where the step ended. */
function punchStep(writing: Writing, at: number, end: number, recordsMax: number): number {
  const { host, inode } = writing;
  const hole = extentAt(host.catalog, inode.privateId, at);
  if (hole !== undefined && hole.firstBlock === 0) return Math.min(endOf(hole), end);
  const stop = Math.min(end, at + STEP_BLOCKS_MAX * BLOCK_SIZE_BYTES);
  const extents = extentsIn(host.catalog, inode.privateId, at, stop, recordsMax);
  const last = extents.at(-1);
  if (last === undefined) throw damagedStream(inode.privateId, `has no extent at ${at}`);
  const to = Math.min(endOf(last), stop);
  if (extents.some(({ firstBlock }) => firstBlock !== 0)) {
    const room = roomOfReplacing(host, extents, 0);
    host.commit.change({ ...room, kind: 'shrink' }, () => putHole(writing, at, to));
  }
  return to;
}

/**
 * Reserve `lengthBytes` behind the last block; the size stays. Returns the bytes reserved, fewer when the volume is full;
 * ENOSPC when there are none, ENOTSUP where reserved blocks would need a flag that this driver does not keep.
 */
export function preallocateContent(host: ContentHost, inode: StreamOwner, lengthBytes: number): number {
  const wanted = blockEnd(lengthBytes);
  requireSize((inode.stream?.allocatedBytes ?? 0) + wanted, true);
  if (host.flagsPreallocation) {
    const detail =
      'this volume flags preallocated extents, which Diskoscope reads but does not write: nothing was reserved';
    throw new FsError('ENOTSUP', '', '', detail);
  }
  if (wanted === 0) return 0;
  const writing = openStream(host, inode);
  const { stream } = writing;
  const start = stream.allocatedBytes;
  const end = start + wanted;
  while (stream.allocatedBytes < end) {
    try {
      reserveStep(writing, end);
    } catch (error) {
      if (!isFull(error) || stream.allocatedBytes === start) throw error;
      break;
    }
  }
  return stream.allocatedBytes - start;
}

// ── letting go ──────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The file, which has no name any more, lets go of its contents: about `recordsMax` records of them, from the front.
 * Returns whether all are gone; call it again until they are, in as many transactions as it takes. A stream that others
 * hold as well is gone at once.
 */
export function releaseContent(host: ContentHost, inode: StreamOwner, recordsMax: number): boolean {
  if (inode.stream === null) return true;
  const streamId = inode.privateId;
  const holders = holdersOf(host.catalog, streamId);
  if (holders === 0) throw damagedStream(streamId, 'has no record that counts its holders');
  if (holders === 1 && !releaseExtents(host, streamId, recordsMax)) return false;
  host.commit.change({ blocks: nodesOfChanges(host.catalog, 1), kind: 'shrink' }, () => {
    setHolders(host.catalog, streamId, holders, holders - 1);
    inode.stream = null;
    inode.sparseBytes = 0;
    setSparse(inode);
  });
  return true;
}

/** The same of the extents of any stream; what it says of its size stays. Returns whether none are left. */
export function releaseExtents(host: ContentHost, streamId: number, recordsMax: number): boolean {
  return host.commit.change(roomOfDropping(host, recordsMax), () => {
    let left = recordsMax;
    for (;;) {
      const fronts = extentsIn(host.catalog, streamId, 0, Infinity, left);
      if (fronts.length === 0) return true;
      for (const front of fronts) {
        left -= releaseFront(host, streamId, front, left);
        if (left <= 0) return extentsIn(host.catalog, streamId, 0, Infinity, 1).length === 0;
      }
    }
  });
}

/** Returns how many records that took. */
function releaseFront(host: ContentHost, streamId: number, front: StreamExtent, recordsMax: number): number {
  const { offsetBytes, firstBlock } = front;
  const blocks = front.lengthBytes / BLOCK_SIZE_BYTES;
  const freed = firstBlock === 0 ? blocks : Math.min(blocks, recordsMax * RECORD_BLOCKS_MAX);
  if (freed === blocks) removeFileExtent(host.catalog, streamId, offsetBytes);
  else replaceRange(host.catalog, streamId, offsetBytes, offsetBytes + freed * BLOCK_SIZE_BYTES, null);
  return firstBlock === 0 ? 1 : Math.max(drop(host, firstBlock, freed), 1);
}

/** Give back what `preallocateContent` has left behind the end of the file. */
export function releaseReserve(host: ContentHost, inode: StreamOwner): void {
  const { stream } = inode;
  if (stream === null || stream.allocatedBytes <= blockEnd(stream.sizeBytes)) return;
  // What a clone has come to hold as well stays until either of them is changed.
  if (holdersOf(host.catalog, inode.privateId) === 1)
    cut({ host, inode, stream }, blockEnd(stream.sizeBytes));
}
