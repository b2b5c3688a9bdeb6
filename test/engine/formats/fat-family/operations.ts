import { describe, expect, test } from 'vitest';
import { concatBytes, equalBytes } from '../../../../src/engine/base/bytes.ts';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import type { Device } from '../../../../src/engine/device/device.ts';
import { generate } from '../../../../src/engine/device/generated.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import type { CommitPolicy, Volume } from '../../../../src/engine/formats/contract.ts';
import { bytesOf, get, INIT, makeDirectory, names, outcome, put } from './support.ts';
import type { Fresh, Kit } from './support.ts';

/**
 * Goal: every operation leaves a volume that other programs call clean, and does what macOS's driver does.
 * Method: one scene per operation on a fresh volume, judged by the reference checker after unmount; contents read back
 * after a new mount, so that nothing comes from memory.
 */

/** `aliases`: further names by which 'a longer name.text' is found. */
export function describeContents(kit: Kit, scene: () => Fresh, aliases: readonly string[] = []): void {
  test('an empty volume is clean after mounting and unmounting', () => {
    const empty = scene();
    expect(names(empty.volume, empty.volume.root)).toEqual([]);
    expect(kit.verdict(empty)).toBe('');
  });

  test('files and directories come back after a new mount', () => {
    const made = scene();
    const { device, volume } = made;
    const sub = makeDirectory(volume, volume.root, 'Sub Directory');
    const deep = makeDirectory(volume, sub, 'deep');
    put(volume, volume.root, 'README.TXT', bytesOf(10));
    put(volume, volume.root, 'a longer name.text', bytesOf(5000));
    put(volume, deep, 'ünïcode 😀 and a name that needs quite a few slots.data', bytesOf(70_000, 2));
    put(volume, deep, 'empty', bytesOf(0));
    expect(kit.verdict(made)).toBe('');

    const again = kit.mounted(device);
    expect(again.warnings).toEqual([]);
    expect(names(again, again.root)).toEqual(['Sub Directory', 'README.TXT', 'a longer name.text']);
    const deepAgain = again.lookup(again.lookup(again.root, 'SUB DIRECTORY')!, 'DEEP')!;
    expect(get(again, again.root, 'readme.txt')).toEqual(bytesOf(10));
    for (const name of ['A LONGER NAME.TEXT', ...aliases])
      expect(get(again, again.root, name)).toEqual(bytesOf(5000));
    expect(get(again, deepAgain, 'ÜNÏCODE 😀 and a name that needs quite a few slots.data')).toEqual(
      bytesOf(70_000, 2),
    );
  });

  test('writing, overwriting, growing and shrinking agree with an array', () => {
    const made = scene();
    const { volume } = made;
    const node = volume.create(volume.root, 'file', INIT);
    const oracle = new Uint8Array(300_000);
    let size = 0;
    const write = (offset: number, length: number) => {
      const data = bytesOf(length, offset + length);
      expect(volume.write(node, offset, data)).toBe(length);
      oracle.set(data, offset);
      size = Math.max(size, offset + length);
    };
    const truncate = (to: number) => {
      volume.truncate(node, to);
      if (to < size) oracle.fill(0, to);
      size = to;
    };
    const check = () => {
      const into = new Uint8Array(size + 10);
      expect(volume.read(node, 0, into)).toBe(size);
      expect(into.subarray(0, size)).toEqual(oracle.subarray(0, size));
      expect(volume.attributes(node).sizeBytes).toBe(size);
    };
    write(0, 1);
    write(1, 511);
    write(700, 5000);
    check();
    truncate(600);
    write(100_000, 33);
    check();
    truncate(0);
    check();
    truncate(70_001);
    write(69_999, 12_345);
    write(513, 1024);
    check();
    truncate(512);
    truncate(4097);
    check();
    volume.release(node);
    expect(kit.verdict(made)).toBe('');
  });
}

