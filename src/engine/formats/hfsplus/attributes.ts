import type { Timespec } from '../../base/clock.ts';
import { viewOf } from '../../base/bytes.ts';
import type { AttributeChange, Attributes, FileType } from '../contract.ts';
import { CatalogFile, CatalogFolder, FINDER_FLAG, RECORD_FLAG, RECORD_TYPE } from './layout-catalog.ts';
import { HFS_EPOCH_SECONDS, hfsDate, timeOfHfs } from './layout.ts';

/**
 * What a catalog record says about a file or folder, in the words of stat(2), and back: dates, owner, mode, flags.
 *
 * Works on the bytes of the record alone. A record whose mode has no type was written by a system without owners: it
 * belongs to user and group 99, who may do everything, until somebody changes one of these. Two flags live twice and
 * are kept equal: the immutable flags and the locked bit, UF_HIDDEN and the Finder's invisible bit.
 *
 * Dates hold whole seconds of 1904 to 2040; what lies outside becomes the nearest one (Apple's driver lets it wrap
 * around), and everything before 1970 reads as 1970. Reading a file changes its access date in memory only: it goes to
 * the disk with the next change that has another reason. Sources: apple-oss-distributions/hfs, core/hfs_catalog.c
 * getbsdattr and catrec_update, core/hfs_vnops.c hfs_vnop_setattr, core/hfs_cnode.c hfs_touchtimes.
 */

// <sys/stat.h> of Darwin; formats do not see vfs/constants.ts.
const UF_NODUMP = 0x0000_0001;
const UF_IMMUTABLE = 0x0000_0002;
export const UF_COMPRESSED = 0x0000_0020;
const UF_HIDDEN = 0x0000_8000;
const SF_IMMUTABLE = 0x0002_0000;
const OWNER_FLAGS = 0x0000_00ff;

const TYPE_BITS = 0o170_000;
const MODE_BITS = 0o7777;
export const FILE_MODE_TYPE: Readonly<Record<FileType, number>> = {
  file: 0o100_000,
  directory: 0o040_000,
  symlink: 0o120_000,
  'character device': 0o020_000,
  'block device': 0o060_000,
  fifo: 0o010_000,
  socket: 0o140_000,
};

/** Owner, group and permissions of what has none: UNKNOWNUID, UNKNOWNGID, UNKNOWNPERMISSIONS. */
const UNKNOWN_ID = 99;
const UNKNOWN_MODE = 0o777;

/** What macOS takes an entry of a folder to be long, in bytes: AVERAGE_HFSDIRENTRY_SIZE. */
const FOLDER_ENTRY_BYTES = 34;

// The same places in records of files and of folders.
const { createDate, contentModDate, attributeModDate, accessDate, backupDate } = CatalogFile.fields;
const FLAGS_AT = CatalogFile.fields.flags.at;
const OWNER_AT = CatalogFile.fields.ownerId.at;
const GROUP_AT = CatalogFile.fields.groupId.at;
const ADMIN_FLAGS_AT = CatalogFile.fields.adminFlags.at;
const OWNER_FLAGS_AT = CatalogFile.fields.ownerFlags.at;
const MODE_AT = CatalogFile.fields.fileMode.at;
const SPECIAL_AT = CatalogFile.fields.special.at;
const FINDER_FLAGS_AT = CatalogFile.fields.finderFlags.at;
const DATA_BLOCKS_AT = CatalogFile.fields.dataFork.at + 12;
const RESOURCE_BLOCKS_AT = CatalogFile.fields.resourceFork.at + 12;

const isFolder = (view: DataView): boolean => view.getUint16(0) === RECORD_TYPE.folder;

// ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A folder is one whatever its mode says; anything else is what its mode says, a file when that says nothing. */
export function typeOfRecord(record: Uint8Array): FileType {
  const view = viewOf(record);
  if (isFolder(view)) return 'directory';
  return typeOfMode(view.getUint16(MODE_AT));
}

export function typeOfMode(mode: number): FileType {
  switch (mode & TYPE_BITS) {
    case FILE_MODE_TYPE.symlink:
      return 'symlink';
    case FILE_MODE_TYPE['character device']:
      return 'character device';
    case FILE_MODE_TYPE['block device']:
      return 'block device';
    case FILE_MODE_TYPE.fifo:
      return 'fifo';
    case FILE_MODE_TYPE.socket:
      return 'socket';
    default:
      return 'file';
  }
}

