/**
 * Which file holds which cluster. Numbers, not objects, in pages that exist only where something is held; a page that
 * one file holds whole is one number, so that a file of ten terabytes costs what its bitmap costs.
 */
export class ClusterOwners {
  readonly #pages = new Map<number, Uint32Array | number>();
  /** Clusters held by anybody. */
  held = 0;

  /** Number of the holder; 0 is nobody. */
  get(cluster: number): number {
    const page = this.#pages.get(Math.floor(cluster / PAGE_CLUSTERS));
    if (page === undefined) return 0;
    return typeof page === 'number' ? page : (page[cluster % PAGE_CLUSTERS] ?? 0);
  }

  /** Take `count` clusters from `first` on for `owner`, up to the first that is held; returns how many were taken. */
  claim(first: number, count: number, owner: number): number {
    let at = first;
    const end = first + count;
    while (at < end) {
      const number = Math.floor(at / PAGE_CLUSTERS);
      const start = number * PAGE_CLUSTERS;
      const page = this.#pages.get(number);
      if (typeof page === 'number') break;
      if (page === undefined && at === start && end - at >= PAGE_CLUSTERS) {
        this.#pages.set(number, owner);
        at += PAGE_CLUSTERS;
        continue;
      }
      const entries = page ?? new Uint32Array(PAGE_CLUSTERS);
      if (page === undefined) this.#pages.set(number, entries);
      const pageEnd = Math.min(end, start + PAGE_CLUSTERS);
      while (at < pageEnd && entries[at - start] === 0) entries[at++ - start] = owner;
      if (at < pageEnd) break;
    }
    this.held += at - first;
    return at - first;
  }

  /** Numbers of the pages in which something is held, in no order. Page p begins at cluster p × PAGE_CLUSTERS. */
  pageNumbers(): Iterable<number> {
    return this.#pages.keys();
  }

  /** One bit a cluster of page `number`, lowest first: held or not. Not to be changed; good until the next call. */
  bitsOf(number: number): Uint8Array {
    const page = this.#pages.get(number);
    if (page === undefined) return NONE_HELD;
    if (typeof page === 'number') return ALL_HELD;
    this.#bits.fill(0);
    for (let i = 0; i < PAGE_CLUSTERS; i++) {
      if (page[i] !== 0) this.#bits[i >>> 3] = (this.#bits[i >>> 3] ?? 0) | (1 << (i & 7));
    }
    return this.#bits;
  }

  readonly #bits = new Uint8Array(PAGE_CLUSTERS / 8);
}

export const PAGE_CLUSTERS = 1024;
const NONE_HELD = new Uint8Array(PAGE_CLUSTERS / 8);
const ALL_HELD = new Uint8Array(PAGE_CLUSTERS / 8).fill(0xff);

/** What is known of a file or directory once its entries have been read. The root directory is number 1. */
export interface FileRecord {
  readonly parent: number;
  readonly name: string;
  readonly isDirectory: boolean;
  readonly firstCluster: number;
}

export const ROOT = 1;
/** Holders that are no files: they come before all of them. */
export const BITMAP = 2;
export const UPCASE = 3;

/** Everything that has a name, numbered in the order met. Paths are put together only when somebody must read one. */
export class FileRegistry {
  readonly #records: FileRecord[] = [];
  /** Directories met, the root directory included. */
  directoryCount = 1;

  add(record: FileRecord): number {
    if (record.isDirectory) this.directoryCount++;
    return this.#records.push(record) - 1 + FIRST_FILE;
  }

  get(file: number): FileRecord | undefined {
    return this.#records[file - FIRST_FILE];
  }

  /** Files met, directories left out. */
  get fileCount(): number {
    return this.#records.length - (this.directoryCount - 1);
  }

  /** '/photos/summer.jpg'. Of a very deep path the beginning is left out: '…/a/b/c'. */
  pathOf(file: number): string {
    if (file === BITMAP) return 'the allocation bitmap';
    if (file === UPCASE) return 'the up-case table';
    const names: string[] = [];
    let length = 0;
    for (let at = file; at > ROOT;) {
      const record = this.get(at);
      if (!record) break;
      if (length > PATH_UNITS_MAX) return `…/${names.reverse().join('/')}`;
      names.push(record.name);
      length += record.name.length + 1;
      at = record.parent;
    }
    return `/${names.reverse().join('/')}`;
  }
}

const FIRST_FILE = 4;
/** Of hostile depth, not of any honest volume. */
const PATH_UNITS_MAX = 4096;
