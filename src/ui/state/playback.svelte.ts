import type { StepStops, StepView } from '../../rpc/protocol.ts';
import type { BenchMoment } from './bench-history.svelte.ts';
import type { Bench } from './bench.svelte.ts';
import type { Column } from './column.svelte.ts';
import type { Bookmarks } from './bookmarks.svelte.ts';

/**
 * Moving through the history of the bench: by hand, by key, by itself. One move is under way at a time; of those wished
 * for meanwhile only the newest is made, so a dragged thumb costs no queue and no frame ever waits for a disk.
 */
export const GRAINS = ['command', 'call', 'structure', 'write'] as const;
export type Grain = (typeof GRAINS)[number];

export const SPEEDS = [0.5, 1, 2, 4, 8, 16] as const;
const STOPS_PER_SECOND = 4;
/** After a frame that took longer (the page was hidden), playing goes on from where it was. */
const PAUSE_MILLISECONDS_MAX = 500;

export class Playback {
  grain = $state<Grain>('command');
  /** Of STOPS_PER_SECOND. */
  speed = $state(1);
  isPlaying = $state(false);
  /** The two moments to compare. */
  markA = $state.raw<BenchMoment | null>(null);
  markB = $state.raw<BenchMoment | null>(null);
  readonly bookmarks: Bookmarks;
  #wish = $state.raw<BenchMoment | null>(null);
  #moving: Promise<void> | null = null;
  #isStepping = false;
  readonly #bench: Bench;
  readonly #stops = new WeakMap<StepView, Promise<StepStops>>();

  /** Where the thumb is: where one wants to be, which the disks follow. */
  readonly shown: BenchMoment = $derived.by(() => this.#wish ?? this.#bench.history.now);
  /** Place of it on the path, from 1; 0 is the beginning. */
  readonly index: number = $derived.by(() => this.#bench.history.step(this.shown.number)?.depth ?? 0);

  constructor(bench: Bench) {
    this.#bench = bench;
    this.bookmarks = bench.bookmarks;
  }

  get #path(): readonly number[] {
    return this.#bench.history.path;
  }

  // ── going somewhere ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Resolves when the bench stands still: at `moment`, or where somebody wanted to be after it. */
  seek(moment: BenchMoment): Promise<void> {
    this.#wish = moment;
    this.#moving ??= this.#move().finally(() => (this.#moving = null));
    return this.#moving;
  }

  async #move(): Promise<void> {
    for (let wish = this.#wish; wish !== null; wish = this.#wish) {
      await this.#bench.seek(wish);
      if (this.#wish === wish) this.#wish = null;
      await nextFrame();
    }
  }

  seekIndex(index: number): Promise<void> {
    return this.seek(this.momentAt(index));
  }

  momentAt(index: number): BenchMoment {
    return { number: this.#path[Math.max(0, Math.min(index, this.#path.length)) - 1] ?? 0 };
  }

  /** One stop forth or back. Keys that repeat faster than the worker answers are left out. */
  async step(by: 1 | -1, grain: Grain = this.grain): Promise<void> {
    this.pause();
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      const next = await this.#next(this.shown, by, grain);
      if (next !== null) void this.seek(next);
    } finally {
      this.#isStepping = false;
    }
  }

  // ── stops ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Where one comes from `at`; null at the ends. */
  async #next(at: BenchMoment, by: 1 | -1, grain: Grain): Promise<BenchMoment | null> {
    const index = this.#bench.history.step(at.number)?.depth ?? 0;
    const isInside = at.write !== undefined;
    if (by === 1 && isInside) {
      const stops = await this.#insideStops(at.number, grain);
      const write = stops.find((stop) => stop > (at.write ?? 0));
      return write === undefined ? { number: at.number } : { number: at.number, write };
    }
    if (by === 1) {
      if (index >= this.#path.length) return null;
      const next = this.momentAt(index + 1);
      const [write] = await this.#insideStops(next.number, grain);
      return write === undefined ? next : { ...next, write };
    }
    if (index === 0) return null;
    const stops = await this.#insideStops(at.number, grain);
    const write = isInside ? stops.findLast((stop) => stop < (at.write ?? 0)) : stops.at(-1);
    return write === undefined ? this.momentAt(index - 1) : { number: at.number, write };
  }

  /** Accesses of a line to stop at before its end. Calls and structures are those of the disk that leads. */
  async #insideStops(number: number, grain: Grain): Promise<ArrayLike<number> & Iterable<number> & Findable> {
    const count = this.accessCount(number);
    if (grain === 'command' || count < 2) return [];
    if (grain === 'write') return Array.from({ length: count - 1 }, (_, access) => access);
    const lead = this.#leadOf(number);
    if (lead === null) return [];
    const { calls, structures, accessCount } = await this.#stopsOf(lead.column, lead.step);
    // Its last access is its end; where others go on, the end of the line comes all the same.
    return (grain === 'call' ? calls : structures).filter((stop) => stop < accessCount - 1);
  }

