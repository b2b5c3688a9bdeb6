import type {
  CheckView,
  Delta,
  DiskView,
  EngineApi,
  Moment,
  NewDiskRequest,
  OutputPiece,
  SessionOptions,
  StepView,
  TimelineView,
} from '../../rpc/protocol.ts';
import { consumed, NO_SCRIPT } from './typed-line.ts';
import type { Script, TypedLine } from './typed-line.ts';

/** Exit code of a line ended by Ctrl-C. */
const INTERRUPTED = 130;

/** Where the disk on show came from: enough to make it again. */
export type Origin =
  | { readonly kind: 'new'; readonly request: NewDiskRequest }
  | { readonly kind: 'image'; readonly file: File; readonly options: SessionOptions };

/** Step 0 is the moment before the first line; the page counts only lines. */
const withoutBeginning = (timeline: TimelineView): TimelineView => ({
  ...timeline,
  steps: timeline.steps.filter(({ step }) => step !== 0),
  path: timeline.path.filter((step) => step !== 0),
});

/** Work under way that the page shows when it takes longer than a moment. */
export interface Work {
  readonly what: string;
  readonly cancel: (() => void) | null;
}

/**
 * One disk of the bench, as far as the page knows it: the last thing its worker pushed. Panes ask the worker for what
 * they show whenever `version` changes.
 */
export class DiskState {
  view = $state.raw<DiskView | null>(null);
  timeline = $state.raw<TimelineView | null>(null);
  cwd = $state('/');
  /** Grows with every change of the moment shown. */
  version = $state(0);
  origin = $state.raw<Origin | null>(null);
  work = $state.raw<Work | null>(null);
  report = $state.raw<CheckView | null>(null);
  /** Steps that were there when the disk was made; only later ones are the user's. */
  #stepsAtStart: ReadonlySet<number> = new Set();
  /** Called after every line and every move in history, not while a disk is made. */
  onchange: () => void = () => {};
  #typing: (string | null)[] = [];
  readonly #typedByStep = new Map<number, readonly (string | null)[]>();

  readonly stepsByNumber = $derived(new Map((this.timeline?.steps ?? []).map((step) => [step.step, step])));
  readonly step: StepView | null = $derived(this.stepsByNumber.get(this.timeline?.now.step ?? 0) ?? null);
  readonly isReady = $derived(this.view !== null);

  constructor(readonly api: EngineApi) {}

  async create(request: NewDiskRequest): Promise<void> {
    await this.#busy(`making a disk`, async () => {
      this.#begin(await this.api.createDisk(request), { kind: 'new', request });
    });
  }

  async open(file: File, options: SessionOptions): Promise<void> {
    await this.#busy(`opening ${file.name}`, async () => {
      this.#begin(await this.api.openImage(file, options), { kind: 'image', file, options });
    });
  }

  /** The same disk again with other options, its line of history included. */
  async remake(options: Partial<SessionOptions>, script: Script): Promise<void> {
    const { origin } = this;
    if (origin === null) return;
    if (origin.kind === 'new') await this.create({ ...origin.request, ...options });
    else await this.open(origin.file, { ...origin.options, ...options });
    await this.replay(script);
  }

  /** The lines of an earlier session; what they print is thrown away. Ends at the moment that was shown. */
  async replay({ lines, shown }: Script): Promise<void> {
    let isStopped = false;
    const cancel = () => {
      isStopped = true;
      void this.api.interrupt();
    };
    for (const [index, line] of lines.entries()) {
      if (isStopped) return;
      const what = `replaying line ${index + 1} of ${lines.length}`;
      await this.#busy(what, () => this.#replayLine(line), cancel);
    }
    if (shown < lines.length) await this.seek({ step: this.timeline?.path[shown - 1] ?? 0 });
  }

  async #replayLine({ text, typed }: TypedLine): Promise<void> {
    const running = this.run(text, () => {});
    for (const piece of typed) await this.type(piece);
    // Whatever it read then, it can wait for nothing more now.
    if (typed.at(-1) !== null) await this.api.type(null);
    await running;
  }

  /** False: no command was running, and nothing was taken. */
  async type(text: string | null): Promise<boolean> {
    const isTaken = await this.api.type(text);
    if (isTaken) this.#typing.push(text);
    return isTaken;
  }

  async run(line: string, onOutput: (piece: OutputPiece) => void) {
    const work: Work = { what: `running ${line}`, cancel: () => void this.api.interrupt() };
    const isOuter = this.work === null;
    if (isOuter) this.work = work;
    this.#typing = [];
    try {
      const result = await this.api.run(line, onOutput);
      if (result.step) this.#typedByStep.set(result.step.step, consumed(this.#typing, result.unread));
      if (result.isComplete) this.#move(result.delta);
      return result;
    } finally {
      if (isOuter) this.work = null;
    }
  }

  async seek(moment: Moment): Promise<void> {
    await this.#busy('going there', async () => this.#move(await this.api.seek(moment)));
  }

  async undo(): Promise<void> {
    if (this.timeline?.canUndo) await this.#busy('undoing', async () => this.#move(await this.api.undo()));
  }

  async redo(): Promise<void> {
    if (this.timeline?.canRedo) await this.#busy('redoing', async () => this.#move(await this.api.redo()));
  }

  async check(): Promise<CheckView> {
    return this.#busy('checking the volume', async () => (this.report = await this.api.check()));
  }

  async download(): Promise<Blob> {
    return this.#busy('preparing the image', () => this.api.exportImage());
  }

  /**
   * This line of history, without what the disk began with, and without lines that Ctrl-C ended: where they were when
   * it came, nobody can find again.
   */
  script(): Script {
    const { timeline } = this;
    if (timeline === null) return NO_SCRIPT;
    const end = timeline.path.indexOf(timeline.now.step) + 1;
    const lines = timeline.path.map((number) => this.#lineOf(number));
    const kept = (line: TypedLine | null): line is TypedLine => line !== null;
    return { lines: lines.filter(kept), shown: lines.slice(0, end).filter(kept).length };
  }

  #lineOf(number: number): TypedLine | null {
    const step = this.stepsByNumber.get(number);
    if (step === undefined || step.exitCode === INTERRUPTED || this.#stepsAtStart.has(number)) return null;
    return { text: step.line, typed: this.#typedByStep.get(number) ?? [] };
  }

  /** The lines that lead to the moment shown. */
  linesSoFar(): readonly TypedLine[] {
    const { lines, shown } = this.script();
    return lines.slice(0, shown);
  }

  #move(delta: Delta): void {
    this.#apply(delta);
    this.onchange();
  }

  #apply(delta: Delta): void {
    this.view = delta.disk;
    this.timeline = withoutBeginning(delta.timeline);
    this.cwd = delta.cwd;
    this.version += 1;
  }

  #begin(delta: Delta, origin: Origin): void {
    this.#apply(delta);
    this.origin = origin;
    this.report = null;
    this.#typedByStep.clear();
    this.#stepsAtStart = new Set(this.timeline?.steps.map(({ step }) => step));
  }

  async #busy<T>(what: string, task: () => Promise<T>, cancel: (() => void) | null = null): Promise<T> {
    const outer = this.work;
    this.work = { what, cancel };
    try {
      return await task();
    } finally {
      this.work = outer;
    }
  }
}
