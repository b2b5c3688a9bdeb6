import type { Clock } from '../../base/clock.ts';
import { FsError } from '../../base/errno.ts';
import type { Trace } from '../../base/trace.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import type { CommitPolicy } from '../contract.ts';
import type { ClusterRun, FileAllocationTable } from './alloc.ts';
import type { Directory } from './directory.ts';
import {
  BootSector16,
  BootSector32,
  ENTRY_SIZE_BYTES,
  FsInfo,
  STATE_DIRTY,
  UNKNOWN_COUNT,
} from './layout.ts';
import type { Geometry } from './layout.ts';
import { putFirstCluster, putU32, u32At } from './node.ts';

/**
 * When what goes to the device. FAT has no journal: order is all that protects a volume, and the order here makes a
 * power cut at any point leave at worst clusters that nobody uses and names that end in a lost part, never a file
 * whose clusters are free.
 *
 * One flush writes in waves, a barrier between any two that wrote something:
 *
 * 1. file data (already written, directly) and new chains in the FAT    cut after it: lost clusters
 * 2. links from old clusters to new chains                              chains longer than their files
 * 3. directory entries; a name in two sectors in two rounds             orphaned long-name slots
 * 4. '..' of moved directories                                          two names for one directory
 * 5. old entries of what moved                                          lost clusters
 * 6. clusters set free in the FAT; FSInfo                               a stale count
 *
 * Under `each` every operation flushes; under `writeback` changes gather until a sync, 5 s of simulated time, or
 * 8 MiB. Sources: FATGEN 1.03 gives no order; macOS flushes like this on sync (msdosfs-788), Linux without barriers.
 */
export interface CommitOptions {
  readonly policy: CommitPolicy;
  readonly clock: Clock;
  readonly trace: Trace;
  readonly isReadOnly: boolean;
  /** False when somebody else left the volume dirty: then only a check may call it clean. */
  readonly mayMarkClean: boolean;
  /** The volume is marked as in use by ourselves already. */
  readonly isMarkedInUse: boolean;
  readonly hasFsInfo: boolean;
}

const DIRTY_BYTES_MAX = 8 * 2 ** 20;
const WAITING_CLUSTERS_MAX = 2 ** 20;
const DIRTY_SECONDS_MAX = 5;
const STATE_OFFSET_BYTES = {
  12: BootSector16.fields.state.at,
  16: BootSector16.fields.state.at,
  32: BootSector32.fields.state.at,
};

const FREE_COUNT_AT = FsInfo.fields.freeCount.at;
const NEXT_FREE_AT = FsInfo.fields.nextFree.at;

export class Commit {
  readonly #device: Device;
  readonly #geometry: Geometry;
  readonly #fat: FileAllocationTable;
  readonly #options: CommitOptions;

  readonly #directories = new Set<Directory>();
  /** Directories that moved: their new '..' waits for their new entry. */
  readonly #movedDirectories = new Map<Directory, number>();
  #hasLooseData = false;
  #isMarkedInUse: boolean;
  #writtenFreeCount: number | undefined;
  #writtenNextFree = 0;
  /** FSInfo as it is on the device, once read. */
  #fsInfoSector: Uint8Array | undefined;
  #dirtySinceSeconds = -1;
  /** Dirty sectors of directories, in bytes. */
  #directoryBytes = 0;

  constructor(device: Device, geometry: Geometry, fat: FileAllocationTable, options: CommitOptions) {
    this.#device = device;
    this.#geometry = geometry;
    this.#fat = fat;
    this.#options = options;
    this.#isMarkedInUse = options.isMarkedInUse;
  }

