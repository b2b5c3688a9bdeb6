import type { BenchLineRecord, BenchSave, Panes } from '../storage/shelf.ts';
import { BENCH_VERSION } from '../storage/shelf.ts';
import type { BenchStep } from './bench-history.svelte.ts';
import type { Bench } from './bench.svelte.ts';
import type { Origin } from './disk.svelte.ts';

/** What of the bench a storage already has. */
export interface Kept {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  /** Of the disk that came from this origin, the last checkpoint that is safely kept. */
  readonly checkpoints: WeakMap<Origin, number>;
  /** Lines of the history with this generation. */
  generation: number;
  lineCount: number;
  disks: readonly string[];
}

export interface Gathered {
  readonly save: BenchSave;
  readonly gone: readonly string[];
  /** Call when the save is kept. */
  readonly confirm: () => void;
}

/**
 * Everything that changed since the last save, of one moment of the bench. Null when the bench moved on meanwhile, or
 * a disk cannot be saved just now: there is another save to come.
 */
export async function gather(bench: Bench, kept: Kept, notesBefore: () => number): Promise<Gathered | null> {
  const { columns, history } = bench;
  const { version, generation, length } = history;
  const isIdle = () => bench.runner.running.length === 0 && bench.work === null;
  const notes = notesBefore();
  if (!isIdle() || columns.some(({ isDead, disk }) => isDead || !disk.isReady)) return null;
  const disks = await Promise.all(
    columns.map(async ({ key, disk }) => {
      const { origin } = disk;
      if (origin === null) return null;
      const after = kept.checkpoints.get(origin) ?? null;
      return { key, origin, checkpoint: await disk.api.checkpoint(after) };
    }),
  );
  const isStill = isIdle() && bench.columns === columns && history.version === version;
  const whole = disks.filter((disk) => disk !== null);
  if (!isStill || whole.length < columns.length || notes !== notesBefore()) return null;

  const isAll = generation !== kept.generation;
  const keys = columns.map(({ key }) => key);
  const { id, name, createdAt } = kept;
  return {
    save: {
      record: {
        ...{ version: BENCH_VERSION, id, name, createdAt, savedAt: Date.now(), disks: keys },
        ...{ now: history.now, path: [...history.path], notesBefore: notes, panes: panesOf(bench) },
        ...bench.bookmarks.saved(),
      },
      disks: whole,
      lines: history
        .all()
        .slice(isAll ? 1 : kept.lineCount)
        .map(lineRecord),
      isAll,
    },
    gone: kept.disks.filter((key) => !keys.includes(key)),
    confirm: () => {
      for (const { origin, checkpoint } of whole) kept.checkpoints.set(origin, checkpoint.number);
      kept.generation = generation;
      kept.lineCount = length;
      kept.disks = keys;
    },
  };
}

export function panesOf({ column }: Bench): Panes {
  const { tab, block, path } = column.inspection;
  return { disk: column.key, tab, block, path };
}

const lineRecord = ({ number, parent, line, taken }: BenchStep): BenchLineRecord => ({
  ...{ number, parent, line },
  taken: [...taken],
});
