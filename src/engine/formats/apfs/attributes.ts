import type { Timespec } from '../../base/clock.ts';
import type { AttributeChange, Attributes, FileType, NodeInit } from '../contract.ts';
import { Inode } from './inode.ts';
import { BSD_FLAG, INODE_FLAG, MODE_TYPE, MODE_TYPE_BITS } from './layout-catalog.ts';

/**
 * What an inode says of itself in the words of stat(2), and back: times, owner, mode, flags.
 *
 * A directory counts its entries, so its links are those and two more, and its size is 32 bytes for each of them.
 * Reading a file leaves its access time alone; it follows when contents change or a program sets it. UF_COMPRESSED says
 * how contents are stored: it comes and goes with the attribute that holds them (xattrs.ts), never with chflags(2).
 */

const MODE_BITS = 0o7777;
const DIRECTORY_ENTRY_BYTES = 32;

const TYPE_BITS: Readonly<Record<FileType, number>> = {
  file: MODE_TYPE.file,
  directory: MODE_TYPE.directory,
  symlink: MODE_TYPE.symlink,
  'character device': MODE_TYPE.characterDevice,
  'block device': MODE_TYPE.blockDevice,
  fifo: MODE_TYPE.fifo,
  socket: MODE_TYPE.socket,
};

/** The type as directory records have it: <sys/dirent.h>. */
export const entryTypeOf = (inode: Inode): number => (inode.mode & MODE_TYPE_BITS) >>> 12;

export const hasFlag = (inode: Pick<Inode, 'internalFlags'>, flag: number): boolean =>
  (inode.internalFlags & flag) !== 0;

export function setFlag(inode: Pick<Inode, 'internalFlags'>, flag: number, isSet: boolean): void {
  // Bits beyond the lower 32 stay what they are.
  const upper = Math.floor(inode.internalFlags / 2 ** 32) * 2 ** 32;
  const lower = isSet ? inode.internalFlags | flag : inode.internalFlags & ~flag;
  inode.internalFlags = upper + (lower >>> 0);
}

// ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What the record of the inode alone does not say. */
export interface ContentFacts {
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
}

export function attributesOf(inode: Inode, contents: ContentFacts): Attributes {
  const { isDirectory, childOrLinkCount } = inode;
  const links = isDirectory ? childOrLinkCount + 2 : childOrLinkCount;
  return {
    inode: inode.number,
    type: inode.type,
    mode: inode.mode & MODE_BITS,
    linkCount: inode.isUnlinked || inode.isGone ? 0 : links,
    uid: inode.uid,
    gid: inode.gid,
    sizeBytes: isDirectory ? links * DIRECTORY_ENTRY_BYTES : contents.sizeBytes,
    allocatedBytes: contents.allocatedBytes,
    flags: inode.bsdFlags,
    accessTime: inode.accessTime,
    modifyTime: inode.modifyTime,
    changeTime: inode.changeTime,
    birthTime: inode.createTime,
  };
}

// ── changing ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A new inode as its directory's records will have it; nothing is stored yet. */
export function newInode(
  number: number,
  type: FileType,
  init: NodeInit,
  parent: Inode,
  nameBytes: Uint8Array,
  now: Timespec,
): Inode {
  const inode = new Inode(number);
  inode.parentId = parent.number;
  inode.privateId = number;
  inode.createTime = inode.modifyTime = inode.changeTime = inode.accessTime = now;
  inode.internalFlags = INODE_FLAG.noResourceFork | (parent.internalFlags & INODE_FLAG.snapshotCowExemption);
  inode.childOrLinkCount = type === 'directory' ? 0 : 1;
  inode.generation = 1;
  inode.uid = init.uid;
  inode.gid = init.gid;
  inode.mode = TYPE_BITS[type] | (init.mode & MODE_BITS);
  inode.nameBytes = nameBytes;
  return inode;
}

/** Makes the wish true in memory. utimes(2) knows no time of birth, but nothing is younger than its contents. */
export function changeAttributes(inode: Inode, change: AttributeChange, now: Timespec): void {
  const { mode, uid, gid, flags, accessTime, modifyTime, birthTime } = change;
  if (mode !== undefined) inode.mode = (inode.mode & MODE_TYPE_BITS) | (mode & MODE_BITS);
  if (uid !== undefined) inode.uid = uid >>> 0;
  if (gid !== undefined) inode.gid = gid >>> 0;
  if (flags !== undefined) inode.bsdFlags = withOwnBits(flags, inode.bsdFlags);
  if (accessTime !== undefined) inode.accessTime = storedTime(accessTime);
  if (birthTime !== undefined) inode.createTime = storedTime(birthTime);
  if (modifyTime !== undefined) {
    inode.modifyTime = storedTime(modifyTime);
    if (birthTime === undefined && isBefore(inode.modifyTime, inode.createTime)) {
      inode.createTime = inode.modifyTime;
    }
  }
  inode.changeTime = now;
}

/** Bits that say how contents are stored stay. */
const withOwnBits = (flags: number, present: number): number => {
  const own = BSD_FLAG.compressed | BSD_FLAG.dataless;
  return ((flags & ~own) | (present & own)) >>> 0;
};

const isBefore = (a: Timespec, b: Timespec): boolean =>
  a.seconds < b.seconds || (a.seconds === b.seconds && a.nanoseconds < b.nanoseconds);

const SECONDS_MIN = -9_223_372_036;
const SECONDS_MAX = 9_223_372_035;

/** Times reach from 1677 to 2262; what lies outside becomes the nearest. */
const storedTime = (time: Timespec): Timespec =>
  time.seconds >= SECONDS_MIN && time.seconds <= SECONDS_MAX
    ? time
    : { ...time, seconds: Math.min(Math.max(time.seconds, SECONDS_MIN), SECONDS_MAX) };

/** The contents, or the entries of a directory, changed now. */
export function touchContents(inode: Inode, now: Timespec): void {
  inode.modifyTime = now;
  inode.changeTime = now;
}
