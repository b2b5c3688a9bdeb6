import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import type { Device } from '../../../../src/engine/device/device.ts';
import type { StructureNode } from '../../../../src/engine/formats/survey.ts';
import { annotate } from '../../../../src/engine/formats/hfsplus/annotate.ts';
import { OwnerIndex } from '../../../../src/engine/formats/hfsplus/owner-index.ts';
import { regions } from '../../../../src/engine/formats/hfsplus/regions.ts';
import { structures } from '../../../../src/engine/formats/hfsplus/structures.ts';
import type { FlatDevice } from '../../../support/flat-device.ts';
import { deviceOf, madeByMkfs, partitionOfDmg } from './view-images.ts';

/**
 * Goal: of every byte of a journal it is said what it is a copy of and what became of its transaction.
 * Method: journals written here byte by byte, after TN1150 and hfs_journal.c, into a volume of mkfs.hfsplus: with the
 * byte order of either computer, round the ring's end, and with every kind of damage.
 */
const JOURNAL_AT = 3 * 4096;
const JOURNAL_SIZE = 512 * 1024;
const LIST_SIZE = 4096;
const SECTOR = 512;

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum = ((sum << 8) ^ (sum + byte)) >>> 0;
  return ~sum >>> 0;
}

interface Logged {
  readonly homeBytes: number;
  readonly bytes: Uint8Array;
  readonly isWithdrawn?: boolean;
  readonly checksum?: number;
}

class HandMadeJournal {
  readonly #view: DataView;
  end = SECTOR;

  constructor(
    readonly device: FlatDevice,
    readonly isLittle: boolean,
  ) {
    this.#view = new DataView(device.bytes.buffer);
    device.bytes.fill(0, JOURNAL_AT, JOURNAL_AT + JOURNAL_SIZE);
    // Journal info block: no longer "needs initialising".
    this.#view.setUint32(2 * 4096, 1);
  }

  header(start: number, end = this.end): this {
    const at = JOURNAL_AT;
    const { isLittle } = this;
    const u32 = (offset: number, value: number): void => this.#view.setUint32(at + offset, value, isLittle);
    const u64 = (offset: number, value: number): void =>
      this.#view.setBigUint64(at + offset, BigInt(value), isLittle);
    u32(0, 0x4a4e4c78);
    u32(4, 0x12345678);
    u64(8, start);
    u64(16, end);
    u64(24, JOURNAL_SIZE);
    u32(32, LIST_SIZE);
    u32(36, 0);
    u32(40, SECTOR);
    u32(36, checksum(this.device.bytes.subarray(at, at + 44)));
    return this;
  }

  /** One block list and its blocks behind `end`; returns where it begins. */
  add(sequence: number, blocks: readonly Logged[], flags = 3): number {
    const size = LIST_SIZE + blocks.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const list = new Uint8Array(size);
    const view = new DataView(list.buffer);
    view.setUint16(0, LIST_SIZE / 16 - 1, this.isLittle);
    view.setUint16(2, blocks.length + 1, this.isLittle);
    view.setUint32(4, size, this.isLittle);
    view.setUint32(12, flags, this.isLittle);
    view.setUint32(28, sequence, this.isLittle);
    let at = LIST_SIZE;
    blocks.forEach(({ homeBytes, bytes, isWithdrawn, checksum: given }, i) => {
      const info = 32 + 16 * i;
      const sector = isWithdrawn ? 0xffff_ffff_ffff_ffffn : BigInt(homeBytes / SECTOR);
      view.setBigUint64(info, sector, this.isLittle);
      view.setUint32(info + 8, bytes.length, this.isLittle);
      view.setUint32(info + 12, given ?? checksum(bytes), this.isLittle);
      list.set(bytes, at);
      at += bytes.length;
    });
    view.setUint32(8, checksum(list.subarray(0, 32)), this.isLittle);
    const start = this.end;
    for (let i = 0; i < size; i++) {
      this.device.bytes[JOURNAL_AT + this.end] = list[i] ?? 0;
      this.end = this.end + 1 === JOURNAL_SIZE ? SECTOR : this.end + 1;
    }
    return start;
  }