  /** The selected disk where it wrote something, else the one that wrote most. */
  #leadOf(number: number): { readonly column: Column; readonly step: StepView } | null {
    const { columns, column: selected } = this.#bench;
    const parts = columns.flatMap((column) => {
      const step = this.stepOf(column, number);
      return step === null || step.writeCount === 0 ? [] : [{ column, step }];
    });
    const own = parts.find(({ column }) => column === selected);
    return own ?? parts.sort((a, b) => b.step.writeCount - a.step.writeCount)[0] ?? null;
  }

  #stopsOf({ disk }: Column, step: StepView): Promise<StepStops> {
    let stops = this.#stops.get(step);
    if (stops === undefined) {
      stops = disk.api.stops(step.step);
      this.#stops.set(step, stops);
    }
    return stops;
  }

  /** What a line did on a disk; null where the disk took no part. */
  stepOf({ key, disk }: Column, number: number): StepView | null {
    const taken = this.#bench.history.step(number)?.taken.get(key);
    return taken === undefined ? null : disk.stepAt(taken.step);
  }

  /** Of the disk that made most. */
  accessCount(number: number): number {
    return this.#bench.columns.reduce(
      (most, column) => Math.max(most, this.stepOf(column, number)?.writeCount ?? 0),
      0,
    );
  }

  // ── playing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  toggle(): void {
    if (this.isPlaying) this.pause();
    else void this.#play();
  }

  pause(): void {
    this.isPlaying = false;
  }

  async #play(): Promise<void> {
    if (this.#path.length === 0) return;
    this.isPlaying = true;
    if (this.index === this.#path.length && this.shown.write === undefined) await this.seekIndex(0);
    let due = 1;
    let then = performance.now();
    while (this.isPlaying && this.#bench.runner.running.length === 0) {
      if (due >= 1) {
        const isAtEnd = !(await this.#advance(Math.floor(due)));
        due %= 1;
        if (isAtEnd) break;
      } else await nextFrame();
      const now = performance.now();
      due += (Math.min(now - then, PAUSE_MILLISECONDS_MAX) / 1000) * STOPS_PER_SECOND * this.speed;
      then = now;
    }
    this.isPlaying = false;
  }

  /** So many stops at once, and one move. False at the end. */
  async #advance(count: number): Promise<boolean> {
    let at: BenchMoment | null = this.shown;
    for (let i = 0; i < count; i++) {
      const next: BenchMoment | null = await this.#next(at, 1, this.grain);
      if (next === null) break;
      at = next;
    }
    if (!this.isPlaying) return true;
    if (at === this.shown) return false;
    await this.seek(at);
    return true;
  }
}

interface Findable {
  find(test: (stop: number) => boolean): number | undefined;
  findLast(test: (stop: number) => boolean): number | undefined;
  at(index: number): number | undefined;
}

/** After the next frame; a page that is not on show has none and goes on by the clock. */
function nextFrame(): Promise<void> {
  if (document.visibilityState === 'hidden') return new Promise((resolve) => setTimeout(resolve, 50));
  return new Promise((resolve) => requestAnimationFrame(() => resolve()));
}
