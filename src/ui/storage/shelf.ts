import type { Checkpoint, SavedBlocks, SavedChunk, SavedSession } from '../../rpc/protocol.ts';
import type { SavedNames } from '../state/bookmarks.svelte.ts';
import type { Origin } from '../state/disk.svelte.ts';
import { fromOldSave } from './old-save.ts';
import type { Change, Key, Row, Tables } from './tables.ts';

/**
 * The benches kept in this browser. A save puts down what changed, in one transaction: whenever the page ends, a bench
 * is there as it was before a save or after it. A line that ran is noted (`note`) before the prompt comes back and its
 * save comes; what is noted behind the last save runs again when the bench comes back, so that no line that ended is lost.
 *
 *     ['bench', id]                         BenchRecord
 *     ['line', id, number]                  BenchLineRecord, of the tree of lines
 *     ['note', id, number]                  Note
 *     ['origin', id, disk]                  Origin
 *     ['head', id, disk, 'first' or 'now']  the machine at the beginning; the head of the last checkpoint
 *     ['part', id, disk, number]            what a checkpoint adds: steps, lines, covers
 *     ['chunk', id, disk, 0 or 1, index]    blocks at the beginning (0) and now (1)
 */
export interface BenchRecord extends SavedNames {
  readonly version: typeof BENCH_VERSION;
  readonly id: string;
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  readonly savedAt: number;
  /** Keys of the disks, from left to right. */
  readonly disks: readonly string[];
  readonly now: { readonly number: number; readonly write?: number };
  /** Numbers of the lines on the way through `now` to its newest end. */
  readonly path: readonly number[];
  /** Notes before this number are part of the save, also where they are still there. */
  readonly notesBefore?: number;
  /** What was on show. */
  readonly panes: Panes;
}

export interface Panes {
  readonly disk: string;
  readonly tab: string;
  readonly block: number | null;
  readonly path: string | null;
}

export interface BenchLineRecord {
  readonly number: number;
  readonly parent: number;
  readonly line: string;
  readonly taken: readonly (readonly [string, TakenRecord])[];
}

export interface TakenRecord {
  readonly step: number;
  readonly typed: readonly (string | null)[];
  readonly isInterrupted: boolean;
}

/** What happened after the last save. */
export type Note =
  | {
      readonly kind: 'line';
      readonly text: string;
      readonly on: readonly { readonly key: string; readonly typed: readonly (string | null)[] }[];
    }
  | { readonly kind: 'move'; readonly now: BenchRecord['now'] };

export interface BenchSave {
  readonly record: BenchRecord;
  readonly disks: readonly {
    readonly key: string;
    readonly origin: Origin;
    readonly checkpoint: Checkpoint;
  }[];
  /** Lines that are new; `isAll`: in place of all others. */
  readonly lines: readonly BenchLineRecord[];
  readonly isAll: boolean;
}

export interface SavedDisk {
  readonly key: string;
  readonly origin: Origin;
  /** Null: only its origin is known; the lines have to run again. */
  readonly saved: SavedSession | null;
}

export interface SavedBench {
  readonly record: BenchRecord;
  readonly lines: readonly BenchLineRecord[];
  readonly disks: readonly SavedDisk[];
  readonly notes: readonly Note[];
  readonly nextNote: number;
}

/** One of another version can be kept, named, deleted and handed on, but not opened. */
export interface Listed {
  readonly id: string;
  readonly name: string;
  readonly savedAt: number;
  readonly isReadable: boolean;
}

export const BENCH_VERSION = 1;

type HeadRecord = Pick<SavedSession, 'number' | 'head'>;
type BeginningRecord = Omit<SavedSession['beginning'], 'blocks'>;

interface PartRecord extends Pick<Checkpoint, 'number' | 'steps' | 'lines' | 'visits'> {
  readonly covers: SavedBlocks['covers'];
  readonly firstCovers: SavedBlocks['covers'];
}

interface ChunkRecord extends SavedChunk {
  readonly number: number;
}

const DISKS_MAX = 6;
/** Of a chunk, in bytes: what removing covered ones counts by. */
const CHUNK_BYTES = 2 ** 18;
const TABLES = ['bench', 'line', 'note', 'origin', 'head', 'part', 'chunk'] as const;

