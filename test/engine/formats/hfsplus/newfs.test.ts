import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '@noble/hashes/sha2.js';
import { bytesToHex } from '@noble/hashes/utils.js';
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { changesOf } from '../../../../src/engine/device/image.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import type { NewfsReport } from '../../../../src/engine/formats/contract.ts';
import { JournalInfoBlock } from '../../../../src/engine/formats/hfsplus/layout-journal.ts';
import {
  HEADER_NODE,
  HeaderRecord,
  NodeDescriptor,
} from '../../../../src/engine/formats/hfsplus/layout-tree.ts';
import { VolumeHeader } from '../../../../src/engine/formats/hfsplus/layout.ts';
import type { ForkData } from '../../../../src/engine/formats/hfsplus/layout.ts';
import { newfs } from '../../../../src/engine/formats/hfsplus/newfs.ts';
import { findChecker, fsckHfsplus, runChecker, temporaryFolder } from '../../../support/checkers.ts';
import { fastest } from '../../../support/stopwatch.ts';

/**
 * Goal: a new volume is what Apple's own newfs_hfs makes, field by field, and clean for Apple's own fsck.
 * Method: many sizes and settings against mkfs.hfsplus (a port of newfs_hfs), which is allowed to differ in: date,
 * identifier, owner of the root directory, and a journal that waits to be initialised.
 */
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

interface Made {
  readonly store: Store;
  readonly report: NewfsReport;
}

function make(
  sizeBytes: number,
  { isHfsx = false, settings = {}, label = 'Test', sector = 512 }: Partial<Options> = {},
): Made {
  const store = new Store({ blockSizeBytes: sector, blockCount: sizeBytes / sector });
  const options = {
    label,
    settings,
    clock: new SimulatedClock(),
    random: new Prng(1),
    partitionFirstBlock: 0,
  };
  return { store, report: newfs(store, options, isHfsx) };
}

interface Options {
  readonly isHfsx: boolean;
  readonly settings: Readonly<Record<string, string>>;
  readonly label: string;
  readonly sector: number;
}

function imageOf(store: Store): string {
  const path = join(temporaryFolder(), 'volume.img');
  const file = openSync(path, 'w');
  ftruncateSync(file, store.blockCount * store.blockSizeBytes);
  for (const piece of changesOf(store)) {
    if (piece.kind === 'data') writeSync(file, piece.bytes, 0, piece.bytes.length, piece.offsetBytes);
  }
  closeSync(file);
  return path;
}

type Reader = (offsetBytes: number, lengthBytes: number) => Uint8Array;

const readerOf =
  (store: Store): Reader =>
  (offset, length) => {
    const first = Math.floor(offset / store.blockSizeBytes);
    const skip = offset - first * store.blockSizeBytes;
    const bytes = new Uint8Array(Math.ceil((skip + length) / store.blockSizeBytes) * store.blockSizeBytes);
    store.read(first, bytes);
    return bytes.subarray(skip, skip + length);
  };

/** Bytes that are not zero, by words of four: short to read when two differ. */
function sparse(bytes: Uint8Array): string {
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const word = bytes.subarray(at, at + 4);
    if (word.some((byte) => byte !== 0)) words.push(`${at}:${Buffer.from(word).toString('hex')}`);
  }
  return words.length > 400 ? bytesToHex(sha256(bytes)) : words.join(' ');
}

/** Everything of a volume that is not zeros, decoded or as it is, without what may differ. */
function contentsOf(read: Reader, sizeBytes: number): unknown {
  const { createDate, modifyDate, checkedDate, finderInfo, ...header } = VolumeHeader.read(read(1024, 512));
  const at = (fork: ForkData) => (fork.extents[0]?.startBlock ?? 0) * header.blockSizeBytes;
  const alternate = VolumeHeader.read(read(sizeBytes - 1024, 512));
  const treeOf = (fork: ForkData) => {
    const record = HeaderRecord.read(read(at(fork) + HEADER_NODE.header, 106));
    const node = read(at(fork), record.nodeSizeBytes);
    const maps: unknown[] = [];
    for (let number = NodeDescriptor.read(node).forward; number !== 0 && maps.length < 50;) {
      const map = read(at(fork) + number * record.nodeSizeBytes, record.nodeSizeBytes);
      maps.push(sparse(map));
      number = NodeDescriptor.read(map).forward;
    }
    const leaf =
      record.rootNode === 0 ? '' : withoutDates(read(at(fork) + record.nodeSizeBytes, record.nodeSizeBytes));
    return { record, node: sparse(node), maps, leaf };
  };
  const bitmap = read(at(header.allocationFile), Math.min(header.allocationFile.logicalSizeBytes, 2 ** 21));
  const info = JournalInfoBlock.read(read(header.journalInfoBlock * header.blockSizeBytes, 180));
  return {
    header: { ...header, encodingsBitmap: sparse(header.encodingsBitmap) },
    isLocalTime: createDate > 0 && modifyDate > 0 && checkedDate > 0 && finderInfo.length === 32,
    bitmap: sparse(bitmap),
    alternate: alternate.freeBlocks,
    extents: treeOf(header.extentsFile),
    attributes: treeOf(header.attributesFile),
    catalog: treeOf(header.catalogFile),
    journal: header.journalInfoBlock === 0 ? null : { offset: info.offsetBytes, size: info.sizeBytes },
  };
}

