import { textOf, viewOf } from '../../base/bytes.ts';
import type { Timespec } from '../../base/clock.ts';
import { FsError } from '../../base/errno.ts';
import type { FileType } from '../contract.ts';
import { isKeyOf } from './catalog.ts';
import type { RecordCursor } from './content-host.ts';
import type { FilesHost } from './files-host.ts';
import {
  DIRECTORY_FIELD_SIBLING_ID,
  DIRECTORY_RECORD_TYPE_BITS,
  DirectoryRecordValue,
  FIELD_FLAG,
  HashedNameKey,
  NAME_BYTES_MAX,
  NameKey,
  putObjectKey,
  RECORD_TYPE,
} from './layout-catalog.ts';
import { putTime, timeOf } from './layout.ts';
import { isSameName, nameBytes, nameHash } from './names.ts';
import { u16At, u32At, u64At } from './object.ts';
import { hashIn } from './tree-kinds.ts';

/**
 * Records of directories: a name and the inode it leads to.
 *
 * On hashed volumes they are ordered by the hash of the folded, decomposed name and, among equal hashes, by the bytes
 * of the name; there are at most a few of one hash, so a name is found by its hash and then compared. On the others
 * names are ordered and compared by their bytes. [APFS Reference, "j_drec_hashed_key_t"]
 */

/** A name as a program spells it, and what the disk makes of it. */
export interface Name {
  readonly text: string;
  /** UTF-8 without NUL. */
  readonly bytes: Uint8Array;
  /** 22 bits; 0 on volumes without hashes. */
  readonly hash: number;
}

type Spelling = Pick<FilesHost, 'isHashed' | 'isCaseInsensitive'>;

/** ENAMETOOLONG, EILSEQ, EINVAL for what cannot be a name. */
export const nameOf = (host: Spelling, text: string): Name => ({
  text,
  bytes: nameBytes(text),
  hash: host.isHashed ? nameHash(text, host.isCaseInsensitive) : 0,
});

/** For looking up: undefined for what no name can be (EILSEQ when it is given to something). ENAMETOOLONG. */
export function nameToFind(host: Spelling, text: string): Name | undefined {
  try {
    return nameOf(host, text);
  } catch (error) {
    if (error instanceof FsError && error.code === 'EILSEQ') return undefined;
    throw error;
  }
}

/** A name as the disk has it. */
export function storedName(host: Spelling, bytes: Uint8Array): Name {
  const text = decodeName(bytes, 0, bytes.length);
  return { text, bytes, hash: host.isHashed ? nameHash(text, host.isCaseInsensitive) : 0 };
}

/** A record of a directory, copied out of the tree. */
export interface DirectoryEntry {
  readonly directoryId: number;
  /** The whole key: what removes it. */
  readonly key: Uint8Array;
  /** UTF-8 without NUL. */
  readonly nameBytes: Uint8Array;
  /** The same as text. */
  readonly text: string;
  readonly fileId: number;
  /** Mode type of what it leads to, shifted down: as in <sys/dirent.h>. */
  readonly entryType: number;
  /** Id of this hard link; 0: the file has never had a second name. */
  readonly siblingId: number;
  readonly dateAdded: Timespec;
}

const HASH_AT = HashedNameKey.fields.name.at;
const HASHED_NAME_AT = HashedNameKey.sizeBytes;
const PLAIN_NAME_AT = NameKey.sizeBytes;
const FILE_ID_AT = DirectoryRecordValue.fields.fileId.at;
const DATE_ADDED_AT = DirectoryRecordValue.fields.dateAdded.at;
const FLAGS_AT = DirectoryRecordValue.fields.flags.at;
const FIELDS_AT = DirectoryRecordValue.sizeBytes;
/** One extended field of eight bytes: header, entry, value. */
const WITH_SIBLING_SIZE_BYTES = FIELDS_AT + 4 + 4 + 8;

