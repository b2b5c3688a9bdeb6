import type { BenchMoment } from './bench-history.svelte.ts';

/** Names that people give to moments and to branches. */
export interface Bookmark {
  readonly id: number;
  readonly name: string;
  readonly moment: BenchMoment;
}

export const NAME_MAX = 80;
export const BOOKMARKS_MAX = 200;

export class Bookmarks {
  list = $state.raw<readonly Bookmark[]>([]);
  branchNames = $state.raw<ReadonlyMap<string, string>>(new Map());
  #lastId = 0;

  /** The one that is there already, or a new one; null when there are too many. */
  add(moment: BenchMoment, name: string): Bookmark | null {
    const known = this.at(moment);
    if (known !== null) return known;
    if (this.list.length >= BOOKMARKS_MAX) return null;
    const added = { id: ++this.#lastId, name: fit(name, 'moment'), moment };
    this.list = [...this.list, added];
    return added;
  }

  at({ number, write }: BenchMoment): Bookmark | null {
    return this.list.find(({ moment }) => moment.number === number && moment.write === write) ?? null;
  }

  /** An empty name changes nothing. */
  rename(id: number, name: string): void {
    this.list = this.list.map((one) => (one.id === id ? { ...one, name: fit(name, one.name) } : one));
  }

  remove(id: number): void {
    this.list = this.list.filter((one) => one.id !== id);
  }

  nameOf(branch: string): string {
    return this.branchNames.get(branch) ?? branch;
  }

  renameBranch(branch: string, name: string): void {
    this.branchNames = new Map(this.branchNames).set(branch, fit(name, this.nameOf(branch)));
  }

  clear(): void {
    this.list = [];
    this.branchNames = new Map();
  }
}

const fit = (name: string, otherwise: string): string => name.trim().slice(0, NAME_MAX) || otherwise;
