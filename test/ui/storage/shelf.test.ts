import { deflateSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { DEFAULT_SETTINGS } from '../../../src/engine/session/settings.ts';
import { Session } from '../../../src/engine/session/session.ts';
import { decodeBench, encodeBench } from '../../../src/ui/storage/bench-file.ts';
import { Lease } from '../../../src/ui/storage/lease.ts';
import type { Locks } from '../../../src/ui/storage/lease.ts';
import { unpressed } from '../../../src/ui/storage/pressed.ts';
import { Shelf } from '../../../src/ui/storage/shelf.ts';
import type { BenchRecord, Note } from '../../../src/ui/storage/shelf.ts';
import type { Origin } from '../../../src/ui/state/disk.svelte.ts';
import { bench, benchOf } from '../../engine/session/bench.ts';
import type { Bench } from '../../engine/session/bench.ts';
import { MemoryTables } from '../../support/memory-tables.ts';

/**
 * Goal: what a storage keeps of a bench is enough to bring it back byte for byte, in this browser and out of a file,
 * and nothing that is kept is ever lost to a failed save, another version or a stranger's file. Method: real sessions,
 * tables in memory.
 */
const ORIGIN: Origin = {
  kind: 'new',
  request: {
    ...{ format: 'fat32', sizeBytes: 2 ** 26, label: 'BENCH', scheme: 'none', settings: {}, startLines: [] },
    ...{ seed: DEFAULT_SETTINGS.seed, profile: 'nvme', policy: 'each' },
  },
};
const record = (change: Partial<BenchRecord> = {}): BenchRecord => ({
  ...{ version: 1, id: 'b1', name: 'Mine', createdAt: 1, savedAt: 2, disks: ['disk-1'] },
  ...{ now: { number: 0 }, path: [], panes: { disk: 'disk-1', tab: 'Files', block: null, path: null } },
  ...change,
});
const LINES = [
  'mkdir d; echo one > d/a',
  'dd if=/dev/urandom of=n bs=1k count=99 status=none',
  'mkfile 300k z',
  'rm n',
];

/** Saves as a page does: only what changed since the last save that was kept. */
class Page {
  after: number | null = null;

  constructor(
    readonly shelf: Shelf,
    readonly disk: Bench,
  ) {}

  async save(change: Partial<BenchRecord> = {}): Promise<void> {
    const checkpoint = this.disk.session.checkpoint(this.after);
    const disks = [{ key: 'disk-1', origin: ORIGIN, checkpoint }];
    const whole = { record: record(change), disks, lines: [], isAll: false };
    await this.shelf.save(structuredClone(whole), []);
    this.after = checkpoint.number;
  }
}

async function backFrom(shelf: Shelf, id = 'b1'): Promise<Bench> {
  const saved = (await shelf.load(id))?.disks[0]?.saved;
  if (saved == null) throw new Error('nothing was kept');
  const back = benchOf((onOutput) => Session.restore(saved, null, onOutput));
  back.session.seek(saved.head.now);
  return back;
}

const said = ({ session }: Bench) => [session.imageHash(), session.timeline(), session.directory];

describe('a shelf', () => {
  test('keeps a bench after every line, through failed saves, and gives it back as it was', async () => {
    const tables = new MemoryTables();
    const shelf = new Shelf(tables);
    const page = new Page(shelf, bench());
    for (const [at, line] of LINES.entries()) {
      page.disk.run(line);
      if (at === 2) {
        tables.refusal = new DOMException('full', 'QuotaExceededError');
        await expect(page.save()).rejects.toThrow('full');
        tables.refusal = null;
        continue;
      }
      await page.save();
      expect(said(await backFrom(shelf))).toEqual(said(page.disk));
    }
    page.disk.session.seek({ step: 1, write: 1 });
    await page.save();
    expect(said(await backFrom(shelf))).toEqual(said(page.disk));
  });

  test('what was noted behind a save comes back with it, and nothing that is part of it', async () => {
    const tables = new MemoryTables();
    const shelf = new Shelf(tables);
    const page = new Page(shelf, bench());
    const note = (number: number): Note => ({ kind: 'line', text: `line ${number}`, on: [] });
    await page.save();
    for (const number of [0, 1, 2]) await shelf.note('b1', number, note(number));
    expect(await shelf.load('b1')).toMatchObject({ notes: [note(0), note(1), note(2)], nextNote: 3 });
    await page.save({ notesBefore: 2 });
    expect(await tables.list(['note'])).toHaveLength(1);
    // The page may end between a save and the end of the notes before it.
    await shelf.note('b1', 1, note(1));
    expect(await shelf.load('b1')).toMatchObject({ notes: [note(2)], nextNote: 3 });
    await page.save({ notesBefore: 3 });
    expect(await shelf.load('b1')).toMatchObject({ notes: [], nextNote: 3 });
  });

  test('keeps a disk that was made anew in place of the one before', async () => {
    const shelf = new Shelf(new MemoryTables());
    const first = new Page(shelf, bench());
    for (const line of LINES) {
      first.disk.run(line);
      await first.save();
    }
    const second = new Page(shelf, bench({ seed: 5 }));
    second.after = null;
    second.disk.run('echo other > b');
    await second.save();
    expect(said(await backFrom(shelf))).toEqual(said(second.disk));
  });

  test('lists benches, newest first, and keeps one of another version without opening it', async () => {
    const tables = new MemoryTables();
    const shelf = new Shelf(tables);
    const page = new Page(shelf, bench());
    await page.save();
    const later = { ...record({ id: 'b2', name: 'Later', savedAt: 9 }), version: 7 };
    await tables.write([{ kind: 'put', key: ['bench', 'b2'], value: later }]);
    expect(await shelf.list()).toEqual([
      { id: 'b2', name: 'Later', savedAt: 9, isReadable: false },
      { id: 'b1', name: 'Mine', savedAt: 2, isReadable: true },
    ]);
    await expect(shelf.load('b2')).rejects.toThrow('another version');
    await shelf.rename('b2', 'Old friend');
    expect((await shelf.list())[0]?.name).toBe('Old friend');
    expect(await tables.get(['bench', 'b2'])).toMatchObject({ version: 7 });
    await shelf.remove('b1');
    expect(await tables.list([])).toHaveLength(1);
  });

  test('makes a bench of what the first version kept', async () => {
    const tables = new MemoryTables();
    const shelf = new Shelf(tables);
    const lines = [
      { text: 'cat > f', typed: ['hello\n', null] },
      { text: 'rm f', typed: [] },
    ];
    const value = { origin: ORIGIN, script: { lines, shown: 1 }, savedAt: 5 };
    await tables.write([
      { kind: 'put', key: ['old', 'last'], value },
      { kind: 'put', key: ['old', 'odd'], value: 'nobody knows' },
    ]);
    const [listed] = await shelf.list();
    expect(listed).toMatchObject({ name: 'Last session', isReadable: true });
    const saved = await shelf.load(listed?.id ?? '');
    expect(saved?.disks).toEqual([{ key: 'disk-1', origin: ORIGIN, saved: null }]);
    expect(saved?.notes).toEqual([
      { kind: 'line', text: 'cat > f', on: [{ key: 'disk-1', typed: ['hello\n', null] }] },
      { kind: 'line', text: 'rm f', on: [{ key: 'disk-1', typed: [] }] },
      { kind: 'move', now: { number: 1 } },
    ]);
    expect(await tables.list(['old'])).toHaveLength(1);
  });

  test.each([
    ['no disks', { disks: [] }],
    ['disks that are none', { disks: [7] }],
    ['no moment', { now: null }],
    ['a way that is none', { path: 'x' }],
  ])('with %s is refused with a sentence', async (_, change) => {
    const tables = new MemoryTables();
    await tables.write([{ kind: 'put', key: ['bench', 'b1'], value: { ...record(), ...change } }]);
    await expect(new Shelf(tables).load('b1')).rejects.toThrow('is damaged');
  });
});

describe('a file of a bench', () => {
  const written = async () => {
    const shelf = new Shelf(new MemoryTables());
    const page = new Page(shelf, bench());
    for (const line of LINES) page.disk.run(line);
    await page.save();
    return { page, file: await encodeBench(await shelf.rows('b1')) };
  };

  test('goes into another browser and is the same bench there, under an id of its own', async () => {
    const { page, file } = await written();
    const other = new Shelf(new MemoryTables());
    await other.add(decodeBench(file), 'new');
    expect((await other.list()).map(({ id, name }) => [id, name])).toEqual([['new', 'Mine']]);
    expect(said(await backFrom(other, 'new'))).toEqual(said(page.disk));
  });

  test('that was cut off or changed anywhere is refused with a sentence', async () => {
    const { file } = await written();
    for (let at = 0; at < file.length; at += Math.ceil(file.length / 60)) {
      expect(() => decodeBench(file.slice(0, at))).toThrow(/cut off|no bench/);
      const changed = file.slice();
      changed[at]! ^= 0x40;
      expect(() => decodeBench(changed)).toThrow(/cut off|no bench|another version/);
    }
  });

  test('that claims to be more than there may be is given up, and costs no memory', () => {
    const bomb = deflateSync(new Uint8Array(2 ** 24));
    expect(() => unpressed(bomb, 2 ** 20)).toThrow('more than anything made here');
    expect(unpressed(bomb, 2 ** 24)).toHaveLength(2 ** 24);
  });
});

describe('two tabs', () => {
  /** One lock manager for both, as a browser has one. */
  function locks(): Locks {
    const queues = new Map<string, Promise<unknown>>();
    return {
      request(name, { ifAvailable, signal }, held) {
        const before = queues.get(name);
        if (before !== undefined && ifAvailable) return Promise.resolve(held(null));
        const mine = (async () => {
          await before?.catch(() => {});
          if (signal?.aborted) throw new DOMException('', 'AbortError');
          await held({});
        })();
        const done = mine.finally(() => {
          if (queues.get(name) === done) queues.delete(name);
        });
        queues.set(name, done);
        return done;
      },
    };
  }

  test('write a bench one after the other: the second when the first lets go', async () => {
    const shared = locks();
    const [first, second] = [new Lease(shared), new Lease(shared)];
    let isMine = false;
    expect(await first.take('b1', () => {})).toBe(true);
    expect(await second.take('b1', () => (isMine = true))).toBe(false);
    expect(await second.take('b2', () => {})).toBe(true);
    expect(await second.take('b1', () => (isMine = true))).toBe(false);
    expect(isMine).toBe(false);
    first.leave();
    await expect.poll(() => isMine).toBe(true);
    expect(await first.take('b1', () => {})).toBe(false);
  });

  test('without locks each writes, as if there were no other', async () => {
    expect(await new Lease(null).take('b1', () => {})).toBe(true);
  });
});
