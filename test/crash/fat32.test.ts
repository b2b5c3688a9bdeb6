import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { FsError } from '../../src/engine/base/errno.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { SILENT } from '../../src/engine/base/trace.ts';
import { crashImages } from '../../src/engine/device/crash.ts';
import { PROFILES } from '../../src/engine/device/profile.ts';
import { Store } from '../../src/engine/device/store.ts';
import { Tape } from '../../src/engine/device/tape.ts';
import type { CommitPolicy, Finding, Volume, VolumeNode } from '../../src/engine/formats/contract.ts';
import { fsck } from '../../src/engine/formats/fat32/fsck.ts';
import { mount } from '../../src/engine/formats/fat32/mount.ts';
import { newfs } from '../../src/engine/formats/fat32/newfs.ts';
import { vfatVerdict } from '../evil/volumes.ts';

/**
 * Goal: wherever the power fails, at worst something leaks: clusters nobody uses, chains longer than their files, parts
 * of names without an entry, a stale copy or count; a file is never damaged that the operation did not write, and what
 * is renamed is never gone.
 * Method: each kind of operation is recorded on a disk that does requests between barriers in any order. Of every legal
 * image our fsck may find nothing but leaks, its repair satisfies fsck.vfat, and all contents are before-or-after.
 *
 * Taking out any one barrier turns a test red; done for each, on 2026-11-23:
 *   says that it is in use before anything changes     first change after a clean unmount
 *   new clusters before the link that leads to them    append many clusters, create until the directory grows, writeback
 *   clusters before the entries that name them         first write, append, mkdir …
 *   first part of a long name before its entry         create long names where others were removed
 *   a moved directory's new entry before its '..'      move a directory
 *   the new name before the old one goes               rename into another directory, over a file there
 *   no entry needs the clusters before they are free   unlink, rmdir, truncate …
 *   sync                                               sync returns …, unmount after a last change
 *   the volume is unmounted                            unmount returns …
 *   newfs: everything else before the boot sector      newfs leaves a clean volume or none
 *   newfs: the new volume is complete                  the same
 */
interface Operation {
  readonly name: string;
  /** What the volume holds before, beside the bystanders. */
  readonly before?: (disk: Disk) => void;
  readonly run: (disk: Disk) => void;
  /** Findings that are no leaks but legal in this operation's window. */
  readonly window?: readonly string[];
}

const LEAKS = [
  'dirty',
  'lost-clusters',
  'chain-beyond-size',
  'lfn-orphan',
  'fats-differ',
  'fsinfo-free-count',
  // The entry of a later operation is there, that of an earlier one before it in the directory is not.
  'entries-after-end',
];
/** Two names for one chain, until the old one goes. */
const TWO_NAMES = ['cross-link'];
/** The same for directories, and '..' that still names the old parent. */
const TWO_PLACES = ['directory-twice', 'dotdot-entry'];

