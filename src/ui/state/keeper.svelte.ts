import { decodeBench, encodeBench, FILE_BYTES_MAX } from '../storage/bench-file.ts';
import { download, fileNameOf } from '../storage/download.ts';
import { Lease } from '../storage/lease.ts';
import { decodeLink, encodeLink, hasLink, LINK_CHARACTERS_MAX } from '../storage/link.ts';
import { Shelf } from '../storage/shelf.ts';
import type { Listed, Note } from '../storage/shelf.ts';
import { BrowserTables } from '../storage/tables.ts';
import { othersThan, sharedOf, showPanes } from './bench-link.ts';
import { gather } from './bench-save.ts';
import type { Kept } from './bench-save.ts';
import type { BenchMoment, Taken } from './bench-history.svelte.ts';
import type { Bench } from './bench.svelte.ts';
import { markNow } from './mark-now.ts';
import { sentenceOf } from './sentence.ts';

const SAVE_DELAY_MILLISECONDS = 300;
/** No prompt waits longer for a storage. */
const NOTE_WAIT_MILLISECONDS_MAX = 1000;
/** Larger images are not kept: storage in a browser is the user's, and is small. */
const IMAGE_BYTES_MAX = 256 * 2 ** 20;
export const NAME_CHARACTERS_MAX = 80;

/**
 * Keeps the bench in this browser, under its name beside others, and puts it into links and files. Nothing waits for
 * it, and whatever the storage says, work goes on.
 */
export class Keeper {
  savedAt = $state<number | null>(null);
  /** Another tab writes this bench: here it can only be looked at. */
  isReadOnly = $state(false);
  name = $state('');
  readonly #bench: Bench;
  readonly #shelf: Shelf;
  readonly #lease: Lease;
  #kept: Kept = nothingKept();
  #nextNote = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #saving: Promise<void> | null = null;
  #isFailing = false;
  #quietCount = 0;

  constructor(bench: Bench, shelf?: Shelf, lease?: Lease) {
    this.#bench = bench;
    this.#shelf = shelf ?? new Shelf(new BrowserTables());
    this.#lease = lease ?? new Lease(typeof navigator === 'undefined' ? null : (navigator.locks ?? null));
  }

  get id(): string {
    return this.#kept.id;
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

  // ── which bench ───────────────────────────────────────────────────────────────────────────────────────────────────

  list = (): Promise<Listed[]> => this.#shelf.list();

  /** What is on the bench from here on is another one, which is kept from its first change on. */
  async fresh(name = ''): Promise<void> {
    await this.flush();
    this.#kept = { ...nothingKept(), name };
    this.name = name;
    this.#nextNote = 0;
    this.savedAt = null;
    this.isReadOnly = false;
    await this.#lease.take(this.#kept.id, () => {});
  }

  /** Rejects with a sentence when it cannot be opened; then it stays where it is. */
  async open(id: string): Promise<readonly string[]> {
    await this.flush();
    return this.#load(id, await this.#lease.take(id, () => void this.#takeOver(id)));
  }

  async #load(id: string, mine: boolean): Promise<readonly string[]> {
    const saved = await this.#shelf.load(id);
    if (saved === null) throw new Error('there is no such bench any more');
    const { record, lines, disks, notes, nextNote } = saved;
    this.#kept = { ...nothingKept(), id, name: record.name, createdAt: record.createdAt };
    this.name = record.name;
    this.#nextNote = nextNote;
    this.isReadOnly = !mine;
    if (mine) await this.#shelf.makeCurrent(id);
    await this.#bench.bringBack(saved);
    const { history, columns } = this.#bench;
    this.#kept.disks = disks.map(({ key }) => key);
    for (const [at, { saved: before }] of disks.entries()) {
      const origin = columns[at]?.disk.origin ?? null;
      if (origin !== null && before !== null) this.#kept.checkpoints.set(origin, before.number);
    }
    this.#kept.generation = notes.length === 0 ? history.generation : -1;
    this.#kept.lineCount = lines.length + 1;
    this.savedAt = record.savedAt;
    if (this.isReadOnly) this.#bench.messages.say('note', READ_ONLY);
    else if (notes.length > 0) this.save();
    return history.path.map((number) => history.step(number)?.line ?? '');
  }

