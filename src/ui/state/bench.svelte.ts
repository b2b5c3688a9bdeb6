import type { Moment, NewDiskRequest, Role, SessionOptions } from '../../rpc/protocol.ts';
import { ROLES } from '../../rpc/protocol.ts';
import { bytesInWords, visible } from '../draw/words.ts';
import { BenchHistory } from './bench-history.svelte.ts';
import type { BenchMoment, Taken } from './bench-history.svelte.ts';
import { Bookmarks } from './bookmarks.svelte.ts';
import { NO_SCRIPT } from './bench-script.ts';
import type { BenchScript } from './bench-script.ts';
import type { Note, SavedBench, SavedDisk } from '../storage/shelf.ts';
import { showPanes } from './bench-link.ts';
import { Column } from './column.svelte.ts';
import type { EngineHandle } from './column.svelte.ts';
import type { DiskState, Origin, Work } from './disk.svelte.ts';
import { Demo } from './demo.svelte.ts';
import { Keeper } from './keeper.svelte.ts';
import { LineRunner, takenFrom } from './line-runner.svelte.ts';
import { Messages } from './messages.svelte.ts';
import { FIRST_BENCH } from './samples.ts';
import { Theme } from './theme.svelte.ts';
import { plain } from './typed-order.ts';

class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** Errors by these names are what the user or the disk did. */
const SENTENCES: ReadonlySet<string> = new Set(['FsError', 'Refusal']);

export const DISKS_MAX = 6;

/**
 * The whole page: its disks, what was typed at them, what the page has to say, what is kept. Every action a button or a
 * key has ends here. A line goes to all disks at once, each in a worker of its own, and makes one step of the bench.
 */