const keyBuffer = new Uint8Array(HASHED_NAME_AT + NAME_BYTES_MAX + 1);
const keyView = viewOf(keyBuffer);
const plainValue = new Uint8Array(FIELDS_AT);
const plainValueView = viewOf(plainValue);
const siblingValue = new Uint8Array(WITH_SIBLING_SIZE_BYTES);
const siblingValueView = viewOf(siblingValue);

// ── keys ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A view of a buffer that the next key fills again. */
function entryKey(host: Spelling, directoryId: number, name: Name): Uint8Array {
  const { bytes } = name;
  putObjectKey(keyView, 0, directoryId, RECORD_TYPE.directoryRecord);
  const nameAt = host.isHashed ? HASHED_NAME_AT : PLAIN_NAME_AT;
  if (host.isHashed) keyView.setUint32(HASH_AT, ((name.hash << 10) | (bytes.length + 1)) >>> 0, true);
  else keyView.setUint16(PLAIN_NAME_AT - 2, bytes.length + 1, true);
  keyBuffer.set(bytes, nameAt);
  keyBuffer[nameAt + bytes.length] = 0;
  return keyBuffer.subarray(0, nameAt + bytes.length + 1);
}

/** Before every name of this hash in the directory. */
function hashKey(directoryId: number, hash: number): Uint8Array {
  putObjectKey(keyView, 0, directoryId, RECORD_TYPE.directoryRecord);
  keyView.setUint32(HASH_AT, (hash << 10) >>> 0, true);
  return keyBuffer.subarray(0, HASHED_NAME_AT);
}

/** Before every name of the directory. */
function firstKey(host: Spelling, directoryId: number): Uint8Array {
  if (host.isHashed) return hashKey(directoryId, 0);
  putObjectKey(keyView, 0, directoryId, RECORD_TYPE.directoryRecord);
  keyView.setUint16(PLAIN_NAME_AT - 2, 0, true);
  return keyBuffer.subarray(0, PLAIN_NAME_AT);
}

/** Does the key belong to a record of this directory? */
const isEntryKey = (key: Uint8Array, directoryId: number): boolean =>
  key.length >= PLAIN_NAME_AT && isKeyOf(key, directoryId, RECORD_TYPE.directoryRecord);

const hashOfKey = (key: Uint8Array): number => hashIn(u32At(key, HASH_AT));

/** A name of the disk as text. Nearly all are ASCII, for which this is quicker than a decoder. */
function decodeName(bytes: Uint8Array, from: number, to: number): string {
  let text = '';
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    if (byte >= 0x80) return textOf(bytes.subarray(from, to));
    text += String.fromCharCode(byte);
  }
  return text;
}

// ── looking ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const damaged = (directoryId: number) =>
  new FsError('EIO', '', '', `a record of directory ${directoryId} makes no sense; run fsck`);

/** What `name` finds in the directory, compared as the volume compares. EIO. */
export function findEntry(host: FilesHost, directoryId: number, name: Name): DirectoryEntry | undefined {
  const cursor = seekEntry(host, directoryId, name);
  return cursor && entryOf(host, directoryId, cursor, name);
}

/** The number of the inode that a name leads to, for those who want nothing else. ENAMETOOLONG, EIO. */
export function findFileId(host: FilesHost, directoryId: number, text: string): number | undefined {
  const known = host.names.find(directoryId, text);
  if (known !== undefined) return known;
  const name = nameToFind(host, text);
  if (name === undefined) return undefined;
  const cursor = seekEntry(host, directoryId, name);
  if (cursor === undefined) return undefined;
  const { key, value } = cursor;
  if (value.length < FIELDS_AT) throw damaged(directoryId);
  const fileId = fileIdAt(value, directoryId);
  const isSpelling = hasBytes(key, host.isHashed ? HASHED_NAME_AT : PLAIN_NAME_AT, name.bytes);
  if (isSpelling) host.names.add(directoryId, text, fileId);
  return fileId;
}

