import { releaseProxy, transfer } from 'comlink';
import type { ProxyMethods } from 'comlink';
import { InvariantError } from '../engine/base/assert.ts';
import { FsError } from '../engine/base/errno.ts';
import type { MomentDifference } from '../engine/session/moment-difference.ts';
import { createDisk } from '../engine/session/new-disk.ts';
import { Session } from '../engine/session/session.ts';
import { DEFAULT_SETTINGS, writePoliciesOf } from '../engine/session/settings.ts';
import { AT_REST, Copies } from './copies.ts';
import { Output } from './output.ts';
import { buffersOf, restored } from './saving.ts';
import { breathe } from './transfer.ts';
import type {
  Delta,
  EngineApi,
  Moment,
  MomentPair,
  NewDiskRequest,
  OutputPiece,
  RunResult,
  SessionOptions,
} from './protocol.ts';

/**
 * The worker's end of the wire: one session behind the calls of the protocol. A line is pumped for a few milliseconds
 * at a time; in between the worker listens, so that Ctrl-C, typed input and views are answered while it runs.
 *
 * A bug in the engine (InvariantError) is reported to whoever called, and every later call is refused with the same
 * sentence: nothing may be written on top of what is no longer understood.
 */
const SLICE_MILLISECONDS = 10;
/** Of the terminal, until it says how many it has. */
const COLUMNS_DEFAULT = 80;
const COLUMNS_MAX = 1000;

export class EngineServer implements EngineApi {
  #session: Session | null = null;
  /** What the session has printed and the page does not know yet. */
  #output = new Output();
  #isRunning = false;
  #bug: string | null = null;
  #columns = COLUMNS_DEFAULT;
  /** How many steps of the history the page knows. */
  #stepsTold = 0;
  #wake: () => void = () => {};
  #onRecall: Parameters<EngineApi['watchRecall']>[0] | null = null;
  /** What went wrong with the formats; null when they are there. */
  readonly #formats: Promise<string | null>;
  readonly #copies = new Copies();