  async #takeOver(id: string): Promise<void> {
    if (this.id !== id) return;
    await this.#bench.attempt('bring the bench up to date', async () => {
      await this.#load(id, true);
      this.#bench.messages.clear();
      this.#bench.messages.say(
        'good',
        'The other tab let go of this bench: from here on this one writes it.',
      );
    });
  }

  async rename(id: string, name: string): Promise<void> {
    await this.#shelf.rename(id, name);
    if (id !== this.id) return;
    this.#kept = { ...this.#kept, name };
    this.name = name;
  }

  async remove(id: string): Promise<void> {
    await this.#shelf.remove(id);
  }

  // ── beginning ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The lines that ran again; null: there is no link, or none that can be opened. */
  async fromLink(hash: string): Promise<readonly string[] | null> {
    if (!hasLink(hash)) return null;
    const { messages, history } = this.#bench;
    try {
      const { disks, lines, write, panes, hashes, bookmarks } = decodeLink(hash);
      await this.fresh('From a link');
      await this.#bench.remake(
        disks.map((request) => ({ kind: 'new', request })),
        { lines, shown: lines.length },
      );
      this.#bench.bookmarks.load(
        {
          bookmarks: bookmarks.map(({ name, line: number, write: access }) => ({
            ...{ name, moment: access === null ? { number } : { number, write: access } },
          })),
        },
        history.length - 1,
      );
      if (write !== null) {
        await this.quietly(() => this.#bench.seek({ number: history.now.number, write }));
      }
      if (panes !== null) showPanes(this.#bench, panes, this.#bench.columns[panes.disk]);
      const others = await othersThan(this.#bench, hashes);
      if (others.length > 0) {
        const names = others.map(({ name }) => name).join(', ');
        messages.say(
          'note',
          `${names}: not the bytes that the link was made of. Another version wrote them.`,
        );
      }
      return lines.map(({ text }) => text);
    } catch (error) {
      messages.say('bad', `The link in the address cannot be opened: ${sentenceOf(error)}.`);
      return null;
    }
  }

  /** Null: nothing was kept, or it cannot be brought back. */
  async fromSave(): Promise<readonly string[] | null> {
    let id: string | undefined;
    try {
      id = (await this.#shelf.current()) ?? undefined;
      const listed = await this.list();
      if (!listed.some((each) => each.id === id && each.isReadable))
        id = listed.find(({ isReadable }) => isReadable)?.id;
    } catch (error) {
      this.#noStorage(error);
      return null;
    }
    if (id === undefined) return null;
    try {
      markNow('bench restoring');
      const lines = await this.open(id);
      markNow('bench restored');
      return lines;
    } catch (error) {
      this.#bench.messages.fail('bring back the last bench', error);
      return null;
    }
  }

  // ── keeping ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * A line ran. It is noted at once, so that it is there whatever happens before the save; the first one is saved.
   * Resolves when that is kept, or when the storage takes too long to be waited for.
   */
  async ran(line: string, taken: ReadonlyMap<string, Taken>): Promise<void> {
    const on = [...taken].map(([key, { typed }]) => ({ key, typed }));
    const isInterrupted = [...taken.values()].some((each) => each.isInterrupted);
    const isFirst = this.savedAt === null;
    const noted = isInterrupted ? null : this.#note({ kind: 'line', text: line, on });
    this.save();
    const enough = new Promise<void>((resolve) => setTimeout(resolve, NOTE_WAIT_MILLISECONDS_MAX));
    await Promise.race([isFirst ? this.flush() : noted, enough]);
  }

  moved(now: BenchMoment): void {
    void this.#note({ kind: 'move', now });
    this.save();
  }

  async #note(note: Note): Promise<void> {
    // Before the first save there is nothing to stand behind.
    if (!this.#isKeeping || this.savedAt === null) return;
    const number = this.#nextNote++;
    await this.#shelf.note(this.id, number, note).catch((error: unknown) => this.#noStorage(error));
  }

  get #isKeeping(): boolean {
    if (this.#quietCount > 0 || this.isReadOnly) return false;
    return this.#bench.columns.every(
      ({ disk: { origin } }) => origin?.kind !== 'image' || !this.isTooLarge(origin.file),
    );
  }

  /** Soon, and once for many changes in a row. */
  save(): void {
    if (!this.#isKeeping) return;
    const isFirst = this.savedAt === null;
    if (!isFirst) leaveLink();
    this.#timer ??= setTimeout(() => void this.flush(), isFirst ? 0 : SAVE_DELAY_MILLISECONDS);
  }

  /** What is waiting to be saved, now. */
  async flush(): Promise<void> {
    while (this.#saving !== null) await this.#saving;
    if (this.#timer === null) return;
    clearTimeout(this.#timer);
    this.#timer = null;
    this.#saving = this.#saveNow().finally(() => (this.#saving = null));
    await this.#saving;
  }

  async #saveNow(): Promise<void> {
    const kept = this.#kept;
    try {
      if (kept.name === '') await this.#giveName();
      const gathered = await gather(this.#bench, this.#kept, () => this.#nextNote);
      if (gathered === null || this.#kept.id !== kept.id) return this.save();
      const { save, gone, confirm } = gathered;
      await this.#shelf.save(save, gone);
      confirm();
      if (this.savedAt === null) {
        await this.#shelf.makeCurrent(kept.id);
        // Asked quietly: whatever the browser answers, the bench is kept as long as it can be.
        void navigator.storage?.persist?.().catch(() => false);
        leaveLink();
      }
      this.savedAt = save.record.savedAt;
      this.#isFailing = false;
    } catch (error) {
      // A command began meanwhile; another save follows it.
      if ((error as { code?: unknown }).code === 'EBUSY') this.save();
      else this.#noStorage(error);
    }
  }

  async #giveName(): Promise<void> {
    const { length } = await this.list();
    this.#kept = { ...this.#kept, name: `Bench ${length + 1}` };
    this.name = this.#kept.name;
  }

  #noStorage(error: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const isFull = error instanceof DOMException && error.name === 'QuotaExceededError';
    const why = isFull
      ? 'There is no room left for this bench in this browser: delete a bench you no longer need'
      : `This browser keeps nothing (${sentenceOf(error)})`;
    this.#bench.messages.say('note', `${why}. Everything works; export the bench to a file to keep it.`);
  }

  // ── handing on ────────────────────────────────────────────────────────────────────────────────────────────────────

  async share(): Promise<void> {
    const { messages } = this.#bench;
    await this.flush();
    const shared = await sharedOf(this.#bench);
    const hash = typeof shared === 'string' ? '' : encodeLink(shared);
    if (typeof shared === 'string' || hash.length > LINK_CHARACTERS_MAX) {
      const why = typeof shared === 'string' ? shared : 'this bench is too long for a link';
      await this.export();
      messages.say('note', `A file of the bench takes the place of a link: ${why}.`);
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

  /** The whole bench, every branch of it, as a file. */
  async export(id: string = this.id): Promise<void> {
    await this.#bench.attempt('export the bench', async () => {
      if (id === this.id && !this.isReadOnly) {
        this.save();
        await this.flush();
      }
      const rows = await this.#shelf.rows(id);
      if (!rows.some(({ key }) => key[0] === 'bench')) {
        throw new Error('it is not kept in this browser; download the images of its disks instead');
      }
      const type = 'application/octet-stream';
      download(new Blob([await encodeBench(rows)], { type }), fileNameOf(this.name, 'diskoscope'));
    });
  }

  /** A bench of its own, whatever else is kept here; it is opened. Rejects with a sentence. */
  async import(file: File): Promise<readonly string[]> {
    if (file.size > FILE_BYTES_MAX) throw new Error('it is larger than any bench made here');
    const rows = decodeBench(new Uint8Array(await file.arrayBuffer()));
    const id = newId();
    await this.#shelf.add(rows, id);
    return this.open(id);
  }
}

const READ_ONLY =
  'This bench is open in another tab, which writes it. Here you can look at it and go through its history; close the other tab to type.';

/** A link says what was, not what is: once the bench is kept, a reload brings back the bench itself. */
function leaveLink(): void {
  if (hasLink(location.hash)) window.history.replaceState(null, '', location.pathname + location.search);
}

const newId = (): string => `${Date.now().toString(36)}-${Math.floor(Math.random() * 2 ** 40).toString(36)}`;

const nothingKept = (): Kept => ({
  ...{ id: newId(), name: '', createdAt: Date.now(), checkpoints: new WeakMap() },
  ...{ generation: -1, lineCount: 1, disks: [] },
});