/** A catalog leaf: dates and the root's owner and mode zeroed. */
function withoutDates(leaf: Uint8Array): string {
  const bytes = leaf.slice();
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < NodeDescriptor.read(bytes).recordCount; i++) {
    const key = view.getUint16(bytes.length - 2 * (i + 1));
    const data = key + 2 + view.getUint16(key);
    const type = view.getUint16(data);
    if (type > 2) continue;
    bytes.fill(0, data + 12, data + 20);
    if (type === 1) bytes.fill(0, data + 32, data + 44);
  }
  return sparse(bytes);
}

const CASES: [name: string, sizeBytes: number, settings: Record<string, string>, args: string[]][] = [
  ['1 MiB', MIB, { journal: 'off' }, []],
  ['1 MiB with a journal', MIB, {}, ['-J']],
  ['2 MiB', 2 * MIB, {}, ['-J']],
  ['16 MiB', 16 * MIB, {}, ['-J']],
  ['16 MiB without a journal', 16 * MIB, { journal: 'off' }, []],
  ['100 MiB and some sectors', 100 * MIB + 1536, {}, ['-J']],
  ['127 MiB', 127 * MIB, {}, ['-J']],
  ['128 MiB', 128 * MIB, {}, ['-J']],
  ['40 MiB, blocks of 512', 40 * MIB, { 'block-size': '512' }, ['-J', '-b', '512']],
  ['40 MiB, blocks of 1k', 40 * MIB, { 'block-size': '1k' }, ['-J', '-b', '1024']],
  ['40 MiB, blocks of 2k', 40 * MIB, { 'block-size': '2k' }, ['-J', '-b', '2048']],
  ['40 MiB, blocks of 16k', 40 * MIB, { 'block-size': '16k' }, ['-J', '-b', '16384']],
  ['1 GiB', GIB, {}, ['-J']],
  ['3 GiB', 3 * GIB, {}, ['-J']],
  ['3 GiB, catalog nodes of 4k', 3 * GIB, { 'node-size-catalog': '4k' }, ['-J', '-n', 'c=4096']],
  ['20 GiB', 20 * GIB, {}, ['-J']],
  ['250 GiB', 250 * GIB, {}, ['-J']],
  ['1 TiB', TIB, {}, ['-J']],
  ['2 TiB', 2 * TIB, {}, ['-J']],
  ['8 TiB', 8 * TIB, {}, ['-J']],
  ['8 TiB, catalog nodes of 4k: map nodes', 8 * TIB, { 'node-size-catalog': '4k' }, ['-J', '-n', 'c=4096']],
];

