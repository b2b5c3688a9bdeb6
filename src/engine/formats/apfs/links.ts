import { concatBytes, viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import { isKeyOf, numberedKey, objectKey } from './catalog.ts';
import { findEntry, replaceEntry, storedName } from './directory-records.ts';
import type { Name } from './directory-records.ts';
import type { FilesHost } from './files-host.ts';
import type { Inode } from './inode.ts';
import {
  objectIdAt,
  RECORD_TYPE,
  SiblingLinkKey,
  SiblingLinkValue,
  SiblingMapValue,
} from './layout-catalog.ts';

/**
 * Hard links. A file with one name has nothing of what stands here. With the second name both get an id of their own
 * (`sibling`): a SIBLING_LINK record under the inode says where that name is, a SIBLING_MAP record leads from the id
 * to the inode, and the directory record carries the id. There are as many of them as names, from then on even when
 * one name is left. The name with the lowest id is the primary one: the inode's own parent and name are its.
 * [APFS Reference, "Siblings"; apfsck/inode.c]
 */

/** One of the names of a file that has, or had, several. */
export interface Sibling {
  readonly siblingId: number;
  readonly parentId: number;
  readonly nameBytes: Uint8Array;
}

const NAME_AT = SiblingLinkValue.sizeBytes;
const SIBLING_ID_AT = SiblingLinkKey.fields.siblingId.at;

const mapValue = new Uint8Array(SiblingMapValue.sizeBytes);

function linkValue(parentId: number, nameBytes: Uint8Array): Uint8Array {
  const head = new Uint8Array(NAME_AT);
  SiblingLinkValue.write(head, { parentId, nameLengthBytes: nameBytes.length + 1 });
  return concatBytes([head, nameBytes, new Uint8Array(1)]);
}

const linkKey = (fileId: number, siblingId: number): Uint8Array =>
  numberedKey(fileId, RECORD_TYPE.siblingLink, siblingId);

/** The primary one; undefined for a file that has had one name all its life. EIO. */
export function primarySibling(host: FilesHost, fileId: number): Sibling | undefined {
  const cursor = host.catalog.seek(linkKey(fileId, 0));
  if (!cursor.isValid || !isKeyOf(cursor.key, fileId, RECORD_TYPE.siblingLink)) return undefined;
  const { key, value } = cursor;
  if (key.length !== SiblingLinkKey.sizeBytes || value.length <= NAME_AT) {
    throw new FsError('EIO', '', '', `a hard link of inode ${fileId} makes no sense; run fsck`);
  }
  const view = viewOf(key);
  return {
    siblingId: view.getUint32(SIBLING_ID_AT + 4, true) * 2 ** 32 + view.getUint32(SIBLING_ID_AT, true),
    parentId: objectIdAt(viewOf(value), 0),
    nameBytes: value.slice(NAME_AT, value.length - 1),
  };
}

/** An id for another name of this file, with its two records. The directory record is the caller's. */
export function addSibling(host: FilesHost, fileId: number, parentId: number, nameBytes: Uint8Array): number {
  const siblingId = host.newObjectId();
  host.catalog.insert(linkKey(fileId, siblingId), linkValue(parentId, nameBytes));
  SiblingMapValue.write(mapValue, { fileId });
  host.catalog.insert(objectKey(siblingId, RECORD_TYPE.siblingMap), mapValue);
  return siblingId;
}

/** The name a file was born with gets an id when a second one comes. EIO when no directory has that name. */
export function numberFirstName(host: FilesHost, inode: Inode): void {
  if (primarySibling(host, inode.number) !== undefined) return;
  const entry = findEntry(host, inode.parentId, storedName(host, inode.nameBytes));
  if (entry === undefined || entry.fileId !== inode.number) {
    throw new FsError('EIO', '', '', `inode ${inode.number} is not where its record says; run fsck`);
  }
  const siblingId = addSibling(host, inode.number, inode.parentId, inode.nameBytes);
  replaceEntry(host, entry, { ...entry, siblingId });
}

/** A name is gone. */
export function removeSibling(host: FilesHost, inode: Inode, siblingId: number): void {
  host.catalog.remove(linkKey(inode.number, siblingId));
  host.catalog.remove(objectKey(siblingId, RECORD_TYPE.siblingMap));
  followPrimary(host, inode);
}

/** The name `siblingId` stands elsewhere from now on, or is spelt otherwise. */
export function moveSibling(
  host: FilesHost,
  inode: Inode,
  siblingId: number,
  parentId: number,
  name: Name,
): void {
  const key = linkKey(inode.number, siblingId);
  // Values of different lengths: the old one goes first.
  host.catalog.remove(key);
  host.catalog.insert(linkKey(inode.number, siblingId), linkValue(parentId, name.bytes));
  followPrimary(host, inode);
}

/** The inode's own parent and name are those of its primary link. Saving it is the caller's. */
function followPrimary(host: FilesHost, inode: Inode): void {
  const primary = primarySibling(host, inode.number);
  if (primary === undefined) return;
  inode.parentId = primary.parentId;
  inode.nameBytes = primary.nameBytes;
}
