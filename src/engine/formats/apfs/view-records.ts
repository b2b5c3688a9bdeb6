import { textOf } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import {
  DIRECTORY_RECORD_TYPE_BITS,
  INODE_FIELD,
  InodeValue,
  MODE_TYPE,
  MODE_TYPE_BITS,
  objectIdAt,
  paddedFieldBytes,
  recordTypeAt,
} from './layout-catalog.ts';
import type { Place, ViewNode } from './view-tree.ts';

/** What the views read of catalog records where they lie; what does not fit in its record reads as nothing. */

export const objectIdOf = ({ node, record }: Place): number => {
  const at = node.keyAt(record);
  return at + 8 <= node.keyEnd(record) ? objectIdAt(node.view, at) : 0;
};

export const typeOf = ({ node, record }: Place): number => {
  const at = node.keyAt(record);
  return at + 8 <= node.keyEnd(record) ? recordTypeAt(node.view, at) : 0;
};

/** Text of `lengthBytes` bytes with a final NUL, as far as the bytes go. */
export function nameIn(bytes: Uint8Array, at: number, lengthBytes: number): string {
  const limit = Math.min(at + lengthBytes, bytes.length);
  // Nearly all names are ASCII and short: a decoder would cost more than the name.
  let text = '';
  for (let i = at; i < limit; i++) {
    const byte = bytes[i] ?? 0;
    if (byte === 0) return text;
    if (byte > 0x7f || i - at > ASCII_MAX) {
      const part = bytes.subarray(at, limit);
      const end = part.indexOf(0);
      return textOf(end < 0 ? part : part.subarray(0, end));
    }
    text += String.fromCharCode(byte);
  }
  return text;
}

const ASCII_MAX = 128;

/** One extended field; offsets count from the start of the node. */
export interface FieldPlace {
  readonly type: number;
  readonly entryAt: number;
  readonly at: number;
  readonly sizeBytes: number;
}

/** Extended fields from `from` up to the end of a value, as far as they fit. */
export function fieldsIn(node: ViewNode, from: number, end: number): FieldPlace[] {
  if (from + 4 > end) return [];
  const count = Math.min(node.view.getUint16(from, true), Math.floor((end - from - 4) / 4));
  const found: FieldPlace[] = [];
  let at = from + 4 + 4 * count;
  for (let i = 0; i < count; i++) {
    const entryAt = from + 4 + 4 * i;
    const sizeBytes = node.view.getUint16(entryAt + 2, true);
    if (at + sizeBytes > end) break;
    found.push({ type: node.view.getUint8(entryAt), entryAt, at, sizeBytes });
    at += paddedFieldBytes(sizeBytes);
  }
  return found;
}

/** What the views need of an inode. */
export interface InodeSummary {
  readonly parentId: number;
  readonly privateId: number;
  readonly mode: number;
  readonly childOrLinkCount: number;
  readonly name: string;
  /** Of its data stream; −1 without one. */
  readonly sizeBytes: number;
}

export function inodeAt({ node, record }: Place): InodeSummary {
  const from = node.valueAt(record);
  const end = node.valueEnd(record);
  if (from + InodeValue.sizeBytes > end)
    return { parentId: 0, privateId: 0, mode: 0, childOrLinkCount: 0, name: '(damaged)', sizeBytes: -1 };
  let name = '';
  let sizeBytes = -1;
  for (const field of fieldsIn(node, from + InodeValue.sizeBytes, end)) {
    if (field.type === INODE_FIELD.name) name = nameIn(node.bytes, field.at, field.sizeBytes);
    else if (field.type === INODE_FIELD.dstream && field.sizeBytes >= 8) sizeBytes = node.u64(field.at);
  }
  return {
    parentId: node.u64(from),
    privateId: node.u64(from + 8),
    mode: node.view.getUint16(from + 80, true),
    childOrLinkCount: node.view.getUint32(from + 56, true),
    name,
    sizeBytes,
  };
}

export const isDirectory = ({ mode }: InodeSummary): boolean =>
  (mode & MODE_TYPE_BITS) === MODE_TYPE.directory;

export const isUnlinked = (inode: InodeSummary): boolean =>
  inode.childOrLinkCount === 0 && !isDirectory(inode);

/** Where the name stands in the key of a directory record, and how long it is with its NUL. */
export function nameOfDirectoryRecord({ node, record }: Place, isHashed: boolean): string {
  const at = node.keyAt(record);
  const end = node.keyEnd(record);
  const nameAt = at + (isHashed ? 12 : 10);
  return nameAt > end ? '' : nameIn(node.bytes.subarray(0, end), nameAt, end - nameAt);
}

/** Inode that a directory record leads to, and its type as in <sys/dirent.h>. */
export function targetOf({ node, record }: Place): { readonly objectId: number; readonly type: number } {
  const at = node.valueAt(record);
  if (at + 18 > node.valueEnd(record)) return { objectId: 0, type: 0 };
  return { objectId: node.u64(at), type: node.view.getUint16(at + 16, true) & DIRECTORY_RECORD_TYPE_BITS };
}

/** Blocks of so many bytes. */
export const blocksOf = (lengthBytes: number): number => Math.ceil(lengthBytes / BLOCK_SIZE_BYTES);
