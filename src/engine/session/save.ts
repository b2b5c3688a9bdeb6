import { assert } from '../base/assert.ts';
import { changesBetween, type SavedBlocks } from '../device/saved-blocks.ts';
import type { Version } from '../device/store.ts';
import { digestOf } from '../device/tape-digest.ts';
import type { History } from './history.ts';
import { bringTo, isStart } from './kept.ts';
import type { Kept, KeptStep, MachineState, Past } from './kept.ts';
import type { SessionSettings } from './settings.ts';
import type { Costs, Moment, StepView } from './view.ts';

/**
 * A session as plain data, in pieces: the first checkpoint holds everything, every later one what has changed since
 * an earlier one; its cost follows the changes. Put together (`SavedSession`), they bring the session back at the same
 * moment, byte for byte, without running a line (session-restore.ts).
 *
 * Kept are the disk at the beginning and at the moment shown, every step as panes list it, and the machine of these
 * two moments. The way to any other moment is running the lines again from the beginning (recall.ts). Where a volume
 * holds what is not on its disk yet, the moment kept is the last settled one before, and the lines lead on from there.
 */
export interface Checkpoint {
  /** Rises with every checkpoint of a session. */
  readonly number: number;
  readonly head: SavedHead;
  /** Only in one that holds everything. */
  readonly beginning: SavedBeginning | null;
  /** Steps, lines and visits since the last checkpoint: to be put behind those already kept. */
  readonly steps: readonly SavedStep[];
  readonly lines: readonly string[];
  readonly visits: readonly number[];
  /** What to put on the disk of the last checkpoint; on that of the beginning, when there is none. */
  readonly blocks: SavedBlocks;
}

/** Small, and written anew every time. */
export interface SavedHead {
  readonly version: typeof SAVE_VERSION;
  /** What the disk is called. */
  readonly name: string;
  readonly settings: SessionSettings;
  readonly blockSizeBytes: number;
  readonly blockCount: number;
  /** The step whose disk and machine are kept. */
  readonly base: number;
  readonly machine: MachineState;
  /** The moment shown: `base`, or one that the lines behind it lead to. */
  readonly now: Moment;
  readonly totalCosts: Costs;
  /** For $SECONDS. */
  readonly shellStartedAtSeconds: number;
}

export interface SavedBeginning {
  readonly machine: MachineState;
  readonly view: StepView;
  readonly blocks: SavedBlocks;
}

export interface SavedStep {
  readonly view: StepView;
  readonly typed: readonly (string | null)[];
  readonly lineCount: number;
  readonly digest: string;
  /** Of a line that Ctrl-C ended: nobody finds the place again, so what it did is kept itself. */
  readonly patch?: SavedPatch;
}

export interface SavedPatch {
  readonly machine: MachineState;
  /** Against the disk before the step. */
  readonly blocks: SavedBlocks;
}

/** All checkpoints of a session together. */
export interface SavedSession extends Pick<Checkpoint, 'number' | 'head' | 'steps' | 'lines' | 'visits'> {
  readonly beginning: SavedBeginning;
  /** In the order in which they were taken. */
  readonly blocks: Iterable<SavedBlocks>;
}

export type { SavedBlocks, SavedChunk, SavedCover } from '../device/saved-blocks.ts';

export const SAVE_VERSION = 1;

/** What a checkpoint is taken from. */
export interface SavedSource extends Past {
  readonly name: string;
  readonly settings: SessionSettings;
  readonly lines: readonly string[];
  readonly shellStartedAtSeconds: number;
  readonly totalCosts: Costs;
}

/** Where a checkpoint left off. */
interface SavePoint {
  readonly number: number;
  readonly stepCount: number;
  readonly lineCount: number;
  readonly visitCount: number;
  readonly version: Version;
}

/** Takes the checkpoints of one history. */
export class Saver {
  /** The newest, and the one that whoever keeps them is known to have. */
  #points: SavePoint[] = [];
  #lastNumber: number;
  readonly #firstVersion: Version;

