import { hex } from '../../codec/struct.ts';
import { OBJECT } from './layout.ts';
import {
  CATALOG_KEY_SIZE_BYTES,
  CatalogKey,
  DIRECTORY_FIELD_SIBLING_ID,
  DirectoryRecordValue,
  Dstream,
  DstreamIdValue,
  FileExtentKey,
  FileExtentValue,
  HashedNameKey,
  INODE_FIELD,
  InodeValue,
  NameKey,
  RECORD_TYPE,
  SiblingLinkKey,
  SiblingLinkValue,
  SiblingMapValue,
  XATTR_FLAG,
  XFieldEntry,
  XFieldsHeader,
  XattrStream,
  XattrValue,
  inodeFieldName,
  recordTypeAt,
} from './layout-catalog.ts';
import { CryptoStateValue, DirectoryStatistics, FileInfoKey, FileInfoValue } from './layout-rare.ts';
import {
  EXTENT_KEY_TYPE,
  ExtentReferenceKey,
  ExtentReferenceValue,
  SnapshotMetadata,
  SnapshotMetadataKey,
  SnapshotNameKey,
  SnapshotNameValue,
  tagOfTagged,
} from './layout-extents.ts';
import { FreeQueueKey, FreeQueueValue } from './layout-space.ts';
import { CHILD_SIZE_BYTES, OmapKey, OmapSnapshot, OmapValue } from './layout-tree.ts';
import type { FieldList } from './annotate-pieces.ts';
import type { ViewNode } from './view-tree.ts';
import { fieldsIn, nameIn } from './view-records.ts';

/** Keys and values of all trees in words. The list stands where key or value begins; nothing is added behind `end`. */

export function explainKey(list: FieldList, node: ViewNode, record: number, end: number): void {
  switch (node.subtype) {
    case OBJECT.objectMap:
      list.struct(OmapKey, end);
      return;
    case OBJECT.omapSnapshots:
      u64Run(list, end, 'xid', 'transaction that made the snapshot');
      return;
    case OBJECT.freeQueue:
      list.struct(FreeQueueKey, end);
      return;
    case OBJECT.extentReferences:
      list.struct(ExtentReferenceKey, end);
      return;
    case OBJECT.fileExtentTree:
      u64Run(list, end, 'private_id', 'stream it belongs to');
      u64Run(list, end, 'logical_addr', 'where in the stream it begins');
      return;
    case OBJECT.snapshotMetadata:
      explainSnapshotKey(list, node, end);
      return;
    default:
      explainCatalogKey(list, node, record, end);
  }
}

function u64Run(list: FieldList, end: number, name: string, doc: string): void {
  if (list.at + 8 > end) return;
  const view = new DataView(list.bytes.buffer, list.bytes.byteOffset + list.at, 8);
  const value = view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  list.run(list.at + 8, name, String(value), doc);
}

function explainSnapshotKey(list: FieldList, node: ViewNode, end: number): void {
  if (list.at + 8 > end) return;
  if (tagOfTagged(node.view, list.at) !== EXTENT_KEY_TYPE.snapshotName) {
    list.struct(SnapshotMetadataKey, end);
    return;
  }
  if (list.struct(SnapshotNameKey, end))
    list.name(end - list.at, end, 'name', 'name of the snapshot, with its NUL');
}

function explainCatalogKey(list: FieldList, node: ViewNode, record: number, end: number): void {
  const at = node.keyAt(record);
  const type = at + CATALOG_KEY_SIZE_BYTES <= end ? recordTypeAt(node.view, at) : 0;
  switch (type) {
    case RECORD_TYPE.directoryRecord:
      if (list.struct(isHashedKey(node, at, end) ? HashedNameKey : NameKey, end))
        list.name(end - list.at, end, 'name', 'name: UTF-8 as it was given, with its NUL');
      return;
    case RECORD_TYPE.extendedAttribute:
      if (list.struct(NameKey, end))
        list.name(end - list.at, end, 'name', 'name of the attribute, with its NUL');
      return;
    case RECORD_TYPE.fileExtent:
      list.struct(FileExtentKey, end);
      return;
    case RECORD_TYPE.siblingLink:
      list.struct(SiblingLinkKey, end);
      return;
    case RECORD_TYPE.fileInfo:
      list.struct(FileInfoKey, end);
      return;
    default:
      list.struct(CatalogKey, end);
  }
}

