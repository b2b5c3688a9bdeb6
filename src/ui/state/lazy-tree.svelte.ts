import type { RowsModel, TreeRow } from './rows.ts';
import { sentenceOf } from './sentence.ts';

/** Where the nodes of a tree come from, a page at a time. */
export interface TreeSource<T> {
  children(
    parent: T | null,
    page: { offset: number; countMax: number },
  ): Promise<{ items: readonly T[]; total: number }>;
  keyOf(item: T): string;
  canOpen(item: T): boolean;
}

export const PAGE_ROWS = 250;

/** Children of one open node; holes where nothing was asked for yet. */
class Branch<T> {
  total = 0;
  readonly items: (T | undefined)[] = [];
  /** Generation in which each page was asked for. */
  readonly pages = new Map<number, number>();
  readonly open = new Map<string, Branch<T>>();
  /** Open children by their index, ascending. */
  order: readonly (readonly [number, Branch<T>])[] = [];

  constructor(
    readonly parent: T | null,
    readonly depth: number,
  ) {}

  get rows(): number {
    return this.order.reduce((sum, [, child]) => sum + child.rows, this.total);
  }

  arrange(keyOf: (item: T) => string): void {
    const order: [number, Branch<T>][] = [];
    if (this.open.size > 0)
      this.items.forEach((item, index) => {
        const child = item === undefined ? undefined : this.open.get(keyOf(item));
        if (child) order.push([index, child]);
      });
    this.order = order;
  }

  /** The branch and index that row `row` of this branch shows. */
  find(row: number): { branch: Branch<T>; index: number } {
    let shift = 0;
    for (const [index, child] of this.order) {
      const at = index + shift;
      if (row <= at) break;
      if (row <= at + child.rows) return child.find(row - at - 1);
      shift += child.rows;
    }
    return { branch: this, index: row - shift };
  }

  rowOf(index: number): number {
    return this.order.reduce((row, [at, child]) => (at < index ? row + child.rows : row), index);
  }
}

/**
 * A tree of any size as rows: a node's children are fetched a page at a time when a row of theirs is looked at. A
 * reload keeps what is open and replaces pages as they are looked at again; nothing flickers.
 */
export class LazyTree<T> implements RowsModel<T> {
  version = $state(0);
  failure = $state<string | null>(null);
  #root = new Branch<T>(null, 0);
  #generation = 0;

  constructor(readonly source: TreeSource<T>) {}

  get rowCount(): number {
    void this.version;
    return this.#root.rows;
  }

  rowAt(row: number): TreeRow<T> {
    void this.version;
    const { branch, index } = this.#root.find(row);
    const item = branch.items[index];
    return {
      ...{ item: item ?? null, depth: branch.depth, position: index + 1, setSize: branch.total },
      key: item === undefined ? `${branch.depth}.${index}` : this.source.keyOf(item),
      isOpen:
        item !== undefined && this.source.canOpen(item) ? branch.open.has(this.source.keyOf(item)) : null,
    };
  }

  /** Rows about to be shown. */
  need(first: number, end: number): void {
    for (let row = first; row < Math.min(end, this.#root.rows); row++) {
      const { branch, index } = this.#root.find(row);
      void this.#fetch(branch, Math.floor(index / PAGE_ROWS));
    }
  }

  /** Everything may have changed. */
  async reload(): Promise<void> {
    this.#generation += 1;
    await this.#fetch(this.#root, 0);
    await Promise.all([...this.#openBranches(this.#root)].map((branch) => this.#fetch(branch, 0)));
  }

  reset(): Promise<void> {
    this.#root = new Branch<T>(null, 0);
    return this.reload();
  }

  async toggle(row: number): Promise<void> {
    const { branch, index } = this.#root.find(row);
    const item = branch.items[index];
    if (item === undefined || !this.source.canOpen(item)) return;
    const key = this.source.keyOf(item);
    if (branch.open.delete(key)) this.#arrange(branch);
    else await this.#open(branch, item);
  }

  /** Open the nodes whose keys are given, outermost first; returns the row of the last, or −1 when it is not there. */
  async reveal(keys: readonly string[]): Promise<number> {
    let branch = this.#root;
    for (const [at, key] of keys.entries()) {
      const index = await this.#search(branch, key);
      const item = branch.items[index];
      if (item === undefined) return -1;
      if (at === keys.length - 1) return this.#rowOf(branch, index);
      branch = branch.open.get(key) ?? (await this.#open(branch, item));
    }
    return -1;
  }

  async #search(branch: Branch<T>, key: string): Promise<number> {
    const found = () =>
      branch.items.findIndex((item) => item !== undefined && this.source.keyOf(item) === key);
    await this.#fetch(branch, 0);
    for (let page = 1; found() < 0 && page * PAGE_ROWS < branch.total; page++)
      await this.#fetch(branch, page);
    return found();
  }

  #rowOf(wanted: Branch<T>, index: number): number {
    const find = (branch: Branch<T>): number => {
      if (branch === wanted) return branch.rowOf(index);
      for (const [at, child] of branch.order) {
        const inside = find(child);
        if (inside >= 0) return branch.rowOf(at) + 1 + inside;
      }
      return -1;
    };
    return find(this.#root);
  }

  async #open(branch: Branch<T>, item: T): Promise<Branch<T>> {
    const child = new Branch<T>(item, branch.depth + 1);
    branch.open.set(this.source.keyOf(item), child);
    this.#arrange(branch);
    await this.#fetch(child, 0);
    return child;
  }

  #arrange(branch: Branch<T>): void {
    branch.arrange((item) => this.source.keyOf(item));
    this.version += 1;
  }

  *#openBranches(branch: Branch<T>): Generator<Branch<T>> {
    for (const child of branch.open.values()) {
      yield child;
      yield* this.#openBranches(child);
    }
  }

  async #fetch(branch: Branch<T>, page: number): Promise<void> {
    const generation = this.#generation;
    if (branch.pages.get(page) === generation) return;
    branch.pages.set(page, generation);
    try {
      const offset = page * PAGE_ROWS;
      const { items, total } = await this.source.children(branch.parent, { offset, countMax: PAGE_ROWS });
      if (generation !== this.#generation) return;
      branch.total = total;
      branch.items.length = Math.min(branch.items.length, total);
      items.forEach((item, index) => (branch.items[offset + index] = item));
      this.failure = null;
    } catch (error) {
      if (generation !== this.#generation) return;
      branch.total = 0;
      branch.items.length = 0;
      if (branch.parent === null) this.failure = sentenceOf(error);
    }
    this.#arrange(branch);
  }
}
