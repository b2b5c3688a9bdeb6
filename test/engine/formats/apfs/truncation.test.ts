import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { SILENT } from '../../../../src/engine/base/trace.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { fsck } from '../../../../src/engine/formats/apfs/fsck.ts';
import { mountFirstVolume } from '../../../../src/engine/formats/apfs/mount.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import type {
  CommitPolicy,
  MountOptions,
  Volume,
  VolumeNode,
} from '../../../../src/engine/formats/contract.ts';
import { findChecker, fsckApfs, fsckApfsAfterPowerCut } from '../../../support/checkers.ts';
import { sparseImageFile } from '../../../support/formats.ts';

/**
 * Goal: a large file is made shorter over several transactions, each of which leaves what checkers accept; a power cut
 * between them leaves the new size, and the next mount gives back the rest.
 * Method: the disk is kept at every barrier of a truncation and mounted as it lies there.
 */
const MIB = 2 ** 20;
const BLOCK = 4096;
const INIT = { mode: 0o644, uid: 501, gid: 20 };

const options = (policy: CommitPolicy = 'each', isReadOnly = false): MountOptions => ({
  ...{ isReadOnly, policy, clock: new SimulatedClock(), trace: SILENT },
  owner: { uid: 501, gid: 20 },
  timeZoneMinutes: 0,
});

function newStore(): Store {
  const store = new Store({ blockSizeBytes: BLOCK, blockCount: (64 * MIB) / BLOCK });
  newfs(store, {
    ...{ label: 'Test', settings: {}, partitionFirstBlock: 0 },
    clock: new SimulatedClock(),
    random: new Prng(1),
  });
  return store;
}

const PIECES = 200;
const bytesAt = (piece: number): Uint8Array => new Prng(100 + piece).bytes(BLOCK);

/** A file whose blocks lie one by one, with other files' between them. */
function inPieces(volume: Volume): VolumeNode {
  const pieces = volume.create(volume.root, 'pieces', INIT);
  const other = volume.create(volume.root, 'other', INIT);
  for (let i = 0; i < PIECES; i++) {
    volume.write(pieces, i * BLOCK, bytesAt(i));
    volume.write(other, i * BLOCK, new Uint8Array(BLOCK).fill(i));
  }
  volume.sync();
  return pieces;
}

/** The disk at every barrier of `run`. */
function atBarriers(store: Store, run: () => void): Store[] {
  const states: Store[] = [];
  const { barrier } = store;
  store.barrier = (reason) => {
    barrier.call(store, reason);
    states.push(store.fork());
  };
  run();
  store.barrier = barrier;
  return states;
}

const findings = (store: Store): string[] => fsck(store, { repair: false }).findings.map(({ kind }) => kind);
const isInterrupted = (store: Store): boolean => findings(store).includes('truncation');
const usedBlocks = (volume: Volume): number => volume.statistics().usedBlocks ?? NaN;

function expectTruncated(volume: Volume, sizeBytes: number): void {
  const node = volume.lookup(volume.root, 'pieces');
  if (node === undefined) throw new Error('it is there');
  const { sizeBytes: size, allocatedBytes } = volume.attributes(node);
  expect([size, allocatedBytes]).toEqual([sizeBytes, Math.ceil(sizeBytes / BLOCK) * BLOCK]);
  const bytes = new Uint8Array(size);
  volume.read(node, 0, bytes);
  const expected = new Uint8Array(PIECES * BLOCK);
  for (let i = 0; i < PIECES; i++) expected.set(bytesAt(i), i * BLOCK);
  expect(Buffer.compare(bytes, expected.subarray(0, size))).toBe(0);
}

describe.each([0, 5000])('a file of 200 pieces is cut to %d bytes', (sizeBytes) => {
  test('in transactions of some records each, which apfsck and our own check accept', () => {
    const store = newStore();
    const volume = mountFirstVolume(store, options());
    const pieces = inPieces(volume);
    const states = atBarriers(store, () => volume.truncate(pieces, sizeBytes));
    expect(states.length).toBeGreaterThanOrEqual(6);
    const between = states.filter(isInterrupted);
    expect(between.length).toBeGreaterThanOrEqual(3);
    for (const state of states) {
      expect(findings(state).filter((kind) => kind !== 'dirty' && kind !== 'truncation')).toEqual([]);
    }
    for (const state of [between[0], between.at(-1), states.at(-1)]) {
      expect(fsckApfsAfterPowerCut(sparseImageFile(state ?? store))).toBe('');
    }
    // Crash signs are what apfsck -c looks for.
    if (findChecker('apfsck')) expect(fsckApfs(sparseImageFile(between[0] ?? store))).not.toBe('');
    expectTruncated(volume, sizeBytes);
    volume.unmount();
    expect([findings(store), fsckApfs(sparseImageFile(store))]).toEqual([[], '']);
  });

  test('and when the power fails between them the next mount goes on', () => {
    const store = newStore();
    const volume = mountFirstVolume(store, options());
    const pieces = inPieces(volume);
    const states = atBarriers(store, () => volume.truncate(pieces, sizeBytes));
    const used = usedBlocks(volume);
    for (const state of states.filter(isInterrupted)) {
      const reader = mountFirstVolume(state.fork(), options('each', true));
      const node = reader.lookup(reader.root, 'pieces');
      expect(node && reader.attributes(node).sizeBytes).toBe(sizeBytes);
      const again = mountFirstVolume(state, options());
      expectTruncated(again, sizeBytes);
      expect(usedBlocks(again)).toBe(used);
      again.unmount();
      expect(findings(state)).toEqual([]);
    }
    const last = states.filter(isInterrupted).at(-1);
    if (last !== undefined) expect(fsckApfs(sparseImageFile(last))).toBe('');
  });
});

test('what a clean unmount of another driver left is finished with the next truncation', () => {
  const store = newStore();
  const volume = mountFirstVolume(store, options());
  const pieces = inPieces(volume);
  const [left] = atBarriers(store, () => volume.truncate(pieces, 3 * BLOCK)).filter(isInterrupted);
  if (left === undefined) throw new Error('there is one');
  // As a driver does that knows no such flag: block 0 shows the newest checkpoint.
  const continued = mountFirstVolume(left, { ...options(), isContinued: true });
  continued.unmount();
  expect(isInterrupted(left)).toBe(true);
  const again = mountFirstVolume(left, options());
  const node = again.lookup(again.root, 'pieces');
  if (node === undefined) throw new Error('it is there');
  again.truncate(node, 2 * BLOCK);
  expectTruncated(again, 2 * BLOCK);
  again.unmount();
  expect([findings(left), fsckApfs(sparseImageFile(left))]).toEqual([[], '']);
});

test('a shared file leaves its pieces to its clone, and nothing is marked', () => {
  const store = newStore();
  const volume = mountFirstVolume(store, options());
  const pieces = inPieces(volume);
  volume.clone?.(pieces, volume.root, 'clone', null);
  const states = atBarriers(store, () => volume.truncate(pieces, BLOCK));
  expect(states.some(isInterrupted)).toBe(false);
  expectTruncated(volume, BLOCK);
  volume.unmount();
  expect(fsckApfs(sparseImageFile(store))).toBe('');
});
