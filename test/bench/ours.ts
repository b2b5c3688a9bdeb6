import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { SILENT, type Trace } from '../../src/engine/base/trace.ts';
import { Store } from '../../src/engine/device/store.ts';
import { Tape } from '../../src/engine/device/tape.ts';
import type {
  CommitPolicy,
  Format,
  FormatName,
  Volume,
  VolumeNode,
} from '../../src/engine/formats/contract.ts';
import { formatNamed } from '../../src/engine/formats/registry.ts';
import { O_CREAT, O_EXCL, O_RDONLY, O_TRUNC, O_WRONLY } from '../../src/engine/vfs/constants.ts';
import { knowAllFormats } from '../../src/engine/session/all-formats.ts';
import { FIRST_USER, Kernel } from '../../src/engine/vfs/kernel.ts';
import { CLUSTER_SIZE_BYTES, type FileSystem, type JudgedSystem, type System } from './systems.ts';
import { DISK_BYTES, nameOf, oneDirectory, PIECES, type Rates } from './workloads.ts';
import { fastest } from '../support/stopwatch.ts';

knowAllFormats();

/** Our formats, at the height of the volume and, FAT32, at the height of system calls. */
const BLOCK_BYTES = 512;

type Settings = Readonly<Record<string, string>>;

interface Subject {
  readonly format: Format;
  readonly settings: Settings;
  readonly policy: CommitPolicy;
  /** Operations between two calls of sync; absent: whoever measures says when. */
  readonly commitEvery?: number;
}

interface Disk {
  readonly store: Store;
  readonly volume: Volume;
  readonly clock: SimulatedClock;
  readonly trace: Trace;
}

/** Settings that give all formats blocks of the same size. */
const SETTINGS: Readonly<Record<FormatName, Settings>> = {
  fat32: { type: 'fat32', 'cluster-size': `${CLUSTER_SIZE_BYTES / 1024}k` },
  exfat: { 'cluster-size': `${CLUSTER_SIZE_BYTES / 1024}k` },
  hfsplus: {},
  hfsx: {},
  apfs: {},
};

const subject = (name: FormatName, policy: CommitPolicy): Subject => ({
  ...{ format: formatNamed(name), settings: SETTINGS[name], policy },
});

function made(sizeBytes: number, format: Format, settings: Settings): Store {
  const store = new Store({ blockSizeBytes: BLOCK_BYTES, blockCount: sizeBytes / BLOCK_BYTES });
  const clock = new SimulatedClock();
  format.newfs(store, { label: 'BENCH', settings, clock, random: new Prng(1), partitionFirstBlock: 0 });
  return store;
}

function mounted(sizeBytes: number, { format, settings, policy }: Subject, isTraced = false): Disk {
  const store = made(sizeBytes, format, settings);
  const tape = isTraced ? new Tape(BLOCK_BYTES) : null;
  store.tape = tape;
  const clock = new SimulatedClock();
  const trace = tape ?? SILENT;
  const options = { isReadOnly: false, policy, clock, trace, owner: FIRST_USER, timeZoneMinutes: 0 };
  return { store, volume: format.mount(store, options), clock, trace };
}

const INIT = { mode: 0o644, ...FIRST_USER };

/** The same with a call of sync after every so many operations. */
function committing(files: FileSystem, commitEvery = Infinity): FileSystem {
  if (commitEvery === Infinity) return files;
  let changes = 0;
  const changed = (): void => {
    if (++changes % commitEvery === 0) files.sync?.();
  };
  return {
    ...files,
    create(path, data) {
      files.create(path, data);
      changed();
    },
    open(path) {
      const file = files.open(path);
      return {
        write(data, offsetBytes) {
          file.write(data, offsetBytes);
          changed();
        },
        close: () => file.close(),
      };
    },
    rename(from, to) {
      files.rename(from, to);
      changed();
    },
    remove(path) {
      files.remove(path);
      changed();
    },
  };
}

/** The volume itself: no paths, no permissions, no descriptors. */
function volumeFileSystem(volume: Volume): FileSystem {
  const directories = new Map<string, VolumeNode>([['', volume.root]]);
  const split = (path: string): [VolumeNode, string] => {
    const slash = path.lastIndexOf('/');
    const directory = directories.get(path.slice(0, slash));
    if (directory === undefined) throw new Error(`${path} lies in no directory made here`);
    return [directory, path.slice(slash + 1)];
  };
  return {
    makeDirectory: (path) => void directories.set(path, volume.makeDirectory(...split(path), INIT)),
    create(path, data) {
      const node = volume.create(...split(path), INIT);
      volume.write(node, 0, data);
      volume.release(node);
    },
    open(path) {
      const node = volume.create(...split(path), INIT);
      return {
        write: (data, offsetBytes) => void volume.write(node, offsetBytes, data),
        close: () => volume.release(node),
      };
    },
    rename: (from, to) => void volume.rename(...split(from), ...split(to)),
    remove: (path) => void volume.remove(...split(path)),
    list(path) {
      let count = 0;
      for (let after: number | null = null; ;) {
        const page = volume.list(directories.get(path)!, after, 1000);
        count += page.entries.length;
        after = page.next;
        if (after === null) return count;
      }
    },
    stat(path) {
      const node = volume.lookup(...split(path));
      if (node === undefined) throw new Error(`${path} is not there`);
      return volume.attributes(node).sizeBytes;
    },
    sync: () => volume.sync(),
  };
}

