import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { Store } from '../../../../src/engine/device/store.ts';
import { fsck } from '../../../../src/engine/formats/apfs/fsck.ts';
import { fsckApfsAfterPowerCut } from '../../../support/checkers.ts';
import { sparseImageFile } from '../../../support/formats.ts';
import { refusalOf } from '../../../support/refusal.ts';
import { ApfsDisk, INIT } from './apfs-disk.ts';

/**
 * Goal: a file of many extents that a clone shares gets a stream of its own over several transactions, each of which
 * leaves what checkers accept; a power cut between them leaves the file as it was, and the next mount gives up the rest.
 * Method: the disk is kept at every barrier of a truncation, a write, a hole; each is mounted as it lies there.
 */
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const BLOCK = 4096;
const PIECES = 200;

const piece = (i: number): Uint8Array => new Prng(1000 + i).bytes(BLOCK);

/** `pieces` has a block, a hole, a block …; `clone` shares it. */
function shared(pieces = PIECES, sizeBytes = 16 * MIB): ApfsDisk {
  const disk = new ApfsDisk({ sizeBytes, policy: 'writeback' });
  const { volume } = disk;
  const node = volume.create(volume.root, 'pieces', INIT);
  for (let i = 0; i < pieces; i++) volume.write(node, 2 * i * BLOCK, piece(i));
  volume.clone(node, volume.root, 'clone', null);
  volume.release(node);
  disk.container.sync();
  return disk;
}

const contentsOf = ({ volume }: ApfsDisk, name: string): Buffer => {
  const node = volume.lookup(volume.root, name);
  if (node === undefined) throw new Error(`${name} is there`);
  const bytes = Buffer.alloc(volume.attributes(node).sizeBytes);
  volume.read(node, 0, bytes);
  return bytes;
};

const usedBlocks = ({ volume }: ApfsDisk): number => volume.statistics().usedBlocks ?? NaN;

/** The disk at every barrier of `run`, of which each operation commits. */
function atBarriers(disk: ApfsDisk, run: (disk: ApfsDisk) => void): { after: ApfsDisk; states: Store[] } {
  const { store } = disk;
  disk.container.sync();
  const after = new ApfsDisk({ policy: 'each' }, store.fork());
  const states: Store[] = [];
  const { barrier } = after.store;
  after.store.barrier = (reason) => {
    barrier.call(after.store, reason);
    states.push(after.store.fork());
  };
  run(after);
  after.store.barrier = barrier;
  return { after, states };
}

const kindsOf = (store: Store): string[] => fsck(store, { repair: false }).findings.map(({ kind }) => kind);

interface Change {
  readonly name: string;
  readonly run: (disk: ApfsDisk) => void;
  readonly change: (bytes: Buffer) => Buffer;
}

const CHANGES: readonly Change[] = [
  {
    name: 'it is cut in the middle of a block',
    run: (disk) => disk.volume.truncate(disk.node('pieces'), 300 * BLOCK + 100),
    change: (bytes) => bytes.subarray(0, 300 * BLOCK + 100),
  },
  {
    name: 'it is cut between two blocks',
    run: (disk) => disk.volume.truncate(disk.node('pieces'), 301 * BLOCK),
    change: (bytes) => bytes.subarray(0, 301 * BLOCK),
  },
  {
    name: 'it grows',
    run: (disk) => disk.volume.truncate(disk.node('pieces'), 500 * BLOCK),
    change: (bytes) => Buffer.concat([bytes, Buffer.alloc(500 * BLOCK - bytes.length)]),
  },
  {
    name: 'a block is written',
    run: (disk) => disk.volume.write(disk.node('pieces'), 200 * BLOCK, piece(7)),
    change: (bytes) => Buffer.concat([bytes.subarray(0, 200 * BLOCK), piece(7), bytes.subarray(201 * BLOCK)]),
  },
  {
    name: 'a hole is punched',
    run: (disk) => disk.volume.punchHole(disk.node('pieces'), 200 * BLOCK, BLOCK),
    change: (bytes) => Buffer.from(bytes).fill(0, 200 * BLOCK, 201 * BLOCK),
  },
];

