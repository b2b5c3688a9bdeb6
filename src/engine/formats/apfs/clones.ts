import { viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { Sharing } from '../contract.ts';
import type { Run } from './alloc.ts';
import type { ContentHost, RecordTree, StreamOwner } from './content-host.ts';
import { nodesOfChanges, nodesOfNeighbours, setSparse, withFlags } from './content-host.ts';
import { cut } from './content-cut.ts';
import { addFileExtent, clipped, damagedStream, endOf, extentOf, extentsIn, seekExtent } from './extents.ts';
import type { StreamExtent } from './extents.ts';
import { emptyStream } from './inode.ts';
import type { Stream } from './inode.ts';
import { INODE_FLAG, RECORD_TYPE, putObjectKey } from './layout-catalog.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { RECORD_BLOCKS_MAX, shareAll, soleBlocksIn } from './references.ts';

/**
 * Streams that several files hold. A clone begins as a file with the same stream: its inode names the same private id,
 * the stream's record counts one holder more, nothing else is touched. The first of them that changes its contents
 * gets a stream of its own, with a copy of all extents, and one more reference to every block; blocks themselves are
 * copied when they are written. [APFS Reference "j_dstream_id_val_t"; linux-apfs-rw; apfsck/inode.c]
 */

const key = new Uint8Array(8);
const keyView = viewOf(key);
const value = new Uint8Array(4);
const valueView = viewOf(value);

function keyOf(streamId: number): Uint8Array {
  putObjectKey(keyView, 0, streamId, RECORD_TYPE.dstreamId);
  return key;
}

/** How many files hold the stream; 0: there is no such record. */
export function holdersOf(catalog: RecordTree, streamId: number): number {
  const stored = catalog.find(keyOf(streamId));
  if (stored === undefined) return 0;
  if (stored.length !== 4) throw damagedStream(streamId, `has a count of ${stored.length} bytes`);
  return (
    ((stored[0] ?? 0) | ((stored[1] ?? 0) << 8) | ((stored[2] ?? 0) << 16) | ((stored[3] ?? 0) << 24)) >>> 0
  );
}

/** `holders` 0 removes the record. */
export function setHolders(catalog: RecordTree, streamId: number, before: number, holders: number): void {
  valueView.setUint32(0, holders, true);
  if (holders === 0) catalog.remove(keyOf(streamId));
  else if (before === 0) catalog.insert(keyOf(streamId), value);
  else catalog.replace(keyOf(streamId), value);
}

/** A file without contents gets a stream of its own, empty. */
export function makeStream(host: ContentHost, inode: StreamOwner): Stream {
  // The file's own number is taken when its former stream went to a clone of it.
  if (inode.privateId !== inode.number || holdersOf(host.catalog, inode.number) > 0) {
    inode.privateId = host.newObjectId();
    inode.internalFlags = withFlags(inode.internalFlags, INODE_FLAG.wasEverCloned);
  }
  setHolders(host.catalog, inode.privateId, 0, 1);
  inode.sparseBytes = 0;
  setSparse(inode);
  return (inode.stream = emptyStream());
}

// ── sharing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * `clone`, which has no contents yet, gets the contents of `source`: one record changes, and what `source` has in
 * reserve is given back. Both inodes are the caller's to store. EMLINK, ENOSPC.
 */
export function shareStream(host: ContentHost, source: StreamOwner, clone: StreamOwner): void {
  const { stream } = source;
  if (stream === null) return;
  const holders = holdersOf(host.catalog, source.privateId);
  if (holders === 0) throw damagedStream(source.privateId, 'has no record that counts its holders');
  if (holders >= 0xffff_ffff) throw new FsError('EMLINK', '', '', 'no more files can share these contents');
  // Blocks in reserve behind the end are nobody's contents, and drivers that share a stream do not look for them.
  const end = Math.ceil(stream.sizeBytes / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
  if (holders === 1) cut({ host, inode: source, stream }, end);
  host.commit.change({ blocks: nodesOfChanges(host.catalog, 1), kind: 'grow' }, () => {
    setHolders(host.catalog, source.privateId, holders, holders + 1);
    clone.privateId = source.privateId;
    clone.stream = { ...stream };
    clone.sparseBytes = source.sparseBytes;
    clone.internalFlags = withFlags(clone.internalFlags, INODE_FLAG.wasCloned | INODE_FLAG.wasEverCloned);
    setSparse(clone);
    source.internalFlags = withFlags(source.internalFlags, INODE_FLAG.wasEverCloned);
  });
}

/**
 * The stream of `inode` is its own from here on, its first `keptBytes` bytes at least. To be called before any change
 * of contents. ENOSPC when the records find no room.
 */
export function unshare(host: ContentHost, inode: StreamOwner, keptBytes = Infinity): void {
  const { stream } = inode;
  if (stream === null) return;
  const holders = holdersOf(host.catalog, inode.privateId);
  if (holders === 1) return;
  if (holders === 0) throw damagedStream(inode.privateId, 'has no record that counts its holders');
  const keptEnd = Math.min(stream.allocatedBytes, Math.ceil(keptBytes / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES);
  const extents = extentsToCopy(host, inode.privateId, 0, keptEnd);
  host.commit.change({ blocks: roomOfCopy(host, extents), kind: 'grow' }, () => {
    const newId = host.newObjectId();
    const holes = copyExtents(host, extents, newId);
    setHolders(host.catalog, newId, 0, 1);
    leaveShared(host, inode, newId, keptEnd, holes);
  });
}

/**
 * The file goes over from a stream that others hold as well to `streamId`, which is its own and has its first
 * `keptBytes` bytes, a multiple of a block, with so many of holes. Within a change.
 */
export function leaveShared(
  host: ContentHost,
  inode: StreamOwner,
  streamId: number,
  keptBytes: number,
  sparseBytes: number,
): void {
  const { stream, privateId } = inode;
  if (stream === null) throw damagedStream(privateId, 'is gone');
  const holders = holdersOf(host.catalog, privateId);
  setHolders(host.catalog, privateId, holders, holders - 1);
  inode.privateId = streamId;
  // The object may be the one another holder was given; theirs stays as it is.
  inode.stream = {
    ...stream,
    allocatedBytes: keptBytes,
    sizeBytes: Math.min(stream.sizeBytes, keptBytes),
  };
  inode.sparseBytes = sparseBytes;
  inode.internalFlags = withFlags(inode.internalFlags, INODE_FLAG.wasEverCloned);
  setSparse(inode);
}

/**
 * What the stream has from `startBytes` to `endBytes`, for `copyExtents`: clipped to that, at most `countMax` extents.
 * EIO when one is missing.
 */
export function extentsToCopy(
  host: ContentHost,
  streamId: number,
  startBytes: number,
  endBytes: number,
  countMax = Infinity,
): StreamExtent[] {
  if (startBytes >= endBytes) return [];
  const extents = extentsIn(host.catalog, streamId, startBytes, endBytes, countMax);
  let at = startBytes;
  for (const [i, whole] of extents.entries()) {
    const extent = (extents[i] = clipped(whole, at, endBytes));
    if (extent.offsetBytes !== at) throw damagedStream(streamId, `has no extent at ${at}`);
    at = endOf(extent);
  }
  if (at < endBytes && extents.length < countMax) throw damagedStream(streamId, `has no extent at ${at}`);
  return extents;
}

/** New nodes that `copyExtents` takes at most. */
export function roomOfCopy(host: ContentHost, extents: readonly StreamExtent[]): number {
  let runs = 0;
  for (const { firstBlock, lengthBytes } of extents) {
    if (firstBlock !== 0) runs += 2 + Math.ceil(lengthBytes / (RECORD_BLOCKS_MAX * BLOCK_SIZE_BYTES));
  }
  return nodesOfNeighbours(host.catalog, extents.length) + nodesOfChanges(host.references, runs);
}

/**
 * Give the stream `newId`, which ends where they begin, the extents of another one, and one more holder to each block.
 * Returns the bytes of holes among them.
 */
export function copyExtents(host: ContentHost, extents: readonly StreamExtent[], newId: number): number {
  let holes = 0;
  const runs: Run[] = [];
  for (const extent of extents) {
    const { firstBlock, lengthBytes } = extent;
    addFileExtent(host.catalog, newId, extent);
    if (firstBlock === 0) holes += lengthBytes;
    else runs.push({ firstBlock, blockCount: lengthBytes / BLOCK_SIZE_BYTES });
  }
  shareAll(host, runs);
  return holes;
}

// ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Cost follows the extents of the file. */
export function sharingOf(host: ContentHost, inode: StreamOwner): Sharing {
  const { stream } = inode;
  const wasCloned = (inode.internalFlags % 2 ** 31) & (INODE_FLAG.wasCloned | INODE_FLAG.wasEverCloned);
  const holders = stream === null ? 1 : Math.max(holdersOf(host.catalog, inode.privateId), 1);
  return {
    cloneId: inode.privateId,
    cloneReferenceCount: holders,
    privateBytes: stream === null || holders > 1 ? 0 : soleBytes(host, inode.privateId),
    mayShareBlocks: wasCloned !== 0 || (host.hasSnapshots && stream !== null),
  };
}

/** Bytes of blocks that only this stream holds. */
function soleBytes(host: ContentHost, streamId: number): number {
  let blocks = 0;
  const cursor = seekExtent(host.catalog, streamId, 0);
  for (;;) {
    const extent = extentOf(cursor, streamId);
    if (extent === undefined) return blocks * BLOCK_SIZE_BYTES;
    cursor.next();
    const { firstBlock, lengthBytes } = extent;
    if (firstBlock !== 0) blocks += soleBlocksIn(host.references, firstBlock, lengthBytes / BLOCK_SIZE_BYTES);
  }
}