/** What the volume knows besides the record. */
export interface RecordFacts {
  readonly inode: number;
  readonly blockSizeBytes: number;
  /** Of a file: its length, which for a compressed one is not that of its fork. */
  readonly sizeBytes: number;
  /** Of a folder: private folders among its items, which are not counted as links. */
  readonly hiddenFolders: number;
}

export function attributesOf(record: Uint8Array, facts: RecordFacts): Attributes {
  const view = viewOf(record);
  const mode = view.getUint16(MODE_AT);
  const hasOwner = (mode & TYPE_BITS) !== 0;
  const isDirectory = isFolder(view);
  const blocks = isDirectory ? 0 : view.getUint32(DATA_BLOCKS_AT) + view.getUint32(RESOURCE_BLOCKS_AT);
  const valence = isDirectory ? view.getUint32(CatalogFolder.fields.valence.at) : 0;
  return {
    inode: facts.inode,
    type: isDirectory ? 'directory' : typeOfMode(mode),
    mode: hasOwner ? mode & MODE_BITS : UNKNOWN_MODE,
    linkCount: isDirectory ? folderLinks(view, facts.hiddenFolders) : fileLinks(view),
    uid: hasOwner ? view.getUint32(OWNER_AT) : UNKNOWN_ID,
    gid: hasOwner ? view.getUint32(GROUP_AT) : UNKNOWN_ID,
    sizeBytes: isDirectory ? (valence + 2) * FOLDER_ENTRY_BYTES : facts.sizeBytes,
    allocatedBytes: blocks * facts.blockSizeBytes,
    flags: flagsOfRecord(record),
    accessTime: timeAt(view, accessDate.at),
    modifyTime: timeAt(view, contentModDate.at),
    changeTime: timeAt(view, attributeModDate.at),
    birthTime: timeAt(view, createDate.at),
  };
}

/** '.', its name, and one '..' for each folder in it; where these are not counted, for each item. */
function folderLinks(view: DataView, hiddenFolders: number): number {
  const counted = (view.getUint16(FLAGS_AT) & RECORD_FLAG.hasFolderCount) !== 0;
  const { folderCount, valence } = CatalogFolder.fields;
  return Math.max(view.getUint32(counted ? folderCount.at : valence.at) - hiddenFolders, 0) + 2;
}

function fileLinks(view: DataView): number {
  const mode = view.getUint16(MODE_AT);
  const type = typeOfMode(mode);
  const isCounted = (mode & TYPE_BITS) !== 0 && (type === 'file' || type === 'fifo' || type === 'socket');
  return isCounted ? Math.max(view.getUint32(SPECIAL_AT), 1) : 1;
}

/** BSD flags, with the two that follow other bits. */
export function flagsOfRecord(record: Uint8Array): number {
  const view = viewOf(record);
  const hasOwner = (view.getUint16(MODE_AT) & TYPE_BITS) !== 0;
  let flags = hasOwner ? view.getUint8(OWNER_FLAGS_AT) | (view.getUint8(ADMIN_FLAGS_AT) << 16) : 0;
  if (!isFolder(view)) {
    const isLocked = (view.getUint16(FLAGS_AT) & RECORD_FLAG.locked) !== 0;
    if (!isLocked) flags &= ~(UF_IMMUTABLE | SF_IMMUTABLE);
    else if ((flags & (UF_IMMUTABLE | SF_IMMUTABLE)) === 0) flags |= UF_IMMUTABLE;
  }
  if (view.getUint16(FINDER_FLAGS_AT) & FINDER_FLAG.isInvisible) flags |= UF_HIDDEN;
  return flags;
}

// ── changing ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Writes the wish into the record. `now` as HFS+ stores it; `isRoot`: the creation date of the root stays. */
export function changeAttributes(
  record: Uint8Array,
  change: AttributeChange,
  now: number,
  isRoot: boolean,
): void {
  const { mode, uid, gid, flags, accessTime, modifyTime, birthTime } = change;
  const view = viewOf(record);
  if (mode !== undefined || uid !== undefined || gid !== undefined || flags !== undefined) {
    giveOwner(record);
    if (mode !== undefined) {
      view.setUint16(MODE_AT, (view.getUint16(MODE_AT) & TYPE_BITS) | (mode & MODE_BITS));
    }
    if (uid !== undefined) view.setUint32(OWNER_AT, uid);
    if (gid !== undefined) view.setUint32(GROUP_AT, gid);
    if (flags !== undefined) setFlags(view, flags);
    putDate(view, attributeModDate.at, now);
  }
  if (birthTime) putDate(view, createDate.at, hfsDate(birthTime));
  if (accessTime) putDate(view, accessDate.at, hfsDate(accessTime));
  if (!modifyTime) return;
  const date = hfsDate(modifyTime);
  putDate(view, contentModDate.at, date);
  putDate(view, attributeModDate.at, now);
  // utimes(2) knows no creation date; nothing is younger than its contents.
  if (!isRoot && !birthTime && date < dateAt(view, createDate.at)) putDate(view, createDate.at, date);
}

