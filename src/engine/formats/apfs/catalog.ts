import { viewOf } from '../../base/bytes.ts';
import { nodesOfChanges } from './content-host.ts';
import type { FilesHost } from './files-host.ts';
import { decodeInode, encodeInode } from './inode.ts';
import type { Inode } from './inode.ts';
import { MODE_TYPE, MODE_TYPE_BITS, OBJECT_ID, putObjectKey, RECORD_TYPE } from './layout-catalog.ts';
import { u32At } from './object.ts';

/**
 * Typed access to records of the catalog that belong to one inode, and the counters of the volume that follow them.
 * Keys are made in buffers that are used again: a key is good until the next one is made.
 */

const shortKey = new Uint8Array(8);
const shortKeyView = viewOf(shortKey);
const longKey = new Uint8Array(16);
const longKeyView = viewOf(longKey);

/** The key of an inode, stream id or sibling map, and the beginning of every other one. */
export function objectKey(objectId: number, type: number): Uint8Array {
  putObjectKey(shortKeyView, 0, objectId, type);
  return shortKey;
}

/** The key of a record that one number more leads to: a sibling link. */
export function numberedKey(objectId: number, type: number, number: number): Uint8Array {
  putObjectKey(longKeyView, 0, objectId, type);
  longKeyView.setUint32(8, number >>> 0, true);
  longKeyView.setUint32(12, Math.floor(number / 2 ** 32), true);
  return longKey;
}

/** Is `key` one of records of this type about this object? Asked of every record that is passed: makes no view. */
export const isKeyOf = (key: Uint8Array, objectId: number, type: number): boolean =>
  key.length >= 8 &&
  u32At(key, 0) === objectId >>> 0 &&
  u32At(key, 4) === (Math.floor(objectId / 2 ** 32) | (type << 28)) >>> 0;

// ── inodes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** undefined when there is none. EIO when the record makes no sense. */
export function readInode(host: Pick<FilesHost, 'catalog'>, number: number): Inode | undefined {
  const value = host.catalog.find(objectKey(number, RECORD_TYPE.inode));
  if (value === undefined) return undefined;
  const inode = decodeInode(number, value);
  inode.isUnlinked = !inode.isDirectory && inode.childOrLinkCount === 0;
  return inode;
}

/** To the catalog with what was changed of it. */
export function saveInode(host: Pick<FilesHost, 'catalog'>, inode: Inode): void {
  inode.generation = (inode.generation + 1) >>> 0;
  host.catalog.replace(objectKey(inode.number, RECORD_TYPE.inode), encodeInode(inode));
}

export function insertInode(host: Pick<FilesHost, 'catalog'>, inode: Inode): void {
  host.catalog.insert(objectKey(inode.number, RECORD_TYPE.inode), encodeInode(inode));
}

export function removeInode(host: Pick<FilesHost, 'catalog'>, inode: Inode): void {
  host.catalog.remove(objectKey(inode.number, RECORD_TYPE.inode));
}

// ── counters ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One more (1) or less (-1) of its kind on the volume. What waits in the private directory is not counted. */
export function countObject(host: FilesHost, inode: Inode, difference: 1 | -1): void {
  if (inode.number < OBJECT_ID.firstUser) return;
  const { superblock } = host;
  switch (inode.mode & MODE_TYPE_BITS) {
    case MODE_TYPE.file:
      superblock.fileCount += difference;
      break;
    case MODE_TYPE.directory:
      superblock.directoryCount += difference;
      break;
    case MODE_TYPE.symlink:
      superblock.symlinkCount += difference;
      break;
    default:
      superblock.otherCount += difference;
  }
  host.touch();
}

// ── room ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Blocks that `changes` insertions, replacements and removals in the catalog take at most. */
export const catalogRoom = (host: Pick<FilesHost, 'catalog'>, changes: number): number =>
  nodesOfChanges(host.catalog, changes);
