import type { Timespec } from '../base/clock.ts';
import { FsError } from '../base/errno.ts';
import type { AttributeChange, FileType } from '../formats/contract.ts';
import type { Stat } from './calls.ts';
import { followOwnership } from './companion.ts';
import {
  R_OK,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
  S_IFSOCK,
  W_OK,
  X_OK,
} from './constants.ts';
import type { Kernel } from './kernel.ts';
import type { Place } from './mount.ts';
import type { Entry } from './namei.ts';
import { grants, requireMutable, requireOwner, requireWritableVolume, SUPERUSER } from './permissions.ts';
import type { Credentials } from './permissions.ts';

/** What is known about a file besides its bytes: asking for it and changing it. */

const TYPE_BITS: Readonly<Record<FileType, number>> = {
  file: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
  'character device': S_IFCHR,
  'block device': S_IFBLK,
  fifo: S_IFIFO,
  socket: S_IFSOCK,
};

/** <sys/stat.h>, SF_SUPPORTED and more: the flags only root may touch. */
const SYSTEM_FLAGS = 0xffff_0000;
const STAT_BLOCK_BYTES = 512;

const isDevice = (type: FileType): boolean => type === 'character device' || type === 'block device';

export function statOf({ mount, node }: Place): Stat {
  const attributes = mount.volume.attributes(node);
  return {
    device: mount.identity.device,
    inode: attributes.inode,
    mode: TYPE_BITS[attributes.type] | attributes.mode,
    linkCount: attributes.linkCount,
    uid: attributes.uid,
    gid: attributes.gid,
    rawDevice: (isDevice(node.type) ? mount.volume.deviceOf?.(node) : undefined) ?? 0,
    sizeBytes: attributes.sizeBytes,
    blocks: Math.ceil(attributes.allocatedBytes / STAT_BLOCK_BYTES),
    blockSizeBytes: mount.volume.statistics().blockSizeBytes,
    flags: attributes.flags,
    accessTime: attributes.accessTime,
    modifyTime: attributes.modifyTime,
    changeTime: attributes.changeTime,
    birthTime: attributes.birthTime,
  };
}

/** access(2) with R_OK, W_OK, X_OK or F_OK: EINVAL, EROFS, EACCES. */
export function requireAccess(place: Place, credentials: Credentials, path: string, mode: number): void {
  if ((mode & ~(R_OK | W_OK | X_OK)) !== 0) throw new FsError('EINVAL', '', path, 'no such access mode');
  if ((mode & W_OK) !== 0) requireWritableVolume(place, path);
  const attributes = place.mount.volume.attributes(place.node);
  if ((mode & W_OK) !== 0) requireMutable(attributes, path);
  if (!grants(attributes, credentials, mode)) throw new FsError('EACCES', '', path);
}

export function changeMode(entry: Entry, credentials: Credentials, path: string, mode: number): void {
  if ((mode & ~0o7777) !== 0) throw new FsError('EINVAL', '', path, 'a mode has twelve bits');
  const attributes = requireChangeable(entry.target, path);
  requireOwner(attributes, credentials, path);
  change(entry, { mode });
}

/** −1 leaves the owner or the group. Only root gives files away; set-id bits do not survive it. */
export function changeOwner(
  entry: Entry,
  credentials: Credentials,
  path: string,
  owner: { uid: number; gid: number },
): void {
  for (const id of [owner.uid, owner.gid]) {
    if (!Number.isInteger(id) || id < -1 || id > 0xffff_ffff) throw new FsError('EINVAL', '', path);
  }
  const attributes = requireChangeable(entry.target, path);
  const uid = owner.uid === -1 ? attributes.uid : owner.uid;
  const gid = owner.gid === -1 ? attributes.gid : owner.gid;
  if (credentials.uid !== SUPERUSER) {
    requireOwner(attributes, credentials, path);
    const mayChange = uid === attributes.uid && (gid === attributes.gid || gid === credentials.gid);
    if (!mayChange) throw new FsError('EPERM', '', path, 'only root gives files away');
  }
  const keepsSetId = credentials.uid === SUPERUSER || (attributes.mode & 0o6000) === 0;
  change(entry, keepsSetId ? { uid, gid } : { uid, gid, mode: attributes.mode & ~0o6000 });
}

/** The one change that a locked file allows: taking the lock away. */
export function changeFlags(entry: Entry, credentials: Credentials, path: string, flags: number): void {
  if (!Number.isInteger(flags) || flags < 0 || flags > 0xffff_ffff) throw new FsError('EINVAL', '', path);
  requireWritableVolume(entry.target, path);
  const attributes = entry.target.mount.volume.attributes(entry.target.node);
  requireOwner(attributes, credentials, path);
  if (((flags ^ attributes.flags) & SYSTEM_FLAGS) !== 0 && credentials.uid !== SUPERUSER) {
    throw new FsError('EPERM', '', path, 'only root changes system flags');
  }
  change(entry, { flags });
}

export function changeTimes(
  entry: Entry,
  caller: { readonly kernel: Kernel; readonly credentials: Credentials },
  path: string,
  times: { access?: Timespec; modify?: Timespec },
): void {
  const { access, modify } = times;
  for (const time of [access, modify]) if (time !== undefined) requireTime(time, path);
  const attributes = requireChangeable(entry.target, path);
  const isNow = [access, modify].every(
    (time) => time === undefined || isSameTime(time, caller.kernel.clock.now()),
  );
  // Whoever may write may also say "now"; any other time is the owner's.
  if (!isNow || !grants(attributes, caller.credentials, W_OK)) {
    requireOwner(attributes, caller.credentials, path);
  }
  change(entry, {
    ...(access === undefined ? {} : { accessTime: access }),
    ...(modify === undefined ? {} : { modifyTime: modify }),
  });
}

function requireChangeable(place: Place, path: string) {
  requireWritableVolume(place, path);
  const attributes = place.mount.volume.attributes(place.node);
  requireMutable(attributes, path);
  return attributes;
}

function change({ directory, name, target }: Entry, change: AttributeChange): void {
  target.mount.volume.setAttributes(target.node, change);
  followOwnership(directory, name, change);
}

function requireTime({ seconds, nanoseconds }: Timespec, path: string): void {
  const isTime =
    Number.isSafeInteger(seconds) && Number.isInteger(nanoseconds) && nanoseconds >= 0 && nanoseconds < 1e9;
  if (!isTime) throw new FsError('EINVAL', '', path, 'that is no time');
}

const isSameTime = (a: Timespec, b: Timespec) => a.seconds === b.seconds && a.nanoseconds === b.nanoseconds;
