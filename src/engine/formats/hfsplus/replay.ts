import { viewOf } from '../../base/bytes.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import {
  BLOCK_INFO_SIZE_BYTES,
  BLOCK_LIST_CHECKED_BYTES,
  BLOCK_LIST_CHECKSUM_AT,
  BLOCK_LIST_FLAG,
  BLOCK_LIST_HEADER_SIZE_BYTES,
  BlockInfo,
  BlockListHeader,
  JOURNAL_ENDIAN,
  JOURNAL_HEADER_CHECKED_BYTES,
  JOURNAL_HEADER_CHECKSUM_AT,
  JOURNAL_MAGIC,
  journalChecksum,
  JournalHeader,
  KILLED_BLOCK_HALF,
} from './layout-journal.ts';

/**
 * What a power cut left in the journal, read and brought home.
 *
 * From `start` on, transactions are taken one after the other; behind `end` as long as they verify and their sequence
 * numbers go on, for the log of the last one may be whole though the header that names it is not. A transaction that
 * is not whole ends the replay; when it lies before `end` that is damage, and everything from it on is lost. When not
 * even the first one is whole nothing is replayed and the volume must be checked ('FSK!').
 *
 * The journal may be garbage: every offset is held within the journal, every home within the device, and no more bytes
 * are looked at than the ring has. Both byte orders are read. A wrong checksum of the journal header is only worth a
 * warning, as for the kernel. Source: apple-oss-distributions/hfs, core/hfs_journal.c replay_journal.
 */
export interface JournalHead {
  readonly isLittle: boolean;
  readonly startBytes: number;
  readonly endBytes: number;
  readonly sizeBytes: number;
  readonly blockListSizeBytes: number;
  /** Of the header, and the unit in which homes are counted. */
  readonly sectorBytes: number;
  readonly sequenceNumber: number;
  readonly isChecksumRight: boolean;
}

/** A block of the log that belongs elsewhere. */
export interface LogBlock {
  /** From the start of the device. */
  readonly homeOffsetBytes: number;
  readonly lengthBytes: number;
  /** Where it begins in the ring, from the journal header. */
  readonly logOffsetBytes: number;
}

export interface Scan {
  /** Every home once, in the order in which they were logged last. */
  readonly blocks: readonly LogBlock[];
  readonly transactionCount: number;
  /** Of these, behind `end`. */
  readonly beyondEndCount: number;
  /** Where the last whole transaction ends. */
  readonly endBytes: number;
  readonly lastSequenceNumber: number;
  /** Why it ended before `end`; null when it did not. */
  readonly damage: string | null;
}

const SIZE_BYTES_MIN = 256 * 1024;
const SIZE_BYTES_MAX = 2 ** 30;

/** The header of the journal at `offsetBytes`, or in one sentence why there is none. `roomBytes`: what belongs to it. */
export function readJournalHead(
  device: Device,
  offsetBytes: number,
  roomBytes: number,
): JournalHead | string {
  const sector = new Uint8Array(device.blockSizeBytes);
  device.read(offsetBytes / device.blockSizeBytes, sector);
  const isLittle = JournalHeader.little.peek(sector).magic === JOURNAL_MAGIC;
  const head = (isLittle ? JournalHeader.little : JournalHeader.big).peek(sector);
  if (head.magic !== JOURNAL_MAGIC || head.endian !== JOURNAL_ENDIAN) {
    return 'the journal has no header: its first sector does not begin with "JNLx"';
  }
  const { startBytes, endBytes, sizeBytes, headerSizeBytes, blockListSizeBytes } = head;
  const isSector = headerSizeBytes >= 512 && headerSizeBytes <= 2 ** 16 && isPowerOfTwo(headerSizeBytes);
  if (!isSector) return `the journal counts in sectors of ${headerSizeBytes} bytes`;
  if (sizeBytes < SIZE_BYTES_MIN || sizeBytes > SIZE_BYTES_MAX || sizeBytes % 512 !== 0) {
    return `the journal header says ${sizeBytes} bytes; a journal has 256 KiB to 1 GiB`;
  }
  if (sizeBytes > roomBytes) {
    return `the journal header says ${sizeBytes} bytes, ${roomBytes} are set aside for it`;
  }
  const isOffset = (value: number) => value % 512 === 0 && value >= headerSizeBytes && value <= sizeBytes;
  if (!isOffset(startBytes) || !isOffset(endBytes)) {
    return `the journal goes from ${startBytes} to ${endBytes}: no place within ${sizeBytes} bytes`;
  }
  const isList = blockListSizeBytes >= 512 && blockListSizeBytes % 512 === 0 && blockListSizeBytes <= 2 ** 20;
  if (!isList) return `the journal has block lists of ${blockListSizeBytes} bytes`;
  const wrapped = (offset: number) => (offset === sizeBytes ? headerSizeBytes : offset);
  return {
    isLittle,
    startBytes: wrapped(startBytes),
    endBytes: wrapped(endBytes),
    sizeBytes,
    blockListSizeBytes,
    sectorBytes: headerSizeBytes,
    sequenceNumber: head.sequenceNumber,
    isChecksumRight:
      sumWithout(sector, JOURNAL_HEADER_CHECKSUM_AT, JOURNAL_HEADER_CHECKED_BYTES) === head.checksum,
  };
}

