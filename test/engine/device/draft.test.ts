import { describe, expect, test } from 'vitest';
import { FsError } from '../../../src/engine/base/errno.ts';
import type { WriteLabel } from '../../../src/engine/device/device.ts';
import { Draft } from '../../../src/engine/device/draft.ts';
import type { Stages } from '../../../src/engine/device/draft.ts';
import { FaultyDevice } from '../../../src/engine/device/fault.ts';
import { Medium } from '../../../src/engine/device/medium.ts';
import { Overlay } from '../../../src/engine/device/overlay.ts';
import { FlatDevice } from '../../support/flat-device.ts';

/**
 * Goal: what looks at a damaged disk, or changes one in thought, neither fails nor touches it before it is told to.
 */
const LABEL: WriteLabel = { role: 'data', owner: 'test', reason: 'test' };
const STAGES: Stages = { reasons: ['first', 'second', 'third'], together: Math.max };

/** Eight blocks; every byte is the number of its block. */
function numbered(): FlatDevice {
  const device = new FlatDevice(8 * 512);
  device.bytes.forEach((_, i) => (device.bytes[i] = Math.floor(i / 512)));
  return device;
}

const unreadable = (device: FlatDevice, ...blocks: readonly number[]): FaultyDevice =>
  new FaultyDevice(
    device,
    blocks.map((firstBlock) => ({ firstBlock, blockCount: 1, fails: 'both' })),
  );

describe('a medium', () => {
  test('reads from any byte to any byte, a fresh copy at the beginning of its buffer', () => {
    const device = numbered();
    const bytes = new Medium(device).read(511, 514);
    expect([...bytes]).toEqual([0, ...new Array<number>(512).fill(1), 2]);
    expect(bytes.byteOffset).toBe(0);
    bytes.fill(9);
    expect(device.bytes[600]).toBe(1);
  });

  test('has zeros behind its end', () => {
    const medium = new Medium(numbered());
    expect([...medium.read(8 * 512 - 1, 3)]).toEqual([7, 0, 0]);
    expect([...medium.read(1e12 + 1, 2)]).toEqual([0, 0]);
    expect(medium.read(100, 0)).toHaveLength(0);
  });

  test('has zeros for what cannot be read, all the rest, and remembers', () => {
    const medium = new Medium(unreadable(numbered(), 3, 5));
    const bytes = medium.read(2 * 512, 5 * 512);
    expect([0, 1, 2, 3, 4].map((i) => bytes[i * 512 + 100])).toEqual([2, 0, 4, 0, 6]);
    expect([...medium.unreadableBlocks]).toEqual([3, 5]);
  });

  test('finds the next byte that may be stored', () => {
    const device = new FlatDevice(8 * 512);
    device.bytes[5 * 512 + 7] = 1;
    const medium = new Medium(device);
    expect([0, 2600, 5 * 512 + 20, 6 * 512, 1e9].map((at) => medium.nextStored(at))).toEqual([
      5 * 512,
      2600,
      5 * 512 + 20,
      8 * 512,
      8 * 512,
    ]);
  });
});

describe('a draft', () => {
  test('shows its changes and leaves the device alone until it is committed', () => {
    const device = numbered();
    const draft = new Draft(device, STAGES);
    draft.write(510, new Uint8Array([50, 51, 52, 53]), 0, LABEL);
    expect([...draft.read(509, 6)]).toEqual([0, 50, 51, 52, 53, 1]);
    expect([draft.hasEdits, device.log]).toEqual([true, []]);
    draft.commit();
    expect([...device.bytes.subarray(509, 515)]).toEqual([0, 50, 51, 52, 53, 1]);
    expect(draft.hasEdits).toBe(false);
  });

  test('writes stage by stage, each in the order of the disk, with a barrier behind those that wrote', () => {
    const device = numbered();
    const draft = new Draft(device, STAGES);
    const byte = new Uint8Array([99]);
    for (const [block, stage] of [
      [6, 0],
      [1, 2],
      [2, 0],
      [3, 0],
      [3, 2],
      [4, 2],
      [4, 0],
    ] as const)
      draft.write(block * 512, byte, stage, LABEL);
    draft.commit();
    expect(device.log.map((entry) => ('barrier' in entry ? entry.barrier : entry.firstBlock))).toEqual([
      ...[2, 6, 'first'],
      ...[1, 3, 4, 'third'],
    ]);
  });

  test('finds what only it has stored', () => {
    const draft = new Draft(new FlatDevice(8 * 512), STAGES);
    draft.write(6 * 512 + 5, new Uint8Array([1]), 0, LABEL);
    expect(draft.nextStored(10)).toBe(6 * 512);
    for (let block = 3; block < 6; block++) draft.write(block * 512, new Uint8Array([1]), 0, LABEL);
    expect([draft.nextStored(10), draft.nextStored(7 * 512)]).toEqual([3 * 512, 8 * 512]);
  });

  test('goes on past a block that cannot be written, and remembers', () => {
    const device = numbered();
    const draft = new Draft(unreadable(device, 2), STAGES);
    draft.write(2 * 512 - 1, new Uint8Array([80, 81]), 0, LABEL);
    draft.commit();
    expect([[...draft.unreadableBlocks], [...draft.unwritableBlocks]]).toEqual([[2], [2]]);
    expect([device.bytes[1023], device.bytes[1024]]).toEqual([80, 2]);
  });

  test('writes at once past its edits, which stay', () => {
    const device = numbered();
    const draft = new Draft(device, STAGES);
    draft.write(0, new Uint8Array([70]), 0, LABEL);
    draft.writeNow(1, new Uint8Array([71]), LABEL, 'before all else');
    expect([...device.bytes.subarray(0, 3)]).toEqual([0, 71, 0]);
    expect(device.log.at(-1)).toEqual({ barrier: 'before all else' });
    expect(draft.read(0, 1)).toEqual(new Uint8Array([70]));
  });
});

describe('an overlay', () => {
  test('reads what was written to it; the device below is never written', () => {
    const device = numbered();
    const overlay = new Overlay(device);
    overlay.write(2, new Uint8Array(1024).fill(60));
    const bytes = new Uint8Array(4 * 512);
    overlay.read(1, bytes);
    expect([0, 1, 2, 3].map((i) => bytes[i * 512])).toEqual([1, 60, 60, 4]);
    expect([device.log, overlay.isReadOnly]).toEqual([[], true]);
  });

  test('is read-only for others, and finds what only it has stored', () => {
    const overlay = new Overlay(new FlatDevice(8 * 512));
    overlay.write(5, new Uint8Array(512).fill(1));
    expect([overlay.nextStored(0), overlay.nextStored(6)]).toEqual([5, 8]);
    expect(() => overlay.fill()).toThrow(FsError);
    expect(() => overlay.trim()).toThrow(FsError);
  });
});
