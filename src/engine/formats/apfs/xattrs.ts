import { isZero, textOf, utf8, viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import { hasFlag, setFlag } from './attributes.ts';
import { catalogRoom, isKeyOf } from './catalog.ts';
import type { FilesHost } from './files-host.ts';
import { readStream as decodeStream, writeStream } from './inode.ts';
import type { Inode } from './inode.ts';
import {
  BSD_FLAG,
  INODE_FLAG,
  NameKey,
  objectIdAt,
  putObjectKey,
  RECORD_TYPE,
  XATTR_EMBEDDED_BYTES_MAX,
  XATTR_FLAG,
  XATTR_NAME,
  XattrStream,
  XattrValue,
} from './layout-catalog.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { copyStream, createStream, dropStream, readStream } from './streams.ts';
import type { AttributeStream } from './streams.ts';

/**
 * Extended attributes: records of the catalog under the inode's id. Values of up to 3,804 bytes stand in the record,
 * longer ones, and every resource fork (macOS does so), in a stream of their own.
 *
 * The inode says by flags that it has a resource fork, Finder information or an access control list, and UF_COMPRESSED
 * that com.apple.decmpfs holds or leads to its contents: these follow here. What the file system owns (the target of a
 * symlink) is no attribute for programs. Finder information of zeros and an empty resource fork are none; Finder
 * information that an older macOS put into the inode itself is read there and moves when it is set.
 * [APFS Reference, "j_xattr_val_t"; apfsck/xattr.c, inode.c]
 */

const NAME_AT = NameKey.sizeBytes;
const DATA_AT = XattrValue.sizeBytes;
const FINDER_INFO_SIZE_BYTES = 32;
const NAME_BYTES_MAX = 255;
/** A value is handed out as one piece of memory. */
const VALUE_BYTES_MAX = 2 ** 31 - 1;
/** The tree's records are small; a value of a stream takes as many pieces as free space has holes. */
const STREAM_RECORDS = 16;

const keyBuffer = new Uint8Array(NAME_AT + NAME_BYTES_MAX + 1);
const keyView = viewOf(keyBuffer);

/** A view of a buffer that the next key fills again. ENAMETOOLONG. */
function xattrKey(fileId: number, name: string): Uint8Array {
  const bytes = utf8(name);
  if (bytes.length > NAME_BYTES_MAX) {
    throw new FsError('ENAMETOOLONG', '', '', `names of attributes have at most ${NAME_BYTES_MAX} bytes`);
  }
  putObjectKey(keyView, 0, fileId, RECORD_TYPE.extendedAttribute);
  keyView.setUint16(NAME_AT - 2, bytes.length + 1, true);
  keyBuffer.set(bytes, NAME_AT);
  keyBuffer[NAME_AT + bytes.length] = 0;
  return keyBuffer.subarray(0, NAME_AT + bytes.length + 1);
}

/** A record's value, taken apart; `data` is a view into the tree. */
interface StoredValue {
  readonly flags: number;
  readonly data: Uint8Array;
}

const damaged = (fileId: number) =>
  new FsError('EIO', '', '', `an extended attribute of inode ${fileId} makes no sense; run fsck`);

function storedValueOf(value: Uint8Array, fileId: number): StoredValue {
  if (value.length < DATA_AT) throw damaged(fileId);
  const view = viewOf(value);
  const length = view.getUint16(2, true);
  if (DATA_AT + length > value.length) throw damaged(fileId);
  return { flags: view.getUint16(0, true), data: value.subarray(DATA_AT, DATA_AT + length) };
}

function streamOf({ flags, data }: StoredValue, fileId: number): AttributeStream | null {
  if ((flags & XATTR_FLAG.dataStream) === 0) return null;
  if (data.length < XattrStream.sizeBytes) throw damaged(fileId);
  const view = viewOf(data);
  return { id: objectIdAt(view, 0), stream: decodeStream(view, 8, fileId) };
}

function findValue(host: FilesHost, fileId: number, name: string): StoredValue | undefined {
  const value = host.catalog.find(xattrKey(fileId, name));
  return value && storedValueOf(value, fileId);
}

function valueBytes(host: FilesHost, fileId: number, stored: StoredValue): Uint8Array {
  const stream = streamOf(stored, fileId);
  if (stream === null) return stored.data.slice();
  if (stream.stream.sizeBytes > VALUE_BYTES_MAX) {
    throw new FsError('E2BIG', '', '', 'the attribute is too long to be read as one piece');
  }
  return readStream(host, stream.id, stream.stream.sizeBytes);
}

// ── asking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** undefined when there is none. EIO, E2BIG. */
export function getXattr(host: FilesHost, inode: Inode, name: string): Uint8Array | undefined {
  const stored = findValue(host, inode.number, name);
  if (stored === undefined) {
    const own = name === XATTR_NAME.finderInfo ? inode.finderInfo : null;
    return own !== null && !isZero(own) ? own.slice() : undefined;
  }
  if (stored.flags & XATTR_FLAG.fileSystemOwned) return undefined;
  return valueBytes(host, inode.number, stored);
}

/** FinderInfo and ResourceFork first, the others in the order of the disk. */
export function listXattrs(host: FilesHost, inode: Inode): string[] {
  const first: string[] = [];
  const others: string[] = [];
  let hasFinderInfo = inode.finderInfo !== null && !isZero(inode.finderInfo);
  let hasResourceFork = false;
  forEachXattr(host, inode.number, (name, { flags }) => {
    if (flags & XATTR_FLAG.fileSystemOwned) return;
    if (name === XATTR_NAME.finderInfo) hasFinderInfo = true;
    else if (name === XATTR_NAME.resourceFork) hasResourceFork = true;
    else others.push(name);
  });
  if (hasFinderInfo) first.push(XATTR_NAME.finderInfo);
  if (hasResourceFork) first.push(XATTR_NAME.resourceFork);
  return [...first, ...others];
}

/** `visit` must not change the catalog. */
function forEachXattr(
  host: FilesHost,
  fileId: number,
  visit: (name: string, stored: StoredValue) => void,
): void {
  const cursor = host.catalog.seek(xattrKey(fileId, ''));
  for (; cursor.isValid && isKeyOf(cursor.key, fileId, RECORD_TYPE.extendedAttribute); cursor.next()) {
    const { key, value } = cursor;
    if (key.length <= NAME_AT) throw damaged(fileId);
    visit(textOf(key.subarray(NAME_AT, key.length - 1)), storedValueOf(value, fileId));
  }
}

/** The target of a symlink, without its NUL. EIO when it has none. */
export function readTarget(host: FilesHost, inode: Inode): Uint8Array {
  const stored = findValue(host, inode.number, XATTR_NAME.symlink);
  if (stored === undefined) {
    throw new FsError('EIO', '', '', `symlink ${inode.number} has no target; run fsck`);
  }
  const { data } = stored;
  const end = data.indexOf(0);
  return data.slice(0, end < 0 ? data.length : end);
}

// ── changing ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Longest target: the record holds it and its NUL. */
export const TARGET_BYTES_MAX = XATTR_EMBEDDED_BYTES_MAX - 1;

/** Of a symlink that has none yet. */
export function insertTarget(host: FilesHost, fileId: number, target: Uint8Array): void {
  const data = new Uint8Array(target.length + 1);
  data.set(target);
  const value = embeddedValue(data, XATTR_FLAG.dataEmbedded | XATTR_FLAG.fileSystemOwned);
  host.catalog.insert(xattrKey(fileId, XATTR_NAME.symlink), value);
}

function embeddedValue(data: Uint8Array, flags: number): Uint8Array {
  const value = new Uint8Array(DATA_AT + data.length);
  XattrValue.write(value, { flags, dataLengthBytes: data.length });
  value.set(data, DATA_AT);
  return value;
}

function streamValue({ id, stream }: AttributeStream): Uint8Array {
  const value = new Uint8Array(DATA_AT + XattrStream.sizeBytes);
  const view = viewOf(value);
  XattrValue.write(value, { flags: XATTR_FLAG.dataStream, dataLengthBytes: XattrStream.sizeBytes });
  view.setUint32(DATA_AT, id >>> 0, true);
  view.setUint32(DATA_AT + 4, Math.floor(id / 2 ** 32), true);
  writeStream(view, DATA_AT + 8, stream);
  return value;
}

const needsStream = (name: string, value: Uint8Array): boolean =>
  name === XATTR_NAME.resourceFork || value.length > XATTR_EMBEDDED_BYTES_MAX;

/** Blocks that an attribute of this length takes at most, with what the catalog needs for it. */
export function xattrRoom(host: FilesHost, name: string, lengthBytes: number): number {
  const isEmbedded = name !== XATTR_NAME.resourceFork && lengthBytes <= XATTR_EMBEDDED_BYTES_MAX;
  if (isEmbedded) return catalogRoom(host, 4);
  return Math.ceil(lengthBytes / BLOCK_SIZE_BYTES) + catalogRoom(host, 4 + 2 * STREAM_RECORDS);
}

/**
 * Replaces the whole value, within a change that has asked for `xattrRoom`; the inode is the caller's to save.
 * ERANGE for Finder information that is not 32 bytes long, EPERM for what programs cannot set.
 */
export function setXattr(host: FilesHost, inode: Inode, name: string, value: Uint8Array): void {
  requireSettable(inode, name, value);
  const isNone =
    (name === XATTR_NAME.finderInfo && isZero(value)) ||
    (name === XATTR_NAME.resourceFork && value.length === 0);
  // The new value finds its room before the old one goes.
  const stream = !isNone && needsStream(name, value) ? createStream(host, value, inode.nameBytes) : null;
  if (name === XATTR_NAME.finderInfo) inode.finderInfo = null;
  dropValue(host, inode.number, name);
  if (!isNone) {
    const stored = stream === null ? embeddedValue(value, XATTR_FLAG.dataEmbedded) : streamValue(stream);
    host.catalog.insert(xattrKey(inode.number, name), stored);
  }
  followXattr(inode, name, !isNone);
}

/** To be asked before anything changes. */
export function requireSettable(inode: Inode, name: string, value: Uint8Array): void {
  if (name === XATTR_NAME.finderInfo && value.length !== FINDER_INFO_SIZE_BYTES) {
    throw new FsError('ERANGE', '', '', `${name} has exactly ${FINDER_INFO_SIZE_BYTES} bytes`);
  }
  if (name === XATTR_NAME.symlink) {
    throw new FsError('EPERM', '', '', `${name} is the target of symlinks; symlink(2) sets it`);
  }
  if (name === XATTR_NAME.resourceFork && inode.type !== 'file') {
    throw new FsError('EPERM', '', '', 'only files have a resource fork');
  }
}

/** ENOATTR when there is none. The inode is the caller's to save. */
export function removeXattr(host: FilesHost, inode: Inode, name: string): void {
  if (name === XATTR_NAME.finderInfo && inode.finderInfo !== null) inode.finderInfo = null;
  else if (!dropValue(host, inode.number, name)) throw new FsError('ENOATTR', '', '');
  followXattr(inode, name, false);
}

/** Record and stream. False when there is none. */
function dropValue(host: FilesHost, fileId: number, name: string): boolean {
  const stored = findValue(host, fileId, name);
  if (stored === undefined) return false;
  const stream = streamOf(stored, fileId);
  if (stream !== null) dropStream(host, stream.id);
  host.catalog.remove(xattrKey(fileId, name));
  return true;
}

/** Flags of the inode that say what there is. */
function followXattr(inode: Inode, name: string, isThere: boolean): void {
  switch (name) {
    case XATTR_NAME.finderInfo:
      setFlag(inode, INODE_FLAG.hasFinderInfo, isThere);
      break;
    case XATTR_NAME.security:
      setFlag(inode, INODE_FLAG.hasSecurity, isThere);
      break;
    case XATTR_NAME.resourceFork:
      setFlag(inode, INODE_FLAG.hasResourceFork, isThere);
      setFlag(inode, INODE_FLAG.noResourceFork, !isThere);
      break;
    case XATTR_NAME.decmpfs:
      inode.bsdFlags =
        (isThere ? inode.bsdFlags | BSD_FLAG.compressed : inode.bsdFlags & ~BSD_FLAG.compressed) >>> 0;
      if (!isThere) {
        setFlag(inode, INODE_FLAG.hasUncompressedSize, false);
        inode.uncompressedSizeBytes = 0;
      }
  }
}

/** Every attribute, the file system's own too, when the inode goes. */
export function dropXattrs(host: FilesHost, fileId: number): void {
  const names: string[] = [];
  forEachXattr(host, fileId, (name) => names.push(name));
  for (const name of names) dropValue(host, fileId, name);
}

// ── copying ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Blocks that copies of the records of all attributes take at most; 0 when there are none. */
export function xattrsCopyRoom(host: FilesHost, fileId: number): number {
  let records = 0;
  forEachXattr(host, fileId, () => records++);
  return records === 0 ? 0 : catalogRoom(host, records);
}

/** For a clone, whose flags are those of `source`. Streams get ids of their own and share their blocks. */
export function copyXattrs(host: FilesHost, sourceId: number, cloneId: number): void {
  const copies: { name: string; flags: number; data: Uint8Array; stream: AttributeStream | null }[] = [];
  forEachXattr(host, sourceId, (name, stored) => {
    const { flags, data } = stored;
    copies.push({ name, flags, data: data.slice(), stream: streamOf(stored, sourceId) });
  });
  for (const { name, flags, data, stream } of copies) {
    const value = stream === null ? embeddedValue(data, flags) : streamValue(copyStream(host, stream));
    host.catalog.insert(xattrKey(cloneId, name), value);
  }
}

// ── compressed files ────────────────────────────────────────────────────────────────────────────────────────────────

/** Length that a compressed file shows: the inode's, or else the one of its header. */
export function uncompressedSizeBytes(host: FilesHost, inode: Inode): number {
  if (hasFlag(inode, INODE_FLAG.hasUncompressedSize)) return inode.uncompressedSizeBytes;
  const header = getXattr(host, inode, XATTR_NAME.decmpfs);
  if (header === undefined || header.length < 16) return 0;
  const view = viewOf(header);
  const size = view.getUint32(12, true) * 2 ** 32 + view.getUint32(8, true);
  return Number.isSafeInteger(size) ? size : 0;
}

/** Bytes on disk of the stream that holds a compressed file's contents. */
export function resourceForkAllocatedBytes(host: FilesHost, fileId: number): number {
  const stored = findValue(host, fileId, XATTR_NAME.resourceFork);
  const stream = stored && streamOf(stored, fileId);
  return stream?.stream.allocatedBytes ?? 0;
}