const OPERATIONS: Operation[] = [
  { name: 'create a short name', run: (d) => d.create('NEW.TXT') },
  { name: 'create a long name', run: (d) => d.create('A long name for a file.text') },
  {
    name: 'create long names that cross sectors',
    run: (d) =>
      ['one', 'two', 'three'].forEach((word) =>
        d.create(`a very long name, longer than a sector is deep, number ${word}.text`),
      ),
  },
  {
    name: 'create long names where others were removed',
    before: (d) => {
      upTo(6).forEach((i) => d.create(`a very long name, longer than a sector is deep, number ${i}.text`));
      upTo(5).forEach((i) => d.unlink(`a very long name, longer than a sector is deep, number ${i}.text`));
    },
    run: (d) => upTo(4).forEach((i) => d.create(`a name that is not quite as long, number ${i}.text`)),
  },
  {
    name: 'create files until the directory grows',
    run: (d) => upTo(14).forEach((i) => d.create(`dir/grown file ${i}.txt`)),
  },
  { name: 'first write', before: (d) => d.create('target'), run: (d) => d.write('target', 0, data(700, 1)) },
  {
    name: 'first write of many clusters',
    before: (d) => d.create('target'),
    run: (d) => d.write('target', 0, data(90_000, 1)),
  },
  {
    name: 'append within the cluster',
    before: (d) => d.put('target', data(100, 1)),
    run: (d) => d.write('target', 100, data(50, 2)),
  },
  {
    name: 'append one cluster',
    before: (d) => d.put('target', data(2048, 1)),
    run: (d) => d.write('target', 2048, data(2048, 2)),
  },
  {
    name: 'append many clusters behind another file',
    before: (d) => d.put('target', data(3000, 1)).put('other', data(3000, 2)),
    run: (d) => d.write('target', 3000, data(150_000, 3)),
  },
  {
    name: 'overwrite',
    before: (d) => d.put('target', data(5000, 1)),
    run: (d) => d.write('target', 700, data(3000, 2)),
  },
  {
    name: 'write behind the end',
    before: (d) => d.put('target', data(900, 1)),
    run: (d) => d.write('target', 9000, data(900, 2)),
  },
  {
    name: 'truncate down',
    before: (d) => d.put('target', data(40_000, 1)),
    run: (d) => d.truncate('target', 3000),
  },
  {
    name: 'truncate to nothing',
    before: (d) => d.put('target', data(40_000, 1)),
    run: (d) => d.truncate('target', 0),
  },
  {
    name: 'truncate up',
    before: (d) => d.put('target', data(300, 1)),
    run: (d) => d.truncate('target', 20_000),
  },
  {
    name: 'truncate and append again',
    before: (d) => d.put('target', data(40_000, 1)),
    run: (d) => d.truncate('target', 9000).write('target', 9000, data(9000, 2)),
  },
  { name: 'unlink', before: (d) => d.put('target', data(9000, 1)), run: (d) => d.unlink('target') },
  {
    name: 'unlink of long names that cross sectors',
    before: (d) =>
      upTo(3).forEach((i) =>
        d.put(`a very long name, longer than a sector is deep, number ${i}.text`, data(900, i)),
      ),
    run: (d) =>
      upTo(3).forEach((i) => d.unlink(`a very long name, longer than a sector is deep, number ${i}.text`)),
  },
  {
    name: 'unlink and create again',
    before: (d) => d.put('target', data(9000, 1)),
    run: (d) => d.unlink('target').put('another', data(9000, 2)),
  },
  { name: 'mkdir', run: (d) => d.mkdir('a new directory') },
  {
    name: 'mkdir with files',
    run: (d) => d.mkdir('new').put('new/inside.txt', data(2000, 1)).mkdir('new/deeper'),
  },
  { name: 'rmdir', before: (d) => d.mkdir('empty'), run: (d) => d.rmdir('empty') },
  {
    name: 'rename to a name of the same length',
    before: (d) => d.put('target.txt', data(3000, 1)),
    run: (d) => d.rename('target.txt', 'tegrat.txt'),
    window: TWO_NAMES,
  },
  {
    name: 'rename to a longer name',
    before: (d) => d.put('target.txt', data(3000, 1)),
    run: (d) => d.rename('target.txt', 'a very long name, longer than a sector is deep, of a file.text'),
    window: TWO_NAMES,
  },
  {
    name: 'rename by case only',
    before: (d) => d.put('Target', data(3000, 1)),
    run: (d) => d.rename('Target', 'tARGET'),
    window: TWO_NAMES,
  },
  {
    name: 'rename into another directory',
    before: (d) => d.put('target', data(3000, 1)),
    run: (d) => d.rename('target', 'dir/target'),
    window: TWO_NAMES,
  },
  {
    name: 'rename over another file',
    before: (d) => d.put('target', data(3000, 1)).put('victim', data(5000, 2)),
    run: (d) => d.rename('target', 'victim'),
    window: TWO_NAMES,
  },
  {
    name: 'rename over a file in another directory',
    before: (d) => d.put('target', data(3000, 1)).put('dir/victim', data(5000, 2)),
    run: (d) => d.rename('target', 'dir/victim'),
    window: TWO_NAMES,
  },
  {
    name: 'rename a directory',
    before: (d) => d.mkdir('house').put('house/file', data(900, 1)),
    run: (d) => d.rename('house', 'a house with a very long name, so that it needs many slots'),
    window: TWO_PLACES,
  },
  {
    name: 'move a directory',
    before: (d) => d.mkdir('house').put('house/file', data(900, 1)),
    run: (d) => d.rename('house', 'dir/house'),
    window: TWO_PLACES,
  },
  {
    name: 'move a directory over an empty one',
    before: (d) => d.mkdir('house').put('house/file', data(900, 1)).mkdir('dir/victim'),
    run: (d) => d.rename('house', 'dir/victim'),
    window: TWO_PLACES,
  },
  { name: 'symlink', run: (d) => d.symlink('link', 'dir/kept.txt') },
  { name: 'label', run: (d) => d.label('NEWLABEL'), window: ['boot-label', 'backup-boot'] },
  { name: 'flags and times', before: (d) => d.put('target', data(900, 1)), run: (d) => d.touch('target') },
  { name: 'unmount after a last change', run: (d) => d.put('late', data(900, 1)).unmount() },
  {
    name: 'first change after a clean unmount',
    before: (d) => d.remount(),
    run: (d) => d.put('early', data(900, 1)),
  },
];

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const data = (length: number, seed: number): Uint8Array => new Prng(1000 + seed).bytes(length);

