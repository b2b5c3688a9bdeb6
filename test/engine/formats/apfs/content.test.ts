import { describe, expect, test } from 'vitest';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { shareStream, sharingOf } from '../../../../src/engine/formats/apfs/clones.ts';
import type { StreamOwner } from '../../../../src/engine/formats/apfs/content-host.ts';
import {
  extentsOf,
  FILE_SIZE_BYTES_MAX,
  preallocateContent,
  punchContent,
  readContent,
  releaseContent,
  truncateContent,
  writeContent,
} from '../../../../src/engine/formats/apfs/content.ts';
import {
  copyStream,
  createStream,
  dropStream,
  readStream,
} from '../../../../src/engine/formats/apfs/streams.ts';
import { newInode, StandIn, verify } from './content-support.ts';

interface File {
  readonly inode: StreamOwner;
  bytes: Uint8Array;
}

function contentsOf(host: StandIn, inode: StreamOwner): Uint8Array {
  const bytes = new Uint8Array(inode.stream?.sizeBytes ?? 0);
  expect(readContent(host, inode, 0, bytes)).toBe(bytes.length);
  return bytes;
}

function resized(bytes: Uint8Array, length: number): Uint8Array {
  const result = new Uint8Array(length);
  result.set(bytes.subarray(0, length));
  return result;
}

class Script {
  readonly host: StandIn;
  readonly random: Prng;
  readonly files: File[] = [];
  #nextInode = 16;

  constructor(seed: number, blocks: number) {
    this.random = new Prng(seed);
    this.host = new StandIn(blocks);
    this.host.overwritesInPlace = seed % 5 === 0;
    if (seed % 3 === 0) this.host.runMax = 1 + this.random.below(5);
  }

  #offset(file: File): number {
    const { random } = this;
    const end = file.bytes.length;
    const at = [random.below(end + 1), end, random.below(end + 30_000)][random.below(3)] ?? 0;
    return random.below(3) === 0 ? at - (at % 4096) : at;
  }

  step(): void {
    const { random, host, files } = this;
    const file = files[random.below(Math.max(files.length, 1))];
    const kind = random.below(100);
    if (file === undefined || (kind < 6 && files.length < 8)) {
      files.push({ inode: newInode(this.#nextInode++), bytes: new Uint8Array(0) });
    } else if (kind < 45) this.#write(file);
    else if (kind < 55) this.#truncate(file);
    else if (kind < 65) this.#punch(file);
    else if (kind < 68) preallocateContent(host, file.inode, random.below(20_000));
    else if (kind < 80) this.#clone(file);
    else if (kind < 85) this.#release(file);
    else if (kind < 88 && host.snapshots.length < 4) host.takeSnapshot();
    else host.finishTransaction();
  }

  #write(file: File): void {
    const at = this.#offset(file);
    const bytes = this.random.bytes(1 + this.random.below([200, 9000, 60_000][this.random.below(3)] ?? 1));
    const done = writeContent(this.host, file.inode, at, bytes);
    file.bytes = resized(file.bytes, Math.max(file.bytes.length, at + done));
    file.bytes.set(bytes.subarray(0, done), at);
    expect(done).toBeGreaterThan(0);
  }

  #truncate(file: File): void {
    const size = this.random.below(4) === 0 ? 0 : this.#offset(file);
    truncateContent(this.host, file.inode, size);
    file.bytes = resized(file.bytes, size);
  }

  #punch(file: File): void {
    const at = this.random.below(20) * 4096;
    const length = this.random.below(10) * 4096;
    punchContent(this.host, file.inode, at, length);
    file.bytes.fill(0, at, at + length);
  }

  #clone(file: File): void {
    if (this.files.length >= 8) return;
    const inode = newInode(this.#nextInode++);
    shareStream(this.host, file.inode, inode);
    this.files.push({ inode, bytes: file.bytes.slice() });
  }

  #release(file: File): void {
    while (!releaseContent(this.host, file.inode, 1 + this.random.below(3)));
    this.files.splice(this.files.indexOf(file), 1);
  }

  check(): void {
    for (const { inode, bytes } of this.files) {
      expect(Buffer.compare(contentsOf(this.host, inode), bytes)).toBe(0);
    }
    verify(
      this.host,
      this.files.map(({ inode }) => inode),
    );
  }
}

