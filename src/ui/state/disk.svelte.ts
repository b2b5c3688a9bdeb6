import type {
  CheckView,
  Delta,
  DiskView,
  EngineApi,
  Moment,
  NewDiskRequest,
  OutputPiece,
  SavedSession,
  SessionOptions,
  StepView,
} from '../../rpc/protocol.ts';
import { consumed } from './typed-line.ts';
import type { TypedLine } from './typed-line.ts';

/** Where a disk came from: enough to make it again. */
export type Origin =
  | { readonly kind: 'new'; readonly request: NewDiskRequest }
  | { readonly kind: 'image'; readonly file: File; readonly options: SessionOptions };

/** Work under way that the page shows when it takes longer than a moment. */
export interface Work {
  readonly what: string;
  readonly cancel: (() => void) | null;
}

/** What a line came to on one disk. */
export interface LineResult {
  readonly isComplete: boolean;
  readonly unread: string;
  /** Null when it made no step: nothing ran, or it asked to go back or forth. */
  readonly step: StepView | null;
  /** What the command read from the keyboard. */
  readonly typed: readonly (string | null)[];
}

/**
 * One disk of the bench, as far as the page knows it: the last thing its worker pushed, and the steps it was told of.
 * Panes ask the worker for what they show whenever `version` changes. Which line leads where is the bench's to know
 * (bench-history.svelte.ts).
 */
export class DiskState {
  view = $state.raw<DiskView | null>(null);
  now = $state.raw<Moment>({ step: 0 });
  cwd = $state('/');
  /** Grows with every change of the moment shown. */
  version = $state(0);
  origin = $state.raw<Origin | null>(null);
  work = $state.raw<Work | null>(null);
  report = $state.raw<CheckView | null>(null);
  /** By number; 0 is the moment before the first line. */
  #steps: StepView[] = [];
  #typing: (string | null)[] = [];

  /** The step on show; null before the first line. */
  readonly step: StepView | null = $derived.by(() => {
    void this.version;
    return this.now.step === 0 ? null : this.stepAt(this.now.step);
  });
  readonly isReady = $derived(this.view !== null);

  constructor(readonly api: EngineApi) {
    void api
      .watchRecall((progress) => {
        const cancel = () => void api.interrupt();
        const { done = 0, total = 0 } = progress ?? {};
        const what = `running line ${done + 1} of ${total} again`;
        this.work = progress === null ? null : { what, cancel };
      })
      .catch(() => {});
  }

  stepAt(number: number): StepView | null {
    return this.#steps[number] ?? null;
  }

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

  /** As it was saved, without running a line. */
  async restore(origin: Origin, saved: SavedSession): Promise<void> {
    await this.#busy(`bringing back ${saved.head.name}`, async () => {
      const file = origin.kind === 'image' ? origin.file : null;
      this.#begin(await this.api.restore(saved, file), origin);
    });
  }

  async make(origin: Origin): Promise<void> {
    if (origin.kind === 'new') await this.create(origin.request);
    else await this.open(origin.file, origin.options);
  }

  /** A line of an earlier session; what it prints is thrown away. */
  async replay({ text, typed }: TypedLine): Promise<LineResult> {
    const running = this.run(text, () => {});
    for (const piece of typed) await this.type(piece);
    // Whatever it read then, it can wait for nothing more now.
    if (typed.at(-1) !== null) await this.api.type(null);
    return running;
  }

  /** False: no command was running, and nothing was taken. */
  async type(text: string | null): Promise<boolean> {
    const isTaken = await this.api.type(text);
    if (isTaken) this.#typing.push(text);
    return isTaken;
  }

  async run(line: string, onOutput: (piece: OutputPiece) => void): Promise<LineResult> {
    this.#typing = [];
    const { isComplete, unread, step, delta } = await this.api.run(line, onOutput);
    if (isComplete) this.#apply(delta);
    return { isComplete, unread, step, typed: consumed(this.#typing, unread) };
  }

  async seek(moment: Moment): Promise<void> {
    if (moment.step === this.now.step && moment.write === this.now.write) return;
    await this.#busy('going there', async () => this.#apply(await this.api.seek(moment)));
  }

  async check(asItLies = false): Promise<CheckView> {
    return this.#busy('checking the volume', async () => (this.report = await this.api.check(asItLies)));
  }

  #apply(delta: Delta): void {
    this.view = delta.disk;
    this.now = delta.now;
    for (const step of delta.newSteps) this.#steps[step.step] = step;
    this.cwd = delta.cwd;
    this.version += 1;
  }

  #begin(delta: Delta, origin: Origin): void {
    this.#steps = [];
    this.#apply(delta);
    this.origin = origin;
    this.report = null;
  }

  async #busy<T>(what: string, task: () => Promise<T>): Promise<T> {
    const outer = this.work;
    this.work = { what, cancel: null };
    try {
      return await task();
    } finally {
      this.work = outer;
    }
  }
}
