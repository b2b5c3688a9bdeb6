import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../src/engine/base/clock.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import { SILENT } from '../../src/engine/base/trace.ts';
import { crashImages } from '../../src/engine/device/crash.ts';
import { PROFILES } from '../../src/engine/device/profile.ts';
import { Store } from '../../src/engine/device/store.ts';
import { Tape } from '../../src/engine/device/tape.ts';
import type { CommitPolicy, Format, Volume, VolumeNode } from '../../src/engine/formats/contract.ts';
import { hfsplus, hfsx } from '../../src/engine/formats/hfsplus/index.ts';
import { openVolume } from '../../src/engine/formats/hfsplus/mount.ts';
import { fsckHfsplus } from '../support/checkers.ts';
import { sparseImageFile } from '../support/formats.ts';
import { replayImage } from '../support/hfs-journal.ts';

/**
 * Goal: wherever the power fails, the volume is, after replay, what it was before or after one of its operations, in
 * all that is metadata, and clean for both checkers. Contents may be old: the journal does not hold them.
 * Method: every kind of operation is recorded on a disk that does requests between barriers in any order; each legal
 * image is replayed by mounting it and by the other replayer, its tree is compared with that after each step, and what it
 * holds then is judged by our fsck and by fsck.hfsplus (equal disks once). hfsplus-barriers.test.ts and its neighbours take
 * the barriers out one by one.
 */
const SIZE_BYTES = 2 << 20;
const INIT = { mode: 0o644, uid: 501, gid: 20 };
const data = (length: number, seed: number): Uint8Array => new Prng(1000 + seed).bytes(length);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

const options = (policy: CommitPolicy, isReadOnly: boolean) => ({
  isReadOnly,
  policy,
  clock: new SimulatedClock(),
  trace: SILENT,
  owner: { uid: 501, gid: 20 },
  timeZoneMinutes: 0,
});

class Disk {
  readonly store = new Store({ blockSizeBytes: 512, blockCount: SIZE_BYTES / 512 });
  volume: Volume;
  readonly #held: VolumeNode[] = [];

  constructor(
    readonly format: Format,
    policy: CommitPolicy,
  ) {
    format.newfs(this.store, {
      label: 'OLD',
      settings: {},
      clock: new SimulatedClock(),
      random: new Prng(1),
      partitionFirstBlock: 0,
    });
    this.volume = format.mount(this.store, options(policy, false));
    this.mkdir('dir').put('dir/kept.txt', data(5000, 91)).put('kept.bin', data(20_000, 92));
  }

  at(path: string): [VolumeNode, string] {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    let directory = this.volume.root;
    for (const part of parts) directory = there(this.volume.lookup(directory, part));
    return [directory, name];
  }

  node = (path: string): VolumeNode => there(this.volume.lookup(...this.at(path)));

  create(path: string): this {
    this.volume.release(this.volume.create(...this.at(path), INIT));
    return this;
  }

  write(path: string, offset: number, bytes: Uint8Array): this {
    this.volume.write(this.node(path), offset, bytes);
    return this;
  }

  put = (path: string, bytes: Uint8Array): this => this.create(path).write(path, 0, bytes);

  mkdir(path: string): this {
    this.volume.release(this.volume.makeDirectory(...this.at(path), INIT));
    return this;
  }

  hold(path: string): this {
    const node = this.node(path);
    this.volume.retain(node);
    this.#held.push(node);
    return this;
  }

  releaseAll(): void {
    for (const node of this.#held.splice(0)) this.volume.release(node);
  }

  truncate = (path: string, size: number): void => this.volume.truncate(this.node(path), size);
  unlink = (path: string): void => this.volume.remove(...this.at(path));
  rename = (from: string, to: string): void => this.volume.rename(...this.at(from), ...this.at(to));
  link = (path: string, to: string): void => this.volume.link?.(this.node(path), ...this.at(to));
  setxattr = (path: string, name: string, value: Uint8Array): void =>
    this.volume.setExtendedAttribute?.(this.node(path), name, value);
}

function there<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('what the test made is there');
  return value;
}

