import { decodeLink, encodeLink, hasLink, LINK_CHARACTERS_MAX } from '../storage/link.ts';
import { dropSave, IMAGE_BYTES_MAX, readSave, writeSave } from '../storage/saves.ts';
import type { Bench } from './bench.svelte.ts';
import { scriptOf } from './bench-script.ts';
import type { Origin } from './disk.svelte.ts';
import { markNow } from './mark-now.ts';
import { sentenceOf } from './sentence.ts';

const SAVE_DELAY_MILLISECONDS = 400;

/** Keeps the bench in this browser and puts it into links. */
export class Keeper {
  savedAt = $state<number | null>(null);
  readonly #bench: Bench;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #hasStorage = true;
  #quietCount = 0;

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  isTooLarge = (file: File): boolean => file.size > IMAGE_BYTES_MAX;

  /** Nothing is kept on the way: half a replay must not take the place of the whole session. */
  async quietly(task: () => Promise<void>): Promise<void> {
    this.#quietCount += 1;
    try {
      await task();
    } finally {
      this.#quietCount -= 1;
    }
  }

  /** The lines that ran again; null: there is no link, or none that can be opened. */
  async fromLink(hash: string): Promise<string[] | null> {
    if (!hasLink(hash)) return null;
    try {
      const { disks, lines } = decodeLink(hash);
      await this.#bench.remake(
        disks.map((request) => ({ kind: 'new', request })),
        { lines, shown: lines.length },
      );
      return lines.map(({ text }) => text);
    } catch (error) {
      this.#bench.messages.say('bad', `The link in the address cannot be opened: ${sentenceOf(error)}.`);
      return null;
    }
  }

  /** Null: nothing was kept, or it cannot be brought back. */
  async fromSave(): Promise<string[] | null> {
    const save = await this.#lastSave();
    if (save === null) return null;
    try {
      markNow('bench restoring');
      await this.#bench.remake(save.disks, save.script);
      markNow('bench restored');
      this.savedAt = save.savedAt;
      return save.script.lines.map(({ text }) => text);
    } catch (error) {
      this.#bench.messages.fail('bring back the last bench', error);
      return null;
    }
  }

  async share(): Promise<void> {
    const { columns, history, messages } = this.#bench;
    const origins = columns.flatMap(({ disk }) => disk.origin ?? []);
    if (origins.some(({ kind }) => kind === 'image')) {
      messages.say('note', 'A link cannot carry an image file. Download the image and hand that on.');
      return;
    }
    const { lines, shown } = scriptOf(history, columns);
    const disks = origins.flatMap((origin) => (origin.kind === 'new' ? origin.request : []));
    const hash = encodeLink({ disks, lines: lines.slice(0, shown) });
    if (hash.length > LINK_CHARACTERS_MAX) {
      messages.say('note', 'This bench is too long for a link. Download the images and hand those on.');
      return;
    }
    window.history.replaceState(null, '', hash);
    try {
      await navigator.clipboard.writeText(location.href);
      messages.say('good', 'The link is copied: it makes these disks again and runs the lines typed so far.');
    } catch {
      // Some browsers and frames refuse the clipboard; the address bar holds the link all the same.
      messages.say(
        'good',
        'The address bar now holds the link: it makes these disks again and runs the lines typed.',
      );
    }
  }

  /** Soon, and once for many changes in a row. */
  save(): void {
    if (this.#quietCount > 0) return;
    // A link says what was, not what is: from the first change on, a reload brings back the bench itself.
    if (hasLink(location.hash)) window.history.replaceState(null, '', location.pathname + location.search);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#saveNow(), SAVE_DELAY_MILLISECONDS);
  }

  async #saveNow(): Promise<void> {
    const { columns, history } = this.#bench;
    const disks = columns.flatMap(({ disk }) => disk.origin ?? []);
    if (disks.length < columns.length || !this.#hasStorage) return;
    const savedAt = Date.now();
    try {
      if (disks.some((origin) => origin.kind === 'image' && this.isTooLarge(origin.file))) await dropSave();
      else {
        await writeSave({
          disks: $state.snapshot(disks) as Origin[],
          script: scriptOf(history, columns),
          savedAt,
        });
        this.savedAt = savedAt;
      }
    } catch (error) {
      this.#noStorage(error);
    }
  }

  async #lastSave() {
    try {
      return await readSave();
    } catch (error) {
      this.#noStorage(error);
      return null;
    }
  }

  #noStorage(error: unknown): void {
    this.#hasStorage = false;
    this.#bench.messages.say(
      'note',
      `This browser keeps nothing (${sentenceOf(error)}). Everything works; download the image to keep it.`,
    );
  }
}