describe.each([
  ['', CHANGES, false],
  [', and a snapshot as well', CHANGES.slice(0, 3), true],
] as const)('a file of many extents that a clone shares%s', (_, changes, hasSnapshot) => {
  test.each(changes)('$name', ({ run, change }) => {
    const disk = shared();
    if (hasSnapshot) disk.volume.snapshots?.create('before');
    const before = contentsOf(disk, 'pieces');
    const changed = change(before);
    const { after, states } = atBarriers(disk, run);
    expect(contentsOf(after, 'pieces').equals(changed)).toBe(true);
    expect(contentsOf(after, 'clone').equals(before)).toBe(true);
    const used = { before: usedBlocks(disk), after: usedBlocks(after) };
    const between = states.filter((state) => kindsOf(state).includes('orphan'));
    expect(between.length).toBeGreaterThanOrEqual(4);
    for (const state of states) {
      const harmless = ['dirty', 'orphan'];
      expect(kindsOf(state).filter((kind) => !harmless.includes(kind))).toEqual([]);
      const isBetween = between.includes(state);
      const again = new ApfsDisk({ policy: 'each' }, state);
      const isBefore = contentsOf(again, 'pieces').equals(before);
      expect(isBefore || contentsOf(again, 'pieces').equals(changed)).toBe(true);
      if (isBetween) expect(isBefore).toBe(true);
      expect(contentsOf(again, 'clone').equals(before)).toBe(true);
      // Trees that have grown and shrunk again may have some nodes more.
      if (isBetween) expect(Math.abs(usedBlocks(again) - used.before)).toBeLessThan(12);
      again.unmount();
      expect(kindsOf(state)).toEqual([]);
    }
    for (const state of [between[1], states.at(-1)]) {
      expect(state && fsckApfsAfterPowerCut(sparseImageFile(state))).toBe('');
    }
    expect(after.remount()).toBe('');
    after.volume.remove(after.volume.root, 'pieces');
    after.volume.remove(after.volume.root, 'clone');
    if (hasSnapshot) after.volume.snapshots?.delete('before');
    expect(after.remount()).toBe('');
    expect(usedBlocks(after)).toBeLessThan(30);
  });
});

test('a power cut has left the copy: apfsck takes it as what waits to be deleted', () => {
  const { states } = atBarriers(shared(), (disk) => disk.volume.truncate(disk.node('pieces'), 300 * BLOCK));
  const between = states.filter((state) => kindsOf(state).includes('orphan'));
  for (const state of between) expect(fsckApfsAfterPowerCut(sparseImageFile(state))).toBe('');
});

test('where the volume is full it fails with ENOSPC, the file stays shared and nothing is left over', () => {
  const disk = shared(3000, 32 * MIB);
  const { volume } = disk;
  const ballast = volume.create(volume.root, 'ballast', INIT);
  const blocks = volume.statistics().availableBlocks - ROOM_FOR_SOME_STEPS;
  volume.fill(ballast, 0, blocks * BLOCK, { generator: 'random', seed: 1, offsetBytes: 0 });
  volume.release(ballast);
  const used = usedBlocks(disk);
  const before = contentsOf(disk, 'pieces');
  const { after, states } = atBarriers(disk, (full) => {
    const truncate = () => full.volume.truncate(full.node('pieces'), 5000 * BLOCK);
    expect(refusalOf(truncate)).toMatch(/^ENOSPC /);
  });
  expect(states.filter((state) => kindsOf(state).includes('orphan')).length).toBeGreaterThan(6);
  expect(contentsOf(after, 'pieces').equals(before)).toBe(true);
  expect(after.volume.sharing(after.node('pieces')).cloneReferenceCount).toBe(2);
  expect(kindsOf(after.store)).not.toContain('orphan');
  // Extent references that were cut for the copy stay in pieces.
  expect(Math.abs(usedBlocks(after) - used)).toBeLessThan(40);
  // And with room it succeeds.
  after.volume.remove(after.volume.root, 'ballast');
  after.volume.truncate(after.node('pieces'), 5000 * BLOCK);
  expect(contentsOf(after, 'pieces').equals(before.subarray(0, 5000 * BLOCK))).toBe(true);
  expect(after.remount()).toBe('');
});

/** The copy takes some sixty blocks; a step has to be sure of more than it takes. */
const ROOM_FOR_SOME_STEPS = 170;

