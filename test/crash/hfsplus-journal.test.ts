import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { SILENT } from '../../src/engine/base/trace.ts';
import { crashImages } from '../../src/engine/device/crash.ts';
import { PROFILES } from '../../src/engine/device/profile.ts';
import type { Profile } from '../../src/engine/device/profile.ts';
import type { WriteLabel } from '../../src/engine/device/device.ts';
import { Store } from '../../src/engine/device/store.ts';
import { Tape } from '../../src/engine/device/tape.ts';
import type { CommitPolicy } from '../../src/engine/formats/contract.ts';
import type { MetadataBuffer } from '../../src/engine/formats/hfsplus/metadata.ts';
import { openVolume } from '../../src/engine/formats/hfsplus/mount.ts';
import type { OpenVolume } from '../../src/engine/formats/hfsplus/mount.ts';
import { newfs } from '../../src/engine/formats/hfsplus/newfs.ts';
import { replayImage } from '../support/hfs-journal.ts';
import { forgetBarrier } from './forgetful.ts';

/**
 * Goal: whatever the power cut leaves, a transaction is there whole or not at all, in the order in which they were made,
 * and two replayers that share no code agree on every byte of the disk.
 * Method: transactions of made-up metadata on a real volume, recorded; every disk that a device may leave is replayed
 * by mounting it and by the other replayer. Each barrier is then left out in turn, and the same tests must see it.
 */
const LABEL = { role: 'tree', owner: 'test', reason: 'test' } as const;

class Disk extends Store {
  /** As after a power cut: what was logged did not come home. */
  losesHome = false;

  override write(firstBlock: number, data: Uint8Array, label: WriteLabel): void {
    if (!this.losesHome || label.owner !== LABEL.owner) super.write(firstBlock, data, label);
  }
}

interface Kind {
  readonly sector: number;
  readonly sizeBytes: number;
  readonly profile: Profile;
}
const PLAIN: Kind = { sector: 512, sizeBytes: 2 << 20, profile: PROFILES.hdd };
const KINDS: readonly Kind[] = [
  PLAIN,
  { sector: 4096, sizeBytes: 5 << 19, profile: PROFILES.nvme },
  { sector: 4096, sizeBytes: 5 << 19, profile: PROFILES.hdd },
];

class Bench {
  readonly disk: Disk;
  volume: OpenVolume;
  readonly #buffers: MetadataBuffer[] = [];
  readonly #firstBlock: number;
  version = 0;

  constructor(
    readonly kind: Kind,
    readonly policy: CommitPolicy,
    readonly pieceBytes: number,
  ) {
    this.disk = new Disk({ blockSizeBytes: kind.sector, blockCount: kind.sizeBytes / kind.sector });
    const clock = new SimulatedClock();
    newfs(this.disk, { label: '', settings: {}, clock, random: new Prng(3), partitionFirstBlock: 0 }, false);
    this.volume = open(this.disk, policy);
    const [catalog] = this.volume.header.fork('catalog').extents;
    this.#firstBlock = (catalog?.startBlock ?? 0) + (catalog?.blockCount ?? 0);
  }

  #offset = (index: number): number => this.#firstBlock * 4096 + index * (this.pieceBytes + this.kind.sector);

  /** Metadata apart from each other so that none continues another's request. */
  #buffer(index: number): MetadataBuffer {
    const { pieceBytes } = this;
    return (this.#buffers[index] ??= {
      bytes: new Uint8Array(pieceBytes),
      runs: [{ deviceOffsetBytes: this.#offset(index), lengthBytes: pieceBytes }],
      label: LABEL,
      isDirty: false,
    });
  }

  /** One operation: the first `count` pieces of metadata say the next version. */
  change(count: number): this {
    this.version++;
    const { commit } = this.volume;
    commit.begin();
    for (let i = 0; i < count; i++) {
      const buffer = this.#buffer(i);
      const view = new DataView(buffer.bytes.buffer);
      for (let at = 0; at < this.pieceBytes; at += 512) view.setUint32(at, this.version);
      commit.touch(buffer);
    }
    commit.end();
    return this;
  }

  times(count: number, buffers: number): this {
    for (let i = 0; i < count; i++) this.change(buffers);
    return this;
  }

  get infoAt(): number {
    const header = new DataView(bytesOf(this.disk).buffer, 1024, 512);
    return header.getUint32(12) * header.getUint32(40);
  }

  get journalAt(): number {
    return Number(new DataView(bytesOf(this.disk).buffer, this.infoAt, 48).getBigUint64(36));
  }

