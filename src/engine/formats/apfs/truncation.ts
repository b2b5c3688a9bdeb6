import { viewOf } from '../../base/bytes.ts';
import { saveInode } from './catalog.ts';
import { holdersOf } from './clones.ts';
import { cutSome, roomOfDropping, STEP_RECORDS_MAX } from './content-cut.ts';
import { isFull, withFlags } from './content-host.ts';
import { blockEnd, zeroTail } from './content-write.ts';
import { endOf, extentsIn } from './extents.ts';
import type { FilesHost } from './files-host.ts';
import type { Inode } from './inode.ts';
import { INODE_FIELD, INODE_FLAG, objectIdAt, RECORD_TYPE, recordTypeAt } from './layout-catalog.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { RECORD_BLOCKS_MAX } from './references.ts';
import { put64 } from './words.ts';
import type { Room } from './transaction.ts';

/**
 * Making a large file shorter, over several transactions. The first one sets the new size, and with it a flag (being
 * truncated) and the field with the previous size; some records go in each, from the end; the last one takes flag and
 * field away. Between them the file is what it shall be, with blocks in reserve behind its end, which every checker
 * takes as such. A power cut leaves the flag; the next mount goes on, and so does it where another driver left it.
 * [APFS Reference, "INODE_BEING_TRUNCATED", "INO_EXT_TYPE_PREV_FSIZE"]
 */

export const isBeingTruncated = (inode: Inode): boolean =>
  ((inode.internalFlags % 2 ** 32) & INODE_FLAG.isBeingTruncated) !== 0;

/** Would it take more than one step? Not where extents behind the end would need a flag of their own. */
export function takesSteps(host: FilesHost, inode: Inode, sizeBytes: number): boolean {
  const { stream, privateId } = inode;
  if (stream === null || sizeBytes >= stream.sizeBytes || host.flagsPreallocation) return false;
  const from = blockEnd(sizeBytes);
  const extents = extentsIn(host.catalog, privateId, from, Infinity, STEP_RECORDS_MAX + 1);
  let steps = 0;
  for (const extent of extents) {
    const lengthBytes = endOf(extent) - Math.max(extent.offsetBytes, from);
    steps += extent.firstBlock === 0 ? 1 : Math.ceil(lengthBytes / BLOCK_SIZE_BYTES / RECORD_BLOCKS_MAX);
  }
  return steps > STEP_RECORDS_MAX && holdersOf(host.catalog, privateId) === 1;
}

/** The file has its new size from now on; its blocks are still its. The caller stores the inode. */
export function beginTruncation(host: FilesHost, inode: Inode, sizeBytes: number): void {
  const { stream } = inode;
  if (stream === null) return;
  const previous = new Uint8Array(8);
  put64(viewOf(previous), 0, stream.sizeBytes);
  inode.internalFlags = withFlags(inode.internalFlags, INODE_FLAG.isBeingTruncated);
  inode.otherFields = [
    ...inode.otherFields.filter(({ type }) => type !== INODE_FIELD.previousSize),
    { type: INODE_FIELD.previousSize, flags: 0, value: previous },
  ];
  stream.sizeBytes = sizeBytes;
  try {
    zeroTail({ host, inode, stream });
  } catch (error) {
    // As in content.ts: old bytes behind the end become zeros when the file grows.
    if (!isFull(error)) throw error;
  }
}

const roomOfStep = (host: FilesHost, records: number, inodeRoom: number): Room => {
  const room = roomOfDropping(host, records);
  return { ...room, blocks: room.blocks + inodeRoom };
};

/**
 * Each step is a transaction or part of one; not within `change`. Where a full volume has no room even for the copies of
 * metadata, the rest stays in reserve and the flag with it: the next mount tries again.
 */
export function finishTruncation(host: FilesHost, inode: Inode, inodeRoom: number): void {
  let records = STEP_RECORDS_MAX;
  while (isBeingTruncated(inode)) {
    try {
      host.commit.change(roomOfStep(host, records, inodeRoom), () => {
        step(host, inode, records);
        saveInode(host, inode);
      });
    } catch (error) {
      if (!isFull(error)) throw error;
      // What earlier steps freed can be had when they are durable.
      if (host.commit.isDirty) host.commit.sync();
      else if (records > 1) records = 1;
      else return;
    }
  }
}

function step(host: FilesHost, inode: Inode, records: number): void {
  const { stream } = inode;
  const isOwn = stream !== null && holdersOf(host.catalog, inode.privateId) === 1;
  if (isOwn && !cutSome({ host, inode, stream }, blockEnd(stream.sizeBytes), records)) return;
  inode.internalFlags -= INODE_FLAG.isBeingTruncated;
  inode.otherFields = inode.otherFields.filter(({ type }) => type !== INODE_FIELD.previousSize);
}

/**
 * Files whose truncation a power cut or another driver left unfinished. Cost: every record of the catalog, so this is
 * asked after a power cut only.
 */
export function findBeingTruncated(host: Pick<FilesHost, 'catalog'>): number[] {
  const found: number[] = [];
  const cursor = host.catalog.seek(new Uint8Array(8));
  for (; cursor.isValid; cursor.next()) {
    const { key, value } = cursor;
    if (key.length < 8 || value.length < FLAGS_AT + 8) continue;
    const view = viewOf(key);
    if (recordTypeAt(view, 0) !== RECORD_TYPE.inode) continue;
    if (((value[FLAGS_AT] ?? 0) & INODE_FLAG.isBeingTruncated) !== 0) found.push(objectIdAt(view, 0));
  }
  return found;
}

/** Of internal_flags in the value of an inode. */
const FLAGS_AT = 48;
