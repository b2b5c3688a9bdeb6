import { hex, reserved, struct, u16, u32, u64, u8 } from '../../codec/struct.ts';
import type { Field, Value } from '../../codec/struct.ts';
import { bitNames, plural, time } from './layout.ts';

/**
 * Records of a volume's catalog, its file-system tree: keys, inodes with their extended fields, directory entries,
 * extended attributes, hard links, streams and their extents. Little-endian; nothing is aligned.
 * Sources: Apple File System Reference, "File-System Objects", "Extended Fields", "Data Streams"; for what checkers
 * demand beyond it, apfsck of linux-apfs/apfsprogs.
 */

export const REFERENCE = 'Apple File System Reference';

// ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What a record is about: the upper four bits of its key. Those of the other trees stand here for their names. */
export const RECORD_TYPE = {
  snapshotMetadata: 1,
  extentReference: 2,
  inode: 3,
  extendedAttribute: 4,
  siblingLink: 5,
  dstreamId: 6,
  cryptoState: 7,
  fileExtent: 8,
  directoryRecord: 9,
  directoryStatistics: 10,
  snapshotName: 11,
  siblingMap: 12,
  fileInfo: 13,
} as const;

const RECORD_TYPE_NAMES: Readonly<Record<number, string>> = {
  1: 'snapshot metadata',
  2: 'extent reference',
  3: 'inode',
  4: 'extended attribute',
  5: 'sibling link',
  6: 'data stream id',
  7: 'crypto state',
  8: 'file extent',
  9: 'directory record',
  10: 'directory statistics',
  11: 'snapshot name',
  12: 'sibling map',
  13: 'file info',
};

export const recordTypeName = (type: number): string =>
  RECORD_TYPE_NAMES[type] ?? `unknown record type ${type}`;

/** First ids of objects; those below are the volume's own. */
export const OBJECT_ID = {
  /** Parent of the root and of the private directory; has no inode. */
  rootParent: 1,
  root: 2,
  privateDirectory: 3,
  snapshotDirectory: 6,
  purgeableDirectory: 7,
  firstUser: 16,
} as const;

/** Ids have 60 bits in keys; a volume with one beyond this is refused. */
export const OBJECT_ID_MAX = Number.MAX_SAFE_INTEGER;

/** A 64-bit id whose bits are all set says "none" or "not assigned"; it reads as this number. */
export const NO_ID = 2 ** 64;

/** What a key is about: object id (60 bits) and record type (4 bits). */
export interface ObjectKey {
  readonly objectId: number;
  readonly type: number;
}

/** The object id of the key at `at`; exact up to 2^53. */
export const objectIdAt = (view: DataView, at: number): number =>
  (view.getUint32(at + 4, true) & 0x0fff_ffff) * 2 ** 32 + view.getUint32(at, true);

/** The record type of the key at `at`. */
export const recordTypeAt = (view: DataView, at: number): number => view.getUint8(at + 7) >>> 4;

export function putObjectKey(view: DataView, at: number, objectId: number, type: number): void {
  view.setUint32(at, objectId >>> 0, true);
  view.setUint32(at + 4, (Math.floor(objectId / 2 ** 32) | (type << 28)) >>> 0, true);
}

const objectKey = (at: number, doc: string): Field<ObjectKey> => ({
  at,
  doc,
  lengthBytes: 8,
  show: ({ objectId, type }) => `${recordTypeName(type)} of ${objectId}`,
  get: (view, at) => ({ objectId: objectIdAt(view, at), type: recordTypeAt(view, at) }),
  set: (view, at, { objectId, type }) => putObjectKey(view, at, objectId, type),
});

/** What every key of the catalog begins with. */
export const KEY_HEADER = {
  key: objectKey(0, 'obj_id_and_type: object id in the lower 60 bits, record type in the upper four'),
} as const;

/** The whole key of an inode, stream id, crypto state, directory statistics or sibling map. [j_key_t] */
export type CatalogKey = Value<typeof CatalogKey>;
export const CatalogKey = struct('CatalogKey', 8, 'little', `${REFERENCE}, "j_key_t"`, KEY_HEADER);

export const CATALOG_KEY_SIZE_BYTES = 8;
/** Of a name in UTF-8, without its NUL: directory entries, extended attributes, hard links. */
export const NAME_BYTES_MAX = 255;

