import { afterEach, expect, test, vi } from 'vitest';
import { Prng } from '../../src/engine/base/prng.ts';
import { backingIn } from '../../src/rpc/file-store.ts';

/**
 * Goal: a file is read as it is, in few calls where somebody reads on and in small ones where somebody jumps.
 * Method: a reader that counts, over bytes that are known.
 */
const SIZE_BYTES = 6 * 2 ** 20 + 777;
const content = new Prng(5).bytes(SIZE_BYTES);
const calls: number[] = [];

class CountingReader {
  readAsArrayBuffer(piece: Uint8Array): ArrayBuffer {
    calls.push(piece.length);
    return piece.slice().buffer as ArrayBuffer;
  }
}

function opened() {
  vi.stubGlobal('FileReaderSync', CountingReader);
  const file = {
    name: 'a.img',
    size: SIZE_BYTES,
    slice: (from: number, to: number) => content.slice(from, to),
  };
  const backing = backingIn(file as unknown as File);
  calls.length = 0;
  return backing;
}

afterEach(() => {
  vi.unstubAllGlobals();
});

const isRead = (backing: ReturnType<typeof opened>, from: number, length: number): boolean => {
  const into = new Uint8Array(length);
  backing.read(from, into);
  return into.every((byte, at) => byte === content[from + at]);
};

test('whoever reads on gets the bytes in a call for a megabyte, and again without any', () => {
  const backing = opened();
  const PIECE_BYTES = 5000;
  const all = () => {
    for (let at = 0; at < SIZE_BYTES; at += PIECE_BYTES)
      expect(isRead(backing, at, Math.min(PIECE_BYTES, SIZE_BYTES - at)), `at ${at}`).toBe(true);
  };
  all();
  expect(calls.length).toBeLessThan(12);
  calls.length = 0;
  all();
  expect(calls).toEqual([]);
});

test('whoever jumps gets small pieces, each of them right', () => {
  const backing = opened();
  const prng = new Prng(9);
  for (let i = 0; i < 60; i++)
    expect(isRead(backing, prng.below(SIZE_BYTES - 4096), 1 + prng.below(4096)), `jump ${i}`).toBe(true);
  const sum = calls.reduce((bytes, length) => bytes + length, 0);
  expect(sum / calls.length).toBeLessThan(3 * 2 ** 16);
});
