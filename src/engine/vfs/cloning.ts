import { FsError } from '../base/errno.ts';
import { isSameFile } from './mount.ts';
import { walk, walkToExisting } from './namei.ts';
import type { Caller } from './naming.ts';
import { requireAddEntry, requireRead, requireWrite } from './permissions.ts';

/** clonefile(2) and exchangedata(2): calls that only some formats answer. */

/** <sys/clonefile.h>: CLONE_NOFOLLOW, CLONE_NOOWNERCOPY, CLONE_ACL, CLONE_NOFOLLOW_ANY. */
const CLONE_NOFOLLOW = 0x1;
const CLONE_FLAGS = 0xf;

/** Checks in the order of clonefile_internal (xnu bsd/vfs/vfs_syscalls.c); then ENOTSUP, the default of every vnop. */
export function clonePath(caller: Caller, source: string, target: string, flags: number): void {
  if ((flags & ~CLONE_FLAGS) !== 0) throw new FsError('EINVAL', '', source, 'no such flag');
  const from = walkToExisting(caller, source, { follow: (flags & CLONE_NOFOLLOW) === 0 });
  const { type } = from.node;
  const isCloneable = type === 'file' || type === 'symlink' || type === 'directory';
  if (!isCloneable || from.node === from.mount.volume.root) {
    throw new FsError('EINVAL', '', source, 'neither devices nor whole volumes are cloned');
  }
  const goal = walk(caller, target, { follow: false });
  if (goal.target !== null) throw new FsError('EEXIST', '', target);
  if (goal.directory.mount !== from.mount) throw new FsError('EXDEV', '', target);
  requireAddEntry(goal.directory, caller.credentials, target);
  requireRead(from, caller.credentials, source);
  throw new FsError('ENOTSUP', '', target, 'this volume shares no blocks between files');
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