/** Programs: paths, permissions and descriptors as a Mac has them. */
function callsFileSystem({ volume, clock, trace }: Disk): FileSystem {
  const kernel = new Kernel({ clock, trace });
  const on = kernel.mount(volume, { from: '/dev/disk1' });
  const calls = kernel.spawn({ cwd: on });
  const at = (path: string): string => path.slice(1); // relative to the root of the volume
  return {
    makeDirectory: (path) => calls.mkdir(at(path)),
    create(path, data) {
      const fd = calls.open(at(path), O_WRONLY | O_CREAT | O_EXCL, 0o644);
      calls.write(fd, data);
      calls.close(fd);
    },
    open(path) {
      const fd = calls.open(at(path), O_WRONLY | O_CREAT | O_TRUNC, 0o644);
      return {
        write: (data, offsetBytes) => void calls.pwrite(fd, data, offsetBytes),
        close: () => calls.close(fd),
      };
    },
    rename: (from, to) => calls.rename(at(from), at(to)),
    remove: (path) => calls.unlink(at(path)),
    list(path) {
      const fd = calls.open(at(path), O_RDONLY);
      let count = 0;
      for (;;) {
        const entries = calls.getdirentries(fd, 1000);
        if (entries.length === 0) break;
        count += entries.length;
      }
      calls.close(fd);
      return count;
    },
    stat: (path) => calls.stat(at(path)).sizeBytes,
    sync: () => volume.sync(),
  };
}

const volumeSystem = (name: string, of: Subject): System => ({
  ...{
    name,
    kind: 'ours',
    fresh: (sizeBytes) => committing(volumeFileSystem(mounted(sizeBytes, of).volume), of.commitEvery),
  },
});

const judgedSystem = (name: string, of: Subject, filesMax: number): JudgedSystem => {
  const system = volumeSystem(name, of);
  return {
    ...{ ...system, filesMax },
    figures: async () => ({
      ...figures(of, filesMax),
      ...(await growth(system, filesMax)),
      ...(of.format.openContainer === undefined ? {} : copyOnWriteFigures(of)),
    }),
  };
};

const callsSystem = (name: string, of: Subject, isTraced: boolean): System => ({
  ...{
    name,
    kind: 'ours',
    fresh: (sizeBytes) => committing(callsFileSystem(mounted(sizeBytes, of, isTraced)), of.commitEvery),
  },
});

const APFS: Subject = { ...subject('apfs', 'writeback'), commitEvery: 1000 };

/**
 * The systems that the goals are about. FAT32 and exFAT put every operation on the device before it returns; HFS+
 * gathers operations into one transaction, as macOS does; APFS writes a checkpoint for every thousand operations.
 */
export const JUDGED: readonly JudgedSystem[] = [
  // A directory of FAT ends at 65,536 slots, three for each of these names.
  judgedSystem('FAT32', subject('fat32', 'each'), 20_000),
  judgedSystem('exFAT', subject('exfat', 'each'), 100_000),
  judgedSystem('HFS+', subject('hfsplus', 'writeback'), 100_000),
  judgedSystem('APFS', APFS, 100_000),
];

export const OURS: readonly System[] = [
  ...JUDGED,
  volumeSystem('HFS+ each', subject('hfsplus', 'each')),
  volumeSystem('APFS each', subject('apfs', 'each')),
  callsSystem('FAT32 calls', subject('fat32', 'each'), false),
  callsSystem('FAT32 traced', subject('fat32', 'each'), true),
  callsSystem('APFS calls', APFS, false),
  callsSystem('APFS traced', APFS, true),
];

// ── what has no peer here ───────────────────────────────────────────────────────────────────────────────────────────

const FORKS = 1000;

/** Of one format: making a terabyte, checking a full directory, forking its disk. */
function figures({ format, settings, policy }: Subject, fileCount: number): Rates {
  const terabyte = () => made(1e12, format, {});
  const store = filledStore({ format, settings, policy }, fileCount);
  const check = () => {
    const { isReadable, findings } = format.fsck(store, { repair: false });
    if (isReadable && findings.length === 0) return;
    throw new Error(`fsck finds ${findings.length} things wrong with the volume that was just made`);
  };
  const fork = fastest(5, () => {
    for (let i = 0; i < FORKS; i++) store.fork();
  });
  const values = {
    newfs: fastest(9, terabyte),
    newfsBytes: terabyte().storedBytes,
    fsck: fastest(5, check),
    fork: fork / FORKS,
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { value, isCapped: false, count: 1 }]),
  );
}

const FEW_FILES = 1000;

