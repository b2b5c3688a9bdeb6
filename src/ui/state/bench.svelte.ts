import type { EngineApi, NewDiskRequest, Role, SessionOptions } from '../../rpc/protocol.ts';
import { ROLES } from '../../rpc/protocol.ts';
import { bytesInWords, visible } from '../draw/words.ts';
import { decodeLink, encodeLink, hasLink, LINK_CHARACTERS_MAX } from '../storage/link.ts';
import { dropSave, IMAGE_BYTES_MAX, readSave, writeSave } from '../storage/saves.ts';
import type { Machine } from '../terminal/controller.ts';
import { DiskState } from './disk.svelte.ts';
import type { Origin } from './disk.svelte.ts';
import { Inspection } from './inspection.svelte.ts';
import { MapState } from './map.svelte.ts';
import { Messages } from './messages.svelte.ts';
import { FIRST_DISK } from './samples.ts';
import { NO_SCRIPT } from './typed-line.ts';
import type { Script, TypedLine } from './typed-line.ts';
import { sentenceOf } from './sentence.ts';
import { Theme } from './theme.svelte.ts';

/** A worker with an engine in it. */
export interface EngineHandle {
  readonly api: EngineApi;
  /** Resolves with a sentence when the worker is dead. */
  readonly died: Promise<string>;
  stop(): void;
}

class Refusal extends Error {
  override readonly name = 'Refusal';
}

/** One disk with its worker and what is looked at of it. More of these make a bench of several columns. */
export class Column {
  readonly disk: DiskState;
  readonly map: MapState;
  readonly inspection: Inspection;

  constructor(readonly engine: EngineHandle) {
    this.disk = new DiskState(engine.api);
    this.map = new MapState(this.disk);
    this.inspection = new Inspection(engine.api);
  }
}

/** Errors by these names are what the user or the disk did. */
const SENTENCES: ReadonlySet<string> = new Set(['FsError', 'Refusal']);

const SAVE_DELAY_MILLISECONDS = 400;

/** The whole page: its column, what it has to say, what is kept. Every action a button or key has ends here. */
export class Bench implements Machine {
  column = $state.raw<Column>() as Column;
  shownRoles = $state.raw<ReadonlySet<Role>>(new Set(ROLES));
  savedAt = $state<number | null>(null);
  isDead = $state(false);
  readonly messages = new Messages();
  readonly theme = new Theme();
  readonly #start: () => EngineHandle;
  #saveTimer: ReturnType<typeof setTimeout> | null = null;
  #hasStorage = true;
  #columns = 80;
  #quietCount = 0;

  constructor(start: () => EngineHandle) {
    this.#start = start;
    this.column = this.#newColumn();
  }

  get disk(): DiskState {
    return this.column.disk;
  }

  get options(): SessionOptions {
    const { origin } = this.disk;
    const { seed, profile, policy, overwritesInPlace } =
      origin === null ? FIRST_DISK : origin.kind === 'new' ? origin.request : origin.options;
    return { seed, profile, policy, ...(overwritesInPlace === undefined ? {} : { overwritesInPlace }) };
  }

  // ── beginning ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What the address asks for, else the last session, else the sample disk. Returns the lines replayed. */
  async begin(hash: string): Promise<readonly TypedLine[]> {
    const script = (await this.#fromLink(hash)) ?? (await this.#fromSave());
    if (script !== null) return script.lines;
    await this.#attempt('make the sample disk', () =>
      this.#remake({ kind: 'new', request: FIRST_DISK }, NO_SCRIPT),
    );
    return [];
  }