  home(homeBytes: number, lengthBytes: number, extra: Partial<Logged> = {}): Logged {
    return { homeBytes, bytes: this.device.bytes.slice(homeBytes, homeBytes + lengthBytes), ...extra };
  }
}

/** Catalog of the volume that mkfs makes: block 515; node 1 is the only leaf. */
const LEAF_AT = 515 * 4096 + 4096;
const HEADER_SECTOR = 1024;

function made(isLittle: boolean, blockSizeBytes = 512): HandMadeJournal | null {
  const bytes = madeByMkfs(16 << 20, ['-J']);
  return bytes && new HandMadeJournal(deviceOf(bytes, blockSizeBytes), isLittle);
}

const childrenOf = (device: Device, parent: string): readonly StructureNode[] =>
  structures(device, parent, { offset: 0, countMax: 500 }).nodes;
const lines = (nodes: readonly StructureNode[]): string[] =>
  nodes.map(({ title, text }) => `${title} | ${text}`);

function expectExplained(device: Device): void {
  const index = new OwnerIndex(device);
  const journal = regions(device, index).find(({ owner }) => owner === 'Journal');
  const { firstBlock = 0, blockCount = 0 } = journal ?? {};
  for (let block = firstBlock; block < firstBlock + blockCount; block++) {
    const { fields, role, owner } = annotate(device, block, index);
    expect({ role, owner }).toEqual({ role: 'journal', owner: 'Journal' });
    let next = 0;
    for (const { offsetBytes, lengthBytes } of fields) {
      if (offsetBytes !== next || lengthBytes <= 0) throw new Error(`block ${block}: gap at byte ${next}`);
      next += lengthBytes;
    }
    expect(next).toBe(device.blockSizeBytes);
  }
}

const titleAt = (device: FlatDevice, journalOffset: number): string =>
  annotate(device, Math.floor((JOURNAL_AT + journalOffset) / device.blockSizeBytes)).title;

