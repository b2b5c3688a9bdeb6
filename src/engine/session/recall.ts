import { assert } from '../base/assert.ts';
import { FsError } from '../base/errno.ts';
import { Prng } from '../base/prng.ts';
import { holdSameBytes, putBlocks } from '../device/saved-blocks.ts';
import type { Store } from '../device/store.ts';
import { digestOf } from '../device/tape-digest.ts';
import type { Running } from '../shell/command.ts';
import { Shell } from '../shell/shell.ts';
import { Computer } from './computer.ts';
import type { ComputerOptions } from './computer.ts';
import { bringTo, isStart, runAgain } from './kept.ts';
import type { Kept, KeptStep, Past } from './kept.ts';
import { SessionMachine } from './machine.ts';
import type { MachineHost } from './machine.ts';
import type { SessionSettings } from './settings.ts';
import type { Moment } from './view.ts';

/**
 * Steps that are known from a save alone get back what they wrote: their lines are run again, in silence, from the
 * beginning or the nearest moment that is known, on a machine beside the live one. What they do to the disk must be
 * what they did then, to the byte; where it is not, the save stays as it is and a sentence says so.
 *
 * Runs for as long as it is asked for more. Ended early, it has finished the steps that were reached.
 */
export interface RecallHost extends Past {
  /** A line runs just now. */
  readonly isBusy: boolean;
  readonly settings: SessionSettings;
  /** Lines of the shell's history, all of them. */
  readonly lines: readonly string[];
  readonly shellStartedAtSeconds: number;
  computerOptions(store: Store): ComputerOptions;
  /** What commands may ask of the session; `computer` is the machine that the lines run on. */
  machineHost(computer: () => Computer): MachineHost;
  /** Lines were run, to the end or not. */
  end(): void;
}

export interface RecallProgress {
  /** Lines run so far, of how many. */
  readonly done: number;
  readonly total: number;
  readonly line: string;
}

/** Is nothing known of what the step did but what panes list? */
const isUnknown = ({ state }: KeptStep): boolean =>
  !state.hasTape && !(state.patch !== undefined && state.machine !== null);

/** All running again that one session does: one way at a time. */
export class Recalls {
  readonly #host: () => RecallHost;
  #running: Generator<RecallProgress, void> | null = null;

  constructor(host: () => RecallHost) {
    this.#host = host;
  }

  /** Does the way to a moment, or to what its step wrote, lead over lines that have to be run again? */
  isNeeded({ step, write }: Moment, asksForTape = false): boolean {
    const { history } = this.#host();
    if (history.step(step) === undefined) return false;
    if (asksForTape || write !== undefined) return history.routeTo(step, () => false).some(isUnknown);
    const [start, ...later] = history.routeTo(step, isStart);
    return start === undefined || !isStart(start) || later.some(isUnknown);
  }

  /** Up to and with `step`. Nothing that is shown changes; a line or a move of the session ends it early. */
  *run(step: number): Generator<RecallProgress, void> {
    this.end();
    const host = this.#host();
    if (host.isBusy) throw new FsError('EBUSY', 'recall', '', 'a command is running; stop it first');
    const running = recall(host, step);
    this.#running = running;
    try {
      yield* running;
    } finally {
      if (this.#running === running) this.#running = null;
      host.end();
    }
  }

  /** The same at once, where it is needed. */
  finish(moment: Moment, asksForTape = false): void {
    if (!this.isNeeded(moment, asksForTape)) return;
    const running = this.run(moment.step);
    while (running.next().done !== true);
  }

  end(): void {
    this.#running?.return();
    this.#running = null;
  }
}

function* recall(host: RecallHost, target: number): Generator<RecallProgress, void> {
  const path = host.history.routeTo(target, () => false);
  const first = path.findIndex(isUnknown);
  const before = path[first - 1];
  if (first < 0) return;
  assert(before !== undefined, 'the beginning is known');
  const [start, ...again] = host.history.routeTo(before.view.step, isStart);
  assert(start !== undefined, 'a route has a beginning');
  const lost = path.slice(first, path.findLastIndex(isUnknown) + 1);
  const steps = [...again, ...lost];
  const rerun = new Rerun(host, start);
  try {
    for (const [done, step] of steps.entries()) {
      const progress = { done, total: steps.length, line: step.view.line };
      yield progress;
      const running = rerun.step(step);
      try {
        while (running.next().done !== true) yield progress;
      } finally {
        running.return(0);
      }
    }
  } finally {
    host.tape.isRecording = false;
  }
}

/** A machine that runs lines of the past once more. */
class Rerun {
  readonly #host: RecallHost;
  readonly #store: Store;
  readonly #shell: Shell;
  #computer: Computer;

