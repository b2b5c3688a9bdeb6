import { assert } from '../base/assert.ts';
import { utf8 } from '../base/bytes.ts';
import { FsError, strerror } from '../base/errno.ts';
import { SILENT } from '../base/trace.ts';
import type { Volume } from '../formats/contract.ts';
import { imageHash } from '../device/image.ts';
import type { Store } from '../device/store.ts';
import { Tape } from '../device/tape.ts';
import type { TapeRange } from '../device/tape.ts';
import type { Running } from '../shell/command.ts';
import { Shell } from '../shell/shell.ts';
import type { OutputSink } from '../shell/terminal.ts';
import { Computer } from './computer.ts';
import type { Disk } from './disk.ts';
import { addCosts, NO_COSTS, NO_FIGURES, writtenRanges } from './costs.ts';
import { History } from './history.ts';
import type { NewStep, Step } from './history.ts';
import type { Begun, Kept } from './kept.ts';
import { SessionMachine } from './machine.ts';
import type { MountRecord } from './mounts.ts';
import { MomentDifferences } from './moment-difference.ts';
import { Moments } from './moments.ts';
import { writePoliciesOf } from './settings.ts';
import type { SessionSettings } from './settings.ts';
import { firstErrorOf } from './step-error.ts';
import type { Costs, Moment, StepView, TimelineView } from './view.ts';
import { Views } from './views.ts';

/**
 * One disk, one machine, one shell, and everything that was done with them.
 *
 *     const session = Session.open(store, 'a.img', settings, onOutput);
 *     const running = session.run('cp a b');
 *     for (;;) { const { done, value } = running.next(); if (done) break; }   // the host pumps
 *     session.undo();
 *
 * Same disk, same settings, same lines: same bytes. Time and chance belong to the moment, so it does not matter how often
 * somebody went back in between.
 */
export interface RunOutcome {
  /** False: the text is only the beginning of a command; nothing ran. */
  readonly isComplete: boolean;
  readonly exitCode: number;
  readonly step: StepView | null;
}

/** Versions of the newest steps are all kept, of older ones one in VERSION_SPACING. */
const RECENT_VERSIONS = 64;
const VERSION_SPACING = 16;

export class Session {
  readonly store: Store;
  readonly tape: Tape;
  readonly machine: SessionMachine;
  readonly views: Views;
  readonly differences: MomentDifferences;
  readonly #moments: Moments<Kept>;
  readonly #name: string;
  readonly #settings: SessionSettings;
  readonly #onOutput: OutputSink;
  readonly #shell: Shell;
  #history: History<Kept>;
  #live: Computer;
  /** The step after which the live machine stands. */
  #liveStep = 0;
  /** The machine that panes look at: the live one, or inside a step one that only looks. */
  #shown: Computer;
  #costs = NO_COSTS;
  #typed: (string | null)[] = [];
  #isRunning = false;
  #isInterrupted = false;
  #isMuted = false;
  #requested: 'undo' | 'redo' | null = null;

