import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InvariantError } from '../../../src/engine/base/assert.ts';
import { FsError } from '../../../src/engine/base/errno.ts';
import { Prng } from '../../../src/engine/base/prng.ts';
import type { Fill, WriteLabel } from '../../../src/engine/device/device.ts';
import { generate } from '../../../src/engine/device/generated.ts';
import { FROM_BACKING } from '../../../src/engine/device/slots.ts';
import { Store, type Backing, type Version } from '../../../src/engine/device/store.ts';
import { Tape } from '../../../src/engine/device/tape.ts';
import { FlatDevice } from '../../support/flat-device.ts';

/**
 * Goal: whatever was written, forked, restored, replayed and compacted before, a store holds the bytes a plain array
 * would hold, and nothing done to one state shows in another.
 * Method: random operations on stores and on arrays beside them; all bytes compared after each run.
 */
const LABEL: WriteLabel = { role: 'data', owner: 'test', reason: 'to see it again' };
const BLOCK_COUNT = 300; // five leaves, the last one not full

type Operation =
  | { readonly kind: 'write'; first: number; count: number; byte: number }
  | { readonly kind: 'fill'; first: number; count: number; seed: number; offsetBytes: number }
  | { readonly kind: 'zero' | 'trim'; first: number; count: number }
  | { readonly kind: 'record'; isOn: boolean }
  | { readonly kind: 'keep' | 'restore' | 'fork' | 'switch' | 'compact' | 'replay'; pick: number };

const first = fc.nat(BLOCK_COUNT - 1);
const count = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 9 }) }, fc.nat(BLOCK_COUNT));
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('write' as const), first, count, byte: fc.nat(255) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('fill' as const),
      first,
      count,
      seed: fc.nat(3),
      offsetBytes: fc.nat(5000),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('zero' as const, 'trim' as const), first, count }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('record' as const), isOn: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(...(['keep', 'restore', 'fork', 'switch', 'compact', 'replay'] as const)),
      pick: fc.nat(100),
    }),
  },
);

/** A store, an array that should equal it, and everything kept of both. */
class Pair {
  readonly tape = new Tape(512);
  stores: { store: Store; bytes: Uint8Array }[];
  now: { store: Store; bytes: Uint8Array };
  kept: { version: Version; bytes: Uint8Array; tapeAt: number }[] = [];
  /** The array after each entry of the tape. */
  readonly recorded: Uint8Array[] = [];

  constructor(backing: Uint8Array | null) {
    const store = new Store({ blockSizeBytes: 512, blockCount: BLOCK_COUNT }, backing && backingOf(backing));
    const bytes = new Uint8Array(BLOCK_COUNT * 512);
    if (backing) bytes.set(backing);
    store.tape = this.tape;
    this.now = { store, bytes };
    this.stores = [this.now];
    this.keep();
  }

  keep(): void {
    const { store, bytes } = this.now;
    this.kept.push({ version: store.version(), bytes: bytes.slice(), tapeAt: this.tape.length });
  }