  constructor(host: RecallHost, start: KeptStep) {
    const { machine } = start.state;
    assert(machine !== null, 'a start has a machine');
    const { store, tape, settings, shellStartedAtSeconds: startedAtSeconds } = host;
    this.#host = host;
    this.#store = store.fork();
    this.#store.tape = tape;
    bringTo(this.#store, host, start);
    this.#computer = Computer.resume(host.computerOptions(this.#store), machine.computer);
    this.#shell = new Shell({
      system: this.#computer.process,
      machine: new SessionMachine(host.machineHost(() => this.#computer)),
      random: new Prng(0), // seeds what the next line replaces
      ...{
        trace: tape,
        isTerminal: settings.isTerminal,
        onOutput: () => {},
        past: { lines: [], startedAtSeconds },
      },
    });
    this.#shell.restore(machine.shell, this.#computer.process);
  }

  *step(step: KeptStep): Running {
    if (step.state.patch !== undefined) return this.#patch(step);
    const { tape } = this.#host;
    const entries = { from: tape.length, to: tape.length };
    const spans = { from: tape.spanCount, to: tape.spanCount };
    tape.isRecording = isUnknown(step);
    const exitCode = yield* this.#run(step);
    tape.isRecording = false;
    if (!isUnknown(step)) return exitCode;
    entries.to = tape.length;
    spans.to = tape.spanCount;
    this.#requireSame(step, exitCode, digestOf(this.#store.version().slots, tape, entries));
    this.#fill(step, { entries, spans, isSettled: this.#computer.isSettled, hasTape: true });
    return exitCode;
  }

  *#run(step: KeptStep): Running {
    this.#shell.history = this.#host.lines.slice(0, step.state.lineCount);
    try {
      return yield* runAgain(this.#shell, step);
    } finally {
      this.#computer.disk.metered.take();
    }
  }

  /** A line that Ctrl-C ended: what it did was saved. */
  #patch(step: KeptStep): number {
    const { patch, version } = step.state;
    assert(patch !== undefined, 'the step has a patch');
    if (version === null) putBlocks(this.#store, patch.blocks);
    else this.#store.restore(version);
    const { computer, shell } = patch.machine;
    this.#computer = Computer.resume(this.#host.computerOptions(this.#store), computer);
    this.#shell.restore(shell, this.#computer.process);
    const none = { from: 0, to: 0 };
    this.#fill(step, { entries: none, spans: none, isSettled: true, hasTape: false });
    return step.view.exitCode;
  }

  #fill(step: KeptStep, known: Pick<KeptStep, 'entries' | 'spans'> & Pick<Kept, 'isSettled' | 'hasTape'>) {
    const { entries, spans, ...rest } = known;
    const machine = { computer: this.#computer.save(), shell: this.#shell.state() };
    const state = { ...step.state, ...rest, machine, version: this.#store.version() };
    this.#host.history.refill(step.view.step, { entries, spans, state });
  }

  #requireSame({ view, state }: KeptStep, exitCode: number, digest: string): void {
    const isSame = exitCode === view.exitCode && (state.digest === undefined || digest === state.digest);
    if (isSame && (state.version === null || this.#holds(state.version))) return;
    const detail =
      `line ${view.step}, ${JSON.stringify(view.line)}, does not write what it wrote when this was saved; ` +
      'the moment that was saved is whole, but those before it cannot be shown by this version of Diskoscope';
    throw new FsError('ENOTSUP', 'recall', '', detail);
  }

  #holds(version: NonNullable<Kept['version']>): boolean {
    const saved = this.#store.fork();
    saved.restore(version);
    return holdSameBytes(saved, this.#store);
  }
}