/** Length and hash of a name share a word. */
export interface NameLengthAndHash {
  /** With the NUL. */
  readonly nameLengthBytes: number;
  /** 22 bits: CRC-32C of the normalized, on most volumes folded name. */
  readonly hash: number;
}

const nameLengthAndHash = (at: number, doc: string): Field<NameLengthAndHash> => ({
  at,
  doc,
  lengthBytes: 4,
  show: ({ nameLengthBytes, hash }) => `${plural('byte')(nameLengthBytes)}, hash ${hex(hash)}`,
  get: (view, at) => {
    const word = view.getUint32(at, true);
    return { nameLengthBytes: word & 0x3ff, hash: word >>> 10 };
  },
  set: (view, at, { nameLengthBytes, hash }) =>
    view.setUint32(at, ((hash << 10) | nameLengthBytes) >>> 0, true),
});

/** Start of a directory record's key on all volumes whose names are hashed; name and NUL follow. */
export type HashedNameKey = Value<typeof HashedNameKey>;
export const HashedNameKey = struct('HashedNameKey', 12, 'little', `${REFERENCE}, "j_drec_hashed_key_t"`, {
  ...KEY_HEADER,
  name: nameLengthAndHash(
    8,
    'name_len_and_hash: bytes of the name with its NUL (10 bits), hash of the name (22 bits)',
  ),
});

/** Start of a directory record's key without hash, and of an extended attribute's key; name and NUL follow. */
export type NameKey = Value<typeof NameKey>;
export const NameKey = struct('NameKey', 10, 'little', `${REFERENCE}, "j_drec_key_t", "j_xattr_key_t"`, {
  ...KEY_HEADER,
  nameLengthBytes: u16(8, 'name_len: bytes of the name that follows, with its NUL', {
    show: plural('byte'),
  }),
});

/** Key of a file extent. */
export type FileExtentKey = Value<typeof FileExtentKey>;
export const FileExtentKey = struct('FileExtentKey', 16, 'little', `${REFERENCE}, "j_file_extent_key_t"`, {
  ...KEY_HEADER,
  logicalOffsetBytes: u64(8, 'logical_addr: where in the stream it begins', { show: plural('byte') }),
});

/** Key of a sibling link: which name of the inode. */
export type SiblingLinkKey = Value<typeof SiblingLinkKey>;
export const SiblingLinkKey = struct('SiblingLinkKey', 16, 'little', `${REFERENCE}, "j_sibling_key_t"`, {
  ...KEY_HEADER,
  siblingId: u64(8, 'sibling_id: id of this name of the file'),
});

// ── inodes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Bits of Inode.internalFlags. All below 2^32. */
export const INODE_FLAG = {
  isApfsPrivate: 0x1,
  maintainDirectoryStatistics: 0x2,
  directoryStatisticsOrigin: 0x4,
  protectionClassExplicit: 0x8,
  wasCloned: 0x10,
  hasSecurity: 0x40,
  isBeingTruncated: 0x80,
  hasFinderInfo: 0x100,
  isSparse: 0x200,
  wasEverCloned: 0x400,
  activeFileTrimmed: 0x800,
  pinnedToMain: 0x1000,
  pinnedToTier2: 0x2000,
  hasResourceFork: 0x4000,
  noResourceFork: 0x8000,
  allocationSpilledOver: 0x1_0000,
  fastPromote: 0x2_0000,
  hasUncompressedSize: 0x4_0000,
  isPurgeable: 0x8_0000,
  wantsToBePurgeable: 0x10_0000,
  isSyncRoot: 0x20_0000,
  snapshotCowExemption: 0x40_0000,
  hasPurgeableFlags: 0x200_0000,
} as const;

export const showInodeFlags = bitNames({
  0: 'private',
  1: 'maintains directory statistics',
  2: 'origin of directory statistics',
  3: 'explicit protection class',
  4: 'was cloned',
  6: 'has security information',
  7: 'being truncated',
  8: 'has Finder information',
  9: 'sparse',
  10: 'was ever cloned',
  11: 'trimmed while active',
  12: 'pinned to the main device',
  13: 'pinned to the second tier',
  14: 'has a resource fork',
  15: 'has no resource fork',
  16: 'allocation spilled over',
  17: 'fast promote',
  18: 'has its uncompressed size',
  19: 'purgeable',
  20: 'wants to be purgeable',
  21: 'sync root',
  22: 'exempt from copy-on-write under snapshots',
  25: 'has purgeable flags',
});

