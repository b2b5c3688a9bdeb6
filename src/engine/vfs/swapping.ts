import { FsError } from '../base/errno.ts';
import { isSameFile } from './mount.ts';
import type { Place } from './mount.ts';
import { canonical, isAtOrBelow } from './namei.ts';
import type { Found } from './namei.ts';
import type { Caller } from './naming.ts';
import { requireAddEntry, requireDelete } from './permissions.ts';

/** Two ends of a swap: an entry that exists, and the path it was given by. */
export interface SwapEnd {
  readonly found: Found;
  readonly target: Place;
  readonly path: string;
}

/**
 * renamex_np(RENAME_SWAP) of two entries of one volume, both there: whatever they are changes places, a file with a
 * directory too. EINVAL when one lies inside the other; permissions as for removing and adding both (xnu
 * bsd/vfs/vfs_subr.c, vn_authorize_renamex_with_paths).
 */
export function swapEntries(caller: Caller, first: SwapEnd, second: SwapEnd): void {
  for (const [end, other] of [
    [first, second],
    [second, first],
  ] as const) {
    if (end.target.node.type === 'directory' && isAtOrBelow(other.found.directory, end.target)) {
      throw new FsError('EINVAL', '', other.path, 'a directory cannot move into itself');
    }
  }
  for (const { found, target, path } of [first, second]) {
    requireDelete(found.directory, target, caller.credentials, path);
    requireAddEntry(found.directory, caller.credentials, path);
  }
  const { volume } = first.target.mount;
  if (volume.swap === undefined || volume.capabilities.hasSwapRename !== true) {
    throw new FsError('ENOTSUP', '', first.path, 'this volume does not rename in this way');
  }
  if (isSameFile(first.target, second.target)) return;
  const places = [first, second].map(({ found }) => canonical(caller.root, found.components));
  const [from = [], to = []] = places;
  volume.swap(first.found.directory.node, first.found.name, second.found.directory.node, second.found.name);
  const [movesFirst, movesSecond] = [first, second].map(({ target }) => target.node.type === 'directory');
  if (movesFirst && movesSecond) caller.kernel.directoriesSwapped(from, to);
  else if (movesFirst) caller.kernel.directoryRenamed(from, to);
  else if (movesSecond) caller.kernel.directoryRenamed(to, from);
}