/** Everything of a volume but contents and times, one line for each name. */
function manifest(volume: Volume): string {
  const lines: string[] = [`label ${volume.label}`];
  const walk = (directory: VolumeNode, path: string): void => {
    let after: number | null = null;
    do {
      const page = volume.list(directory, after, 200);
      for (const { name, type } of page.entries) {
        const node = there(volume.lookup(directory, name));
        const { inode, sizeBytes, allocatedBytes, linkCount, mode, flags } = volume.attributes(node);
        const names = volume.listExtendedAttributes?.(node) ?? [];
        const sizes = names.map((key) => `${key}=${volume.getExtendedAttribute?.(node, key)?.length ?? -1}`);
        const facts = [inode, type, sizeBytes, allocatedBytes, linkCount, mode.toString(8), flags, ...sizes];
        lines.push(`${path}${name}: ${facts.join(' ')}`);
        if (type === 'directory') walk(node, `${path}${name}/`);
      }
      after = page.next;
    } while (after !== null);
  };
  walk(volume.root, '/');
  return lines.join('\n');
}

interface Operation {
  readonly name: string;
  readonly before?: (disk: Disk) => unknown;
  /** Each step is one operation of the volume: atomic. */
  readonly steps: readonly ((disk: Disk) => unknown)[];
  /** Findings that an open file without a name leaves until the next mount. */
  readonly allowed?: readonly string[];
}

const OPEN_FILES = ['open-unlinked'];

const OPERATIONS: readonly Operation[] = [
  { name: 'create', steps: [(d) => d.create('new'), (d) => d.create('dir/another')] },
  {
    name: 'first change of a mount',
    before: (d) => {
      d.volume.unmount();
      d.volume = d.format.mount(d.store, options('each', false));
    },
    steps: [(d) => d.create('new')],
  },
  {
    name: 'first write',
    before: (d) => d.create('target'),
    steps: [(d) => d.write('target', 0, data(9000, 1))],
  },
  {
    name: 'append',
    before: (d) => d.put('target', data(3000, 1)),
    steps: [(d) => d.write('target', 3000, data(9000, 2))],
  },
  {
    name: 'overwrite',
    before: (d) => d.put('target', data(9000, 1)),
    steps: [(d) => d.write('target', 100, data(5000, 2))],
  },
  {
    name: 'write behind the end',
    before: (d) => d.put('target', data(900, 1)),
    steps: [(d) => d.write('target', 30_000, data(900, 2))],
  },
  {
    name: 'truncate down',
    before: (d) => d.put('target', data(40_000, 1)),
    steps: [(d) => d.truncate('target', 3000)],
  },
  {
    name: 'truncate to nothing and write again',
    before: (d) => d.put('target', data(40_000, 1)),
    steps: [(d) => d.truncate('target', 0), (d) => d.write('target', 0, data(20_000, 2))],
  },
  {
    name: 'truncate up',
    before: (d) => d.put('target', data(300, 1)),
    steps: [(d) => d.truncate('target', 30_000)],
  },
  { name: 'unlink', before: (d) => d.put('target', data(9000, 1)), steps: [(d) => d.unlink('target')] },
  {
    name: 'unlink of an open file, which is closed',
    before: (d) => d.put('target', data(9000, 1)).hold('target'),
    steps: [(d) => d.unlink('target'), (d) => d.releaseAll()],
    allowed: OPEN_FILES,
  },
  {
    name: 'mkdir',
    steps: [(d) => d.mkdir('new'), (d) => d.mkdir('new/deeper'), (d) => d.create('new/file')],
  },
  {
    name: 'rmdir',
    before: (d) => d.mkdir('empty'),
    steps: [(d) => d.volume.removeDirectory(...d.at('empty'))],
  },
  {
    name: 'rename',
    before: (d) => d.put('target', data(3000, 1)),
    steps: [(d) => d.rename('target', 'another name'), (d) => d.rename('another name', 'ANOTHER NAME')],
  },
  {
    name: 'rename over another file',
    before: (d) => d.put('target', data(3000, 1)).put('victim', data(9000, 2)),
    steps: [(d) => d.rename('target', 'victim')],
  },
  {
    name: 'move',
    before: (d) => d.put('target', data(3000, 1)),
    steps: [(d) => d.rename('target', 'dir/target')],
  },
  {
    name: 'move a directory',
    before: (d) => d.mkdir('house').put('house/file', data(900, 1)),
    steps: [(d) => d.rename('house', 'dir/house')],
  },
  {
    name: 'first link',
    before: (d) => d.put('target', data(900, 1)),
    steps: [(d) => d.link('target', 'dir/link')],
  },
  {
    name: 'second link, and both go',
    before: (d) => {
      d.put('target', data(900, 1)).link('target', 'one');
    },
    steps: [
      (d) => d.link('target', 'two'),
      (d) => d.unlink('one'),
      (d) => d.unlink('two'),
      (d) => d.unlink('target'),
    ],
  },
  { name: 'symlink', steps: [(d) => d.volume.makeSymlink?.(...d.at('symlink'), 'dir/kept.txt', INIT)] },
  {
    name: 'small extended attribute',
    steps: [
      (d) => d.setxattr('kept.bin', 'user.small', data(40, 1)),
      (d) => d.volume.removeExtendedAttribute?.(d.node('kept.bin'), 'user.small'),
    ],
  },
  {
    name: 'large extended attribute',
    steps: [
      (d) => d.setxattr('kept.bin', 'user.large', data(9000, 1)),
      (d) => d.setxattr('kept.bin', 'user.large', data(30, 1)),
    ],
  },
  { name: 'resource fork', steps: [(d) => d.setxattr('kept.bin', 'com.apple.ResourceFork', data(6000, 1))] },
  {
    name: 'a leaf splits',
    before: (d) => upTo(9).forEach((i) => d.create(`a file with a rather long name, number ${i}`)),
    steps: upTo(5).map((i) => (d: Disk) => d.create(`another file with a rather long name, number ${i}`)),
  },
  {
    name: 'exchange',
    before: (d) => d.put('one', data(3000, 1)).put('two', data(9000, 2)),
    steps: [(d) => d.volume.exchange?.(d.node('one'), d.node('two'))],
  },
  { name: 'label', steps: [(d) => d.volume.setLabel('A new name')] },
  {
    name: 'mode and times',
    steps: [
      (d) =>
        d.volume.setAttributes(d.node('kept.bin'), {
          mode: 0o600,
          modifyTime: { seconds: 1_800_000_000, nanoseconds: 0 },
        }),
    ],
  },
];

