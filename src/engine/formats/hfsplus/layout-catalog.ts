import { bytes, hex, reserved, struct, u16, u32, u8 } from '../../codec/struct.ts';
import type { Value } from '../../codec/struct.ts';
import { bitNames, date, extentRecord, fork, plural, showFour } from './layout.ts';

/**
 * Records of the three B-trees: files, folders and threads of the catalog, extents beyond the first eight of a fork,
 * extended attributes. Sources: TN1150 "Catalog File", "Extents Overflow File"; apple-oss-distributions/hfs,
 * core/hfs_format.h.
 */

// ── catalog ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export const CATALOG_KEY_LENGTH_BYTES = { min: 6, max: 516 } as const;
export const NAME_UNITS_MAX = 255;

/** The fixed part of a catalog key; the name's units (big-endian) follow. */
export const CatalogKey = struct('CatalogKey', 8, 'big', 'TN1150, "Catalog File Key"', {
  keyLengthBytes: u16(0, 'keyLength: bytes after this field', { show: plural('byte') }),
  parentId: u32(2, 'parentID: folder of the item; of a thread, the item itself'),
  nameUnits: u16(6, 'nodeName.length: UTF-16 units of the name that follows'),
});

export const RECORD_TYPE = { folder: 1, file: 2, folderThread: 3, fileThread: 4 } as const;

const showRecordType = (type: number) =>
  ({ 1: 'folder', 2: 'file', 3: 'folder thread', 4: 'file thread' })[type] ?? `unknown type ${hex(type)}`;

/** Bits of CatalogFile.flags and CatalogFolder.flags. */
export const RECORD_FLAG = {
  locked: 0x1,
  threadExists: 0x2,
  hasAttributes: 0x4,
  hasSecurity: 0x8,
  hasFolderCount: 0x10,
  hasLinkChain: 0x20,
  hasChildLink: 0x40,
  hasDateAdded: 0x80,
  expandedTimes: 0x1000,
} as const;

const showRecordFlags = bitNames({
  0: 'locked',
  1: 'thread exists',
  2: 'has attributes',
  3: 'has security',
  4: 'has folder count',
  5: 'has link chain',
  6: 'has child link',
  7: 'has date added',
  8: 'fast device pinned',
  9: 'do not fast device pin',
  10: 'fast device candidate',
  11: 'auto candidate',
  12: 'expanded times',
});

/** FInfo.finderFlags and DInfo.finderFlags. */
export const FINDER_FLAG = {
  hasBeenInited: 0x0100,
  nameLocked: 0x1000,
  isInvisible: 0x4000,
  isAlias: 0x8000,
} as const;

const showFinderFlags = bitNames({
  8: 'has been inited',
  10: 'custom icon',
  12: 'name locked',
  14: 'invisible',
  15: 'alias',
});

/** Type and creator codes with a meaning for the format itself. */
export const FILE_TYPE = {
  hardLink: 0x686c6e6b,
  symlink: 0x736c6e6b,
  journal: 0x6a726e6c,
  directoryLink: 0x66647270,
} as const;
export const FILE_CREATOR = { hfsplus: 0x6866732b, symlink: 0x72686170, directoryLink: 0x4d414353 } as const;

const octal = (mode: number) => mode.toString(8).padStart(7, '0');

/** What CatalogFolder and CatalogFile have in common, up to the Finder's information. */
const CATALOG_HEAD = {
  flags: u16(2, 'flags', { show: showRecordFlags }),
} as const;

const CATALOG_MIDDLE = {
  createDate: date(12, 'createDate; of a hard link, the private folder’s'),
  contentModDate: date(16, 'contentModDate'),
  attributeModDate: date(20, 'attributeModDate'),
  accessDate: date(24, 'accessDate'),
  backupDate: date(28, 'backupDate'),
  ownerId: u32(32, 'bsdInfo.ownerID; of a hard link, the previous link of its chain'),
  groupId: u32(36, 'bsdInfo.groupID; of a hard link, the next link of its chain'),
  adminFlags: u8(40, 'bsdInfo.adminFlags: flags only root may change (bits 16 to 23)', { show: hex }),
  ownerFlags: u8(41, 'bsdInfo.ownerFlags: flags the owner may change', { show: hex }),
  fileMode: u16(42, 'bsdInfo.fileMode: type and permissions; type 0 means not initialised', { show: octal }),
  special: u32(
    44,
    'bsdInfo.special: link count; of a hard link, the number of its iNode; or a device number',
  ),
} as const;

/** A folder's record. [TN "Catalog Folder Records"] */
export type CatalogFolder = Value<typeof CatalogFolder>;
export const CatalogFolder = struct('CatalogFolder', 88, 'big', 'TN1150, "Catalog Folder Records"', {
  recordType: u16(0, 'recordType: 1', { magic: RECORD_TYPE.folder, show: showRecordType }),
  ...CATALOG_HEAD,
  valence: u32(4, 'valence: files and folders directly in it', { show: plural('item') }),
  folderId: u32(8, 'folderID: its catalog node id'),
  ...CATALOG_MIDDLE,
  windowBounds: bytes(48, 8, 'userInfo.windowBounds'),
  finderFlags: u16(56, 'userInfo.finderFlags', { show: showFinderFlags }),
  location: bytes(58, 4, 'userInfo.location: vertical and horizontal position in its window'),
  view: u16(62, 'userInfo.frView', { show: hex }),
  finderInfo: bytes(64, 16, 'finderInfo: second half of the Finder’s information, with the date added'),
  textEncoding: u32(80, 'textEncoding: hint for converting the name; 0 MacRoman'),
  folderCount: u32(84, 'folderCount: folders directly in it, on HFSX only', { show: plural('folder') }),
});