export class Bench {
  columns = $state.raw<readonly Column[]>([]);
  /** The disk whose files, bytes and trace are on show. */
  #selectedKey = $state('');
  /** The one disk that the prompt speaks to; null: all. */
  #targetKey = $state<string | null>(null);
  shownRoles = $state.raw<ReadonlySet<Role>>(new Set(ROLES));
  /** What new disks are made with. */
  options = $state.raw<SessionOptions>({ seed: 1, profile: 'nvme', policy: 'each' });
  #works = $state.raw<readonly Work[]>([]);
  /** What began first of all that is under way. */
  readonly work: Work | null = $derived(this.#works[0] ?? null);
  readonly history = new BenchHistory();
  readonly bookmarks = new Bookmarks(() => this.keeper.save());
  readonly messages = new Messages();
  readonly theme = new Theme();
  readonly keeper: Keeper;
  readonly runner: LineRunner;
  readonly demo: Demo;
  /** Lines wait for it: resolves when no disk is being made or runs lines again. Never rejects. */
  standing: Promise<void> = Promise.resolve();
  readonly #start: () => EngineHandle;
  #lastKey = 0;

  constructor(start: () => EngineHandle) {
    this.#start = start;
    this.keeper = new Keeper(this);
    this.runner = new LineRunner(this);
    this.demo = new Demo(this);
    this.#place(FIRST_BENCH.map(() => this.#newColumn()));
  }

  readonly column: Column = $derived.by(() => {
    const found = this.columns.find(({ key }) => key === this.#selectedKey) ?? this.columns[0];
    return found as Column;
  });
  readonly target: Column | null = $derived(this.columns.find(({ key }) => key === this.#targetKey) ?? null);
  readonly isReady: boolean = $derived(this.columns.every(({ disk }) => disk.isReady));

  get disk(): DiskState {
    return this.column.disk;
  }

  select(column: Column): void {
    this.#selectedKey = column.key;
  }

  /** A line as it is typed for one disk alone. */
  addressed({ key, name }: Column, line: string): string {
    const isHeardAlone = this.columns.length === 1 || this.#targetKey === key;
    return isHeardAlone ? line : `on ${plain(name)} ${line}`;
  }

  /** Null: the prompt speaks to all disks. */
  narrow(column: Column | null): void {
    this.#targetKey = column?.key ?? null;
    if (column !== null) this.select(column);
  }

  // ── beginning ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What the address asks for, else the last bench, else the first one. Returns the lines that ran again. */
  begin(hash: string): Promise<readonly string[]> {
    return this.#untilItStands(this.#begin(hash));
  }

  async #begin(hash: string): Promise<readonly string[]> {
    const lines = (await this.keeper.fromLink(hash)) ?? (await this.keeper.fromSave());
    if (lines !== null) return lines;
    await this.attempt('make the disks', () => this.startOver());
    return [];
  }

  #untilItStands<T>(coming: Promise<T>): Promise<T> {
    this.standing = Promise.allSettled([this.standing, coming]).then(() => {});
    return coming;
  }

  /** The bench that the page opens with. */
  async startOver(): Promise<void> {
    await this.keeper.fresh();
    await this.remake(
      FIRST_BENCH.map((request) => ({ kind: 'new', request: { ...request, ...this.options } })),
      NO_SCRIPT,
    );
  }

  /** Other disks, and the lines run on them again. Rejects when a disk cannot be made. */
  remake(origins: readonly Origin[], script: BenchScript): Promise<void> {
    return this.#untilItStands(this.keeper.quietly(() => this.#remake(origins, script)));
  }

  async #remake(origins: readonly Origin[], script: BenchScript): Promise<void> {
    this.#place(origins.map((_, at) => this.columns[at] ?? this.#newColumn()));
    this.history.clear();
    this.bookmarks.clear();
    this.#targetKey = null;
    await Promise.all(
      this.columns.map((column, at) => {
        const origin = origins[at];
        return origin === undefined ? Promise.resolve() : column.make(origin);
      }),
    );
    await this.#replay(script);
  }

  /** A bench that was kept: its disks as they were, without running a line; then what was noted behind the save. */
  bringBack(saved: SavedBench): Promise<void> {
    return this.#untilItStands(this.keeper.quietly(() => this.#bringBack(saved)));
  }

  async #bringBack({ record, lines, disks, notes }: SavedBench): Promise<void> {
    const unused = this.columns.filter(({ disk, isDead }) => !disk.isReady && !isDead);
    const columns = disks.map(({ key }) => unused.find((one) => one.key === key) ?? this.#newColumn(key));
    this.#lastKey = Math.max(this.#lastKey, ...disks.map(({ key }) => Number(/\d+$/.exec(key)?.[0] ?? 0)));
    this.#place(columns);
    this.#targetKey = null;
    this.history.load(lines, record.path, record.now);
    this.bookmarks.load(record, lines.length);
    const [first] = disks;
    if (first !== undefined) this.options = optionsOf(first.origin);
    await Promise.all(columns.map((column, at) => this.#bringDisk(column, disks[at])));
    await this.#runNotes(notes);
    const { panes } = record;
    showPanes(
      this,
      panes,
      columns.find(({ key }) => key === panes.disk),
    );
  }

  /** What cannot be read of a disk is made again from its lines. */
  async #bringDisk(column: Column, disk: SavedDisk | undefined): Promise<void> {
    if (disk === undefined) return;
    const { origin, saved } = disk;
    if (saved === null) return column.make(origin);
    try {
      await column.restore(origin, saved);
    } catch (error) {
      this.messages.fail('bring back a disk as it was; its lines run again', error);
      await this.#makeAndCatchUp(column, origin, false);
    }
  }

  async #runNotes(notes: readonly Note[]): Promise<void> {
    for (const note of notes) {
      if (note.kind === 'move') await this.seek(note.now);
      else {
        const on = note.on.map(({ key, typed }) => ({
          ...{ disk: this.columns.findIndex((column) => column.key === key), typed },
        }));
        await this.runner.runAgain({ text: note.text, on: on.filter(({ disk }) => disk >= 0) });
      }
    }
  }

  async #replay({ lines, shown }: BenchScript): Promise<void> {
    let isStopped = false;
    const cancel = () => {
      isStopped = true;
      void this.runner.interrupt();
    };
    await this.busy('running the lines again', cancel, async (tell) => {
      for (const [index, line] of lines.entries()) {
        if (isStopped) return;
        tell(`running line ${index + 1} of ${lines.length} again`);
        await this.runner.runAgain(line);
      }
      if (shown < lines.length) await this.seek({ number: this.history.path[shown - 1] ?? 0 });
    });
  }

  // ── disks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #newColumn(key = `disk-${++this.#lastKey}`): Column {
    const column = new Column(key, this.#start(), () => this.columns);
    this.runner.fit(column);
    void column.engine.died.then((sentence) => {
      if (!this.columns.includes(column)) return;
      column.isDead = true;
      this.messages.say(
        'bad',
        `${column.name}: ${sentence} Restart it, and the disk is made again from the lines typed.`,
        { label: `Restart ${column.name}`, run: () => void this.restart(column) },
      );
    });
    return column;
  }