/** Whether a directory record's key has a hash, told by the length of its name: the node alone must do. */
export function isHashedKey(node: ViewNode, at: number, end: number): boolean {
  if (at + 12 > end) return false;
  return (node.view.getUint16(at + 8, true) & 0x3ff) === end - at - 12;
}

export function explainValue(list: FieldList, node: ViewNode, record: number, end: number): void {
  if (!node.isLeaf) {
    explainChild(list, node, record, end);
    return;
  }
  switch (node.subtype) {
    case OBJECT.objectMap:
      list.struct(OmapValue, end);
      return;
    case OBJECT.omapSnapshots:
      list.struct(OmapSnapshot, end);
      return;
    case OBJECT.freeQueue:
      list.struct(FreeQueueValue, end);
      return;
    case OBJECT.extentReferences:
      list.struct(ExtentReferenceValue, end);
      return;
    case OBJECT.fileExtentTree:
      u64Run(list, end, 'len_and_flags', 'length in bytes, whole blocks');
      u64Run(list, end, 'phys_block_num', 'first block of the container');
      return;
    case OBJECT.snapshotMetadata:
      explainSnapshotValue(list, node, record, end);
      return;
    default:
      explainCatalogValue(list, node, record, end);
  }
}

const VIRTUAL_TREES: ReadonlySet<number> = new Set([OBJECT.catalog, OBJECT.freeQueue]);

function explainChild(list: FieldList, node: ViewNode, record: number, end: number): void {
  if (list.at + CHILD_SIZE_BYTES > end) return;
  const word = VIRTUAL_TREES.has(node.subtype) ? 'object' : 'block';
  list.run(
    list.at + CHILD_SIZE_BYTES,
    'child',
    `${word} ${node.childOf(record)}`,
    'the node below, whose first key this is',
  );
  list.run(end, 'hash', 'SHA-256', 'of the whole child: the volume is sealed');
}

function explainSnapshotValue(list: FieldList, node: ViewNode, record: number, end: number): void {
  const at = node.keyAt(record);
  if (tagOfTagged(node.view, Math.min(at, node.bytes.length - 8)) === EXTENT_KEY_TYPE.snapshotName) {
    list.struct(SnapshotNameValue, end);
    return;
  }
  if (list.struct(SnapshotMetadata, end))
    list.name(end - list.at, end, 'name', 'name of the snapshot, with its NUL');
}

function explainCatalogValue(list: FieldList, node: ViewNode, record: number, end: number): void {
  const at = node.keyAt(record);
  const type = at + CATALOG_KEY_SIZE_BYTES <= node.keyEnd(record) ? recordTypeAt(node.view, at) : 0;
  switch (type) {
    case RECORD_TYPE.inode:
      if (list.struct(InodeValue, end)) explainFields(list, node, end, true);
      return;
    case RECORD_TYPE.directoryRecord:
      if (list.struct(DirectoryRecordValue, end)) explainFields(list, node, end, false);
      return;
    case RECORD_TYPE.extendedAttribute:
      explainAttribute(list, end);
      return;
    case RECORD_TYPE.siblingLink:
      if (list.struct(SiblingLinkValue, end))
        list.name(end - list.at, end, 'name', 'this name of the file, with its NUL');
      return;
    case RECORD_TYPE.dstreamId:
      list.struct(DstreamIdValue, end);
      return;
    case RECORD_TYPE.fileExtent:
      list.struct(FileExtentValue, end);
      return;
    case RECORD_TYPE.directoryStatistics:
      list.struct(DirectoryStatistics, end);
      return;
    case RECORD_TYPE.siblingMap:
      list.struct(SiblingMapValue, end);
      return;
    case RECORD_TYPE.cryptoState:
      if (list.struct(CryptoStateValue, end)) list.run(end, 'key', 'wrapped', 'key of files, wrapped');
      return;
    case RECORD_TYPE.fileInfo:
      list.struct(FileInfoValue, end);
      return;
    default:
      list.rest(end, 'value', 'of a record of an unknown type');
  }
}

