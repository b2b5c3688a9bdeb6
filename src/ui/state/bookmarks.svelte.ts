import type { BenchMoment } from './bench-history.svelte.ts';

/** Names that people give to moments and to branches. They belong to the bench and are kept with it. */
export interface Bookmark {
  readonly id: number;
  readonly name: string;
  readonly moment: BenchMoment;
}

/** Names as they are kept; absent in what was kept before there were any. */
export interface SavedNames {
  readonly bookmarks?: readonly Omit<Bookmark, 'id'>[];
  /** What the history calls the branch, and what people call it. */
  readonly branchNames?: readonly (readonly [branch: string, name: string])[];
}

export const NAME_MAX = 80;
export const BOOKMARKS_MAX = 200;

export class Bookmarks {
  list = $state.raw<readonly Bookmark[]>([]);
  branchNames = $state.raw<ReadonlyMap<string, string>>(new Map());
  #lastId = 0;
  readonly #onchange: () => void;

  /** `onchange`: somebody gave a name or took one away; loading and clearing are no news. */
  constructor(onchange: () => void = () => {}) {
    this.#onchange = onchange;
  }

  /** The one that is there already, or a new one; null when there are too many. */
  add(moment: BenchMoment, name: string): Bookmark | null {
    const known = this.at(moment);
    if (known !== null) return known;
    if (this.list.length >= BOOKMARKS_MAX) return null;
    const added = this.#made(moment, name);
    this.#change([...this.list, added]);
    return added;
  }

  #made(moment: BenchMoment, name: string): Bookmark {
    return { id: ++this.#lastId, name: fit(name, 'moment'), moment };
  }

  #change(list: readonly Bookmark[]): void {
    this.list = list;
    this.#onchange();
  }

  at({ number, write }: BenchMoment): Bookmark | null {
    return this.list.find(({ moment }) => moment.number === number && moment.write === write) ?? null;
  }

  /** An empty name changes nothing. */
  rename(id: number, name: string): void {
    this.#change(this.list.map((one) => (one.id === id ? { ...one, name: fit(name, one.name) } : one)));
  }

  remove(id: number): void {
    this.#change(this.list.filter((one) => one.id !== id));
  }

  nameOf(branch: string): string {
    return this.branchNames.get(branch) ?? branch;
  }

  renameBranch(branch: string, name: string): void {
    this.branchNames = new Map(this.branchNames).set(branch, fit(name, this.nameOf(branch)));
    this.#onchange();
  }

  clear(): void {
    this.list = [];
    this.branchNames = new Map();
  }

  // ── keeping ───────────────────────────────────────────────────────────────────────────────────────────────────────

  saved(): Required<SavedNames> {
    return {
      bookmarks: this.list.map(({ name, moment }) => ({ name, moment })),
      branchNames: [...this.branchNames],
    };
  }

  /** In place of all others. May come from a stranger's file: what is no name of one of `lineCount` lines is left out. */
  load({ bookmarks = [], branchNames = [] }: SavedNames, lineCount: number): void {
    this.clear();
    const given: readonly unknown[] = Array.isArray(bookmarks) ? bookmarks : [];
    for (const one of given.slice(0, BOOKMARKS_MAX)) {
      if (!isBookmark(one, lineCount) || this.at(one.moment) !== null) continue;
      const { number, write } = one.moment;
      this.list = [...this.list, this.#made(write === undefined ? { number } : { number, write }, one.name)];
    }
    const names: readonly unknown[] = Array.isArray(branchNames) ? branchNames : [];
    this.branchNames = new Map(
      names.filter(isPair).map(([branch, name]) => [branch, fit(name, branch)] as const),
    );
  }
}

const fit = (name: string, otherwise: string): string => name.trim().slice(0, NAME_MAX) || otherwise;

const isIndex = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isBookmark(value: unknown, lineCount: number): value is Omit<Bookmark, 'id'> {
  const { name, moment } = (value ?? {}) as Partial<Bookmark>;
  if (typeof name !== 'string' || typeof moment !== 'object' || moment === null) return false;
  const { number, write } = moment;
  return isIndex(number) && number <= lineCount && (write === undefined || isIndex(write));
}

const isPair = (value: unknown): value is [string, string] =>
  Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string');
