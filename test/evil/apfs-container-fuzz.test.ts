import { expect, test } from 'vitest';
import { FsError } from '../../src/engine/base/errno.ts';
import { Prng } from '../../src/engine/base/prng.ts';
import type { Device } from '../../src/engine/device/device.ts';
import type { Store } from '../../src/engine/device/store.ts';
import { fsck } from '../../src/engine/formats/apfs/fsck.ts';
import { findChecker, fsckApfs } from '../support/checkers.ts';
import { BLOCK, isSealed, newContainer, readBlocks, seal, writeBlocks } from './apfs-patient.ts';
import { sparseFile } from './volumes.ts';

/**
 * Damage by chance to a container of three volumes. Nothing may throw, nothing may hang, what apfsck calls broken may not
 * be called clean, and whoever says "repaired" must be right, for the judge too.
 */
const hasJudge = findChecker('apfsck') !== null;
const SETTINGS = { volumes: 'One,Two:quota=4m:reserve=1m:case-sensitive', 'free-queues': 'made' };
const fresh = (): Store => newContainer(1200 * 2 ** 20, SETTINGS);
const verdict = (device: Device): string => fsckApfs(sparseFile(device));

/** First block and length of every object with a checksum; of a space manager of two blocks both. */
function objects(device: Device): { block: number; count: number }[] {
  const found = [];
  for (let block = 0; block < device.blockCount - 1; block = device.nextStored(block + 1)) {
    const count = [1, 2].find((blocks) => isSealed(readBlocks(device, block, blocks)));
    if (count !== undefined) found.push({ block, count });
  }
  return found;
}

function spoil(device: Device, random: Prng, places: readonly { block: number; count: number }[]): void {
  const { block, count } = places[random.below(places.length)] ?? { block: 0, count: 1 };
  const bytes = readBlocks(device, block, count);
  let at = 8 + random.below(bytes.length - 8);
  for (let tries = 0; tries < 20 && bytes[at] === 0; tries++) at = 8 + random.below(bytes.length - 8);
  const length = [1, 1, 2, 8][random.below(4)] ?? 1;
  const content = [0, 0xff, -1][random.below(3)] ?? 0;
  for (let i = at; i < Math.min(at + length, bytes.length); i++)
    bytes[i] = content < 0 ? random.below(256) : content;
  if (random.below(8) > 0) seal(bytes);
  writeBlocks(device, block, bytes);
}

test('three volumes and their judge, before any damage', () => {
  expect(fsck(fresh(), { repair: false }).findings).toEqual([]);
  expect(verdict(fresh())).toBe('');
});

test.each([
  [1, 120],
  [5, 40],
])('%i damages at once, %i times', { timeout: 60_000 }, (damages, times) => {
  const random = new Prng(damages);
  const places = objects(fresh());
  expect(places.length).toBeGreaterThan(20);
  for (let run = 0; run < times; run++) {
    const store = fresh();
    for (let i = 0; i < damages; i++) spoil(store, random, places);
    const label = `${damages} damages, run ${run}`;
    const report = fsck(store, { repair: false });
    if (hasJudge && report.findings.length === 0) expect(verdict(store), label).toBe('');
    const repaired = fsck(store, { repair: true });
    if (!/repaired successfully/.test(repaired.lines.at(-1) ?? '')) continue;
    const left = fsck(store, { repair: false }).findings.filter(({ kind }) => kind !== 'old-checkpoint');
    expect(left, label).toEqual([]);
    if (hasJudge) expect(verdict(store), label).toBe('');
  }
});

test('random bytes in place of everything but block 0', () => {
  const random = new Prng(3);
  for (let run = 0; run < 20; run++) {
    const store = fresh();
    for (const { block } of objects(store)) {
      if (block === 0) continue;
      const bytes = Uint8Array.from({ length: BLOCK }, () => random.below(256));
      if (random.below(2) === 0) seal(bytes);
      writeBlocks(store, block, bytes);
    }
    const { findings } = fsck(store, { repair: true });
    expect(findings.length).toBeGreaterThan(0);
  }
});

test('blocks that change places keep their checksums and are found', () => {
  const random = new Prng(4);
  const places = objects(fresh()).filter(({ block }) => block > 0);
  for (let run = 0; run < 40; run++) {
    const store = fresh();
    const [one, two] = [random.below(places.length), random.below(places.length)];
    if (one === two) continue;
    const [a, b] = [places[one]?.block ?? 1, places[two]?.block ?? 1];
    const bytes = readBlocks(store, a);
    writeBlocks(store, a, readBlocks(store, b));
    writeBlocks(store, b, bytes);
    const { findings } = fsck(store, { repair: false });
    if (hasJudge && findings.length === 0) expect(verdict(store), `${a} and ${b}`).toBe('');
  }
});

test('blocks that cannot be read are told, whichever they are', () => {
  const store = fresh();
  const places = objects(store);
  let told = 0;
  for (const { block } of places) {
    const broken: Device = Object.create(store, {
      read: {
        value: (first: number, into: Uint8Array) => {
          if (first <= block && block * BLOCK < first * BLOCK + into.length)
            throw new FsError('EIO', 'read', '');
          store.read(first, into);
        },
      },
      blockCount: { value: store.blockCount },
      blockSizeBytes: { value: store.blockSizeBytes },
      nextStored: { value: (from: number) => store.nextStored(from) },
      isReadOnly: { value: false },
    }) as Device;
    const { findings } = fsck(broken, { repair: true });
    // What only an older checkpoint has is not read.
    if (findings.length === 0) continue;
    expect(findings.find(({ kind }) => kind === 'unreadable')?.block).toBe(block);
    told++;
  }
  expect(told).toBeGreaterThan(places.length - 8);
});
