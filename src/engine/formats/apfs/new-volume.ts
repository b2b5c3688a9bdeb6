import { utf8, viewOf } from '../../base/bytes.ts';
import type { Timespec } from '../../base/clock.ts';
import { FsError } from '../../base/errno.ts';
import type { WriteLabel } from '../../device/device.ts';
import { BTREE_FLAG, OmapPhys } from './layout-tree.ts';
import { BLOCK_SIZE_BYTES, OBJECT, putTime, TYPE_WORD } from './layout.ts';
import {
  FIRST_USER_INODE,
  META_CRYPTO_CLASS,
  VOLUME_FEATURE,
  VOLUME_FLAG,
  VOLUME_INCOMPATIBLE,
  VOLUME_NAME_BYTES,
  VolumeSuperblock,
} from './layout-volume.ts';
import { writeFooter, writeNode } from './node-writer.ts';
import type { RawRecord } from './node-writer.ts';
import { putHeader, seal } from './object.ts';
import { put64 } from './words.ts';

/**
 * The six blocks of an empty volume: superblock, object map and its root, and the roots of catalog, extent references
 * and snapshot metadata. The catalog holds what macOS demands of every volume: the root directory and the private one.
 */
export interface NewVolume {
  readonly index: number;
  readonly oid: number;
  readonly catalogOid: number;
  readonly xid: number;
  readonly name: string;
  readonly isCaseSensitive: boolean;
  readonly role: number;
  readonly quotaBlocks: number;
  readonly reserveBlocks: number;
  readonly uuid: Uint8Array;
  readonly time: Timespec;
  readonly places: VolumePlaces;
}

/** Where its blocks lie. */
export interface VolumePlaces {
  readonly superblock: number;
  readonly omap: number;
  readonly omapRoot: number;
  readonly catalogRoot: number;
  readonly references: number;
  readonly snapshotTree: number;
}

export interface NewBlock {
  readonly block: number;
  readonly bytes: Uint8Array;
  readonly label: WriteLabel;
}

/** Blocks of an empty volume that count as its own: all but the superblock. */
export const NEW_VOLUME_BLOCKS = 5;
/** What we call ourselves in volume superblocks; at most 31 bytes. */
export const SOFTWARE_NAME = 'diskoscope';
/** The first user of a Mac, who owns what he formats. */
const ROOT_UID = 501;
const ROOT_GID = 20;

const NEVER: Timespec = { seconds: 0, nanoseconds: 0 };
const NO_UUID = new Uint8Array(16);

/** EINVAL, EILSEQ or ENAMETOOLONG with a sentence for what cannot be a volume's name. */
export function checkVolumeName(name: string): void {
  const refuse = (code: 'EINVAL' | 'EILSEQ' | 'ENAMETOOLONG', detail: string): never => {
    throw new FsError(code, '', '', detail);
  };
  if (name === '') refuse('EINVAL', 'a volume needs a name');
  if (/[\0/]/.test(name)) refuse('EINVAL', 'the name of a volume can contain neither U+0000 nor a slash');
  if (/\p{Surrogate}/u.test(name)) {
    refuse('EILSEQ', 'names of volumes are UTF-8: half a surrogate pair cannot be stored');
  }
  if (utf8(name).length >= VOLUME_NAME_BYTES) {
    refuse('ENAMETOOLONG', `the name of a volume has at most ${VOLUME_NAME_BYTES - 1} bytes of UTF-8`);
  }
}

export function newVolumeBlocks(volume: NewVolume): NewBlock[] {
  const { places, name } = volume;
  const label = (role: WriteLabel['role'], what: string): WriteLabel => ({
    role,
    owner: `${what} of ${name}`,
    reason: 'make an empty volume',
  });
  return [
    { block: places.superblock, bytes: superblock(volume), label: label('header', 'superblock') },
    { block: places.omap, bytes: omap(places, volume.xid), label: label('tree', 'object map') },
    { block: places.omapRoot, bytes: omapRoot(volume), label: label('tree', 'object map') },
    { block: places.catalogRoot, bytes: catalogRoot(volume), label: label('tree', 'catalog') },
    {
      block: places.references,
      bytes: emptyRoot(places.references, volume.xid, OBJECT.extentReferences),
      label: label('references', 'extent references'),
    },
    {
      block: places.snapshotTree,
      bytes: emptyRoot(places.snapshotTree, volume.xid, OBJECT.snapshotMetadata),
      label: label('tree', 'snapshot metadata'),
    },
  ];
}

