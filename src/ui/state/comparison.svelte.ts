import {
  compare,
  comparedFile,
  countedBlockBytes,
  missingFile,
  PROFILE_TITLES,
} from '../../rpc/comparison.ts';
import type { ComparedFile, ComparedSteps, Comparison } from '../../rpc/comparison.ts';
import type { ProfileName, StepView } from '../../rpc/protocol.ts';
import type { Bench } from './bench.svelte.ts';
import type { Column } from './column.svelte.ts';

/** Which lines are compared. */
export type Choice = 'last' | 'chosen' | 'all';

/** More lines than these make no list to look at; exports and totals have them all. */
const LINES_SHOWN_MAX = 200;

/**
 * What of the bench is compared, and what came of it. Steps are those that the page was told of, so another choice or
 * another device is arithmetic and asks no worker; only how a file lies has to be asked.
 */
export class ComparisonState {
  choice = $state<Choice>('last');
  /** Numbers of lines, while `choice` is 'chosen'. */
  chosen = $state.raw<ReadonlySet<number>>(new Set());
  /** Null: the device of the bench. */
  #profile = $state<ProfileName | null>(null);
  /** From the root of the volume; empty: the file that is selected, if one is. */
  path = $state('');
  /** By the key of the disk. */
  #files = $state.raw<ReadonlyMap<string, ComparedFile>>(new Map());
  /** Answers to an older question are thrown away. */
  #question = 0;

  constructor(readonly bench: Bench) {}

  readonly profile: ProfileName = $derived.by(() => this.#profile ?? this.bench.options.profile);
  readonly columns: readonly Column[] = $derived.by(() =>
    this.bench.columns.filter(({ disk }) => disk.isReady),
  );
  /** Lines that lead to the moment shown, oldest first. */
  readonly lines: readonly number[] = $derived.by(() => {
    const { path, index } = this.bench.history;
    return path.slice(0, index);
  });
  readonly shownLines: readonly number[] = $derived(this.lines.slice(-LINES_SHOWN_MAX));
  readonly selected: readonly number[] = $derived.by(() => {
    if (this.choice === 'all') return this.lines;
    if (this.choice === 'last') return this.lines.slice(-1);
    return this.lines.filter((number) => this.chosen.has(number));
  });
  readonly #selectedLines: ReadonlySet<number> = $derived(new Set(this.selected));
  readonly comparison: Comparison = $derived.by(() => compare(this.#stepsOf(this.selected), this.profile));
  /** Of every line in the list, one by one. */
  readonly list: Comparison = $derived.by(() => compare(this.#stepsOf(this.shownLines), this.profile));

  setProfile(name: string): void {
    this.#profile = PROFILE_TITLES.find(([known]) => known === name)?.[0] ?? null;
  }

  isSelected(number: number): boolean {
    return this.#selectedLines.has(number);
  }

  /** Take one line in or out; from then on the lines are chosen one by one. */
  toggle(number: number): void {
    const chosen = new Set(this.selected);
    if (!chosen.delete(number)) chosen.add(number);
    this.chosen = chosen;
    this.choice = 'chosen';
  }

  #stepsOf(numbers: readonly number[]): ComparedSteps[] {
    const { history } = this.bench;
    void history.version;
    return this.columns.map(({ key, name, disk }) => {
      void disk.version;
      const file = this.#files.get(key);
      return {
        title: name,
        blockSizeBytes: disk.view === null ? 512 : countedBlockBytes(disk.view),
        steps: numbers.map((number): StepView | null => {
          const taken = history.step(number)?.taken.get(key);
          return taken === undefined ? null : disk.stepAt(taken.step);
        }),
        files: file === undefined ? [] : [file],
      };
    });
  }

  get wantedPath(): string {
    return this.path.trim() || (this.bench.column.inspection.path ?? '');
  }

  /** Ask every disk how the file lies at the moment shown. */
  async askForFile(): Promise<void> {
    const path = this.wantedPath;
    const question = ++this.#question;
    if (path === '') {
      this.#files = new Map();
      return;
    }
    const answers = await Promise.all(
      this.columns.map(async (column) => [column.key, await fileOn(column, path)] as const),
    );
    if (question === this.#question) this.#files = new Map(answers);
  }
}

/** A disk without the file, or without a worker, says so in its place of the table. */
async function fileOn({ engine }: Column, path: string): Promise<ComparedFile> {
  try {
    return comparedFile(path, await engine.api.file(path));
  } catch (error) {
    return missingFile(path, error instanceof Error ? reasonOf(error) : String(error));
  }
}

/** Of an FsError the text of its errno. */
const reasonOf = (error: Error): string =>
  (error as Partial<{ code: string }>).code === 'ENOENT' ? 'not there' : error.message;
