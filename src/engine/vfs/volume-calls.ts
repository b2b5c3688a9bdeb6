import { FsError } from '../base/errno.ts';
import type { Sharing, Snapshot } from '../formats/contract.ts';
import { callSpan } from './callspan.ts';
import type { MountStatistics, SystemCalls } from './calls.ts';
import { cloneOpenFile, clonePath, exchangePaths, requireFlags, sharingOfPath } from './cloning.ts';
import { AT_FDCWD } from './constants.ts';
import { quoted } from './descriptors.ts';
import type { Kernel } from './kernel.ts';
import { statisticsOf } from './mount.ts';
import type { Mount } from './mount.ts';
import { componentsOf, walkToExisting } from './namei.ts';
import type { Walker } from './namei.ts';
import { renamePath } from './naming.ts';
import type { Caller } from './naming.ts';
import type { OpenFile } from './openfile.ts';
import type { Credentials } from './permissions.ts';
import {
  createSnapshot,
  deleteSnapshot,
  listSnapshots,
  mountSnapshot,
  renameSnapshot,
  revertToSnapshot,
} from './snapshots.ts';

type VolumeCall =
  | 'statfs'
  | 'getfsstat'
  | 'sync'
  | 'clonefile'
  | 'clonefileat'
  | 'fclonefileat'
  | 'exchangedata'
  | 'sharing'
  | 'renameatx'
  | `fsSnapshot${'Create' | 'Delete' | 'Rename' | 'List' | 'Mount' | 'Revert'}`;

/** The calls of a process that are about whole volumes, or that some volumes only can do; and those with two places. */
export abstract class VolumeCalls implements Pick<SystemCalls, VolumeCall>, Caller {
  abstract readonly kernel: Kernel;
  abstract readonly credentials: Credentials;
  abstract readonly root: Mount;
  abstract readonly cwd: Walker['cwd'];
  abstract readonly creationMask: number;
  /** EBADF. */
  protected abstract openFile(fd: number): OpenFile;

  // ── two places ─────────────────────────────────────────────────────────────────────────────────────────────────

  renameatx(fromFd: number, from: string, toFd: number, to: string, flags: number): void {
    const sentence = () => `rename ${quoted(from)} to ${quoted(to)}`;
    const work = () =>
      renamePath(this, from, to, flags, { from: this.#walkerAt(fromFd, from), to: this.#walkerAt(toFd, to) });
    this.call('renameatx_np', from, sentence, work, (remark) => remark ?? 'done');
  }

  clonefile(source: string, target: string, flags: number): void {
    this.#clone('clonefile', AT_FDCWD, source, AT_FDCWD, target, flags);
  }

  clonefileat(sourceFd: number, source: string, targetFd: number, target: string, flags: number): void {
    this.#clone('clonefileat', sourceFd, source, targetFd, target, flags);
  }

  fclonefileat(sourceFd: number, targetFd: number, target: string, flags: number): void {
    const sentence = () => `clone descriptor ${sourceFd} as ${quoted(target)}`;
    this.call('fclonefileat', target, sentence, () => {
      requireFlags(flags, target);
      const source = this.openFile(sourceFd);
      cloneOpenFile(this, source, { walker: this.#walkerAt(targetFd, target), path: target }, flags);
    });
  }

  exchangedata(path1: string, path2: string): void {
    const sentence = () => `exchange the contents of ${quoted(path1)} and ${quoted(path2)}`;
    this.call('exchangedata', path1, sentence, () => exchangePaths(this, path1, path2));
  }

  sharing(path: string): Sharing {
    const sentence = () => `ask what ${quoted(path)} shares`;
    const result = ({ privateBytes }: Sharing) => `${privateBytes} bytes are its own`;
    return this.call('getattrlist', path, sentence, () => sharingOfPath(this, path), result);
  }

  #clone(
    name: string,
    sourceFd: number,
    source: string,
    targetFd: number,
    target: string,
    flags: number,
  ): void {
    const sentence = () => `clone ${quoted(source)} as ${quoted(target)}`;
    this.call(name, target, sentence, () => {
      requireFlags(flags, source);
      const from = { walker: this.#walkerAt(sourceFd, source), path: source };
      const to = { walker: this.#walkerAt(targetFd, target), path: target };
      clonePath(this, from, to, flags);
    });
  }

  /** Relative paths begin in the directory of this descriptor; absolute ones do not care. EBADF, ENOTDIR. */
  #walkerAt(fd: number, path: string): Walker {
    if (fd === AT_FDCWD || path.startsWith('/')) return this;
    const { place, isRemoved } = this.openFile(fd);
    if (place.node.type !== 'directory') throw new FsError('ENOTDIR', '', path, `descriptor ${fd} is none`);
    const components = isRemoved ? [] : componentsOf(place);
    return { root: this.root, credentials: this.credentials, cwd: { ...place, components, isRemoved } };
  }

  // ── whole volumes ──────────────────────────────────────────────────────────────────────────────────────────────

  statfs(path: string): MountStatistics {
    const sentence = () => `ask about the volume of ${quoted(path)}`;
    const work = () => statisticsOf(walkToExisting(this, path, { follow: true }).mount);
    return this.call('statfs', path, sentence, work, ({ on }) => on);
  }

  getfsstat(): MountStatistics[] {
    const sentence = () => 'ask about all volumes';
    return this.call('getfsstat', '', sentence, () => this.kernel.getfsstat());
  }

  sync(): void {
    const sentence = () => 'write everything dirty to the disks';
    this.call('sync', '', sentence, () => this.kernel.sync());
  }

  fsSnapshotCreate(path: string, name: string): void {
    const sentence = () => `take the snapshot ${quoted(name)} of ${quoted(path)}`;
    this.call('fs_snapshot_create', path, sentence, () => createSnapshot(this, path, name));
  }

  fsSnapshotDelete(path: string, name: string): void {
    const sentence = () => `delete the snapshot ${quoted(name)} of ${quoted(path)}`;
    this.call('fs_snapshot_delete', path, sentence, () => deleteSnapshot(this, path, name));
  }

  fsSnapshotRename(path: string, name: string, newName: string): void {
    const sentence = () => `rename the snapshot ${quoted(name)} of ${quoted(path)} to ${quoted(newName)}`;
    this.call('fs_snapshot_rename', path, sentence, () => renameSnapshot(this, path, name, newName));
  }

  fsSnapshotList(path: string): readonly Snapshot[] {
    const sentence = () => `list the snapshots of ${quoted(path)}`;
    const result = ({ length }: readonly Snapshot[]) => `${length} snapshots`;
    return this.call('fs_snapshot_list', path, sentence, () => listSnapshots(this, path), result);
  }

  fsSnapshotMount(path: string, on: string, name: string): void {
    const sentence = () => `mount the snapshot ${quoted(name)} of ${quoted(path)} on ${quoted(on)}`;
    this.call('fs_snapshot_mount', path, sentence, () => mountSnapshot(this, path, name, on));
  }

  fsSnapshotRevert(path: string, name: string): void {
    const sentence = () => `make ${quoted(path)} what it was at the snapshot ${quoted(name)}`;
    this.call('fs_snapshot_revert', path, sentence, () => revertToSnapshot(this, path, name));
  }

  protected call<T>(
    name: string,
    path: string,
    sentence: () => string,
    work: () => T,
    result?: (value: T) => string,
  ): T {
    return callSpan(this.kernel.trace, { name, path }, sentence, work, result);
  }
}
