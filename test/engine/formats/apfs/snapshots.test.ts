import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import type {
  CommitPolicy,
  Container,
  MountOptions,
  Volume,
  VolumeNode,
} from '../../../../src/engine/formats/contract.ts';
import { openContainer } from '../../../../src/engine/formats/apfs/mount.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import { fsckApfs, fsckApfsAfterPowerCut, imageFile } from '../../../support/checkers.ts';
import { FlatDevice } from '../../../support/flat-device.ts';

const FILE = { mode: 0o644, uid: 501, gid: 20 };

function makeContainer(sizeMiB: number, policy: CommitPolicy = 'writeback') {
  const device = new FlatDevice(sizeMiB * 2 ** 20, 4096);
  const clock = new SimulatedClock();
  newfs(device, {
    label: 'Snap',
    settings: {},
    clock,
    random: new Prng(7),
    partitionFirstBlock: 0,
  });
  return { device, open: () => openContainer(device, mountOptions(clock, policy)) };
}

const mountOptions = (clock: SimulatedClock, policy: CommitPolicy): MountOptions => ({
  isReadOnly: false,
  policy,
  clock,
  trace: SILENT,
  owner: { uid: 501, gid: 20 },
  timeZoneMinutes: 0,
});

/** Names and contents of the files in the root. */
function contentsOf(volume: Volume): Map<string, string> {
  const contents = new Map<string, string>();
  for (const { name, inode } of volume.list(volume.root, null, 10_000).entries) {
    const node = volume.lookup(volume.root, name)!;
    expect(node.inode).toBe(inode);
    const into = new Uint8Array(volume.attributes(node).sizeBytes);
    volume.read(node, 0, into);
    contents.set(name, Buffer.from(into).toString('latin1'));
  }
  return contents;
}

/** While the container is open block 0 is old, which is no finding here. */
const verdictNow = (device: FlatDevice) => fsckApfsAfterPowerCut(imageFile(device.bytes));

/** One mounted volume that random operations change, and what it and its snapshots should show. */
class Script {
  readonly random: Prng;
  readonly live = new Map<string, Uint8Array>();
  readonly taken: { name: string; contents: Map<string, Uint8Array> }[] = [];
  #next = 0;

  constructor(
    /** May be mounted anew meanwhile. */
    public volume: Volume,
    seed: number,
  ) {
    this.random = new Prng(seed);
  }

