import { utf8 } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import type { Snapshot, Snapshots } from '../formats/contract.ts';
import { R_OK, W_OK } from './constants.ts';
import { pathOf } from './mount.ts';
import type { Mount } from './mount.ts';
import { walkToCanonical, walkToExisting } from './namei.ts';
import type { Caller } from './naming.ts';
import { requireAccess } from './metadata.ts';
import { SUPERUSER } from './permissions.ts';

/**
 * fs_snapshot_*(2). The calls take a descriptor of the volume's root; here its path, so that what open(2) would answer
 * comes first. Then, in the order of xnu bsd/vfs/vfs_syscalls.c (fs_snapshot, vnode_get_snapshot): EPERM, EINVAL when
 * it is not the root, ENOTSUP, and only then the name.
 */

/** <sys/syslimits.h>, NAME_MAX: a snapshot is an entry of a directory without a name. */
const NAME_BYTES_MAX = 255;

interface Subject {
  readonly mount: Mount;
  readonly snapshots: Snapshots;
}

export function createSnapshot(caller: Caller, path: string, name: string): void {
  const { snapshots } = changeable(caller, path, name);
  snapshots.create(name);
}

export function deleteSnapshot(caller: Caller, path: string, name: string): void {
  const { snapshots } = changeable(caller, path, name);
  requireSnapshot(snapshots, path, name);
  snapshots.delete(name);
}

/** EEXIST even for the name it has. */
export function renameSnapshot(caller: Caller, path: string, name: string, newName: string): void {
  const { snapshots } = changeable(caller, path, name);
  requireSnapshot(snapshots, path, name);
  requireSnapshotName(newName, path);
  if (hasSnapshot(snapshots, newName)) throw new FsError('EEXIST', '', path, `there is a ${newName} already`);
  snapshots.rename(name, newName);
}

/**
 * macOS notes the wish and reverts when the volume is mounted next; here it happens at once. EBUSY while anybody but
 * those who merely stand in the root uses the volume.
 */
export function revertToSnapshot(caller: Caller, path: string, name: string): void {
  const { mount, snapshots } = changeable(caller, path, name);
  requireSnapshot(snapshots, path, name);
  mount.requireIdle((holder) => holder.node === mount.volume.root);
  snapshots.revert(name);
}

/** getattrlistbulk(2) over the directory of snapshots, which asks for no privilege. */
export function listSnapshots(caller: Caller, path: string): readonly Snapshot[] {
  return subjectOf(caller, path).snapshots.list();
}

export function mountSnapshot(caller: Caller, path: string, name: string, on: string): void {
  const place = walkToExisting(caller, path, { follow: true });
  requirePrivilege(caller, path);
  const { mount, snapshots } = requireSubject(place.mount, place.node === place.mount.volume.root, path);
  requireSnapshotName(name, path);
  requireSnapshot(snapshots, path, name);
  const covered = walkToCanonical(caller, on, { follow: true });
  if (covered.node.type !== 'directory') throw new FsError('ENOTDIR', '', on);
  const mounter = caller.kernel.snapshotMounter;
  if (mounter === null) throw new FsError('ENOTSUP', '', path, 'this machine mounts no snapshots');
  mounter(mount.identity.from, name, pathOf(covered.components));
}

/** What create, delete, rename and revert ask first. */
function changeable(caller: Caller, path: string, name: string): Subject {
  const place = walkToExisting(caller, path, { follow: true });
  requirePrivilege(caller, path);
  requireDiskAccess(caller, place.mount, path);
  const subject = requireSubject(place.mount, place.node === place.mount.volume.root, path);
  requireSnapshotName(name, path);
  if (place.mount.volume.isReadOnly) throw new FsError('EROFS', '', path);
  return subject;
}

function subjectOf(caller: Caller, path: string): Subject {
  const { mount, node } = walkToExisting(caller, path, { follow: true });
  return requireSubject(mount, node === mount.volume.root, path);
}

function requireSubject(mount: Mount, isRoot: boolean, path: string): Subject {
  if (!isRoot) throw new FsError('EINVAL', '', path, 'a snapshot is of a whole volume: name its root');
  const { snapshots } = mount.volume;
  if (snapshots === undefined) throw new FsError('ENOTSUP', '', path, 'this volume keeps no snapshots');
  return { mount, snapshots };
}

/** macOS asks root, too, for the entitlement com.apple.developer.vfs.snapshot; root has it here. */
function requirePrivilege(caller: Caller, path: string): void {
  if (caller.credentials.uid === SUPERUSER || caller.kernel.allowsUserSnapshots) return;
  throw new FsError('EPERM', '', path, 'snapshots are for root: try sudo');
}

/** Whoever is not root has to be able to write the disk itself. */
function requireDiskAccess(caller: Caller, mount: Mount, path: string): void {
  if (caller.credentials.uid === SUPERUSER) return;
  const device = mount.identity.store;
  try {
    const place = walkToExisting(caller, device, { follow: true });
    requireAccess(place, caller.credentials, device, R_OK | W_OK);
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    throw new FsError('EPERM', '', path, `no permission to write ${device}`, { cause: error });
  }
}

/** EINVAL, ENAMETOOLONG: what the system asks of a name before it asks the volume. */
export function requireSnapshotName(name: string, path: string): void {
  if (name === '' || name === '.' || name === '..' || name.includes('/')) {
    throw new FsError('EINVAL', '', path, 'a snapshot has a name without slashes');
  }
  if (name.includes('\0')) throw new FsError('EINVAL', '', path, 'the name holds a NUL');
  if (utf8(name).length > NAME_BYTES_MAX) {
    throw new FsError('ENAMETOOLONG', '', path, `a snapshot's name has at most ${NAME_BYTES_MAX} bytes`);
  }
}

const hasSnapshot = (snapshots: Snapshots, name: string): boolean =>
  snapshots.list().some((snapshot) => snapshot.name === name);

function requireSnapshot(snapshots: Snapshots, path: string, name: string): void {
  if (!hasSnapshot(snapshots, name)) throw new FsError('ENOENT', '', path, `there is no snapshot ${name}`);
}
