import { utf8 } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import { moveCompanion, removeCompanion, removeOrphanedCompanions } from './companion.ts';
import { O_ACCMODE, O_APPEND, O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_TRUNC } from './constants.ts';
import { O_RDONLY, O_WRONLY, PATH_BYTES_MAX } from './constants.ts';
import { RENAME_EXCL, RENAME_NOFOLLOW_ANY, RENAME_SWAP } from './constants.ts';
import type { Kernel } from './kernel.ts';
import { isSameFile } from './mount.ts';
import type { Place } from './mount.ts';
import { canonical, isAtOrBelow, walk, walkToExisting } from './namei.ts';
import type { Found, Walker } from './namei.ts';
import { OpenFile } from './openfile.ts';
import { requireAddEntry, requireDelete, requireRead, requireWrite } from './permissions.ts';
import { swapEntries } from './swapping.ts';

/**
 * System calls that make, move and remove names, and open(2), which may make one. The order of checks, and so which
 * errno wins, is xnu's: bsd/vfs/vfs_syscalls.c and vfs_subr.c (vn_authorize_…).
 */
export interface Caller extends Walker {
  readonly kernel: Kernel;
  readonly creationMask: number;
}

/** Returns the open file; the descriptor is the caller's business. */
export function openPath(caller: Caller, path: string, flags: number, mode: number): OpenFile {
  if ((flags & O_ACCMODE) === O_ACCMODE) throw new FsError('EINVAL', '', path, 'neither reading nor writing');
  const mayCreate = (flags & O_CREAT) !== 0;
  if (mayCreate && (flags & O_DIRECTORY) !== 0) {
    throw new FsError('EINVAL', '', path, 'open makes no directories');
  }
  const isExclusive = mayCreate && (flags & O_EXCL) !== 0;
  const found = walk(caller, path, { follow: !isExclusive && (flags & O_NOFOLLOW) === 0 });
  if (found.target !== null) {
    if (isExclusive) throw new FsError('EEXIST', '', path);
    return openExisting(caller, found, found.target, flags, path);
  }
  if (!mayCreate) throw new FsError('ENOENT', '', path);
  const { directory, name } = found;
  requireNewName(found, path, { isDirectory: false });
  requireAddEntry(directory, caller.credentials, path);
  const { volume } = directory.mount;
  const node = volume.create(directory.node, name, initOf(caller, mode));
  return orClosed(new OpenFile({ mount: directory.mount, node }, flags, path), () =>
    removeCompanion(caller.kernel, directory, name, { onlyStale: true }),
  );
}

/** Order of vn_authorize_open_existing. */
function openExisting(caller: Caller, found: Found, target: Place, flags: number, path: string): OpenFile {
  const truncates = (flags & O_TRUNC) !== 0;
  const writes = truncates || (flags & O_ACCMODE) !== O_RDONLY;
  const isDirectory = target.node.type === 'directory';
  if (isDirectory && writes) throw new FsError('EISDIR', '', path);
  if (!isDirectory && (flags & O_DIRECTORY) !== 0) throw new FsError('ENOTDIR', '', path);
  if (target.node.type === 'symlink') throw new FsError('ELOOP', '', path, 'it is a symbolic link');
  if (!isDirectory && found.hasTrailingSlash) throw new FsError('ENOTDIR', '', path);
  requireOpenable(caller, target, path);
  if ((flags & O_ACCMODE) !== O_WRONLY) requireRead(target, caller.credentials, path);
  if (writes) {
    requireWrite(target, caller.credentials, path, (flags & O_APPEND) !== 0 && !truncates);
    caller.kernel.requireUnmountedDevice(target, path);
  }
  const { volume } = target.mount;
  volume.retain(target.node);
  const file = new OpenFile(target, flags, path);
  if (!truncates || target.node.type !== 'file') return file;
  return orClosed(file, () => volume.truncate(target.node, 0));
}

/**
 * Special files of a volume have nobody behind them here: a socket is never opened (EOPNOTSUPP), a FIFO would wait for
 * ever for its other end, and devices do not work on a volume mounted with nodev (both ENXIO).
 */
function requireOpenable(caller: Caller, { mount, node }: Place, path: string): void {
  if (node.type === 'socket') throw new FsError('EOPNOTSUPP', '', path);
  if (node.type === 'fifo') throw new FsError('ENXIO', '', path, 'no process has the other end of the FIFO');
  if (node.type.endsWith('device') && mount !== caller.root) {
    throw new FsError('ENXIO', '', path, 'the volume is mounted without devices (nodev)');
  }
}

/** The file, after what remains to be done; a failure there leaves nothing open. */
function orClosed(file: OpenFile, work: () => void): OpenFile {
  try {
    work();
  } catch (error) {
    file.close();
    throw error;
  }
  return file;
}

