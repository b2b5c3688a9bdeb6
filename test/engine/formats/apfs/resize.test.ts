import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import { crashImages } from '../../../../src/engine/device/crash.ts';
import { PartitionDevice } from '../../../../src/engine/device/partition.ts';
import { PROFILES } from '../../../../src/engine/device/profile.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { Tape } from '../../../../src/engine/device/tape.ts';
import { fsck } from '../../../../src/engine/formats/apfs/fsck.ts';
import { openContainer } from '../../../../src/engine/formats/apfs/mount.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import type { Container, MountOptions, Volume } from '../../../../src/engine/formats/contract.ts';
import { fsckApfs, fsckApfsAfterPowerCut } from '../../../support/checkers.ts';
import { sparseImageFile } from '../../../support/formats.ts';
import { refusalOf } from '../../../support/refusal.ts';

/**
 * Goal: a container is as clean at its new size as it was at the old one, and holds the same; a power cut on the way
 * leaves either size.
 * Method: containers of many sizes on a larger disk, with a volume at work, a clone, a snapshot and holes; apfsck and
 * our own fsck after each step.
 */
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;
const INIT = { mode: 0o644, uid: 501, gid: 20 };

const options = (more: Partial<MountOptions> = {}): MountOptions => ({
  ...{ isReadOnly: false, policy: 'each', clock: new SimulatedClock(), trace: SILENT },
  owner: { uid: 501, gid: 20 },
  timeZoneMinutes: 0,
  ...more,
});

/** A container at the front of a disk that is larger. */
function containerOn(diskBytes: number, sizeBytes: number, settings: Record<string, string> = {}): Store {
  const store = new Store({ blockSizeBytes: 4096, blockCount: diskBytes / 4096 });
  newfs(new PartitionDevice(store, 0, sizeBytes / 4096), {
    ...{ label: 'Test', settings, partitionFirstBlock: 0 },
    clock: new SimulatedClock(),
    random: new Prng(1),
  });
  return store;
}

const bytesOf = (length: number, seed: number): Uint8Array => new Prng(seed).bytes(length);

const isEqual = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

function put(volume: Volume, name: string, bytes: Uint8Array, offset = 0): void {
  const node = volume.lookup(volume.root, name) ?? volume.create(volume.root, name, INIT);
  expect(volume.write(node, offset, bytes)).toBe(bytes.length);
}

function read(volume: Volume, name: string): Uint8Array {
  const node = volume.lookup(volume.root, name);
  if (node === undefined) throw new Error(`${name} is there`);
  const bytes = new Uint8Array(volume.attributes(node).sizeBytes);
  volume.read(node, 0, bytes);
  return bytes;
}

/** A file, a clone that has changed since, a snapshot of both with a file that is gone. */
function fill(volume: Volume): void {
  put(volume, 'kept', bytesOf(60_000, 1));
  put(volume, 'gone', bytesOf(9000, 2));
  volume.snapshots?.create('before');
  const kept = volume.lookup(volume.root, 'kept');
  if (kept !== undefined) volume.clone?.(kept, volume.root, 'clone', null);
  put(volume, 'clone', bytesOf(5000, 3), 8192);
  volume.remove(volume.root, 'gone');
}

function expectFilled(container: Container, volume: Volume): void {
  const clone = bytesOf(60_000, 1);
  expect(isEqual(read(volume, 'kept'), clone)).toBe(true);
  clone.set(bytesOf(5000, 3), 8192);
  expect(isEqual(read(volume, 'clone'), clone)).toBe(true);
  const snapshot = container.mountVolume(0, { isReadOnly: true, snapshot: 'before' });
  expect(isEqual(read(snapshot, 'gone'), bytesOf(9000, 2))).toBe(true);
  snapshot.unmount();
}

const findings = (store: Store): string[] =>
  fsck(store, { repair: false }).findings.map(({ kind, message }) => `${kind}: ${message}`);
const live = (store: Store): string => fsckApfsAfterPowerCut(sparseImageFile(store));

function expectClean(store: Store, what: string): void {
  expect(findings(store), what).toEqual([]);
  expect(fsckApfs(sparseImageFile(store)), what).toBe('');
}

const sizeOf = (container: Container): number => container.resizeLimits().currentBytes;

describe('a container grows', () => {
  test.each([
    [1, 100],
    [17, 129],
    [128, 5000],
    [600, 51_200],
    [1, TIB / MIB],
  ])('from %d to %d MiB, at work, with a snapshot and a clone', (from, to) => {
    const store = containerOn(to * MIB, from * MIB);
    const container = openContainer(store, options());
    const volume = container.mountVolume(0, { isReadOnly: false });
    fill(volume);
    const before = container.statistics();
    expect(container.resizeLimits().maximumBytes).toBe(to * MIB);
    container.resize(to * MIB);
    expect(live(store)).toBe('');
    const after = container.statistics();
    expect(after.totalBlocks).toBe((to * MIB) / 4096);
    expect(after.freeBlocks - before.freeBlocks).toBeGreaterThan(((to - from) * MIB * 0.95) / 4096);
    put(volume, 'late', bytesOf(300_000, 5));
    expectFilled(container, volume);
    volume.unmount();
    container.close();
    expectClean(store, 'afterwards');
    const again = openContainer(store, options());
    expectFilled(again, again.mountVolume(0, { isReadOnly: false }));
  });

  test('beyond 7.8 TiB, where the chunk info blocks get a level above them, and back', () => {
    const store = containerOn(9 * TIB, 3 * TIB);
    const container = openContainer(store, options());
    const volume = container.mountVolume(0, { isReadOnly: false });
    fill(volume);
    for (const size of [9 * TIB, 8 * TIB, 7 * TIB]) {
      container.resize(size);
      put(volume, 'late', bytesOf(30_000, 5));
      expect(findings(store).filter((line) => !/^(dirty|orphan)/.test(line))).toEqual([]);
      expect(live(store), `${size}`).toBe('');
    }
    expectFilled(container, volume);
  });
});