/** Type bits of a mode, as in <sys/stat.h>. */
export const MODE_TYPE_BITS = 0o170_000;
export const MODE_TYPE = {
  fifo: 0o010_000,
  characterDevice: 0o020_000,
  directory: 0o040_000,
  blockDevice: 0o060_000,
  file: 0o100_000,
  symlink: 0o120_000,
  socket: 0o140_000,
  whiteout: 0o160_000,
} as const;

/** BSD flags that this format gives a meaning of its own. */
export const BSD_FLAG = { compressed: 0x20, dataless: 0x4000_0000 } as const;

const octal = (mode: number) => `0${mode.toString(8)}`;

/** Fixed part of an inode's value; its extended fields follow. */
export type InodeValue = Value<typeof InodeValue>;
export const InodeValue = struct('InodeValue', 92, 'little', `${REFERENCE}, "j_inode_val_t"`, {
  parentId: u64(0, 'parent_id: directory of its (first) name'),
  privateId: u64(8, 'private_id: id of its data stream; equal among clones that share one'),
  createTime: time(16, 'create_time'),
  modifyTime: time(24, 'mod_time: when its contents were last changed'),
  changeTime: time(32, 'change_time: when its attributes were last changed'),
  accessTime: time(40, 'access_time'),
  internalFlags: u64(48, 'internal_flags', { show: showInodeFlags }),
  childOrLinkCount: u32(56, 'nchildren of a directory: its entries; nlink of anything else: its names'),
  protectionClass: u32(60, 'default_protection_class: of files made in it; 0: the volume’s'),
  generation: u32(64, 'write_generation_counter: grows with changes'),
  bsdFlags: u32(68, 'bsd_flags: as chflags(2) has them', { show: hex }),
  uid: u32(72, 'owner'),
  gid: u32(76, 'group'),
  mode: u16(80, 'mode: type and permissions', { show: octal }),
  padding: reserved(82, 2, 'pad1'),
  uncompressedSizeBytes: u64(84, 'uncompressed_size: of a compressed file, if its flag says so', {
    show: plural('byte'),
  }),
});

// ── extended fields ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Extended fields of inodes. */
export const INODE_FIELD = {
  snapshotXid: 1,
  deltaTreeOid: 2,
  documentId: 3,
  name: 4,
  previousSize: 5,
  finderInfo: 7,
  dstream: 8,
  directoryStatisticsKey: 10,
  filesystemUuid: 11,
  sparseBytes: 13,
  device: 14,
  purgeableFlags: 15,
  originalSyncRootId: 16,
} as const;

const INODE_FIELD_NAMES: Readonly<Record<number, string>> = {
  1: 'snapshot transaction',
  2: 'delta tree',
  3: 'document id',
  4: 'name',
  5: 'previous size',
  7: 'Finder information',
  8: 'data stream',
  10: 'directory statistics',
  11: 'UUID of a mounted file system',
  13: 'sparse bytes',
  14: 'device number',
  15: 'purgeable flags',
  16: 'original sync root',
};

export const inodeFieldName = (type: number): string => INODE_FIELD_NAMES[type] ?? `unknown field ${type}`;

/** The only extended field of directory records: id of this hard link. */
export const DIRECTORY_FIELD_SIBLING_ID = 1;

/** Flags of an extended field. */
export const FIELD_FLAG = {
  dataDependent: 0x1,
  doNotCopy: 0x2,
  childrenInherit: 0x8,
  userField: 0x10,
  systemField: 0x20,
} as const;

/** Flags that each field of an inode has; those not listed have none. */
export const INODE_FIELD_FLAGS: Readonly<Record<number, number>> = {
  [INODE_FIELD.name]: FIELD_FLAG.doNotCopy,
  [INODE_FIELD.dstream]: FIELD_FLAG.systemField,
  [INODE_FIELD.directoryStatisticsKey]: FIELD_FLAG.systemField | FIELD_FLAG.doNotCopy,
  [INODE_FIELD.sparseBytes]: FIELD_FLAG.systemField | FIELD_FLAG.childrenInherit,
};