// ── object maps ─────────────────────────────────────────────────────────────────────────────────────────────────────

function omap(places: VolumePlaces, xid: number): Uint8Array {
  return omapObject(places.omap, xid, places.omapRoot, 0);
}

export function omapObject(block: number, xid: number, treeBlock: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  OmapPhys.write(bytes, {
    ...{ checksumLow: 0, checksumHigh: 0, oid: block, xid, type: TYPE_WORD.objectMap, subtype: 0 },
    flags,
    snapshotCount: 0,
    treeType: TYPE_WORD.physicalRoot,
    snapshotTreeType: TYPE_WORD.physicalRoot,
    treeBlock,
    snapshotTreeBlock: 0,
    mostRecentSnapshot: 0,
    pendingRevertMin: 0,
    pendingRevertMax: 0,
  });
  seal(bytes);
  return bytes;
}

/** A virtual object and where this version of it lies. */
export interface OmapEntry {
  readonly oid: number;
  readonly xid: number;
  readonly block: number;
}

const OMAP_KEY_BYTES = 16;
const OMAP_VALUE_BYTES = 16;
/** (4096 − 56) / (16 + 16 + 4) entries of 4 bytes: what a leaf of fixed sizes must provide. */
const OMAP_TABLE_BYTES = 448;

/** Root of an object map of one leaf; `entries` ascend. */
export function omapLeaf(block: number, xid: number, entries: readonly OmapEntry[]): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  const records = entries.map((entry): RawRecord => {
    const key = new Uint8Array(OMAP_KEY_BYTES);
    put64(viewOf(key), 0, entry.oid);
    put64(viewOf(key), 8, entry.xid);
    const value = new Uint8Array(OMAP_VALUE_BYTES);
    viewOf(value).setUint32(4, BLOCK_SIZE_BYTES, true);
    put64(viewOf(value), 8, entry.block);
    return { key, value };
  });
  writeNode(bytes, { level: 0, isRoot: true, isFixed: true, tableBytes: OMAP_TABLE_BYTES }, records);
  writeFooter(bytes, {
    flags: BTREE_FLAG.physical,
    keySizeBytes: OMAP_KEY_BYTES,
    valueSizeBytes: OMAP_VALUE_BYTES,
    longestKeyBytes: OMAP_KEY_BYTES,
    longestValueBytes: OMAP_VALUE_BYTES,
    keyCount: entries.length,
    nodeCount: 1,
  });
  putHeader(bytes, block, xid, TYPE_WORD.physicalRoot, OBJECT.objectMap);
  seal(bytes);
  return bytes;
}

const omapRoot = ({ places, xid, catalogOid }: NewVolume): Uint8Array =>
  omapLeaf(places.omapRoot, xid, [{ oid: catalogOid, xid, block: places.catalogRoot }]);

// ── other trees ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Room for sixteen entries, with which trees of varying sizes start. */
const VARIABLE_TABLE_BYTES = 128;

/** An empty physical tree of extent references or snapshot metadata. */
export function emptyRoot(block: number, xid: number, subtype: number): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  writeNode(bytes, { level: 0, isRoot: true, isFixed: false, tableBytes: VARIABLE_TABLE_BYTES }, []);
  writeFooter(bytes, {
    flags: BTREE_FLAG.physical | BTREE_FLAG.notAligned,
    ...{ keySizeBytes: 0, valueSizeBytes: 0, longestKeyBytes: 0, longestValueBytes: 0 },
    keyCount: 0,
    nodeCount: 1,
  });
  putHeader(bytes, block, xid, TYPE_WORD.physicalRoot, subtype);
  seal(bytes);
  return bytes;
}

