import {
  FIELD_FLAG,
  INODE_FIELD,
  INODE_FLAG,
  inodeFieldName,
  MODE_TYPE,
  MODE_TYPE_BITS,
  paddedFieldBytes,
} from './layout-catalog.ts';
import { hex, u64At } from './fsck-check.ts';
import { useCrypto } from './fsck-crypto.ts';
import { INODE_AT, isNobody, STREAM_AT } from './fsck-records.ts';
import type { TreeRecord } from './fsck-tree.ts';
import { INODE, STREAM } from './fsck-view.ts';
import type { View } from './fsck-view.ts';

/** Extended fields of inodes (apfs.md §6.4): a table of types and sizes, then the values, each padded to eight bytes. */

/** Bytes of each field's value; 0: as long as the name is. */
const SIZES: Readonly<Record<number, number>> = {
  [INODE_FIELD.snapshotXid]: 8,
  [INODE_FIELD.deltaTreeOid]: 8,
  [INODE_FIELD.documentId]: 4,
  [INODE_FIELD.name]: 0,
  [INODE_FIELD.previousSize]: 8,
  [INODE_FIELD.finderInfo]: 32,
  [INODE_FIELD.dstream]: 40,
  [INODE_FIELD.directoryStatisticsKey]: 8,
  [INODE_FIELD.filesystemUuid]: 16,
  [INODE_FIELD.sparseBytes]: 8,
  [INODE_FIELD.device]: 4,
  [INODE_FIELD.purgeableFlags]: 8,
  [INODE_FIELD.originalSyncRootId]: 8,
};

/** Flags that a field must have, exactly. */
const EXACT_FLAGS: Readonly<Record<number, number>> = {
  [INODE_FIELD.name]: FIELD_FLAG.doNotCopy,
  [INODE_FIELD.previousSize]: 0,
  [INODE_FIELD.dstream]: FIELD_FLAG.systemField,
  [INODE_FIELD.directoryStatisticsKey]: FIELD_FLAG.systemField + FIELD_FLAG.doNotCopy,
  [INODE_FIELD.sparseBytes]: FIELD_FLAG.systemField + FIELD_FLAG.childrenInherit,
};

const RESERVED_FLAGS = 0xc4;
const HEADER_BYTES = 4;
const ENTRY_BYTES = 4;

export function readInodeFields(view: View, row: number, record: TreeRecord): void {
  const at = record.valueAt + INODE_AT.fields;
  const length = record.valueEnd - at;
  if (length === 0) return;
  const wrong = (text: string): void =>
    view.error(
      'inode',
      `inode (id ${view.inodes.get(row, INODE.id)}): extended fields: ${text}`,
      record.block,
    );
  const count = length < HEADER_BYTES ? 0 : record.view.getUint16(at, true);
  const room = length - HEADER_BYTES - count * ENTRY_BYTES;
  if (length < HEADER_BYTES || room < 0) {
    wrong(`no room for ${count} fields in ${length} bytes`);
    return;
  }
  if (count === 0) wrong('none, but their header is there');
  const used = record.view.getUint16(at + 2, true);
  if (used !== room) wrong(`wrong size of values (${used}, expected ${room})`);
  let entryAt = at + HEADER_BYTES;
  let valueAt = entryAt + count * ENTRY_BYTES;
  for (let i = 0; i < count; i++) {
    const sizeBytes = record.view.getUint16(entryAt + 2, true);
    const end = valueAt + paddedFieldBytes(sizeBytes);
    if (end > record.valueEnd) {
      wrong(`field ${i} of ${sizeBytes} bytes does not fit`);
      return;
    }
    readField(view, row, record, { entryAt, valueAt, sizeBytes, end }, wrong);
    entryAt += ENTRY_BYTES;
    valueAt = end;
  }
  if (valueAt !== record.valueEnd) wrong(`${record.valueEnd - valueAt} bytes behind the last field`);
}

interface FieldPlace {
  readonly entryAt: number;
  readonly valueAt: number;
  readonly sizeBytes: number;
  /** With padding. */
  readonly end: number;
}

function readField(
  view: View,
  row: number,
  record: TreeRecord,
  { entryAt, valueAt, sizeBytes, end }: FieldPlace,
  wrong: (text: string) => void,
): void {
  const type = record.view.getUint8(entryAt);
  const flags = record.view.getUint8(entryAt + 1);
  const isBoth = (flags & FIELD_FLAG.userField) !== 0 && (flags & FIELD_FLAG.systemField) !== 0;
  const exact = EXACT_FLAGS[type];
  if ((flags & RESERVED_FLAGS) !== 0 || isBoth || (exact !== undefined && flags !== exact)) {
    wrong(`${inodeFieldName(type)}: wrong flags (${hex(flags)})`);
  }
  const size = SIZES[type];
  if (size === undefined) {
    wrong(`invalid type ${type}`);
    return;
  }
  const seen = view.inodes.get(row, INODE.fields);
  if (((seen >>> type) & 1) !== 0) wrong(`${inodeFieldName(type)} twice`);
  view.inodes.set(row, INODE.fields, seen | (1 << type));
  for (let i = valueAt + sizeBytes; i < end; i++) {
    if (record.bytes[i] !== 0) {
      wrong(`${inodeFieldName(type)}: padding is not zero`);
      break;
    }
  }
  if (size !== 0 && size !== sizeBytes) {
    wrong(`${inodeFieldName(type)}: wrong size (${sizeBytes}, expected ${size})`);
    return;
  }
  readValue(view, row, record, type, valueAt, sizeBytes, wrong);
}