export function describeNames(kit: Kit, scene: () => Fresh): void {
  test('removing frees clusters; a held file keeps its contents until the last holder lets go', () => {
    const made = scene();
    const { volume } = made;
    const free = volume.statistics().freeBlocks;
    put(volume, volume.root, 'gone', bytesOf(9000));
    const held = volume.create(volume.root, 'held with a long name', INIT);
    volume.write(held, 0, bytesOf(9000, 3));
    volume.remove(volume.root, 'gone');
    volume.remove(volume.root, 'held with a long name');
    expect(names(volume, volume.root)).toEqual([]);
    put(volume, volume.root, 'other', bytesOf(50_000, 4));
    const into = new Uint8Array(9000);
    expect(volume.read(held, 0, into)).toBe(9000);
    expect(into).toEqual(bytesOf(9000, 3));
    volume.release(held);
    volume.remove(volume.root, 'other');
    expect(volume.statistics().freeBlocks).toBe(free);
    expect(kit.verdict(made)).toBe('');
  });

  test('renaming: other name, other case, other directory, over a file, over an empty directory', () => {
    const made = scene();
    const { device, volume } = made;
    const a = makeDirectory(volume, volume.root, 'a');
    const b = makeDirectory(volume, volume.root, 'b');
    put(volume, a, 'one.txt', bytesOf(100, 1));
    put(volume, a, 'two.txt', bytesOf(200, 2));
    volume.rename(a, 'one.txt', a, 'a name of many more slots than the first one had.txt');
    volume.rename(a, 'a name of many more slots than the first one had.txt', a, 'One.txt');
    volume.rename(a, 'one.txt', a, 'ONE.txt');
    expect(volume.storedName(a, 'one.txt')).toBe('ONE.txt');
    volume.rename(a, 'ONE.txt', b, 'moved');
    volume.rename(a, 'two.txt', b, 'MOVED');
    expect(names(volume, b)).toEqual(['MOVED']);
    const inner = makeDirectory(volume, a, 'inner');
    put(volume, inner, 'x', bytesOf(7));
    makeDirectory(volume, b, 'inner');
    volume.rename(a, 'inner', b, 'inner');
    expect(volume.parentOf(volume.lookup(b, 'inner')!)).toBe(b);
    expect(names(volume, a)).toEqual([]);
    expect(kit.verdict(made)).toBe('');

    const again = kit.mounted(device);
    const bAgain = again.lookup(again.root, 'b')!;
    expect(get(again, bAgain, 'moved')).toEqual(bytesOf(200, 2));
    expect(get(again, again.lookup(bAgain, 'inner')!, 'x')).toEqual(bytesOf(7));
  });
}

export type ErrorCase = readonly [string, string, (made: Fresh) => unknown];

const ERRORS: readonly ErrorCase[] = [
  [
    'a name twice, in other case',
    'EEXIST',
    ({ volume }) => (put(volume, volume.root, 'A', bytesOf(0)), put(volume, volume.root, 'a', bytesOf(0))),
  ],
  [
    'a directory that is not empty',
    'ENOTEMPTY',
    ({ volume }) => {
      put(volume, makeDirectory(volume, volume.root, 'd'), 'x', bytesOf(0));
      volume.removeDirectory(volume.root, 'd');
    },
  ],
  ['what is not there', 'ENOENT', ({ volume }) => volume.remove(volume.root, 'x')],
  [
    'more than there is room for',
    'ENOSPC',
    ({ volume }) => volume.truncate(volume.create(volume.root, 'x', INIT), 2 ** 30),
  ],
  ['a name of 256 units', 'ENAMETOOLONG', ({ volume }) => volume.create(volume.root, 'x'.repeat(256), INIT)],
  [
    'a symlink to 1025 bytes',
    'ENAMETOOLONG',
    ({ volume }) => volume.makeSymlink!(volume.root, 'x', 'y'.repeat(1025), INIT),
  ],
  [
    'the flag nodump',
    'EINVAL',
    ({ volume }) => volume.setAttributes(volume.create(volume.root, 'x', INIT), { flags: 1 }),
  ],
];

/** `own`: what this format refuses besides. */
export function describeErrors(kit: Kit, own: readonly ErrorCase[]): void {
  describe('errors', () => {
    test.each([...ERRORS, ...own])('%s is %s and leaves a clean volume', (_, code, action) => {
      const made = kit.fresh();
      expect(outcome(() => action(made))).toBe(code);
      expect(kit.verdict(made)).toBe('');
    });
  });
}

