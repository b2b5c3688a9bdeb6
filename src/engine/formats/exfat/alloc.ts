import { assert } from '../../base/assert.ts';
import type { Device } from '../../device/device.ts';
import { FIRST_CLUSTER } from './layout.ts';
import type { Geometry } from './layout.ts';
import { PagedTable } from './pages.ts';
import type { TablePage, TablePlace } from './pages.ts';

/**
 * The allocation bitmap in memory: the only truth about free clusters.
 *
 * Clusters are taken at once; clusters set free wait until no entry on the device needs them (`applyFrees`), and nobody
 * gets them before. The lowest free cluster is always next, for the disk keeps no hint: the same script makes the same
 * disk, mounted anew in between or not.
 *
 * Nothing is linear in the bitmap: the search goes on where everything below is known to be used and skips full words
 * and pages; counting happens once and passes over what was never written.
 */
export interface ClusterRun {
  readonly first: number;
  readonly count: number;
}

const WORD_BITS = 32;
const ALL_USED = 0xffff_ffff;

export class AllocationBitmap {
  readonly #table: PagedTable;
  readonly #clusterCount: number;
  readonly #bitsPerPage: number;
  /** Pages in which the search found no free cluster, until one is set free. */
  readonly #fullPages: Uint8Array;
  /** Every bit below is set. */
  #lowestBit = 0;
  #freeClusters: number | undefined;
  #lateFrees: ClusterRun[] = [];
  #lateFreeClusters = 0;

  constructor(device: Device, geometry: Geometry, place: TablePlace) {
    this.#table = new PagedTable(device, place);
    this.#clusterCount = geometry.clusterCount;
    this.#bitsPerPage = this.#table.pageBytes * 8;
    this.#fullPages = new Uint8Array(this.#table.pageCount);
  }