const isPowerOfTwo = (value: number): boolean => Number.isInteger(Math.log2(value));

/** Checksum of the first `lengthBytes`, the field that holds it counted as zeros. */
function sumWithout(bytes: Uint8Array, checksumAt: number, lengthBytes: number): number {
  const copy = bytes.slice(0, lengthBytes);
  copy.fill(0, checksumAt, checksumAt + 4);
  return journalChecksum(copy);
}

/** Is there something to replay? `start` = `end` says no, whatever stands behind it: as for the kernel. */
export const isPending = (head: JournalHead): boolean => head.startBytes !== head.endBytes;

/** Look through the journal; writes nothing. Reads no more than the ring has. */
export function scanJournal(device: Device, journalOffsetBytes: number, head: JournalHead): Scan {
  const found = new Found();
  if (!isPending(head)) return found.result(head.endBytes, head.sequenceNumber, null);
  const ring = new Ring(device, journalOffsetBytes, head);
  const reader = new ListReader(device, ring, head);
  let open: Transaction | undefined;
  let at = head.startBytes;
  let isBeyond = false;
  let leftBytes = head.sizeBytes - head.sectorBytes;
  for (;;) {
    if (at === head.endBytes && !isBeyond) {
      // The header names what ends here: it is whole.
      found.close(open);
      isBeyond = true;
      open = undefined;
    }
    const list = reader.read(at, leftBytes, found.sequenceNumberOr(open));
    if (typeof list === 'string' || (isBeyond && list.sequenceNumber === 0)) break;
    if (open === undefined || list.isFirst || list.sequenceNumber !== open.sequenceNumber) {
      found.close(open);
      open = { blocks: [], endBytes: at, sequenceNumber: list.sequenceNumber, isBeyond };
    }
    open.blocks.push(...list.blocks);
    at = ring.advance(at, list.lengthBytes);
    leftBytes -= list.lengthBytes;
    open.endBytes = at;
  }
  // A list that is no list ends the log; one that is, but has bad blocks, takes its transaction with it.
  if (reader.failure === 'sequence' || (isBeyond && reader.failure !== 'contents')) found.close(open);
  const damage = isBeyond ? null : `${reader.reason}, ${at} bytes into the journal`;
  return found.result(head.startBytes, head.sequenceNumber, damage);
}

interface Transaction {
  readonly blocks: LogBlock[];
  endBytes: number;
  readonly sequenceNumber: number;
  readonly isBeyond: boolean;
}

/** Transactions that are whole. */
class Found {
  readonly #blocks = new Map<string, LogBlock>();
  #last: Transaction | undefined;
  #count = 0;
  #beyondCount = 0;

  close(transaction: Transaction | undefined): void {
    if (transaction === undefined) return;
    for (const block of transaction.blocks) {
      const key = `${block.homeOffsetBytes} ${block.lengthBytes}`;
      this.#blocks.delete(key);
      this.#blocks.set(key, block);
    }
    this.#last = transaction;
    this.#count++;
    if (transaction.isBeyond) this.#beyondCount++;
  }

