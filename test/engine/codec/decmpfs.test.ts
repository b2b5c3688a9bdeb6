import { zlibSync } from 'fflate';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../../src/engine/base/bytes.ts';
import { FsError } from '../../../src/engine/base/errno.ts';
import { Prng } from '../../../src/engine/base/prng.ts';
import { CompressedFile } from '../../../src/engine/codec/decmpfs.ts';
import type { CompressedFork } from '../../../src/engine/codec/decmpfs.ts';
import { attributeOf, forkOf, forkWith } from './decmpfs-support.ts';

const NO_FORK: CompressedFork = forkWith(new Uint8Array(0));

const text = (lengthBytes: number): Uint8Array =>
  utf8('All work and no play makes Jack a dull boy. '.repeat(Math.ceil(lengthBytes / 44))).slice(
    0,
    lengthBytes,
  );

function opened(value: Uint8Array, fork = NO_FORK): CompressedFile {
  const file = CompressedFile.open(value, fork);
  if (file === undefined) throw new Error('no header');
  return file;
}

function whole(file: CompressedFile): Uint8Array {
  const into = new Uint8Array(file.sizeBytes);
  expect(file.read(0, into)).toBe(into.length);
  return into;
}

function failure(action: () => unknown): FsError {
  try {
    action();
  } catch (error) {
    if (error instanceof FsError) return error;
    throw error;
  }
  throw new Error('did not fail');
}

describe('in the attribute', () => {
  test('zlib, by two makers', () => {
    const data = text(5000);
    expect(whole(opened(attributeOf(3, data.length, deflateSync(data))))).toEqual(data);
    expect(whole(opened(attributeOf(3, data.length, zlibSync(data, { level: 1 }))))).toEqual(data);
  });

  test('stored behind a byte FF, and plainly', () => {
    const data = new Prng(1).bytes(900);
    expect(whole(opened(attributeOf(3, 900, Uint8Array.of(0xff, ...data))))).toEqual(data);
    expect(whole(opened(attributeOf(1, 900, data)))).toEqual(data);
    expect(whole(opened(attributeOf(9, 900, Uint8Array.of(0xcc, ...data))))).toEqual(data);
    expect(failure(() => whole(opened(attributeOf(9, 900, data)))).detail).toMatch(/too short/);
  });

  test('a part, across the end, beyond the end, of nothing', () => {
    const data = text(5000);
    const file = opened(attributeOf(3, data.length, deflateSync(data)));
    const into = new Uint8Array(100);
    expect(file.read(1234, into)).toBe(100);
    expect(into).toEqual(data.subarray(1234, 1334));
    expect(file.read(4950, into)).toBe(50);
    expect(file.read(5000, into)).toBe(0);
    expect(file.read(9000, into)).toBe(0);
    expect(opened(attributeOf(3, 0, deflateSync(new Uint8Array(0)))).read(0, into)).toBe(0);
  });
});

describe('in the resource fork', () => {
  const data = new Uint8Array(200_000);
  data.set(text(120_000));
  data.set(new Prng(2).bytes(70_000), 125_000);
  const fork = forkOf(data);

  test('as a whole and from anywhere', () => {
    const file = opened(attributeOf(4, data.length), forkWith(fork));
    expect(whole(file)).toEqual(data);
    const random = new Prng(3);
    for (let i = 0; i < 200; i++) {
      const offset = random.below(data.length);
      const into = new Uint8Array(random.below(3000));
      const length = file.read(offset, into);
      expect(into.subarray(0, length)).toEqual(data.subarray(offset, offset + into.length));
    }
  });

  test('plain blocks behind a byte each', () => {
    const plain = forkOf(data, (block) => Uint8Array.of(0xcc, ...block));
    expect(whole(opened(attributeOf(10, data.length), forkWith(plain)))).toEqual(data);
  });

  test('reads only the block it needs', () => {
    const file = opened(attributeOf(4, data.length), {
      sizeBytes: fork.length,
      read: (offset, into) => {
        expect(into.length).toBeLessThan(70_000);
        into.set(fork.subarray(offset, offset + into.length));
      },
    });
    expect(file.read(131_072, new Uint8Array(1))).toBe(1);
  });

  test.each([
    ['a size of other blocks', attributeOf(4, data.length + 65_536), fork, /4 blocks|holds/],
    ['a fork cut short', attributeOf(4, data.length), fork.subarray(0, 270), /too short/],
    ['a fork of nothing', attributeOf(4, data.length), new Uint8Array(3), /no header/],
    ['a giant', attributeOf(4, 2 ** 50), fork, /too short/],
  ])('%s is EIO', (_, value, bytes, sentence) => {
    const error = failure(() => opened(value, forkWith(bytes)).read(0, new Uint8Array(10)));
    expect(error.code).toBe('EIO');
    expect(error.detail).toMatch(sentence);
  });

  test('no byte of the fork, whatever it becomes, breaks anything but the read', () => {
    const random = new Prng(4);
    for (let i = 0; i < 300; i++) {
      const broken = fork.slice();
      const at = random.below(2) === 0 ? random.below(400) : random.below(broken.length);
      broken[at] = random.below(256);
      const into = new Uint8Array(data.length);
      try {
        opened(attributeOf(4, data.length), forkWith(broken)).read(0, into);
      } catch (error) {
        expect(error).toBeInstanceOf(FsError);
        expect((error as FsError).code).toBe('EIO');
      }
    }
  });
});

