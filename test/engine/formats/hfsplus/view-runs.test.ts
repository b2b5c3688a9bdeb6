import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Geometry } from '../../../../src/engine/formats/hfsplus/layout.ts';
import { usedRuns } from '../../../../src/engine/formats/hfsplus/view-bitmap.ts';
import { runHolding, sortedRuns } from '../../../../src/engine/formats/hfsplus/view-files.ts';
import type { FileRun, RunFilter, RunVisitor } from '../../../../src/engine/formats/hfsplus/view-files.ts';
import { ViewFork } from '../../../../src/engine/formats/hfsplus/view-fork.ts';
import { Medium } from '../../../../src/engine/device/medium.ts';
import { FlatDevice } from '../../../support/flat-device.ts';

/** Goal: runs, forks and bitmaps answer as the simplest reading of them would, block by block. */
const BLOCK = 512;
const BLOCKS = 64;
const geometry: Geometry = {
  isHfsx: false,
  volumeOffsetBytes: 1024,
  volumeSizeBytes: BLOCKS * BLOCK,
  blockSizeBytes: BLOCK,
  totalBlocks: BLOCKS,
  headerOffsetBytes: 2048,
  alternateHeaderOffsetBytes: 0,
};

const extent = fc.record({
  startBlock: fc.integer({ min: 0, max: BLOCKS + 4 }),
  blockCount: fc.integer({ min: 1, max: 9 }),
});

function numbered(): FlatDevice {
  const device = new FlatDevice(1024 + BLOCKS * BLOCK);
  for (let i = 0; i < device.bytes.length; i++) device.bytes[i] = (i * 7 + (i >> 9) * 31) & 0xff;
  return device;
}

describe('forks', () => {
  test('read what their extents say, zeros where those leave the volume', () => {
    const device = numbered();
    const medium = new Medium(device);
    fc.assert(
      fc.property(
        fc.array(extent, { maxLength: 6 }),
        fc.nat(2000),
        fc.nat(6000),
        (extents, offset, length) => {
          const fork = new ViewFork(medium, geometry, extents, 0);
          const whole = new Uint8Array(10_000);
          let at = 0;
          for (const { startBlock, blockCount } of extents) {
            for (let block = startBlock; block < startBlock + blockCount; block++, at += BLOCK) {
              const from = 1024 + block * BLOCK;
              if (block < BLOCKS && at < whole.length)
                whole.set(device.bytes.subarray(from, from + Math.min(BLOCK, whole.length - at)), at);
            }
          }
          expect(fork.read(offset, length)).toEqual(whole.slice(offset, offset + length));
          const pieces = fork.pieces(offset, length);
          expect(pieces.every(({ lengthBytes }) => lengthBytes > 0)).toBe(true);
        },
      ),
    );
  });
});

describe('runs of files', () => {
  const file = { fileId: 16, kind: 'data', name: '', sizeBytes: 0 } as const;
  const run = extent.map((given): FileRun => ({ ...given, forkBlock: 3, owner: { ...file } }));

  test('sorted: nobody shares a block, the one that begins first has it; a single look agrees', () => {
    fc.assert(
      fc.property(fc.array(run, { maxLength: 12 }), (runs) => {
        const sorted = sortedRuns(runs, BLOCKS);
        const all = (mayHold: RunFilter, visit: RunVisitor): void => {
          for (const one of runs) if (mayHold(one.startBlock, one.blockCount)) visit(one);
        };
        let next = 0;
        for (const { startBlock, blockCount } of sorted) {
          expect(startBlock >= next && blockCount > 0 && startBlock + blockCount <= BLOCKS).toBe(true);
          next = startBlock + blockCount;
        }
        for (let block = 0; block < BLOCKS; block++) {
          const inSorted = sorted.find(
            (one) => block >= one.startBlock && block < one.startBlock + one.blockCount,
          );
          const alone = runHolding(block, all);
          expect(inSorted?.owner).toBe(alone?.owner);
          if (inSorted && alone) {
            expect(inSorted.forkBlock + block - inSorted.startBlock).toBe(
              alone.forkBlock + block - alone.startBlock,
            );
          }
        }
      }),
    );
  });
});

describe('bitmaps', () => {
  test('runs of set bits, from and to any bit', () => {
    const bytes = fc
      .uint8Array({ minLength: BLOCK, maxLength: BLOCK })
      .map((given) => given.map((byte) => (byte < 90 ? 0 : byte > 180 ? 0xff : byte)));
    fc.assert(
      fc.property(bytes, fc.nat(BLOCK * 8), fc.nat(BLOCK * 8), (bits, a, b) => {
        const device = new FlatDevice(1024 + BLOCKS * BLOCK);
        device.bytes.set(bits, 1024 + 5 * BLOCK);
        const fork = new ViewFork(new Medium(device), geometry, [{ startBlock: 5, blockCount: 1 }], BLOCK);
        const [first, end] = [Math.min(a, b), Math.max(a, b)];
        const set = new Set<number>();
        let last = -2;
        for (const [start, length] of usedRuns(fork, first, end)) {
          expect(start).toBeGreaterThan(last + 1);
          last = start + length - 1;
          for (let bit = start; bit <= last; bit++) set.add(bit);
        }
        const isSet = (bit: number): boolean => (((bits[bit >> 3] ?? 0) << (bit & 7)) & 0x80) !== 0;
        for (let bit = 0; bit < BLOCK * 8; bit++) {
          if (set.has(bit) !== (bit >= first && bit < end && isSet(bit))) throw new Error(`bit ${bit}`);
        }
      }),
    );
  });
});
