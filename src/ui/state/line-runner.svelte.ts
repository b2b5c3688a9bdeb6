import { visible } from '../draw/words.ts';
import type { Machine } from '../terminal/controller.ts';
import type { Taken } from './bench-history.svelte.ts';
import type { Bench } from './bench.svelte.ts';
import type { BenchLine } from './bench-script.ts';
import type { Column } from './column.svelte.ts';
import type { DiskState, LineResult } from './disk.svelte.ts';
import { OutputFan } from './output-fan.ts';
import type { Printed } from './output-fan.ts';
import { markNow } from './mark-now.ts';
import { unreadByAll } from './typed-line.ts';
import { orderOf } from './typed-order.ts';

const INTERRUPTED = 130;
const NOT_HERE = 'Another tab writes this bench; here it can only be looked at. Close the other tab to type.';

/**
 * Runs lines on the disks of a bench, each in its own worker at the same time, and makes one step of the bench of what
 * they came to. What is typed meanwhile goes to all that still run.
 */
export class LineRunner implements Machine {
  readonly #bench: Bench;
  /** Of the terminal, in characters. */
  #widthColumns = 80;
  running = $state.raw<readonly Column[]>([]);
  /** While a line runs, what at least one disk took. */
  #typed: (string | null)[] = [];
  /** Resolves when the line that ran last is kept. */
  #kept: Promise<void> = Promise.resolve();

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  async run(text: string, print: (piece: Printed) => void) {
    const bench = this.#bench;
    bench.demo.takeOver();
    await bench.standing;
    const order = orderOf(text, bench.columns, bench.target?.key ?? null);
    if (order.kind === 'refusal') {
      print({ stream: 'stderr', text: `${order.sentence}\n` });
      return { isComplete: true, unread: '' };
    }
    if (bench.keeper.isReadOnly) {
      print({ stream: 'stderr', text: `${NOT_HERE}\n` });
      return { isComplete: true, unread: '' };
    }
    if (order.kind === 'narrow') {
      bench.narrow(bench.columns.find(({ key }) => key === order.key) ?? null);
      return { isComplete: true, unread: '' };
    }
    const heard = bench.columns.filter(({ key, isDead }) => order.keys.includes(key) && !isDead);
    if (heard.length === 0) {
      print({
        stream: 'stderr',
        text: 'No disk that this is for has an engine that works: restart one first.\n',
      });
      return { isComplete: true, unread: '' };
    }
    const columns = this.#leadFirst(heard);
    const fan = new OutputFan(
      columns.map(({ name }) => name),
      print,
    );
    const results = await this.#onAll(columns, order.line, (column, at) =>
      column.disk.run(order.line, fan.from(at)).catch((error: unknown) => {
        bench.report(`run ${order.line} on ${column.name}`, error, column);
        return null;
      }),
    );
    markNow('engines done');
    fan.end();
    const answers = results.filter((result) => result !== null);
    const reads = answers.map(({ typed }) => typed);
    const unread = unreadByAll(this.#typed, reads);
    if (answers[0]?.isComplete === false) return { isComplete: false, unread };
    await this.#conclude(order.line, columns, results);
    return { isComplete: true, unread };
  }

  /** A line of an earlier bench, where it ran then. */
  async runAgain({ text, on }: BenchLine): Promise<void> {
    const columns = on.flatMap(({ disk }) => this.#bench.columns[disk] ?? []);
    const results = await this.#onAll(columns, text, (column, at) =>
      column.disk.replay({ text, typed: on[at]?.typed ?? [] }),
    );
    this.#remember(text, columns, results);
  }

  async #onAll<T>(
    columns: readonly Column[],
    line: string,
    start: (column: Column, at: number) => Promise<T>,
  ): Promise<T[]> {
    this.running = columns;
    this.#typed = [];
    try {
      return await this.#bench.busy(
        `running ${line}`,
        () => void this.interrupt(),
        () => Promise.all(columns.map(start)),
      );
    } finally {
      this.running = [];
    }
  }

  /** The selected disk answers for the others where only one can. */
  #leadFirst(columns: readonly Column[]): readonly Column[] {
    const { column } = this.#bench;
    return columns.includes(column) ? [column, ...columns.filter((other) => other !== column)] : columns;
  }

  /** A step of the bench; or the way back that the line itself asked for. */
  async #conclude(line: string, columns: readonly Column[], results: readonly (LineResult | null)[]) {
    const { history, keeper } = this.#bench;
    const taken = this.#remember(line, columns, results);
    if (taken !== null) {
      const kept = keeper.ran(line, taken);
      this.#kept = kept;
      void kept.then(() => {
        if (this.#kept === kept) markNow('line kept');
      });
      return;
    }
    const moved = columns.find((column) => {
      const { step, write } = this.#bench.momentOf(column, history.now);
      return column.disk.now.step !== step || column.disk.now.write !== write;
    });
    if (moved === undefined) return;
    const isRedo = moved.disk.now.step > this.#bench.momentOf(moved, history.now).step;
    await this.#bench.seek((isRedo ? history.next : history.previous) ?? history.now);
  }

  /** Null: no disk made a step of it. */
  #remember(line: string, columns: readonly Column[], results: readonly (LineResult | null)[]) {
    const taken = new Map<string, Taken>();
    columns.forEach(({ key }, at) => {
      const result = results[at] ?? null;
      const took = result === null ? null : takenFrom(result);
      if (took !== null) taken.set(key, took);
    });
    if (taken.size === 0) return null;
    this.#bench.history.append(line, taken);
    return taken;
  }

  kept(): Promise<void> {
    return this.#kept;
  }

  async type(text: string | null): Promise<boolean> {
    const answers = await Promise.all(this.running.map(({ disk }) => disk.type(text).catch(() => false)));
    const isTaken = answers.includes(true);
    if (isTaken) this.#typed.push(text);
    return isTaken;
  }

  async interrupt(): Promise<void> {
    await Promise.all(this.running.map(({ disk }) => disk.api.interrupt().catch(() => {})));
  }

  complete = (text: string) => {
    const lead = this.#bench.target ?? this.#bench.column;
    return lead.disk.api.complete(text).catch(() => ({ words: [], replaceLength: 0 }));
  };

  resize(widthColumns: number): void {
    this.#widthColumns = widthColumns;
    for (const column of this.#bench.columns) this.fit(column);
  }

  /** Tell a new worker how wide the terminal is. */
  fit({ disk }: Column): void {
    void disk.api.resize(this.#widthColumns).catch(() => {});
  }

  prompt(): string {
    const { target, columns } = this.#bench;
    const heard = target === null ? columns : [target];
    const places = new Set(heard.map(({ disk }) => homeward(disk)));
    const place = places.size === 1 ? [...places].join('') : '…';
    const who = target?.name ?? (columns.length === 1 ? (columns[0]?.name ?? '') : 'all disks');
    return `${who} ${visible(place)} % `;
  }
}

export function takenFrom({ step, typed }: LineResult): Taken | null {
  return step === null ? null : { step: step.step, typed, isInterrupted: step.exitCode === INTERRUPTED };
}

/** The directory as the prompt says it: '~' is the root of the volume. */
function homeward({ view, cwd }: DiskState): string {
  const mount = view?.volume?.mountPoint ?? '/';
  if (cwd === mount) return '~';
  return cwd.startsWith(`${mount}/`) ? `~${cwd.slice(mount.length)}` : cwd;
}
