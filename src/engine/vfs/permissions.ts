import { FsError } from '../base/errno.ts';
import type { Attributes } from '../formats/contract.ts';
import {
  R_OK,
  SF_APPEND,
  SF_IMMUTABLE,
  SF_NOUNLINK,
  UF_APPEND,
  UF_IMMUTABLE,
  W_OK,
  X_OK,
} from './constants.ts';
import type { Place } from './mount.ts';

/**
 * Who may do what. The order of refusals is the kernel's (xnu bsd/vfs/vfs_subr.c, vnode_authorize): a volume that
 * cannot be written (EROFS), then flags that forbid it (EPERM), then permission bits (EACCES).
 */
export interface Credentials {
  readonly uid: number;
  readonly gid: number;
}

export const SUPERUSER = 0;

const IMMUTABLE = UF_IMMUTABLE | SF_IMMUTABLE;
const APPEND_ONLY = UF_APPEND | SF_APPEND;
const S_ISVTX = 0o1000;

/** Do the mode bits grant all of `wanted` (R_OK, W_OK, X_OK)? Root may everything but execute what nobody may. */
export function grants(attributes: Attributes, credentials: Credentials, wanted: number): boolean {
  const { mode, type, uid, gid } = attributes;
  if (credentials.uid === SUPERUSER) {
    return (wanted & X_OK) === 0 || type === 'directory' || (mode & 0o111) !== 0;
  }
  const granted = credentials.uid === uid ? mode >> 6 : credentials.gid === gid ? mode >> 3 : mode;
  return (granted & wanted) === wanted;
}

export function requireSearch(place: Place, credentials: Credentials, path: string): void {
  if (credentials.uid === SUPERUSER || place.mount.isOpenToAll) return;
  if (!grants(place.mount.volume.attributes(place.node), credentials, X_OK)) {
    throw new FsError('EACCES', '', path, 'no permission to search a directory on the way');
  }
}

export function requireRead(place: Place, credentials: Credentials, path: string): void {
  if (credentials.uid === SUPERUSER) return;
  if (!grants(place.mount.volume.attributes(place.node), credentials, R_OK)) {
    throw new FsError('EACCES', '', path);
  }
}

/** Devices take writes on a read-only volume: what is written does not go there. */
export function requireWritableVolume(place: Place, path: string): void {
  const isDevice = place.node.type === 'character device' || place.node.type === 'block device';
  if (place.mount.volume.isReadOnly && !isDevice) throw new FsError('EROFS', '', path);
}

/** `isAppending`: every write goes to the end, which the append-only flags allow. */
export function requireWrite(
  place: Place,
  credentials: Credentials,
  path: string,
  isAppending: boolean,
): void {
  requireWritableVolume(place, path);
  const attributes = place.mount.volume.attributes(place.node);
  requireMutable(attributes, path);
  if (!isAppending && (attributes.flags & APPEND_ONLY) !== 0) {
    throw new FsError('EPERM', '', path, 'the file may only be appended to');
  }
  if (!grants(attributes, credentials, W_OK)) throw new FsError('EACCES', '', path);
}

/** May a name be added to this directory? */
export function requireAddEntry(directory: Place, credentials: Credentials, path: string): void {
  requireWritableVolume(directory, path);
  const attributes = directory.mount.volume.attributes(directory.node);
  requireMutable(attributes, path);
  if (!grants(attributes, credentials, W_OK | X_OK)) {
    throw new FsError('EACCES', '', path, 'no permission to change the directory');
  }
}

/** May this file or directory lose its name in `directory`? */
export function requireDelete(directory: Place, target: Place, credentials: Credentials, path: string): void {
  requireWritableVolume(directory, path);
  const attributes = target.mount.volume.attributes(target.node);
  if ((attributes.flags & (IMMUTABLE | APPEND_ONLY | SF_NOUNLINK)) !== 0) {
    throw new FsError('EPERM', '', path, 'a flag forbids it (see ls -lO)');
  }
  const parent = directory.mount.volume.attributes(directory.node);
  if ((parent.flags & (IMMUTABLE | APPEND_ONLY)) !== 0) {
    throw new FsError('EPERM', '', path, 'a flag of the directory forbids it (see ls -lOd)');
  }
  if (!grants(parent, credentials, W_OK | X_OK)) {
    throw new FsError('EACCES', '', path, 'no permission to change the directory');
  }
  // unlink(2) promises EPERM here; the kernel's vnode_authorize_delete answers EACCES, and so do programs see it.
  const owns = credentials.uid === attributes.uid || credentials.uid === parent.uid;
  if ((parent.mode & S_ISVTX) !== 0 && credentials.uid !== SUPERUSER && !owns) {
    throw new FsError('EACCES', '', path, 'in a sticky directory everybody deletes only his own files');
  }
}

export function requireMutable(attributes: Attributes, path: string): void {
  if ((attributes.flags & IMMUTABLE) !== 0) {
    throw new FsError('EPERM', '', path, 'it is locked (flag uchg or schg)');
  }
}

/** Changing mode, flags and times is the owner's right. */
export function requireOwner(attributes: Attributes, credentials: Credentials, path: string): void {
  if (credentials.uid !== SUPERUSER && credentials.uid !== attributes.uid) {
    throw new FsError('EPERM', '', path, 'only the owner may');
  }
}