/** A volume of 8 GiB that costs what is stored. */
export function largeVolume({ formatted, mounted }: Kit): { device: Device; volume: Volume } {
  const device = new Store({ blockSizeBytes: 512, blockCount: 2 ** 24 });
  formatted(device);
  return { device, volume: mounted(device) };
}

export function testComputedContents(kit: Kit): void {
  test('are read as if they had been written, wherever they begin and end', () => {
    const { volume } = largeVolume(kit);
    const node = volume.create(volume.root, 'x', INIT);
    const fill = { generator: 'random', seed: 5, offsetBytes: 3 } as const;
    volume.write(node, 0, bytesOf(700));
    expect(volume.fill(node, 700, 100_001, fill)).toBe(100_001);
    const wanted = new Uint8Array(100_001);
    generate(fill, 0, wanted);
    const into = new Uint8Array(100_001);
    volume.read(node, 700, into);
    expect(equalBytes(into, wanted)).toBe(true);
    volume.write(node, 5000, bytesOf(10, 7));
    volume.read(node, 4990, into.subarray(0, 30));
    expect(
      equalBytes(
        into.subarray(0, 30),
        concatBytes([wanted.subarray(4290, 4300), bytesOf(10, 7), wanted.subarray(4310, 4320)]),
      ),
    ).toBe(true);
  });
}

/** `tiny`: a volume that is soon full. */
export function describeFullVolume(kit: Kit, tiny: (policy: CommitPolicy) => Fresh): void {
  describe('a full volume', () => {
    test('a write gets as far as there is room, the next one is ENOSPC; what is removed can be used again', () => {
      const made = tiny('each');
      const { volume } = made;
      const node = volume.create(volume.root, 'x', INIT);
      const { freeBlocks, blockSizeBytes } = volume.statistics();
      const room = freeBlocks * blockSizeBytes;
      expect(volume.write(node, 0, new Uint8Array(room + 5000))).toBe(room);
      expect(outcome(() => volume.write(node, room, bytesOf(1)))).toBe('ENOSPC');
      expect(outcome(() => volume.makeDirectory(volume.root, 'd', INIT))).toBe('ENOSPC');
      expect(outcome(() => volume.makeSymlink!(volume.root, 'l', 'x', INIT))).toBe('ENOSPC');
      expect(names(volume, volume.root)).toEqual(['x']);
      volume.release(node);
      volume.remove(volume.root, 'x');
      put(volume, volume.root, 'y', new Uint8Array(room));
      expect(kit.verdict(made)).toBe('');
    });

    test.each(['each', 'writeback'] as const)(
      'clusters that wait to become free are there when nothing else is: %s',
      (policy) => {
        const made = tiny(policy);
        const { volume } = made;
        const room = volume.statistics().freeBlocks * volume.statistics().blockSizeBytes;
        for (let i = 0; i < 5; i++) {
          put(volume, volume.root, `file ${i}`, new Uint8Array(room).fill(i));
          expect(get(volume, volume.root, `file ${i}`)[room - 1]).toBe(i);
          volume.remove(volume.root, `file ${i}`);
        }
        expect(kit.verdict(made)).toBe('');
      },
    );
  });
}

export function describeWriteback(kit: Kit): void {
  describe('writeback', () => {
    test('gathers until a sync, or until 5 seconds of the clock went by', () => {
      const clock = new SimulatedClock();
      const { device, volume } = kit.fresh(undefined, {}, { policy: 'writeback', clock });
      put(volume, volume.root, 'first', bytesOf(0));
      const writes = device.log.length;
      for (let i = 0; i < 12; i++) put(volume, volume.root, `F${i}`, bytesOf(0));
      expect(device.log.length).toBe(writes);
      clock.advance(5e9);
      put(volume, volume.root, 'late', bytesOf(0));
      expect(device.log.length).toBeGreaterThan(writes);
      const flushed = device.log.length;
      put(volume, volume.root, 'later', bytesOf(0));
      expect(device.log.length).toBe(flushed);
      volume.sync();
      expect(device.log.at(-1)).toHaveProperty('barrier');
    });
  });
}
