import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { crashImages } from '../../../../src/engine/device/crash.ts';
import { PROFILES } from '../../../../src/engine/device/profile.ts';
import { Tape } from '../../../../src/engine/device/tape.ts';
import { fsck } from '../../../../src/engine/formats/apfs/fsck.ts';
import type { Device } from '../../../../src/engine/device/device.ts';
import type { Volume } from '../../../../src/engine/formats/contract.ts';
import { fsckApfsAfterPowerCut } from '../../../support/checkers.ts';
import { sparseImageFile } from '../../../support/formats.ts';
import { newContainer, Patient } from '../../../evil/apfs-patient.ts';
import { ApfsDisk, INIT } from './apfs-disk.ts';
import { refusalOf } from '../../../support/refusal.ts';

/**
 * Goal: a container shrinks to what it holds, wherever that lies, and loses nothing on the way.
 * Method: containers are filled and their early files deleted, so that all that is left lies at the end: contents in
 * pieces and shared by clones, attributes, nodes of every tree. apfsck and our own fsck judge; a power cut may come at
 * any moment.
 */
const MIB = 2 ** 20;

const findings = (device: Device): string[] =>
  fsck(device, { repair: false })
    .findings.map(({ kind, message }) => `${kind}: ${message}`)
    .filter((text) => !text.startsWith('dirty'));

function write(volume: Volume, name: string, offset: number, bytes: Uint8Array): void {
  const there = volume.lookup(volume.root, name);
  const node = there ?? volume.create(volume.root, name, INIT);
  expect(volume.write(node, offset, bytes)).toBe(bytes.length);
  if (there === undefined) volume.release(node);
}

function clone(volume: Volume, name: string, other: string): void {
  const node = volume.lookup(volume.root, name);
  if (node !== undefined) volume.clone?.(node, volume.root, other, null);
}

function contentsOf(volume: Volume): string[] {
  const found: string[] = [];
  for (let after: number | null = null; ;) {
    const { entries, next } = volume.list(volume.root, after, 1000);
    for (const { name } of entries) {
      const node = volume.lookup(volume.root, name);
      if (node === undefined) throw new Error(`${name} is there`);
      const bytes = new Uint8Array(volume.attributes(node).sizeBytes);
      volume.read(node, 0, bytes);
      const attribute = volume.getExtendedAttribute?.(node, 'large');
      found.push(
        `${name} ${Buffer.from(bytes).toString('base64')} ${Buffer.from(attribute ?? []).toString('base64')}`,
      );
    }
    if (next === null) return found.sort();
    after = next;
  }
}

const bytesOf = (length: number, seed: number): Uint8Array => new Prng(seed).bytes(length);

interface Filling {
  readonly sizeBytes: number;
  /** Files at the far end. */
  readonly files: number;
  readonly policy?: 'each' | 'writeback';
}

/** All that is left lies in the last quarter of the container, in pieces and shared. */
function filledAtTheEnd({ sizeBytes, files, policy = 'writeback' }: Filling): ApfsDisk {
  const disk = new ApfsDisk({ sizeBytes, policy });
  const { volume } = disk;
  const early = volume.create(volume.root, 'early', INIT);
  volume.fill(early, 0, sizeBytes * 0.75, { generator: 'random', seed: 1, offsetBytes: 0 });
  volume.release(early);
  for (let i = 0; i < files; i++) {
    write(volume, `file ${i}`, 0, bytesOf(9000 + 700 * i, i));
    // Pieces: others write in between.
    write(volume, `pieces ${i % 3}`, 8192 * i, bytesOf(4096, i));
    if (i % 4 === 0) clone(volume, `file ${i}`, `clone ${i}`);
    if (i % 8 === 0) write(volume, `clone ${i}`, 4096, bytesOf(3000, i + 1));
    if (i % 5 === 0) {
      const node = volume.lookup(volume.root, `file ${i}`);
      if (node !== undefined) volume.setExtendedAttribute?.(node, 'large', bytesOf(6000, i));
    }
  }
  volume.remove(volume.root, 'early');
  disk.container.sync();
  return disk;
}

