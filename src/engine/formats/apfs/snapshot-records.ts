import { textOf, utf8, viewOf } from '../../base/bytes.ts';
import type { Timespec } from '../../base/clock.ts';
import type { Btree } from './btree.ts';
import { damaged } from './damage.ts';
import {
  EXTENT_KEY_TYPE,
  numberOfTagged,
  SnapshotMetadata,
  snapshotMetadataKey,
  snapshotNameKey,
  storedSnapshotName,
  tagOfTagged,
} from './layout-extents.ts';
import { TYPE_WORD } from './layout.ts';
import { VOLUME_MAGIC, VolumeSuperblock } from './layout-volume.ts';
import { isIntact, oidOf, putU64, typeOf, xidOf } from './object.ts';
import type { SnapshotHost } from './snapshot-host.ts';

/** One snapshot as its records tell of it. [AFS "j_snap_metadata_val_t"] */
export interface SnapshotRecord {
  readonly xid: number;
  /** UTF-8 without the NUL. */
  readonly nameBytes: Uint8Array;
  readonly name: string;
  /** Root of the extent references it took along. */
  readonly referencesBlock: number;
  /** Copy of the volume superblock. */
  readonly superblockBlock: number;
  readonly createTime: Timespec;
  readonly changeTime: Timespec;
  /** Object id of its own. */
  readonly inode: number;
}

/** All snapshots, oldest first. EIO. */
export function snapshotRecords(tree: Btree): SnapshotRecord[] {
  const records: SnapshotRecord[] = [];
  for (const cursor = tree.first(); cursor.isValid; cursor.next()) {
    const view = viewOf(cursor.key);
    if (tagOfTagged(view, 0) !== EXTENT_KEY_TYPE.snapshotMetadata) break;
    records.push(recordOf(numberOfTagged(view, 0), cursor.value));
  }
  return records;
}

function recordOf(xid: number, value: Uint8Array): SnapshotRecord {
  if (value.length <= SnapshotMetadata.sizeBytes) {
    throw damaged(`the record of snapshot ${xid} is cut`);
  }
  const fields = SnapshotMetadata.peek(value);
  const nameBytes = storedSnapshotName(value, SnapshotMetadata.sizeBytes, fields.nameBytes).slice();
  return {
    xid,
    nameBytes,
    name: textOf(nameBytes),
    referencesBlock: fields.extentReferenceTreeBlock,
    superblockBlock: fields.superblockBlock,
    createTime: fields.createTime,
    changeTime: fields.changeTime,
    inode: fields.inode,
  };
}

function valueOf(record: SnapshotRecord): Uint8Array {
  const { nameBytes } = record;
  const value = new Uint8Array(SnapshotMetadata.sizeBytes + nameBytes.length + 1);
  SnapshotMetadata.write(value, {
    extentReferenceTreeBlock: record.referencesBlock,
    superblockBlock: record.superblockBlock,
    createTime: record.createTime,
    changeTime: record.changeTime,
    inode: record.inode,
    extentReferenceTreeType: TYPE_WORD.physicalRoot,
    flags: 0,
    nameBytes: nameBytes.length + 1,
  });
  value.set(nameBytes, SnapshotMetadata.sizeBytes);
  return value;
}

export const hasSnapshotNamed = (tree: Btree, name: string): boolean =>
  tree.find(snapshotNameKey(utf8(name))) !== undefined;

/** Metadata and name. */
export function addSnapshotRecord(tree: Btree, record: SnapshotRecord): void {
  tree.insert(snapshotMetadataKey(record.xid), valueOf(record));
  tree.insert(snapshotNameKey(record.nameBytes), xidValue(record.xid));
}

export function removeSnapshotRecord(tree: Btree, record: SnapshotRecord): void {
  tree.remove(snapshotMetadataKey(record.xid));
  tree.remove(snapshotNameKey(record.nameBytes));
}

/** Anything but the name has changed. */
export const replaceSnapshotRecord = (tree: Btree, record: SnapshotRecord): void =>
  tree.replace(snapshotMetadataKey(record.xid), valueOf(record));

function xidValue(xid: number): Uint8Array {
  const value = new Uint8Array(8);
  putU64(value, 0, xid);
  return value;
}

/** The superblock as it was when the snapshot was made. EIO. */
export function superblockOfSnapshot(
  host: Pick<SnapshotHost, 'reader'>,
  { superblockBlock, xid, name }: SnapshotRecord,
): VolumeSuperblock {
  const bytes = host.reader.copyOf(superblockBlock);
  const copy = VolumeSuperblock.peek(bytes);
  const isCopy =
    isIntact(bytes) &&
    oidOf(bytes) === superblockBlock &&
    xidOf(bytes) <= xid &&
    typeOf(bytes) === TYPE_WORD.volumeOfSnapshot &&
    copy.magic === VOLUME_MAGIC;
  if (!isCopy) throw damaged(`block ${superblockBlock} does not hold the superblock of snapshot ${name}`);
  return copy;
}
