import type {
  BlockView,
  DeletionView,
  EngineApi,
  FileDetailView,
  Label,
  WhyView,
} from '../../rpc/protocol.ts';
import { Answer } from './answer.svelte.ts';

export const TABS = ['Files', 'Structures', 'Bytes', 'Trace', 'Why', 'Compare'] as const;
export type Tab = (typeof TABS)[number] | 'Check' | 'Moments';

export interface ByteRange {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
}

const NO_RANGES = new Float64Array();

/**
 * The one selection: a block, bytes within it, the file they belong to, and the blocks that belong together with it.
 * Whoever selects calls one of the `select…` methods; every pane shows what is here.
 */
export class Inspection {
  #tab = $state<Tab>('Files');
  block = $state<number | null>(null);
  bytes = $state.raw<ByteRange | null>(null);
  path = $state<string | null>(null);
  /** Blocks outlined in the map: [first, count, …]. */
  ranges = $state.raw<Float64Array>(NO_RANGES);
  /** The ranges are a file's, in the order of its contents: the map draws a thread through them. */
  isThread = $state(false);
  /** Set by whoever opens the bytes by key: the hex grid takes the keyboard when it is there. */
  wantsKeyboard = $state(false);
  /** Grows when a pane should bring the selection into view. */
  revealed = $state(0);

  readonly blockView = new Answer<BlockView>();
  readonly file = new Answer<FileDetailView>();
  readonly why = new Answer<WhyView>();
  /** What deleting each snapshot would free. */
  readonly snapshots = new Answer<readonly DeletionView[]>();
  /** How exact the format is. */
  readonly labels = new Answer<readonly Label[]>();
  /** The checker's words about the bytes, after somebody edited them. */
  readonly verdict = new Answer<readonly string[]>();
  /** A trace line or a structure holds its own ranges; a block or a file brings those of its file. */
  #hasOwnRanges = false;
  /** What was chosen, a block or a file, for those who explain it. */
  #subject: number | string | null = null;
  /** The file whose block is shown because the file was selected: it keeps its name among those of its hard links. */
  #chosenPath: string | null = null;

  constructor(readonly api: EngineApi) {}

  get tab(): Tab {
    return this.#tab;
  }

  set tab(tab: Tab) {
    this.#tab = tab;
    if (tab === 'Why') this.#askWhy();
  }

  selectBlock(block: number, bytes: ByteRange | null = null): void {
    this.isThread = false;
    this.#subject = block;
    this.block = block;
    this.bytes = bytes;
    this.path = null;
    this.#chosenPath = null;
    this.ranges = NO_RANGES;
    this.#hasOwnRanges = false;
    this.file.forget();
    this.revealed += 1;
    this.refresh();
  }

  selectFile(path: string): void {
    this.isThread = false;
    this.#subject = path;
    this.path = path;
    this.#chosenPath = path;
    this.block = null;
    this.bytes = null;
    this.ranges = NO_RANGES;
    this.#hasOwnRanges = false;
    this.blockView.forget();
    this.revealed += 1;
    this.refresh();
  }

  /** Several blocks at once; the first of them is the block. */
  selectRanges(ranges: Float64Array, bytes: ByteRange | null = null): void {
    const first = ranges[0];
    if (first === undefined) return;
    this.selectBlock(first, bytes);
    this.ranges = ranges;
    this.#hasOwnRanges = true;
  }

  openBytes(): void {
    this.tab = 'Bytes';
    this.wantsKeyboard = true;
  }

  selectBytes(bytes: ByteRange | null): void {
    this.bytes = bytes;
  }

  clear(): void {
    this.isThread = false;
    this.#subject = null;
    this.block = null;
    this.#chosenPath = null;
    this.bytes = null;
    this.path = null;
    this.ranges = NO_RANGES;
    this.blockView.forget();
    this.file.forget();
    this.why.forget();
  }

  /** Ask again for what is selected: after each step and each seek. */
  refresh(): void {
    const { block, path } = this;
    if (block !== null) this.blockView.ask(() => this.#lookAt(block));
    else if (path !== null) this.file.ask(() => this.#lookInto(path));
    if (this.tab === 'Why') this.#askWhy();
    else this.why.forget();
  }

  /** What deleting frees is found by doing it on a copy: asked only while somebody looks. */
  #askWhy(): void {
    const subject = this.#subject;
    if (subject !== null) this.why.ask(() => this.api.why(subject));
    else this.why.forget();
    this.snapshots.ask(() => this.api.snapshotDeletions());
    this.labels.ask(() => this.api.labels());
  }

  /** Somebody edited bytes: what does the checker say? */
  askVerdict(isEdited: boolean): void {
    if (isEdited) this.verdict.ask(() => this.api.verdict());
    else this.verdict.forget();
  }

  async #lookAt(block: number): Promise<BlockView> {
    const view = await this.api.block(block);
    const { role, owner } = view.annotation;
    const isFile = (role === 'data' || role === 'directory') && owner.startsWith('/');
    const path = isFile && (await this.#isOfChosen(block, owner)) ? this.#chosenPath : owner;
    if (this.block === block) {
      this.path = isFile ? path : null;
      if (isFile && path !== null) this.file.ask(() => this.#lookInto(path));
      else this.file.forget();
    }
    return view;
  }

  /** Does the block that the disk calls `owner`'s belong to the chosen file as well: to another name of it? */
  async #isOfChosen(block: number, owner: string): Promise<boolean> {
    const chosen = this.#chosenPath;
    if (chosen === null || chosen === owner) return false;
    try {
      const ranges = this.#rangesOf(await this.api.file(chosen));
      return ranges.some(
        (first, at) => at % 2 === 0 && block >= first && block < first + (ranges[at + 1] ?? 0),
      );
    } catch {
      // It is gone, or was never there at this moment: then the disk has the word.
      return false;
    }
  }

  async #lookInto(path: string): Promise<FileDetailView> {
    const view = await this.api.file(path);
    const first = view.extentFirstBlocks[0];
    if (this.path === path) {
      if (!this.#hasOwnRanges) {
        this.ranges = this.#rangesOf(view);
        this.isThread = true;
      }
      if (this.block === null && first !== undefined) {
        this.block = first;
        this.blockView.ask(() => this.#lookAt(first));
      }
    }
    return view;
  }

  /** Bytes per block of the disk; known once a disk is there. */
  blockSizeBytes = 512;

  #rangesOf(view: FileDetailView): Float64Array {
    const ranges = new Float64Array(view.extents.length * 2);
    view.extents.forEach((extent, index) => {
      ranges[index * 2] = view.extentFirstBlocks[index] ?? 0;
      ranges[index * 2 + 1] = Math.max(1, Math.ceil(extent.lengthBytes / this.blockSizeBytes));
    });
    return ranges;
  }
}
