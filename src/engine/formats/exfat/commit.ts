import type { Clock } from '../../base/clock.ts';
import { FsError } from '../../base/errno.ts';
import type { Trace } from '../../base/trace.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import type { CommitPolicy } from '../contract.ts';
import type { AllocationBitmap, ClusterRun } from './alloc.ts';
import type { Directory } from './directory.ts';
import { BootSector, VOLUME_FLAG } from './layout.ts';
import type { Geometry } from './layout.ts';
import { putU16, u16At } from './node.ts';
import type { FileAllocationTable } from './table.ts';

/**
 * When what goes to the device. exFAT has no journal: order is all that protects a volume, and the order here makes a
 * power cut at any point leave at worst clusters that nobody uses, never a file whose clusters are free.
 *
 * One flush writes in waves, a barrier between any two that wrote something:
 *
 * 1. file data (already written, directly), new clusters in the bitmap, new chains in the FAT    cut after it: leaked
 *    clusters; chains of files whose entry still says NoFatChain are not looked at
 * 2. links from old clusters to new chains                              chains longer than their files
 * 3. entry sets; a set in two sectors in two rounds, its end first      stray secondary entries
 * 4. old sets of what moved                                             two names for one file
 * 5. clusters set free in the bitmap, ends of shortened chains          leaked clusters, chains longer than files
 * 6. PercentInUse                                                       a stale percentage
 *
 * Before all of it the boot sector says VolumeDirty. Under `each` every operation flushes; under `writeback` changes
 * gather until a sync, 5 s of simulated time, or 8 MiB. Source: exFAT specification, 8.1 "Recommended Write Ordering",
 * which asks for the same order; Linux writes all between two barriers.
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
}

const DIRTY_BYTES_MAX = 8 * 2 ** 20;
const WAITING_CLUSTERS_MAX = 2 ** 20;
const DIRTY_SECONDS_MAX = 5;
const FLAGS_AT = BootSector.fields.volumeFlags.at;
const PERCENT_AT = BootSector.fields.percentInUse.at;

export class Commit {
  readonly #device: Device;
  readonly #geometry: Geometry;
  readonly #fat: FileAllocationTable;
  readonly #bitmap: AllocationBitmap;
  readonly #options: CommitOptions;

  readonly #directories = new Set<Directory>();
  #hasLooseData = false;
  #isMarkedInUse: boolean;
  #hasFault = false;
  /** The boot sector as it is on the device, once read. */
  #bootSector: Uint8Array | undefined;
  #dirtySinceSeconds = -1;
  /** Dirty sectors of directories, in bytes. */
  #directoryBytes = 0;

  constructor(
    device: Device,
    geometry: Geometry,
    tables: { fat: FileAllocationTable; bitmap: AllocationBitmap },
    options: CommitOptions,
  ) {
    this.#device = device;
    this.#geometry = geometry;
    this.#fat = tables.fat;
    this.#bitmap = tables.bitmap;
    this.#options = options;
    this.#isMarkedInUse = options.isMarkedInUse;
  }

  /** Before the first change: EROFS, and the dirty marks on the device ahead of everything they warn of. */
  begin(): void {
    if (this.#options.isReadOnly) {
      throw new FsError('EROFS', '', '', 'the volume is mounted for reading only');
    }
    if (this.#isMarkedInUse) return;
    this.#writeBoot(LABEL_IN_USE, (flags) => flags | VOLUME_FLAG.dirty);
    this.#device.barrier('exfat: the volume says that it is dirty before anything changes');
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
      this.#bitmap.waitingClusters + this.#fat.waitingLinks > WAITING_CLUSTERS_MAX ||
      this.#directoryBytes + this.#fat.dirtyBytes + this.#bitmap.dirtyBytes > DIRTY_BYTES_MAX
    ) {
      this.flush();
    }
  }

  /** The device failed: says so in the boot sector with the next flush. */
  noteFault(): void {
    this.#hasFault = true;
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

  forgetDirectory(directory: Directory): void {
    this.#directories.delete(directory);
  }

  /** As `AllocationBitmap.allocate`; clusters that wait to become free are set free first when nothing else is left. */
  allocate(after: number, wanted: number): ClusterRun[] {
    const runs = this.#bitmap.allocate(after, wanted);
    const got = runs.reduce((sum, run) => sum + run.count, 0);
    if (got === wanted || !this.#bitmap.hasFrees) return runs;
    this.#bitmap.giveBack(runs);
    this.flush();
    return this.#bitmap.allocate(after, wanted);
  }

  /** Everything dirty to the device, in the order above. EIO keeps what was not written for the next time. */
  flush(): void {
    this.#dirtySinceSeconds = -1;
    const fat = this.#fat;
    const bitmap = this.#bitmap;
    let needsBarrier = this.#hasLooseData;
    if (bitmap.isDirty || fat.isDirty) {
      if (fat.isDirty) fat.write('chain new clusters, before anything leads to them');
      if (bitmap.isDirty) bitmap.write('new clusters are used, before anything leads to them');
      needsBarrier = true;
    }
    if (fat.hasLinks) {
      if (needsBarrier) this.#device.barrier('exfat: new clusters before the link that leads to them');
      fat.applyLinks();
      fat.write('link new clusters behind old ones');
      needsBarrier = true;
    }
    if (this.#directories.size > 0) needsBarrier = this.#flushDirectories(needsBarrier);
    if (bitmap.hasFrees || fat.hasCuts) {
      if (needsBarrier) this.#device.barrier('exfat: no entry needs the clusters before they become free');
      fat.applyCuts();
      if (fat.isDirty) fat.write('end shortened chains');
      bitmap.applyFrees();
      bitmap.write('set clusters free');
    }
    this.#hasLooseData = false;
    if (this.#isMarkedInUse) this.#writeBoot(LABEL_PERCENT, (flags) => flags);
  }

  /** Waves 3 and 4. Returns whether a later wave needs a barrier before it. */
  #flushDirectories(hasWritten: boolean): boolean {
    let needsBarrier = this.#writeEntries(
      hasWritten,
      'exfat: clusters before the entries that name them',
      'entries',
    );
    let hasLateRemovals = false;
    for (const directory of this.#directories) {
      if (!directory.hasLateRemovals) continue;
      hasLateRemovals = true;
      directory.applyLateRemovals();
    }
    if (hasLateRemovals) {
      needsBarrier = this.#writeEntries(
        needsBarrier,
        'exfat: the new name before the old one goes',
        'remove old entries',
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
        this.#device.barrier('exfat: the end of an entry set before the beginning that makes it a file');
      for (const directory of this.#directories) directory.writeRound(round, reason);
    }
    for (const directory of this.#directories) directory.markWritten();
    return true;
  }

  /** `flush`, and everything is on the medium when this returns. */
  sync(): void {
    this.flush();
    this.#device.barrier('exfat: sync');
  }

  /** Last flush, and the volume is clean again if it was so at mount. */
  close(): void {
    if (this.#options.isReadOnly) return;
    this.sync();
    if (!this.#isMarkedInUse || !this.#options.mayMarkClean) return;
    this.#writeBoot(LABEL_CLEAN, (flags) => flags & ~VOLUME_FLAG.dirty);
    this.#device.barrier('exfat: the volume is unmounted');
    this.#isMarkedInUse = false;
  }

  // ── boot sector ───────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * VolumeFlags and PercentInUse of the main boot sector, if one of them changes; both lie outside its checksum, and
   * the backup is stale by definition.
   */
  #writeBoot(label: WriteLabel, flagsAfter: (flags: number) => number): void {
    const boot = (this.#bootSector ??= this.#readBoot());
    const old = u16At(boot, FLAGS_AT);
    const flags = flagsAfter(old) | (this.#hasFault ? VOLUME_FLAG.mediaFailure : 0);
    const percent = this.#percentInUse();
    if (flags === old && boot[PERCENT_AT] === percent) return;
    putU16(boot, FLAGS_AT, flags);
    boot[PERCENT_AT] = percent;
    this.#bootSector = undefined; // should the write fail
    this.#device.write(0, boot, label);
    this.#bootSector = boot;
  }

  #readBoot(): Uint8Array {
    const sector = new Uint8Array(this.#device.blockSizeBytes);
    this.#device.read(0, sector);
    return sector;
  }

  /** Rounded down, as macOS and Windows have it. */
  #percentInUse(): number {
    const { clusterCount } = this.#geometry;
    return Math.floor(((clusterCount - this.#bitmap.freeClusters) * 100) / clusterCount);
  }
}

const bootLabel = (reason: string): WriteLabel => ({ role: 'header', owner: 'boot sector', reason });
const LABEL_IN_USE = bootLabel('VolumeDirty: mark the volume as in use');
const LABEL_CLEAN = bootLabel('mark the volume as clean');
const LABEL_PERCENT = bootLabel('PercentInUse follows the bitmap');
