import type { Claim, Scene, Seen } from '../demos/scene.ts';
import type { Bench } from './bench.svelte.ts';
import { NO_SCRIPT, scriptOf } from './bench-script.ts';
import type { Column } from './column.svelte.ts';

const READING_MILLISECONDS = 3800;

/**
 * Plays a scene on the bench: says what comes, types the line, shows what the figures say, and goes on after a while to
 * read. Pausing, going on by hand and ending are possible at every moment; typing something else pauses it.
 */
export class Demo {
  scene = $state.raw<Scene | null>(null);
  /** Of the beat on show; −1 while the disks are made. */
  index = $state(-1);
  isPaused = $state(false);
  /** What the figures of the beat say; null until they are there. */
  claim = $state.raw<Claim | null>(null);
  /** Its own line is running: what is typed now is not somebody taking over. */
  isTyping = false;
  readonly #bench: Bench;
  #wake: (() => void) | null = null;
  #run = 0;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  readonly isAtEnd: boolean = $derived(this.scene !== null && this.index >= this.scene.beats.length - 1);

  /** `type` runs a line as if it had been typed and resolves when the prompt is back. */
  async play(scene: Scene, type: (line: string) => Promise<void>): Promise<void> {
    const run = ++this.#run;
    const bench = this.#bench;
    const isFirst = this.scene === null;
    Object.assign(this, { scene, index: -1, isPaused: false, claim: null });
    if (isFirst) await this.#keepBefore();
    await bench.keeper.fresh(scene.title);
    const made = scene.disks.map((request) => ({ kind: 'new', request }) as const);
    if (!(await bench.attempt(`set up ‘${scene.title}’`, () => bench.remake(made, NO_SCRIPT))))
      return this.end();
    for (const [index, beat] of scene.beats.entries()) {
      if (run !== this.#run) return;
      this.index = index;
      this.claim = null;
      if (beat.line !== undefined) {
        this.isTyping = true;
        await type(beat.line);
        this.isTyping = false;
      }
      if (run !== this.#run) return;
      this.#look(beat.look);
      // Somebody may have taken away the disk that it is about.
      await bench.attempt('look at the figures', async () => {
        this.claim = (await beat.claim?.(this.#seen())) ?? null;
      });
      if (index < scene.beats.length - 1) await this.#pauseToRead();
    }
  }

  /** The bench from before makes room: it is kept as it is, and can come back. */
  async #keepBefore(): Promise<void> {
    const bench = this.#bench;
    const { keeper } = bench;
    if (bench.history.length === 1) return;
    await keeper.flush();
    const kept = keeper.savedAt === null ? null : keeper.id;
    const origins = bench.columns.flatMap(({ disk }) => disk.origin ?? []);
    const script = scriptOf(bench.history, bench.columns);
    bench.messages.say('note', 'Your bench made room for the demonstration. It can come back as it was.', {
      label: 'Bring my bench back',
      run: () => {
        this.end();
        bench.messages.clear();
        void bench.attempt('bring the bench back', () =>
          kept === null ? bench.remake(origins, script) : keeper.open(kept),
        );
      },
    });
  }

  #column(format: string): Column | undefined {
    return this.#bench.columns.find(({ disk: { origin } }) => {
      return origin?.kind === 'new' && origin.request.format === format;
    });
  }

  #look(look: Scene['beats'][number]['look']): void {
    const column = look === undefined ? undefined : this.#column(look.format);
    if (look === undefined || column === undefined) return;
    this.#bench.select(column);
    if (look.tab !== undefined) column.inspection.tab = look.tab;
    if (look.path !== undefined) column.inspection.selectFile(look.path);
  }

  #seen(): Seen {
    const existing = (format: string): Column => {
      const column = this.#column(format);
      if (column === undefined) throw new Error(`the bench has no ${format} any more`);
      return column;
    };
    return {
      step: (format) => {
        const { step } = existing(format).disk;
        if (step === null) throw new Error(`nothing has run on ${format} yet`);
        return step;
      },
      api: (format) => existing(format).disk.api,
      freeBytes: (format) => existing(format).disk.view?.volume?.freeBytes ?? 0,
    };
  }

  async #pauseToRead(): Promise<void> {
    const timer = setTimeout(() => {
      if (!this.isPaused) this.next();
    }, READING_MILLISECONDS);
    await new Promise<void>((resolve) => (this.#wake = resolve));
    clearTimeout(timer);
  }

  /** On to the next beat, at once. */
  next(): void {
    this.#wake?.();
    this.#wake = null;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
    this.next();
  }

  /** Somebody typed a line of their own. */
  takeOver(): void {
    if (this.scene !== null && !this.isTyping) this.pause();
  }

  /** The bench stays as it is; it is the viewer's now. */
  end(): void {
    this.#run += 1;
    this.scene = null;
    this.next();
  }
}