  apply(operation: Operation): void {
    const { store, bytes } = this.now;
    switch (operation.kind) {
      case 'write':
      case 'fill':
      case 'zero':
      case 'trim': {
        const blocks = Math.min(operation.count, BLOCK_COUNT - operation.first);
        const target = bytes.subarray(operation.first * 512, (operation.first + blocks) * 512);
        if (operation.kind === 'write') {
          const data = new Prng(operation.byte).bytes(target.length);
          if (operation.byte < 40) data.fill(0); // zeros written as bytes
          target.set(data);
          store.write(operation.first, data, LABEL);
          data.fill(0xee); // the caller may reuse its buffer
        } else if (operation.kind === 'trim') {
          target.fill(0);
          store.trim(operation.first, blocks);
        } else {
          const fill: Fill =
            operation.kind === 'fill'
              ? { generator: 'random', seed: operation.seed, offsetBytes: operation.offsetBytes }
              : { generator: 'zero' };
          generate(fill, 0, target);
          store.fill(operation.first, blocks, fill, LABEL);
        }
        if (this.tape.isRecording && store.tape) this.recorded.push(bytes.slice());
        break;
      }
      case 'record':
        this.tape.isRecording = operation.isOn;
        break;
      case 'keep':
        this.keep();
        break;
      case 'restore': {
        const kept = this.kept[operation.pick % this.kept.length]!;
        store.restore(kept.version);
        bytes.set(kept.bytes);
        break;
      }
      case 'fork': {
        const fork = store.fork();
        if (operation.pick % 2) fork.tape = this.tape;
        this.stores.push({ store: fork, bytes: bytes.slice() });
        break;
      }
      case 'switch':
        this.now = this.stores[operation.pick % this.stores.length]!;
        break;
      case 'compact':
        this.kept = this.kept.filter((_, i) => i === 0 || i % 3 !== operation.pick % 3);
        store.compact({
          stores: this.stores.map((pair) => pair.store).filter((other) => other !== store),
          versions: this.kept.map(({ version }) => version),
          recordings: [{ tape: this.tape, from: 0, to: this.tape.length }],
        });
        break;
      case 'replay': {
        // A whole recorded history from its newest entry: only that entry's blocks must come out as recorded.
        if (this.tape.length === 0) return;
        const entry = operation.pick % this.tape.length;
        const at = this.tape.firstBlockAt(entry) * 512;
        const end = at + this.tape.blockCountAt(entry) * 512;
        store.replay(this.tape, { from: entry, to: entry + 1 });
        bytes.set(this.recorded[entry]!.subarray(at, end), at);
      }
    }
  }

  check(): void {
    for (const { store, bytes } of this.stores) expectBytes(store, bytes);
    const fork = this.now.store.fork();
    for (const { version, bytes } of this.kept) {
      fork.restore(version);
      expectBytes(fork, bytes);
    }
    for (let entry = 0; entry < this.tape.length; entry++) {
      const at = this.tape.firstBlockAt(entry) * 512;
      const expected = this.recorded[entry]!.subarray(at, at + this.tape.blockCountAt(entry) * 512);
      const got = new Uint8Array(expected.length);
      this.now.store.readRecorded(this.tape, entry, 0, got);
      expect(Buffer.compare(got, expected), `entry ${entry}`).toBe(0);
    }
  }
}

function expectBytes(store: Store, bytes: Uint8Array): void {
  const got = new Uint8Array(bytes.length).fill(0xaa);
  store.read(0, got);
  expect(Buffer.compare(got, bytes)).toBe(0);
  let block = 0;
  for (const run of store.runs()) {
    expect(run.firstBlock).toBe(block);
    block += run.blockCount;
    if (run.kind === 'zero') {
      expect(bytes.subarray(run.firstBlock * 512, block * 512).every((byte) => byte === 0)).toBe(true);
    }
  }
  expect(block).toBe(store.blockCount);
  for (let at = 0; at < store.blockCount; at++) {
    const next = store.nextStored(at);
    const skipped = bytes.subarray(at * 512, next * 512);
    expect(skipped.every((byte) => byte === 0)).toBe(true);
    at = next;
  }
}

const backingOf = (bytes: Uint8Array): Backing => ({
  sizeBytes: bytes.length,
  read: (offsetBytes, into) => {
    expect(offsetBytes + into.length).toBeLessThanOrEqual(bytes.length);
    into.set(bytes.subarray(offsetBytes, offsetBytes + into.length));
  },
});

