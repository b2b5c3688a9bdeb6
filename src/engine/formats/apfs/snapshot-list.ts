import { textOf, viewOf } from '../../base/bytes.ts';
import type { Timespec } from '../../base/clock.ts';
import type { Btree } from './btree.ts';
import {
  EXTENT_KEY_TYPE,
  numberOfTagged,
  SnapshotMetadata,
  snapshotMetadataKey,
  storedSnapshotName,
  tagOfTagged,
} from './layout-extents.ts';

/** A snapshot as its metadata record has it. */
export interface SnapshotEntry {
  readonly name: string;
  readonly xid: number;
  readonly createTime: Timespec;
  /** Copy of the volume superblock. */
  readonly superblockBlock: number;
  /** Root of the extent references it took along. */
  readonly referencesBlock: number;
}

/** Oldest first. Cost: one record each. */
export function listSnapshotEntries(snapshotTree: Btree): SnapshotEntry[] {
  const entries: SnapshotEntry[] = [];
  const cursor = snapshotTree.seek(snapshotMetadataKey(0));
  for (; cursor.isValid; cursor.next()) {
    const key = viewOf(cursor.key);
    if (cursor.key.length < 8 || tagOfTagged(key, 0) !== EXTENT_KEY_TYPE.snapshotMetadata) continue;
    const { value } = cursor;
    const metadata = SnapshotMetadata.peek(value);
    const name = storedSnapshotName(value, SnapshotMetadata.sizeBytes, metadata.nameBytes);
    entries.push({
      name: textOf(name),
      xid: numberOfTagged(key, 0),
      createTime: metadata.createTime,
      superblockBlock: metadata.superblockBlock,
      referencesBlock: metadata.extentReferenceTreeBlock,
    });
  }
  return entries.sort((a, b) => a.xid - b.xid);
}