describe.each([
  [10_000, 64],
  [100_000, 512],
])('%d extents in a container of %d MiB', (extents, sizeMib) => {
  test('each transaction is small, and the clone stays whole', () => {
    const disk = shared(extents / 2, sizeMib * MIB);
    const kept = (extents - 100) * BLOCK;
    const before = contentsOf(disk, 'clone');
    const { store } = disk;
    const { write, barrier } = store;
    let blocks = 0;
    let most = 0;
    store.write = (first, bytes, label) => {
      blocks += bytes.length / BLOCK;
      write.call(store, first, bytes, label);
    };
    store.barrier = (reason) => {
      most = Math.max(most, blocks);
      blocks = 0;
      barrier.call(store, reason);
    };
    const each = new ApfsDisk({ policy: 'each' }, store);
    each.volume.truncate(each.node('pieces'), kept);
    Object.assign(store, { write, barrier });
    expect(most).toBeLessThan(120);
    expect(contentsOf(each, 'pieces').equals(before.subarray(0, kept))).toBe(true);
    expect(contentsOf(each, 'clone').equals(before)).toBe(true);
    expect(each.remount()).toBe('');
  });
});

test('600 GiB in a few extents go over several transactions for their extent references', () => {
  const disk = new ApfsDisk({ sizeBytes: 2 ** 40, policy: 'writeback' });
  const { volume } = disk;
  const node = volume.create(volume.root, 'pieces', INIT);
  volume.fill(node, 0, 600 * GIB, { generator: 'random', seed: 1, offsetBytes: 0 });
  volume.clone(node, volume.root, 'clone', null);
  volume.release(node);
  const { after, states } = atBarriers(disk, (each) => each.volume.truncate(each.node('pieces'), 599 * GIB));
  expect(states.filter((state) => kindsOf(state).includes('orphan')).length).toBeGreaterThanOrEqual(4);
  const sizes = ['pieces', 'clone'].map((name) => after.volume.attributes(after.node(name)).sizeBytes / GIB);
  expect(sizes).toEqual([599, 600]);
  after.unmount();
  expect(kindsOf(after.store)).toEqual([]);
});

/** Files of a volume and what they must hold, changed together. */
class Twins {
  readonly contents = new Map<string, Buffer>();
  #lastSnapshot = 0;

  constructor(
    readonly disk: ApfsDisk,
    readonly prng: Prng,
  ) {
    for (const name of ['pieces', 'clone']) this.contents.set(name, contentsOf(disk, name));
  }

  change(number: number): void {
    const { disk, prng, contents } = this;
    const { volume } = disk;
    const name = [...contents.keys()][prng.below(contents.size)] ?? '';
    const bytes = contents.get(name) ?? Buffer.alloc(0);
    const at = BLOCK * prng.below(Math.ceil(bytes.length / BLOCK) + 1);
    const copy = Buffer.concat([bytes, Buffer.alloc(Math.max(0, at + BLOCK - bytes.length))]);
    switch (prng.below(7)) {
      case 0: {
        // Half of them from the last eighth: many extents are kept.
        const size = Math.floor(prng.below(2) === 0 ? at : bytes.length - at / 8);
        volume.truncate(disk.node(name), size);
        contents.set(name, copy.subarray(0, size));
        break;
      }
      case 1:
        volume.write(disk.node(name), at, piece(number));
        copy.set(piece(number), at);
        contents.set(name, copy);
        break;
      case 2:
        volume.punchHole(disk.node(name), at, 2 * BLOCK);
        copy.subarray(at, at + 2 * BLOCK).fill(0);
        contents.set(name, copy.subarray(0, bytes.length));
        break;
      case 3:
      case 4:
        if (contents.size > 8) break;
        volume.clone(disk.node(name), volume.root, `clone ${number}`, null);
        contents.set(`clone ${number}`, bytes);
        break;
      case 5:
        if (contents.size < 5) break;
        volume.remove(volume.root, name);
        contents.delete(name);
        break;
      default:
        // The middle one of three goes.
        volume.snapshots?.create(`snapshot ${number}`);
        if (volume.snapshots?.list().length === 3) volume.snapshots.delete(`snapshot ${this.#lastSnapshot}`);
        this.#lastSnapshot = number;
    }
  }
}

test.each([1, 2, 3, 4, 5, 6])(
  'at random, seed %d: files hold what plain arrays do, both checkers find nothing',
  (seed) => {
    const disk = shared();
    const twins = new Twins(disk, new Prng(seed));
    for (let i = 1; i <= 60; i++) {
      twins.change(i);
      if (i % 12 !== 0) continue;
      for (const [name, expected] of twins.contents) {
        expect(contentsOf(disk, name).equals(expected), name).toBe(true);
      }
      expect(disk.remount()).toBe('');
      expect(kindsOf(disk.store).filter((kind) => kind !== 'dirty')).toEqual([]);
    }
  },
);