describe.each([
  { order: 'little-endian', isLittle: true },
  { order: 'big-endian', isLittle: false },
])('a journal of a $order computer', ({ isLittle }) => {
  test('pending transactions, those behind the end, older ones', () => {
    const journal = made(isLittle);
    if (!journal) return;
    const { device } = journal;
    const older = journal.add(40, [journal.home(HEADER_SECTOR, 512)]);
    const start = journal.add(41, [journal.home(LEAF_AT, 4096), journal.home(HEADER_SECTOR, 512)]);
    journal.add(42, [journal.home(4096, 4096)]);
    const { end } = journal;
    const beyond = journal.add(43, [journal.home(LEAF_AT, 4096)]);
    const stale = journal.add(30, [journal.home(LEAF_AT, 4096)]);
    journal.header(start, end);

    expect(lines(childrenOf(device, 'journal'))).toEqual([
      'Journal info block | where the journal lies',
      `Journal header | from byte ${start} to byte ${end} of the ring`,
      'Transactions to be replayed | 2, from start to end',
      'Transactions behind the end | 1, behind the end, but its sequence goes on: replayed all the same',
      'Older transactions | 2, written home long since',
    ]);
    expect(lines(childrenOf(device, 'transactions:pending'))).toEqual([
      'transaction 41 | 2 blocks, 8704 bytes of the journal',
      'transaction 42 | 1 block, 8192 bytes of the journal',
    ]);
    expect(lines(childrenOf(device, `list:${start}`)).slice(1)).toEqual([
      'block 1: Catalog tree, leaf node 1, 6 records | same bytes at home, 4096 bytes',
      'block 2: Volume header | same bytes at home, 512 bytes',
    ]);
    const top = structures(device, null, { offset: 0, countMax: 99 }).nodes.find(
      ({ id }) => id === 'journal',
    );
    expect(top?.text).toBe('524288 bytes, 2 transactions to be replayed');
    expect(titleAt(device, older)).toBe('Journal, block list of transaction 40, written home long since');
    expect(titleAt(device, start)).toBe('Journal, block list of transaction 41, to be replayed');
    expect(titleAt(device, start + LIST_SIZE)).toBe(
      'Journal, transaction 41: copy of Catalog tree, leaf node 1, 6 records',
    );
    expect(titleAt(device, beyond)).toMatch('behind the end');
    expect(titleAt(device, stale)).toBe('Journal, block list of transaction 30, written home long since');
    expectExplained(device);
  });

  test('a copy is explained as what it is a copy of, with the bytes of the copy', () => {
    const journal = made(isLittle);
    if (!journal) return;
    const { device } = journal;
    const header = device.bytes.slice(HEADER_SECTOR, HEADER_SECTOR + 512);
    new DataView(header.buffer).setUint32(48, 7); // freeBlocks
    const start = journal.add(5, [{ homeBytes: HEADER_SECTOR, bytes: header }, journal.home(LEAF_AT, 4096)]);
    journal.header(start);
    const text = annotate(device, (JOURNAL_AT + start + LIST_SIZE) / 512)
      .fields.map(({ name, text }) => `${name} | ${text}`)
      .join('\n');
    expect(text).toMatch('VolumeHeader.freeBlocks | 7 blocks');
    const leaf = annotate(device, (JOURNAL_AT + start + LIST_SIZE + 512) / 512);
    expect(leaf.fields.map(({ text }) => text).join('\n')).toMatch('folder "Made"');
    const [, , home] = childrenOf(device, `list:${start}`);
    expect(home?.text).toBe('same bytes at home, 4096 bytes');
    const [, changed] = childrenOf(device, `list:${start}`);
    expect(changed?.text).toBe('other bytes at home, 512 bytes');
    expect(childrenOf(device, `logged:${start}:1`)[0]).toMatchObject({
      title: 'where it belongs',
      deviceOffsetBytes: HEADER_SECTOR,
      lengthBytes: 512,
    });
  });

  test('round the end of the ring, in large blocks too', () => {
    for (const blockSizeBytes of [512, 4096]) {
      const journal = made(isLittle, blockSizeBytes);
      if (!journal) return;
      const { device } = journal;
      journal.end = JOURNAL_SIZE - LIST_SIZE - 1536;
      const start = journal.add(9, [journal.home(LEAF_AT, 4096)]);
      const second = journal.add(10, [journal.home(4096, 4096)]);
      expect(second).toBe(SECTOR + 4096 - 1536);
      journal.header(start);
      expect(lines(childrenOf(device, 'transactions:pending'))).toHaveLength(2);
      expect(titleAt(device, JOURNAL_SIZE - 512)).toMatch('copy of Catalog tree, leaf node 1');
      expect(titleAt(device, SECTOR)).toMatch('copy of Catalog tree, leaf node 1');
      const [logged] = childrenOf(device, `list:${start}`).slice(1);
      expect(logged).toMatchObject({
        title: 'block 1: Catalog tree, leaf node 1, 6 records',
        text: 'same bytes at home, 4096 bytes',
        lengthBytes: 1536,
      });
      expectExplained(device);
    }
  });
});

test('a journal that macOS wrote: its transactions and their blocks, all checksums right', () => {
  const device = partitionOfDmg('hdimac-test-disk-image-hfsp-j.dmg');
  if (!device) return;
  expect(lines(childrenOf(device, 'journal')).slice(1)).toEqual([
    'Journal header | start = end = 47104: empty',
    'Transactions to be replayed | none',
    'Older transactions | 3, written home long since',
  ]);
  const lists = childrenOf(device, 'transactions:older');
  expect(lines(lists)).toEqual([
    'transaction 6623271 | 3 blocks, 16896 bytes of the journal',
    'transaction 6623272 | 4 blocks, 20992 bytes of the journal',
    'transaction 6623273 | 1 block, 8704 bytes of the journal',
  ]);
  expect(lines(childrenOf(device, lists[1]?.id ?? '')).slice(1)).toEqual([
    'block 1: Volume header | other bytes at home, 512 bytes',
    'block 2: Catalog tree, leaf node 1, 16 records | same bytes at home, 4096 bytes',
    'block 3: Catalog tree, header node 0 | same bytes at home, 4096 bytes',
    'block 4: Allocation file, bits of blocks 0 to 594 | other bytes at home, 4096 bytes',
  ]);
  expect(lines(childrenOf(device, 'journal header'))).toContain('JournalHeader.checksum | 0xa3ea1f5, right');
  expectExplained(device);
});