describe('contents of several files, clones and snapshots against arrays of bytes', () => {
  for (let seed = 1; seed <= 12; seed++) {
    test(`seed ${seed}`, () => {
      const script = new Script(seed, 1200);
      for (let i = 0; i < 150; i++) {
        try {
          script.step();
        } catch (error) {
          if (!(error instanceof FsError && error.code === 'ENOSPC')) {
            throw new Error(`seed ${seed}, step ${i}: ${(error as Error).message}`, { cause: error });
          }
        }
        try {
          script.check();
        } catch (error) {
          throw new Error(`seed ${seed}, after step ${i}: ${(error as Error).message}`, { cause: error });
        }
      }
    });
  }
});

test('a full volume takes what fits and is not harmed', () => {
  for (let seed = 1; seed <= 4; seed++) {
    const script = new Script(seed, 60);
    for (let i = 0; i < 200; i++) {
      try {
        script.step();
      } catch (error) {
        if (!(error instanceof FsError && error.code === 'ENOSPC')) throw error;
      }
      script.check();
    }
  }
});

const recordsOf = (host: StandIn, type: number): number =>
  host.catalog.rows.filter(({ key }) => (key[7] ?? 0) >> 4 === type).length;

describe('records', () => {
  test('appending makes no record more, neither of the file nor of its blocks', () => {
    const host = new StandIn(400);
    const inode = newInode(16);
    for (let i = 0; i < 100; i++) {
      writeContent(host, inode, i * 1000, new Uint8Array(1000).fill(i + 1));
    }
    expect(recordsOf(host, 8)).toBe(1);
    expect(host.references.rows).toHaveLength(1);
    const whole = newInode(17);
    for (let i = 0; i < 50; i++) {
      writeContent(host, whole, i * 4096, new Uint8Array(4096).fill(i + 1));
      host.finishTransaction();
    }
    expect(extentsOf(host, whole)).toHaveLength(1);
    verify(host, [inode, whole]);
  });

  test('a run that two files hold is not made longer by one of them', () => {
    const host = new StandIn(100);
    const [first, second] = [newInode(16), newInode(17)];
    writeContent(host, first, 0, new Uint8Array(5 * 4096).fill(1));
    shareStream(host, first, second);
    punchContent(host, second, 0, 4096);
    writeContent(host, first, 5 * 4096, new Uint8Array(4096).fill(2));
    expect(extentsOf(host, first)).toHaveLength(1);
    verify(host, [first, second]);
  });

  test('cut to nothing and grown to 8 PiB: one hole', () => {
    const host = new StandIn(100);
    const inode = newInode(16);
    writeContent(host, inode, 0, new Uint8Array(9000).fill(1));
    truncateContent(host, inode, 4097);
    expect(inode.stream).toMatchObject({ sizeBytes: 4097, allocatedBytes: 8192 });
    truncateContent(host, inode, 0);
    expect(inode.stream).toMatchObject({ sizeBytes: 0, allocatedBytes: 0 });
    const LARGE = 2 ** 53 - 4096;
    truncateContent(host, inode, LARGE - 4096);
    truncateContent(host, inode, LARGE);
    expect(recordsOf(host, 8)).toBe(1);
    expect(host.heldBlocks()).toHaveLength(0);
    expect(inode.sparseBytes).toBe(LARGE);
    writeContent(host, inode, 2 ** 52, new Uint8Array(1).fill(7));
    expect(recordsOf(host, 8)).toBe(3);
    const into = new Uint8Array(3);
    readContent(host, inode, 2 ** 52 - 1, into);
    expect([...into]).toEqual([0, 7, 0]);
    verify(host, [inode]);
    for (const grow of [
      () => truncateContent(host, inode, 2 ** 63),
      () => writeContent(host, inode, FILE_SIZE_BYTES_MAX, into),
    ]) {
      expect(grow).toThrow(
        expect.objectContaining({ code: 'EFBIG', detail: expect.stringMatching(/2\^(53|63)/) }),
      );
    }
  });

  test('what lies behind the end on a foreign volume never shows', () => {
    const host = new StandIn(100);
    const inode = newInode(16);
    writeContent(host, inode, 0, new Uint8Array(8192).fill(9));
    host.finishTransaction();
    // As a driver leaves it that does not clear what it cuts off.
    inode.stream!.sizeBytes = 100;
    truncateContent(host, inode, 9000);
    const bytes = contentsOf(host, inode);
    expect(bytes.subarray(0, 100).every((byte) => byte === 9)).toBe(true);
    expect(bytes.subarray(100).every((byte) => byte === 0)).toBe(true);
    verify(host, [inode]);
  });

  test('a hole begins and ends with a block', () => {
    const host = new StandIn(100);
    const inode = newInode(16);
    writeContent(host, inode, 0, new Uint8Array(9000).fill(1));
    expect(() => punchContent(host, inode, 1, 4096)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    punchContent(host, inode, 8192, 4096);
    expect(inode).toMatchObject({ sparseBytes: 4096, stream: { sizeBytes: 9000, allocatedBytes: 12_288 } });
    expect(host.heldBlocks()).toHaveLength(2);
  });

  test('nothing durable is written over; what this transaction wrote is', () => {
    const host = new StandIn(100);
    const inode = newInode(16);
    writeContent(host, inode, 0, new Uint8Array(100).fill(1));
    const [extent] = extentsOf(host, inode);
    writeContent(host, inode, 50, new Uint8Array(100).fill(2));
    expect(extentsOf(host, inode)[0]?.deviceOffsetBytes).toBe(extent?.deviceOffsetBytes);
    host.finishTransaction();
    const before = host.device.bytes.slice();
    writeContent(host, inode, 0, new Uint8Array(10).fill(3));
    const at = extent?.deviceOffsetBytes ?? 0;
    expect(host.device.bytes.subarray(at, at + 4096)).toEqual(before.subarray(at, at + 4096));
    expect(extentsOf(host, inode)[0]?.deviceOffsetBytes).not.toBe(at);
  });
});

describe('clones', () => {
  test('one record, until one of them is changed', () => {
    const host = new StandIn(100);
    const [source, clone] = [newInode(16), newInode(17)];
    writeContent(host, source, 0, new Uint8Array(40_000).fill(1));
    const references = host.references.rows.length;
    shareStream(host, source, clone);
    expect(host.references.rows).toHaveLength(references);
    expect(sharingOf(host, clone)).toMatchObject({ cloneId: 16, cloneReferenceCount: 2, privateBytes: 0 });
    writeContent(host, source, 4096, new Uint8Array(4096).fill(2));
    expect(sharingOf(host, source)).toMatchObject({ cloneReferenceCount: 1, privateBytes: 4096 });
    expect(sharingOf(host, clone)).toMatchObject({ cloneReferenceCount: 1, privateBytes: 4096 });
    host.takeSnapshot();
    expect(sharingOf(host, clone)).toMatchObject({ privateBytes: 0, mayShareBlocks: true });
    verify(host, [source, clone]);
  });

  test('blocks in reserve are not shared', () => {
    const host = new StandIn(100);
    const [source, clone] = [newInode(16), newInode(17)];
    writeContent(host, source, 0, new Uint8Array(5000).fill(1));
    expect(preallocateContent(host, source, 30_000)).toBe(32_768);
    expect(source.stream).toMatchObject({ sizeBytes: 5000, allocatedBytes: 8192 + 32_768 });
    shareStream(host, source, clone);
    expect(clone.stream).toMatchObject({ sizeBytes: 5000, allocatedBytes: 8192 });
    verify(host, [source, clone]);
  });

  test('overwriting shared blocks of a full volume is ENOSPC, and both stay', () => {
    const host = new StandIn(12);
    const [source, clone] = [newInode(16), newInode(17)];
    const bytes = new Prng(1).bytes(40_000);
    writeContent(host, source, 0, bytes);
    host.finishTransaction();
    shareStream(host, source, clone);
    const filler = newInode(18);
    host.runMax = 1;
    expect(writeContent(host, filler, 0, new Uint8Array(8192))).toBe(4096);
    expect(() => writeContent(host, clone, 0, new Uint8Array(10))).toThrow(
      expect.objectContaining({ code: 'ENOSPC' }),
    );
    expect(contentsOf(host, clone)).toEqual(bytes);
    expect(contentsOf(host, source)).toEqual(bytes);
    verify(host, [source, clone, filler]);
  });
});

describe('streams of extended attributes', () => {
  test('made, read, copied, dropped', () => {
    const host = new StandIn(400);
    const bytes = new Prng(1).bytes(100_001);
    host.runMax = 3;
    const made = createStream(host, bytes, new Uint8Array(0));
    expect(readStream(host, made.id, made.stream.sizeBytes)).toEqual(bytes);
    const held = host.heldBlocks().length;
    const copy = copyStream(host, made);
    expect(host.heldBlocks()).toHaveLength(held);
    dropStream(host, made.id);
    expect(readStream(host, copy.id, copy.stream.sizeBytes)).toEqual(bytes);
    dropStream(host, copy.id);
    expect(host.heldBlocks()).toHaveLength(0);
    expect(host.catalog.rows).toHaveLength(0);
    expect(host.references.rows).toHaveLength(0);
  });

  test('one that does not fit leaves nothing', () => {
    const host = new StandIn(20);
    host.runMax = 3;
    expect(() => createStream(host, new Uint8Array(100_000), new Uint8Array(0))).toThrow(
      expect.objectContaining({ code: 'ENOSPC' }),
    );
    expect(host.heldBlocks()).toHaveLength(0);
    expect(host.catalog.rows).toHaveLength(0);
  });
});

describe('damage is named', () => {
  test('an extent missing, outside the container, or of no length', () => {
    const host = new StandIn(100);
    const inode = newInode(16);
    writeContent(host, inode, 0, new Uint8Array(9000).fill(1));
    const into = new Uint8Array(9000);
    const row = host.catalog.rows.find(({ key }) => (key[7] ?? 0) >> 4 === 8)!;
    row.value[12] = 1;
    expect(() => readContent(host, inode, 0, into)).toThrow(expect.objectContaining({ code: 'EIO' }));
    row.value[12] = 0;
    row.value.fill(0, 0, 8);
    expect(() => readContent(host, inode, 0, into)).toThrow(expect.objectContaining({ code: 'EIO' }));
    host.catalog.rows = host.catalog.rows.filter((other) => other !== row);
    expect(() => readContent(host, inode, 0, into)).toThrow(expect.objectContaining({ code: 'EIO' }));
    expect(() => writeContent(host, inode, 0, into)).toThrow(expect.objectContaining({ code: 'EIO' }));
  });

  test.each([0, 1, 2])('extent %i missing of what a clone shares: nothing is copied', (missing) => {
    const host = new StandIn(100);
    const [source, clone] = [newInode(16), newInode(17)];
    writeContent(host, source, 0, new Uint8Array(4096).fill(1));
    writeContent(host, source, 3 * 4096, new Uint8Array(4096).fill(2));
    shareStream(host, source, clone);
    const extents = host.catalog.rows.filter(({ key }) => (key[7] ?? 0) >> 4 === 8);
    expect(extents).toHaveLength(3);
    host.catalog.rows = host.catalog.rows.filter((row) => row !== extents[missing]);
    const before = host.catalog.copy().rows;
    const wanted = {
      code: 'EIO',
      detail: expect.stringContaining(`no extent at ${[0, 4096, 12_288][missing]}`),
    };
    expect(() => writeContent(host, clone, 0, new Uint8Array(10))).toThrow(expect.objectContaining(wanted));
    expect(host.catalog.rows).toEqual(before);
  });

  test('a block of a file that no reference covers', () => {
    const host = new StandIn(100);
    const inode = newInode(16);
    writeContent(host, inode, 0, new Uint8Array(9000).fill(1));
    host.references.rows = [];
    expect(() => truncateContent(host, inode, 0)).toThrow(
      expect.objectContaining({ code: 'EIO', detail: expect.stringMatching(/fsck_apfs/) }),
    );
  });
});
