import { assert } from '../../base/assert.ts';
import type { Device } from '../../device/device.ts';
import type { ClusterRun } from './alloc.ts';
import { FAT_END, FAT_ENTRY_BYTES, FIRST_CLUSTER } from './layout.ts';
import type { Geometry } from './layout.ts';
import { PagedTable } from './pages.ts';

/**
 * The file allocation table in memory. It says nothing about free clusters, and nothing about files marked NoFatChain:
 * it links the clusters of the others, of bitmap, up-case table and root.
 *
 * New chains go into the pages at once. Two kinds of change stand aside until something else is on the device:
 *
 * - a link from an old cluster to a new chain waits until the new chain is there (`applyLinks`);
 * - the mark that ends a shortened chain waits until the entry says so (`applyCuts`).
 */
export class FileAllocationTable {
  readonly #table: PagedTable;
  readonly #entriesPerPage: number;
  /** One past the highest cluster number. */
  readonly #end: number;
  readonly #lateLinks = new Map<number, number>();
  /** Cluster that becomes the last of its file; whether its FAT entry has to say so. */
  readonly #lateCuts = new Map<number, boolean>();

  constructor(device: Device, geometry: Geometry) {
    const { fatFirstSector, fatSizeSectors, activeFat, sectorSizeBytes, clusterCount } = geometry;
    const firstBlock =
      ((fatFirstSector + activeFat * fatSizeSectors) * sectorSizeBytes) / device.blockSizeBytes;
    this.#end = clusterCount + FIRST_CLUSTER;
    this.#table = new PagedTable(device, {
      sizeBytes: this.#end * FAT_ENTRY_BYTES,
      blockOf: (offsetBytes) => firstBlock + offsetBytes / device.blockSizeBytes,
      isContiguous: true,
    });
    this.#entriesPerPage = this.#table.pageBytes / FAT_ENTRY_BYTES;
  }

  /** The cluster behind `cluster`, FAT_END at the end; anything where the chain is damaged. */
  get(cluster: number): number {
    if (this.#lateLinks.size > 0) {
      const link = this.#lateLinks.get(cluster);
      if (link !== undefined) return link;
    }
    if (this.#lateCuts.size > 0 && this.#lateCuts.has(cluster)) return FAT_END;
    const page = this.#table.page(Math.floor(cluster / this.#entriesPerPage));
    return page.view.getUint32((cluster % this.#entriesPerPage) * FAT_ENTRY_BYTES, true);
  }

  /** True for a cluster that a chain may hold. */
  isInChain(value: number): boolean {
    return value >= FIRST_CLUSTER && value < this.#end;
  }

  #put(cluster: number, value: number): void {
    assert(this.isInChain(cluster), `cluster ${cluster} has an entry`);
    const page = this.#table.page(Math.floor(cluster / this.#entriesPerPage));
    const at = (cluster % this.#entriesPerPage) * FAT_ENTRY_BYTES;
    page.view.setUint32(at, value, true);
    this.#table.touch(page, at, at);
  }

  /** Make one ended chain of clusters that no entry on the device leads through by way of the FAT. */
  chain(runs: readonly ClusterRun[]): void {
    let last = 0;
    for (const { first, count } of runs) {
      if (last !== 0) this.#put(last, first);
      last = first + count - 1;
      for (let cluster = first; cluster < last; cluster++) this.#put(cluster, cluster + 1);
    }
    if (last !== 0) this.#put(last, FAT_END);
  }

  /** Make `first` follow `last`, once the chain that begins there is on the device. */
  link(last: number, first: number): void {
    this.#lateLinks.set(last, first);
  }

  /** `cluster` becomes the last of its file, once the entry says so. */
  cutAfter(cluster: number, isChained: boolean): void {
    this.#lateLinks.delete(cluster);
    this.#lateCuts.set(cluster, isChained);
  }

  /** A file cut here and not yet on the device must not be lengthened: see `Commit`. */
  isCutWaiting(cluster: number): boolean {
    return this.#lateCuts.has(cluster);
  }

  get hasLinks(): boolean {
    return this.#lateLinks.size > 0;
  }
  get hasCuts(): boolean {
    return this.#lateCuts.size > 0;
  }
  get waitingLinks(): number {
    return this.#lateLinks.size;
  }

  applyLinks(): void {
    for (const [last, first] of this.#lateLinks) this.#put(last, first);
    this.#lateLinks.clear();
  }

  applyCuts(): void {
    for (const [cluster, isChained] of this.#lateCuts) if (isChained) this.#put(cluster, FAT_END);
    this.#lateCuts.clear();
  }

  get isDirty(): boolean {
    return this.#table.isDirty;
  }
  get dirtyBytes(): number {
    return this.#table.dirtyBytes;
  }

  note(sentence: string): void {
    this.#table.note(sentence);
  }

  write(reason: string): void {
    this.#table.write('FAT', reason);
  }
}