  /** Before the first change: EROFS, and the dirty marks on the device ahead of everything they warn of. */
  begin(): void {
    if (this.#options.isReadOnly) {
      throw new FsError('EROFS', '', '', 'the volume is mounted for reading only');
    }
    if (this.#isMarkedInUse) return;
    this.#fat.markClean(false);
    this.#fat.write('mark the volume as in use');
    this.#writeState(true);
    this.#device.barrier('fat: the volume says that it is in use before anything changes');
    this.#isMarkedInUse = true;
  }

  /** After a change: out at once, or when enough gathered. */
  end(): void {
    if (this.#options.policy === 'each') {
      this.flush();
      return;
    }
    const { seconds } = this.#options.clock.now();
    if (this.#dirtySinceSeconds < 0) this.#dirtySinceSeconds = seconds;
    if (
      seconds - this.#dirtySinceSeconds >= DIRTY_SECONDS_MAX ||
      this.#fat.waitingClusters > WAITING_CLUSTERS_MAX ||
      this.#directoryBytes + this.#fat.dirtyBytes > DIRTY_BYTES_MAX
    ) {
      this.flush();
    }
  }

  /** The device failed: says so in the FAT with the next write. */
  noteFault(): void {
    if (!this.#options.isReadOnly && this.#fat.isMarkedFaultless) this.#fat.markFaulty();
  }

  /** Changes wait in memory for the next flush. */
  get isDirty(): boolean {
    return this.#dirtySinceSeconds >= 0;
  }

  get isRecording(): boolean {
    return this.#options.trace.isRecording;
  }

  /** File data or a new directory cluster went to the device: what names it must come after a barrier. */
  wroteData(): void {
    this.#hasLooseData = true;
  }

  /** `directory` has something to write: `lengthBytes` more than before. */
  addDirectory(directory: Directory, lengthBytes: number): void {
    this.#directories.add(directory);
    this.#directoryBytes += lengthBytes;
  }

  /** `directory`, whose entry moved, is to name `parentCluster` as its parent (0 for the root). */
  moveParent(directory: Directory, parentCluster: number): void {
    this.#movedDirectories.set(directory, parentCluster);
  }

  forgetDirectory(directory: Directory): void {
    this.#directories.delete(directory);
    this.#movedDirectories.delete(directory);
  }

  /** As `FileAllocationTable.allocate`; clusters that wait to become free are set free first when nothing else is left. */
  allocate(after: number, wanted: number): ClusterRun[] {
    const runs = this.#fat.allocate(after, wanted);
    const got = runs.reduce((sum, run) => sum + run.count, 0);
    if (got === wanted || !this.#fat.hasFrees) return runs;
    this.#fat.giveBack(runs);
    this.flush();
    return this.#fat.allocate(after, wanted);
  }

  /** Everything dirty to the device, in the order above. EIO keeps what was not written for the next time. */
  flush(): void {
    this.#dirtySinceSeconds = -1;
    const fat = this.#fat;
    let needsBarrier = this.#hasLooseData;
    if (fat.isDirty) {
      fat.write('new clusters, before anything leads to them');
      needsBarrier = true;
    }
    if (fat.hasLinks) {
      if (needsBarrier) this.#device.barrier('fat: new clusters before the link that leads to them');
      fat.applyLinks();
      fat.write('link new clusters behind old ones');
      needsBarrier = true;
    }
    if (this.#directories.size > 0) needsBarrier = this.#flushDirectories(needsBarrier);
    if (fat.hasFrees) {
      if (needsBarrier) this.#device.barrier('fat: no entry needs the clusters before they become free');
      fat.applyFrees();
      fat.write('set clusters free');
    }
    this.#hasLooseData = false;
    this.#writeFsInfo();
  }

  /** Waves 3 to 5. Returns whether a later wave needs a barrier before it. */
  #flushDirectories(hasWritten: boolean): boolean {
    let needsBarrier = this.#writeEntries(
      hasWritten,
      'fat: clusters before the entries that name them',
      'entries',
    );
    if (this.#movedDirectories.size > 0) {
      for (const [directory, parentCluster] of this.#movedDirectories) {
        putFirstCluster(directory.bytes, ENTRY_SIZE_BYTES, parentCluster);
        directory.touch(1);
      }
      const barrier = "fat: a moved directory's new entry before its '..'";
      needsBarrier = this.#writeEntries(needsBarrier, barrier, "let '..' name the new parent");
      this.#movedDirectories.clear();
    }
    let hasLateRemovals = false;
    for (const directory of this.#directories) {
      if (!directory.hasLateRemovals) continue;
      hasLateRemovals = true;
      directory.applyLateRemovals();
    }
    if (hasLateRemovals) {
      needsBarrier = this.#writeEntries(
        needsBarrier,
        'fat: the new name before the old one goes',
        'remove old slots',
      );
    }
    this.#directories.clear();
    this.#directoryBytes = 0;
    return needsBarrier;
  }

  #writeEntries(hasWritten: boolean, barrier: string, reason: string): boolean {
    let rounds = 0;
    for (const directory of this.#directories) {
      if (directory.isDirty) rounds = Math.max(rounds, directory.sortIntoRounds());
    }
    if (rounds === 0) return hasWritten;
    if (hasWritten) this.#device.barrier(barrier);
    for (let round = 0; round < rounds; round++) {
      if (round > 0)
        this.#device.barrier('fat: the first part of a long name before the entry it belongs to');
      for (const directory of this.#directories) directory.writeRound(round, reason);
    }
    for (const directory of this.#directories) directory.markWritten();
    return true;
  }

  /** `flush`, and everything is on the medium when this returns. */
  sync(): void {
    this.flush();
    this.#device.barrier('fat: sync');
  }

  /** Last flush, and the volume is clean again if it was so at mount. */
  close(): void {
    if (this.#options.isReadOnly) return;
    this.sync();
    if (!this.#isMarkedInUse || !this.#options.mayMarkClean) return;
    this.#fat.markClean(true);
    this.#fat.write('mark the volume as clean');
    this.#writeState(false);
    this.#device.barrier('fat: the volume is unmounted');
    this.#isMarkedInUse = false;
  }

  // ── boot sector and FSInfo ────────────────────────────────────────────────────────────────────────────────────────

  /** Bit 0 of the boot sector's state byte. The backup stays clean, so that fsck finds the copies equal after unmount. */
  #writeState(isInUse: boolean): void {
    const sector = new Uint8Array(this.#device.blockSizeBytes);
    this.#device.read(0, sector);
    const at = STATE_OFFSET_BYTES[this.#geometry.type];
    const old = sector[at] ?? 0;
    const state = isInUse ? old | STATE_DIRTY : old & ~STATE_DIRTY;
    if (state === old) return;
    sector[at] = state;
    this.#device.write(0, sector, isInUse ? LABEL_IN_USE : LABEL_CLEAN);
  }

  #writeFsInfo(): void {
    if (!this.#options.hasFsInfo || !this.#isMarkedInUse) return;
    const freeCount = this.#fat.freeClusters;
    const { nextFree } = this.#fat;
    if (freeCount === this.#writtenFreeCount && nextFree === this.#writtenNextFree) return;
    const { blockSizeBytes } = this.#device;
    const at = (this.#geometry.fsInfoSector * this.#geometry.sectorSizeBytes) / blockSizeBytes;
    let sector = this.#fsInfoSector;
    if (sector === undefined) {
      sector = new Uint8Array(blockSizeBytes);
      this.#device.read(at, sector);
    }
    const count = freeCount < 0 ? UNKNOWN_COUNT : freeCount;
    if (u32At(sector, FREE_COUNT_AT) !== count || u32At(sector, NEXT_FREE_AT) !== nextFree) {
      // Every operation that takes or frees a cluster comes here: only the two counts are put, nothing is read again.
      putU32(sector, FREE_COUNT_AT, count);
      putU32(sector, NEXT_FREE_AT, nextFree);
      this.#fsInfoSector = undefined; // should the write fail
      this.#device.write(at, sector, LABEL_FSINFO);
    }
    this.#fsInfoSector = sector;
    this.#writtenFreeCount = freeCount;
    this.#writtenNextFree = nextFree;
  }
}

const LABEL_IN_USE: WriteLabel = {
  role: 'header',
  owner: 'boot sector',
  reason: 'mark the volume as in use',
};
const LABEL_CLEAN: WriteLabel = { role: 'header', owner: 'boot sector', reason: 'mark the volume as clean' };
const LABEL_FSINFO: WriteLabel = { role: 'header', owner: 'FSInfo', reason: 'count of free clusters' };