export function makeDirectory(caller: Caller, path: string, mode: number): void {
  const found = walk(caller, path, { follow: false });
  if (found.name === '') throw new FsError('EISDIR', '', path, 'it is the root');
  if (found.target !== null) throw new FsError('EEXIST', '', path);
  requireNewName(found, path, { isDirectory: true });
  const { directory, name } = found;
  requireAddEntry(directory, caller.credentials, path);
  const { volume } = directory.mount;
  volume.release(volume.makeDirectory(directory.node, name, initOf(caller, mode)));
  removeCompanion(caller.kernel, directory, name, { onlyStale: true });
}

export function makeSymlink(caller: Caller, target: string, path: string): void {
  if (utf8(target).length >= PATH_BYTES_MAX) {
    throw new FsError('ENAMETOOLONG', '', path, 'the target is too long');
  }
  if (target.includes('\0')) throw new FsError('EINVAL', '', path, 'the target holds a NUL');
  if (target === '') throw new FsError('EINVAL', '', path, 'the target is empty');
  if (/\p{Surrogate}/u.test(target)) throw new FsError('EILSEQ', '', path, 'the target is no text');
  const found = walk(caller, path, { follow: false });
  if (found.target !== null) throw new FsError('EEXIST', '', path);
  requireNewName(found, path, { isDirectory: false });
  const { directory, name } = found;
  requireAddEntry(directory, caller.credentials, path);
  const { volume } = directory.mount;
  const node = volume.makeSymlink?.(directory.node, name, target, initOf(caller, 0o777, 0));
  if (node === undefined) throw new FsError('ENOTSUP', '', path, 'this volume has no symbolic links');
  volume.release(node);
  removeCompanion(caller.kernel, directory, name, { onlyStale: true });
}

/** Does not follow a link in `path`, does in `existing`. */
export function makeLink(caller: Caller, existing: string, path: string): void {
  const source = walkToExisting(caller, existing, { follow: true });
  if (source.node.type === 'directory') throw new FsError('EPERM', '', existing, 'directories have one name');
  const found = walk(caller, path, { follow: false });
  if (found.target !== null) throw new FsError('EEXIST', '', path);
  requireNewName(found, path, { isDirectory: false });
  const { directory, name } = found;
  if (directory.mount !== source.mount) throw new FsError('EXDEV', '', path);
  requireAddEntry(directory, caller.credentials, path);
  const { volume } = directory.mount;
  if (volume.link === undefined) throw new FsError('ENOTSUP', '', path, 'this volume has no hard links');
  volume.link(source.node, directory.node, name);
}

export function removeFile(caller: Caller, path: string): void {
  const { directory, name, target, hasTrailingSlash } = walk(caller, path, { follow: false });
  if (target === null) throw new FsError('ENOENT', '', path);
  if (target.node.type === 'directory') throw new FsError('EPERM', '', path, 'directories go with rmdir');
  if (hasTrailingSlash) throw new FsError('ENOTDIR', '', path);
  requireDelete(directory, target, caller.credentials, path);
  directory.mount.volume.remove(directory.node, name);
  removeCompanion(caller.kernel, directory, name, { onlyStale: false });
}

export function removeDirectory(caller: Caller, path: string): void {
  const { directory, name, target } = walk(caller, path, { follow: false });
  if (target === null) throw new FsError('ENOENT', '', path);
  if (target.node.type !== 'directory') throw new FsError('ENOTDIR', '', path);
  requireNoMountPoint(target, path);
  if (name === '.') throw new FsError('EINVAL', '', path, "'.' cannot be removed");
  if (name === '..') throw new FsError('ENOTEMPTY', '', path);
  requireDelete(directory, target, caller.credentials, path);
  const { volume } = directory.mount;
  volume.retain(target.node);
  try {
    try {
      volume.removeDirectory(directory.node, name);
    } catch (error) {
      if (!(error instanceof FsError) || error.code !== 'ENOTEMPTY') throw error;
      if (!removeOrphanedCompanions(target)) throw error;
      volume.removeDirectory(directory.node, name);
    }
    caller.kernel.directoryRemoved(directory.mount, target.node);
  } finally {
    volume.release(target.node);
  }
  removeCompanion(caller.kernel, directory, name, { onlyStale: false });
}

/**
 * rename(2) with flags 0, renamex_np(2) and renameatx_np(2) otherwise. `walkers`: where relative paths begin. Returns a
 * remark when extended attributes stayed behind.
 */
