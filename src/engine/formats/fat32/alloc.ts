import { assert } from '../../base/assert.ts';
import { viewOf } from '../../base/bytes.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import { entryOffsetBytes, getEntry, marksOf, setEntry } from './layout.ts';
import type { EntryMarks, FatType, Geometry } from './layout.ts';

/**
 * The file allocation table in memory: pages of it read on demand, free clusters, and which changes must wait.
 *
 * New chains go into the pages at once. Three kinds of change stand aside until something else is on the device, so
 * that a power cut never leaves a file whose clusters are free:
 *
 * - a link from an old cluster to a new chain waits until the new chain is there (`applyLinks`);
 * - the mark that ends a shortened chain, and clusters set free, wait until no entry needs them (`applyFrees`).
 *   Until then nobody gets these clusters.
 *
 * Nothing is linear in the table: the search for free clusters goes on where the last one stopped and skips pages
 * known to be full; counting happens only when FSInfo cannot be trusted, and passes over what was never written.
 */
export interface ClusterRun {
  readonly first: number;
  readonly count: number;
}

export interface FatOptions {
  /** Which copy is read; the only one written when mirroring is off. */
  readonly activeFat: number;
  readonly isMirrored: boolean;
  /** undefined when nobody knows. */
  readonly freeClusters: number | undefined;
  /** Where to look first on FAT32; FAT12/16 have no place to keep it and look from the start. */
  readonly nextFree: number;
}

const PAGE_BYTES = 4096;
const PAGES_MAX = 4096;
const COUNT_CHUNK_BYTES = 65_536;

class FatPage {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** One bit per device block. */
  dirtyBlocks = 0;

  constructor(
    readonly index: number,
    sizeBytes: number,
  ) {
    this.bytes = new Uint8Array(sizeBytes);
    this.view = viewOf(this.bytes);
  }
}

/** Sentences kept for one write: what a person reads at a glance. */
const NOTES_MAX = 3;

export class FileAllocationTable {
  readonly #device: Device;
  readonly #geometry: Geometry;
  readonly #type: FatType;
  readonly #marks: EntryMarks;
  readonly #options: FatOptions;
  /** One past the highest cluster number. */
  readonly #end: number;

  readonly #pages = new Map<number, FatPage>();
  readonly #pageBytes: number;
  readonly #entriesPerPage: number;
  readonly #tableBytes: number;
  #lastPage: FatPage | undefined;
  #dirtyPages: FatPage[] = [];
  /** Pages in which the search found no free cluster, until one is set free. */
  readonly #fullPages: Uint8Array;

  #freeClusters: number | undefined;
  #nextFree: number;
  readonly #lateLinks = new Map<number, number>();
  readonly #lateCuts = new Set<number>();
  #lateFrees: ClusterRun[] = [];
  #lateFreeClusters = 0;
  /** What happened since the last write, for people: kept only while somebody records. */
  readonly #notes: string[] = [];

  constructor(device: Device, geometry: Geometry, options: FatOptions) {
    this.#device = device;
    this.#geometry = geometry;
    this.#type = geometry.type;
    this.#marks = marksOf(geometry.type);
    this.#options = options;
    this.#end = geometry.clusterCount + 2;
    this.#freeClusters = options.freeClusters;
    this.#nextFree = geometry.type === 32 && this.#isData(options.nextFree) ? options.nextFree : 2;

    const neededBytes = entryOffsetBytes(geometry.type, this.#end) + 2;
    const tableBytes = geometry.fatSizeSectors * geometry.sectorSizeBytes;
    const block = device.blockSizeBytes;
    this.#tableBytes = Math.min(tableBytes, Math.ceil(neededBytes / block) * block);
    // Entries of FAT12 cross block borders, so its table (6 KB at most) is one page.
    this.#pageBytes = geometry.type === 12 ? this.#tableBytes : Math.max(PAGE_BYTES, block);
    this.#entriesPerPage = geometry.type === 12 ? this.#end : (this.#pageBytes * 8) / geometry.type;
    this.#fullPages = new Uint8Array(Math.ceil(this.#end / this.#entriesPerPage));
  }

  get endOfChain(): number {
    return this.#marks.endOfChain;
  }

  #isData(cluster: number): boolean {
    return cluster >= 2 && cluster < this.#end;
  }

