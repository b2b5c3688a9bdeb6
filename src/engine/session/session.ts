import { assert } from '../base/assert.ts';
import { utf8 } from '../base/bytes.ts';
import { FsError, strerror } from '../base/errno.ts';
import { SILENT } from '../base/trace.ts';
import type { Volume } from '../formats/contract.ts';
import { imageHash } from '../device/image.ts';
import type { Backing, Store } from '../device/store.ts';
import { Tape } from '../device/tape.ts';
import type { TapeRange } from '../device/tape.ts';
import type { Running } from '../shell/command.ts';
import { Shell } from '../shell/shell.ts';
import type { OutputSink } from '../shell/terminal.ts';
import { Computer } from './computer.ts';
import type { Disk } from './disk.ts';
import { addCosts, NO_COSTS, NO_FIGURES } from './costs.ts';
import { History, type NewStep } from './history.ts';
import { bringTo, isStart, runAgain, thinOut, type Kept, type KeptStep } from './kept.ts';
import { SessionMachine } from './machine.ts';
import { Requests } from './requests.ts';
import { Recalls } from './recall.ts';
import type { MountRecord } from './mounts.ts';
import { MomentDifferences } from './moment-difference.ts';
import { Moments } from './moments.ts';
import { Saver, type Checkpoint, type SavedSession } from './save.ts';
import { restoredDisk, restoredHistory, type RestoredDisk } from './session-restore.ts';
import { writePoliciesOf, type SessionSettings } from './settings.ts';
import { StepRecord, type RunOutcome } from './step-record.ts';
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
export class Session {
  readonly store: Store;
  readonly tape: Tape;
  readonly machine: SessionMachine;
  readonly views: Views;
  /** Of steps that come from a save. */
  readonly recalls: Recalls;
  readonly differences: MomentDifferences;
  readonly #moments: Moments;
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
  readonly #requests: Requests;
  /** Null until somebody wants to save. */
  #saver: Saver | null = null;