const TYPES = [
  { type: 12, sizeBytes: 1440 * 1024, settings: { type: 'fat12' } },
  { type: 16, sizeBytes: 12 << 20, settings: { type: 'fat16' } },
  { type: 32, sizeBytes: 40 << 20, settings: { type: 'fat32' } },
] as const;
type Type = (typeof TYPES)[number];

const INIT = { mode: 0o644, uid: 501, gid: 20 };

/** A volume and what it must hold, changed together. */
class Disk {
  readonly store: Store;
  volume: Volume;
  /** Contents by path. */
  readonly contents = new Map<string, Uint8Array>();
  /** Contents that a path ever had since `remember`. */
  readonly ever = new Map<string, Uint8Array[]>();

  constructor(type: Type, policy: CommitPolicy) {
    this.store = new Store({ blockSizeBytes: 512, blockCount: type.sizeBytes / 512 });
    makeVolume(this.store, type, 'OLD');
    this.volume = mount(this.store, options(policy, false));
    // Bystanders: a filler brings the next free clusters near the border of two FAT sectors.
    this.put('filler', data(55_000, 90))
      .mkdir('dir')
      .put('dir/kept.txt', data(5000, 91))
      .put('kept.bin', data(20_000, 92));
  }

  remember(): void {
    this.ever.clear();
    for (const [path, bytes] of this.contents) this.ever.set(path, [bytes]);
  }