  #node(name: string): VolumeNode {
    return this.volume.lookup(this.volume.root, name)!;
  }

  #bytes(): Uint8Array {
    return new Uint8Array(1 + this.random.below(60_000)).fill(this.random.below(256));
  }

  step(): void {
    const { volume, random, live } = this;
    const names = [...live.keys()];
    const choice = random.below(10);
    const name = names.length > 0 ? random.pick(names) : '';
    if (choice < 3 || name === '') {
      const made = `file ${this.#next++}`;
      const node = volume.create(volume.root, made, FILE);
      const bytes = this.#bytes();
      volume.write(node, 0, bytes);
      volume.release(node);
      live.set(made, bytes);
    } else if (choice < 6) {
      const old = live.get(name)!;
      const at = random.below(old.length);
      const bytes = this.#bytes();
      volume.write(this.#node(name), at, bytes);
      const now = new Uint8Array(Math.max(old.length, at + bytes.length));
      now.set(old);
      now.set(bytes, at);
      live.set(name, now);
    } else if (choice < 8) {
      const made = `clone ${this.#next++}`;
      volume.clone!(this.#node(name), volume.root, made, null);
      live.set(made, live.get(name)!);
    } else if (choice < 9) {
      const length = random.below(live.get(name)!.length);
      volume.truncate(this.#node(name), length);
      live.set(name, live.get(name)!.slice(0, length));
    } else {
      volume.remove(volume.root, name);
      live.delete(name);
    }
  }

  take(): void {
    const name = `snapshot ${this.#next++}`;
    this.volume.snapshots!.create(name);
    this.taken.push({ name, contents: new Map(this.live) });
  }

  /** What it frees is what had been said, but for some nodes of trees that grow or shrink by what moves. */
  drop(index: number): void {
    const { name } = this.taken[index]!;
    const snapshots = this.volume.snapshots!;
    const { privateBytes, pinnedBytes } = snapshots.space(name);
    expect(pinnedBytes).toBeGreaterThanOrEqual(privateBytes - 4096);
    const before = this.volume.statistics().freeBlocks;
    snapshots.delete(name);
    const freed = this.volume.statistics().freeBlocks - before;
    expect(Math.abs(freed - privateBytes / 4096)).toBeLessThanOrEqual(4);
    this.taken.splice(index, 1);
  }

  revert(index: number): void {
    this.volume.snapshots!.revert(this.taken[index]!.name);
    this.live.clear();
    for (const [name, bytes] of this.taken[index]!.contents) this.live.set(name, bytes);
    this.taken.splice(index + 1);
  }

  /** Everything shows what it should: the live volume, and every snapshot mounted beside it. */
  check(container: Container): void {
    const text = (contents: ReadonlyMap<string, Uint8Array>) =>
      new Map([...contents].map(([name, bytes]) => [name, Buffer.from(bytes).toString('latin1')]));
    expect(contentsOf(this.volume)).toEqual(text(this.live));
    expect(this.volume.snapshots!.list().map(({ name }) => name)).toEqual(this.taken.map(({ name }) => name));
    for (const { name, contents } of this.taken) {
      const view = container.mountVolume(0, { isReadOnly: true, snapshot: name });
      expect(contentsOf(view)).toEqual(text(contents));
      view.unmount();
    }
  }
}

describe('random scripts', () => {
  test.each([1, 2, 3, 4, 5, 6])('seed %d: apfsck finds nothing after any step', (seed) => {
    const { device, open } = makeContainer(24);
    const container = open();
    const volume = container.mountVolume(0, { isReadOnly: false });
    const empty = volume.statistics().freeBlocks;
    const script = new Script(volume, seed);
    for (let round = 0; round < 14; round++) {
      for (let i = 0; i < 12; i++) script.step();
      const { taken, random } = script;
      const choice = random.below(10);
      if (choice < 5 || taken.length < 2) script.take();
      else if (choice < 8) script.drop(random.below(taken.length));
      else script.revert(random.below(taken.length));
      container.sync();
      script.check(container);
      expect(verdictNow(device), `round ${round}`).toBe('');
    }
    while (script.taken.length > 0) script.drop(script.random.below(script.taken.length));
    for (const name of [...script.live.keys()]) volume.remove(volume.root, name);
    container.sync();
    expect(volume.statistics().freeBlocks).toBe(empty);
    volume.unmount();
    container.close();
    expect(fsckApfs(imageFile(device.bytes))).toBe('');
  });
});

test.each(['each', 'writeback'] as const)(
  '%s: who mounts in between goes on with the same bytes',
  (policy) => {
    const images = [false, true].map((mountsAgain) => {
      const { device, open } = makeContainer(24, policy);
      let volume = open().mountVolume(0, { isReadOnly: false });
      const script = new Script(volume, 11);
      for (let round = 0; round < 24; round++) {
        for (let i = 0; i < 10; i++) script.step();
        if (round % 3 === 0) script.take();
        else if (round % 5 === 4) script.drop(script.random.below(script.taken.length));
        volume.sync();
        if (mountsAgain) volume = open().mountVolume(0, { isReadOnly: false });
        script.volume = volume;
      }
      return device.bytes;
    });
    expect(Buffer.compare(images[0]!, images[1]!)).toBe(0);
  },
);

test('reserve, quota and another volume beside', () => {
  const device = new FlatDevice(520 * 2 ** 20, 4096);
  const clock = new SimulatedClock();
  const settings = { volumes: 'First:reserve=16m,Second:quota=32m' };
  newfs(device, { label: '', settings, clock, random: new Prng(7), partitionFirstBlock: 0 });
  const container = openContainer(device, mountOptions(clock, 'writeback'));
  const volumes = [0, 1].map((index) => container.mountVolume(index, { isReadOnly: false }));
  const scripts = volumes.map((volume, index) => new Script(volume, index + 40));
  for (let round = 0; round < 4; round++) {
    for (const script of scripts) {
      for (let i = 0; i < 10; i++) script.step();
      if (round % 2 === 0) script.take();
      else script.drop(0);
    }
    container.sync();
    expect(verdictNow(device), `round ${round}`).toBe('');
  }
});

test('a snapshot holds on to what was overwritten and deleted since', () => {
  const { open } = makeContainer(16);
  const container = open();
  const volume = container.mountVolume(0, { isReadOnly: false });
  const snapshots = volume.snapshots!;
  const blocksOf = (name: string) => {
    const { pinnedBytes, privateBytes } = snapshots.space(name);
    return { pinned: pinnedBytes / 4096, own: privateBytes / 4096 };
  };
  const node = volume.create(volume.root, 'file', FILE);
  volume.write(node, 0, new Uint8Array(400 * 4096).fill(1));
  snapshots.create('one');
  expect(blocksOf('one').pinned).toBeLessThan(10);
  volume.write(node, 100 * 4096, new Uint8Array(100 * 4096).fill(2));
  snapshots.create('two');
  volume.write(node, 0, new Uint8Array(50 * 4096).fill(3));
  volume.clone!(node, volume.root, 'clone', null);
  volume.write(node, 150 * 4096, new Uint8Array(100 * 4096).fill(4));
  volume.release(node);
  const around = (blocks: number) => expect.toSatisfy((n: number) => n >= blocks && n < blocks + 10);
  // 100 blocks since overwritten, and the 50 that even the clone has not.
  expect(blocksOf('one')).toEqual({ pinned: around(150), own: around(100) });
  expect(blocksOf('two')).toEqual({ pinned: around(50), own: around(0) });
  volume.remove(volume.root, 'file');
  volume.remove(volume.root, 'clone');
  expect(blocksOf('one')).toEqual({ pinned: around(400), own: around(100) });
  expect(blocksOf('two')).toEqual({ pinned: around(400), own: around(100) });
});

test('a full container: no new snapshot, but old ones can be deleted', () => {
  const { device, open } = makeContainer(16);
  const container = open();
  const volume = container.mountVolume(0, { isReadOnly: false });
  const snapshots = volume.snapshots!;
  const empty = volume.statistics().freeBlocks;
  let made = 0;
  const fillUp = (sizeBytes: number) => {
    try {
      for (;;) {
        const node = volume.create(volume.root, `${sizeBytes} ${made++}`, FILE);
        volume.write(node, 0, new Uint8Array(sizeBytes).fill(made));
        volume.release(node);
      }
    } catch (error) {
      if (!(error instanceof FsError) || error.code !== 'ENOSPC') throw error;
    }
  };
  for (let i = 0; i < 800; i++) {
    const node = volume.create(volume.root, `small ${i}`, FILE);
    volume.write(node, 0, new Uint8Array(4096).fill(i));
    volume.release(node);
    if (i % 300 === 299) snapshots.create(`at ${i}`);
  }
  for (let i = 0; i < 800; i += 2) volume.remove(volume.root, `small ${i}`);
  snapshots.create('thinned');
  fillUp(40_000);
  fillUp(1);
  expect(() => {
    for (let i = 0; i < 100; i++) snapshots.create(`one more ${i}`);
  }).toThrow('No space left');
  container.sync();
  expect(verdictNow(device)).toBe('');
  for (const { name } of snapshots.list()) {
    snapshots.delete(name);
    container.sync();
    expect(verdictNow(device), name).toBe('');
  }
  for (const { name } of volume.list(volume.root, null, 10_000).entries) volume.remove(volume.root, name);
  container.sync();
  expect(volume.statistics().freeBlocks).toBe(empty);
});

test('what a snapshot is asked for is refused in a sentence', () => {
  const { open } = makeContainer(16);
  const container = open();
  const volume = container.mountVolume(0, { isReadOnly: false });
  const snapshots = volume.snapshots!;
  const codeOf = (body: () => void): string => {
    try {
      body();
      return 'none';
    } catch (error) {
      expect(error).toBeInstanceOf(FsError);
      expect((error as FsError).detail).not.toBe('');
      return (error as FsError).code;
    }
  };
  snapshots.create('one');
  expect(codeOf(() => snapshots.create('one'))).toBe('EEXIST');
  expect(codeOf(() => snapshots.create('x'.repeat(256)))).toBe('ENAMETOOLONG');
  expect(codeOf(() => snapshots.delete('two'))).toBe('ENOENT');
  expect(codeOf(() => snapshots.revert('two'))).toBe('ENOENT');
  snapshots.create('two');
  expect(codeOf(() => snapshots.rename('two', 'one'))).toBe('EEXIST');
  snapshots.rename('two', 'three');
  expect(snapshots.list().map(({ name }) => name)).toEqual(['one', 'three']);

  const view = container.mountVolume(0, { isReadOnly: true, snapshot: 'three' });
  expect(codeOf(() => snapshots.delete('three'))).toBe('EBUSY');
  expect(codeOf(() => container.mountVolume(0, { isReadOnly: true, snapshot: 'three' }))).toBe('EBUSY');
  snapshots.rename('three', 'four');
  expect(codeOf(() => snapshots.delete('four'))).toBe('EBUSY');
  expect(codeOf(() => snapshots.revert('one'))).toBe('EBUSY');
  expect(() => view.makeDirectory(view.root, 'x', FILE)).toThrow('Read-only');
  view.unmount();
  const node = volume.create(volume.root, 'held', FILE);
  expect(codeOf(() => snapshots.revert('one'))).toBe('EBUSY');
  volume.release(node);
  snapshots.delete('four');
  expect(codeOf(() => container.mountVolume(0, { isReadOnly: true, snapshot: 'four' }))).toBe('ENOENT');
});
