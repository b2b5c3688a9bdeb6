import { assert } from '../base/assert.ts';
import type { Store, Version } from '../device/store.ts';
import type { Tape } from '../device/tape.ts';
import type { Running } from '../shell/command.ts';
import type { Shell, ShellState } from '../shell/shell.ts';
import type { ComputerState } from './computer.ts';
import type { History, Step } from './history.ts';
import type { SavedPatch } from './save.ts';
import type { Moment } from './view.ts';

/** Machine and shell between two lines, as plain data. */
export interface MachineState {
  readonly computer: ComputerState;
  readonly shell: ShellState;
}

/** What brings the moment after a step back, beside the tape. */
export interface Kept {
  /** Null: the step is known from a save, and its line has to be run again before anybody can go there. */
  readonly machine: MachineState | null;
  /** Thinned out on old steps: then the tape leads there from an older one. */
  version: Version | null;
  /** False while a volume holds what is not on the disk yet: then the lines have to be run again. */
  readonly isSettled: boolean;
  readonly typed: readonly (string | null)[];
  /** Ctrl-C ended it: running the line again would lead elsewhere. */
  readonly isInterrupted: boolean;
  /** How many lines the shell's history had before it. */
  readonly lineCount: number;
  /** False: the tape of the step was not saved; running its line again makes a new one. */
  readonly hasTape: boolean;
  /** What the step did, where its line cannot be run again. */
  readonly patch?: SavedPatch;
  /** Fingerprint of what the step did to the disk (device/tape-digest.ts), as a save said it. */
  readonly digest?: string;
}

export type KeptStep = Step<Kept>;

/** Can the machine be started right here? */
export const isStart = ({ state }: KeptStep): boolean => state.isSettled && state.machine !== null;

export interface Past {
  readonly store: Store;
  readonly tape: Tape;
  readonly history: History<Kept>;
}

/** Let `store` hold what the disk held after `step`: from the nearest kept version, the tape leads on. */
export function bringTo(store: Store, { tape, history }: Omit<Past, 'store'>, step: KeptStep): void {
  const [start, ...later] = history.routeTo(step.view.step, ({ state }) => state.version !== null);
  assert(start !== undefined && start.state.version !== null, 'the beginning keeps its version');
  store.restore(start.state.version);
  for (const { entries, state } of later) {
    assert(state.hasTape, 'a step without a tape keeps its version');
    store.replay(tape, entries);
  }
}

/** The disk at a moment, beside the live one. */
export function storeAt(past: Past, { step, write }: Moment): Store {
  const { store, tape, history } = past;
  const fork = store.fork();
  const at = history.step(step);
  assert(at !== undefined, `step ${step} is in the history`);
  if (write === undefined || step === 0) {
    bringTo(fork, past, at);
    return fork;
  }
  const before = history.step(at.view.parent);
  assert(before !== undefined, 'every step but the first has a parent');
  bringTo(fork, past, before);
  fork.replay(tape, { from: at.entries.from, to: at.entries.from + write + 1 });
  return fork;
}

/** The line of a step once more; what it asks the terminal for is what was typed then, and nothing more. */
export function* runAgain(
  shell: Shell,
  { view, state }: KeptStep,
  options?: { isRemembered: boolean },
): Running {
  for (const text of state.typed) shell.type(text);
  const running = shell.run(view.line, options);
  try {
    for (;;) {
      const { done, value } = running.next();
      if (done === true) return value;
      if (shell.isWaitingForInput) shell.type(null);
      yield;
    }
  } finally {
    running.return(0);
    shell.takeUnread();
  }
}

/** Versions of the newest steps are all kept, of older ones one in VERSION_SPACING. */
const RECENT_VERSIONS = 64;
const VERSION_SPACING = 16;

export function thinOut(history: History<Kept>, newest: number): void {
  const old = history.step(newest - RECENT_VERSIONS);
  if (old === undefined || old.view.step % VERSION_SPACING === 0 || !old.state.hasTape) return;
  old.state.version = null;
}
