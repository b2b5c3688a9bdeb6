import type { Container, EngineApi, ExportRequest, ExportView, TransferView } from '../../rpc/protocol.ts';
import { bytesInWords } from '../draw/words.ts';
import { sentenceOf } from './sentence.ts';

/** What the browser offers for writing a file piece by piece; not every browser does. */
/** File System Access: not in every browser, and not in TypeScript's picture of one. */
declare global {
  interface Window {
    readonly showSaveFilePicker?: SavePicker;
  }
}

export type SavePicker = (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;

export interface ContainerFacts {
  readonly container: Container;
  readonly name: string;
  readonly about: string;
}

export const CONTAINERS: readonly ContainerFacts[] = [
  {
    container: 'raw',
    name: 'Raw image (.img)',
    about: 'Byte for byte; every system and every tool reads it.',
  },
  { container: 'gzip', name: 'Packed image (.img.gz)', about: 'The raw image, packed with gzip.' },
  {
    container: 'dmg',
    name: 'Disk image of macOS (.dmg)',
    about: 'Packed and read-only; a double click mounts it.',
  },
  {
    container: 'vhd',
    name: 'Virtual hard disk (.vhd)',
    about: 'What Windows attaches; as large as the disk.',
  },
];

/** Above this a file is written straight to where the user wants it, where the browser can. */
const PICKER_BYTES_MIN = 2 ** 28;
/** Above this a file that is not packed is no download: it would be written twice, zeros and all. */
const DOWNLOAD_BYTES_MAX = 2 ** 32;
const POLL_MILLISECONDS = 120;

/** The export of one disk: what is chosen, what that gives, how far it is. */
export class ExportState {
  request = $state.raw<ExportRequest>({ container: 'raw', state: 'rest', isWrapped: false });
  view = $state.raw<ExportView | null>(null);
  problem = $state('');
  progress = $state.raw<TransferView | null>(null);
  isRunning = $state(false);
  readonly #api: EngineApi;
  readonly #picker: SavePicker | undefined;
  #asked = 0;

  constructor(api: EngineApi, picker: SavePicker | undefined) {
    this.#api = api;
    this.#picker = picker;
  }

  /** Why there is nothing to save; empty when there is. */
  readonly refusal = $derived.by(() => {
    const { view } = this;
    if (view === null) return '';
    if (view.refusal !== null) return `This cannot be: ${view.refusal}.`;
    if (view.isPacked || view.fileBytesMax <= DOWNLOAD_BYTES_MAX || this.#picker !== undefined) return '';
    const [size, content] = [view.fileBytesMax, view.contentBytes].map(bytesInWords);
    return `This browser would have to download ${size}, of which ${content} are contents and the rest zeros. Choose .dmg or .img.gz: zeros take next to nothing there.`;
  });

  readonly sizeInWords = $derived.by(() => {
    const { view } = this;
    if (view === null) return '';
    const size = bytesInWords(view.fileBytesMax);
    return view.isPacked ? `at most ${size}` : size;
  });

  async choose(change: Partial<ExportRequest>): Promise<void> {
    // Finder and Explorer look into partitions; a raw image of a volume is what checkers want.
    const isWrapped =
      change.container === undefined
        ? this.request.isWrapped
        : change.container === 'dmg' || change.container === 'vhd';
    this.request = { ...this.request, isWrapped, ...change };
    await this.refresh();
  }

  async refresh(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const view = await this.#api.exportView(this.request);
      if (asked !== this.#asked) return;
      this.view = view;
      this.problem = '';
    } catch (error) {
      if (asked === this.#asked) this.problem = sentenceOf(error);
    }
  }

  /** True when the file is there, or on its way as a download. */
  async save(download: (blob: Blob, fileName: string) => void): Promise<boolean> {
    const { view } = this;
    if (view === null || this.refusal !== '' || this.isRunning) return false;
    this.problem = '';
    this.isRunning = true;
    const polling = setInterval(() => void this.#poll(), POLL_MILLISECONDS);
    try {
      if (this.#picker !== undefined && view.fileBytesMax > PICKER_BYTES_MIN) {
        await this.#api.exportFile(this.request, await this.#picker({ suggestedName: view.fileName }));
      } else {
        const blob = await this.#api.exportFile(this.request);
        if (blob !== null) download(blob, view.fileName);
      }
      return true;
    } catch (error) {
      // Whoever closes the browser's own dialog knows it.
      if (!(error instanceof DOMException && error.name === 'AbortError')) this.problem = sentenceOf(error);
      return false;
    } finally {
      clearInterval(polling);
      this.isRunning = false;
      this.progress = null;
    }
  }

  async #poll(): Promise<void> {
    try {
      const progress = await this.#api.transfer();
      if (this.isRunning) this.progress = progress;
    } catch (error) {
      this.problem = sentenceOf(error);
    }
  }

  async cancel(): Promise<void> {
    await this.#api.stopTransfer();
  }
}