  /** Of the list before; 0 when there is none. */
  sequenceNumberOr(open: Transaction | undefined): number {
    return (open ?? this.#last)?.sequenceNumber ?? 0;
  }

  result(endBytes: number, sequenceNumber: number, damage: string | null): Scan {
    return {
      blocks: [...this.#blocks.values()],
      transactionCount: this.#count,
      beyondEndCount: this.#beyondCount,
      endBytes: this.#last?.endBytes ?? endBytes,
      lastSequenceNumber: Math.max(this.#last?.sequenceNumber ?? 0, sequenceNumber),
      damage,
    };
  }
}

/** The journal behind its header, read as if it had no end. */
class Ring {
  readonly #device: Device;
  readonly #offsetBytes: number;
  readonly #head: JournalHead;

  constructor(device: Device, journalOffsetBytes: number, head: JournalHead) {
    this.#device = device;
    this.#offsetBytes = journalOffsetBytes;
    this.#head = head;
  }

  advance(at: number, byBytes: number): number {
    const { sizeBytes, sectorBytes } = this.#head;
    const offset = at + byBytes;
    return offset >= sizeBytes ? offset - sizeBytes + sectorBytes : offset;
  }

  /** Any place and length, though devices read whole blocks. */
  read(at: number, into: Uint8Array): void {
    let done = 0;
    let from = at;
    while (done < into.length) {
      const length = Math.min(into.length - done, this.#head.sizeBytes - from);
      this.#readPiece(from, into.subarray(done, done + length));
      from = this.#head.sectorBytes;
      done += length;
    }
  }

  #readPiece(at: number, into: Uint8Array): void {
    const { blockSizeBytes } = this.#device;
    const offset = this.#offsetBytes + at;
    const first = Math.floor(offset / blockSizeBytes);
    const skip = offset - first * blockSizeBytes;
    if (skip === 0 && into.length % blockSizeBytes === 0) {
      this.#device.read(first, into);
      return;
    }
    const bytes = new Uint8Array(Math.ceil((skip + into.length) / blockSizeBytes) * blockSizeBytes);
    this.#device.read(first, bytes);
    into.set(bytes.subarray(skip, skip + into.length));
  }
}

interface BlockList {
  readonly isFirst: boolean;
  readonly sequenceNumber: number;
  readonly lengthBytes: number;
  readonly blocks: readonly LogBlock[];
}

class ListReader {
  /** What the last list was refused for: no list at all, one of another time, or one with wrong contents. */
  failure: 'header' | 'sequence' | 'contents' = 'header';
  reason = '';
  readonly #ring: Ring;
  readonly #head: JournalHead;
  readonly #deviceBytes: number;
  readonly #header: Uint8Array;

  constructor(device: Device, ring: Ring, head: JournalHead) {
    this.#ring = ring;
    this.#head = head;
    this.#deviceBytes = device.blockCount * device.blockSizeBytes;
    this.#header = new Uint8Array(head.blockListSizeBytes);
  }

  /** The block list at `at`, all of it verified; in words why it is none. */
  read(at: number, leftBytes: number, previousSequence: number): BlockList | string {
    const bytes = this.#header;
    const endian = this.#head.isLittle ? 'little' : 'big';
    if (leftBytes < bytes.length) return this.#refuse('header', 'the log goes round more than once');
    this.#ring.read(at, bytes);
    const list = BlockListHeader[endian].peek(bytes);
    if (sumWithout(bytes, BLOCK_LIST_CHECKSUM_AT, BLOCK_LIST_CHECKED_BYTES) !== list.checksum) {
      return this.#refuse('header', 'the checksum of a block list header is wrong');
    }
    const sequenceNumber = BlockInfo[endian].peek(bytes, BLOCK_LIST_HEADER_SIZE_BYTES).checksum;
    const isNext = sequenceNumber === previousSequence || sequenceNumber === previousSequence + 1;
    if (previousSequence !== 0 && sequenceNumber !== 0 && !isNext) {
      const detail = `transaction ${sequenceNumber} follows transaction ${previousSequence}`;
      return this.#refuse('sequence', detail);
    }
    const infosMax = Math.floor(bytes.length / BLOCK_INFO_SIZE_BYTES) - 1;
    if (list.blockCount < 1 || list.blockCount > Math.min(list.maxBlocks, infosMax)) {
      return this.#refuse('contents', `a block list claims ${list.blockCount} of ${list.maxBlocks} blocks`);
    }
    if (list.bytesUsed < bytes.length || list.bytesUsed > leftBytes || list.bytesUsed % 512 !== 0) {
      return this.#refuse('contents', `a block list claims ${list.bytesUsed} bytes`);
    }
    const blocks = this.#blocks(at, list.bytesUsed, list.blockCount, list.flags);
    if (typeof blocks === 'string') return this.#refuse('contents', blocks);
    const isFirst = (list.flags & BLOCK_LIST_FLAG.firstHeader) !== 0;
    return { isFirst, sequenceNumber, lengthBytes: list.bytesUsed, blocks };
  }

  #blocks(at: number, bytesUsed: number, blockCount: number, flags: number): LogBlock[] | string {
    const { isLittle, sectorBytes } = this.#head;
    const view = viewOf(this.#header);
    const blocks: LogBlock[] = [];
    let used = this.#header.length;
    for (let i = 1; i < blockCount; i++) {
      const info = BLOCK_LIST_HEADER_SIZE_BYTES + i * BLOCK_INFO_SIZE_BYTES;
      const first = view.getUint32(info, isLittle);
      const second = view.getUint32(info + 4, isLittle);
      const lengthBytes = view.getUint32(info + 8, isLittle);
      const checksum = view.getUint32(info + 12, isLittle);
      if (lengthBytes === 0 || lengthBytes % 512 !== 0 || used + lengthBytes > bytesUsed) {
        return `block ${i} of a list claims ${lengthBytes} bytes`;
      }
      const logOffsetBytes = this.#ring.advance(at, used);
      used += lengthBytes;
      if (first === KILLED_BLOCK_HALF && second === KILLED_BLOCK_HALF) continue;
      const sector = isLittle ? second * 2 ** 32 + first : first * 2 ** 32 + second;
      const homeOffsetBytes = sector * sectorBytes;
      if (homeOffsetBytes + lengthBytes > this.#deviceBytes) {
        return `block ${i} of a list belongs to sector ${sector}, which the device does not have`;
      }
      if ((flags & BLOCK_LIST_FLAG.checksums) !== 0 && checksum !== 0) {
        const data = new Uint8Array(lengthBytes);
        this.#ring.read(logOffsetBytes, data);
        if (journalChecksum(data) !== checksum) return `the checksum of block ${i} of a list is wrong`;
      }
      blocks.push({ homeOffsetBytes, lengthBytes, logOffsetBytes });
    }
    return blocks;
  }

  #refuse(failure: ListReader['failure'], reason: string): string {
    this.failure = failure;
    this.reason = reason;
    return reason;
  }
}

/**
 * Write every block of a scan to its home: on a device, or on an overlay for reading. Idempotent; the caller puts a
 * barrier behind it before the journal lets go of anything.
 */
export function bringHome(
  source: Device,
  target: Device,
  journalOffsetBytes: number,
  head: JournalHead,
  scan: Scan,
): void {
  const ring = new Ring(source, journalOffsetBytes, head);
  const { blockSizeBytes } = target;
  for (const { homeOffsetBytes, lengthBytes, logOffsetBytes } of scan.blocks) {
    const first = Math.floor(homeOffsetBytes / blockSizeBytes);
    const skip = homeOffsetBytes - first * blockSizeBytes;
    const bytes = new Uint8Array(Math.ceil((skip + lengthBytes) / blockSizeBytes) * blockSizeBytes);
    // A journal of smaller sectors than the device's: the rest of the sector stays.
    if (bytes.length !== lengthBytes) target.read(first, bytes);
    ring.read(logOffsetBytes, bytes.subarray(skip, skip + lengthBytes));
    target.write(first, bytes, LABEL_REPLAY);
  }
}

const LABEL_REPLAY: WriteLabel = {
  role: 'journal',
  owner: 'journal replay',
  reason: 'bring a logged block to its place',
};