function seekEntry(host: FilesHost, directoryId: number, name: Name): RecordCursor | undefined {
  const { isHashed } = host;
  const nameAt = isHashed ? HASHED_NAME_AT : PLAIN_NAME_AT;
  const cursor = host.catalog.seek(
    isHashed ? hashKey(directoryId, name.hash) : entryKey(host, directoryId, name),
  );
  for (; cursor.isValid; cursor.next()) {
    const { key } = cursor;
    if (!isEntryKey(key, directoryId) || (isHashed && hashOfKey(key) !== name.hash)) return undefined;
    if (hasBytes(key, nameAt, name.bytes)) return cursor;
    if (!isHashed) return undefined;
    const stored = decodeName(key, nameAt, key.length - 1);
    if (isSameName(stored, name.text, host.isCaseInsensitive)) return cursor;
  }
  return undefined;
}

/** Does the key end with this name? Asked first: another spelling of a name is rare. */
function hasBytes(key: Uint8Array, nameAt: number, bytes: Uint8Array): boolean {
  if (key.length !== nameAt + bytes.length + 1) return false;
  let i = 0;
  while (i < bytes.length && key[nameAt + i] === bytes[i]) i++;
  return i === bytes.length;
}

/** `sought`: what led to the record, perhaps in another spelling. */
function entryOf(
  host: FilesHost,
  directoryId: number,
  { key, value }: RecordCursor,
  sought: Name | null,
): DirectoryEntry {
  const nameAt = host.isHashed ? HASHED_NAME_AT : PLAIN_NAME_AT;
  if (value.length < FIELDS_AT || key.length <= nameAt) throw damaged(directoryId);
  const view = viewOf(value);
  return {
    directoryId,
    key: key.slice(),
    nameBytes: key.slice(nameAt, key.length - 1),
    text:
      sought !== null && hasBytes(key, nameAt, sought.bytes)
        ? sought.text
        : decodeName(key, nameAt, key.length - 1),
    fileId: fileIdAt(value, directoryId),
    entryType: view.getUint16(FLAGS_AT, true) & DIRECTORY_RECORD_TYPE_BITS,
    siblingId: siblingIdOf(value, view, directoryId),
    dateAdded: timeOf(view, DATE_ADDED_AT),
  };
}

function number64(value: Uint8Array, at: number, directoryId: number): number {
  const number = u64At(value, at);
  if (!Number.isSafeInteger(number)) throw damaged(directoryId);
  return number;
}

const fileIdAt = (value: Uint8Array, directoryId: number): number => number64(value, FILE_ID_AT, directoryId);

function siblingIdOf(value: Uint8Array, view: DataView, directoryId: number): number {
  const hasSibling =
    value.length >= WITH_SIBLING_SIZE_BYTES &&
    view.getUint16(FIELDS_AT, true) === 1 &&
    view.getUint8(FIELDS_AT + 4) === DIRECTORY_FIELD_SIBLING_ID;
  return hasSibling ? number64(value, FIELDS_AT + 8, directoryId) : 0;
}

export function isEmptyDirectory(host: FilesHost, directoryId: number): boolean {
  const cursor = host.catalog.seek(firstKey(host, directoryId));
  return !cursor.isValid || !isEntryKey(cursor.key, directoryId);
}

// ── listing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

const ENTRY_TYPES: readonly (FileType | undefined)[] = [
  ...[undefined, 'fifo', 'character device', undefined, 'directory', undefined, 'block device', undefined],
  ...(['file', undefined, 'symlink', undefined, 'socket'] as const),
] as readonly (FileType | undefined)[];

/** What a directory record says of the type of its file. */
export const typeOfEntry = (entryType: number): FileType => ENTRY_TYPES[entryType] ?? 'file';

/** Goes through the records of a directory in the order of the disk. Void after a change of the catalog. */
export class DirectoryCursor {
  readonly #host: FilesHost;
  readonly #directoryId: number;
  readonly #cursor: RecordCursor;
  readonly #nameAt: number;

