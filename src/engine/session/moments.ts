import { assert } from '../base/assert.ts';
import { FsError } from '../base/errno.ts';
import { SILENT } from '../base/trace.ts';
import type { Store } from '../device/store.ts';
import type { Tape } from '../device/tape.ts';
import { Computer } from './computer.ts';
import type { ComputerOptions } from './computer.ts';
import type { History } from './history.ts';
import { storeAt } from './kept.ts';
import type { Kept, KeptStep } from './kept.ts';
import type { Recalls } from './recall.ts';
import type { Moment } from './view.ts';

/**
 * The disk at any moment of any branch: from the nearest kept version the tape leads on, without copying anything.
 * Where a moment is known from a save alone, its lines run again first.
 */
export interface MomentSource {
  readonly store: Store;
  readonly tape: Tape;
  readonly recalls: Recalls;
  history(): History<Kept>;
  options(store: Store): ComputerOptions;
}

export class Moments {
  readonly #source: MomentSource;

  constructor(source: MomentSource) {
    this.#source = source;
  }

  /** The step that a moment is of. FsError EINVAL when there is no such moment. */
  stepOf({ step, write }: Moment): KeptStep {
    const found = this.#source.history().step(step);
    const writeCount = found?.view.writeCount ?? 0;
    if (found === undefined || (write !== undefined && !(write >= 0 && write < writeCount))) {
      throw new FsError('EINVAL', 'seek', '', 'there is no such moment in this history');
    }
    return found;
  }

  /** See to it that the moment is known. */
  recall(moment: Moment): void {
    this.stepOf(moment);
    this.#source.recalls.finish(moment);
  }

  /** The disk at a moment, beside the live one. */
  storeAt(moment: Moment): Store {
    this.recall(moment);
    const { store, tape } = this.#source;
    return storeAt({ store, tape, history: this.#source.history() }, moment);
  }

  #before(step: KeptStep): KeptStep {
    const before = this.#source.history().step(step.view.parent);
    assert(before !== undefined, 'every step has a parent; the first is its own');
    return before;
  }

  /**
   * A machine to look at the disk with, at a moment: inside a step as a power cut there would leave it. Nothing can be
   * changed through it, and nobody records what is done with it.
   */
  computerAt(moment: Moment): Computer {
    const options = { ...this.#source.options(this.storeAt(moment)), trace: SILENT };
    const step = this.stepOf(moment);
    const { machine } = (moment.write === undefined ? step : this.#before(step)).state;
    assert(machine !== null, 'the moment is known');
    const { computer: state } = machine;
    const mounts = state.mounts.map((mount) => ({ ...mount, isReadOnly: true }));
    return Computer.resume(options, { ...state, mounts });
  }
}