  /** Null: there is no link, or none that can be opened. */
  async #fromLink(hash: string): Promise<Script | null> {
    if (!hasLink(hash)) return null;
    try {
      const { request, lines } = decodeLink(hash);
      const script = { lines, shown: lines.length };
      await this.#remake({ kind: 'new', request }, script);
      return script;
    } catch (error) {
      const why = sentenceOf(error);
      this.messages.say('bad', `The link in the address cannot be opened: ${why}.`);
      return null;
    }
  }

  /** Null: nothing was kept, or it cannot be brought back. */
  async #fromSave(): Promise<Script | null> {
    const save = await this.#lastSave();
    if (save === null) return null;
    try {
      await this.#remake(save.origin, save.script);
      this.savedAt = save.savedAt;
      return save.script;
    } catch (error) {
      this.messages.fail('bring back the last session', error);
      return null;
    }
  }

  async #remake(origin: Origin, script: Script): Promise<void> {
    const { disk, inspection, map } = this.column;
    await this.#quietly(async () => {
      if (origin.kind === 'new') await disk.create(origin.request);
      else await disk.open(origin.file, origin.options);
      inspection.blockSizeBytes = disk.view?.blockSizeBytes ?? 512;
      inspection.clear();
      map.fit();
      await disk.replay(script);
    });
  }

  /** Nothing is kept on the way: half a replay must not take the place of the whole session. */
  async #quietly(task: () => Promise<void>): Promise<void> {
    this.#quietCount += 1;
    try {
      await task();
    } finally {
      this.#quietCount -= 1;
    }
  }

  #newColumn(): Column {
    const column = new Column(this.#start());
    column.disk.onchange = () => this.save();
    void column.engine.died.then((sentence) => {
      if (this.column !== column) return;
      this.isDead = true;
      this.messages.say('bad', `${sentence} Restart it, and the disk is made again from the lines typed.`, {
        label: 'Restart the engine',
        run: () => void this.restart(),
      });
    });
    return column;
  }

  /** A new worker, and the same disk in it. */
  async restart(): Promise<void> {
    const { origin } = this.disk;
    const script = this.disk.script();
    this.column.engine.stop();
    this.column = this.#newColumn();
    this.resize(this.#columns);
    this.isDead = false;
    this.messages.clear();
    await this.#attempt('make the disk again', () =>
      this.#remake(origin ?? { kind: 'new', request: FIRST_DISK }, origin === null ? NO_SCRIPT : script),
    );
  }

  // ── disks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Rejects with the engine's sentence: the form shows it. */
  async makeDisk(request: NewDiskRequest): Promise<void> {
    await this.#replaceDisk({ kind: 'new', request });
  }

  async openFile(file: File): Promise<void> {
    await this.#attempt(`open ${visible(file.name)}`, async () => {
      if (file.size === 0) throw new Refusal('the file is empty; choose a disk image');
      await this.#replaceDisk({ kind: 'image', file, options: this.options });
      if (file.size > IMAGE_BYTES_MAX) {
        const size = bytesInWords(file.size);
        this.messages.say(
          'note',
          `${visible(file.name)} (${size}) is too large to be kept in this browser: download it to keep what you change.`,
        );
      }
    });
  }

  async #replaceDisk(origin: Origin): Promise<void> {
    const before = this.disk.origin;
    const script = this.disk.script();
    await this.#remake(origin, NO_SCRIPT);
    this.save();
    if (before !== null && script.lines.length > 0) {
      this.messages.say('note', 'The disk from before made room. It can come back as it was.', {
        label: 'Bring it back',
        run: () => {
          this.messages.clear();
          void this.#attempt('bring the disk back', async () => {
            await this.#remake(before, script);
            this.save();
          });
        },
      });
    }
  }

  /** Another device or commit policy: the same lines run on it anew. */
  async setOptions(options: Partial<SessionOptions>): Promise<void> {
    const script = this.disk.script();
    await this.#attempt('change the device', async () => {
      await this.#quietly(() => this.disk.remake(options, script));
      this.save();
    });
  }

  async download(): Promise<void> {
    await this.#attempt('download the image', async () => {
      const blob = await this.disk.download();
      const name = (this.disk.view?.volume?.label || this.disk.view?.name || 'disk').replace(
        /[^\w.-]+/g,
        '-',
      );
      const link = document.createElement('a');
      link.href = URL.createObjectURL(blob);
      link.download = /\.(img|dmg|iso|raw|bin)$/i.test(name) ? name : `${name}.img`;
      link.click();
      // The browser reads the blob after the click; a minute is ample.
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    });
  }

  async check(): Promise<void> {
    await this.#attempt('check the volume', async () => {
      await this.disk.check();
      this.column.inspection.tab = 'Check';
    });
  }

  async share(): Promise<void> {
    const { origin } = this.disk;
    if (origin === null) return;
    if (origin.kind === 'image') {
      this.messages.say('note', 'A link cannot carry an image file. Download the image and hand that on.');
      return;
    }
    const hash = encodeLink({ request: origin.request, lines: this.disk.linesSoFar() });
    if (hash.length > LINK_CHARACTERS_MAX) {
      this.messages.say('note', 'This session is too long for a link. Download the image and hand that on.');
      return;
    }
    history.replaceState(null, '', hash);
    try {
      await navigator.clipboard.writeText(location.href);
      this.messages.say(
        'good',
        'The link is copied: it makes this disk again and runs the lines typed so far.',
      );
    } catch {
      // Some browsers and frames refuse the clipboard; the address bar holds the link all the same.
      this.messages.say(
        'good',
        'The address bar now holds the link: it makes this disk again and runs the lines typed.',
      );
    }
  }

  // ── the terminal's machine ────────────────────────────────────────────────────────────────────────────────────────

  async run(text: string, onOutput: Parameters<DiskState['run']>[1]) {
    try {
      const { isComplete, unread } = await this.disk.run(text, onOutput);
      return { isComplete, unread };
    } catch (error) {
      this.#report(`run ${text}`, error);
      return { isComplete: true, unread: '' };
    }
  }

  type = (text: string | null): Promise<boolean> => this.disk.type(text).catch(() => false);
  interrupt = (): Promise<void> => this.disk.api.interrupt().catch(() => {});
  complete = (text: string) => this.disk.api.complete(text).catch(() => ({ words: [], replaceLength: 0 }));

  resize(columns: number): void {
    this.#columns = columns;
    void this.disk.api.resize(columns).catch(() => {});
  }

  prompt(): string {
    const { view, cwd } = this.disk;
    const mount = view?.volume?.mountPoint ?? '/';
    const inside = cwd === mount ? '/' : cwd.startsWith(`${mount}/`) ? cwd.slice(mount.length) : cwd;
    return `${visible(view?.volume?.label || view?.name || 'disk')} ${visible(inside)} % `;
  }

  // ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  async undo(): Promise<void> {
    await this.#attempt('undo', () => this.disk.undo());
  }

  async redo(): Promise<void> {
    await this.#attempt('redo', () => this.disk.redo());
  }

  // ── keeping ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Soon, and once for many changes in a row. */
  save(): void {
    if (this.#quietCount > 0) return;
    // A link says what was, not what is: from the first change on, a reload brings back the session itself.
    if (hasLink(location.hash)) history.replaceState(null, '', location.pathname + location.search);
    if (this.#saveTimer !== null) clearTimeout(this.#saveTimer);
    this.#saveTimer = setTimeout(() => void this.#saveNow(), SAVE_DELAY_MILLISECONDS);
  }

  async #saveNow(): Promise<void> {
    const { origin } = this.disk;
    if (origin === null || !this.#hasStorage) return;
    const savedAt = Date.now();
    try {
      if (origin.kind === 'image' && origin.file.size > IMAGE_BYTES_MAX) await dropSave();
      else {
        await writeSave({
          origin: $state.snapshot(origin) as Origin,
          script: this.disk.script(),
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
    const why = sentenceOf(error);
    this.messages.say(
      'note',
      `This browser keeps nothing (${why}). Everything works; download the image to keep it.`,
    );
  }

  async #attempt(what: string, task: () => Promise<unknown>): Promise<void> {
    try {
      await task();
    } catch (error) {
      this.#report(what, error);
    }
  }

  /** A bug of the engine leaves it closed to everything: then the way on is a new one. */
  #report(what: string, error: unknown): void {
    if (this.isDead) return;
    const isBug = !(error instanceof Error) || !SENTENCES.has(error.name);
    const action = isBug ? { label: 'Restart the engine', run: () => void this.restart() } : null;
    this.messages.fail(what, error, action);
  }
}