  /** `restored`: the history comes from a save, whose last checkpoint had this number. */
  constructor(source: Past & { readonly lines: readonly string[] }, restored: number | null = null) {
    this.#lastNumber = restored ?? -1;
    this.#firstVersion = versionAt(source, stepOf(source.history, 0));
    if (restored === null) return;
    const { history, lines } = source;
    this.#points = [
      {
        number: restored,
        ...{ stepCount: history.length, lineCount: lines.length, visitCount: history.visits.length },
        version: versionAt(source, history.current),
      },
    ];
  }

  /** What has changed since checkpoint `after`; everything when there is none or it is not known here. */
  take(source: SavedSource, after: number | null): Checkpoint {
    const { history, store, lines, name, settings } = source;
    const since = this.#points.find(({ number }) => number === after) ?? null;
    const base = baseOf(history);
    const { machine } = base.state;
    assert(machine !== null, 'a start has a machine');
    const version = versionAt(source, base);
    const number = ++this.#lastNumber;
    const { blockSizeBytes, blockCount } = store;
    const checkpoint: Checkpoint = {
      number,
      head: {
        ...{ version: SAVE_VERSION, name, settings, blockSizeBytes, blockCount, machine },
        ...{ base: base.view.step, now: history.now, totalCosts: source.totalCosts },
        shellStartedAtSeconds: source.shellStartedAtSeconds,
      },
      beginning: since === null ? this.#beginning(source) : null,
      steps: history.stepsFrom(since?.stepCount ?? 1).map((step) => savedStep(source, step)),
      lines: lines.slice(since?.lineCount ?? 0),
      visits: history.visits.slice(since?.visitCount ?? 0),
      blocks: changesBetween(store, since?.version ?? this.#firstVersion, version),
    };
    this.#points = since === null ? [] : [since];
    const visitCount = history.visits.length;
    this.#points.push({ number, stepCount: history.length, lineCount: lines.length, visitCount, version });
    return checkpoint;
  }

  #beginning({ history, store }: SavedSource): SavedBeginning {
    const { view, state } = stepOf(history, 0);
    assert(state.machine !== null, 'the beginning keeps its machine');
    return { machine: state.machine, view, blocks: changesBetween(store, null, this.#firstVersion) };
  }
}

/** The newest moment at or before the one shown that can be brought back without running a line. */
function baseOf(history: History<Kept>): KeptStep {
  const { now, current } = history;
  const target = now.write === undefined ? current.view.step : current.view.parent;
  const [base] = history.routeTo(target, isStart);
  assert(base !== undefined, 'a route has a beginning');
  return base;
}

function stepOf(history: History<Kept>, index: number): KeptStep {
  const step = history.step(index);
  assert(step !== undefined, `step ${index} is in the history`);
  return step;
}

function versionAt(past: Past, step: KeptStep): Version {
  if (step.state.version !== null) return step.state.version;
  const fork = past.store.fork();
  bringTo(fork, past, step);
  return fork.version();
}

function savedStep(past: Past, step: KeptStep): SavedStep {
  const { view, state, entries } = step;
  const { typed, lineCount, isInterrupted } = state;
  const version = versionAt(past, stepOf(past.history, 0));
  const digest = state.digest ?? digestOf(version.slots, past.tape, entries);
  const patch = state.patch ?? (isInterrupted ? patchOf(past, step) : undefined);
  return { view, typed, lineCount, digest, ...(patch === undefined ? {} : { patch }) };
}

function patchOf(past: Past, step: KeptStep): SavedPatch {
  const { machine } = step.state;
  assert(machine !== null, 'an interrupted step keeps its machine');
  const before = versionAt(past, stepOf(past.history, step.view.parent));
  return { machine, blocks: changesBetween(past.store, before, versionAt(past, step)) };
}
