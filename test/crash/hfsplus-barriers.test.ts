import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { PROFILES } from '../../src/engine/device/profile.ts';
import { crashImages } from '../../src/engine/device/crash.ts';
import type { Store } from '../../src/engine/device/store.ts';
import { Tape } from '../../src/engine/device/tape.ts';
import { hfsplus } from '../../src/engine/formats/hfsplus/index.ts';
import { journalHeaderSector } from '../../src/engine/formats/hfsplus/journal.ts';
import { openVolume } from '../../src/engine/formats/hfsplus/mount.ts';
import { bytesAt, headerOf, hfsplusVerdict, patch } from '../evil/hfsplus-volumes.ts';
import { get32, recordNamed, recordsOf, set32 } from '../evil/hfsplus-records.ts';
import { Disk, data, isMountable, makeVolume, options, readAll, upTo } from './disk.ts';
import type { CrashType } from './disk.ts';
import { forgetBarrier } from './forgetful.ts';

/**
 * Goal: every barrier of HFS+ is needed. Each is left out in turn, and the judge that finds nothing with it must find
 * damage without it.
 * Here: newfs, a journal of which a part is lost, the repairs of fsck. Transactions: hfsplus-journal.test.ts; volumes
 * without a journal: hfsplus-unjournaled.test.ts.
 */
const FOLDER = new URL('../../src/engine/formats/hfsplus/', import.meta.url);

const type = (journal: 'on' | 'off'): CrashType => ({
  name: `HFS+, journal ${journal}`,
  format: hfsplus,
  sizeBytes: 2 << 20,
  blockSizeBytes: 512,
  settings: { journal, 'node-size-catalog': '4k' },
  profile: PROFILES.hdd,
});

interface Scenario {
  readonly prepare: () => Store;
  readonly run: (store: Store) => unknown;
  /** What is wrong with a disk after a power cut; '' for nothing. It may change the disk. */
  readonly judge: (cut: Store, before: Store) => string;
}

/** The first problems of the disks that a power cut during the scenario can leave. */
function problemsOf({ prepare, run, judge }: Scenario, forgotten: string | null): string[] {
  const store = prepare();
  const before = store.fork();
  const tape = new Tape(store.blockSizeBytes);
  store.tape = tape;
  if (forgotten !== null) forgetBarrier(store, forgotten);
  run(store);
  store.tape = null;
  const problems: string[] = [];
  if (tape.kindAt(tape.length - 1) !== 'barrier') problems.push('it returns before all is on the medium');
  const settings = { profile: PROFILES.hdd, seed: 5, exhaustiveMax: 6, samples: 12 };
  for (const { device, description } of crashImages(before, tape, { from: 0, to: tape.length }, settings)) {
    if (problems.length > 2) break;
    const problem = judge(device, before);
    if (problem !== '') problems.push(`${problem}: ${description}`);
  }
  return problems;
}

// ── newfs ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const NEWFS: Scenario = {
  prepare: () => {
    const disk = new Disk(type('on'), 'each');
    disk.unmount();
    return disk.store;
  },
  run: (store) => makeVolume(store, { ...type('on'), settings: { 'block-size': '1k' } }, 'NEW'),
  judge: (cut, before) => {
    if (!isMountable(type('on'), cut)) return '';
    const { label } = hfsplus.mount(cut, options('each', true));
    const kinds = hfsplus.fsck(cut, { repair: false }).findings.map(({ kind }) => kind);
    if (label === 'NEW') return kinds.join(' ');
    const worse = kinds.filter((kind) => kind !== 'volume-header'); // the alternate one may go first
    if (worse.length > 0) return `of the old volume: ${worse.join(' ')}`;
    const [now, old] = [cut, before].map((store) => readAll(type('on'), store));
    const isWhole = [...(old ?? [])].every(([path, bytes]) =>
      Buffer.from(bytes).equals(now?.get(path) ?? new Uint8Array(0)),
    );
    return isWhole ? '' : 'the old volume shows other contents';
  },
};

// ── journals that wait ──────────────────────────────────────────────────────────────────────────────────────────────

