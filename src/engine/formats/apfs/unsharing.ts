import { catalogRoom, saveInode } from './catalog.ts';
import { copyExtents, extentsToCopy, holdersOf, leaveShared, makeStream, roomOfCopy } from './clones.ts';
import { STEP_RECORDS_MAX } from './content-cut.ts';
import { setSparse, withFlags } from './content-host.ts';
import { blockEnd } from './content-write.ts';
import { clipped, damagedStream, endOf } from './extents.ts';
import type { StreamExtent } from './extents.ts';
import type { FilesHost } from './files-host.ts';
import type { Inode } from './inode.ts';
import { INODE_FLAG } from './layout-catalog.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import type { Orphans } from './orphans.ts';

/**
 * Taking a file of many extents out of sharing, over several transactions. A file without a name, in the private
 * directory, gets the extents one stretch after the other, each with one more holder for its blocks; when it has all that
 * is to be kept, one transaction hands its stream over and changes the contents that are the file's own from then on.
 * Until then the file is what it was, and a power cut leaves the other one to the next mount, which gives it up as any
 * file that was in use without a name. [APFS Reference, "Data Streams"; orphans.ts, clones.ts]
 */

/** Blocks of the extents that one transaction copies at most: 256 GiB, 16,384 extent references where all are long. */
const STEP_BLOCKS = 2 ** 26;

/**
 * A file that holds the first `keptBytes` bytes of what `inode` shares, for `handOver`; null where there is no need: it
 * shares nothing, or it has so few extents that one transaction does it. Not within `change`. On ENOSPC and EIO nothing
 * is left of it.
 */
export function copyShared(host: FilesHost, orphans: Orphans, inode: Inode, keptBytes: number): Inode | null {
  const { stream, privateId } = inode;
  // Extents in reserve, which would need a flag there, are part of what is copied.
  if (stream === null || !wasEverCloned(inode) || host.flagsPreallocation) return null;
  if (holdersOf(host.catalog, privateId) < 2) return null;
  const end = Math.min(stream.allocatedBytes, blockEnd(keptBytes));
  if (endOfAll(stepOf(host, privateId, 0, end)) >= end) return null;
  const copy = host.commit.change({ blocks: catalogRoom(host, CHANGES_OF_FILE), kind: 'grow' }, () => {
    const file = orphans.addNameless(inode);
    makeStream(host, file);
    file.internalFlags = withFlags(file.internalFlags, INODE_FLAG.wasEverCloned);
    saveInode(host, file);
    return file;
  });
  try {
    for (let at = 0; at < end;) at = copyStep(host, privateId, copy, at, end);
  } catch (error) {
    orphans.finish(copy);
    throw error;
  }
  return copy;
}

/** Every holder of a shared stream says so: others are not looked up. */
const wasEverCloned = ({ internalFlags }: Inode): boolean =>
  ((internalFlags % 2 ** 31) & INODE_FLAG.wasEverCloned) !== 0;

/** Returns where the step ended. */
function copyStep(host: FilesHost, streamId: number, copy: Inode, at: number, end: number): number {
  const extents = stepOf(host, streamId, at, end);
  const to = endOfAll(extents);
  const blocks = roomOfCopy(host, extents) + catalogRoom(host, 1);
  host.commit.change({ blocks, kind: 'grow', freeRecords: blocks }, () => {
    copy.sparseBytes += copyExtents(host, extents, copy.privateId);
    setSparse(copy);
    if (copy.stream !== null) copy.stream = { ...copy.stream, sizeBytes: to, allocatedBytes: to };
    saveInode(host, copy);
  });
  return to;
}

/** The extents of one step, at least one; none when nothing is left. EIO. */
function stepOf(host: FilesHost, streamId: number, at: number, end: number): StreamExtent[] {
  const extents = extentsToCopy(host, streamId, at, end, STEP_RECORDS_MAX);
  let blocks = STEP_BLOCKS;
  for (const [i, extent] of extents.entries()) {
    if (extent.firstBlock === 0) continue;
    blocks -= extent.lengthBytes / BLOCK_SIZE_BYTES;
    if (blocks > 0) continue;
    const to = endOf(extent) + blocks * BLOCK_SIZE_BYTES;
    return [...extents.slice(0, i), clipped(extent, extent.offsetBytes, to)];
  }
  return extents;
}

const endOfAll = (extents: readonly StreamExtent[]): number => {
  const last = extents.at(-1);
  return last === undefined ? 0 : endOf(last);
};

/** The file has the stream of `copy`, which is gone, and shares nothing. Within the change that stores it. ENOSPC. */
export function handOver(host: FilesHost, orphans: Orphans, inode: Inode, copy: Inode): void {
  const { stream, privateId, sparseBytes } = copy;
  if (stream === null) throw damagedStream(privateId, 'is gone');
  host.commit.change({ blocks: catalogRoom(host, CHANGES_OF_FILE), kind: 'grow' }, () => {
    leaveShared(host, inode, privateId, stream.allocatedBytes, sparseBytes);
    copy.stream = null;
    copy.sparseBytes = 0;
    setSparse(copy);
    orphans.eraseNameless(copy);
  });
}

/** Its name, its inode, the record of its stream, the private directory; the record of the other stream. */
const CHANGES_OF_FILE = 5;