/** Judges every disk that a power cut during `run` can leave; returns what is wrong and how many there were. */
function crash(
  disk: Disk,
  run: () => void,
  states: ReadonlySet<string>,
  allowed: readonly string[],
  oneIn: number,
) {
  const before = disk.store.fork();
  const tape = new Tape(512);
  disk.store.tape = tape;
  run();
  disk.store.tape = null;
  const problems = new Set<string>();
  /** By what a disk holds after replay: what the checkers say of it. */
  const verdicts = new Map<string, readonly string[]>();
  let images = 0;
  const range = { from: 0, to: tape.length };
  for (const { device, description } of crashImages(before, tape, range, {
    profile: PROFILES.hdd,
    seed: 7,
    exhaustiveMax: 5,
    samples: 8,
  })) {
    if (images++ % oneIn !== 0) continue;
    const say = (problem: string) => problems.add(`${problem}: ${description}`);
    const theirs = bytesOf(device, SCRATCH.theirs);
    const { headerAt } = replayImage(theirs);
    const readOnly = disk.format.mount(device, options('each', true));
    const state = manifest(readOnly);
    if (!states.has(state)) say(`neither before nor after:\n${state}\n`);
    const { isReadOnly, warnings } = openVolume(device, options('each', false));
    if (isReadOnly) say(warnings.join(' '));
    const ours = bytesOf(device, SCRATCH.ours);
    const journalBytes = Number(ours.readBigUInt64LE(headerAt + 24));
    for (const bytes of [theirs, ours]) bytes.fill(0, headerAt, headerAt + 512);
    if (!ours.equals(theirs)) say('two replayers differ');
    // What is logged behind the header of an empty journal is nobody's business.
    ours.fill(0, headerAt, headerAt + journalBytes);
    const key = createHash('sha1').update(ours).digest('hex');
    const known = verdicts.get(key) ?? verdictsOf(disk.format, device, allowed);
    verdicts.set(key, known);
    for (const verdict of known) say(verdict);
  }
  return { problems: [...problems], images };
}

