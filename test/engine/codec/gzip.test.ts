import { crc32 as crc32OfNode, gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Prng } from '../../../src/engine/base/prng.ts';
import { crc32, crc32OverZeros } from '../../../src/engine/codec/crc32.ts';
import { GzipWriter, type GzipPiece } from '../../../src/engine/codec/gzip.ts';

/** Goal: any gunzip unpacks what we pack. Method: Node's zlib, on every length at which something could begin or end. */
const bytesOf = (pieces: readonly (GzipPiece | Uint8Array)[]): Buffer =>
  Buffer.concat(
    pieces.map((piece) =>
      piece instanceof Uint8Array
        ? piece
        : piece.kind === 'data'
          ? piece.bytes
          : new Uint8Array(piece.lengthBytes),
    ),
  );

describe('CRC-32', () => {
  test('is that of zlib for every length, in one go and carried on', () => {
    const bytes = new Prng(1).bytes(300);
    for (let length = 0; length <= bytes.length; length++) {
      const part = bytes.subarray(0, length);
      expect(crc32(part)).toBe(crc32OfNode(part));
      const cut = length >> 1;
      expect(crc32(part.subarray(cut), crc32(part.subarray(0, cut)))).toBe(crc32(part));
    }
  });

  test('is carried over zeros as if they had been there', () => {
    const start = crc32(Buffer.from('123456789'));
    expect(start).toBe(0xcbf43926);
    for (const count of [0, 1, 7, 255, 256, 1000, 2 ** 20 + 3]) {
      expect(crc32OverZeros(count, start)).toBe(crc32(new Uint8Array(count), start));
    }
    const half = crc32OverZeros(2 ** 39 - 5, start);
    expect(crc32OverZeros(2 ** 39 + 5, half)).toBe(crc32OverZeros(2 ** 40, start));
  });
});

describe('a gzip stream made piece by piece', () => {
  test('unpacks to the bytes and zeros that went in, whatever their lengths', () => {
    const random = new Prng(2);
    const lengths = [1, 2, 258, 259, 260, 516, 517, 1032, 1033, 1034, 2064, 5000, 70_000, 2 ** 20];
    const writer = new GzipWriter();
    const pieces: (GzipPiece | Uint8Array)[] = [writer.head()];
    const expected: Uint8Array[] = [];
    for (const length of lengths) {
      const bytes = length % 2 ? random.bytes(length) : new Uint8Array(length).fill(7).fill(0, length >> 1);
      pieces.push(writer.data(bytes), ...writer.zeros(length));
      expected.push(bytes, new Uint8Array(length));
    }
    for (let round = 0; round < 300; round++) {
      const bytes = random.bytes(random.below(3000)).map((byte) => byte & (2 ** (1 + (round % 8)) - 1));
      pieces.push(writer.data(bytes), ...writer.zeros(round));
      expected.push(bytes, new Uint8Array(round));
    }
    pieces.push(writer.tail());
    expect(gunzipSync(bytesOf(pieces)).equals(Buffer.concat(expected))).toBe(true);
  });

  test('of nothing is a stream, too', () => {
    const writer = new GzipWriter();
    expect(gunzipSync(bytesOf([writer.head(), ...writer.zeros(0), writer.tail()])).length).toBe(0);
  });

  test('zeros cost a few bytes to describe, and a 1032nd of a file', () => {
    const pieces = new GzipWriter().zeros(2 ** 40);
    const described = pieces.reduce(
      (sum, piece) => sum + (piece.kind === 'data' ? piece.bytes.length : 0),
      0,
    );
    expect(described).toBeLessThan(200);
    const packed = pieces.reduce(
      (sum, piece) => sum + (piece.kind === 'data' ? piece.bytes.length : piece.lengthBytes),
      0,
    );
    expect(packed).toBeCloseTo(2 ** 40 / 1032, -3);
  });
});