  /** Columns that are no longer there lose their worker. */
  #place(columns: readonly Column[]): void {
    const gone = this.columns.filter((column) => !columns.includes(column));
    this.columns = columns;
    for (const { engine } of gone) engine.stop();
  }

  /** A new worker, and the same disk in it. */
  async restart(column: Column): Promise<void> {
    const { origin } = column.disk;
    const at = this.columns.indexOf(column);
    if (at < 0 || origin === null) return;
    this.messages.clear();
    const fresh = this.#newColumn(column.key);
    this.#place(this.columns.with(at, fresh));
    await this.attempt(`make ${column.name} again`, () => this.#makeAndCatchUp(fresh, origin, false));
  }

  /** Those that still run something, when nothing else helps. */
  async restartStuck(): Promise<void> {
    const stuck = this.columns.filter(
      (column) => this.runner.running.includes(column) || column.disk.work !== null || column.isDead,
    );
    await Promise.all(stuck.map((column) => this.restart(column)));
  }

  /**
   * Beside the others; every line typed to all so far runs on it too, and under the key of a disk that was here before
   * what that one had run. Rejects with the engine's sentence.
   */
  async addDisk(origin: Origin, key?: string, at = this.columns.length): Promise<void> {
    if (this.columns.length >= DISKS_MAX)
      throw new Refusal(`a bench holds ${DISKS_MAX} disks; remove one first`);
    const column = this.#newColumn(key);
    this.#place(this.columns.toSpliced(at, 0, column));
    try {
      await this.#makeAndCatchUp(column, origin, origin.kind === 'new');
    } catch (error) {
      this.#place(this.columns.filter((other) => other !== column));
      throw error;
    }
    this.select(column);
    this.keeper.save();
  }

  /** Another disk in a disk's place. Rejects with the engine's sentence; then the one before is still there. */
  replaceDisk(column: Column, origin: Origin): Promise<void> {
    return this.#untilItStands(this.#replace(column, origin));
  }

  async #replace(column: Column, origin: Origin): Promise<void> {
    const at = this.columns.indexOf(column);
    const fresh = this.#newColumn(column.key);
    try {
      await fresh.make(origin);
    } catch (error) {
      fresh.engine.stop();
      throw error;
    }
    this.#place(this.columns.with(at, fresh));
    if (origin.kind === 'new') await this.#catchUp(fresh, true);
    else this.history.rewrite(fresh.key, new Map());
    this.keeper.save();
  }

  async removeDisk(column: Column): Promise<void> {
    if (this.columns.length === 1) {
      this.messages.say('note', 'A bench has at least one disk: add another one before you remove this.');
      return;
    }
    const { origin } = column.disk;
    const { name, key } = column;
    const at = this.columns.indexOf(column);
    this.#place(this.columns.filter((other) => other !== column));
    this.keeper.save();
    if (origin === null) return;
    this.messages.say('note', `${name} was removed.`, {
      label: 'Bring it back',
      run: () => {
        this.messages.clear();
        void this.attempt('bring the disk back', () => this.addDisk(origin, key, at));
      },
    });
  }

  move(column: Column, by: 1 | -1): void {
    const from = this.columns.indexOf(column);
    const to = from + by;
    if (to < 0 || to >= this.columns.length) return;
    const columns = this.columns.filter((other) => other !== column);
    columns.splice(to, 0, column);
    this.#place(columns);
    this.keeper.save();
  }

  /** `isNew`: it runs what was typed to all, also before it came; else what it had run. */
  #makeAndCatchUp(column: Column, origin: Origin, isNew: boolean): Promise<void> {
    return this.#untilItStands(column.make(origin).then(() => this.#catchUp(column, isNew)));
  }

  /** Run the lines of every branch on one disk, each where it was typed, and bring it to the moment shown. */
  async #catchUp(column: Column, isNew: boolean): Promise<void> {
    const { history } = this;
    const { disk, key } = column;
    const others = this.columns.length - 1;
    const lines = history.all().slice(1);
    const taken = new Map<number, Taken>();
    let isStopped = false;
    const what = `running the lines on ${column.name}`;
    const stop = () => {
      isStopped = true;
      void disk.api.interrupt();
    };
    await this.busy(what, stop, async (tell) => {
      for (const [index, step] of lines.entries()) {
        const own = step.taken.get(key);
        const isForAll = isNew && step.taken.size >= Math.max(1, others);
        const [like] = own === undefined ? step.taken.values() : [own];
        if (isStopped) break;
        // A line that somebody had to stop may never end by itself.
        if (like === undefined || like.isInterrupted || (own === undefined && !isForAll)) continue;
        tell(`running line ${index + 1} of ${lines.length} on ${column.name}`);
        await disk.seek({ step: history.lastTaken(step.parent, taken)?.step ?? 0 });
        const took = takenFrom(await disk.replay({ text: step.line, typed: like.typed }));
        if (took !== null) taken.set(step.number, took);
      }
    });
    history.rewrite(key, taken);
    await this.#bring(column, history.now);
  }

  /** False: it could not be opened, and the page says why. */
  openFile(file: File): Promise<boolean> {
    return this.attempt(`open ${visible(file.name)}`, async () => {
      if (file.size === 0) throw new Refusal('the file is empty; choose a disk image');
      await this.addDisk({ kind: 'image', file, options: this.options });
      if (this.keeper.isTooLarge(file)) {
        const size = bytesInWords(file.size);
        this.messages.say(
          'note',
          `${visible(file.name)} (${size}) is too large to be kept in this browser: download it to keep what you change.`,
        );
      }
    });
  }

  /** Another device or commit policy for the whole bench: the same lines run on every disk anew. */
  async setOptions(change: Partial<SessionOptions>): Promise<void> {
    this.options = { ...this.options, ...change };
    await Promise.all(this.columns.map((column) => this.setDiskOptions(column, change)));
  }

  /** Of one disk alone: the lines run on it anew. */
  async setDiskOptions(column: Column, change: Partial<SessionOptions>): Promise<void> {
    const { origin } = column.disk;
    if (origin === null) return;
    await this.attempt(`change ${column.name}`, async () => {
      await this.#makeAndCatchUp(column, withOptions(origin, change), false);
      this.keeper.save();
    });
  }

  async check(column: Column): Promise<void> {
    await this.attempt('check the volume', async () => {
      await column.disk.check();
      column.inspection.tab = 'Check';
      this.select(column);
    });
  }

  // ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Where a disk stands at a moment of the bench. */
  momentOf({ key, disk }: Column, moment: BenchMoment): Moment {
    return this.history.momentOf(key, moment, (step) => disk.stepAt(step)?.writeCount ?? 0);
  }

  #bring(column: Column, moment: BenchMoment): Promise<void> {
    return column.disk.seek(this.momentOf(column, moment));
  }

  /** Show another moment on every disk. */
  async seek(moment: BenchMoment): Promise<void> {
    await this.attempt('go there', async () => {
      const alive = this.columns.filter(({ isDead, disk }) => !isDead && disk.isReady);
      await Promise.all(alive.map((column) => this.#bring(column, moment)));
      this.history.moveTo(moment);
      this.keeper.moved(moment);
    });
  }

  /** Into the line whose step a disk shows, right after the disk's access of that number; undefined: to its end. */
  async seekInside(column: Column, write: number | undefined): Promise<void> {
    const number = this.history.lineOf(column.key, this.history.now.number);
    await this.seek(write === undefined ? { number } : { number, write });
  }

  async undo(): Promise<void> {
    const { previous } = this.history;
    if (previous !== null) await this.seek(previous);
  }

  async redo(): Promise<void> {
    const { next } = this.history;
    if (next !== null) await this.seek(next);
  }

  // ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────────────────

  /** While `task` runs, the header says `what`. */
  async busy<T>(
    what: string,
    cancel: (() => void) | null,
    task: (tell: (what: string) => void) => Promise<T>,
  ): Promise<T> {
    // Work need not end in the order in which it began: each takes away its own.
    let mine: Work = { what, cancel };
    this.#works = [...this.#works, mine];
    try {
      return await task((now) => {
        const next = { what: now, cancel };
        this.#works = this.#works.map((work) => (work === mine ? next : work));
        mine = next;
      });
    } finally {
      this.#works = this.#works.filter((work) => work !== mine);
    }
  }

  /** False: it failed, and the page says so. */
  async attempt(what: string, task: () => Promise<unknown>): Promise<boolean> {
    try {
      await task();
      return true;
    } catch (error) {
      this.report(what, error);
      return false;
    }
  }

  /** A bug of the engine leaves it closed to everything: then the way on is a new one. */
  report(what: string, error: unknown, column: Column | null = null): void {
    if (column?.isDead) return;
    const isBug = !(error instanceof Error) || !SENTENCES.has(error.name);
    const action =
      isBug && column !== null
        ? { label: `Restart ${column.name}`, run: () => void this.restart(column) }
        : null;
    this.messages.fail(what, error, action);
  }
}

function optionsOf(origin: Origin): SessionOptions {
  const { seed, profile, policy } = origin.kind === 'new' ? origin.request : origin.options;
  return { seed, profile, policy };
}

const withOptions = (origin: Origin, change: Partial<SessionOptions>): Origin =>
  origin.kind === 'new'
    ? { kind: 'new', request: { ...origin.request, ...change } }
    : { ...origin, options: { ...origin.options, ...change } };

export const newDisk = (request: NewDiskRequest): Origin => ({ kind: 'new', request });