function journalOf(store: Store): { readonly at: number; readonly size: number; readonly head: DataView } {
  const infoAt = headerOf(store).getUint32(12) * headerOf(store).getUint32(40);
  const info = new DataView(bytesAt(store, infoAt, 52).buffer);
  const at = Number(info.getBigUint64(36));
  const head = new DataView(bytesAt(store, at, 512).buffer);
  return { at, size: Number(info.getBigUint64(44)), head };
}

/** The disk as it was before `change`, with the journal as it is afterwards: nothing came home, from `start` on. */
function pending(disk: Disk, change: (disk: Disk) => unknown): Store {
  const before = disk.store.fork();
  const startBytes = Number(journalOf(before).head.getBigUint64(16, true));
  change(disk);
  const { at, size, head } = journalOf(disk.store);
  patch(before, at, bytesAt(disk.store, at, size));
  const sector = journalHeaderSector(512, {
    sizeBytes: size,
    blockListSizeBytes: head.getUint32(32, true),
    startBytes,
    endBytes: Number(head.getBigUint64(16, true)),
    sequenceNumber: head.getUint32(44, true),
  });
  patch(before, at, sector);
  return before;
}

/** The second of three transactions that wait is damaged. */
const LOST_IN_PART: Scenario = {
  prepare: () => {
    const disk = new Disk(type('on'), 'each');
    let second = 0;
    const store = pending(disk, (changed) => {
      changed.create('one');
      second = Number(journalOf(changed.store).head.getBigUint64(16, true));
      changed.create('two').create('three');
    });
    const { at } = journalOf(store);
    patch(store, at + second, new Uint8Array(512).fill(0xee));
    return store;
  },
  run: (store) => openVolume(store, options('each', false)),
  judge: (cut) => {
    const { isReadOnly } = openVolume(cut, options('each', false));
    return isReadOnly ? '' : 'nobody knows that changes are lost';
  },
};

// ── fsck ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Findings, but for the remark that a volume was in use. */
const kindsOf = (store: Store): string =>
  hfsplus
    .fsck(store, { repair: false })
    .findings.map(({ kind }) => kind)
    .filter((kind) => kind !== 'dirty')
    .join(' ');

/** A volume that says itself that it must be checked. */
function isMarked(store: Store): boolean {
  const attributes = headerOf(store).getUint32(4);
  const [isUnmounted, isInconsistent, isJournaled] = [0x100, 0x800, 0x2000].map(
    (bit) => (attributes & bit) !== 0,
  );
  return isInconsistent === true || (isUnmounted === false && isJournaled === false);
}

let judged = 0;

/** As damaged as before, or warned of, or clean; and another repair makes it clean and `isThere`. */
function judgeRepair(cut: Store, before: Store, isThere: (store: Store) => string): string {
  const kinds = kindsOf(cut);
  const isAsBefore = kinds === kindsOf(before) && !isMarked(before);
  if (kinds !== '' && !isAsBefore && !isMarked(cut)) return `nothing warns of ${kinds}`;
  hfsplus.fsck(cut, { repair: true });
  const left = kindsOf(cut);
  if (left !== '') return `${kinds} repaired to ${left}`;
  const verdict = judged++ % 40 === 0 ? hfsplusVerdict(cut) : '';
  return verdict === '' ? isThere(cut) : verdict;
}

const namesOf = (store: Store): Set<string> => new Set(recordsOf(store, 'catalog').map(({ name }) => name));

/** Thirty files of a block each, in a catalog of several leaves. */
function thirty(): Store {
  const disk = new Disk(type('off'), 'writeback');
  upTo(30).forEach((i) => disk.put(`file number ${i}`, data(4096, i)));
  disk.unmount();
  return disk.store;
}

const repairing = (
  damage: (store: Store) => unknown,
  isThere: (store: Store) => string = () => '',
): Scenario => ({
  prepare: () => {
    const store = thirty();
    damage(store);
    return store;
  },
  run: (store) => hfsplus.fsck(store, { repair: true }),
  judge: (cut, before) => judgeRepair(cut, before, isThere),
});

const firstBlockAt = (store: Store, name: string): number => recordNamed(store, name).dataAt + 88 + 16;