/** What both checkers find, beside what is allowed. */
function verdictsOf(format: Format, device: Store, allowed: readonly string[]): string[] {
  const { findings } = format.fsck(device, { repair: false });
  const ours = findings
    .filter(({ kind }) => !['dirty', ...allowed].includes(kind))
    .map(({ kind, message }) => `${kind}: ${message}`);
  const theirs = allowed.length === 0 ? fsckHfsplus(sparseImageFile(device)) : '';
  return theirs === '' ? ours : [...ours, theirs];
}

const SCRATCH = { theirs: Buffer.alloc(SIZE_BYTES), ours: Buffer.alloc(SIZE_BYTES) };

function bytesOf(store: Store, into: Buffer): Buffer {
  store.read(0, into);
  return into;
}

describe.each([
  ['HFS+', hfsplus],
  ['HFSX', hfsx],
] as const)('%s', (name, format) => {
  test.each(OPERATIONS.map((operation) => [operation.name, operation] as const))(
    'each: %s',
    (_, operation) => {
      const { before, steps, allowed = [] } = operation;
      const disk = new Disk(format, 'each');
      before?.(disk);
      const states = new Set([manifest(disk.volume)]);
      const run = () => {
        for (const step of steps) {
          step(disk);
          const { tape } = disk.store;
          disk.store.tape = null;
          states.add(manifest(disk.volume));
          disk.store.tape = tape;
        }
      };
      const { problems, images } = crash(disk, run, states, allowed, name === 'HFS+' ? 1 : 5);
      expect(problems.slice(0, 3)).toEqual([]);
      expect(images).toBeGreaterThan(0);
    },
  );

  test('writeback: a mixed batch in one transaction', () => {
    const disk = new Disk(format, 'writeback');
    disk
      .put('gone', data(30_000, 1))
      .put('victim', data(900, 2))
      .mkdir('house')
      .put('house/in it', data(700, 3));
    disk.volume.sync();
    const states = new Set([manifest(disk.volume)]);
    const run = () => {
      disk.unlink('gone');
      disk.put('in other blocks', data(30_000, 4)).put('moved', data(5000, 5));
      disk.rename('house', 'dir/house');
      disk.rename('moved', 'victim');
      disk.link('victim', 'dir/second name');
      disk.setxattr('kept.bin', 'user.large', data(9000, 6));
      disk.volume.sync();
      disk.store.tape = null;
      states.add(manifest(disk.volume));
    };
    const { problems, images } = crash(disk, run, states, [], 1);
    expect(problems.slice(0, 3)).toEqual([]);
    expect(images).toBeGreaterThan(50);
  });

  test('what was freed is not written to before that is durable', () => {
    const disk = new Disk(format, 'writeback');
    disk.put('target', data(200_000, 1));
    disk.volume.sync();
    const before = disk.store.fork();
    disk.unlink('target');
    upTo(10).forEach((i) => disk.put(`new ${i}`, data(20_000, 10 + i)));
    const content = new Uint8Array(200_000);
    for (const { fileOffsetBytes, deviceOffsetBytes, lengthBytes } of extentsOf(format, before, 'target')) {
      const piece = new Uint8Array(Math.ceil(lengthBytes / 512) * 512);
      disk.store.read(deviceOffsetBytes / 512, piece);
      content.set(piece.subarray(0, content.length - fileOffsetBytes), fileOffsetBytes);
    }
    expect(Buffer.from(content).equals(Buffer.from(data(200_000, 1)))).toBe(true);
  });
});

function extentsOf(format: Format, store: Store, name: string) {
  const volume = format.mount(store, options('each', true));
  return volume.extents(there(volume.lookup(volume.root, name)));
}
