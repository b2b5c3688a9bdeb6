import { assert } from '../base/assert.ts';
import { FsError } from '../base/errno.ts';
import { SILENT } from '../base/trace.ts';
import type { Store, Version } from '../device/store.ts';
import type { Tape } from '../device/tape.ts';
import { Computer } from './computer.ts';
import type { ComputerOptions, ComputerState } from './computer.ts';
import type { History, Step } from './history.ts';
import type { Moment } from './view.ts';

/**
 * The disk at any moment of any branch: from the nearest kept version the tape leads on, without copying anything.
 */
export interface KeptDisk {
  readonly computer: ComputerState;
  /** Null where it was thinned out. */
  readonly version: Version | null;
}

export interface MomentSource<Kept extends KeptDisk> {
  readonly store: Store;
  readonly tape: Tape;
  history(): History<Kept>;
  options(store: Store): ComputerOptions;
}

export class Moments<Kept extends KeptDisk> {
  readonly #source: MomentSource<Kept>;

  constructor(source: MomentSource<Kept>) {
    this.#source = source;
  }

  /** The step that a moment is of. FsError EINVAL when there is no such moment. */
  stepOf({ step, write }: Moment): Step<Kept> {
    const found = this.#source.history().step(step);
    const writeCount = found?.view.writeCount ?? 0;
    if (found === undefined || (write !== undefined && !(write >= 0 && write < writeCount))) {
      throw new FsError('EINVAL', 'seek', '', 'there is no such moment in this history');
    }
    return found;
  }

  /** Let `store`, the live one or a fork of it, hold what the disk held after `step`. */
  bringTo(store: Store, step: Step<Kept>): void {
    const history = this.#source.history();
    const [start, ...later] = history.routeTo(step.view.step, ({ state }) => state.version !== null);
    assert(start !== undefined && start.state.version !== null, 'the beginning keeps its version');
    store.restore(start.state.version);
    for (const { entries } of later) store.replay(this.#source.tape, entries);
  }

  /** The disk at a moment, beside the live one. */
  storeAt(moment: Moment): Store {
    const fork = this.#source.store.fork();
    const at = this.stepOf(moment);
    if (moment.write === undefined) {
      this.bringTo(fork, at);
      return fork;
    }
    this.bringTo(fork, this.#before(at));
    fork.replay(this.#source.tape, { from: at.entries.from, to: at.entries.from + moment.write + 1 });
    return fork;
  }

  #before(step: Step<Kept>): Step<Kept> {
    const before = this.#source.history().step(step.view.parent);
    assert(before !== undefined, 'every step has a parent; the first is its own');
    return before;
  }

  /**
   * A machine to look at the disk with, at a moment: inside a step as a power cut there would leave it. Nothing can be
   * changed through it, and nobody records what is done with it.
   */
  computerAt(moment: Moment): Computer {
    const step = this.stepOf(moment);
    const options = { ...this.#source.options(this.storeAt(moment)), trace: SILENT };
    const { computer: state } = (moment.write === undefined ? step : this.#before(step)).state;
    const mounts = state.mounts.map((mount) => ({ ...mount, isReadOnly: true }));
    return Computer.resume(options, { ...state, mounts });
  }
}