describe('what lies behind the new end is moved in front of it', () => {
  test.each<Filling & { readonly to: number }>([
    { sizeBytes: 16 * MIB, files: 12, to: 4 * MIB, policy: 'each' },
    { sizeBytes: 64 * MIB, files: 150, to: 16 * MIB },
    { sizeBytes: 300 * MIB, files: 40, to: 12 * MIB },
  ])('$sizeBytes bytes to $to', ({ to, ...filling }) => {
    const disk = filledAtTheEnd(filling);
    const { container, volume } = disk;
    const before = contentsOf(volume);
    const { minimumBytes } = container.resizeLimits();
    expect(minimumBytes).toBeLessThanOrEqual(to);
    container.resize(to);
    expect(container.resizeLimits().currentBytes).toBe(to);
    expect(findings(disk.store)).toEqual([]);
    expect(disk.verdict()).toBe('');
    expect(contentsOf(volume)).toEqual(before);
    // Life goes on, in memory and after the next mount.
    write(volume, 'late', 0, bytesOf(50_000, 3));
    volume.remove(volume.root, 'file 0');
    expect(disk.remount()).toBe('');
    const after = before.filter((text) => !text.startsWith('file 0 '));
    expect(contentsOf(disk.volume).filter((text) => !text.startsWith('late '))).toEqual(after);
  });
});

test.each<Filling & { readonly most: number }>([
  { sizeBytes: 32 * MIB, files: 60, most: 9 * MIB },
  // The internal pool moves too: its place must not be taken by what is moved.
  { sizeBytes: 300 * MIB, files: 60, most: 10 * MIB },
])('the smallest size that is promised for $sizeBytes bytes works', ({ most, ...filling }) => {
  const disk = filledAtTheEnd(filling);
  const { container, volume } = disk;
  const before = contentsOf(volume);
  const { minimumBytes } = container.resizeLimits();
  expect(minimumBytes).toBeLessThan(most);
  container.resize(minimumBytes);
  expect(container.resizeLimits().currentBytes).toBe(minimumBytes);
  expect(findings(disk.store)).toEqual([]);
  expect(disk.verdict()).toBe('');
  expect(contentsOf(volume)).toEqual(before);
});

test('where only holes of one block are free, and the internal pool needs the one long run', () => {
  const disk = new ApfsDisk({ sizeBytes: 300 * MIB, policy: 'writeback' });
  const { container, volume } = disk;
  for (let i = 0; i < 1600; i++) write(volume, `small ${i}`, 0, bytesOf(4096, i));
  const early = volume.create(volume.root, 'early', INIT);
  volume.fill(early, 0, 220 * MIB, { generator: 'random', seed: 1, offsetBytes: 0 });
  volume.release(early);
  for (let i = 0; i < 20; i++) write(volume, `late ${i}`, 0, bytesOf(30 * 4096, i));
  volume.remove(volume.root, 'early');
  for (let i = 0; i < 1600; i += 2) volume.remove(volume.root, `small ${i}`);
  container.sync();
  const before = contentsOf(volume);
  const { minimumBytes } = container.resizeLimits();
  expect(minimumBytes).toBeLessThan(9 * MIB);
  container.resize(minimumBytes);
  expect(findings(disk.store)).toEqual([]);
  expect(disk.verdict()).toBe('');
  expect(contentsOf(volume)).toEqual(before);
});

