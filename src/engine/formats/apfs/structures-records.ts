import { OBJECT } from './layout.ts';
import { RECORD_TYPE, recordTypeName } from './layout-catalog.ts';
import {
  EXTENT_KEY_TYPE,
  EXTENT_KIND,
  ExtentReferenceValue,
  SnapshotMetadata,
  numberOfTagged,
  tagOfTagged,
} from './layout-extents.ts';
import { isHashedKey } from './annotate-records.ts';
import { count, rangeOf } from './annotate-pieces.ts';
import { attributeName } from './view-streams.ts';
import type { Place } from './view-tree.ts';
import {
  blocksOf,
  inodeAt,
  nameIn,
  nameOfDirectoryRecord,
  objectIdOf,
  targetOf,
  typeOf,
} from './view-records.ts';

/** Records of all trees in one line each. */
export interface RecordWords {
  readonly title: string;
  readonly text: string;
}

export function describeRecord(place: Place): RecordWords {
  const { node, record } = place;
  const key = node.keyAt(record);
  const value = node.valueAt(record);
  switch (node.subtype) {
    case OBJECT.objectMap: {
      const title = `object ${node.u64(key)}, transaction ${node.u64(key + 8)}`;
      return { title, text: `in block ${node.u64(value + 8)}` };
    }
    case OBJECT.omapSnapshots:
      return { title: `snapshot of transaction ${node.u64(key)}`, text: '' };
    case OBJECT.freeQueue: {
      const blocks = node.isLeaf && node.hasValue(record) ? node.u64(value) : 1;
      const title = rangeOf('block', node.u64(key + 8), blocks);
      return { title, text: `freed by transaction ${node.u64(key)}` };
    }
    case OBJECT.extentReferences:
      return describeReference(place);
    case OBJECT.snapshotMetadata:
      return describeSnapshot(place);
    case OBJECT.fileExtentTree:
      return {
        title: `stream ${node.u64(key)} at byte ${node.u64(key + 8)}`,
        text: `block ${node.u64(value + 8)}`,
      };
    default:
      return describeCatalogRecord(place);
  }
}

function describeReference({ node, record }: Place): RecordWords {
  const first = numberOfTagged(node.view, node.keyAt(record));
  if (!node.isLeaf) return { title: `from block ${first}`, text: '' };
  const value = node.valueAt(record);
  const { count: references } = ExtentReferenceValue.peek(
    node.bytes.subarray(0, node.valueEnd(record)),
    value,
  );
  const blocks = numberOfTagged(node.view, value);
  const isUpdate = tagOfTagged(node.view, value) === EXTENT_KIND.update;
  const signed = references > 0x7fff_ffff ? references - 2 ** 32 : references;
  const text = isUpdate
    ? `changes an older count by ${signed}`
    : `${count(references, 'reference')}, allocated for object ${node.u64(value + 8)}`;
  return { title: rangeOf('block', first, blocks), text };
}

function describeSnapshot({ node, record }: Place): RecordWords {
  const key = node.keyAt(record);
  const value = node.valueAt(record);
  if (tagOfTagged(node.view, key) === EXTENT_KEY_TYPE.snapshotName) {
    const name = nameIn(node.bytes.subarray(0, node.keyEnd(record)), key + 10, 256);
    return {
      title: `name ${JSON.stringify(name)}`,
      text: node.isLeaf ? `transaction ${node.u64(value)}` : '',
    };
  }
  const title = `snapshot of transaction ${numberOfTagged(node.view, key)}`;
  const name = nameIn(node.bytes.subarray(0, node.valueEnd(record)), value + SnapshotMetadata.sizeBytes, 256);
  return { title, text: node.isLeaf ? JSON.stringify(name) : '' };
}

function describeCatalogRecord(place: Place): RecordWords {
  const { node, record } = place;
  const objectId = objectIdOf(place);
  const type = typeOf(place);
  const title = `${recordTypeName(type)} of ${objectId}`;
  const key = node.keyAt(record);
  const value = node.valueAt(record);
  switch (type) {
    case RECORD_TYPE.inode: {
      const { name, sizeBytes } = node.isLeaf ? inodeAt(place) : { name: '', sizeBytes: -1 };
      const size = sizeBytes >= 0 ? `, ${count(sizeBytes, 'byte')}` : '';
      return { title: `inode ${objectId}`, text: node.isLeaf ? `${JSON.stringify(name)}${size}` : '' };
    }
    case RECORD_TYPE.directoryRecord: {
      const name = nameOfDirectoryRecord(place, isHashedKey(node, key, node.keyEnd(record)));
      const text = node.isLeaf ? `→ inode ${targetOf(place).objectId}` : '';
      return { title: `${JSON.stringify(name)} in directory ${objectId}`, text };
    }
    case RECORD_TYPE.extendedAttribute:
      return { title: `attribute ${attributeName(place)} of ${objectId}`, text: '' };
    case RECORD_TYPE.fileExtent: {
      const at = `stream ${objectId} at byte ${node.u64(key + 8)}`;
      return { title: at, text: node.isLeaf ? extentText(place) : '' };
    }
    case RECORD_TYPE.dstreamId: {
      const holders =
        node.isLeaf && value + 4 <= node.valueEnd(record) ? node.view.getUint32(value, true) : 0;
      return { title: `stream ${objectId}`, text: node.isLeaf ? `held by ${count(holders, 'file')}` : '' };
    }
    case RECORD_TYPE.siblingLink:
      return { title: `name ${node.u64(key + 8)} of inode ${objectId}`, text: '' };
    case RECORD_TYPE.siblingMap:
      return { title: `name ${objectId}`, text: node.isLeaf ? `of inode ${node.u64(value)}` : '' };
    default:
      return { title, text: '' };
  }
}

/** 'blocks 7 to 9', 'hole of 3 blocks' */
export function extentText({ node, record }: Place): string {
  const value = node.valueAt(record);
  if (value + 16 > node.valueEnd(record)) return 'damaged';
  const first = node.u64(value + 8);
  const blocks = extentBlocks({ node, record });
  return first === 0 ? `hole of ${count(blocks, 'block')}` : rangeOf('block', first, blocks);
}

/** Blocks of a file extent. The upper eight bits of its length are flags. */
export function extentBlocks({ node, record }: Place): number {
  const value = node.valueAt(record);
  if (value + 8 > node.valueEnd(record)) return 0;
  const high = node.view.getUint32(value + 4, true) & 0xff_ffff;
  return blocksOf(high * 2 ** 32 + node.view.getUint32(value, true));
}