describe('as newfs_hfs', () => {
  test.each(CASES)('%s', (_, sizeBytes, settings, args) => {
    const program = findChecker('mkfs.hfsplus');
    if (program === null) return;
    const path = join(temporaryFolder(), 'theirs.img');
    const file = openSync(path, 'w+');
    ftruncateSync(file, sizeBytes);
    expect(runChecker(program, [...args, '-v', 'Test', path])).toMatchObject({ exitCode: 0 });
    const theirs: Reader = (offset, length) => {
      const bytes = new Uint8Array(length);
      readSync(file, bytes, 0, length, offset);
      return bytes;
    };
    const { store } = make(sizeBytes, { settings });
    expect(contentsOf(readerOf(store), sizeBytes)).toEqual(contentsOf(theirs, sizeBytes));
    closeSync(file);
  });

  test.each(CASES.filter(([, sizeBytes]) => sizeBytes <= 3 * GIB))(
    '%s is clean',
    (_, sizeBytes, settings) => {
      expect(fsckHfsplus(imageOf(make(sizeBytes, { settings }).store))).toBe('');
      expect(fsckHfsplus(imageOf(make(sizeBytes, { settings, isHfsx: true }).store))).toBe('');
    },
  );

  test('HFSX that folds case is clean', () => {
    const { store, report } = make(16 * MIB, { isHfsx: true, settings: { compare: 'folding' } });
    expect(fsckHfsplus(imageOf(store))).toBe('');
    expect(report.lines).toEqual([
      'Initialized as a 16 MB case-insensitive HFS Plus volume with a 512k journal',
    ]);
  });

  test('a journal of 4m', () => {
    const { store } = make(64 * MIB, { settings: { journal: '4m' } });
    expect(fsckHfsplus(imageOf(store))).toBe('');
    expect(contentsOf(readerOf(store), 64 * MIB)).toMatchObject({ journal: { size: 4 * MIB } });
  });

  test('nodes of all sizes', () => {
    const settings = { 'node-size-catalog': '16k', 'node-size-extents': '2k', 'node-size-attributes': '4k' };
    expect(fsckHfsplus(imageOf(make(64 * MIB, { settings }).store))).toBe('');
  });

  test('sectors of 4096 bytes', () => {
    const { store } = make(64 * MIB, { sector: 4096 });
    expect(fsckHfsplus(imageOf(store))).toBe('');
  });

  test('a label of decomposed letters, with a colon, of 255 units', () => {
    const { store } = make(16 * MIB, { label: 'Bücher: A/B' });
    expect(fsckHfsplus(imageOf(store))).toBe('');
    expect(fsckHfsplus(imageOf(make(16 * MIB, { label: 'x'.repeat(255) }).store))).toBe('');
    expect(() => make(16 * MIB, { label: 'é'.repeat(128) })).toThrow(FsError);
  });

  test.each([
    [64 * MIB, 'HFS Plus volume with a 512k journal', '64 MB'],
    [TIB, 'HFS Plus volume with a 90112k journal', '1024 GB'],
    [3 * TIB, 'HFS Plus volume with a 253952k journal', '3 TB'],
    [MIB, 'HFS Plus volume with a 512k journal', '1024 KB'],
  ])('says what it made of %i bytes', (sizeBytes, what, size) => {
    expect(make(sizeBytes).report.lines).toEqual([`Initialized as a ${size} case-insensitive ${what}`]);
  });
});

describe('cost and chance', () => {
  test('1 TB: under 20 ms, at most 2 MB stored', () => {
    const took = fastest(5, () => {
      const { store } = make(1e12, { isHfsx: true });
      expect(store.storedBytes).toBeLessThanOrEqual(2e6);
    });
    expect(took).toBeLessThan(20);
  });

  test('the same seed makes the same volume', () => {
    const bytes = (seed: number) => {
      const store = new Store({ blockSizeBytes: 512, blockCount: 8192 });
      const options = { label: '', settings: {}, clock: new SimulatedClock(), partitionFirstBlock: 0 };
      newfs(store, { ...options, random: new Prng(seed) }, false);
      return Buffer.from(readerOf(store)(0, 8192 * 512));
    };
    expect(bytes(5).equals(bytes(5))).toBe(true);
    expect(bytes(5).equals(bytes(6))).toBe(false);
  });
});

describe('refuses', () => {
  test.each([
    [256 * 1024, {}, /512k/],
    [600 * 1024, {}, /too small.*journal=off/],
    [64 * MIB, { 'block-size': '3000' }, /power of two/],
    [64 * MIB, { 'block-size': '256' }, /power of two/],
    [4 * TIB, { 'block-size': '512' }, /4,294,967,295 blocks/],
    [64 * MIB, { journal: '100k' }, /256k to 512m/],
    [64 * MIB, { journal: '128m' }, /too small/],
    [64 * MIB, { journal: 'yes' }, /on, off, or a size/],
    [64 * MIB, { 'node-size-catalog': '2k' }, /4k to 32k/],
    [64 * MIB, { 'node-size-extents': '64k' }, /512 bytes to 32k/],
    [64 * MIB, { compare: 'binary' }, /HFSX/],
    [64 * MIB, { colour: 'red' }, /no setting 'colour'/],
  ])('%i bytes with %o', (sizeBytes, settings, sentence) => {
    try {
      make(sizeBytes, { settings: settings as Record<string, string> });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(FsError);
      expect(error).toMatchObject({ code: 'EINVAL' });
      expect((error as FsError).detail).toMatch(sentence);
    }
  });
});