  /** `formats` resolves when every format is known. */
  constructor(formats: Promise<void> = Promise.resolve()) {
    this.#formats = formats.then(
      () => null,
      (error: unknown) => `a part of the engine did not load; reload the page (${String(error)})`,
    );
  }

  // ── disks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  createDisk = (request: NewDiskRequest): Promise<Delta> =>
    this.#guard(async () => {
      await this.#requireFormats();
      this.#requireIdle();
      const { store } = createDisk(request);
      this.#open(store, request.label === '' ? 'new disk' : request.label, request);
      for (const line of request.startLines) await this.#pump(line, () => {});
      this.#required.beginHistory();
      return this.#delta();
    });

  openImage = (file: File, options: SessionOptions): Promise<Delta> =>
    this.#guard(async () => {
      await this.#requireFormats();
      this.#requireIdle();
      const store = await this.#copies.storeOf(file);
      this.#requireIdle();
      this.#open(store, file.name, options);
      return this.#delta();
    });

  #open(store: Session['store'], name: string, { seed, profile, ...policies }: SessionOptions): void {
    const settings = { ...DEFAULT_SETTINGS, ...writePoliciesOf(policies), seed, profile, isTerminal: true };
    const output = new Output();
    this.#output = output;
    this.#stepsTold = 0;
    this.#session = Session.open(store, name, settings, (stream, bytes) => output.add(stream, bytes));
    this.#session.columns = this.#columns;
  }

  exportView: EngineApi['exportView'] = (request) =>
    this.#guard(() => this.#copies.view(this.#resting, request));
  exportImage = (): Promise<Blob> => this.#guard(() => this.#copies.blob(this.#required, AT_REST));
  exportFile: EngineApi['exportFile'] = (request, into) =>
    this.#guard(() =>
      into === undefined
        ? this.#copies.blob(this.#resting, request)
        : this.#copies.write(this.#resting, request, into),
    );
  transfer: EngineApi['transfer'] = async () => this.#copies.transfer;
  stopTransfer: EngineApi['stopTransfer'] = async () => this.#copies.stop();

  imageHash = (): Promise<string> => this.#answer((session) => session.imageHash());

  // ── running ───────────────────────────────────────────────────────────────────────────────────────────────────────

  run = (line: string, onOutput: (piece: OutputPiece) => void): Promise<RunResult> =>
    this.#guard(async () => {
      await this.#requireFormats();
      this.#requireIdle();
      const session = this.#required;
      const { isComplete, step } = await this.#pump(line, onOutput).finally(() => release(onOutput));
      return { isComplete, step, unread: session.takeUnread(), delta: this.#delta() };
    });

  async #pump(line: string, onOutput: (piece: OutputPiece) => void) {
    const session = this.#required;
    const running = session.run(line);
    this.#isRunning = true;
    try {
      for (;;) {
        const until = performance.now() + SLICE_MILLISECONDS;
        let result = running.next();
        while (result.done !== true && performance.now() < until && !session.isWaitingForInput) {
          result = running.next();
        }
        // Waiting for the page to take the output keeps a chatty command from filling memory.
        for (const piece of this.#output.take(result.done === true)) await onOutput(piece);
        if (result.done === true) return result.value;
        if (session.isWaitingForInput) await new Promise<void>((wake) => (this.#wake = wake));
        else await breathe();
      }
    } finally {
      this.#isRunning = false;
    }
  }

  interrupt = (): Promise<void> =>
    this.#answer((session) => {
      session.recalls.end();
      session.interrupt();
      this.#wake();
    });

  type = (text: string | null): Promise<boolean> =>
    this.#answer((session) => {
      if (!this.#isRunning) return false;
      session.type(text);
      this.#wake();
      return true;
    });

  complete = (text: string) =>
    this.#answer((session) => (this.#isRunning ? { words: [], replaceLength: 0 } : session.complete(text)));

  resize = async (columns: number): Promise<void> => {
    this.#columns = Math.max(20, Math.min(Math.floor(columns), COLUMNS_MAX)) || COLUMNS_DEFAULT;
    if (this.#session !== null) this.#session.columns = this.#columns;
  };

  // ── moments ───────────────────────────────────────────────────────────────────────────────────────────────────────

  seek = (moment: Moment): Promise<Delta> => this.#move(() => moment);
  undo = (): Promise<Delta> => this.#move(({ previous }) => previous);
  redo = (): Promise<Delta> => this.#move(({ next }) => next);

  #move(target: (session: Session) => Moment | null): Promise<Delta> {
    return this.#guard(async () => {
      await this.#requireFormats();
      this.#requireIdle();
      const moment = target(this.#required);
      if (moment !== null) {
        await this.#recall(moment);
        this.#requireIdle();
        this.#required.seek(moment);
      }
      return this.#delta();
    });
  }

  #delta(): Delta {
    const session = this.#required;
    const newSteps = session.stepsFrom(this.#stepsTold);
    this.#stepsTold += newSteps.length;
    return { disk: session.views.disk(), now: session.now, newSteps, cwd: session.directory };
  }

  // ── saving ────────────────────────────────────────────────────────────────────────────────────────────────────────

  checkpoint: EngineApi['checkpoint'] = (after) =>
    this.#answer((session) => {
      this.#requireIdle();
      const checkpoint = session.checkpoint(after);
      return transfer(checkpoint, buffersOf(checkpoint));
    });

  restore: EngineApi['restore'] = (saved, file) =>
    this.#guard(async () => {
      await this.#requireFormats();
      this.#requireIdle();
      const output = new Output();
      const session = restored(saved, file, (stream, bytes) => output.add(stream, bytes));
      this.#output = output;
      this.#session = session;
      this.#stepsTold = 0;
      session.columns = this.#columns;
      await this.#recall(saved.head.now);
      session.seek(saved.head.now);
      return this.#delta();
    });

  watchRecall: EngineApi['watchRecall'] = async (onProgress) => {
    if (this.#onRecall !== null) release(this.#onRecall);
    this.#onRecall = onProgress;
  };

  /** Lets lines run again where the way to `moment` asks for it, a few milliseconds at a time. */
  async #recall(moment: Moment, asksForTape = false): Promise<void> {
    const { recalls } = this.#required;
    if (this.#isRunning || !recalls.isNeeded(moment, asksForTape)) return;
    const running = recalls.run(moment.step);
    try {
      for (;;) {
        const until = performance.now() + SLICE_MILLISECONDS;
        let result = running.next();
        while (result.done !== true && performance.now() < until) result = running.next();
        if (result.done === true) break;
        await this.#onRecall?.(result.value);
        await breathe();
      }
    } finally {
      await this.#onRecall?.(null);
    }
    if (!recalls.isNeeded(moment, asksForTape)) return;
    throw new FsError('EBUSY', 'recall', '', 'running the lines again was stopped; ask once more to go on');
  }

  // ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────

  map: EngineApi['map'] = (request) => this.#look((views) => views.map(request));
  regions: EngineApi['regions'] = (page) => this.#look((views) => views.regions(page));
  directory: EngineApi['directory'] = (path, page) => this.#look((views) => views.directory(path, page));
  file: EngineApi['file'] = (path) => this.#look((views) => views.file(path));
  structures: EngineApi['structures'] = (parent, page) =>
    this.#look((views) => views.structures(parent, page));
  diagrams: EngineApi['diagrams'] = (chosen) => this.#look((views) => views.diagrams(chosen));
  checkpoints: EngineApi['checkpoints'] = () => this.#look((views) => views.checkpoints());
  block: EngineApi['block'] = (block) =>
    this.#lookBack(this.#session?.views.isWrittenNow(block) === true, (views) => views.block(block));
  trace: EngineApi['trace'] = (step, page) => this.#lookBack(true, (views) => views.trace(step, page), step);
  why: EngineApi['why'] = (subject) =>
    this.#lookBack(typeof subject === 'number', (views) => views.why(subject));
  snapshotDeletions: EngineApi['snapshotDeletions'] = () => this.#look((views) => views.snapshots());
  verdict: EngineApi['verdict'] = () => this.#look((views) => views.verdict());
  labels: EngineApi['labels'] = () => this.#look((views) => views.labels());
  check: EngineApi['check'] = (asItLies) => this.#look((views) => views.check(asItLies));

  stops: EngineApi['stops'] = (step) => this.#lookBack(true, (views) => views.stops(step), step);
  filesBetween: EngineApi['filesBetween'] = (pair, page) => this.#between(pair, (found) => found.files(page));
  structuresBetween: EngineApi['structuresBetween'] = (pair, page) =>
    this.#between(pair, (found) => found.structures(page));
  blocksBetween: EngineApi['blocksBetween'] = (pair, page) =>
    this.#between(pair, (found) => found.blocks(page));
  blockBetween: EngineApi['blockBetween'] = (pair, block) =>
    this.#between(pair, (found) => found.block(block));

  /** What lies between two moments; the writes that led to either may have to be found out again first. */
  #between<T>(pair: MomentPair, look: (found: MomentDifference) => T): Promise<T> {
    return this.#guard(async () => {
      for (const moment of [pair.before, pair.after]) await this.#recall(moment, true);
      return look(this.#required.differences.between(pair));
    });
  }

  #look<T>(look: (views: Session['views']) => T): Promise<T> {
    return this.#answer(({ views }) => {
      // Between two slices of a line the disk is another one each time.
      if (this.#isRunning) views.forget();
      return look(views);
    });
  }

  /** The same about what a step wrote (absent: the one shown), which may have to be found out again first. */
  #lookBack<T>(isBack: boolean, look: (views: Session['views']) => T, step?: number): Promise<T> {
    return this.#guard(async () => {
      const moment = { step: step ?? this.#required.now.step };
      if (isBack) await this.#recall(moment, true);
      return this.#look(look);
    });
  }

  // ── every call ────────────────────────────────────────────────────────────────────────────────────────────────────

  get #required(): Session {
    if (this.#session === null) throw new FsError('ENXIO', 'open', '', 'no disk is open yet');
    return this.#session;
  }

  async #requireFormats(): Promise<void> {
    const problem = await this.#formats;
    if (problem !== null) throw new Error(problem);
  }

  /** Between two lines. */
  get #resting(): Session {
    this.#requireIdle();
    return this.#required;
  }

  #requireIdle(): void {
    if (this.#isRunning)
      throw new FsError('EBUSY', 'run', '', 'a command is running; stop it with Ctrl-C first');
  }

  #answer<T>(work: (session: Session) => T): Promise<T> {
    return this.#guard(async () => work(this.#required));
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.#bug !== null) throw new Error(this.#bug);
    try {
      return await work();
    } catch (error) {
      if (error instanceof InvariantError) {
        this.#bug = `The engine met a bug of its own and stopped: ${error.message}.`;
      }
      throw error;
    }
  }
}

/** A callback of the page is a message port, which nobody else would close. */
const release = (callback: object): void => (callback as Partial<ProxyMethods>)[releaseProxy]?.();