function explainAttribute(list: FieldList, end: number): void {
  const { at } = list;
  if (!list.struct(XattrValue, end)) return;
  const flags = (list.bytes[at] ?? 0) | ((list.bytes[at + 1] ?? 0) << 8);
  if ((flags & XATTR_FLAG.dataStream) !== 0) list.struct(XattrStream, end);
  else list.run(end, 'data', bytesText(list.bytes.subarray(list.at, end)), 'value of the attribute');
}

/** Text where all of it can be read, numbers otherwise. */
function bytesText(bytes: Uint8Array): string {
  const isText = bytes.every(
    (byte, i) => (byte >= 0x20 && byte < 0x7f) || (byte === 0 && i === bytes.length - 1),
  );
  if (isText && bytes.length > 0) return JSON.stringify(nameIn(bytes, 0, bytes.length));
  const digits = [...bytes.subarray(0, 32)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
  return bytes.length > 32 ? `${digits} …` : digits;
}

// ── extended fields ─────────────────────────────────────────────────────────────────────────────────────────────────

/** Header, entries, then the values, each padded to eight bytes. */
function explainFields(list: FieldList, node: ViewNode, end: number, isInode: boolean): void {
  const from = list.at;
  if (from >= end || !list.struct(XFieldsHeader, end)) return;
  const fields = fieldsIn(node, from, end);
  for (const { entryAt } of fields) {
    if (entryAt === list.at) list.struct(XFieldEntry, end);
  }
  for (const { at, sizeBytes, type } of fields) {
    list.rest(at, 'padding', 'each value begins at a multiple of eight bytes');
    if (isInode) explainInodeField(list, type, at + sizeBytes);
    else if (type === DIRECTORY_FIELD_SIBLING_ID)
      u64Run(list, at + sizeBytes, 'sibling_id', 'id of this name of the file');
    list.rest(at + sizeBytes, inodeFieldName(type), 'value of an extended field');
  }
  list.rest(end, 'padding', 'each value is padded to eight bytes');
}

function explainInodeField(list: FieldList, type: number, end: number): void {
  const name = inodeFieldName(type);
  switch (type) {
    case INODE_FIELD.name:
      list.name(end - list.at, end, name, 'INO_EXT_TYPE_NAME: name of the (first) link, with its NUL');
      return;
    case INODE_FIELD.dstream:
      list.struct(Dstream, end);
      return;
    case INODE_FIELD.finderInfo:
      list.run(end, name, bytesText(list.bytes.subarray(list.at, end)), 'INO_EXT_TYPE_FINDER_INFO');
      return;
    case INODE_FIELD.device:
      list.run(
        end,
        name,
        deviceText(list.bytes.subarray(list.at, end)),
        'INO_EXT_TYPE_RDEV: major and minor number',
      );
      return;
    case INODE_FIELD.sparseBytes:
      u64Run(list, end, name, 'INO_EXT_TYPE_SPARSE_BYTES: bytes of all holes');
      return;
    default:
      if (end - list.at === 8) u64Run(list, end, name, `extended field of type ${type}`);
  }
}

function deviceText(bytes: Uint8Array): string {
  const [low = 0, middle = 0, high = 0, top = 0] = bytes;
  return `${top}, ${hex(low | (middle << 8) | (high << 16))}`;
}
