import { bitsPerEntry, entryOffsetBytes, getEntry, marksOf, setEntry } from './layout.ts';
import type { EntryMarks, Geometry } from './layout.ts';
import { STAGE } from './fsck-stages.ts';
import type { Draft } from '../../device/draft.ts';

/**
 * One copy of the file allocation table, decoded in pages. Pages that were never stored are all zero and cost nothing:
 * the table of an empty terabyte is a single page.
 *
 * Entries keep the four reserved upper bits of FAT32 in `raw`; `get` masks them off.
 */
export class FatTable {
  readonly marks: EntryMarks;
  readonly #medium: Draft;
  readonly #geometry: Geometry;
  readonly #pages = new Map<number, Uint32Array>();
  #lastNumber = -1;
  #lastPage: Uint32Array | undefined;

  constructor(
    medium: Draft,
    geometry: Geometry,
    readonly copy: number,
  ) {
    this.#medium = medium;
    this.#geometry = geometry;
    this.marks = marksOf(geometry.type);
    this.#load();
  }

  /** Entries 0 … `entryCount` − 1 mean something; behind them the last sector is padding. */
  get entryCount(): number {
    return this.#geometry.clusterCount + 2;
  }

  /** First byte of this copy on the volume. */
  get offsetBytes(): number {
    return fatOffsetBytes(this.#geometry, this.copy);
  }

  get(cluster: number): number {
    const number = cluster >>> PAGE_SHIFT;
    if (number !== this.#lastNumber) {
      this.#lastNumber = number;
      this.#lastPage = this.#pages.get(number);
    }
    return this.#lastPage === undefined ? 0 : (this.#lastPage[cluster & PAGE_MASK] ?? 0) & 0x0fff_ffff;
  }

  /** With the reserved upper bits of FAT32. */
  raw(cluster: number): number {
    return this.#pages.get(cluster >>> PAGE_SHIFT)?.[cluster & PAGE_MASK] ?? 0;
  }

  /** Pages with something in them, ascending, as [first entry, entries]. */
  pages(): [number, Uint32Array][] {
    return [...this.#pages]
      .sort(([a], [b]) => a - b)
      .map(([number, entries]) => [number << PAGE_SHIFT, entries]);
  }

  /** Entries `number` × PAGE_ENTRIES and on, raw. */
  page(number: number): Uint32Array | undefined {
    return this.#pages.get(number);
  }

  /** Numbers of the pages with something in them, in no order. */
  pageNumbers(): number[] {
    return [...this.#pages.keys()];
  }

  isData(cluster: number): boolean {
    return cluster >= 2 && cluster < this.entryCount;
  }

  isEndOfChain(value: number): boolean {
    return value >= this.marks.endOfChainMin;
  }

  /** Change one entry in every copy, in memory and in the pending repairs. Also clears its reserved upper bits. */
  set(cluster: number, value: number, reason: string): void {
    const number = cluster >>> PAGE_SHIFT;
    let page = this.#pages.get(number);
    if (!page) {
      page = new Uint32Array(PAGE_ENTRIES);
      this.#pages.set(number, page);
      this.#lastNumber = -1;
    }
    page[cluster & PAGE_MASK] = value;
    for (let copy = 0; copy < this.#geometry.fatCount; copy++) {
      this.#patch(copy, cluster, value, reason);
    }
  }

  #patch(copy: number, cluster: number, value: number, reason: string): void {
    const { type } = this.#geometry;
    const pageOffset = (cluster >>> PAGE_SHIFT) * pageBytes(this.#geometry);
    const index = cluster & PAGE_MASK;
    const at = type === 12 ? index + (index >>> 1) : (index * type) / 8;
    const offsetBytes = fatOffsetBytes(this.#geometry, copy) + pageOffset + at;
    const bytes = type === 12 ? this.#medium.read(offsetBytes, 2) : new Uint8Array(type / 8);
    // A lone FAT12 entry has the parity of its number: read it as entry 0 or 1 of a pair that begins one byte earlier.
    if (type === 12 && index & 1) {
      const pair = new Uint8Array([0, bytes[0] ?? 0, bytes[1] ?? 0]);
      const isPadding = cluster >= this.entryCount;
      setEntry(12, pair, 1, isPadding ? (value & 0xf) | ((bytes[1] ?? 0) << 4) : value);
      bytes.set(pair.subarray(1));
    } else {
      setEntry(type, bytes, 0, value);
    }
    this.#medium.write(offsetBytes, bytes, STAGE.table, {
      role: 'allocation',
      owner: `FAT ${copy + 1}`,
      reason: `fsck: ${reason}`,
    });
  }

  #load(): void {
    const size = pageBytes(this.#geometry);
    const start = this.offsetBytes;
    // The last entry of a FAT12 may share its last byte with the next, whose four bits must agree in the copies too.
    const entryCount = this.#geometry.type === 12 ? this.entryCount + (this.entryCount & 1) : this.entryCount;
    const pageCount = Math.ceil(entryCount / PAGE_ENTRIES);
    for (let number = 0; number < pageCount; number++) {
      const stored = this.#medium.nextStored(start + number * size);
      number = Math.max(number, Math.floor((stored - start) / size));
      if (number >= pageCount) break;
      const count = Math.min(PAGE_ENTRIES, entryCount - number * PAGE_ENTRIES);
      const lengthBytes = Math.ceil((count * bitsPerEntry(this.#geometry.type)) / 8);
      const bytes = this.#medium.read(start + number * size, lengthBytes);
      const entries = decode(this.#geometry.type, bytes, count);
      const padding = this.entryCount - number * PAGE_ENTRIES;
      if (padding < count) entries[padding] = (entries[padding] ?? 0) & 0xf;
      this.#pages.set(number, entries);
    }
  }
}

export function fatOffsetBytes(geometry: Geometry, copy: number): number {
  return (geometry.reservedSectors + copy * geometry.fatSizeSectors) * geometry.sectorSizeBytes;
}

/** Byte of the volume in which entry `cluster` of FAT 1 begins. */
export const entryByteOffset = (geometry: Geometry, cluster: number, copy = 0): number =>
  fatOffsetBytes(geometry, copy) + entryOffsetBytes(geometry.type, cluster);

/** 4096 entries: whole sectors for all three widths. */
const PAGE_SHIFT = 12;
export const PAGE_ENTRIES = 1 << PAGE_SHIFT;
const PAGE_MASK = PAGE_ENTRIES - 1;

const pageBytes = (geometry: Geometry): number => (PAGE_ENTRIES * bitsPerEntry(geometry.type)) / 8;

function decode(type: Geometry['type'], bytes: Uint8Array, count: number): Uint32Array {
  const entries = new Uint32Array(PAGE_ENTRIES);
  if (type === 32) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i < count; i++) entries[i] = view.getUint32(i * 4, true);
  } else {
    for (let i = 0; i < count; i++) entries[i] = getEntry(type, bytes, i);
  }
  return entries;
}