describe('hostile', () => {
  test('a bomb takes no memory beyond the size stated', () => {
    const bomb = deflateSync(new Uint8Array(3_000_000));
    const error = failure(() => opened(attributeOf(3, 100, bomb)).read(0, new Uint8Array(100)));
    expect(error.detail).toMatch(/does not unpack to 100 bytes/);
    const promise = failure(() => opened(attributeOf(3, 2 ** 40, bomb)).read(0, new Uint8Array(1)));
    expect(promise.detail).toMatch(/cannot become/);
  });

  test('a wrong checksum', () => {
    const stored = Uint8Array.from(deflateSync(text(1000)));
    stored[stored.length - 1] = (stored.at(-1) ?? 0) ^ 1;
    expect(failure(() => whole(opened(attributeOf(3, 1000, stored)))).detail).toMatch(/checksum/);
  });

  test('a method of others is named, with its size', () => {
    const file = opened(attributeOf(12, 12_345));
    expect(file.sizeBytes).toBe(12_345);
    expect(file.isInFork).toBe(true);
    const error = failure(() => file.read(0, new Uint8Array(1)));
    expect(error.code).toBe('ENOTSUP');
    expect(error.detail).toMatch(/method 12 \(LZFSE/);
    expect(failure(() => opened(attributeOf(77, 5)).read(0, new Uint8Array(1))).detail).toMatch(/method 77/);
  });

  test('LZVN in the attribute and in the fork, packed and as it is', () => {
    const data = Uint8Array.from({ length: 65_536 + 3000 }, (_, i) => (i * 7) & 0xff);
    const literal = (bytes: Uint8Array) => Uint8Array.of(0x06, ...bytes);
    const first = literal(data.subarray(0, 65_536));
    // Twelve literals, then what came three bytes before, as often as the rest of the block needs.
    const tail = Uint8Array.of(0xec, ...data.subarray(65_536, 65_548), 0x06);
    const head = Buffer.alloc(12);
    head.writeUInt32LE(12, 0);
    head.writeUInt32LE(12 + first.length, 4);
    head.writeUInt32LE(12 + first.length + tail.length, 8);
    const fork = forkWith(Uint8Array.from(Buffer.concat([head, first, tail])));
    const file = CompressedFile.open(attributeOf(8, 65_548), fork)!;
    const got = new Uint8Array(65_548);
    expect(file.read(0, got)).toBe(65_548);
    expect(got).toEqual(data.subarray(0, 65_548));
    const inline = CompressedFile.open(attributeOf(7, 12, literal(data.subarray(0, 12))), NO_FORK)!;
    expect(inline.read(0, got.subarray(0, 12))).toBe(12);
    const torn = forkWith(Uint8Array.from(Buffer.concat([head, first])));
    expect(failure(() => CompressedFile.open(attributeOf(8, 65_548), torn)!.read(65_540, got)).code).toBe(
      'EIO',
    );
  });

  test('what is no header says nothing about the file', () => {
    const value = attributeOf(3, 10, new Uint8Array(20));
    expect(CompressedFile.open(value.subarray(0, 15), NO_FORK)).toBeUndefined();
    value[0] = 0;
    expect(CompressedFile.open(value, NO_FORK)).toBeUndefined();
    expect(CompressedFile.open(attributeOf(3, 2 ** 60), NO_FORK)).toBeUndefined();
  });
});