test('a clone that has a stream of its own and allocated nothing goes along', () => {
  const disk = new ApfsDisk({ sizeBytes: 16 * MIB });
  const { container, volume } = disk;
  write(volume, 'early', 0, bytesOf(10 * MIB, 1));
  write(volume, 'file', 0, bytesOf(90_000, 2));
  clone(volume, 'file', 'clone');
  volume.punchHole?.(disk.node('clone'), 8192, 4096);
  volume.remove(volume.root, 'early');
  const before = contentsOf(volume);
  container.resize(4 * MIB);
  expect(findings(disk.store)).toEqual([]);
  expect(disk.verdict()).toBe('');
  expect(contentsOf(volume)).toEqual(before);
});

test('nodes of all trees are moved where what they tell of stays', () => {
  const disk = new ApfsDisk({ sizeBytes: 64 * MIB, policy: 'writeback' });
  const { container, volume } = disk;
  for (let i = 0; i < 1200; i++) write(volume, `file ${i}`, 0, bytesOf(8192, i));
  volume.snapshots?.create('kept');
  volume.snapshots?.create('gone');
  for (let i = 0; i < 600; i++) write(volume, `more ${i}`, 0, bytesOf(8192, i));
  container.sync();
  const early = volume.create(volume.root, 'early', INIT);
  const { availableBlocks } = volume.statistics();
  volume.fill(early, 0, (availableBlocks - 1500) * 4096, { generator: 'random', seed: 1, offsetBytes: 0 });
  volume.release(early);
  // Both trees of snapshots, and every node of the extent references, get new places behind that.
  volume.snapshots?.delete('gone');
  for (let i = 0; i < 600; i += 20) {
    clone(volume, `more ${i}`, `clone ${i}`);
    volume.punchHole?.(disk.node(`clone ${i}`), 0, 4096);
  }
  container.sync();
  volume.remove(volume.root, 'early');
  container.sync();
  const before = contentsOf(volume);
  const { minimumBytes } = container.resizeLimits();
  expect(minimumBytes).toBeLessThan(24 * MIB);
  container.resize(minimumBytes);
  expect(findings(disk.store)).toEqual([]);
  expect(disk.verdict()).toBe('');
  expect(contentsOf(volume)).toEqual(before);
});

test('a snapshot keeps its contents where they are: the limit and the refusal say so', () => {
  const disk = filledAtTheEnd({ sizeBytes: 32 * MIB, files: 20 });
  const { container, volume } = disk;
  volume.snapshots?.create('pins');
  const { minimumBytes, minimumReason } = container.resizeLimits();
  expect(minimumBytes).toBeGreaterThan(24 * MIB);
  expect(minimumReason).toBe(
    "snapshot 'pins' of volume 'TEST' holds blocks up to there, which are not moved; delete the snapshot",
  );
  const before = disk.store.version();
  expect(refusalOf(() => container.resize(16 * MIB))).toBe(
    `ENOSPC it cannot be smaller than ${minimumBytes} bytes: ${minimumReason}`,
  );
  expect(disk.store.version()).toBe(before);
  container.resize(minimumBytes);
  expect(disk.verdict()).toBe('');
  volume.snapshots?.delete('pins');
  expect(container.resizeLimits().minimumBytes).toBeLessThan(10 * MIB);
  container.resize(10 * MIB);
  expect(disk.remount()).toBe('');
});