  private constructor(
    store: Store,
    name: string,
    settings: SessionSettings,
    onOutput: OutputSink,
    restored?: { readonly saved: SavedSession; readonly disk: RestoredDisk },
  ) {
    const head = restored?.saved.head;
    this.store = store;
    this.#name = name;
    this.#settings = settings;
    this.#onOutput = onOutput;
    this.#requests = new Requests(() => this.#history, settings.isRecording);
    this.tape = new Tape(store.blockSizeBytes, false);
    store.tape = this.tape;
    const options = this.#computerOptions(store);
    this.#live =
      head === undefined
        ? Computer.boot(options, settings.mountsVolumes ? settings : null)
        : Computer.resume(options, head.machine.computer);
    this.#shown = this.#live;
    this.machine = new SessionMachine(this.#machineHost());
    this.#shell = new Shell({
      ...{ system: this.#live.process, machine: this.machine, random: this.#live.random, trace: this.tape },
      isTerminal: settings.isTerminal,
      onOutput: (stream, bytes) => {
        if (!this.#isMuted) onOutput(stream, bytes);
      },
      ...(restored === undefined ? {} : { past: pastOf(restored.saved) }),
    });
    const { metered } = this.#live.disk;
    this.#costs = metered.take();
    if (restored === undefined) this.#history = new History(this.#beginning());
    else {
      const { saved, disk } = restored;
      const { machine, base, totalCosts } = saved.head;
      this.#live.random.restore(machine.computer.random); // the shell has drawn from it
      this.#shell.restore(machine.shell, this.#live.process);
      this.#history = restoredHistory(saved, disk);
      this.#liveStep = base;
      this.#costs = totalCosts;
      this.#saver = new Saver(this.#source, saved.number);
    }
    this.recalls = new Recalls(() => this.#source);
    this.#moments = new Moments({
      ...{ store, tape: this.tape, history: () => this.#history, recalls: this.recalls },
      options: (store) => this.#computerOptions(store),
    });
    this.differences = new MomentDifferences((moment) => this.#moments.computerAt(moment));
    this.views = new Views({
      tape: this.tape,
      history: () => this.#history,
      shown: () => this.#shown,
      storeAt: (moment) => this.#moments.storeAt(moment),
      requireTape: (step) => this.recalls.finish({ step }, true),
      copy: (computer) => this.#copy(computer),
      diskAtRest: () => this.#diskAtRest(),
    });
  }

  /** Never fails because of what is on the disk; `problem` says why there is no volume. */
  static open(store: Store, name: string, settings: SessionSettings, onOutput: OutputSink): Session {
    return new Session(store, name, settings, onOutput);
  }

  /**
   * The session that was saved, standing at the moment whose disk is kept: `head.now`, or one that `seek` leads on
   * from. FsError EFTYPE with a sentence when it does not hang together. `backing`: the image it lies over.
   */
  static restore(saved: SavedSession, backing: Backing | null, onOutput: OutputSink): Session {
    const disk = restoredDisk(saved, backing);
    const { name, settings } = saved.head;
    return new Session(disk.store, name, settings, onOutput, { saved, disk });
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

    this.recalls.end();
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

  #begin(): StepRecord {
    this.#costs = addCosts(this.#costs, this.#live.beginStep());
    this.tape.isRecording = this.#settings.isRecording;
    return new StepRecord(this.tape, this.#live, this.#shell.history.length);
  }

  #close(line: string, exitCode: number, begun: StepRecord): StepView | null {
    // An interrupted line cannot be run again to the same point; what it left must stand on the disk.
    const isInterrupted = this.#isInterrupted;
    if (isInterrupted) this.#sync();
    this.tape.isRecording = false;
    const costs = this.#live.disk.metered.take();
    this.#costs = addCosts(this.#costs, costs);
    if (!this.#settings.isRecording) return null;

    const { entries, spans, lineCount } = begun;
    // A line that only asks to go back or forth is no step of its own.
    if (this.#requests.isWaiting && entries.from === entries.to) return null;
    const step = this.#history.append({
      view: begun.view(line, exitCode, costs, this.#live),
      ...{ entries, spans, state: this.#keep(isInterrupted, lineCount) },
    });
    this.#liveStep = step.view.step;
    thinOut(this.#history, step.view.step);
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

  /**
   * What was run so far cannot be undone any more: the history begins here, with everything on the disk. FsError of the
   * disk when that cannot be.
   */
  beginHistory(): void {
    assert(!this.#isRunning, 'history begins between lines');
    if (!this.#live.isSettled) this.#live.kernel.sync();
    this.#history = new History(this.#beginning());
    this.#liveStep = 0;
    this.#saver = null;
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
    return { view, entries: none, spans: none, state: this.#keep(false, 0) };
  }

  /** Interrupted: there is no other way back here than from the disk; what is not on it, or open, is lost then. */
  #keep(isInterrupted: boolean, lineCount: number): Kept {
    return {
      machine: { computer: this.#live.save(), shell: this.#shell.state() },
      version: this.#settings.isRecording ? this.store.version() : null,
      isSettled: isInterrupted || this.#live.isSettled,
      typed: this.#typed,
      ...{ isInterrupted, lineCount, hasTape: true },
    };
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
    this.recalls.end();
    this.#moments.recall(moment);
    const step = this.#moments.stepOf(moment);
    this.views.forget();
    if (moment.write === undefined) {
      this.#goTo(step);
      this.#shown = this.#live;
    } else this.#shown = this.#moments.computerAt(moment);
    this.#history.moveTo(moment);
  }

  /** The machine of a whole step, alive. */
  #goTo(step: KeptStep): void {
    if (step.view.step === this.#liveStep) return;
    const route = this.#history.routeTo(step.view.step, isStart);
    const [start, ...again] = route;
    assert(start !== undefined, 'a route has a beginning');
    this.#restore(start);
    for (const next of again) this.#runAgain(next);
    this.#liveStep = step.view.step;
  }

  #restore(step: KeptStep): void {
    const { machine } = step.state;
    assert(machine !== null, 'a start has a machine');
    this.#costs = addCosts(this.#costs, this.#live.disk.metered.take());
    bringTo(this.store, this.#source, step);
    this.#live = Computer.resume(this.#computerOptions(this.store), machine.computer);
    this.#shell.restore(machine.shell, this.#live.process);
  }

  /** The line of `step` once more, in silence, from the moment before it. */
  #runAgain(step: KeptStep): void {
    this.#isMuted = true;
    this.#live.disk.metered.take();
    const running = runAgain(this.#shell, step, { isRemembered: false });
    while (running.next().done !== true);
    this.#live.disk.metered.take();
    this.#requests.take();
    this.#isMuted = false;
  }

  /** Where undo leads. */
  get previous(): Moment | null {
    return this.#history.previous;
  }

  get next(): Moment | null {
    return this.#history.next;
  }

  undo(): void {
    if (this.previous !== null) this.seek(this.previous);
  }

  redo(): void {
    if (this.next !== null) this.seek(this.next);
  }

  #seekAsRequested(): void {
    const requested = this.#requests.take();
    if (requested === 'undo') this.undo();
    if (requested === 'redo') this.redo();
  }

  // ── saving ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * What has changed since checkpoint `after`, for whoever keeps sessions; everything when that one is not known here
   * (null: there is none). Costs follow the changes.
   */
  checkpoint(after: number | null): Checkpoint {
    assert(!this.#isRunning, 'a session is saved between lines');
    const source = { ...this.#source, totalCosts: this.totalCosts };
    this.#saver ??= new Saver(source);
    return this.#saver.take(source, after);
  }

  /** What saving and running again start from. */
  get #source() {
    const { store, tape } = this;
    const { history: lines, startedAtSeconds: shellStartedAtSeconds } = this.#shell;
    return {
      ...{ store, tape, history: this.#history, lines, shellStartedAtSeconds },
      ...{ name: this.#name, settings: this.#settings, isBusy: this.#isRunning },
      computerOptions: (on: Store) => this.#computerOptions(on),
      machineHost: (computer: () => Computer) => this.#machineHost(computer),
      end: () => {
        this.#requests.take();
        this.views.forget();
      },
    };
  }

  // ── what commands ask ─────────────────────────────────────────────────────────────────────────────────────────────

  #machineHost(computer: () => Computer = () => this.#live) {
    return {
      computer,
      undo: () => this.#requests.ask('undo'),
      redo: () => this.#requests.ask('redo'),
      why: (pathOrBlock: string) => this.views.whyOn(computer(), pathOrBlock),
      extentsOf: (path: string) => this.views.extentsOf(computer(), path),
      whySnapshot: (mount: MountRecord, name: string) => this.views.whySnapshot(computer(), mount, name),
      regions: () => this.views.regionsOf(computer()),
      diskAtRest: () => this.#diskAtRest(),
    };
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

const pastOf = ({ lines, head }: SavedSession) => ({ lines, startedAtSeconds: head.shellStartedAtSeconds });

const INSIDE_A_STEP =
  'You are looking at the disk in the middle of a step. Go to the end of a step to type: lines run on whole ones.\n';

/** Exit code of what Ctrl-C ended: 128 + SIGINT. */
const INTERRUPTED = 130;
