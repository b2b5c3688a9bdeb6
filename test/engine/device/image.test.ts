import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Prng } from '../../../src/engine/base/prng.ts';
import { changesOf, imageHash } from '../../../src/engine/device/image.ts';
import { Store } from '../../../src/engine/device/store.ts';
import { FlatDevice } from '../../support/flat-device.ts';

/** Goal: what goes out is what a reader of the store sees; equal disks have equal fingerprints, others do not. */
const LABEL = { role: 'data', owner: '', reason: '' } as const;

function written(store: Store, start: Uint8Array): Uint8Array {
  const file = start.slice();
  for (const piece of changesOf(store)) {
    if (piece.kind === 'data') file.set(piece.bytes, piece.offsetBytes);
    else file.fill(0, piece.offsetBytes, piece.offsetBytes + piece.lengthBytes);
  }
  return file;
}

describe('changes of a store', () => {
  test('make its image, over a backing and without one', () => {
    for (const start of [new Uint8Array(512 * 9000), new Prng(2).bytes(512 * 9000)]) {
      const isBacked = start[0] !== 0;
      const backing = isBacked
        ? {
            sizeBytes: start.length,
            read: (at: number, into: Uint8Array) => into.set(start.subarray(at, at + into.length)),
          }
        : null;
      const store = new Store({ blockSizeBytes: 512, blockCount: 9000 }, backing);
      store.write(17, new Prng(3).bytes(512 * 5000), LABEL);
      store.trim(3000, 100);
      store.fill(8000, 900, { generator: 'random', seed: 1, offsetBytes: 0 }, LABEL);
      store.write(8100, new Uint8Array(512), LABEL);
      const image = new Uint8Array(start.length);
      store.read(0, image);
      expect(Buffer.compare(written(store, start), image)).toBe(0);
      const touched = [...changesOf(store)].reduce(
        (sum, piece) => sum + (piece.kind === 'data' ? piece.bytes.length : isBacked ? piece.lengthBytes : 0),
        0,
      );
      expect(touched).toBe(512 * (isBacked ? 5900 : 5799));
    }
  });
});

describe('the fingerprint', () => {
  test('is the documented one', () => {
    const flat = new FlatDevice(512 * 20);
    flat.bytes.fill(5, 4096 + 9, 8192);
    flat.bytes.fill(6, 9 * 1024); // the last, half chunk
    const number = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
    const expected = createHash('sha256')
      .update('diskoscope image 1\n')
      .update(number(1))
      .update(flat.bytes.subarray(4096, 8192))
      .update(number(2))
      .update(flat.bytes.subarray(8192))
      .update(new Uint8Array(2048))
      .update(number(512 * 20))
      .digest('hex');
    expect(imageHash(flat)).toBe(expected);
  });

  test('does not depend on how the bytes came about, nor on the block size', () => {
    const data = new Prng(1).bytes(4096 * 30);
    const small = new Store({ blockSizeBytes: 512, blockCount: 2 ** 31 });
    const large = new Store({ blockSizeBytes: 4096, blockCount: 2 ** 28 });
    const backed = new Store(
      { blockSizeBytes: 512, blockCount: 2 ** 31 },
      {
        sizeBytes: data.length,
        read: (at, into) => into.set(data.subarray(at, at + into.length)),
      },
    );
    small.write(0, data, LABEL);
    small.fill(9000, 1000, { generator: 'random', seed: 1, offsetBytes: 0 }, LABEL);
    small.trim(9000, 1000);
    large.write(3, data.subarray(3 * 4096), LABEL);
    large.write(0, data.subarray(0, 3 * 4096), LABEL);
    expect(imageHash(small)).toBe(imageHash(large));
    expect(imageHash(backed)).toBe(imageHash(large));
    large.write(9, data.subarray(0, 4096), LABEL);
    expect(imageHash(small)).not.toBe(imageHash(large));
  });

  test('tells sizes apart, and a terabyte of nothing takes no time', () => {
    const hashes = [1, 8, 16, 2 ** 31].map((blockCount) =>
      imageHash(new Store({ blockSizeBytes: 512, blockCount })),
    );
    expect(new Set(hashes).size).toBe(4);
  });
});