/** Before one of them is set: the defaults become what the record says. */
function giveOwner(record: Uint8Array): void {
  const view = viewOf(record);
  if ((view.getUint16(MODE_AT) & TYPE_BITS) !== 0) return;
  const flags = flagsOfRecord(record);
  const type = isFolder(view) ? 'directory' : 'file';
  view.setUint16(MODE_AT, FILE_MODE_TYPE[type] | UNKNOWN_MODE);
  view.setUint32(OWNER_AT, UNKNOWN_ID);
  view.setUint32(GROUP_AT, UNKNOWN_ID);
  setFlags(view, flags);
}

/** Replaces all flags of the record. Those between UF_HIDDEN and the lowest eight have no place on HFS+. */
function setFlags(view: DataView, flags: number): void {
  view.setUint8(OWNER_FLAGS_AT, flags & OWNER_FLAGS);
  view.setUint8(ADMIN_FLAGS_AT, flags >>> 16);
  if (!isFolder(view)) {
    const isLocked = (flags & (UF_IMMUTABLE | SF_IMMUTABLE)) !== 0;
    setBit(view, FLAGS_AT, RECORD_FLAG.locked, isLocked);
  }
  setBit(view, FINDER_FLAGS_AT, FINDER_FLAG.isInvisible, (flags & UF_HIDDEN) !== 0);
}

function setBit(view: DataView, at: number, bit: number, isSet: boolean): void {
  const value = view.getUint16(at);
  view.setUint16(at, isSet ? value | bit : value & ~bit);
}

/** UF_COMPRESSED goes when a compressed file becomes an ordinary one. */
export function clearCompressed(record: Uint8Array): void {
  const view = viewOf(record);
  view.setUint8(OWNER_FLAGS_AT, view.getUint8(OWNER_FLAGS_AT) & ~UF_COMPRESSED);
}

/** UF_NODUMP says where a file lay; contents that went elsewhere have lost it. */
export function clearNoDump(record: Uint8Array, now: number): void {
  const view = viewOf(record);
  const flags = view.getUint8(OWNER_FLAGS_AT);
  if ((flags & UF_NODUMP) === 0) return;
  view.setUint8(OWNER_FLAGS_AT, flags & ~UF_NODUMP);
  putDate(view, attributeModDate.at, now);
}

// ── dates ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A volume may keep seconds of the Unix epoch, record by record. */
const isExpanded = (view: DataView): boolean => (view.getUint16(FLAGS_AT) & RECORD_FLAG.expandedTimes) !== 0;

/** The date as HFS+ stores it otherwise. */
function dateAt(view: DataView, at: number): number {
  const stored = view.getUint32(at);
  return isExpanded(view) ? stored + HFS_EPOCH_SECONDS : stored;
}

const timeAt = (view: DataView, at: number): Timespec => timeOfHfs(dateAt(view, at));

function putDate(view: DataView, at: number, date: number): void {
  view.setUint32(at, isExpanded(view) ? Math.max(date - HFS_EPOCH_SECONDS, 0) : date);
}

/** The contents changed now. */
export function touchContents(record: Uint8Array, now: number): void {
  const view = viewOf(record);
  putDate(view, contentModDate.at, now);
  putDate(view, attributeModDate.at, now);
}

/** Something about it changed now, not its contents. */
export function touchRecord(record: Uint8Array, now: number): void {
  putDate(viewOf(record), attributeModDate.at, now);
}

/** It was read now. Alone no reason to write the record. */
export function touchAccess(record: Uint8Array, now: number): void {
  putDate(viewOf(record), accessDate.at, now);
}

/** All dates of a new file or folder but that of its backup. */
export function stampNew(record: Uint8Array, now: number): void {
  const view = viewOf(record);
  for (const { at } of [createDate, contentModDate, attributeModDate, accessDate]) putDate(view, at, now);
  view.setUint32(backupDate.at, 0);
}
