import { describe, expect, test } from 'vitest';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { expectBytes, HfsDisk } from './volume-support.ts';
import type { DiskOptions } from './volume-support.ts';

const FORK = 'com.apple.ResourceFork';
const TINY_BLOCKS = { settings: { journal: 'off', 'block-size': '512' } };
const FILES = 8;
const STEPS = 1200;
/** On the volumes that are nearly full. */
const ROOM_BYTES = 300_000;
const CHECK_EVERY = 200;

/** What a file should hold. */
class Expected {
  bytes = new Uint8Array(0);
  readonly attributes = new Map<string, Uint8Array>();

  write(offset: number, data: Uint8Array): void {
    const grown = new Uint8Array(Math.max(this.bytes.length, offset + data.length));
    grown.set(this.bytes);
    grown.set(data, offset);
    this.bytes = grown;
  }

  truncate(size: number): void {
    const other = new Uint8Array(size);
    other.set(this.bytes.subarray(0, size));
    this.bytes = other;
  }
}

class Run {
  readonly #disk: HfsDisk;
  readonly #random: Prng;
  #files = Array.from({ length: FILES }, () => new Expected());

  constructor(options: DiskOptions, seed: number) {
    this.#disk = new HfsDisk(options);
    this.#random = new Prng(seed);
    for (let i = 0; i < FILES; i++) this.#recreate(`f${i}`);
  }

  /** Take all but `roomBytes`. */
  fill(roomBytes: number): void {
    const { volume, freeBlocks } = this.#disk;
    const filler = this.#disk.create('filler');
    const bytes = freeBlocks * volume.statistics().blockSizeBytes - roomBytes;
    volume.fill(filler, 0, bytes, { generator: 'zero' });
    volume.release(filler);
  }

  step(): void {
    const random = this.#random;
    const { volume } = this.#disk;
    const i = random.below(FILES);
    const file = this.#files[i];
    if (!file) throw new Error('a file');
    const node = this.#disk.node(`f${i}`);
    const what = random.below(20);
    const size = file.bytes.length;
    if (what < 9) {
      const offset = random.below(size + 15_000);
      const data = random.bytes(1 + random.below(20_000));
      file.write(offset, data.subarray(0, volume.write(node, offset, data)));
    } else if (what < 12) {
      const other = random.below(size + 40_000);
      volume.truncate(node, other);
      file.truncate(other);
    } else if (what < 16) {
      const name = random.below(4) === 0 ? FORK : `user.${random.below(6)}`;
      const value = random.bytes(1 + random.below(random.below(3) === 0 ? 60_000 : 2000));
      volume.setExtendedAttribute(node, name, value);
      file.attributes.set(name, value);
    } else if (what < 18) {
      const name = [...file.attributes.keys()].at(0);
      if (name === undefined) return;
      volume.removeExtendedAttribute(node, name);
      file.attributes.delete(name);
    } else if (what < 19) {
      const j = (i + 1) % FILES;
      const other = this.#files[j];
      if (!other) throw new Error('a file');
      volume.exchange(node, this.#disk.node(`f${j}`));
      [file.bytes, other.bytes] = [other.bytes, file.bytes];
      this.#exchangeForks(file, other);
    } else {
      volume.remove(volume.root, `f${i}`);
      this.#files[i] = new Expected();
      this.#recreate(`f${i}`);
    }
  }

  #exchangeForks(a: Expected, b: Expected): void {
    const [ofA, ofB] = [a.attributes.get(FORK), b.attributes.get(FORK)];
    for (const [file, value] of [
      [a, ofB],
      [b, ofA],
    ] as const) {
      if (value === undefined) file.attributes.delete(FORK);
      else file.attributes.set(FORK, value);
    }
  }

  #recreate(name: string): void {
    this.#disk.volume.release(this.#disk.create(name));
  }

  judge(): void {
    this.#disk.check();
    this.#files.forEach((file, i) => {
      const node = this.#disk.node(`f${i}`);
      expectBytes(this.#disk.contents(node), file.bytes);
      expect(new Set(this.#disk.volume.listExtendedAttributes(node))).toEqual(
        new Set(file.attributes.keys()),
      );
      for (const [name, value] of file.attributes) {
        expectBytes(this.#disk.volume.getExtendedAttribute(node, name), value);
      }
    });
  }
}

/** Random work on contents, both forks and attributes; what does not fit must leave everything as it was. */
describe('fsck_hfs and a model agree after every so many random steps', () => {
  test.each<[string, DiskOptions, number]>([
    ['journaled, with room', { sizeBytes: 16 * 2 ** 20 }, 1],
    ['nearly full, without a journal', { sizeBytes: 2 * 2 ** 20, settings: { journal: 'off' } }, 2],
    ['nearly full, every operation at once', { sizeBytes: 3 * 2 ** 20, policy: 'each' }, 3],
    ['nearly full HFSX, blocks of 512 bytes', { ...TINY_BLOCKS, sizeBytes: 2 * 2 ** 20, isHfsx: true }, 4],
    ['nearly full, sectors of 4096 bytes', { sizeBytes: 3 * 2 ** 20, sectorBytes: 4096 }, 5],
  ])('%s', (_, options, seed) => {
    const run = new Run(options, seed);
    const isTight = (options.sizeBytes ?? 0) < 4 * 2 ** 20;
    if (isTight) run.fill(ROOM_BYTES);
    let full = 0;
    for (let i = 1; i <= STEPS; i++) {
      try {
        run.step();
      } catch (error) {
        if (!(error instanceof FsError) || error.code !== 'ENOSPC') throw error;
        full++;
      }
      if (i % CHECK_EVERY === 0) run.judge();
    }
    if (isTight) expect(full).toBeGreaterThan(0);
  });
});
