import { FsError } from '../base/errno.ts';
import type { History } from './history.ts';

/** Commands may ask to go back or forth in the history (`scope undo`); it happens once their line has ended. */
export class Requests {
  readonly #history: () => History<unknown>;
  readonly #isRecording: boolean;
  #requested: 'undo' | 'redo' | null = null;

  constructor(history: () => History<unknown>, isRecording: boolean) {
    this.#history = history;
    this.#isRecording = isRecording;
  }

  get isWaiting(): boolean {
    return this.#requested !== null;
  }

  /** What was asked for, which is forgotten. */
  take(): 'undo' | 'redo' | null {
    const requested = this.#requested;
    this.#requested = null;
    return requested;
  }

  /** Returns what to tell whoever asked. */
  ask(direction: 'undo' | 'redo'): string {
    if (!this.#isRecording) {
      throw new FsError('ENOTSUP', 'scope', direction, 'a script keeps no history to go back in');
    }
    const history = this.#history();
    const target = direction === 'undo' ? history.previous : history.next;
    if (target === null) return `Nothing to ${direction}.`;
    this.#requested = direction;
    const line = direction === 'undo' ? history.current.view.line : history.step(target.step)?.view.line;
    return `${direction === 'undo' ? 'Undo' : 'Redo'}: ${line === '' ? 'the beginning' : line}`;
  }
}
