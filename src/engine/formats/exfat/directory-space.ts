import { FsError } from '../../base/errno.ts';
import { ZERO_FILL } from '../../device/device.ts';
import type { DirectoryHost } from './directory.ts';
import type { Chain } from './extents.ts';
import { clusterOffsetBytes, DIRECTORY_BYTES_MAX, ENTRY_SIZE_BYTES } from './layout.ts';

/** Where the slots of a directory lie: cluster after cluster, at most 256 MiB. */
export class DirectorySpace {
  readonly #host: DirectoryHost;
  readonly chain: Chain;
  readonly slotsPerSector: number;
  readonly slotsPerCluster: number;
  readonly #blocksPerSector: number;
  /** Slots there is room for. */
  capacitySlots: number;

  /** `sizeBytes`: what the entry of the directory says, Infinity for the root, which has none. */
  constructor(host: DirectoryHost, chain: Chain, sizeBytes: number) {
    const { geometry } = host;
    this.#host = host;
    this.chain = chain;
    this.slotsPerSector = geometry.sectorSizeBytes / ENTRY_SIZE_BYTES;
    this.slotsPerCluster = geometry.clusterSizeBytes / ENTRY_SIZE_BYTES;
    this.#blocksPerSector = geometry.sectorSizeBytes / host.device.blockSizeBytes;
    const bytes = Math.min(sizeBytes, DIRECTORY_BYTES_MAX);
    const clusters = chain.reach(Math.ceil(bytes / geometry.clusterSizeBytes));
    this.capacitySlots = clusters * this.slotsPerCluster;
  }

  sectorOf(slot: number): number {
    return Math.floor(slot / this.slotsPerSector);
  }

  /** Device block of the sector that holds `slot`. */
  blockOf(slot: number): number {
    const { device, geometry } = this.#host;
    const sectorSlot = slot - (slot % this.slotsPerSector);
    const index = Math.floor(sectorSlot / this.slotsPerCluster);
    const within = (sectorSlot % this.slotsPerCluster) * ENTRY_SIZE_BYTES;
    return (clusterOffsetBytes(geometry, this.chain.at(index)) + within) / device.blockSizeBytes;
  }

  /** Slots from `slot`, the first of a cluster, to the end of the contiguous clusters it begins, at most `slotsMax`. */
  contiguousSlots(slot: number, slotsMax: number): number {
    const clusters = this.chain.contiguousFrom(Math.floor(slot / this.slotsPerCluster));
    const bounded = Math.min(clusters * this.slotsPerCluster, this.capacitySlots - slot);
    return Math.min(bounded, Math.max(slotsMax, this.slotsPerCluster));
  }

  /** Does `sector` lie right behind the one before it? */
  isBehindPrevious(sector: number): boolean {
    const slot = sector * this.slotsPerSector;
    return this.blockOf(slot) === this.blockOf(slot - 1) + this.#blocksPerSector;
  }

  /**
   * One more cluster, zeroed before anything leads to it: a cut between leaves a lost cluster, never an old one whose
   * bytes look like entries. ENOSPC with nothing changed. The caller puts the new length into the directory's entry.
   */
  grow(ownerName: string): void {
    const { bitmap, commit, content, device, geometry } = this.#host;
    if (this.capacitySlots * ENTRY_SIZE_BYTES + geometry.clusterSizeBytes > DIRECTORY_BYTES_MAX) {
      throw new FsError('ENOSPC', '', '', 'an exFAT directory holds at most 256 MiB of entries');
    }
    this.chain.assertSound();
    const had = this.capacitySlots / this.slotsPerCluster;
    const runs = commit.allocate(this.chain.lastKnown, 1);
    const run = runs[0];
    if (run === undefined) throw new FsError('ENOSPC', '', '');
    const firstBlock = clusterOffsetBytes(geometry, run.first) / device.blockSizeBytes;
    content.extend(this.chain, had, runs, () =>
      device.fill(firstBlock, geometry.clusterSizeBytes / device.blockSizeBytes, ZERO_FILL, {
        role: 'directory',
        owner: ownerName,
        reason: 'clear a cluster before the directory grows into it',
      }),
    );
    if (commit.isRecording) bitmap.note(`cluster ${run.first} for ${ownerName}`);
    this.capacitySlots += this.slotsPerCluster;
  }

  /** Zero every sector from `slot` (the first of its sector) on. */
  clearFrom(slot: number, ownerName: string): void {
    for (let at = slot; at < this.capacitySlots;) {
      const clusterEnd = at - (at % this.slotsPerCluster) + this.slotsPerCluster;
      const sectors = (clusterEnd - at) / this.slotsPerSector;
      this.#host.device.fill(this.blockOf(at), sectors * this.#blocksPerSector, ZERO_FILL, {
        role: 'directory',
        owner: ownerName,
        reason: 'clear what lies behind the end of the directory before the end moves',
      });
      at = clusterEnd;
    }
    this.#host.commit.wroteData();
  }
}