/** A directory that every volume has. The hashes are those of `nameHash`, the same whether or not case is folded. */
interface FirstDirectory {
  readonly name: string;
  readonly inode: number;
  readonly hash: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

const ROOT: FirstDirectory = {
  ...{ name: 'root', inode: 2, hash: 0x2d_9c79 },
  ...{ mode: 0o40755, uid: ROOT_UID, gid: ROOT_GID },
};
const PRIVATE: FirstDirectory = {
  ...{ name: 'private-dir', inode: 3, hash: 0x2b_29a3 },
  ...{ mode: 0o40755, uid: 0, gid: 0 },
};
const ROOT_PARENT_INODE = 1;
const TYPE_INODE = 3;
const TYPE_DIRECTORY_RECORD = 9;

function catalogRoot(volume: NewVolume): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  const records = [
    directoryRecord(PRIVATE, volume.time),
    directoryRecord(ROOT, volume.time),
    inodeRecord(ROOT, volume.time),
    inodeRecord(PRIVATE, volume.time),
  ];
  writeNode(bytes, { level: 0, isRoot: true, isFixed: false, tableBytes: VARIABLE_TABLE_BYTES }, records);
  writeFooter(bytes, {
    flags: BTREE_FLAG.notAligned,
    keySizeBytes: 0,
    valueSizeBytes: 0,
    longestKeyBytes: Math.max(...records.map(({ key }) => key.length)),
    longestValueBytes: Math.max(...records.map(({ value }) => value?.length ?? 0)),
    keyCount: records.length,
    nodeCount: 1,
  });
  putHeader(bytes, volume.catalogOid, volume.xid, TYPE_WORD.virtualRoot, OBJECT.catalog);
  seal(bytes);
  return bytes;
}

/** Object id with the record's type in the top four bits. */
function putCatalogKey(view: DataView, id: number, type: number): void {
  view.setUint32(0, id, true);
  view.setUint32(4, (type << 28) >>> 0, true);
}

function directoryRecord(directory: FirstDirectory, time: Timespec): RawRecord {
  const name = utf8(`${directory.name}\0`);
  const key = new Uint8Array(12 + name.length);
  putCatalogKey(viewOf(key), ROOT_PARENT_INODE, TYPE_DIRECTORY_RECORD);
  viewOf(key).setUint32(8, directory.hash * 1024 + name.length, true);
  key.set(name, 12);
  const value = new Uint8Array(18);
  put64(viewOf(value), 0, directory.inode);
  putTime(viewOf(value), 8, time);
  viewOf(value).setUint16(16, directory.mode >> 12, true);
  return { key, value };
}

const INODE_BYTES = 92;
/** No resource fork: what every new inode says. */
const INODE_FLAG_NO_RESOURCE_FORK = 0x8000;
const FIELD_NAME = 4;
const FIELD_DO_NOT_COPY = 2;

function inodeRecord(directory: FirstDirectory, time: Timespec): RawRecord {
  const key = new Uint8Array(8);
  putCatalogKey(viewOf(key), directory.inode, TYPE_INODE);
  const name = utf8(`${directory.name}\0`);
  const nameRoom = Math.ceil(name.length / 8) * 8;
  const value = new Uint8Array(INODE_BYTES + 8 + nameRoom);
  const view = viewOf(value);
  put64(view, 0, ROOT_PARENT_INODE);
  put64(view, 8, directory.inode);
  for (const at of [0x10, 0x18, 0x20, 0x28]) putTime(view, at, time);
  put64(view, 0x30, INODE_FLAG_NO_RESOURCE_FORK);
  view.setUint32(0x48, directory.uid, true);
  view.setUint32(0x4c, directory.gid, true);
  view.setUint16(0x50, directory.mode, true);
  view.setUint16(INODE_BYTES, 1, true);
  view.setUint16(INODE_BYTES + 2, nameRoom, true);
  view.setUint8(INODE_BYTES + 4, FIELD_NAME);
  view.setUint8(INODE_BYTES + 5, FIELD_DO_NOT_COPY);
  view.setUint16(INODE_BYTES + 6, name.length, true);
  value.set(name, INODE_BYTES + 8);
  return { key, value };
}