describe('a store and an array', () => {
  test.each([
    ['without a backing', null],
    ['over a backing that ends within a block', new Prng(9).bytes(100 * 512 + 77)],
  ])('%s cannot be told apart', (_, backing) => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const pair = new Pair(backing);
        for (const each of operations) pair.apply(each);
        pair.check();
      }),
      { numRuns: 300 },
    );
  });

  test('agree with the flat device of the format tests, also with blocks of 4096 bytes', () => {
    const prng = new Prng(5);
    const flat = new FlatDevice(4096 * 500, 4096);
    const store = new Store({ blockSizeBytes: 4096, blockCount: 500 });
    for (let i = 0; i < 2000; i++) {
      const block = prng.below(500);
      const blocks = Math.min(1 + prng.below(4), 500 - block);
      if (prng.below(5) === 0) for (const device of [flat, store]) device.trim(block, blocks);
      else {
        const data = prng.bytes(blocks * 4096);
        for (const device of [flat, store]) device.write(block, data, LABEL);
      }
    }
    const got = new Uint8Array(flat.bytes.length);
    store.read(0, got);
    expect(Buffer.compare(got, flat.bytes)).toBe(0);
  });
});

describe('cost', () => {
  test('a terabyte of zeros, of random bytes and of nothing costs no memory and reads right at its end', () => {
    const store = new Store({ blockSizeBytes: 512, blockCount: 2 ** 35 }); // 16 TiB
    const far = 2 ** 35 - 9;
    store.fill(5, 2 ** 35 - 10, { generator: 'random', seed: 7, offsetBytes: 3 }, LABEL);
    store.write(far, new Uint8Array(512).fill(1), LABEL);
    const block = new Uint8Array(1024);
    store.read(far - 1, block);
    const expected = new Uint8Array(512);
    generate({ generator: 'random', seed: 7, offsetBytes: 3 }, (far - 1 - 5) * 512, expected);
    expect(block.subarray(0, 512)).toEqual(expected);
    expect(block.subarray(512)).toEqual(new Uint8Array(512).fill(1));
    expect(store.storedBytes).toBe(512);
    expect(store.nextStored(0)).toBe(5);
    store.trim(0, 2 ** 35);
    expect(store.nextStored(0)).toBe(2 ** 35);
    expect(store.storedBytes).toBe(0);
    expect([...store.runs()]).toEqual([{ firstBlock: 0, blockCount: 2 ** 35, kind: 'zero' }]);
  });

  test('the random stream is the same from any offset, also where its counter turns over', () => {
    for (const start of [0, 1, 4093, 2 ** 34 - 37, 2 ** 44 - 5]) {
      const whole = new Uint8Array(100);
      const fill: Fill = { generator: 'random', seed: 2 ** 40 + 5, offsetBytes: start };
      generate(fill, 0, whole);
      for (let skip = 1; skip < 60; skip += 7) {
        const part = new Uint8Array(30);
        generate(fill, skip, part);
        expect(part).toEqual(whole.subarray(skip, skip + 30));
      }
    }
    const bits = new Uint8Array(1 << 16);
    generate({ generator: 'random', seed: 1, offsetBytes: 0 }, 0, bits);
    const ones = bits.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
    expect(Math.abs(ones / (8 * bits.length) - 0.5)).toBeLessThan(0.01);
  });

  test('overwriting allocates once without a tape, for every new content with one', () => {
    const store = new Store({ blockSizeBytes: 512, blockCount: 1000 });
    const data = new Uint8Array(8 * 512).fill(3);
    for (let i = 0; i < 10; i++) store.write(40, data, LABEL);
    expect(store.storedBytes).toBe(8 * 512);
    store.tape = new Tape(512);
    for (let i = 0; i < 10; i++) {
      data.forEach((_, at) => (data[at] = 10 + i + 16 * (at >>> 9)));
      store.write(40, data, LABEL);
    }
    expect(store.storedBytes).toBe(80 * 512); // the first state was nobody else's and is gone
  });

  test('a sector recorded before takes no room again, nor do zeros; other bytes never share one', () => {
    const store = new Store({ blockSizeBytes: 512, blockCount: 1000 });
    const tape = new Tape(512);
    store.tape = tape;
    const node = new Uint8Array(9 * 512 + 1).subarray(1, 1 + 8 * 512); // not where four bytes begin, as a buffer may be
    const written: Uint8Array[] = [];
    for (let i = 0; i < 50; i++) {
      node[4] = i; // like a node: a header that changes, a body that does not, zeros between
      node[6 * 512 + 7] = 1 + (i % 3);
      store.write((i % 5) * 8, node, LABEL);
      written.push(node.slice());
    }
    expect(store.storedBytes).toBe((49 + 3) * 512);
    const back = new Uint8Array(8 * 512);
    written.forEach((bytes, i) => {
      store.readRecorded(tape, i, 0, back);
      expect(back.every((byte, at) => byte === bytes[at])).toBe(true);
    });

    // What compacting freed is not found any more, although its bytes may still lie there.
    store.compact({ stores: [], versions: [], recordings: [] });
    written.slice(0, 45).forEach((bytes, i) => store.write(100 + i * 8, bytes, LABEL));
    for (let i = 1; i < 2100; i++) store.write(600, new Uint8Array(512).fill(i % 251, i >> 4), LABEL); // more than a slab
    written.slice(0, 45).forEach((bytes, i) => {
      store.read(100 + i * 8, back);
      expect(back.every((byte, at) => byte === bytes[at])).toBe(true);
    });
  });

  test('compact gives back what dropped forks and versions held, and no more', () => {
    const store = new Store({ blockSizeBytes: 512, blockCount: 100_000 });
    const mebibyte = new Uint8Array(2 ** 20).fill(1);
    store.write(0, mebibyte, LABEL);
    const kept = store.version();
    for (let i = 0; i < 20; i++) store.fork().write(0, mebibyte, LABEL);
    expect(store.storedBytes).toBe(21 * 2 ** 20);
    store.write(2048, mebibyte, LABEL);
    store.compact({ stores: [], versions: [kept], recordings: [] });
    expect(store.storedBytes).toBe(2 * 2 ** 20);
    for (let i = 2; i < 40; i++) store.write(i * 2048, mebibyte, LABEL);
    store.restore(kept);
    const got = new Uint8Array(2 ** 20);
    store.read(0, got);
    expect(Buffer.compare(got, mebibyte)).toBe(0);
    expect(store.nextStored(2048)).toBe(100_000);
  });

  test('blocks that become zero, generated or trimmed give their slots back at once', () => {
    const store = new Store({ blockSizeBytes: 512, blockCount: 1000 });
    store.write(0, new Uint8Array(512 * 100).fill(1), LABEL);
    store.trim(3, 5);
    store.fill(20, 5, { generator: 'random', seed: 1, offsetBytes: 0 }, LABEL);
    store.write(90, new Uint8Array(512), LABEL);
    expect(store.storedBytes).toBe(89 * 512);
  });

  test.each([1, 3, 8])('a disk trimmed %d blocks at a time is as empty as a new one', (count) => {
    const store = new Store({ blockSizeBytes: 512, blockCount: 10_000 });
    store.write(70, new Uint8Array(512 * 24).fill(1), LABEL);
    store.write(200, new Uint8Array(512 * 24).fill(1), LABEL);
    for (let done = 0; done < 24; done += count) {
      store.trim(70 + done, count);
      store.trim(200 + done, count);
    }
    expect(store.storedBytes).toBe(0);
    expect(store.version().root).toBe(FROM_BACKING);
  });

  test('a fork that is discarded leaves nothing behind', () => {
    const store = new Store({ blockSizeBytes: 512, blockCount: 1000 });
    store.write(0, new Uint8Array(512 * 100).fill(1), LABEL);
    const fork = store.fork();
    fork.write(50, new Uint8Array(512 * 100).fill(2), LABEL);
    expect(store.storedBytes).toBe(200 * 512);
    fork.discard();
    expect(store.storedBytes).toBe(100 * 512);
  });

  test('a backing that knows its holes lets nextStored skip them', () => {
    const bytes = new Uint8Array(512 * 100);
    bytes[512 * 70 + 3] = 1;
    const backing: Backing = {
      ...backingOf(bytes),
      nextData: (at) => (at <= 512 * 70 + 3 ? 512 * 70 + 3 : bytes.length),
    };
    const store = new Store({ blockSizeBytes: 512, blockCount: 200 }, backing);
    expect(store.nextStored(0)).toBe(70);
    store.trim(70, 1);
    expect(store.nextStored(0)).toBe(200);
    store.write(150, new Uint8Array(512).fill(1), LABEL);
    expect(store.nextStored(71)).toBe(150);
  });
});