test('with a snapshot that lies in front, what came after it is moved, nodes that it shows among them', () => {
  const disk = new ApfsDisk({ sizeBytes: 64 * MIB, policy: 'writeback' });
  const { container, volume } = disk;
  for (let i = 0; i < 300; i++) write(volume, `old ${i}`, 0, bytesOf(300, i));
  const early = volume.create(volume.root, 'early', INIT);
  volume.fill(early, 0, 40 * MIB, { generator: 'random', seed: 1, offsetBytes: 0 });
  volume.release(early);
  // Nodes that the snapshot will show lie behind that.
  for (let i = 0; i < 300; i += 2) volume.truncate(disk.node(`old ${i}`), 100);
  volume.remove(volume.root, 'early');
  container.sync();
  volume.snapshots?.create('old');
  const kept = contentsOf(volume);
  for (let i = 0; i < 300; i += 3) write(volume, `old ${i}`, 0, bytesOf(5000, i));
  for (let i = 0; i < 10; i++) clone(volume, `old ${i}`, `copy ${i}`);
  const large = volume.create(volume.root, 'large', INIT);
  volume.fill(large, 0, 40 * MIB, { generator: 'random', seed: 2, offsetBytes: 0 });
  volume.truncate(large, 0);
  volume.release(large);
  for (let i = 0; i < 50; i++) write(volume, `new ${i}`, 0, bytesOf(5000, i));
  const before = contentsOf(volume);
  const { minimumBytes } = container.resizeLimits();
  container.resize(minimumBytes);
  expect(findings(disk.store)).toEqual([]);
  expect(disk.verdict()).toBe('');
  expect(contentsOf(volume)).toEqual(before);
  const snapshot = container.mountVolume(0, { isReadOnly: true, snapshot: 'old' });
  expect(contentsOf(snapshot)).toEqual(kept);
  snapshot.unmount();
  volume.snapshots?.delete('old');
  expect(disk.remount()).toBe('');
  expect(contentsOf(disk.volume)).toEqual(before);
});

test('a power cut in the middle leaves a clean container of either size with all that it holds', () => {
  const disk = filledAtTheEnd({ sizeBytes: 16 * MIB, files: 3, policy: 'each' });
  const kept = contentsOf(disk.volume);
  const before = disk.store.fork();
  const tape = new Tape(512);
  disk.store.tape = tape;
  disk.container.resize(4 * MIB);
  disk.store.tape = null;
  const sizes = new Map<number, number>();
  let number = 0;
  const how = { profile: PROFILES.nvme, seed: 5, exhaustiveMax: 1, samples: 1 };
  for (const { device, description } of crashImages(before, tape, { from: 0, to: tape.length }, how)) {
    // There are thousands: every thirtieth is looked at, one in ten of them by apfsck as well.
    if (number++ % 30 !== 0) continue;
    expect(findings(device), description).toEqual([]);
    const { container, volume } = new ApfsDisk({}, device);
    expect(contentsOf(volume), description).toEqual(kept);
    const size = container.resizeLimits().currentBytes;
    const known = sizes.get(size) ?? 0;
    sizes.set(size, known + 1);
    if (known % 10 === 0) expect(fsckApfsAfterPowerCut(sparseImageFile(device)), description).toBe('');
  }
  const [before16, after4] = [sizes.get(16 * MIB) ?? 0, sizes.get(4 * MIB) ?? 0];
  expect(before16).toBeGreaterThan(80);
  expect([...sizes.values()].reduce((sum, count) => sum + count, 0)).toBe(before16 + after4);
});

test('blocks that nobody has are not moved: it says so and keeps its size', () => {
  const store = newContainer(16 * MIB);
  const patient = new Patient(store);
  patient.spoil(patient.bitmap, (_, bytes) => bytes.fill(0xff, 380, 381));
  const { container } = new ApfsDisk({}, store);
  expect(refusalOf(() => container.resize(8 * MIB))).toMatch(
    /^EIO blocks behind block 2048 are marked as in use and no volume has them: run fsck_apfs --repair/,
  );
  expect(container.resizeLimits().currentBytes).toBe(16 * MIB);
});