  #hold(path: string, bytes: Uint8Array): void {
    this.contents.set(path, bytes);
    this.ever.set(path, [...(this.ever.get(path) ?? []), bytes]);
  }

  #at(path: string): [VolumeNode, string] {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    let directory = this.volume.root;
    for (const part of parts) directory = found(this.volume.lookup(directory, part));
    return [directory, name];
  }

  #node(path: string): VolumeNode {
    return found(this.volume.lookup(...this.#at(path)));
  }

  create(path: string): this {
    this.volume.release(this.volume.create(...this.#at(path), INIT));
    this.#hold(path, new Uint8Array(0));
    return this;
  }

  write(path: string, offset: number, bytes: Uint8Array): this {
    this.volume.write(this.#node(path), offset, bytes);
    const old = this.contents.get(path) ?? new Uint8Array(0);
    const grown = new Uint8Array(Math.max(old.length, offset + bytes.length));
    grown.set(old);
    grown.set(bytes, offset);
    this.#hold(path, grown);
    return this;
  }

  put = (path: string, bytes: Uint8Array): this => this.create(path).write(path, 0, bytes);

  truncate(path: string, size: number): this {
    this.volume.truncate(this.#node(path), size);
    const cut = new Uint8Array(size);
    cut.set((this.contents.get(path) ?? new Uint8Array(0)).subarray(0, size));
    this.#hold(path, cut);
    return this;
  }

  unlink(path: string): this {
    this.volume.remove(...this.#at(path));
    this.contents.delete(path);
    return this;
  }

  mkdir(path: string): this {
    this.volume.release(this.volume.makeDirectory(...this.#at(path), INIT));
    return this;
  }

  rmdir(path: string): this {
    this.volume.removeDirectory(...this.#at(path));
    return this;
  }

  rename(from: string, to: string): this {
    this.volume.rename(...this.#at(from), ...this.#at(to));
    for (const [path, bytes] of [...this.contents]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue;
      this.contents.delete(path);
      this.#hold(to + path.slice(from.length), bytes);
    }
    return this;
  }

  symlink(path: string, target: string): this {
    const node = this.volume.makeSymlink?.(...this.#at(path), target, INIT);
    if (node) this.volume.release(node);
    return this;
  }

  label = (label: string): void => this.volume.setLabel(label);
  touch = (path: string): void =>
    this.volume.setAttributes(this.#node(path), {
      flags: 0x8000,
      modifyTime: { seconds: 1_800_000_000, nanoseconds: 0 },
    });
  remount = (): void => {
    this.unmount();
    this.volume = mount(this.store, options('each', false));
  };
  unmount = (): void => this.volume.unmount();
}

function makeVolume(store: Store, { settings }: Type, label: string): void {
  newfs(store, { label, settings, clock: new SimulatedClock(), random: new Prng(1), partitionFirstBlock: 0 });
}

const imagesOf = (before: Store, tape: Tape) =>
  crashImages(
    before,
    tape,
    { from: 0, to: tape.length },
    { profile: PROFILES.hdd, seed: 7, exhaustiveMax: 7, samples: 24 },
  );

const options = (policy: CommitPolicy, isReadOnly: boolean) => ({
  isReadOnly,
  policy,
  clock: new SimulatedClock(),
  trace: SILENT,
  owner: { uid: 501, gid: 20 },
  timeZoneMinutes: 0,
});

function found<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('what the test made is there');
  return value;
}

function isMountable(device: Store): boolean {
  try {
    mount(device, options('each', true));
    return true;
  } catch (error) {
    if (error instanceof FsError) return false;
    throw error;
  }
}

/** Every file of a volume, by path. */
function readAll(store: Store): Map<string, Uint8Array> {
  const volume = mount(store, options('each', true));
  const contents = new Map<string, Uint8Array>();
  const read = (directory: VolumeNode, path: string): void => {
    let after: number | null = null;
    do {
      const page = volume.list(directory, after, 100);
      for (const entry of page.entries) {
        const node = found(volume.lookup(directory, entry.name));
        if (entry.type === 'directory') {
          read(node, `${path}${entry.name}/`);
        } else if (entry.type === 'file') {
          const bytes = new Uint8Array(volume.attributes(node).sizeBytes);
          volume.read(node, 0, bytes);
          contents.set(path + entry.name, bytes);
        }
      }
      after = page.next;
    } while (after !== null);
  };
  read(volume.root, '');
  return contents;
}

const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === b ||
  (a !== undefined && b !== undefined && a.length === b.length && a.every((byte, i) => byte === b[i]));

/** Record `run` and judge every disk that a power cut can leave. */
function crash(
  disk: Disk,
  run: (disk: Disk) => void,
  window: readonly string[],
  verdicts: Map<string, string>,
): number {
  const before = disk.store.fork();
  const contentsBefore = new Map(disk.contents);
  const tape = new Tape(512);
  disk.store.tape = tape;
  disk.remember();
  run(disk);
  disk.store.tape = null;

  const allowed = new Set([...LEAKS, ...window]);
  let images = 0;
  for (const { device, description } of imagesOf(before, tape)) {
    images++;
    const report = fsck(device, { repair: false });
    const kinds = report.findings.map(({ kind }) => kind);
    if (kinds.length > 0 && !isMarkInFlux(report.findings)) {
      expect(kinds, `nothing warns of it: ${description}`).toContain('dirty');
    }
    // '..' changes while both names are there.
    if (kinds.includes('dotdot-entry')) expect(kinds, description).toContain('directory-twice');
    const worse = report.findings.filter(({ kind }) => !allowed.has(kind));
    expect(worse, description).toEqual([]);

    const repair = fsck(device, { repair: true });
    expect(
      repair.findings.every((finding) => finding.isRepaired),
      description,
    ).toBe(true);
    expect(fsck(device, { repair: false }).findings, description).toEqual([]);
    expect(judged(device, verdicts), description).toBe('');
    expectBeforeOrAfter(readAll(device), contentsBefore, disk, description);
  }
  return images;
}

/** The dirty mark itself is on its way: one FAT has it, the other not yet. */
const isMarkInFlux = (findings: readonly Finding[]): boolean =>
  findings.length === 1 && / differ in 1 entry \(1: /.test(findings[0]?.message ?? '');

/** fsck.vfat's verdict; repaired disks are often equal, and are asked about once. */
function judged(device: Store, verdicts: Map<string, string>): string {
  const key = digestOf(device);
  const known = verdicts.get(key);
  if (known !== undefined) return known;
  const verdict = vfatVerdict(device);
  verdicts.set(key, verdict);
  return verdict;
}

function digestOf(device: Store): string {
  const block = new Uint8Array(512);
  let [a, b] = [0x811c9dc5, 0x1234567];
  for (let at = device.nextStored(0); at < device.blockCount; at = device.nextStored(at + 1)) {
    device.read(at, block);
    a = Math.imul(a ^ at, 0x01000193);
    for (const byte of block) {
      a = Math.imul(a ^ byte, 0x01000193);
      b = Math.imul(b + byte, 0x9e3779b1) ^ (b >>> 13);
    }
  }
  return `${a >>> 0} ${b >>> 0}`;
}

/** No byte of any file is one that it never had; what the operation left alone is whole; nothing renamed is gone. */
function expectBeforeOrAfter(
  now: Map<string, Uint8Array>,
  before: Map<string, Uint8Array>,
  { contents: after, ever }: Disk,
  description: string,
): void {
  for (const [path, bytes] of now) {
    const states = ever.get(path) ?? [];
    expect(states.length, `${path} was never there: ${description}`).toBeGreaterThan(0);
    const wrong = bytes.findIndex((byte, i) => !states.some((state) => state[i] === byte));
    expect(wrong, `${path} of ${bytes.length} bytes: ${description}`).toBe(-1);
  }
  for (const [path, bytes] of before) {
    if (ever.get(path)?.length === 1 && same(bytes, after.get(path))) {
      expect(same(now.get(path), bytes), `${path}: ${description}`).toBe(true);
    }
    const isKept = bytes.length > 0 && [...after.values()].some((late) => same(late, bytes));
    if (isKept) {
      const isThere = [...now.values()].some((late) => same(late, bytes));
      expect(isThere, `${path} is gone: ${description}`).toBe(true);
    }
  }
}

describe.each(TYPES)('FAT$type', (type) => {
  const verdicts = new Map<string, string>();

  test.each(OPERATIONS.map((operation) => [operation.name, operation] as const))(
    'each: %s',
    (_, operation) => {
      const { before, run, window = [] } = operation;
      const disk = new Disk(type, 'each');
      before?.(disk);
      expect(crash(disk, run, window, verdicts)).toBeGreaterThan(0);
    },
  );

  test('newfs leaves a clean volume or none', () => {
    const store = new Store({ blockSizeBytes: 512, blockCount: type.sizeBytes / 512 });
    const label = { role: 'data', owner: '', reason: 'what was there before' } as const;
    for (let block = 0; block < 600; block += 2) store.write(block, data(512, block), label);
    const before = store.fork();
    const tape = new Tape(512);
    store.tape = tape;
    makeVolume(store, type, 'LABEL');
    let [none, clean] = [0, 0];
    for (const { device, description } of imagesOf(before, tape)) {
      if (!isMountable(device)) {
        none++;
        continue;
      }
      clean++;
      expect(fsck(device, { repair: false }).findings, description).toEqual([]);
      expect(judged(device, verdicts), description).toBe('');
    }
    expect(Math.min(none, clean)).toBeGreaterThan(0);
    expect(tape.kindAt(tape.length - 1), 'newfs returns when all is on the medium').toBe('barrier');
  });

  test.each(['sync', 'unmount'] as const)('%s returns when all is on the medium', (call) => {
    const disk = new Disk(type, 'writeback');
    disk.put('late', data(900, 1));
    const tape = new Tape(512);
    disk.store.tape = tape;
    disk.volume[call]();
    expect(tape.length).toBeGreaterThan(1);
    expect(tape.kindAt(tape.length - 1)).toBe('barrier');
  });

  test('writeback: a mixed batch', () => {
    const disk = new Disk(type, 'writeback');
    mixedBefore(disk);
    disk.volume.sync();
    const window = [...TWO_NAMES, ...TWO_PLACES];
    expect(crash(disk, (changed) => mixed(changed).volume.sync(), window, verdicts)).toBeGreaterThan(50);
  });
});

function mixedBefore(disk: Disk): void {
  disk.put('append', data(3000, 1)).put('shrink', data(30_000, 2)).put('gone', data(5000, 3)).mkdir('house');
  disk
    .put('house/in it', data(900, 4))
    .put('move me', data(4000, 5))
    .put('victim', data(700, 6))
    .mkdir('empty');
}

/** Every kind of operation, some on what others just made or freed. */
function mixed(disk: Disk): Disk {
  upTo(6).forEach((i) =>
    disk.put(`dir/a file with a rather long name, number ${i}.text`, data(600 * i, 10 + i)),
  );
  disk.write('append', 3000, data(20_000, 20)).truncate('shrink', 7000).unlink('gone').rmdir('empty');
  disk.put('new in old clusters', data(9000, 21)).mkdir('later').rename('house', 'later/house');
  disk.rename('move me', 'later/moved').rename('later/moved', 'victim').create('still empty');
  disk
    .rename('dir/a file with a rather long name, number 3.text', 'dir/short')
    .unlink('dir/a file with a rather long name, number 5.text');
  return disk;
}