describe('versions', () => {
  test('are the same object while nothing is written', () => {
    const store = new Store({ blockSizeBytes: 512, blockCount: 100 });
    const version = store.version();
    expect(store.version()).toBe(version);
    store.write(1, new Uint8Array(512).fill(1), LABEL);
    expect(store.version()).not.toBe(version);
    store.restore(version);
    expect(store.version()).toBe(version);
  });

  test('a version plus the tape since then is the present', () => {
    const prng = new Prng(3);
    const store = new Store({ blockSizeBytes: 512, blockCount: 5000 });
    store.tape = new Tape(512);
    store.write(10, prng.bytes(5120), LABEL);
    const version = store.version();
    const from = store.tape.length;
    const states: Uint8Array[] = [];
    const image = () => {
      const bytes = new Uint8Array(5000 * 512);
      store.read(0, bytes);
      return bytes;
    };
    for (let i = 0; i < 30; i++) {
      states.push(image());
      if (i % 7 === 3) store.trim(prng.below(4000), prng.below(900));
      else store.write(prng.below(4900), prng.bytes(512 * (1 + prng.below(90))), LABEL);
    }
    const usedBytes = store.storedBytes;
    const past = store.fork();
    states.forEach((expected, i) => {
      past.restore(version);
      past.replay(store.tape!, { from, to: from + i });
      const got = new Uint8Array(expected.length);
      past.read(0, got);
      expect(Buffer.compare(got, expected), `after ${i} entries`).toBe(0);
    });
    expect(store.storedBytes, 'replay copies nothing').toBe(usedBytes);
  });
});