test('the cost follows what is moved, not what stays', () => {
  const costOf = (stayingMib: number): number => {
    const disk = new ApfsDisk({ sizeBytes: 100 * MIB, policy: 'writeback' });
    const { volume } = disk;
    const stays = volume.create(volume.root, 'stays', INIT);
    volume.fill(stays, 0, stayingMib * MIB, { generator: 'random', seed: 1, offsetBytes: 0 });
    const early = volume.create(volume.root, 'early', INIT);
    volume.fill(early, 0, (80 - stayingMib) * MIB, { generator: 'random', seed: 2, offsetBytes: 0 });
    volume.release(early);
    write(volume, 'moved', 0, bytesOf(MIB, 3));
    volume.remove(volume.root, 'early');
    disk.container.sync();
    const tape = new Tape(512);
    disk.store.tape = tape;
    disk.container.resize(60 * MIB);
    return tape.totals({ from: 0, to: tape.length }).bytes;
  };
  const few = costOf(1);
  expect(few).toBeGreaterThan(MIB);
  expect(few).toBeLessThan(2 * MIB);
  expect(costOf(40)).toBeLessThan(few + 200_000);
});

test('all volumes of a container are moved, mounted or not', () => {
  const disk = new ApfsDisk({ sizeBytes: 1100 * MIB, policy: 'writeback' });
  const { container, volume } = disk;
  const early = volume.create(volume.root, 'early', INIT);
  volume.fill(early, 0, 900 * MIB, { generator: 'random', seed: 1, offsetBytes: 0 });
  volume.release(early);
  container.addVolume({ label: 'Second', isCaseSensitive: false, random: new Prng(3) });
  const second = container.mountVolume(1, { isReadOnly: false });
  for (let i = 0; i < 100; i++) {
    write(volume, `first ${i}`, 0, bytesOf(6000, i));
    write(second, `second ${i}`, 0, bytesOf(6000, i));
  }
  clone(second, 'second 3', 'copy');
  volume.remove(volume.root, 'early');
  const before = [contentsOf(volume), contentsOf(second)];
  second.unmount();
  const { minimumBytes } = container.resizeLimits();
  expect(minimumBytes).toBe(512 * MIB + 4096);
  container.resize(minimumBytes);
  expect(findings(disk.store)).toEqual([]);
  expect(disk.verdict()).toBe('');
  const again = container.mountVolume(1, { isReadOnly: true });
  expect([contentsOf(volume), contentsOf(again)]).toEqual(before);
});

test.each([1, 2, 3, 4])('any life, as small as it goes and large again, seed %d', (seed) => {
  const random = new Prng(seed);
  const disk = new ApfsDisk({ sizeBytes: 24 * MIB, policy: random.below(2) === 0 ? 'each' : 'writeback' });
  const { container, volume } = disk;
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 40; i++) change(volume, random, `${round}.${i}`);
    if (round === 1 && seed % 2 === 0) volume.snapshots?.create('middle');
    const before = contentsOf(volume);
    container.resize(container.resizeLimits().minimumBytes);
    expect(findings(disk.store), `seed ${seed}, round ${round}`).toEqual([]);
    expect(disk.verdict(), `seed ${seed}, round ${round}`).toBe('');
    expect(contentsOf(volume), `seed ${seed}, round ${round}`).toEqual(before);
    container.resize(24 * MIB);
  }
  expect(disk.remount()).toBe('');
});

/** One operation of some kind on some file. */
function change(volume: Volume, random: Prng, label: string): void {
  const names = volume.list(volume.root, null, 1000).entries.map(({ name }) => name);
  const name = names[random.below(Math.max(names.length, 1))];
  const node = name === undefined ? undefined : volume.lookup(volume.root, name);
  const choice = random.below(9);
  if (choice < 3 || name === undefined || node === undefined) {
    write(volume, `file ${label}`, 0, bytesOf(1 + random.below(random.below(4) === 0 ? MIB : 30_000), 1));
  } else if (choice < 4) clone(volume, name, `clone ${label}`);
  else if (choice < 5) write(volume, name, 4096 * random.below(9), bytesOf(1 + random.below(20_000), 2));
  else if (choice < 6) volume.punchHole?.(node, 4096 * random.below(4), 4096 * (1 + random.below(4)));
  else if (choice < 7) volume.setExtendedAttribute?.(node, 'large', bytesOf(5000, 3));
  else volume.remove(volume.root, name);
}
