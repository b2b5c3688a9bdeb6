import { isFull, nodesOfChanges, nodesOfNeighbours, setSparse } from './content-host.ts';
import type { ContentHost, StreamOwner } from './content-host.ts';
import { damagedStream, extentAt, replaceRange } from './extents.ts';
import type { StreamExtent } from './extents.ts';
import type { Stream } from './inode.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { drop, RECORD_BLOCKS_MAX } from './references.ts';
import type { Room } from './transaction.ts';

/** Giving back blocks of a stream that its file alone holds. */
export interface Writing {
  readonly host: ContentHost;
  readonly inode: StreamOwner;
  readonly stream: Stream;
}

/** Extents that one step replaces or drops at most: what is asked for beforehand stays small. */
export const STEP_RECORDS_MAX = 64;

/** The stream has lost these extents. */
export function dropExtents(host: ContentHost, inode: StreamOwner, extents: readonly StreamExtent[]): void {
  for (const { firstBlock, lengthBytes } of extents) {
    if (firstBlock === 0) inode.sparseBytes -= lengthBytes;
    else drop(host, firstBlock, lengthBytes / BLOCK_SIZE_BYTES);
  }
  setSparse(inode);
}

/**
 * Give back everything from `from` on, a multiple of a block, from the end in steps. Returns whether all of it is gone:
 * on a full volume there may be no room even for the copies of metadata that this takes.
 */
export function cut(writing: Writing, from: number): boolean {
  const { host, stream } = writing;
  for (let recordsMax = STEP_RECORDS_MAX; stream.allocatedBytes > from;) {
    try {
      host.commit.change(roomOfDropping(host, recordsMax), () => cutSome(writing, from, recordsMax));
    } catch (error) {
      if (!isFull(error)) throw error;
      if (recordsMax === 1) return false;
      recordsMax = 1;
    }
  }
  return true;
}

/** One step of it, within a change that has asked for `roomOfDropping`. Returns whether all is gone. */
export function cutSome(writing: Writing, from: number, recordsMax: number): boolean {
  const { stream } = writing;
  for (let i = 0; i < recordsMax && stream.allocatedBytes > from; i++) cutLast(writing, from);
  return stream.allocatedBytes <= from;
}

function cutLast({ host, inode, stream }: Writing, from: number): void {
  const end = stream.allocatedBytes;
  const last = extentAt(host.catalog, inode.privateId, end - BLOCK_SIZE_BYTES);
  if (last === undefined) throw damagedStream(inode.privateId, `has no extent at ${end - BLOCK_SIZE_BYTES}`);
  const stepStart = last.firstBlock === 0 ? 0 : end - RECORD_BLOCKS_MAX * BLOCK_SIZE_BYTES;
  const start = Math.max(from, last.offsetBytes, stepStart);
  dropExtents(host, inode, replaceRange(host.catalog, inode.privateId, start, end, null));
  stream.allocatedBytes = start;
}

/** What it takes to drop so many neighbouring extents. */
export const roomOfDropping = (host: ContentHost, records: number): Room => ({
  blocks: nodesOfNeighbours(host.catalog, records) + nodesOfChanges(host.references, 2 * records),
  kind: 'shrink',
  freeRecords: 2 * records,
});
