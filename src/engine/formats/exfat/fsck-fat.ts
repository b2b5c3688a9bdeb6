import { viewOf } from '../../base/bytes.ts';
import { FAT_BAD, FAT_END, FAT_ENTRY_BYTES, isDataCluster } from './layout.ts';
import type { Geometry } from './layout.ts';
import { STAGE } from './fsck-stages.ts';
import type { Draft } from '../../device/draft.ts';

/**
 * The file allocation table, decoded page by page as somebody asks. It only says what follows what: which clusters are
 * in use the bitmap says, and entries of contiguous files mean nothing.
 */
export class FatTable {
  readonly #medium: Draft;
  readonly #geometry: Geometry;
  readonly #pages = new Map<number, Uint32Array>();
  #lastNumber = -1;
  #lastPage: Uint32Array = NOTHING;

  constructor(medium: Draft, geometry: Geometry) {
    this.#medium = medium;
    this.#geometry = geometry;
  }

  /** Entries 0 … `entryCount` − 1 mean something. */
  get entryCount(): number {
    return this.#geometry.clusterCount + 2;
  }

  get(cluster: number): number {
    const number = Math.floor(cluster / PAGE_ENTRIES);
    if (number !== this.#lastNumber) {
      this.#lastPage = this.#page(number);
      this.#lastNumber = number;
    }
    return this.#lastPage[cluster % PAGE_ENTRIES] ?? 0;
  }

  isData(value: number): boolean {
    return isDataCluster(this.#geometry, value);
  }

  /** Change one entry, in memory and in the pending repairs. */
  set(cluster: number, value: number, reason: string): void {
    if (this.get(cluster) === value) return;
    const number = Math.floor(cluster / PAGE_ENTRIES);
    let page = this.#page(number);
    if (page === NOTHING) {
      page = new Uint32Array(PAGE_ENTRIES);
      this.#pages.set(number, page);
      this.#lastNumber = -1;
    }
    page[cluster % PAGE_ENTRIES] = value;
    const bytes = new Uint8Array(FAT_ENTRY_BYTES);
    viewOf(bytes).setUint32(0, value, true);
    this.#medium.write(entryByteOffset(this.#geometry, cluster), bytes, STAGE.table, {
      role: 'allocation',
      owner: 'FAT',
      reason: `fsck: ${reason}`,
    });
  }

  /** Let a chain run straight on from `first` over `count` clusters and end there. */
  setRun(first: number, count: number, reason: string): void {
    for (let i = 0; i < count - 1; i++) this.set(first + i, first + i + 1, reason);
    this.set(first + count - 1, FAT_END, reason);
  }

  #page(number: number): Uint32Array {
    const known = this.#pages.get(number);
    if (known) return known;
    const start = entryByteOffset(this.#geometry, number * PAGE_ENTRIES);
    const count = Math.min(PAGE_ENTRIES, this.entryCount - number * PAGE_ENTRIES);
    const stored = count > 0 && this.#medium.nextStored(start) < start + count * FAT_ENTRY_BYTES;
    const page = stored ? decode(this.#medium.read(start, count * FAT_ENTRY_BYTES), count) : NOTHING;
    this.#pages.set(number, page);
    return page;
  }
}

const PAGE_ENTRIES = 4096;
/** A page that was never stored: all its entries are zero. */
const NOTHING = new Uint32Array(0);

function decode(bytes: Uint8Array, count: number): Uint32Array {
  const entries = new Uint32Array(PAGE_ENTRIES);
  const view = viewOf(bytes);
  for (let i = 0; i < count; i++) entries[i] = view.getUint32(i * FAT_ENTRY_BYTES, true);
  return entries;
}

/** Byte of the volume in which entry `cluster` of the FAT that counts begins. */
export const entryByteOffset = (geometry: Geometry, cluster: number): number =>
  (geometry.fatFirstSector + geometry.activeFat * geometry.fatSizeSectors) * geometry.sectorSizeBytes +
  cluster * FAT_ENTRY_BYTES;

/** The value of a FAT entry in words: 'end of chain', 'bad', 'cluster 7'. */
export const valueInWords = (value: number): string =>
  value === FAT_END ? 'end of chain' : value === FAT_BAD ? 'bad' : `cluster ${value}`;