/** A file's record. [TN "Catalog File Records"] */
export type CatalogFile = Value<typeof CatalogFile>;
export const CatalogFile = struct('CatalogFile', 248, 'big', 'TN1150, "Catalog File Records"', {
  recordType: u16(0, 'recordType: 2', { magic: RECORD_TYPE.file, show: showRecordType }),
  ...CATALOG_HEAD,
  firstLinkId: u32(4, 'reserved1; of an iNode file, the first link of its chain'),
  fileId: u32(8, 'fileID: its catalog node id'),
  ...CATALOG_MIDDLE,
  fileType: u32(48, 'userInfo.fdType', { show: showFour }),
  fileCreator: u32(52, 'userInfo.fdCreator', { show: showFour }),
  finderFlags: u16(56, 'userInfo.fdFlags', { show: showFinderFlags }),
  location: bytes(58, 4, 'userInfo.fdLocation: vertical and horizontal position in its window'),
  opaque: u16(62, 'userInfo.opaque', { show: hex }),
  finderInfo: bytes(64, 16, 'finderInfo: second half of the Finder’s information, with the date added'),
  textEncoding: u32(80, 'textEncoding: hint for converting the name; 0 MacRoman'),
  reserved2: reserved(84, 4),
  dataFork: fork(88, 'dataFork: the contents'),
  resourceFork: fork(168, 'resourceFork'),
});

/** The fixed part of a thread; the item's name follows. [TN "Catalog Thread Records"] */
export type CatalogThread = Value<typeof CatalogThread>;
export const CatalogThread = struct('CatalogThread', 10, 'big', 'TN1150, "Catalog Thread Records"', {
  recordType: u16(0, 'recordType: 3 of a folder, 4 of a file', { show: showRecordType }),
  reserved: reserved(2, 2),
  parentId: u32(4, 'parentID: the folder that the item is in'),
  nameUnits: u16(8, 'nodeName.length: UTF-16 units of the name that follows'),
});

/** A name of `units` UTF-16 units of a key or a thread, exactly as stored. Bytes beyond the end read as absent. */
export function storedUnits(record: Uint8Array, at: number, units: number): string {
  const count = Math.max(Math.min(units, (record.length - at) >> 1), 0);
  let text = '';
  for (let i = at; i < at + 2 * count; i += 2) {
    text += String.fromCharCode(((record[i] ?? 0) << 8) | (record[i + 1] ?? 0));
  }
  return text;
}

// ── extents overflow and attributes ─────────────────────────────────────────────────────────────────────────────────

export const FORK_TYPE = { data: 0, resource: 0xff } as const;

export const ExtentsKey = struct('ExtentsKey', 12, 'big', 'TN1150, "Extents Overflow File Key"', {
  keyLengthBytes: u16(0, 'keyLength: 10', { show: plural('byte') }),
  forkType: u8(2, 'forkType: 0 data, FF resource', { show: hex }),
  pad: reserved(3, 1),
  fileId: u32(4, 'fileID: whose fork'),
  startBlock: u32(8, 'startBlock: block of the fork at which these eight extents begin'),
});
export const EXTENTS_KEY_LENGTH_BYTES = 10;

export const ATTRIBUTE_KEY_LENGTH_BYTES = { min: 12, max: 266 } as const;
export const ATTRIBUTE_NAME_UNITS_MAX = 127;

/** The fixed part of an attribute's key; the name's units follow. [HF HFSPlusAttrKey] */
export const AttributeKey = struct('AttributeKey', 14, 'big', 'hfs_format.h, HFSPlusAttrKey', {
  keyLengthBytes: u16(0, 'keyLength: bytes after this field', { show: plural('byte') }),
  pad: reserved(2, 2),
  fileId: u32(4, 'fileID: whose attribute'),
  startBlock: u32(8, 'startBlock: 0, or the block at which an overflow record begins'),
  nameUnits: u16(12, 'attrNameLen: UTF-16 units of the name that follows'),
});

export const ATTRIBUTE_RECORD = { inline: 0x10, fork: 0x20, extents: 0x30 } as const;

/** The fixed part of a value that stands in the tree itself; the bytes follow, padded to an even length. */
export const AttributeInline = struct('AttributeInline', 16, 'big', 'hfs_format.h, HFSPlusAttrData', {
  recordType: u32(0, 'recordType: 10 (hex), the value stands here', {
    magic: ATTRIBUTE_RECORD.inline,
    show: hex,
  }),
  reserved: reserved(4, 8),
  sizeBytes: u32(12, 'attrSize', { show: plural('byte') }),
});

export const AttributeFork = struct('AttributeFork', 88, 'big', 'hfs_format.h, HFSPlusAttrForkData', {
  recordType: u32(0, 'recordType: 20 (hex), the value lies in a fork', {
    magic: ATTRIBUTE_RECORD.fork,
    show: hex,
  }),
  reserved: reserved(4, 4),
  fork: fork(8, 'theFork'),
});

export const AttributeExtents = struct('AttributeExtents', 72, 'big', 'hfs_format.h, HFSPlusAttrExtents', {
  recordType: u32(0, 'recordType: 30 (hex), more extents of a value', {
    magic: ATTRIBUTE_RECORD.extents,
    show: hex,
  }),
  reserved: reserved(4, 4),
  extents: extentRecord(8, 'extents: eight runs, start + count'),
});