  /** The cluster behind `cluster`, `endOfChain` at the end; 0 or anything else where the chain is damaged. */
  get(cluster: number): number {
    if (this.#lateLinks.size > 0) {
      const link = this.#lateLinks.get(cluster);
      if (link !== undefined) return link;
    }
    if (this.#lateCuts.size > 0 && this.#lateCuts.has(cluster)) return this.#marks.endOfChain;
    const value = this.#raw(cluster);
    return value >= this.#marks.endOfChainMin ? this.#marks.endOfChain : value;
  }

  /** True for a cluster that a chain may hold. */
  isInChain(value: number): boolean {
    return this.#isData(value);
  }

  #raw(cluster: number): number {
    const index = Math.floor(cluster / this.#entriesPerPage);
    const page = this.#lastPage?.index === index ? this.#lastPage : this.#page(index);
    const entry = cluster - index * this.#entriesPerPage;
    if (this.#type === 32) return page.view.getUint32(entry * 4, true) & 0x0fffffff;
    if (this.#type === 16) return page.view.getUint16(entry * 2, true);
    return getEntry(12, page.bytes, cluster);
  }

  #put(cluster: number, value: number): void {
    assert(cluster < this.#end, `cluster ${cluster} has an entry`);
    const index = Math.floor(cluster / this.#entriesPerPage);
    const page = this.#lastPage?.index === index ? this.#lastPage : this.#page(index);
    const entry = cluster - index * this.#entriesPerPage;
    const block = this.#device.blockSizeBytes;
    let at = entry * 4;
    if (this.#type === 32) {
      page.view.setUint32(at, (page.view.getUint32(at, true) & 0xf0000000) | value, true);
    } else {
      at = entryOffsetBytes(this.#type, entry);
      setEntry(this.#type, page.bytes, entry, value);
    }
    if (page.dirtyBlocks === 0) this.#dirtyPages.push(page);
    page.dirtyBlocks |= 1 << Math.floor(at / block);
    if (this.#type === 12) page.dirtyBlocks |= 1 << Math.floor((at + 1) / block);
  }

  #page(index: number): FatPage {
    let page = this.#pages.get(index);
    if (page === undefined) {
      if (this.#pages.size >= PAGES_MAX) this.#dropCleanPages();
      const offset = index * this.#pageBytes;
      page = new FatPage(index, Math.min(this.#pageBytes, this.#tableBytes - offset));
      this.#device.read(this.#blockOf(this.#options.activeFat, offset), page.bytes);
      this.#pages.set(index, page);
    }
    this.#lastPage = page;
    return page;
  }

  #dropCleanPages(): void {
    for (const [index, page] of this.#pages) {
      if (page.dirtyBlocks === 0) this.#pages.delete(index);
      if (this.#pages.size <= PAGES_MAX / 2) break;
    }
  }

  /** Device block of byte `offsetBytes` of copy `fat`. */
  #blockOf(fat: number, offsetBytes: number): number {
    const { reservedSectors, fatSizeSectors, sectorSizeBytes } = this.#geometry;
    const start = (reservedSectors + fat * fatSizeSectors) * sectorSizeBytes;
    return (start + offsetBytes) / this.#device.blockSizeBytes;
  }

  // ── taking clusters ───────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Up to `wanted` clusters, chained and ended, in as few runs as the search meets; fewer when no more are free. Right
   * behind `after` first (0: a new chain), then from where the last search stopped. Nothing points to them yet.
   */
  allocate(after: number, wanted: number): ClusterRun[] {
    const runs: ClusterRun[] = [];
    let left = wanted;
    let last = 0;
    let from = after !== 0 && this.#isFree(after + 1) ? after + 1 : this.#nextFreeFrom(this.#nextFree);
    while (left > 0 && from !== 0) {
      let end = from + 1;
      while (end - from < left && this.#isFree(end)) end++;
      const run = { first: from, count: end - from };
      for (let cluster = from; cluster < end - 1; cluster++) this.#put(cluster, cluster + 1);
      this.#put(end - 1, this.#marks.endOfChain);
      if (last !== 0) this.#put(last, from);
      runs.push(run);
      last = end - 1;
      left -= run.count;
      this.#nextFree = end < this.#end ? end : 2;
      if (left > 0) from = this.#nextFreeFrom(this.#nextFree);
    }
    // FAT12/16 keep no hint on the disk: without it the lowest free cluster is next, after a new mount as well.
    if (this.#type !== 32) this.#nextFree = 2;
    if (this.#freeClusters !== undefined) this.#freeClusters -= wanted - left;
    return runs;
  }

  /** Undo `allocate`: clusters that nothing ever pointed to are free again at once. */
  giveBack(runs: readonly ClusterRun[]): void {
    for (const run of runs) {
      this.#clear(run);
      if (this.#freeClusters !== undefined) this.#freeClusters += run.count;
    }
    const first = runs[0];
    if (first !== undefined && this.#type === 32) this.#nextFree = first.first;
  }

  #isFree(cluster: number): boolean {
    return cluster < this.#end && this.#raw(cluster) === 0;
  }

  /** First free cluster at or after `from`, then from the start; 0 when there is none. */
  #nextFreeFrom(from: number): number {
    return this.#search(from, this.#end) || this.#search(2, Math.min(from, this.#end));
  }

  #search(from: number, end: number): number {
    let cluster = from;
    while (cluster < end) {
      const index = Math.floor(cluster / this.#entriesPerPage);
      const pageStart = Math.max(2, index * this.#entriesPerPage);
      const pageEnd = Math.min((index + 1) * this.#entriesPerPage, this.#end);
      if (this.#fullPages[index] === 1) {
        cluster = pageEnd;
        continue;
      }
      const isWhole = cluster <= pageStart;
      const stop = Math.min(pageEnd, end);
      for (; cluster < stop; cluster++) if (this.#raw(cluster) === 0) return cluster;
      if (isWhole && stop === pageEnd) this.#fullPages[index] = 1;
    }
    return 0;
  }

  // ── changes that wait ─────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Make `first` follow `last`. Where everything of the new chain shares one block with the link, that block is
   * written in one piece and the link needs no waiting; unless `mustWait`: directories, whose clusters are zeroed first.
   */
  link(last: number, runs: readonly ClusterRun[], mustWait: boolean): void {
    const first = runs[0];
    if (first === undefined) return;
    const block = this.#blockIndex(last);
    const isTogether =
      !mustWait &&
      this.#type !== 12 &&
      runs.every(
        (run) =>
          this.#blockIndex(run.first) === block && this.#blockIndex(run.first + run.count - 1) === block,
      );
    if (isTogether) this.#put(last, first.first);
    else this.#lateLinks.set(last, first.first);
  }

  #blockIndex(cluster: number): number {
    return Math.floor(entryOffsetBytes(this.#type, cluster) / this.#device.blockSizeBytes);
  }

  /** `cluster` becomes the last of its chain, once the entry says so. */
  cutAfter(cluster: number): void {
    this.#lateLinks.delete(cluster);
    this.#lateCuts.add(cluster);
  }

  /** A chain cut here and not yet on the device must not be lengthened: see `Commit`. */
  isCutWaiting(cluster: number): boolean {
    return this.#lateCuts.has(cluster);
  }

  /** These clusters are free once no entry needs them. */
  free(run: ClusterRun): void {
    this.#lateFrees.push(run);
    this.#lateFreeClusters += run.count;
    if (this.#freeClusters !== undefined) this.#freeClusters += run.count;
  }

  get hasLinks(): boolean {
    return this.#lateLinks.size > 0;
  }
  get hasFrees(): boolean {
    return this.#lateFrees.length > 0 || this.#lateCuts.size > 0;
  }
  /** How much waits, in clusters. */
  get waitingClusters(): number {
    return this.#lateFreeClusters + this.#lateLinks.size;
  }

  applyLinks(): void {
    for (const [last, first] of this.#lateLinks) this.#put(last, first);
    this.#lateLinks.clear();
  }

  applyFrees(): void {
    for (const cluster of this.#lateCuts) this.#put(cluster, this.#marks.endOfChain);
    this.#lateCuts.clear();
    for (const run of this.#lateFrees) this.#clear(run);
    this.#lateFrees = [];
    this.#lateFreeClusters = 0;
  }

  #clear(run: ClusterRun): void {
    for (let cluster = run.first; cluster < run.first + run.count; cluster++) {
      // Free already: two files shared it on a damaged volume. It counts once.
      if (this.#raw(cluster) === 0 && this.#freeClusters !== undefined) this.#freeClusters--;
      else this.#put(cluster, 0);
    }
    const firstPage = Math.floor(run.first / this.#entriesPerPage);
    const lastPage = Math.floor((run.first + run.count - 1) / this.#entriesPerPage);
    this.#fullPages.fill(0, firstPage, lastPage + 1);
  }

  // ── counting ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Free clusters, those that wait included. Counts once when nobody knew. */
  get freeClusters(): number {
    return (this.#freeClusters ??= this.#count() + this.#lateFreeClusters);
  }

  get nextFree(): number {
    return this.#nextFree;
  }

  #count(): number {
    let free = 0;
    const chunk = Math.max(this.#pageBytes, COUNT_CHUNK_BYTES - (COUNT_CHUNK_BYTES % this.#pageBytes));
    const pagesPerChunk = chunk / this.#pageBytes;
    for (let index = 0; index < this.#fullPages.length; index += pagesPerChunk) {
      const endPage = Math.min(index + pagesPerChunk, this.#fullPages.length);
      const first = Math.max(2, index * this.#entriesPerPage);
      const end = Math.min(endPage * this.#entriesPerPage, this.#end);
      const offset = index * this.#pageBytes;
      const bytes = new Uint8Array(Math.min(chunk, this.#tableBytes - offset));
      const block = this.#blockOf(this.#options.activeFat, offset);
      const isStored = this.#device.nextStored(block) < block + bytes.length / this.#device.blockSizeBytes;
      if (isStored) this.#device.read(block, bytes);
      for (let i = index; i < endPage; i++) {
        const page = this.#pages.get(i);
        if (page) bytes.set(page.bytes, (i - index) * this.#pageBytes);
      }
      if (!isStored && !this.#hasPage(index, endPage)) free += end - first;
      else free += this.#countIn(bytes, index * this.#entriesPerPage, first, end);
    }
    return free;
  }

  #hasPage(from: number, end: number): boolean {
    for (let i = from; i < end; i++) if (this.#pages.has(i)) return true;
    return false;
  }

  #countIn(bytes: Uint8Array, base: number, first: number, end: number): number {
    let free = 0;
    for (let cluster = first; cluster < end; cluster++) {
      if (getEntry(this.#type, bytes, cluster - base) === 0) free++;
    }
    return free;
  }

  // ── state bits and writing ────────────────────────────────────────────────────────────────────────────────────────

  /** Entry 1 keeps two bits: clean, and no hardware error. FAT12 has neither. */
  get isMarkedClean(): boolean {
    return (this.#raw(1) & this.#marks.cleanBit) === this.#marks.cleanBit;
  }
  get isMarkedFaultless(): boolean {
    return (this.#raw(1) & this.#marks.noErrorBit) === this.#marks.noErrorBit;
  }

  markClean(isClean: boolean): void {
    if (this.#marks.cleanBit === 0) return;
    const value = this.#raw(1);
    this.#put(1, isClean ? value | this.#marks.cleanBit : value & ~this.#marks.cleanBit);
  }
  markFaulty(): void {
    if (this.#marks.noErrorBit !== 0) this.#put(1, this.#raw(1) & ~this.#marks.noErrorBit);
  }

  get isDirty(): boolean {
    return this.#dirtyPages.length > 0;
  }
  get dirtyBytes(): number {
    return this.#dirtyPages.length * this.#pageBytes;
  }

  note(sentence: string): void {
    if (this.#notes.length < NOTES_MAX) this.#notes.push(sentence);
  }

  /** Write every dirty block to each copy. `reason` unless something was noted. */
  write(reason: string): void {
    const said = this.#notes.length === 0 ? reason : this.#notes.join(', ');
    if (this.#notes.length > 0) this.#notes.length = 0;
    this.#dirtyPages.sort((a, b) => a.index - b.index);
    const { activeFat, isMirrored } = this.#options;
    const first = isMirrored ? 0 : activeFat;
    const end = isMirrored ? this.#geometry.fatCount : activeFat + 1;
    for (let fat = first; fat < end; fat++) {
      const label: WriteLabel = { role: 'allocation', owner: FAT_NAMES[fat] ?? 'FAT', reason: said };
      for (const page of this.#dirtyPages) this.#writePage(page, fat, label);
    }
    for (const page of this.#dirtyPages) page.dirtyBlocks = 0;
    this.#dirtyPages = [];
  }

  #writePage(page: FatPage, fat: number, label: WriteLabel): void {
    const block = this.#device.blockSizeBytes;
    const blockCount = page.bytes.length / block;
    for (let first = 0; first < blockCount; first++) {
      if (!(page.dirtyBlocks & (1 << first))) continue;
      let end = first + 1;
      while (end < blockCount && page.dirtyBlocks & (1 << end)) end++;
      const at = this.#blockOf(fat, page.index * this.#pageBytes + first * block);
      this.#device.write(at, page.bytes.subarray(first * block, end * block), label);
      first = end;
    }
  }
}

const FAT_NAMES = ['FAT 1', 'FAT 2'];
