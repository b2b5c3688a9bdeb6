import { FsError, strerror } from '../base/errno.ts';
import type { AttributeChange, VolumeNode } from '../formats/contract.ts';
import type { Kernel } from './kernel.ts';
import type { Mount, Place } from './mount.ts';

/**
 * `._name`, the AppleDouble file that goes with `name` on a volume without extended attributes: made, moved and
 * deleted with its file, by the kernel and without a word to the program. Source: xnu bsd/vfs/kpi_vfs.c, VNOP_REMOVE,
 * VNOP_RENAME, xattrfile_remove; vfs_subr.c, rmdir_remove_orphaned_appleDouble.
 */
export const COMPANION_PREFIX = '._';

/** A companion this much older than now, found where a new file is made, was left by another system. */
const STALE_SECONDS = 180;

export const isCompanionName = (name: string): boolean => name.startsWith(COMPANION_PREFIX);

export const companionName = (name: string): string => `${COMPANION_PREFIX}${name}`;

/** Volumes with attributes of their own need no companions; a companion has none itself. */
export const hasCompanions = (mount: Mount): boolean => !mount.volume.capabilities.hasExtendedAttributes;

/** The companion of `name`, if there is one; a directory of that name is none. */
export function findCompanion(directory: Place, name: string): VolumeNode | undefined {
  if (!hasCompanions(directory.mount) || isCompanionName(name)) return undefined;
  const node = lookupIfPossible(directory, companionName(name));
  return node?.type === 'file' ? node : undefined;
}

/** Its file has lost its name (or, `onlyStale`, has just been made where an old companion lay). */
export function removeCompanion(
  kernel: Kernel,
  directory: Place,
  name: string,
  { onlyStale }: { onlyStale: boolean },
): void {
  const node = findCompanion(directory, name);
  if (node === undefined) return;
  if (onlyStale) {
    const { sizeBytes, modifyTime, changeTime } = directory.mount.volume.attributes(node);
    const touchedAt = Math.max(modifyTime.seconds, changeTime.seconds);
    if (sizeBytes === 0 || kernel.clock.now().seconds - touchedAt <= STALE_SECONDS) return;
  }
  directory.mount.volume.remove(directory.node, companionName(name));
}

/**
 * Its file has moved. Without a companion of its own, it must not inherit that of the file it replaced. The move
 * stands even when the companion cannot follow (its new name may be too long): the sentence why is returned.
 */
export function moveCompanion(from: Place, fromName: string, to: Place, toName: string): string | undefined {
  if (!hasCompanions(from.mount) || isCompanionName(fromName)) return undefined;
  const { volume } = from.mount;
  const moved = findCompanion(from, fromName);
  const inTheWay = lookupIfPossible(to, companionName(toName));
  if (moved === undefined) {
    if (inTheWay?.type === 'file') volume.remove(to.node, companionName(toName));
    return undefined;
  }
  const staysBehind = (why: string) => `its attributes stay behind in ${companionName(fromName)}: ${why}`;
  if (inTheWay?.type === 'directory') return staysBehind(strerror('EISDIR'));
  try {
    volume.rename(from.node, companionName(fromName), to.node, companionName(toName));
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    return staysBehind(strerror(error.code));
  }
  return undefined;
}

/** Mode and owner of a companion are those of its file; flags and times are its own. */
export function followOwnership(directory: Place, name: string, change: AttributeChange): void {
  const { mode, uid, gid } = change;
  if (mode === undefined && uid === undefined && gid === undefined) return;
  const node = findCompanion(directory, name);
  if (node === undefined) return;
  directory.mount.volume.setAttributes(node, {
    ...(mode === undefined ? {} : { mode }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
}

/**
 * rmdir of a directory that holds nothing but companions deletes them. False when it holds anything else; '._._x'
 * counts as something else.
 */
export function removeOrphanedCompanions(directory: Place): boolean {
  if (!hasCompanions(directory.mount)) return false;
  const { volume } = directory.mount;
  const names: string[] = [];
  let after: number | null = null;
  do {
    const page = volume.list(directory.node, after, 256);
    for (const { name, type } of page.entries) {
      if (type === 'directory' || !isCompanionName(name) || isCompanionName(name.slice(2))) return false;
      names.push(name);
    }
    after = page.next;
  } while (after !== null);
  for (const name of names) volume.remove(directory.node, name);
  return true;
}

/** With its prefix the name may be too long for the volume: then there is no companion. */
function lookupIfPossible(directory: Place, name: string): VolumeNode | undefined {
  if (name.length > directory.mount.volume.limits.nameUnitsMax) return undefined;
  try {
    return directory.mount.volume.lookup(directory.node, name);
  } catch (error) {
    if (error instanceof FsError && error.code === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}