// ── superblock ──────────────────────────────────────────────────────────────────────────────────────────────────────

const FIRST_DOCUMENT_ID = 3;
const CRYPTO_MAJOR_VERSION = 5;

function superblock(volume: NewVolume): Uint8Array {
  const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
  const { places } = volume;
  VolumeSuperblock.write(bytes, {
    ...{
      checksumLow: 0,
      checksumHigh: 0,
      oid: volume.oid,
      xid: volume.xid,
      type: TYPE_WORD.volume,
      subtype: 0,
    },
    index: volume.index,
    features: VOLUME_FEATURE.hardLinkMapRecords,
    readOnlyCompatibleFeatures: 0,
    incompatibleFeatures: volume.isCaseSensitive
      ? VOLUME_INCOMPATIBLE.normalizationInsensitive
      : VOLUME_INCOMPATIBLE.caseInsensitive,
    unmountTime: NEVER,
    reserveBlocks: volume.reserveBlocks,
    quotaBlocks: volume.quotaBlocks,
    allocatedBlocks: NEW_VOLUME_BLOCKS,
    cryptoMajorVersion: CRYPTO_MAJOR_VERSION,
    cryptoMinorVersion: 0,
    cryptoFlags: 0,
    cryptoClass: META_CRYPTO_CLASS,
    cryptoSystemVersion: 0,
    cryptoKeyRevision: 1,
    cryptoUnused: 0,
    catalogType: TYPE_WORD.virtualRoot,
    referencesType: TYPE_WORD.physicalRoot,
    snapshotTreeType: TYPE_WORD.physicalRoot,
    omapBlock: places.omap,
    catalogOid: volume.catalogOid,
    referencesBlock: places.references,
    snapshotTreeBlock: places.snapshotTree,
    ...{ revertToXid: 0, revertToBlock: 0 },
    nextObjectId: FIRST_USER_INODE,
    ...{ fileCount: 0, directoryCount: 0, symlinkCount: 0, otherCount: 0, snapshotCount: 0 },
    totalBlocksAllocated: NEW_VOLUME_BLOCKS,
    totalBlocksFreed: 0,
    uuid: volume.uuid,
    modifyTime: volume.time,
    flags: VOLUME_FLAG.unencrypted,
    formattedBy: { name: SOFTWARE_NAME, time: volume.time, lastXid: volume.xid },
    modifiedBy: [],
    name: volume.name,
    nextDocumentId: FIRST_DOCUMENT_ID,
    role: volume.role,
    ...{ reserved: 0, rootToXid: 0, encryptionRollingOid: 0, cloneInfoIdEpoch: 0, cloneInfoXid: 0 },
    snapshotExtensionOid: 0,
    volumeGroupUuid: NO_UUID,
    ...{ integrityOid: 0, fileExtentTreeBlock: 0, fileExtentTreeType: 0, reservedType: 0, reservedOid: 0 },
    ...{
      documentIndexXid: 0,
      documentIndexFlags: 0,
      documentTreeType: TYPE_WORD.virtualRoot,
      documentTreeOid: 0,
    },
    ...{ previousDocumentTreeOid: 0, documentFixupCursor: 0, secondaryRootOid: 0 },
    secondaryRootType: TYPE_WORD.virtualRoot,
    padding: new Uint8Array(4),
  });
  seal(bytes);
  return bytes;
}

/** A random UUID (version 4). */
export function randomUuid(random: { bytes(length: number): Uint8Array }): Uint8Array {
  const uuid = random.bytes(16);
  uuid[6] = ((uuid[6] ?? 0) & 0x0f) | 0x40;
  uuid[8] = ((uuid[8] ?? 0) & 0x3f) | 0x80;
  return uuid;
}