export class Shelf {
  readonly #tables: Tables;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  // ── the list ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Newest first. */
  async list(): Promise<Listed[]> {
    await this.#migrate();
    const rows = await this.#tables.list(['bench']);
    const listed = rows.map(({ key, value }) => {
      const { name, savedAt, version } = value as Partial<BenchRecord>;
      return {
        id: String(key[1]),
        name: typeof name === 'string' ? name : 'Bench',
        savedAt: typeof savedAt === 'number' ? savedAt : 0,
        isReadable: version === BENCH_VERSION,
      };
    });
    return listed.sort((a, b) => b.savedAt - a.savedAt);
  }

  async rename(id: string, name: string): Promise<void> {
    const record = await this.#tables.get(['bench', id]);
    if (typeof record !== 'object' || record === null) return;
    await this.#tables.write([{ kind: 'put', key: ['bench', id], value: { ...record, name } }]);
  }

  async remove(id: string): Promise<void> {
    await this.#tables.write(TABLES.map((table) => ({ kind: 'remove', prefix: [table, id] })));
  }

  /** What the first version kept becomes a bench. */
  async #migrate(): Promise<void> {
    const changes = (await this.#tables.list(['old'])).flatMap(({ key, value }): Change[] => {
      const save = fromOldSave(value);
      // What nobody understands stays where it is.
      if (save === null) return [];
      const { record, origins, notes } = save;
      return [
        { kind: 'put', key: ['bench', record.id], value: record },
        ...origins.map(({ key: disk, origin }) => put(['origin', record.id, disk], origin)),
        ...notes.map((note, number) => put(['note', record.id, number], note)),
        { kind: 'remove', prefix: key },
      ];
    });
    if (changes.length > 0) await this.#tables.write(changes);
  }

  // ── keeping ───────────────────────────────────────────────────────────────────────────────────────────────────────

  async note(id: string, number: number, note: Note): Promise<void> {
    await this.#tables.write([put(['note', id, number], note)]);
  }

  async save({ record, disks, lines, isAll }: BenchSave, gone: readonly string[]): Promise<void> {
    const { id, notesBefore } = record;
    await this.#tables.write([
      ...gone.flatMap((disk) => removals(id, disk)),
      ...disks.flatMap(({ key, origin, checkpoint }) => changesOf(id, key, origin, checkpoint)),
      ...(isAll ? [{ kind: 'remove', prefix: ['line', id] } as const] : []),
      ...lines.map((line) => put(['line', id, line.number], line)),
      put(['bench', id], record),
    ]);
    await this.#tables.write([{ kind: 'remove', prefix: ['note', id], from: 0, to: notesBefore ?? 0 }]);
  }

  // ── bringing back ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Null: there is no such bench. Throws an Error with a sentence for one that cannot be opened here. */
  async load(id: string): Promise<SavedBench | null> {
    await this.#migrate();
    const record = (await this.#tables.get(['bench', id])) as BenchRecord | undefined;
    if (record === undefined) return null;
    if (record.version !== BENCH_VERSION) {
      throw new Error('it was saved by another version of Diskoscope; it stays here as it is');
    }
    if (!isWhole(record)) throw new Error('what was kept of it is damaged');
    const rows = async (table: string) => await this.#tables.list([table, id]);
    const values = async <T>(table: string) => (await rows(table)).map(({ value }) => value as T);
    const { notesBefore = 0 } = record;
    const notes = (await rows('note')).filter(({ key }) => Number(key[2]) >= notesBefore);
    return {
      record,
      lines: await values<BenchLineRecord>('line'),
      disks: await Promise.all(record.disks.map((key) => this.#disk(id, key))),
      notes: notes.map(({ value }) => value as Note),
      nextNote: notes.length === 0 ? notesBefore : Number(notes.at(-1)?.key[2]) + 1,
    };
  }

  async #disk(id: string, key: string): Promise<SavedDisk> {
    const origin = (await this.#tables.get(['origin', id, key])) as Origin | undefined;
    if (origin === undefined) throw new Error('a disk of it is missing');
    const now = (await this.#tables.get(['head', id, key, 'now'])) as HeadRecord | undefined;
    const beginning = (await this.#tables.get(['head', id, key, 'first'])) as BeginningRecord | undefined;
    if (now === undefined || beginning === undefined) return { key, origin, saved: null };
    const parts = (await this.#tables.list(['part', id, key])).map(({ value }) => value as PartRecord);
    const chunks = await this.#tables.list(['chunk', id, key]);
    return {
      key,
      origin,
      saved: {
        ...now,
        beginning: {
          ...beginning,
          blocks: {
            covers: parts[0]?.firstCovers ?? [],
            chunks: chunks.filter((row) => row.key[3] === 0).map(chunkOf),
          },
        },
        steps: parts.flatMap(({ steps }) => steps),
        lines: parts.flatMap(({ lines }) => lines),
        visits: parts.flatMap(({ visits }) => visits),
        blocks: inOrder(parts, chunks),
      },
    };
  }

  // ── whole benches ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Every row of a bench, for a file of it. */
  async rows(id: string): Promise<Row[]> {
    return (await Promise.all(TABLES.map((table) => this.#tables.list([table, id])))).flat();
  }

  /** Rows of another browser or another day become a bench of their own. */
  async add(rows: readonly Row[], id: string): Promise<void> {
    await this.#tables.write(
      rows.map(({ key: [table = '', , ...rest], value }) =>
        put([table, id, ...rest], table === 'bench' ? { ...(value as object), id } : value),
      ),
    );
  }

  async current(): Promise<string | null> {
    const id = await this.#tables.get(['current']);
    return typeof id === 'string' ? id : null;
  }

  async makeCurrent(id: string): Promise<void> {
    await this.#tables.write([put(['current'], id)]);
  }
}

/** A record may come from a file that anybody made. */
function isWhole({ disks, path, now, panes }: Partial<BenchRecord>): boolean {
  const hasDisks = Array.isArray(disks) && disks.length > 0 && disks.length <= DISKS_MAX;
  const isMoment = typeof now === 'object' && now !== null && Number.isSafeInteger(now.number);
  const hasPath = Array.isArray(path) && path.every((number) => Number.isSafeInteger(number));
  return (
    hasDisks &&
    disks.every((key) => typeof key === 'string') &&
    hasPath &&
    isMoment &&
    typeof panes === 'object' &&
    panes !== null
  );
}

const put = (key: Key, value: unknown): Change => ({ kind: 'put', key, value });

const removals = (id: string, disk: string): Change[] =>
  (['origin', 'head', 'part', 'chunk'] as const).map((table) => ({
    kind: 'remove',
    prefix: [table, id, disk],
  }));

function changesOf(id: string, disk: string, origin: Origin, checkpoint: Checkpoint): Change[] {
  const { number, head, beginning, steps, lines, visits, blocks } = checkpoint;
  const chunks = (set: 0 | 1, { chunks: all }: SavedBlocks): Change[] =>
    all.map((chunk) => put(['chunk', id, disk, set, chunk.index], { ...chunk, number }));
  const part: PartRecord = {
    ...{ number, steps, lines, visits },
    covers: blocks.covers,
    firstCovers: beginning?.blocks.covers ?? [],
  };
  const rest = put(['part', id, disk, number], part);
  if (beginning === null) {
    const hidden = blocks.covers.map((cover): Change => {
      const perChunk = CHUNK_BYTES / head.blockSizeBytes;
      const from = Math.ceil(cover.firstBlock / perChunk);
      const to = Math.max(from, Math.floor((cover.firstBlock + cover.blockCount) / perChunk));
      return { kind: 'remove', prefix: ['chunk', id, disk, 1], from, to };
    });
    return [...hidden, ...chunks(1, blocks), rest, put(['head', id, disk, 'now'], { number, head })];
  }
  const { machine, view } = beginning;
  return [
    ...removals(id, disk),
    put(['origin', id, disk], origin),
    put(['head', id, disk, 'first'], { machine, view }),
    put(['head', id, disk, 'now'], { number, head }),
    ...chunks(0, beginning.blocks),
    ...chunks(1, blocks),
    rest,
  ];
}

const chunkOf = ({ value }: Row): SavedChunk => value as ChunkRecord;

/** What each save put on the disk, oldest first: later ones hide earlier ones. */
function inOrder(parts: readonly PartRecord[], chunks: readonly Row[]): SavedBlocks[] {
  const byNumber = new Map<number, SavedChunk[]>();
  for (const row of chunks) {
    const { number } = row.value as ChunkRecord;
    if (row.key[3] === 1) byNumber.set(number, [...(byNumber.get(number) ?? []), chunkOf(row)]);
  }
  return parts.map(({ number, covers }) => ({ covers, chunks: byNumber.get(number) ?? [] }));
}