  /** From the first record, or from the first behind `after`: a hash, or on volumes without hashes a whole key. */
  constructor(host: FilesHost, directoryId: number, after: number | Uint8Array | null) {
    this.#host = host;
    this.#directoryId = directoryId;
    this.#nameAt = host.isHashed ? HASHED_NAME_AT : PLAIN_NAME_AT;
    const start =
      after === null
        ? firstKey(host, directoryId)
        : typeof after === 'number'
          ? hashKey(directoryId, after + 1)
          : after;
    const isPastLastHash = typeof after === 'number' && after >= LAST_HASH;
    this.#cursor = host.catalog.seek(isPastLastHash ? afterDirectoryKey(directoryId) : start);
    if (typeof after === 'object' && after !== null && this.isValid && isSameKey(this.#cursor.key, after)) {
      this.#cursor.next();
    }
  }

  get isValid(): boolean {
    return this.#cursor.isValid && isEntryKey(this.#cursor.key, this.#directoryId);
  }

  next(): void {
    this.#cursor.next();
  }

  get name(): string {
    const { key } = this.#cursor;
    if (key.length <= this.#nameAt) throw damaged(this.#directoryId);
    return decodeName(key, this.#nameAt, key.length - 1);
  }

  get hash(): number {
    return hashOfKey(this.#cursor.key);
  }

  get fileId(): number {
    return fileIdAt(this.#value(), this.#directoryId);
  }

  get type(): FileType {
    return typeOfEntry(u16At(this.#value(), FLAGS_AT) & DIRECTORY_RECORD_TYPE_BITS);
  }

  /** A copy of the record. */
  get entry(): DirectoryEntry {
    return entryOf(this.#host, this.#directoryId, this.#cursor, null);
  }

  #value(): Uint8Array {
    const { value } = this.#cursor;
    if (value.length < FIELDS_AT) throw damaged(this.#directoryId);
    return value;
  }
}

const LAST_HASH = 0x3f_ffff;

/** Behind all names of the directory: statistics come next. */
function afterDirectoryKey(directoryId: number): Uint8Array {
  putObjectKey(keyView, 0, directoryId, RECORD_TYPE.directoryStatistics);
  return keyBuffer.subarray(0, 8);
}

function isSameKey(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

// ── changing ────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface EntryTarget {
  readonly fileId: number;
  readonly entryType: number;
  readonly siblingId: number;
  readonly dateAdded: Timespec;
}

/** The value of a record: a view of a buffer that the next one fills again. */
function entryValue(target: EntryTarget): Uint8Array {
  const hasSibling = target.siblingId !== 0;
  const view = hasSibling ? siblingValueView : plainValueView;
  view.setUint32(FILE_ID_AT, target.fileId >>> 0, true);
  view.setUint32(FILE_ID_AT + 4, Math.floor(target.fileId / 2 ** 32), true);
  putTime(view, DATE_ADDED_AT, target.dateAdded);
  view.setUint16(FLAGS_AT, target.entryType, true);
  if (!hasSibling) return plainValue;
  view.setUint16(FIELDS_AT, 1, true);
  view.setUint16(FIELDS_AT + 2, 8, true);
  view.setUint8(FIELDS_AT + 4, DIRECTORY_FIELD_SIBLING_ID);
  view.setUint8(FIELDS_AT + 5, FIELD_FLAG.doNotCopy);
  view.setUint16(FIELDS_AT + 6, 8, true);
  view.setUint32(FIELDS_AT + 8, target.siblingId >>> 0, true);
  view.setUint32(FIELDS_AT + 12, Math.floor(target.siblingId / 2 ** 32), true);
  return siblingValue;
}

/** The name must not be there. */
export function insertEntry(host: FilesHost, directoryId: number, name: Name, target: EntryTarget): void {
  host.catalog.insert(entryKey(host, directoryId, name), entryValue(target));
  host.names.add(directoryId, name.text, target.fileId);
}

/** The same name leads elsewhere, or carries another sibling id, from now on. */
export function replaceEntry(host: FilesHost, entry: DirectoryEntry, target: EntryTarget): void {
  host.names.forget(entry.directoryId, entry.text);
  host.catalog.replace(entry.key, entryValue(target));
}

export function removeEntry(host: FilesHost, entry: DirectoryEntry): void {
  host.names.forget(entry.directoryId, entry.text);
  host.catalog.remove(entry.key);
}
