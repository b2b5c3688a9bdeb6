import { objectIdAt, RECORD_TYPE, recordTypeAt, recordTypeName } from './layout-catalog.ts';
import { visitCryptoState } from './fsck-crypto.ts';
import { visitLink } from './fsck-directories.ts';
import { visitInode } from './fsck-inodes.ts';
import { visitSiblingLink, visitSiblingMap } from './fsck-links.ts';
import { nameFault } from './fsck-names.ts';
import { KEY_AT } from './fsck-records.ts';
import { visitStatistics } from './fsck-statistics.ts';
import { visitExtent, visitStreamId } from './fsck-streams.ts';
import type { TreeRecord } from './fsck-tree.ts';
import type { View } from './fsck-view.ts';
import { visitXattr } from './fsck-xattrs.ts';

/**
 * Every record of a catalog by itself, in the order of keys (apfs.md §6): the key has the size its type asks for, and
 * the part of the checker that knows the type takes the value. Order of keys is the reader's business (fsck-tree.ts).
 */
export function visitRecord(view: View, record: TreeRecord): void {
  const type = recordTypeAt(record.view, record.keyAt);
  const id = objectIdAt(record.view, record.keyAt);
  if (!Number.isSafeInteger(id)) {
    view.error(
      'unsupported',
      `catalog: ids beyond 2^53 are not checked (${recordTypeName(type)} of ${id})`,
      record.block,
    );
    return;
  }
  const fault = keyFault(view, record, type);
  if (fault === WRONG_TREE) {
    view.error(
      'tree',
      `catalog: has a record of another tree (${recordTypeName(type)} of ${id})`,
      record.block,
    );
    return;
  }
  if (fault !== null) {
    view.error('tree', `catalog: ${recordTypeName(type)} (id ${id}): ${fault}`, record.block);
    return;
  }
  switch (type) {
    case RECORD_TYPE.inode:
      visitInode(view, record);
      return;
    case RECORD_TYPE.extendedAttribute:
      visitXattr(view, record);
      return;
    case RECORD_TYPE.siblingLink:
      visitSiblingLink(view, record);
      return;
    case RECORD_TYPE.dstreamId:
      visitStreamId(view, record);
      return;
    case RECORD_TYPE.cryptoState:
      visitCryptoState(view, record);
      return;
    case RECORD_TYPE.fileExtent:
      visitExtent(view, record);
      return;
    case RECORD_TYPE.directoryRecord:
      visitLink(view, record);
      return;
    case RECORD_TYPE.directoryStatistics:
      visitStatistics(view, record);
      return;
    case RECORD_TYPE.siblingMap:
      visitSiblingMap(view, record);
      return;
    default:
      visitFileInfo(view, record, id);
  }
}

const WRONG_TREE = 'of another tree';
const HEADER_BYTES = 8;
const LONG_BYTES = 16;

/** What is wrong with the key, or null. Nothing else may be read from a record whose key is faulty. */
function keyFault(view: View, record: TreeRecord, type: number): string | null {
  const length = record.keyEnd - record.keyAt;
  switch (type) {
    case RECORD_TYPE.directoryRecord:
      return view.facts.isHashed
        ? nameKeyFault(
            record,
            KEY_AT.hashedName,
            record.view.getUint32(record.keyAt + KEY_AT.hashAndLength, true) & 0x3ff,
          )
        : plainNameFault(record);
    case RECORD_TYPE.extendedAttribute:
      return plainNameFault(record);
    case RECORD_TYPE.fileExtent:
    case RECORD_TYPE.siblingLink:
    case RECORD_TYPE.fileInfo:
      return length === LONG_BYTES ? null : `wrong size of key (${length}, expected ${LONG_BYTES})`;
    case RECORD_TYPE.inode:
    case RECORD_TYPE.dstreamId:
    case RECORD_TYPE.cryptoState:
    case RECORD_TYPE.directoryStatistics:
    case RECORD_TYPE.siblingMap:
      return length === HEADER_BYTES ? null : `wrong size of key (${length}, expected ${HEADER_BYTES})`;
    case RECORD_TYPE.snapshotMetadata:
    case RECORD_TYPE.extentReference:
    case RECORD_TYPE.snapshotName:
      return WRONG_TREE;
    default:
      return 'unknown type of key';
  }
}

const plainNameFault = (record: TreeRecord): string | null =>
  nameKeyFault(record, KEY_AT.plainName, record.view.getUint16(record.keyAt + KEY_AT.nameLength, true));

function nameKeyFault(record: TreeRecord, nameAt: number, statedBytes: number): string | null {
  const from = record.keyAt + nameAt;
  return nameFault(record.bytes, from, record.keyEnd - from, statedBytes);
}

/** Hashes of contents; only sealed volumes have them. Their values are not recomputed. */
function visitFileInfo(view: View, record: TreeRecord, id: number): void {
  const { valueAt, block } = record;
  const wrong = (text: string): void => view.error('extent', `file info (id ${id}): ${text}`, block);
  if (!view.facts.isSealed) {
    wrong('on a volume that is not sealed');
    return;
  }
  const length = record.valueEnd - valueAt;
  if (length < FILE_INFO_FIXED_BYTES) {
    wrong('value is too small');
    return;
  }
  const hashBytes = record.view.getUint8(valueAt + 2);
  if (length !== FILE_INFO_FIXED_BYTES + hashBytes) wrong('wrong size of value');
  if (record.view.getUint16(valueAt, true) === 0) wrong('hash of no blocks');
  if (record.view.getUint8(record.keyAt + 15) !== FILE_INFO_HASH) wrong('unknown kind of information');
}

const FILE_INFO_FIXED_BYTES = 3;
const FILE_INFO_HASH = 1;