const showFieldFlags = bitNames({
  0: 'depends on data',
  1: 'not copied',
  3: 'inherited by children',
  4: 'of a user',
  5: 'of the system',
});

/** Start of the extended fields; as many XField entries follow, then their values, each padded to eight bytes. */
export type XFieldsHeader = Value<typeof XFieldsHeader>;
export const XFieldsHeader = struct('XFieldsHeader', 4, 'little', `${REFERENCE}, "xf_blob_t"`, {
  fieldCount: u16(0, 'xf_num_exts: extended fields'),
  usedBytes: u16(2, 'xf_used_data: bytes of all values with their padding, without the entries', {
    show: plural('byte'),
  }),
});

/** One extended field: its value stands behind all entries. */
export type XFieldEntry = Value<typeof XFieldEntry>;
export const XFieldEntry = struct('XFieldEntry', 4, 'little', `${REFERENCE}, "x_field_t"`, {
  type: u8(0, 'x_type: meaning of the field'),
  flags: u8(1, 'x_flags', { show: showFieldFlags }),
  sizeBytes: u16(2, 'x_size: bytes of the value without padding', { show: plural('byte') }),
});

export const XFIELD_ALIGNMENT_BYTES = 8;
export const paddedFieldBytes = (sizeBytes: number): number => Math.ceil(sizeBytes / 8) * 8;

// ── data streams ────────────────────────────────────────────────────────────────────────────────────────────────────

const idOrNone = (at: number, doc: string): Field<number> => ({
  at,
  doc,
  lengthBytes: 8,
  show: (id) => (id >= NO_ID ? 'not assigned' : String(id)),
  get: (view, at) => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true),
  set: (view, at, id) => {
    view.setUint32(at, id >= NO_ID ? 0xffff_ffff : id >>> 0, true);
    view.setUint32(at + 4, id >= NO_ID ? 0xffff_ffff : Math.floor(id / 2 ** 32), true);
  },
});

const dstreamFields = (at: number) =>
  ({
    sizeBytes: u64(at, 'size: bytes of contents', { show: plural('byte') }),
    allocatedBytes: u64(at + 8, 'alloced_size: bytes its extents cover, holes among them', {
      show: plural('byte'),
    }),
    cryptoId: idOrNone(at + 16, 'default_crypto_id: key of its extents; 0 without encryption'),
    bytesWritten: u64(at + 24, 'total_bytes_written: in its life'),
    bytesRead: u64(at + 32, 'total_bytes_read: in its life'),
  }) as const;

/** A stream of bytes: value of the extended field INODE_FIELD.dstream. */
export type Dstream = Value<typeof Dstream>;
export const Dstream = struct('Dstream', 40, 'little', `${REFERENCE}, "j_dstream_t"`, dstreamFields(0));

/** How many inodes share a stream. */
export type DstreamIdValue = Value<typeof DstreamIdValue>;
export const DstreamIdValue = struct('DstreamIdValue', 4, 'little', `${REFERENCE}, "j_dstream_id_val_t"`, {
  referenceCount: u32(0, 'refcnt: inodes whose private id this is'),
});

/** Flags of a file extent: the upper eight bits of its length. */
export const FILE_EXTENT_FLAG = { encrypted: 0x1, preallocated: 0x2 } as const;

/** The length of an extent shares a word with its flags. */
export interface LengthAndFlags {
  readonly lengthBytes: number;
  readonly flags: number;
}

const showExtentFlags = bitNames({ 0: 'encrypted', 1: 'preallocated' });

const lengthAndFlags = (at: number, doc: string): Field<LengthAndFlags> => ({
  at,
  doc,
  lengthBytes: 8,
  show: ({ lengthBytes, flags }) =>
    plural('byte')(lengthBytes) + (flags === 0 ? '' : `, ${showExtentFlags(flags)}`),
  get: (view, at) => ({
    lengthBytes: (view.getUint32(at + 4, true) & 0xff_ffff) * 2 ** 32 + view.getUint32(at, true),
    flags: view.getUint8(at + 7),
  }),
  set: (view, at, { lengthBytes, flags }) => {
    view.setUint32(at, lengthBytes >>> 0, true);
    view.setUint32(at + 4, (Math.floor(lengthBytes / 2 ** 32) | (flags << 24)) >>> 0, true);
  },
});

