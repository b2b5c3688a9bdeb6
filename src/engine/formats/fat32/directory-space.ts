import { FsError } from '../../base/errno.ts';
import { ZERO_FILL } from '../../device/device.ts';
import type { DirectoryHost } from './directory.ts';
import type { Chain } from './extents.ts';
import { clusterOffsetBytes, DIRECTORY_ENTRIES_MAX, ENTRY_SIZE_BYTES } from './layout.ts';

/** Where the slots of a directory lie: in a chain of clusters, or in the fixed root of FAT12 and FAT16. */
export class DirectorySpace {
  readonly #host: DirectoryHost;
  /** undefined for the fixed root. */
  readonly chain: Chain | undefined;
  readonly slotsPerSector: number;
  readonly slotsPerCluster: number;
  /** Slots there is room for: at most 65,536, whatever the chain holds. */
  capacitySlots: number;

  constructor(host: DirectoryHost, chain: Chain | undefined) {
    const { geometry } = host;
    this.#host = host;
    this.chain = chain;
    this.slotsPerSector = geometry.sectorSizeBytes / ENTRY_SIZE_BYTES;
    this.slotsPerCluster = geometry.clusterSizeBytes / ENTRY_SIZE_BYTES;
    const clusters = chain?.reach(Math.ceil(DIRECTORY_ENTRIES_MAX / this.slotsPerCluster)) ?? 0;
    const slots = chain ? clusters * this.slotsPerCluster : geometry.rootEntryCount;
    this.capacitySlots = Math.min(DIRECTORY_ENTRIES_MAX, slots);
  }

  sectorOf(slot: number): number {
    return Math.floor(slot / this.slotsPerSector);
  }

  /** Device block of the sector that holds `slot`. */
  blockOf(slot: number): number {
    const { device, geometry } = this.#host;
    const sectorSlot = slot - (slot % this.slotsPerSector);
    if (!this.chain) {
      const offsetBytes = geometry.rootFirstSector * geometry.sectorSizeBytes + sectorSlot * ENTRY_SIZE_BYTES;
      return offsetBytes / device.blockSizeBytes;
    }
    const index = Math.floor(sectorSlot / this.slotsPerCluster);
    const within = (sectorSlot % this.slotsPerCluster) * ENTRY_SIZE_BYTES;
    return (clusterOffsetBytes(geometry, this.chain.at(index)) + within) / device.blockSizeBytes;
  }

  get #blocksPerSector(): number {
    return this.#host.geometry.sectorSizeBytes / this.#host.device.blockSizeBytes;
  }

  /** Does `sector` lie right behind the one before it? */
  isBehindPrevious(sector: number): boolean {
    const slot = sector * this.slotsPerSector;
    return this.blockOf(slot) === this.blockOf(slot - 1) + this.#blocksPerSector;
  }

  /**
   * One more cluster, zeroed before anything leads to it: a cut between leaves a lost cluster, never an old one whose
   * bytes look like entries. ENOSPC with nothing changed.
   */
  grow(ownerName: string): void {
    const { commit, device, fat, geometry } = this.#host;
    if (!this.chain) {
      const detail = `the root directory of FAT${geometry.type} has room for ${geometry.rootEntryCount} entries and is full`;
      throw new FsError('ENOSPC', '', '', detail);
    }
    if (this.capacitySlots + this.slotsPerCluster > DIRECTORY_ENTRIES_MAX) {
      const detail = 'a FAT directory holds at most 65,536 entries, and a long name fills several';
      throw new FsError('ENOSPC', '', '', detail);
    }
    this.chain.assertSound();
    const last = this.chain.lastKnown;
    const runs = commit.allocate(last, 1);
    const run = runs[0];
    if (run === undefined) throw new FsError('ENOSPC', '', '');
    try {
      const firstBlock = clusterOffsetBytes(geometry, run.first) / device.blockSizeBytes;
      device.fill(firstBlock, geometry.clusterSizeBytes / device.blockSizeBytes, ZERO_FILL, {
        role: 'directory',
        owner: ownerName,
        reason: 'clear a cluster before the directory grows into it',
      });
    } catch (error) {
      fat.giveBack(runs);
      throw error;
    }
    commit.wroteData();
    fat.link(last, runs, true);
    if (commit.isRecording) fat.note(`cluster ${run.first} behind ${last} for ${ownerName}`);
    this.chain.append(runs);
    this.capacitySlots += this.slotsPerCluster;
  }

  /** Zero every sector from `slot` (the first of its sector) on. */
  clearFrom(slot: number, ownerName: string): void {
    for (let at = slot; at < this.capacitySlots; at += this.slotsPerSector) {
      this.#host.device.fill(this.blockOf(at), this.#blocksPerSector, ZERO_FILL, {
        role: 'directory',
        owner: ownerName,
        reason: 'clear what lies behind the end of the directory before the end moves',
      });
    }
    this.#host.commit.wroteData();
  }
}