describe('a container shrinks', () => {
  test.each([
    [2, 1],
    [129, 64],
    [5000, 100],
    [TIB / MIB, 51_200],
    [51_200, 1],
  ])('from %d to %d MiB, at work, with a snapshot and a clone', (from, to) => {
    const store = containerOn(from * MIB, from * MIB);
    const container = openContainer(store, options());
    const volume = container.mountVolume(0, { isReadOnly: false });
    fill(volume);
    const { minimumBytes } = container.resizeLimits();
    const size = Math.max(to * MIB, minimumBytes);
    container.resize(size);
    expect(live(store)).toBe('');
    expect(sizeOf(container)).toBe(size);
    put(volume, 'late', bytesOf(100_000, 5));
    expectFilled(container, volume);
    volume.unmount();
    container.close();
    expectClean(store, 'afterwards');
    // What lies behind the end is not the container's any more.
    const rest = new PartitionDevice(store, 0, size / 4096);
    const again = openContainer(rest, options());
    expect(again.isReadOnly).toBe(false);
    expectFilled(again, again.mountVolume(0, { isReadOnly: false }));
  });
});

describe('the limits', () => {
  test('the smallest size is the one that works: one block less is refused, and says why', () => {
    const store = containerOn(300 * MIB, 300 * MIB);
    const container = openContainer(store, options());
    const volume = container.mountVolume(0, { isReadOnly: false });
    fill(volume);
    const { minimumBytes } = container.resizeLimits();
    expect(minimumBytes).toBeLessThan(4 * MIB);
    expect(refusalOf(() => container.resize(minimumBytes - 4096))).toMatch(
      /^ENOSPC it cannot be smaller than \d+ bytes: blocks of its volumes, snapshots or reserves/,
    );
    expect(refusalOf(() => container.resize(301 * MIB))).toMatch(
      /^ENOSPC it cannot be larger than 314572800 bytes/,
    );
    container.resize(minimumBytes);
    expect(sizeOf(container)).toBe(minimumBytes);
    // Even there it can be emptied.
    for (const name of ['kept', 'clone']) volume.remove(volume.root, name);
    volume.snapshots?.delete('before');
    expect(live(store)).toBe('');
  });

  test('volumes and reserves need their size', () => {
    const store = containerOn(4 * GIB, 4 * GIB);
    const container = openContainer(store, options());
    const volume = { label: 'Second', isCaseSensitive: false, random: new Prng(3) };
    container.addVolume(volume);
    expect(container.resizeLimits().minimumBytes).toBe(512 * MIB + 4096);
    container.resize(512 * MIB + 4096);
    expect(container.volumesMax).toBe(2);
    container.close();
    expectClean(store, 'two volumes');
    const large = containerOn(4 * GIB, 4 * GIB, { reserve: '1g' });
    const reserved = openContainer(large, options());
    expect(reserved.resizeLimits().minimumBytes).toBeGreaterThan(GIB);
    reserved.resize(reserved.resizeLimits().minimumBytes);
    reserved.close();
    expectClean(large, 'a reserve');
  });

  test('a container that is open for reading only stays as it is', () => {
    const store = containerOn(20 * MIB, 10 * MIB);
    const container = openContainer(store, options({ isReadOnly: true }));
    expect(refusalOf(() => container.resize(20 * MIB))).toMatch(/^EROFS/);
  });
});

test.each([
  ['grows by chunks', 5, 300],
  ['grows in its chunk', 5, 9],
  ['shrinks by chunks', 300, 5],
])('a power cut while it %s leaves either size, both clean', (_, from, to) => {
  const store = containerOn(300 * MIB, from * MIB);
  const container = openContainer(store, options());
  fill(container.mountVolume(0, { isReadOnly: false }));
  const before = store.fork();
  const tape = new Tape(4096);
  store.tape = tape;
  container.resize(to * MIB);
  store.tape = null;
  const sizes = new Set<number>();
  const verdicts = new Set<string>();
  const how = { profile: PROFILES.nvme, seed: 7, exhaustiveMax: 3, samples: 6 };
  for (const { device, description } of crashImages(before, tape, { from: 0, to: tape.length }, how)) {
    const serious = findings(device).filter((line) => !/^(dirty|orphan)/.test(line));
    expect(serious, description).toEqual([]);
    const there = openContainer(device, options());
    const size = sizeOf(there);
    // One image of each kind, and every eighth: the checker takes its time.
    if (!sizes.has(size) || verdicts.size < 4) expect(live(device), description).toBe('');
    verdicts.add(description);
    sizes.add(size);
    expectFilled(there, there.mountVolume(0, { isReadOnly: false }));
  }
  expect([...sizes].sort((a, b) => a - b)).toEqual([from * MIB, to * MIB].sort((a, b) => a - b));
});
