/**
 * Which file holds which cluster. Numbers, not objects, in pages that exist only where something is held: a volume of
 * 2^28 clusters with one small file costs one page.
 */
export class ClusterOwners {
  readonly #pages = new Map<number, Uint32Array>();
  #lastNumber = -1;
  #lastPage: Uint32Array | undefined;
  /** Clusters held by anybody. */
  held = 0;

  /** Number of the holder; 0 is nobody. */
  get(cluster: number): number {
    const number = cluster >>> PAGE_SHIFT;
    if (number !== this.#lastNumber) {
      this.#lastNumber = number;
      this.#lastPage = this.#pages.get(number);
    }
    return this.#lastPage === undefined ? 0 : (this.#lastPage[cluster & PAGE_MASK] ?? 0);
  }

  set(cluster: number, owner: number): void {
    const number = cluster >>> PAGE_SHIFT;
    let page = this.#pages.get(number);
    if (!page) {
      page = new Uint32Array(PAGE_MASK + 1);
      this.#pages.set(number, page);
      this.#lastNumber = -1;
    }
    this.held += Number(owner !== 0) - Number(page[cluster & PAGE_MASK] !== 0);
    page[cluster & PAGE_MASK] = owner;
  }
}

const PAGE_SHIFT = 10;
const PAGE_MASK = (1 << PAGE_SHIFT) - 1;

/** What is known of a file or directory once its entry has been read. The root directory is number 1. */
export interface FileRecord {
  readonly parent: number;
  readonly name: string;
  readonly isDirectory: boolean;
  readonly firstCluster: number;
}

export const ROOT = 1;

/** Everything that has a name, numbered in the order met. Paths are put together only when somebody must read one. */
export class FileRegistry {
  readonly #records: (FileRecord | null)[] = [null];

  add(record: FileRecord): number {
    return this.#records.push(record) - 1;
  }

  get(file: number): FileRecord | undefined {
    return this.#records[file] ?? undefined;
  }

  /** Files and directories met, the root directory left out. */
  get count(): number {
    return this.#records.length - 2;
  }

  /** '/photos/summer.jpg'. Of a very deep path the beginning is left out: '…/a/b/c'. */
  pathOf(file: number): string {
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

/** Of hostile depth, not of any honest volume. */
const PATH_UNITS_MAX = 4096;