  private constructor(store: Store, name: string, settings: SessionSettings, onOutput: OutputSink) {
    this.store = store;
    this.#name = name;
    this.#settings = settings;
    this.#onOutput = onOutput;
    this.tape = new Tape(store.blockSizeBytes, false);
    store.tape = this.tape;
    this.#live = Computer.boot(this.#computerOptions(store), settings.mountsVolumes ? settings : null);
    this.#shown = this.#live;
    this.machine = new SessionMachine(this.#machineHost());
    this.#shell = new Shell({
      ...{ system: this.#live.process, machine: this.machine, random: this.#live.random, trace: this.tape },
      isTerminal: settings.isTerminal,
      onOutput: (stream, bytes) => {
        if (!this.#isMuted) onOutput(stream, bytes);
      },
    });
    this.#costs = this.#live.disk.metered.take();
    this.#history = new History(this.#beginning());
    this.#moments = new Moments({
      ...{ store, tape: this.tape, history: () => this.#history },
      options: (store) => this.#computerOptions(store),
    });
    this.differences = new MomentDifferences((moment) => this.#moments.computerAt(moment));
    this.views = new Views({
      tape: this.tape,
      history: () => this.#history,
      shown: () => this.#shown,
      storeAt: (moment) => this.#moments.storeAt(moment),
      copy: (computer) => this.#copy(computer),
      diskAtRest: () => this.#diskAtRest(),
    });
  }

  /** Never fails because of what is on the disk; `problem` says why there is no volume. */
  static open(store: Store, name: string, settings: SessionSettings, onOutput: OutputSink): Session {
    return new Session(store, name, settings, onOutput);
  }

  #computerOptions(store: Store) {
    const { profile, seed } = this.#settings;
    return { ...writePoliciesOf(this.#settings), store, name: this.#name, profile, seed, trace: this.tape };
  }

  // ── what hosts ask ────────────────────────────────────────────────────────────────────────────────────────────────

  /** The first volume; null while the disk holds none that can be mounted. */
  get volume(): Volume | null {
    return this.#live.mounts.first?.volume ?? null;
  }

  get mountPoint(): string {
    return this.#live.mounts.first?.on ?? '/';
  }

  get problem(): string | null {
    return this.#live.problem;
  }

  /** The disk at the moment shown. */
  get shownStore(): Store {
    return this.#shown.disk.store;
  }

  /** The disk at the moment shown as unmounting would leave it: what to save. */
  get restingStore(): Store {
    return this.#diskAtRest().store;
  }

  /** The shell's own process, for hosts that copy files in and out between lines. */
  get system(): Computer['process'] {
    return this.#live.process;
  }

  get directory(): string {
    return this.#shell.directory;
  }

  /** Set by `exit`. */
  get exitCode(): number | null {
    return this.#shell.exitCode;
  }

  /** A command reads what nobody has typed yet: the host may rest until `type` or `interrupt`. */
  get isWaitingForInput(): boolean {
    return this.#shell.isWaitingForInput && !this.#isInterrupted;
  }

  /** Of everything since the session began, whatever was undone in between. */
  get totalCosts(): Costs {
    assert(!this.#isRunning, 'costs are summed up between lines');
    this.#costs = addCosts(this.#costs, this.#live.disk.metered.take());
    return this.#costs;
  }

  set columns(columns: number) {
    this.#shell.columns = columns;
  }

  complete(text: string): { readonly words: readonly string[]; readonly replaceLength: number } {
    return this.#shell.complete(text);
  }

  // ── running ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Runs what was typed and makes a step of it. Yields often; see `isWaitingForInput`. */
  *run(line: string): Running<RunOutcome> {
    assert(!this.#isRunning, 'one line runs at a time');
    if (this.#history.now.write !== undefined) {
      this.#onOutput('stderr', utf8(INSIDE_A_STEP));
      return { isComplete: true, exitCode: 1, step: null };
    }
    if (!this.#shell.isComplete(line)) return { isComplete: false, exitCode: 0, step: null };

    this.#isRunning = true;
    this.#isInterrupted = false;
    this.#typed = [];
    const begun = this.#begin();
    let exitCode = INTERRUPTED;
    try {
      exitCode = yield* this.#pump(line);
    } finally {
      this.#isRunning = false;
    }
    const step = this.#close(line, exitCode, begun);
    this.#seekAsRequested();
    return { isComplete: true, exitCode, step };
  }

  *#pump(line: string): Running {
    const running = this.#shell.run(line);
    for (;;) {
      if (this.#isInterrupted) {
        running.return(INTERRUPTED);
        return INTERRUPTED;
      }
      const { done, value } = running.next();
      if (done === true) return value;
      yield;
    }
  }

  /** Ctrl-C: the line ends at its next breath with exit code 130. Between lines it does nothing. */
  interrupt(): void {
    this.#isInterrupted = this.#isRunning;
  }

  /** Input for whatever reads it; null is Ctrl-D. */
  type(text: string | null): void {
    this.#typed.push(text);
    this.#shell.type(text);
  }

  /** What was typed and read by nobody. */
  takeUnread(): string {
    return this.#shell.takeUnread();
  }

  #begin(): Begun {
    this.#costs = addCosts(this.#costs, this.#live.beginStep());
    this.tape.isRecording = this.#settings.isRecording;
    return {
      startedAt: this.#live.clock.now(),
      freeBytes: this.#freeBytes(),
      firstEntry: this.tape.length,
      firstSpan: this.tape.spanCount,
    };
  }

  #close(line: string, exitCode: number, begun: Begun): StepView | null {
    // An interrupted line cannot be run again to the same point; what it left must stand on the disk.
    const isInterrupted = this.#isInterrupted;
    if (isInterrupted) this.#sync();
    this.tape.isRecording = false;
    const costs = this.#live.disk.metered.take();
    this.#costs = addCosts(this.#costs, costs);
    if (!this.#settings.isRecording) return null;

    const entries = { from: begun.firstEntry, to: this.tape.length };
    const spans = { from: begun.firstSpan, to: this.tape.spanCount };
    // A line that only asks to go back or forth is no step of its own.
    if (this.#requested !== null && entries.from === entries.to) return null;
    const figures = this.#live.figures(this.tape, entries);
    const step = this.#history.append({
      view: {
        ...{ line, exitCode, costs, figures, startedAt: begun.startedAt },
        error: firstErrorOf(this.tape, spans, exitCode),
        writeCount: entries.to - entries.from,
        freeBytesChange: this.#freeBytes() - begun.freeBytes,
        written: writtenRanges(this.tape, entries),
      },
      ...{ entries, spans, state: this.#keep(isInterrupted) },
    });
    this.#liveStep = step.view.step;
    this.#thinOut(step.view.step);
    this.views.forget();
    return step.view;
  }

  #sync(): void {
    try {
      this.#live.kernel.sync();
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.#onOutput('stderr', utf8(`sync: ${strerror(error.code)}\n`));
    }
  }

  #freeBytes(): number {
    const statistics = this.volume?.statistics();
    return statistics === undefined ? 0 : statistics.freeBlocks * statistics.blockSizeBytes;
  }

  /**
   * What was run so far cannot be undone any more: the history begins here, with everything on the disk. FsError of the
   * disk when that cannot be.
   */
  beginHistory(): void {
    assert(!this.#isRunning, 'history begins between lines');
    if (!this.#live.isSettled) this.#live.kernel.sync();
    this.#history = new History(this.#beginning());
    this.#liveStep = 0;
    this.differences.forget();
    this.views.forget();
  }

  // ── history ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #beginning(): NewStep<Kept> {
    const none: TapeRange = { from: 0, to: 0 };
    const view = {
      ...{ line: '', exitCode: 0, error: null, costs: NO_COSTS, writeCount: 0, freeBytesChange: 0 },
      ...{ figures: NO_FIGURES, startedAt: this.#live.clock.now(), written: new Float64Array() },
    };
    return { view, entries: none, spans: none, state: this.#keep(false) };
  }

  /** `isFinal`: there is no other way back here than from the disk; what is not on it, or open, is lost then. */
  #keep(isFinal: boolean): Kept {
    return {
      computer: this.#live.save(),
      shell: this.#shell.state(),
      version: this.#settings.isRecording ? this.store.version() : null,
      isSettled: isFinal || this.#live.isSettled,
      typed: this.#typed,
    };
  }

  #thinOut(newest: number): void {
    const old = this.#history.step(newest - RECENT_VERSIONS);
    if (old !== undefined && old.view.step % VERSION_SPACING !== 0) old.state.version = null;
  }

  get now(): Moment {
    return this.#history.now;
  }

  timeline(): TimelineView {
    return this.#history.view();
  }

  /** The steps from number `first` on: their cost is theirs alone, however long the history is. */
  stepsFrom(first: number): StepView[] {
    return this.#history.viewsFrom(first);
  }

  /** Show another moment. FsError EINVAL when there is no such moment. */
  seek(moment: Moment): void {
    assert(!this.#isRunning, 'the moment changes between lines');
    const step = this.#moments.stepOf(moment);
    this.views.forget();
    if (moment.write === undefined) {
      this.#goTo(step);
      this.#shown = this.#live;
    } else this.#shown = this.#moments.computerAt(moment);
    this.#history.moveTo(moment);
  }

  /** The machine of a whole step, alive. */
  #goTo(step: Step<Kept>): void {
    if (step.view.step === this.#liveStep) return;
    const route = this.#history.routeTo(step.view.step, ({ state }) => state.isSettled);
    const [start, ...again] = route;
    assert(start !== undefined, 'a route has a beginning');
    this.#restore(start);
    for (const next of again) this.#runAgain(next);
    this.#liveStep = step.view.step;
  }

  #restore(step: Step<Kept>): void {
    this.#costs = addCosts(this.#costs, this.#live.disk.metered.take());
    this.#moments.bringTo(this.store, step);
    this.#live = Computer.resume(this.#computerOptions(this.store), step.state.computer);
    this.#shell.restore(step.state.shell, this.#live.process);
  }

  /** The line of `step` once more, in silence, from the moment before it. */
  #runAgain(step: Step<Kept>): void {
    this.#isMuted = true;
    this.#live.disk.metered.take();
    for (const text of step.state.typed) this.#shell.type(text);
    const running = this.#shell.run(step.view.line, { isRemembered: false });
    while (running.next().done !== true) if (this.#shell.isWaitingForInput) this.#shell.type(null);
    this.#shell.takeUnread();
    this.#live.disk.metered.take();
    this.#requested = null;
    this.#isMuted = false;
  }

  undo(): void {
    const { previous } = this.#history;
    if (previous !== null) this.seek(previous);
  }

  redo(): void {
    const { next } = this.#history;
    if (next !== null) this.seek(next);
  }

  #seekAsRequested(): void {
    const requested = this.#requested;
    this.#requested = null;
    if (requested === 'undo') this.undo();
    if (requested === 'redo') this.redo();
  }

  // ── what commands ask ─────────────────────────────────────────────────────────────────────────────────────────────

  #machineHost() {
    return {
      computer: () => this.#live,
      undo: () => this.#request('undo'),
      redo: () => this.#request('redo'),
      why: (pathOrBlock: string) => this.views.whyOn(this.#live, pathOrBlock),
      whySnapshot: (mount: MountRecord, name: string) => this.views.whySnapshot(this.#live, mount, name),
      extentsOf: (path: string) => this.views.extentsOf(this.#live, path),
      regions: () => this.views.regionsOf(this.#live),
      diskAtRest: () => this.#diskAtRest(),
    };
  }

  #request(direction: 'undo' | 'redo'): string {
    if (!this.#settings.isRecording) {
      throw new FsError('ENOTSUP', 'scope', direction, 'a script keeps no history to go back in');
    }
    const { current } = this.#history;
    const target = direction === 'undo' ? this.#history.previous : this.#history.next;
    if (target === null) return `Nothing to ${direction}.`;
    this.#requested = direction;
    const line = direction === 'undo' ? current.view.line : this.#history.step(target.step)?.view.line;
    return `${direction === 'undo' ? 'Undo' : 'Redo'}: ${line === '' ? 'the beginning' : line}`;
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Unmounts everything, so that the disk is whole. Nothing can be run afterwards. */
  shutDown(): void {
    assert(!this.#isRunning, 'the machine is shut down between lines');
    this.#live.unmountAll();
  }

  /**
   * A copy of the disk shown, unmounted. What a volume has not written yet cannot be on it: such a disk, one in the
   * middle of a step and one too damaged to be unmounted are as a power cut would leave them.
   */
  #diskAtRest(): Disk {
    const shown = this.#shown;
    if (shown !== this.#live || !shown.isSettled) return shown.disk;
    return this.#copy(shown).shutDown() ?? shown.disk;
  }

  /** The same machine on a fork of its disk; nobody sees what it does. */
  #copy(computer: Computer): Computer {
    const options = { ...this.#computerOptions(computer.disk.store.fork()), trace: SILENT };
    return Computer.resume(options, computer.save());
  }

  /** Fingerprint of the disk at the moment shown (device/image.ts). */
  imageHash(): string {
    return imageHash(this.shownStore);
  }
}

const INSIDE_A_STEP =
  'You are looking at the disk in the middle of a step. Go to the end of a step to type: lines run on whole ones.\n';

/** Exit code of what Ctrl-C ended: 128 + SIGINT. */
const INTERRUPTED = 130;
