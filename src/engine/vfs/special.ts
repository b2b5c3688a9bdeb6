import { FsError } from '../base/errno.ts';
import type { FileType } from '../formats/contract.ts';
import { S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT } from './constants.ts';
import { walk } from './namei.ts';
import type { Caller } from './naming.ts';
import { requireAddEntry, SUPERUSER } from './permissions.ts';

type SpecialType = Exclude<FileType, 'file' | 'directory' | 'symlink'>;

/** What mknod(2) makes: sockets come from bind(2) alone, and FIFOs are mkfifo's in another dress. */
const SPECIAL_TYPES: ReadonlyMap<number, SpecialType> = new Map([
  [S_IFIFO, 'fifo'],
  [S_IFCHR, 'character device'],
  [S_IFBLK, 'block device'],
]);

/**
 * mknod(2) and mkfifo(2), in the order of mknodat_internal and mkfifo1 (xnu bsd/vfs/vfs_syscalls.c): only root makes
 * devices (EPERM), then the path, EEXIST, EINVAL for another type, permissions, and ENOTSUP of the volume last.
 */
export function makeSpecialFile(caller: Caller, path: string, mode: number, device: number): void {
  const type = SPECIAL_TYPES.get(mode & S_IFMT);
  if (type !== 'fifo' && caller.credentials.uid !== SUPERUSER) {
    throw new FsError('EPERM', '', path, 'only root makes devices');
  }
  const { directory, name, target, hasTrailingSlash } = walk(caller, path, { follow: false });
  if (target !== null) throw new FsError('EEXIST', '', path);
  if (type === undefined) {
    throw new FsError('EINVAL', '', path, 'mknod makes devices and FIFOs, nothing else');
  }
  if (!Number.isInteger(device) || device < 0 || device > 0xffff_ffff) {
    throw new FsError('EINVAL', '', path, 'a device number has 32 bits: major << 24 | minor');
  }
  if (hasTrailingSlash) throw new FsError('ENOENT', '', path);
  requireAddEntry(directory, caller.credentials, path);
  const { volume } = directory.mount;
  const { uid, gid } = caller.credentials;
  const init = { mode: mode & 0o7777 & ~caller.creationMask, uid, gid };
  const node = volume.makeSpecial?.(directory.node, name, type, type === 'fifo' ? 0 : device, init);
  if (node === undefined) {
    throw new FsError('ENOTSUP', '', path, 'this volume holds files, directories and links only');
  }
  volume.release(node);
}
