import { FsError } from '../../base/errno.ts';
import { copyExtents, extentsToCopy, roomOfCopy } from './clones.ts';
import { readExtents, releaseExtents } from './content.ts';
import { nodesOfChanges } from './content-host.ts';
import type { ContentHost, StreamOwner } from './content-host.ts';
import { blockEnd, writeStep } from './content-write.ts';
import { emptyStream } from './inode.ts';
import type { Stream } from './inode.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';

/**
 * Streams of extended attributes too large for their record. They have ids of their own and no record that counts
 * holders: each belongs to one attribute of one file, and has no holes (apfsck). They are never changed: another value
 * is another stream. The stream's numbers stand in the attribute's record, which is the caller's.
 */
export interface AttributeStream {
  readonly id: number;
  readonly stream: Stream;
}

/** Holds all of `bytes`, or ENOSPC and nothing changes. `ownerName` (UTF-8) names the file for people. */
export function createStream(host: ContentHost, bytes: Uint8Array, ownerName: Uint8Array): AttributeStream {
  const stream = emptyStream();
  const blocks = nodesOfChanges(host.catalog, 1) + nodesOfChanges(host.references, 1);
  return host.commit.change(
    { blocks: blocks + blockEnd(bytes.length) / BLOCK_SIZE_BYTES, kind: 'grow' },
    () => {
      const id = host.newObjectId();
      const inode: StreamOwner = {
        number: id,
        nameBytes: ownerName,
        privateId: id,
        internalFlags: 0,
        stream,
        sparseBytes: 0,
      };
      try {
        for (let at = 0; at < bytes.length;)
          at = writeStep({ host, inode, stream }, at, bytes.length, bytes, 0);
      } catch (error) {
        dropStream(host, id);
        throw error;
      }
      return { id, stream };
    },
  );
}

/** The whole value. EIO. */
export function readStream(host: ContentHost, id: number, sizeBytes: number): Uint8Array {
  if (sizeBytes > host.device.blockCount * host.device.blockSizeBytes) {
    const detail = `an extended attribute claims ${sizeBytes} bytes, more than the container has: check it with fsck_apfs`;
    throw new FsError('EIO', '', '', detail);
  }
  const bytes = new Uint8Array(sizeBytes);
  readExtents(host, id, sizeBytes, 0, bytes);
  return bytes;
}

/** Part of the value; returns how many bytes there were. EIO. */
export const readStreamAt = (
  host: ContentHost,
  id: number,
  sizeBytes: number,
  offsetBytes: number,
  into: Uint8Array,
): number => readExtents(host, id, sizeBytes, offsetBytes, into);

/** For the attribute of a clone: another stream of the same blocks. ENOSPC. */
export function copyStream(host: ContentHost, source: AttributeStream): AttributeStream {
  const extents = extentsToCopy(host, source.id, 0, source.stream.allocatedBytes);
  return host.commit.change({ blocks: roomOfCopy(host, extents), kind: 'grow' }, () => {
    const id = host.newObjectId();
    copyExtents(host, extents, id);
    return { id, stream: { ...source.stream } };
  });
}

const DROPPED_AT_ONCE = 64;

export function dropStream(host: ContentHost, id: number): void {
  while (!releaseExtents(host, id, DROPPED_AT_ONCE));
}