function readValue(
  view: View,
  row: number,
  record: TreeRecord,
  type: number,
  valueAt: number,
  sizeBytes: number,
  wrong: (text: string) => void,
): void {
  const { inodes } = view;
  switch (type) {
    case INODE_FIELD.name:
      readName(view, row, record, valueAt, sizeBytes, wrong);
      return;
    case INODE_FIELD.dstream:
      readStream(view, row, record, valueAt, wrong);
      return;
    case INODE_FIELD.sparseBytes:
      inodes.set(row, INODE.sparseBytes, u64At(record.view, valueAt));
      return;
    case INODE_FIELD.documentId: {
      const id = record.view.getUint32(valueAt, true);
      if (id < DOCUMENT_ID_MIN) wrong(`invalid document id (${id})`);
      view.largestDocumentId = Math.max(view.largestDocumentId, id);
      return;
    }
    case INODE_FIELD.directoryStatisticsKey: {
      const isDirectory = (inodes.get(row, INODE.mode) & MODE_TYPE_BITS) === MODE_TYPE.directory;
      if (!isDirectory) wrong('directory statistics of what is no directory');
      inodes.set(row, INODE.statisticsKey, u64At(record.view, valueAt));
      return;
    }
    default:
  }
}

export const DOCUMENT_ID_MIN = 3;

function readName(
  view: View,
  row: number,
  record: TreeRecord,
  at: number,
  sizeBytes: number,
  wrong: (text: string) => void,
): void {
  const end = record.bytes.subarray(at, at + sizeBytes).indexOf(0);
  if (end !== sizeBytes - 1) {
    wrong(
      end < 0 ? 'name without NUL at its end' : `wrong size of the name (${sizeBytes}, expected ${end + 1})`,
    );
  }
  const lengthBytes = end < 0 ? sizeBytes : end;
  view.inodes.set(row, INODE.nameAt, view.names.add(record.bytes, at, lengthBytes));
  view.inodes.set(row, INODE.nameBytes, lengthBytes);
}

function readStream(
  view: View,
  row: number,
  record: TreeRecord,
  at: number,
  wrong: (text: string) => void,
): void {
  const { inodes } = view;
  if ((inodes.get(row, INODE.mode) & MODE_TYPE_BITS) !== MODE_TYPE.file) {
    wrong('a stream, but it is no regular file');
  }
  const flags = inodes.get(row, INODE.flags) % 2 ** 32;
  if (isNobody(record.view, at + STREAM_AT.crypto)) {
    if ((flags & INODE_FLAG.wasCloned) === 0) wrong('crypto id not assigned, but it is no clone');
  } else useCrypto(view, u64At(record.view, at + STREAM_AT.crypto), record.block);
  const stream = view.stream(inodes.get(row, INODE.privateId), record.block);
  inodes.set(row, INODE.stream, stream + 1);
  holdStream(view, stream, record, at, false, wrong);
}

/** One more inode or attribute has the stream described at `at`. All that have it must say the same. */
export function holdStream(
  view: View,
  stream: number,
  record: TreeRecord,
  at: number,
  isXattr: boolean,
  wrong: (text: string) => void,
): void {
  const { streams } = view;
  const sizeBytes = u64At(record.view, at + STREAM_AT.size);
  const allocatedBytes = u64At(record.view, at + STREAM_AT.allocated);
  const id = streams.get(stream, STREAM.id);
  if (streams.get(stream, STREAM.holders) > 0) {
    if ((streams.get(stream, STREAM.isXattr) === 1) !== isXattr) {
      wrong(`stream ${id} is both a file's and an extended attribute's`);
    }
    const before = streams.get(stream, STREAM.sizeBytes);
    if (before !== sizeBytes) wrong(`stream ${id} has size ${sizeBytes} here and ${before} elsewhere`);
    const allocated = streams.get(stream, STREAM.allocatedBytes);
    if (allocated !== allocatedBytes) {
      wrong(`stream ${id} has allocated size ${allocatedBytes} here and ${allocated} elsewhere`);
    }
  } else {
    streams.set(stream, STREAM.isXattr, isXattr ? 1 : 0);
    streams.set(stream, STREAM.sizeBytes, sizeBytes);
    streams.set(stream, STREAM.allocatedBytes, allocatedBytes);
    streams.set(stream, STREAM.block, record.block);
  }
  streams.increase(stream, STREAM.holders, 1);
}
