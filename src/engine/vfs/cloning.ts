import { FsError } from '../base/errno.ts';
import type { Sharing } from '../formats/contract.ts';
import { CLONE_ACL, CLONE_NOFOLLOW, CLONE_NOFOLLOW_ANY, CLONE_NOOWNERCOPY } from './constants.ts';
import { isSameFile } from './mount.ts';
import type { Place } from './mount.ts';
import { isAtOrBelow, walk, walkToExisting } from './namei.ts';
import type { Walker } from './namei.ts';
import type { Caller } from './naming.ts';
import type { OpenFile } from './openfile.ts';
import { requireAddEntry, requireRead, requireWrite, SUPERUSER } from './permissions.ts';

/** clonefile(2) with its kin, what files share, and exchangedata(2): calls that only some formats answer. */

/** ACLs are kept by no volume here: with CLONE_ACL or without, there is none to copy. */
const CLONE_FLAGS = CLONE_NOFOLLOW | CLONE_NOOWNERCOPY | CLONE_ACL | CLONE_NOFOLLOW_ANY;

/** Where one of the two paths begins: the caller's directory, or that of a descriptor. */
export interface PathAt {
  readonly walker: Walker;
  readonly path: string;
}

/**
 * clonefile(2) and clonefileat(2). Checks in the order of clonefileat and clonefile_internal (xnu
 * bsd/vfs/vfs_syscalls.c), ENOTSUP as the default of every vnop at the end. The man page promises EPERM for the root of
 * a volume; the code answers EINVAL.
 */
export function clonePath(caller: Caller, source: PathAt, target: PathAt, flags: number): void {
  requireFlags(flags, source.path);
  const from = walkToExisting(source.walker, source.path, linksOf(flags));
  cloneTo(caller, from, source.path, target, flags, false);
}

/** fclonefileat(2): EBADF for a descriptor that is not open for reading, which has been asked then. */
export function cloneOpenFile(caller: Caller, source: OpenFile, target: PathAt, flags: number): void {
  if (!source.isReadable) throw new FsError('EBADF', '', source.path, 'it is not open for reading');
  cloneTo(caller, source.place, source.path, target, flags, true);
}

export function requireFlags(flags: number, path: string): void {
  if ((flags & ~CLONE_FLAGS) !== 0) throw new FsError('EINVAL', '', path, 'no such flag');
}

const linksOf = (flags: number) => ({
  follow: (flags & CLONE_NOFOLLOW) === 0,
  refusesLinks: (flags & CLONE_NOFOLLOW_ANY) !== 0,
});

function cloneTo(
  caller: Caller,
  from: Place,
  source: string,
  target: PathAt,
  flags: number,
  mayRead: boolean,
): void {
  const { type } = from.node;
  const isCloneable = type === 'file' || type === 'symlink' || type === 'directory';
  if (!isCloneable || from.node === from.mount.volume.root) {
    throw new FsError('EINVAL', '', source, 'neither devices nor whole volumes are cloned');
  }
  const goal = walk(target.walker, target.path, linksOf(flags));
  if (goal.target !== null) throw new FsError('EEXIST', '', target.path);
  if (goal.hasTrailingSlash && type !== 'directory') throw new FsError('ENOENT', '', target.path);
  if (goal.directory.mount !== from.mount) throw new FsError('EXDEV', '', target.path);
  requireAddEntry(goal.directory, caller.credentials, target.path);
  if (!mayRead) requireRead(from, caller.credentials, source);
  const { volume } = from.mount;
  if (volume.clone === undefined) {
    throw new FsError('ENOTSUP', '', target.path, 'this volume shares no blocks between files');
  }
  if (type === 'directory' && isAtOrBelow(goal.directory, from)) {
    throw new FsError('EINVAL', '', target.path, 'a directory cannot be cloned into itself');
  }
  const keepsOwner = caller.credentials.uid === SUPERUSER && (flags & CLONE_NOOWNERCOPY) === 0;
  const { uid, gid } = caller.credentials;
  volume.clone(from.node, goal.directory.node, goal.name, keepsOwner ? null : { uid, gid });
}

/** getattrlist(2) of CLONEID, CLONE_REFCNT, PRIVATESIZE and EF_MAY_SHARE_BLOCKS. */
export function sharingOfPath(caller: Caller, path: string): Sharing {
  const { mount, node } = walkToExisting(caller, path, { follow: true });
  const sharing = mount.volume.sharing?.(node);
  if (sharing === undefined) {
    throw new FsError('ENOTSUP', '', path, 'this volume shares no blocks between files');
  }
  return sharing;
}

/** Checks in the order of exchangedata (xnu bsd/vfs/vfs_syscalls.c). */
export function exchangePaths(caller: Caller, path1: string, path2: string): void {
  const first = walkToExisting(caller, path1, { follow: true });
  const second = walkToExisting(caller, path2, { follow: true });
  if (isSameFile(first, second)) throw new FsError('EINVAL', '', path2, 'both are the same file');
  if (first.mount !== second.mount) throw new FsError('EXDEV', '', path2);
  const both = [
    [first, path1],
    [second, path2],
  ] as const;
  for (const [{ node }, path] of both) {
    if (node.type !== 'file') throw new FsError('EINVAL', '', path, 'only files are exchanged');
  }
  for (const [place, path] of both) {
    requireRead(place, caller.credentials, path);
    requireWrite(place, caller.credentials, path, false);
  }
  const { volume } = first.mount;
  if (volume.exchange === undefined) {
    throw new FsError('ENOTSUP', '', path1, 'this volume exchanges no contents');
  }
  volume.exchange(first.node, second.node);
}