  // ── taking clusters ───────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Up to `wanted` clusters in as few runs as the search meets; fewer when no more are free. Right behind `after` first
   * (0: a new file), then the lowest ones. Nothing points to them yet.
   */
  allocate(after: number, wanted: number): ClusterRun[] {
    const runs: ClusterRun[] = [];
    let left = wanted;
    let from = after - FIRST_CLUSTER + 1;
    if (after === 0 || from >= this.#clusterCount || this.#isUsed(from)) from = this.#lowestFree();
    while (left > 0 && from < this.#clusterCount) {
      const end = this.#nextUsed(from, Math.min(this.#clusterCount, from + left));
      this.#setRange(from, end - from, true);
      if (from === this.#lowestBit) this.#lowestBit = end;
      runs.push({ first: from + FIRST_CLUSTER, count: end - from });
      left -= end - from;
      if (left > 0) from = this.#lowestFree();
    }
    if (this.#freeClusters !== undefined) this.#freeClusters -= wanted - left;
    return runs;
  }

  /** Undo `allocate`: clusters that nothing ever pointed to are free again at once. */
  giveBack(runs: readonly ClusterRun[]): void {
    for (const run of runs) {
      this.#clear(run);
      if (this.#freeClusters !== undefined) this.#freeClusters += run.count;
    }
  }

  #lowestFree(): number {
    this.#lowestBit = this.#nextFree(this.#lowestBit);
    return this.#lowestBit;
  }

  #page(bit: number): TablePage {
    return this.#table.page(Math.floor(bit / this.#bitsPerPage));
  }

  #isUsed(bit: number): boolean {
    const within = bit % this.#bitsPerPage;
    return ((this.#page(bit).bytes[within >>> 3] ?? 0) & (1 << (within & 7))) !== 0;
  }

  /** First clear bit at or after `from`; `clusterCount` when there is none. */
  #nextFree(from: number): number {
    let bit = from;
    while (bit < this.#clusterCount) {
      const index = Math.floor(bit / this.#bitsPerPage);
      const start = index * this.#bitsPerPage;
      const end = Math.min(start + this.#bitsPerPage, this.#clusterCount);
      if (this.#fullPages[index] !== 1) {
        const page = this.#table.page(index);
        const found = start + nextBit(page, bit - start, end - start, ALL_USED);
        if (found < end) return found;
        if (bit === start) this.#fullPages[index] = 1;
      }
      bit = end;
    }
    return this.#clusterCount;
  }

  /** First set bit at or after `from`, at most `limit`. */
  #nextUsed(from: number, limit: number): number {
    let bit = from;
    while (bit < limit) {
      const start = Math.floor(bit / this.#bitsPerPage) * this.#bitsPerPage;
      const end = Math.min(start + this.#bitsPerPage, limit);
      const found = start + nextBit(this.#page(bit), bit - start, end - start, 0);
      if (found < end) return found;
      bit = end;
    }
    return limit;
  }

  /** Returns how many bits changed. */
  #setRange(from: number, count: number, isUsed: boolean): number {
    assert(from >= 0 && from + count <= this.#clusterCount, 'the clusters lie in the heap');
    let changed = 0;
    for (let bit = from; bit < from + count;) {
      const page = this.#page(bit);
      const start = page.index * this.#bitsPerPage;
      const end = Math.min(start + this.#bitsPerPage, from + count);
      changed += setBits(page.bytes, bit - start, end - start, isUsed);
      this.#table.touch(page, (bit - start) >>> 3, (end - start - 1) >>> 3);
      bit = end;
    }
    return changed;
  }

  // ── setting free ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** These clusters are free once no entry needs them. */
  free(run: ClusterRun): void {
    this.#lateFrees.push(run);
    this.#lateFreeClusters += run.count;
    if (this.#freeClusters !== undefined) this.#freeClusters += run.count;
  }

  get hasFrees(): boolean {
    return this.#lateFrees.length > 0;
  }
  /** How much waits, in clusters. */
  get waitingClusters(): number {
    return this.#lateFreeClusters;
  }

  applyFrees(): void {
    const runs = this.#lateFrees;
    this.#lateFrees = [];
    this.#lateFreeClusters = 0;
    for (const run of runs) this.#clear(run);
  }

  #clear({ first, count }: ClusterRun): void {
    const from = first - FIRST_CLUSTER;
    const cleared = this.#setRange(from, count, false);
    // Free already: two files shared them on a damaged volume. They count once.
    if (this.#freeClusters !== undefined) this.#freeClusters -= count - cleared;
    const firstPage = Math.floor(from / this.#bitsPerPage);
    this.#fullPages.fill(0, firstPage, Math.floor((from + count - 1) / this.#bitsPerPage) + 1);
    if (from < this.#lowestBit) this.#lowestBit = from;
  }

  // ── counting and writing ──────────────────────────────────────────────────────────────────────────────────────────

  /** Free clusters, those that wait included. Counts once. */
  get freeClusters(): number {
    return (this.#freeClusters ??= this.#clusterCount - this.#countUsed() + this.#lateFreeClusters);
  }

  #countUsed(): number {
    let used = 0;
    const { pageCount } = this.#table;
    for (let i = this.#table.nextStoredPage(0); i < pageCount; i = this.#table.nextStoredPage(i + 1)) {
      used += countBits(this.#table.page(i).bytes, this.#clusterCount - i * this.#bitsPerPage);
    }
    return used;
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
    this.#table.write('allocation bitmap', reason);
  }
}

/** First bit in `from` … `end` − 1 of a page that differs from those of `passedWord`; `end` when there is none. */
function nextBit(page: TablePage, from: number, end: number, passedWord: number): number {
  const { bytes, view } = page;
  const passed = passedWord & 1;
  let bit = from;
  while (bit < end) {
    if ((bit & (WORD_BITS - 1)) === 0 && bit + WORD_BITS <= end) {
      if (view.getUint32(bit >>> 3, true) === passedWord) {
        bit += WORD_BITS;
        continue;
      }
    }
    if ((((bytes[bit >>> 3] ?? 0) >>> (bit & 7)) & 1) !== passed) return bit;
    bit++;
  }
  return end;
}

/** Set or clear bits `from` … `end` − 1; returns how many changed. */
function setBits(bytes: Uint8Array, from: number, end: number, value: boolean): number {
  let changed = 0;
  for (let bit = from; bit < end;) {
    const at = bit >>> 3;
    const stop = Math.min(end, (at + 1) * 8);
    const mask = (0xff << (bit & 7)) & (0xff >>> (8 - (stop - at * 8)));
    const old = bytes[at] ?? 0;
    const next = value ? old | mask : old & ~mask;
    changed += BITS_OF[old ^ next] ?? 0;
    bytes[at] = next;
    bit = stop;
  }
  return changed;
}

/** Set bits among the first `bitCount`, or all there are. */
function countBits(bytes: Uint8Array, bitCount: number): number {
  let count = 0;
  const whole = Math.min(bytes.length, Math.floor(bitCount / 8));
  for (let at = 0; at < whole; at++) count += BITS_OF[bytes[at] ?? 0] ?? 0;
  const rest = bitCount - whole * 8;
  if (rest > 0 && whole < bytes.length) count += BITS_OF[(bytes[whole] ?? 0) & ((1 << rest) - 1)] ?? 0;
  return count;
}

const BITS_OF = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0;
  for (let rest = byte; rest !== 0; rest >>= 1) bits += rest & 1;
  return bits;
});
