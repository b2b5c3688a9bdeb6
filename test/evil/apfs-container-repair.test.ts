import { expect, test } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
import { fsck } from '../../src/engine/formats/apfs/fsck.ts';
import { fsckApfs, imageFile } from '../support/checkers.ts';
import { FlatDevice } from '../support/flat-device.ts';
import { BLOCK, newContainer, Patient, readBlocks } from './apfs-patient.ts';

/** How a repair reaches the disk: never in place of anything that the newest checkpoint needs. */

interface Write {
  readonly block: number;
  readonly bytes: Uint8Array;
}

/** Keeps what is written, in epochs that barriers end. */
class RecordingDevice extends FlatDevice {
  readonly epochs: Write[][] = [[]];
  readonly reasons: string[] = [];

  override write(firstBlock: number, data: Uint8Array, label: Parameters<FlatDevice['write']>[2]): void {
    super.write(firstBlock, data, label);
    this.epochs.at(-1)?.push({ block: firstBlock, bytes: data.slice() });
  }

  override barrier(reason: string): void {
    super.barrier(reason);
    this.reasons.push(reason);
    this.epochs.push([]);
  }
}

function spoilt(): RecordingDevice {
  const store = newContainer(16 << 20, { 'free-queues': 'made' });
  const device = new RecordingDevice(store.blockCount * BLOCK, BLOCK);
  device.bytes.set(readBlocks(store, 0, store.blockCount));
  const patient = new Patient(device);
  patient.spoil(patient.bitmap, (_, bytes) => bytes.fill(0x18, 100, 101));
  patient.editSpace((view) => view.setUint16(0x140, 5, true));
  patient.edit(0, (view) => view.setUint32(0x58, 5000, true));
  device.epochs.splice(0, device.epochs.length, []);
  return device;
}

const kinds = (device: FlatDevice): string[] =>
  fsck(device, { repair: false }).findings.map(({ kind }) => kind);

test('everything, then the superblock, then block 0, each behind a barrier', () => {
  const device = spoilt();
  const { superblock } = new Patient(device);
  fsck(device, { repair: true });
  expect(device.reasons.length).toBe(3);
  expect(device.epochs.at(-1)).toEqual([]);
  expect(device.epochs[1]?.length).toBe(1);
  expect(device.epochs[1]?.[0]?.block).not.toBe(superblock);
  expect(device.epochs[2]?.map(({ block }) => block)).toEqual([0]);
  expect(kinds(device)).toEqual([]);
});

test('wherever the power fails, the container is as it was or repaired', () => {
  const whole = spoilt();
  const before = whole.bytes.slice();
  const damage = kinds(whole);
  expect(damage.length).toBeGreaterThan(2);
  fsck(whole, { repair: true });
  const random = new Prng(9);
  for (let run = 0; run < 60; run++) {
    const device = new FlatDevice(before.length, BLOCK);
    device.bytes.set(before);
    const epoch = random.below(whole.epochs.length - 1);
    for (const [i, writes] of whole.epochs.slice(0, epoch + 1).entries()) {
      for (const { block, bytes } of writes) {
        if (i === epoch && random.below(2) === 0) continue;
        // The last write may have been cut in two.
        const length = i === epoch && random.below(4) === 0 ? 512 * random.below(8) : bytes.length;
        device.bytes.set(bytes.subarray(0, length), block * BLOCK);
      }
    }
    const left = kinds(device).filter((kind) => kind !== 'old-checkpoint');
    const isNew = new Patient(device).xid > 2 && epoch > 0 && !left.includes('leaked-blocks');
    const isOnlyBlockZero = left.every((kind) => kind === 'superblock' || kind === 'dirty');
    if (isNew) expect(isOnlyBlockZero, left.join()).toBe(true);
    else expect(left.toSorted(), `epoch ${epoch}`).toEqual(damage.toSorted());
    const again = fsck(device, { repair: true });
    expect(
      kinds(device).filter((kind) => kind !== 'old-checkpoint'),
      again.lines.join('\n'),
    ).toEqual([]);
  }
});

test('on a device that cannot be written nothing is attempted', () => {
  const device = spoilt();
  Object.defineProperty(device, 'isReadOnly', { value: true });
  const { lines, findings } = fsck(device, { repair: true });
  expect(lines).toContain('   Nothing was changed: the device is read-only.');
  expect(findings.some(({ isRepaired }) => isRepaired)).toBe(false);
});

test('a second repair after other damage goes on where the first ended', () => {
  const device = spoilt();
  for (let round = 0; round < 6; round++) {
    fsck(device, { repair: true });
    expect(kinds(device)).toEqual([]);
    expect(fsckApfs(imageFile(device.bytes))).toBe('');
    const patient = new Patient(device);
    patient.spoil(patient.bitmap, (_, bytes) => bytes.fill(0x70, 200 + round, 201 + round));
  }
});
