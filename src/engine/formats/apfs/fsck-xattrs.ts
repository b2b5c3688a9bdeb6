import { objectIdAt, OBJECT_ID, XATTR_EMBEDDED_BYTES_MAX, XATTR_FLAG, XATTR_NAME } from './layout-catalog.ts';
import { hex, u64At } from './fsck-check.ts';
import { useCrypto } from './fsck-crypto.ts';
import { holdStream } from './fsck-fields.ts';
import {
  isNobody,
  KEY_AT,
  STREAM_AT,
  XATTR_AT,
  XATTR_FLAGS_KNOWN,
  XATTR_STREAM_SIZE_BYTES,
} from './fsck-records.ts';
import { shown } from './fsck-report.ts';
import type { TreeRecord } from './fsck-tree.ts';
import { HAS, INODE, STREAM } from './fsck-view.ts';
import type { View } from './fsck-view.ts';

/** Extended attributes (apfs.md §6.6): in the record itself or in a stream of their own; some belong to the system. */

export function visitXattr(view: View, record: TreeRecord): void {
  const { valueAt, block } = record;
  const id = objectIdAt(record.view, record.keyAt);
  const name = nameOf(record);
  const wrong = (text: string): void =>
    view.error('xattr', `xattr (id ${id}, "${shown(name)}"): ${text}`, block);
  const room = record.valueEnd - valueAt - XATTR_AT.data;
  if (room < 0) {
    wrong('value is too small');
    return;
  }
  const inode = view.inodeById.get(id);
  if (inode === undefined) wrong('inode is missing');
  const flags = record.view.getUint16(valueAt + XATTR_AT.flags, true);
  const isStream = (flags & XATTR_FLAG.dataStream) !== 0;
  const isEmbedded = (flags & XATTR_FLAG.dataEmbedded) !== 0;
  if ((flags & ~XATTR_FLAGS_KNOWN) !== 0 || (flags & RESERVED_FLAG) !== 0)
    wrong(`unknown flags (${hex(flags)})`);
  if (isStream === isEmbedded) wrong('must be either embedded or a stream');
  const length = record.view.getUint16(valueAt + XATTR_AT.length, true);
  let sizeBytes = room;
  if (isStream) {
    if (room !== XATTR_STREAM_SIZE_BYTES) {
      wrong(`wrong size of a stream (${room}, expected ${XATTR_STREAM_SIZE_BYTES})`);
      return;
    }
    if (length !== room) {
      view.warning(
        'xattr',
        `xattr (id ${id}, "${shown(name)}"): xdata_len (${length}, expected ${room})`,
        block,
      );
    }
    sizeBytes = u64At(record.view, valueAt + XATTR_AT.data + 8 + STREAM_AT.size);
    readXattrStream(view, record, valueAt + XATTR_AT.data, wrong);
  } else {
    if (length !== room) wrong(`xdata_len (${length}, expected ${room})`);
    if (room > XATTR_EMBEDDED_BYTES_MAX) wrong(`${room} bytes embedded`);
  }
  if (inode !== undefined) checkKnown(view, inode, record, { name, flags, sizeBytes, isEmbedded }, wrong);
}

const RESERVED_FLAG = 8;

/** Only names of the system are looked at; any byte of UTF-8 may stand in others. */
function nameOf(record: TreeRecord): string {
  let name = '';
  for (let at = record.keyAt + KEY_AT.plainName; at < record.keyEnd - 1; at++) {
    name += String.fromCharCode(record.bytes[at] ?? 0);
  }
  return name;
}

function readXattrStream(view: View, record: TreeRecord, at: number, wrong: (text: string) => void): void {
  const streamId = u64At(record.view, at);
  if (streamId < OBJECT_ID.firstUser) wrong(`reserved stream id (${streamId})`);
  if (isNobody(record.view, at + 8 + STREAM_AT.crypto)) wrong('crypto id not assigned');
  else useCrypto(view, u64At(record.view, at + 8 + STREAM_AT.crypto), record.block);
  const stream = view.stream(streamId, record.block);
  holdStream(view, stream, record, at + 8, true, wrong);
  if (view.streams.get(stream, STREAM.holders) > 1)
    wrong(`stream ${streamId} is shared; those of attributes cannot be`);
}

interface Known {
  readonly name: string;
  readonly flags: number;
  readonly sizeBytes: number;
  readonly isEmbedded: boolean;
}

/** Attributes that mean something to the file system itself. */
function checkKnown(
  view: View,
  inode: number,
  record: TreeRecord,
  known: Known,
  wrong: (text: string) => void,
): void {
  const bit = KNOWN.get(known.name);
  if (bit === undefined) return;
  const isOwned = (known.flags & XATTR_FLAG.fileSystemOwned) !== 0;
  if (isOwned !== (bit === HAS.symlink))
    wrong(isOwned ? 'owned by the file system' : 'not owned by the file system');
  view.inodes.set(inode, INODE.xattrs, view.inodes.get(inode, INODE.xattrs) | bit);
  if (bit === HAS.finderInfo && known.sizeBytes !== FINDER_INFO_BYTES) {
    wrong(`wrong size (${known.sizeBytes}, expected ${FINDER_INFO_BYTES})`);
  }
  if (bit === HAS.symlink) checkTarget(record, known, wrong);
  if (bit === HAS.decmpfs && known.isEmbedded) checkHeader(view, inode, record, wrong);
}

const KNOWN: ReadonlyMap<string, number> = new Map<string, number>([
  [XATTR_NAME.symlink, HAS.symlink],
  [XATTR_NAME.resourceFork, HAS.resourceFork],
  [XATTR_NAME.security, HAS.security],
  [XATTR_NAME.finderInfo, HAS.finderInfo],
  [XATTR_NAME.decmpfs, HAS.decmpfs],
]);
const FINDER_INFO_BYTES = 32;

/** The target ends with the only NUL in it. apfsck does not look. */
function checkTarget(record: TreeRecord, { isEmbedded }: Known, wrong: (text: string) => void): void {
  if (!isEmbedded) {
    wrong('target of a symlink is not embedded');
    return;
  }
  const target = record.bytes.subarray(record.valueAt + XATTR_AT.data, record.valueEnd);
  const end = target.indexOf(0);
  if (target.length < 2 || end === 0) wrong('target of a symlink is empty');
  else if (end < 0) wrong('target of a symlink without NUL at its end');
  else if (end !== target.length - 1) wrong('NUL within the target of a symlink');
}

/** decmpfs: magic, type, size, and what is compressed here rather than in the resource fork. */
function checkHeader(view: View, inode: number, record: TreeRecord, wrong: (text: string) => void): void {
  const at = record.valueAt + XATTR_AT.data;
  const room = record.valueEnd - at;
  if (room < DECMPFS_BYTES) {
    wrong(`too small for a header (${room} bytes)`);
    return;
  }
  const magic = record.view.getUint32(at, true);
  if (magic !== DECMPFS_MAGIC && magic !== 0) wrong(`unknown magic (${hex(magic)})`);
  const type = record.view.getUint32(at + 4, true);
  if (DECMPFS_IN_FORK.has(type) && room !== DECMPFS_BYTES)
    wrong(`${room} bytes, but its contents are in the fork`);
  view.inodes.set(inode, INODE.compression, type + 1);
}

const DECMPFS_BYTES = 16;
/** 'fpmc' */
const DECMPFS_MAGIC = 0x636d_7066;
const DECMPFS_IN_FORK: ReadonlySet<number> = new Set([4, 8, 10, 12, 14]);