  /** As somebody else does: past journal and commit. */
  overwrite(version: number, count: number): void {
    this.version = version;
    for (let i = 0; i < count; i++) {
      const { bytes } = this.#buffer(i);
      const view = new DataView(bytes.buffer);
      for (let at = 0; at < bytes.length; at += 512) view.setUint32(at, version);
      this.disk.write(this.#offset(i) / this.kind.sector, bytes, LABEL);
    }
  }

  /** Versions that a disk's metadata says, sector by sector. */
  versionsOn(store: Store, count: number): Set<number> {
    const found = new Set<number>();
    const bytes = new Uint8Array(this.pieceBytes);
    for (let i = 0; i < count; i++) {
      store.read(this.#offset(i) / store.blockSizeBytes, bytes);
      for (let at = 0; at < this.pieceBytes; at += 512) found.add(new DataView(bytes.buffer).getUint32(at));
    }
    return found;
  }
}

const open = (store: Store, policy: CommitPolicy = 'each', isReadOnly = false): OpenVolume =>
  openVolume(store, {
    isReadOnly,
    policy,
    clock: new SimulatedClock(),
    trace: SILENT,
    owner: { uid: 501, gid: 20 },
    timeZoneMinutes: 0,
  });

function bytesOf(store: Store, into = Buffer.alloc(store.blockCount * store.blockSizeBytes)): Buffer {
  store.read(0, into);
  return into;
}

interface Scenario {
  readonly name: string;
  readonly kind?: Kind;
  readonly policy?: CommitPolicy;
  readonly pieceBytes?: number;
  readonly before?: (bench: Bench) => void;
  readonly run: (bench: Bench) => void;
  /** Pieces of metadata that every transaction of the scenario changes. */
  readonly count: number;
  /** Of the many disks it makes judge one in so many. */
  readonly oneIn?: number;
  /** More than the journal holds is not atomic: the volume may say that it is inconsistent. */
  readonly mayBeMarked?: true;
}

/** What is wrong with any disk that a power cut during `run` can leave. */
function problemsOf(scenario: Scenario, forgotten: string | null = null) {
  const { kind = PLAIN, policy = 'each', before, run, count, pieceBytes = 4096, oneIn = 1 } = scenario;
  // Tearing sectors of 4096 bytes makes many disks that look alike.
  const tears = kind.sector > kind.profile.atomicBytes ? 7 : 1;
  const step = forgotten === null ? oneIn * tears : 1;
  const bench = new Bench(kind, policy, Math.max(pieceBytes, kind.sector));
  before?.(bench);
  const base = bench.disk.fork();
  const tape = new Tape(kind.sector);
  const oldest = bench.version;
  bench.disk.tape = tape;
  if (forgotten !== null) forgetBarrier(bench.disk, forgotten);
  run(bench);
  bench.disk.tape = null;
  const problems = new Set<string>();
  const theirs = Buffer.alloc(kind.sizeBytes);
  const ours = Buffer.alloc(kind.sizeBytes);
  const inMemory = Buffer.alloc(kind.sizeBytes);
  let images = 0;
  const range = { from: 0, to: tape.length };
  for (const { device, description } of crashImages(base, tape, range, {
    profile: kind.profile,
    seed: 5,
    exhaustiveMax: 7,
    samples: 12,
  })) {
    if (forgotten !== null && problems.size > 0) break;
    if (images++ % step !== 0) continue;
    bytesOf(device, theirs);
    const { headerAt, outcome } = replayImage(theirs);
    const readOnly = open(device, 'each', true);
    const volume = open(device);
    if (scenario.mayBeMarked && volume.warnings.join().includes('marked as inconsistent')) continue;
    if (volume.isReadOnly) problems.add(`${volume.warnings.join(' ')} (${outcome}): ${description}`);
    bytesOf(device, ours);
    readOnly.device.read(0, inMemory);
    for (const bytes of [theirs, ours, inMemory])
      if (headerAt >= 0) bytes.fill(0, headerAt, headerAt + kind.sector);
    if (!ours.equals(theirs))
      problems.add(
        `${Array.from(ours).findIndex((v, i) => v !== theirs[i])} ${headerAt} two replayers differ: ${description}`,
      );
    if (!volume.isReadOnly && !inMemory.equals(ours))
      problems.add(`replay in memory differs: ${description}`);
    const versions = [...bench.versionsOn(device, count)];
    const [version = -1] = versions;
    if (versions.length !== 1) problems.add(`versions ${versions.join(' and ')} together: ${description}`);
    if (version < oldest || version > bench.version) problems.add(`version ${version}: ${description}`);
  }
  return { problems: [...problems], images, tape };
}

/** Brings the log to `bytes` before the end of its ring. */
const nearEnd = (bench: Bench): void => {
  bench.times(Math.floor((512 * 1024 - 512) / (4096 * 6)) - 1, 5);
};

const SCENARIOS: readonly Scenario[] = [
  { name: 'the first change of a mount', run: (b) => b.change(3), count: 3 },
  { name: 'three changes', before: (b) => b.change(3), run: (b) => b.times(3, 3), count: 3 },
  { name: 'round the end of the ring', before: nearEnd, run: (b) => b.times(4, 5), count: 5, oneIn: 3 },
  {
    name: 'more blocks than the first sector of a list names',
    before: (b) => b.change(34),
    run: (b) => b.change(34),
    count: 34,
    oneIn: 5,
  },
  {
    name: 'more blocks than one list names',
    before: (b) => b.change(300),
    run: (b) => b.change(300),
    count: 300,
    pieceBytes: 512,
    oneIn: 40,
  },
  {
    name: 'more than the ring has left',
    before: (b) => b.times(2, 9),
    run: (b) => b.times(2, 9),
    count: 9,
    pieceBytes: 32_768,
  },
  {
    name: 'unmounting',
    before: (b) => b.change(2).volume.commit.flush(),
    run: (b) => b.change(2).volume.commit.close(),
    count: 2,
    policy: 'writeback',
  },
  {
    name: 'mounting again and going on',
    before: (b) => {
      b.times(3, 4).volume.commit.close();
      b.volume = open(b.disk);
    },
    run: (b) => b.times(2, 4),
    count: 4,
  },
  {
    name: 'replay, and changes after it',
    before: (b) => {
      b.times(2, 4);
      b.disk.losesHome = true;
      b.change(4);
    },
    run: (b) => {
      b.disk.losesHome = false;
      b.volume = open(b.disk);
      b.times(2, 4);
    },
    count: 4,
  },
  {
    name: 'replay, and a large change after it',
    before: (b) => {
      b.times(2, 9);
      b.disk.losesHome = true;
      b.change(9);
    },
    run: (b) => {
      b.disk.losesHome = false;
      b.volume = open(b.disk);
      b.change(9);
    },
    count: 9,
    pieceBytes: 32_768,
  },
  {
    name: 'a journal that mkfs left uninitialised',
    before: (b) => {
      b.change(3).volume.commit.close();
      patch(b.disk, b.journalAt, (view) => view.setUint32(0, 0xdead));
      patch(b.disk, b.infoAt, (view) => view.setUint32(0, view.getUint32(0) | 4));
      b.volume = open(b.disk);
    },
    run: (b) => b.times(2, 3),
    count: 3,
  },
  {
    name: 'a journal that is out of date',
    before: (b) => {
      b.times(2, 3);
      // Another system goes on without the journal: '10.0', and version 9 of everything.
      patch(b.disk, 1024, (view) => view.setUint32(8, 0x31302e30));
      b.overwrite(9, 3);
      b.volume = open(b.disk);
    },
    run: (b) => b.times(2, 3),
    count: 3,
  },
  {
    name: 'more than the journal holds',
    before: (b) => b.change(17),
    run: (b) => b.change(5).times(2, 17),
    count: 5,
    pieceBytes: 32_768,
    mayBeMarked: true,
  },
];

/** Changes the sector at `offsetBytes`, from that byte on. */
function patch(disk: Disk, offsetBytes: number, change: (view: DataView) => void): void {
  const block = Math.floor(offsetBytes / disk.blockSizeBytes);
  const sector = new Uint8Array(disk.blockSizeBytes);
  disk.read(block, sector);
  change(new DataView(sector.buffer, offsetBytes % disk.blockSizeBytes));
  disk.write(block, sector, { ...LABEL, owner: 'another system' });
}

describe.each(KINDS)('sectors of $sector, torn as on $profile.name', (kind) => {
  const possible = SCENARIOS.filter(
    ({ pieceBytes = 4096, mayBeMarked }) => pieceBytes >= kind.sector && (kind === PLAIN || !mayBeMarked),
  );

  test.each(possible.map((scenario) => [scenario.name, scenario] as const))('%s', (_, scenario) => {
    const { problems, images } = problemsOf({ ...scenario, kind });
    expect(problems.slice(0, 5)).toEqual([]);
    expect(images).toBeGreaterThan(10);
  });
});

describe('without one barrier the tests see damage', () => {
  test.each([
    ['hfs+: the log before the journal header that names it', 'three changes'],
    ['hfs+: the journal header before what it protects is changed', 'the first change of a mount'],
    [
      'hfs+: the rest of a long transaction before the sector that makes it valid',
      'more blocks than one list names',
    ],
    ['hfs+: everything at home before the journal makes room', 'more than the ring has left'],
    [
      'hfs+: the journal let go of old transactions before they are overwritten',
      'more than the ring has left',
    ],
    ['hfs+: everything at home before unmounting empties the journal', 'unmounting'],
    [
      'hfs+: the replayed blocks are at home before the journal lets go of them',
      'replay, and changes after it',
    ],
    ['hfs+: the journal is empty', 'replay, and a large change after it'],
    ['hfs+: the journal has a header before anybody looks at it', 'a journal that mkfs left uninitialised'],
    ['hfs+: the journal has a header before anybody looks at it', 'a journal that is out of date'],
    ['hfs+: everything at home before a change goes past the journal', 'more than the journal holds'],
    ['hfs+: the volume says that it is inconsistent before it is', 'more than the journal holds'],
    ['hfs+: a transaction larger than the journal is whole', 'more than the journal holds'],
  ])('%s: %s', (barrier, name) => {
    const scenario = SCENARIOS.find((candidate) => candidate.name === name);
    if (scenario === undefined) throw new Error(`no scenario '${name}'`);
    expect(problemsOf(scenario, barrier).problems.length).toBeGreaterThan(0);
  });
});

test.each([
  ['sync', 'hfs+: sync'],
  ['close', 'hfs+: the volume is unmounted, its journal empty'],
] as const)('%s returns when all is on the medium, and not without its barrier', (call, barrier) => {
  for (const forgotten of [null, barrier]) {
    const bench = new Bench(PLAIN, 'writeback', 4096);
    bench.change(3);
    const tape = new Tape(512);
    bench.disk.tape = tape;
    if (forgotten !== null) forgetBarrier(bench.disk, forgotten);
    bench.volume.commit[call]();
    expect(tape.length).toBeGreaterThan(1);
    expect(tape.kindAt(tape.length - 1) === 'barrier').toBe(forgotten === null);
  }
});

test('barriers of one change: one behind the log, one behind the header', () => {
  const bench = new Bench(PLAIN, 'each', 4096);
  bench.change(3);
  const tape = new Tape(512);
  bench.disk.tape = tape;
  bench.change(3);
  const kinds = Array.from({ length: tape.length }, (_, i) => tape.kindAt(i));
  const owners = kinds.map((kind, i) => (kind === 'barrier' ? '|' : tape.entry(i).owner));
  expect(owners).toEqual(['journal', '|', 'journal header', '|', 'test', 'test', 'test']);
});

test('without a journal: used before named, forgotten before free', () => {
  const store = new Store({ blockSizeBytes: 512, blockCount: 4096 });
  const clock = new SimulatedClock();
  const options = { label: '', settings: { journal: 'off' }, clock, random: new Prng(3) };
  newfs(store, { ...options, partitionFirstBlock: 0 }, false);
  const { commit, allocation, header } = open(store);
  const [catalog] = header.fork('catalog').extents;
  const offset = ((catalog?.startBlock ?? 0) + (catalog?.blockCount ?? 0) + 50) * 4096;
  const runs = [{ deviceOffsetBytes: offset, lengthBytes: 4096 }];
  const record: MetadataBuffer = { bytes: new Uint8Array(4096), runs, label: LABEL, isDirty: false };
  const ownersOf = (change: () => void): string[] => {
    const tape = new Tape(512);
    store.tape = tape;
    commit.begin();
    change();
    commit.touch(record);
    commit.end();
    store.tape = null;
    return Array.from({ length: tape.length }, (_, i) => {
      const kind = tape.kindAt(i);
      return kind === 'barrier' ? '|' : kind === 'trim' ? 'trim' : tape.entry(i).owner;
    });
  };
  let taken = allocation.allocate(0, 0);
  const mark = ['volume header', '|'];
  const use = ownersOf(() => (taken = allocation.allocate(0, 3)));
  expect(use).toEqual([...mark, 'allocation file', '|', 'test', 'volume header']);
  const free = ownersOf(() => allocation.free(taken));
  expect(free).toEqual(['test', '|', 'volume header', 'allocation file', 'trim']);
});