describe('a tape entry', () => {
  test('is readable from any of its blocks on', () => {
    const store = new Store({ blockSizeBytes: 512, blockCount: 5000 });
    store.tape = new Tape(512);
    const data = new Prng(1).bytes(512 * 3000); // more than one slab
    store.write(100, data, LABEL);
    const got = new Uint8Array(512 * 1000);
    store.readRecorded(store.tape, 0, 1500, got);
    expect(Buffer.compare(got, data.subarray(512 * 1500, 512 * 2500))).toBe(0);
  });
});

describe('misuse', () => {
  const store = new Store({ blockSizeBytes: 512, blockCount: 100 });

  test('a range outside the device, half blocks and a foreign version are bugs of the caller', () => {
    const block = new Uint8Array(512);
    expect(() => store.read(100, block)).toThrow(InvariantError);
    expect(() => store.write(-1, block, LABEL)).toThrow(InvariantError);
    expect(() => store.write(Number.NaN, block, LABEL)).toThrow(InvariantError);
    expect(() => store.write(1, new Uint8Array(500), LABEL)).toThrow(InvariantError);
    expect(() => store.trim(1, 100)).toThrow(InvariantError);
    const other = new Store({ blockSizeBytes: 512, blockCount: 100 });
    expect(() => store.restore(other.version())).toThrow(InvariantError);
    expect(() => new Store({ blockSizeBytes: 1024, blockCount: 100 })).toThrow(InvariantError);
    expect(() => new Store({ blockSizeBytes: 512, blockCount: 2 ** 35 + 1 })).toThrow(InvariantError);
  });

  test('a read-only device says EROFS', () => {
    const readOnly = new Store({ blockSizeBytes: 512, blockCount: 100 }, null, true);
    for (const change of [
      () => readOnly.write(1, new Uint8Array(512), LABEL),
      () => readOnly.trim(1, 1),
      () => readOnly.fill(1, 1, { generator: 'zero' }, LABEL),
    ]) {
      expect(change).toThrow(FsError);
      expect(change).toThrow(/Read-only/);
    }
  });
});