/** Where a piece of a stream lies. */
export type FileExtentValue = Value<typeof FileExtentValue>;
export const FileExtentValue = struct(
  'FileExtentValue',
  24,
  'little',
  `${REFERENCE}, "j_file_extent_val_t"`,
  {
    length: lengthAndFlags(0, 'len_and_flags: whole blocks, in bytes (56 bits), flags (8 bits)'),
    firstBlock: u64(8, 'phys_block_num: first block of the container; 0: a hole'),
    cryptoId: idOrNone(16, 'crypto_id: key, or first value of the cipher’s tweak; 0 without encryption'),
  },
);

// ── names ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Flags of a directory record: the lower four bits are the type, as in <sys/dirent.h>. */
export const DIRECTORY_RECORD_TYPE_BITS = 0xf;

const DIRECTORY_TYPES: Readonly<Record<number, string>> = {
  1: 'FIFO',
  2: 'character device',
  4: 'directory',
  6: 'block device',
  8: 'file',
  10: 'symlink',
  12: 'socket',
  14: 'whiteout',
};

/** Value of a directory record; a SIBLING_ID field follows for files with hard links. */
export type DirectoryRecordValue = Value<typeof DirectoryRecordValue>;
export const DirectoryRecordValue = struct(
  'DirectoryRecordValue',
  18,
  'little',
  `${REFERENCE}, "j_drec_val_t"`,
  {
    fileId: u64(0, 'file_id: inode the name leads to'),
    dateAdded: time(8, 'date_added: when it came into this directory'),
    flags: u16(16, 'flags: type in the lower four bits', {
      show: (flags) =>
        `${hex(flags)} ${DIRECTORY_TYPES[flags & DIRECTORY_RECORD_TYPE_BITS] ?? 'unknown type'}`,
    }),
  },
);

/** Value of a sibling link: one name of a file with several; the name and its NUL follow. */
export type SiblingLinkValue = Value<typeof SiblingLinkValue>;
export const SiblingLinkValue = struct('SiblingLinkValue', 10, 'little', `${REFERENCE}, "j_sibling_val_t"`, {
  parentId: u64(0, 'parent_id: directory of this name'),
  nameLengthBytes: u16(8, 'name_len: bytes of the name that follows, with its NUL', {
    show: plural('byte'),
  }),
});

/** Value of a sibling map: from the id of a name to the file. */
export type SiblingMapValue = Value<typeof SiblingMapValue>;
export const SiblingMapValue = struct('SiblingMapValue', 8, 'little', `${REFERENCE}, "j_sibling_map_val_t"`, {
  fileId: u64(0, 'file_id: inode this name leads to'),
});

// ── extended attributes ─────────────────────────────────────────────────────────────────────────────────────────────

export const XATTR_FLAG = { dataStream: 0x1, dataEmbedded: 0x2, fileSystemOwned: 0x4 } as const;

/** The largest value that a record holds itself. */
export const XATTR_EMBEDDED_BYTES_MAX = 3804;

export const XATTR_NAME = {
  symlink: 'com.apple.fs.symlink',
  finderInfo: 'com.apple.FinderInfo',
  resourceFork: 'com.apple.ResourceFork',
  security: 'com.apple.system.Security',
  decmpfs: 'com.apple.decmpfs',
} as const;

const showXattrFlags = bitNames({ 0: 'in a stream', 1: 'embedded', 2: 'owned by the file system' });

/** Start of an extended attribute's value; its data follow, or XattrStream. */
export type XattrValue = Value<typeof XattrValue>;
export const XattrValue = struct('XattrValue', 4, 'little', `${REFERENCE}, "j_xattr_val_t"`, {
  flags: u16(0, 'flags', { show: showXattrFlags }),
  dataLengthBytes: u16(2, 'xdata_len: bytes that follow', { show: plural('byte') }),
});

/** What stands in the record of an attribute whose data are a stream. */
export type XattrStream = Value<typeof XattrStream>;
export const XattrStream = struct('XattrStream', 48, 'little', `${REFERENCE}, "j_xattr_dstream_t"`, {
  streamId: u64(0, 'xattr_obj_id: object id of its file extents'),
  ...dstreamFields(8),
});
