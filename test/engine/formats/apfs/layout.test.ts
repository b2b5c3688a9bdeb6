import { describe, expect, test } from 'vitest';
import { viewOf } from '../../../../src/engine/base/bytes.ts';
import { fletcher64 } from '../../../../src/engine/codec/fletcher64.ts';
import { NxSuperblock, putTime, timeOf, uuidText } from '../../../../src/engine/formats/apfs/layout.ts';
import { VolumeSuperblock } from '../../../../src/engine/formats/apfs/layout-volume.ts';

describe('times', () => {
  const at = (seconds: number, nanoseconds: number) => {
    const view = viewOf(new Uint8Array(16));
    putTime(view, 8, { seconds, nanoseconds });
    return view;
  };

  test('are signed nanoseconds', () => {
    expect(at(0, 5).getBigInt64(8, true)).toBe(5n);
    expect(at(1_700_000_000, 123_456_789).getBigInt64(8, true)).toBe(1_700_000_000_123_456_789n);
    expect(at(-1, 999_999_999).getBigInt64(8, true)).toBe(-1n);
    expect(at(1e12, 0).getBigInt64(8, true)).toBe(9_223_372_035_000_000_000n);
  });

  test.each([
    [0, 0],
    [1, 1],
    [-1, 1],
    [-86_400 * 365 * 100, 7],
    [1_800_000_000, 999_999_999],
    [4_294_967_296, 0],
    [9_223_372_035, 1],
  ])('%d s %d ns come back', (seconds, nanoseconds) => {
    expect(timeOf(at(seconds, nanoseconds), 8)).toEqual({ seconds, nanoseconds });
  });
});

test('an identifier is text', () => {
  expect(uuidText(Uint8Array.from({ length: 16 }, (_, i) => i * 16 + 15))).toBe(
    '0F1F2F3F-4F5F-6F7F-8F9F-AFBFCFDFEFFF',
  );
});

test('the checksum makes both sums vanish', () => {
  for (const length of [8, 64, 4096, 65_536]) {
    const block = Uint8Array.from({ length }, (_, i) => (i * 2_654_435_761) >>> 24).fill(0, 0, 8);
    block.fill(255, length / 2);
    const { low, high } = fletcher64(block, 8);
    viewOf(block).setUint32(0, low, true);
    viewOf(block).setUint32(4, high, true);
    // The words behind the checksum, then the checksum itself, sum to 0 in both sums: the definition.
    const words = [...new Uint32Array(block.buffer)];
    let first = 0n;
    let second = 0n;
    for (const word of [...words.slice(2), words[0], words[1]]) {
      first = (first + BigInt(word ?? 0)) % 0xffff_ffffn;
      second = (second + first) % 0xffff_ffffn;
    }
    expect([first, second]).toEqual([0n, 0n]);
    const shifted = new Uint8Array(length + 1);
    shifted.set(block, 1);
    expect(fletcher64(shifted.subarray(1), 8)).toEqual({ low, high });
  }
});

test('structures hold as many bytes as the specification prints', () => {
  expect(NxSuperblock.fields.mediaKeybagFirst.at).toBe(0x570);
  expect(VolumeSuperblock.fields.documentIndexXid.at).toBe(0x420);
});