describe('damage in a journal', () => {
  test('wrong checksums and withdrawn blocks are told', () => {
    const journal = made(true);
    if (!journal) return;
    const { device } = journal;
    const start = journal.add(7, [
      journal.home(LEAF_AT, 4096, { checksum: 1 }),
      journal.home(4096, 4096, { isWithdrawn: true }),
      journal.home(HEADER_SECTOR, 512, { checksum: 0 }),
    ]);
    journal.header(start);
    expect(lines(childrenOf(device, `list:${start}`)).slice(1)).toEqual([
      'block 1: Catalog tree, leaf node 1, 6 records | same bytes at home, checksum wrong, 4096 bytes',
      'block 2: withdrawn | a replay passes over it',
      'block 3: Volume header | same bytes at home, without a checksum, 512 bytes',
    ]);
    expectExplained(device);
  });

  test('a block list with a wrong checksum ends the pending ones; what lies behind is found again', () => {
    const journal = made(true);
    if (!journal) return;
    const { device } = journal;
    const start = journal.add(7, [journal.home(LEAF_AT, 4096)]);
    const broken = journal.add(8, [journal.home(LEAF_AT, 4096), journal.home(HEADER_SECTOR, 512)]);
    journal.add(9, [journal.home(HEADER_SECTOR, 512)]);
    journal.header(start);
    const at = JOURNAL_AT + broken + 9;
    device.bytes[at] = (device.bytes[at] ?? 0) ^ 1;
    expect(lines(childrenOf(device, 'transactions:pending'))).toEqual([
      'transaction 7 | 1 block, 8192 bytes of the journal',
      'transaction 9 | 1 block, 4608 bytes of the journal',
    ]);
    expect(titleAt(device, broken)).toBe('Journal, nothing that still counts');
    expectExplained(device);
  });

  test('a home inside the journal is not followed, one outside the device neither', () => {
    const journal = made(true);
    if (!journal) return;
    const { device } = journal;
    const start = journal.add(7, [
      journal.home(JOURNAL_AT + 1024, 4096),
      { homeBytes: 2 ** 40, bytes: new Uint8Array(512).fill(3) },
    ]);
    journal.header(start);
    expectExplained(device);
    expect(childrenOf(device, `logged:${start}:1`).length).toBeGreaterThan(1);
    expect(lines(childrenOf(device, `list:${start}`))[2]).toMatch(
      'block 2: Behind the volume | other bytes at home',
    );
    expect(childrenOf(device, `logged:${start}:2`)).toHaveLength(2);
  });

  test('headers and lists changed at random throw nothing and leave nothing unexplained', () => {
    const journal = made(true);
    if (!journal) return;
    const { device } = journal;
    const start = journal.add(7, [journal.home(LEAF_AT, 4096)]);
    journal.add(8, [journal.home(LEAF_AT, 4096), journal.home(HEADER_SECTOR, 512)]);
    journal.header(start);
    const whole = device.bytes.slice();
    const random = new Prng(3);
    for (let round = 0; round < 60; round++) {
      device.bytes.set(whole);
      for (let change = 0; change < 3; change++) {
        const area = [2 * 4096, JOURNAL_AT, JOURNAL_AT + start][random.below(3)] ?? 0;
        device.bytes[area + random.below(64)] = random.below(256);
      }
      const index = new OwnerIndex(device);
      for (let block = 16; block < 80; block++) {
        let next = 0;
        for (const { offsetBytes, lengthBytes } of annotate(device, block, index).fields) {
          expect(offsetBytes).toBe(next);
          next += lengthBytes;
        }
        expect(next).toBe(512);
      }
      for (const { id } of childrenOf(device, 'journal'))
        for (const child of childrenOf(device, id)) childrenOf(device, child.id);
    }
  });
});
