import { viewOf } from '../../base/bytes.ts';
import type { Device, WriteLabel } from '../../device/device.ts';

/**
 * A table on the disk (FAT or allocation bitmap) in memory: pages of it, read on demand and kept while there is room,
 * written back by the device blocks that changed.
 */
export interface TablePlace {
  readonly sizeBytes: number;
  /** Device block of byte `offsetBytes`, which is a multiple of the block's size. */
  blockOf(offsetBytes: number): number;
  /** False where a page may lie in several pieces. */
  readonly isContiguous: boolean;
}

const PAGE_BYTES = 4096;
const PAGES_MAX = 4096;
/** Sentences kept for one write: what a person reads at a glance. */
const NOTES_MAX = 3;

export class TablePage {
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

export class PagedTable {
  readonly #device: Device;
  readonly #place: TablePlace;
  readonly #block: number;
  readonly pageBytes: number;
  readonly pageCount: number;
  readonly #pages = new Map<number, TablePage>();
  #last: TablePage | undefined;
  #dirty: TablePage[] = [];
  /** What happened since the last write, for people: kept only while somebody records. */
  readonly #notes: string[] = [];

  constructor(device: Device, place: TablePlace) {
    this.#device = device;
    this.#place = place;
    this.#block = device.blockSizeBytes;
    this.pageBytes = Math.max(PAGE_BYTES, this.#block);
    this.pageCount = Math.ceil(place.sizeBytes / this.pageBytes);
  }

  page(index: number): TablePage {
    if (this.#last?.index === index) return this.#last;
    let page = this.#pages.get(index);
    if (page === undefined) {
      if (this.#pages.size >= PAGES_MAX) this.#dropCleanPages();
      page = new TablePage(index, this.#lengthOf(index));
      this.#read(page);
      this.#pages.set(index, page);
    }
    this.#last = page;
    return page;
  }

  #lengthOf(index: number): number {
    const left = this.#place.sizeBytes - index * this.pageBytes;
    return Math.min(this.pageBytes, Math.ceil(left / this.#block) * this.#block);
  }

  #read(page: TablePage): void {
    const offset = page.index * this.pageBytes;
    const step = this.#place.isContiguous ? page.bytes.length : this.#block;
    for (let at = 0; at < page.bytes.length; at += step) {
      this.#device.read(this.#place.blockOf(offset + at), page.bytes.subarray(at, at + step));
    }
  }

  #dropCleanPages(): void {
    for (const [index, page] of this.#pages) {
      if (page.dirtyBlocks === 0) this.#pages.delete(index);
      if (this.#pages.size <= PAGES_MAX / 2) break;
    }
  }

  /**
   * First page from `index` on that may hold something else than zeros; `pageCount` when there is none. Passes over
   * what was never written.
   */
  nextStoredPage(index: number): number {
    if (!this.#place.isContiguous || index >= this.pageCount) return Math.min(index, this.pageCount);
    if (this.#pages.has(index)) return index;
    const base = this.#place.blockOf(0);
    const blocksPerPage = this.pageBytes / this.#block;
    const stored = this.#device.nextStored(base + index * blocksPerPage);
    let next = Math.min(this.pageCount, Math.floor((stored - base) / blocksPerPage));
    for (const page of this.#dirty) if (page.index >= index && page.index < next) next = page.index;
    return next;
  }

  /** Bytes `first` to `last` of `page` changed. */
  touch(page: TablePage, first: number, last: number): void {
    if (page.dirtyBlocks === 0) this.#dirty.push(page);
    const end = Math.floor(last / this.#block);
    for (let block = Math.floor(first / this.#block); block <= end; block++) page.dirtyBlocks |= 1 << block;
  }

  get isDirty(): boolean {
    return this.#dirty.length > 0;
  }
  get dirtyBytes(): number {
    return this.#dirty.length * this.pageBytes;
  }

  note(sentence: string): void {
    if (this.#notes.length < NOTES_MAX) this.#notes.push(sentence);
  }

  /** Write every dirty block. `reason` unless something was noted. A page stays dirty when the device fails. */
  write(owner: string, reason: string): void {
    const said = this.#notes.length === 0 ? reason : this.#notes.join(', ');
    this.#notes.length = 0;
    const label: WriteLabel = { role: 'allocation', owner, reason: said };
    this.#dirty.sort((a, b) => a.index - b.index);
    for (const page of this.#dirty) this.#writePage(page, label);
    for (const page of this.#dirty) page.dirtyBlocks = 0;
    this.#dirty = [];
  }

  #writePage(page: TablePage, label: WriteLabel): void {
    const block = this.#block;
    const blockCount = page.bytes.length / block;
    for (let first = 0; first < blockCount; first++) {
      if (!(page.dirtyBlocks & (1 << first))) continue;
      let end = first + 1;
      if (this.#place.isContiguous) while (end < blockCount && page.dirtyBlocks & (1 << end)) end++;
      const at = this.#place.blockOf(page.index * this.pageBytes + first * block);
      this.#device.write(at, page.bytes.subarray(first * block, end * block), label);
      first = end - 1;
    }
  }
}