export function renamePath(
  caller: Caller,
  from: string,
  to: string,
  allFlags: number,
  walkers: { readonly from: Walker; readonly to: Walker } = { from: caller, to: caller },
): string | undefined {
  const flags = allFlags & ~RENAME_NOFOLLOW_ANY;
  if ((flags & ~(RENAME_SWAP | RENAME_EXCL)) !== 0 || flags === (RENAME_SWAP | RENAME_EXCL)) {
    throw new FsError('EINVAL', '', from, 'flags are RENAME_SWAP or RENAME_EXCL, not both');
  }
  const links = { follow: false, refusesLinks: flags !== allFlags };
  const source = walk(walkers.from, from, links);
  const moved = source.target;
  if (moved === null) throw new FsError('ENOENT', '', from);
  if (source.hasTrailingSlash && moved.node.type !== 'directory') throw new FsError('ENOTDIR', '', from);
  const goal = walk(walkers.to, to, links);
  if (goal.target === null) {
    if (flags === RENAME_SWAP) throw new FsError('ENOENT', '', to);
    requireNewName(goal, to, { isDirectory: moved.node.type === 'directory' });
  }
  const isSame = goal.target !== null && isSameFile(moved, goal.target);
  const { volume } = source.directory.mount;
  if (flags === RENAME_EXCL && goal.target !== null) {
    const onlyCaseDiffers = isSame && !volume.capabilities.isCaseSensitive && isOneName(source, goal);
    if (!onlyCaseDiffers) throw new FsError('EEXIST', '', to);
  }
  const isDot = (name: string) => name === '.' || name === '..' || name === '';
  if (isDot(source.name)) throw new FsError('EINVAL', '', from);
  if (isDot(goal.name)) throw new FsError('EINVAL', '', to);
  requireNoMountPoint(moved, from);
  if (goal.target !== null) requireNoMountPoint(goal.target, to);
  if (source.directory.mount !== goal.directory.mount) throw new FsError('EXDEV', '', to);
  if (flags === RENAME_SWAP && goal.target !== null) {
    const second = { found: goal, target: goal.target, path: to };
    swapEntries(caller, { found: source, target: moved, path: from }, second);
    return undefined;
  }
  requireRenameable(caller, source, moved, goal, { from, to });
  const isExclusive = flags === RENAME_EXCL && volume.capabilities.hasExclusiveRename === true;
  if (flags !== 0 && !isExclusive) {
    throw new FsError('ENOTSUP', '', from, 'this volume does not rename in this way');
  }
  // Two names of one file: POSIX wants nothing to be done. The case of one name is another matter.
  const changesCase = !volume.capabilities.isCaseSensitive && source.name !== goal.name;
  if (isSame && !(changesCase && isOneName(source, goal))) return undefined;

  const isDirectory = moved.node.type === 'directory';
  const fromComponents = isDirectory ? canonical(caller.root, source.components) : [];
  if (goal.target !== null) volume.retain(goal.target.node);
  try {
    renameOnVolume(source, goal);
    if (isDirectory && goal.target !== null && !isSame) {
      caller.kernel.directoryRemoved(goal.target.mount, goal.target.node);
    }
  } finally {
    if (goal.target !== null) volume.release(goal.target.node);
  }
  if (isDirectory) {
    caller.kernel.directoryRenamed(fromComponents, canonical(caller.root, goal.components));
  }
  return moveCompanion(source.directory, source.name, goal.directory, goal.name);
}

/** Do both paths lead to one entry of one directory, and not to two hard links? */
function isOneName(source: Found, goal: Found): boolean {
  const { mount, node } = source.directory;
  if (!isSameFile(source.directory, goal.directory)) return false;
  return mount.volume.storedName(node, source.name) === mount.volume.storedName(node, goal.name);
}

function renameOnVolume(source: Found, goal: Found): void {
  const { volume } = source.directory.mount;
  const rename = () => volume.rename(source.directory.node, source.name, goal.directory.node, goal.name);
  try {
    rename();
  } catch (error) {
    if (!(error instanceof FsError) || error.code !== 'ENOTEMPTY' || goal.target === null) throw error;
    if (!removeOrphanedCompanions(goal.target)) throw error;
    rename();
  }
}

/** Order of vn_authorize_renamex: kinds, into its own child, then permissions. */
function requireRenameable(
  caller: Caller,
  source: Found,
  moved: Place,
  goal: Found,
  paths: { from: string; to: string },
): void {
  const isDirectory = moved.node.type === 'directory';
  if (goal.target !== null) {
    const replacesDirectory = goal.target.node.type === 'directory';
    if (isDirectory && !replacesDirectory) throw new FsError('ENOTDIR', '', paths.to);
    if (!isDirectory && replacesDirectory) throw new FsError('EISDIR', '', paths.to);
  }
  if (isDirectory && isAtOrBelow(goal.directory, moved)) {
    throw new FsError('EINVAL', '', paths.to, 'a directory cannot move into itself');
  }
  requireDelete(source.directory, moved, caller.credentials, paths.from);
  if (goal.target === null) requireAddEntry(goal.directory, caller.credentials, paths.to);
  else requireDelete(goal.directory, goal.target, caller.credentials, paths.to);
}

function requireNoMountPoint(place: Place, path: string): void {
  if (place.node === place.mount.volume.root) {
    throw new FsError('EBUSY', '', path, 'a volume is mounted there');
  }
}

/** 'name/' can only become a directory. */
function requireNewName(found: Found, path: string, { isDirectory }: { isDirectory: boolean }): void {
  if (found.hasTrailingSlash && !isDirectory) throw new FsError('ENOENT', '', path);
}

const initOf = (caller: Caller, mode: number, umask = caller.creationMask) => ({
  mode: mode & 0o7777 & ~umask,
  uid: caller.credentials.uid,
  gid: caller.credentials.gid,
});