/**
 * How much more an operation costs in a directory of `filesMax` files than in one of a thousand. As many operations on
 * either side, on many small disks or on one: then both pay alike for what the collector does now and then. They take
 * turns, and of each the best counts: a machine that is slow for some seconds makes neither dearer.
 */
async function growth(system: System, filesMax: number): Promise<Rates> {
  const small: Seconds = new Map();
  const large: Seconds = new Map();
  for (let round = 0; round < GROWTH_ROUNDS; round++) {
    keepLess(small, await secondsOf(system, FEW_FILES, filesMax / FEW_FILES));
    keepLess(large, await secondsOf(system, filesMax, 1));
  }
  return Object.fromEntries(
    Array.from(large, ([name, seconds]) => [
      `${name} growth`,
      { value: seconds / (small.get(name) ?? NaN), isCapped: false, count: filesMax },
    ]),
  );
}

const GROWTH_ROUNDS = 2;

/** By operation: of all files together. */
type Seconds = Map<string, number>;

async function secondsOf(system: System, fileCount: number, diskCount: number): Promise<Seconds> {
  const seconds: Seconds = new Map();
  for (let disk = 0; disk < diskCount; disk++) {
    for (const [name, { value }] of Object.entries(await oneDirectory(system, fileCount))) {
      seconds.set(name, (seconds.get(name) ?? 0) + fileCount / value);
    }
  }
  return seconds;
}

function keepLess(best: Seconds, seconds: Seconds): void {
  for (const [name, value] of seconds) best.set(name, Math.min(best.get(name) ?? Infinity, value));
}

/** A volume with many files of 1 KiB in one directory. */
function filledStore({ format, settings }: Subject, fileCount: number): Store {
  const { store, volume } = mounted(DISK_BYTES, { format, settings, policy: 'writeback' });
  const files = volumeFileSystem(volume);
  files.makeDirectory('/d');
  const data = new Uint8Array(1024).fill(1);
  for (let i = 0; i < fileCount; i++) files.create(`/d/${nameOf(i)}`, data);
  volume.unmount();
  return store;
}

// ── what only copy-on-write offers ──────────────────────────────────────────────────────────────────────────────────

const MIB = 2 ** 20;

/** Clones and snapshots, each with the checkpoint that makes it last. Milliseconds. */
function copyOnWriteFigures({ format, settings }: Subject): Rates {
  const of = { format, settings, policy: 'each' } as const;
  const values = {
    ...Object.fromEntries([500, 5e6].map((mebibytes) => [`clone ${mebibytes}`, cloneOf(of, mebibytes)])),
    ...cloneOfPieces(of),
    ...Object.fromEntries([1000, 100_000].map((files) => [`snapshot ${files}`, snapshotOf(of, files)])),
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, { value, isCapped: false, count: 1 }]),
  );
}

function cloneOf(of: Subject, mebibytes: number): number {
  const { volume } = mounted(2 * mebibytes * MIB, of);
  const node = volume.create(volume.root, 'film.mov', INIT);
  volume.fill(node, 0, mebibytes * MIB, { generator: 'random', seed: 1, offsetBytes: 0 });
  let count = 0;
  return fastest(50, () => volume.clone?.(node, volume.root, `clone ${count++}`, null));
}

/** A file in ten thousand pieces: its clone, and the first block written into the clone. */
function cloneOfPieces(of: Subject): Record<string, number> {
  const { volume } = mounted(600 * MIB, { ...of, policy: 'writeback' });
  const [even, odd] = ['even', 'odd'].map((name) => volume.create(volume.root, name, INIT));
  const block = new Uint8Array(4096).fill(7);
  if (even === undefined || odd === undefined) throw new Error('two files were made');
  for (let i = 0; i < PIECES; i++) {
    volume.write(even, i * block.length, block);
    volume.write(odd, i * block.length, block);
    if (i % 1000 === 999) volume.sync();
  }
  let count = 0;
  const names: string[] = [];
  const clone = fastest(9, () => {
    names.push(`clone ${count}`);
    volume.clone?.(even, volume.root, `clone ${count++}`, null);
    volume.sync();
  });
  const overwrite = fastest(9, () => {
    const node = volume.lookup(volume.root, names.pop() ?? '');
    if (node === undefined) throw new Error('the clone is there');
    volume.write(node, 4096 * 5000, block);
    volume.sync();
  });
  return { 'clone of pieces': clone, 'overwrite of pieces': overwrite };
}

function snapshotOf(of: Subject, fileCount: number): number {
  const { volume } = mounted(DISK_BYTES, { ...of, policy: 'writeback' });
  const files = committing(volumeFileSystem(volume), 1000);
  files.makeDirectory('/d');
  const data = new Uint8Array(1024).fill(1);
  for (let i = 0; i < fileCount; i++) files.create(`/d/${nameOf(i)}`, data);
  volume.sync();
  let count = 0;
  return fastest(80, () => {
    volume.snapshots?.create(`state ${count++}`);
    volume.sync();
  });
}