/** A leaf with its keys in the wrong order: the catalog is built anew. Only the name with the key may go. */
const REBUILD = repairing(
  (store) => set32(store, recordNamed(store, 'file number 12').keyAt + 2, 1),
  (store) => {
    const names = namesOf(store);
    const lost = upTo(30).filter((i) => i !== 12 && !names.has(`file number ${i}`));
    return lost.length === 0 ? '' : `lost: ${lost.join(' ')}`;
  },
);

/** Two files hold the same block: one gets a copy. */
const COPY = repairing(
  (store) =>
    set32(store, firstBlockAt(store, 'file number 3'), get32(store, firstBlockAt(store, 'file number 8'))),
  (store) => {
    const contents = readAll(type('off'), store);
    const wrong = [3, 8].filter(
      (i) => !Buffer.from(contents.get(`file number ${i}`) ?? []).equals(data(4096, 8)),
    );
    return wrong.length === 0 ? '' : `files ${wrong.join()} are not what they were`;
  },
);

/** A folder that counts wrong, and blocks that nobody uses. */
const IN_PLACE = repairing((store) => {
  set32(store, recordNamed(store, 'dir').dataAt + 4, 77);
  const header = headerOf(store);
  const blocks = header.getUint32(44);
  patch(store, header.getUint32(112 + 16) * header.getUint32(40) + Math.floor(blocks / 8) - 4, [255]);
});

const REPLAY: Scenario = {
  prepare: () => pending(new Disk(type('on'), 'each'), (disk) => disk.create('late')),
  run: (store) => hfsplus.fsck(store, { repair: true }),
  judge: (cut, before) =>
    judgeRepair(cut, before, (store) => (namesOf(store).has('late') ? '' : 'the journal is lost')),
};

/** What waits is the unmounting: nothing is left to be repaired. */
const REPLAY_OF_ALL: Scenario = {
  ...REPLAY,
  prepare: () => pending(new Disk(type('on'), 'each').create('late'), (disk) => disk.unmount()),
};

const SCENARIOS: readonly (readonly [barrier: string, Scenario])[] = [
  ['hfs+: an older volume is gone before its place is taken', NEWFS],
  ['hfs+: everything else before the header that makes it a volume', NEWFS],
  ['hfs+: the new volume is complete', NEWFS],
  ['hfs+: the volume says that its journal failed before that is empty', LOST_IN_PART],
  ['fsck: blocks of the journal are home before the journal is called empty', REPLAY],
  ['fsck: the journal is empty', REPLAY_OF_ALL],
  ['fsck: the volume is marked as inconsistent before it is repaired', IN_PLACE],
  ['fsck: new nodes and copies are on the disk before anything points at them', COPY],
  ['fsck: records, trees, bitmap before what the old trees were made of is erased', REBUILD],
  ['fsck: everything else before the header that says clean', REBUILD],
  ['fsck: the repair is complete', REBUILD],
];

describe('with every barrier nothing is wrong, without one the judge sees it', () => {
  const known = new Map<Scenario, string[]>();
  test.each(SCENARIOS)('%s', (barrier, scenario) => {
    const whole = known.get(scenario) ?? problemsOf(scenario, null);
    known.set(scenario, whole);
    expect(whole).toEqual([]);
    expect(problemsOf(scenario, barrier).length).toBeGreaterThan(0);
  });
});

test('every barrier of the sources is left out in one of the three files', () => {
  const asked: string[] = [];
  for (const file of readdirSync(FOLDER)) {
    const source = readFileSync(new URL(file, FOLDER), 'utf8');
    const pattern = file.startsWith('fsck') ? /'(fsck: [^']+)'/g : /barrier\(\s*'([^']+)'/g;
    for (const [, reason = ''] of source.matchAll(pattern)) asked.push(reason);
  }
  const tests = ['barriers', 'journal', 'unjournaled'].map((name) =>
    readFileSync(new URL(`hfsplus-${name}.test.ts`, import.meta.url), 'utf8'),
  );
  expect(asked.length).toBeGreaterThan(20);
  expect(new Set(asked).size, 'one reason for two barriers: leaving out "it" would leave out both').toBe(
    asked.length,
  );
  const unproved = asked.filter((reason) => !tests.some((source) => source.includes(`'${reason}'`)));
  expect(unproved).toEqual([]);
});
