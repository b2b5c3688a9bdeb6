import { viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import { writeHome } from './commit.ts';
import {
  BLOCK_INFO_SIZE_BYTES,
  BLOCK_LIST_CHECKED_BYTES,
  BLOCK_LIST_CHECKSUM_AT,
  BLOCK_LIST_FLAG,
  JOURNAL_ENDIAN,
  JOURNAL_HEADER_CHECKED_BYTES,
  JOURNAL_HEADER_CHECKSUM_AT,
  JOURNAL_INFO_FLAG,
  JOURNAL_MAGIC,
  journalChecksum,
  JournalHeader,
} from './layout-journal.ts';
import type { MetadataBuffer } from './metadata.ts';

/**
 * Writing the journal: a ring of transactions behind a header of one sector.
 *
 * A transaction is one or more block lists, each a header with home, length and checksum of every block, followed by
 * the blocks. Offsets count from the header; what reaches the end of the ring goes on behind the header, in the middle
 * of a block if need be. Numbers are little-endian, as on every Mac of today.
 *
 * Promises: the header names only transactions that are whole on the medium; nothing is written to its home before the
 * header that names it is; the ring never becomes full, for start = end says empty. A replayer that goes on behind
 * `end` finds a transaction whole or not at all: a list is taken for valid by the first sector of its header, so a
 * transaction of more blocks than that sector names, or of several lists, gets this one sector last, behind a barrier of
 * its own. Source: TN1150 "Journal"; apple-oss-distributions/hfs, core/hfs_journal.c.
 */
export interface JournalPlace {
  /** From the start of the device to the journal header. */
  readonly deviceOffsetBytes: number;
  readonly sizeBytes: number;
  readonly blockListSizeBytes: number;
  readonly startBytes: number;
  readonly endBytes: number;
  /** Of the newest transaction. */
  readonly sequenceNumber: number;
  /** The header on the device says something else, or there is none: write it before anything is logged. */
  readonly isHeaderStale: boolean;
  /** Block of the device with the info block, while that still says that the journal was never initialised. */
  readonly uninitialisedInfoBlock: number | undefined;
}

export const BLOCK_LIST_SIZE_BYTES = 4096;
/** Block lists larger than this are begun anew, so that one buffer serves them all. */
const LIST_BYTES_MAX = 2 ** 20;

/** A stretch of metadata that goes to one place. */
interface LoggedBlock {
  readonly bytes: Uint8Array;
  readonly homeOffsetBytes: number;
}

export class Journal {
  readonly #device: Device;
  readonly #place: JournalPlace;
  readonly #sectorBytes: number;
  readonly #blocksPerList: number;
  #log = new Uint8Array(2 ** 16);

  /** As the header on the device says. */
  #start: number;
  #end: number;
  /** Up to here every transaction was written to its home; the next barrier makes that durable. */
  #homeEnd: number;
  #sequence: number;
  #isHeaderStale: boolean;
  #uninitialisedInfoBlock: number | undefined;

  constructor(device: Device, place: JournalPlace) {
    this.#device = device;
    this.#place = place;
    this.#sectorBytes = device.blockSizeBytes;
    this.#blocksPerList = place.blockListSizeBytes / BLOCK_INFO_SIZE_BYTES - 2;
    this.#start = place.startBytes;
    this.#end = place.endBytes;
    this.#homeEnd = place.endBytes;
    this.#sequence = place.sequenceNumber;
    this.#isHeaderStale = place.isHeaderStale;
    this.#uninitialisedInfoBlock = place.uninitialisedInfoBlock;
  }

  /** The longest transaction that an empty journal takes. */
  get capacityBytes(): number {
    return this.#place.sizeBytes - 2 * this.#sectorBytes;
  }

  /** Bytes of the transaction that `buffers` would make. */
  lengthOf(buffers: readonly MetadataBuffer[]): number {
    let length = 0;
    let blocks = 0;
    for (const buffer of buffers) {
      length += buffer.bytes.length;
      blocks += buffer.runs.length;
    }
    // A list ends when it is full or long; the latter leaves at most one block less than LIST_BYTES_MAX / 2 in each.
    const lists = Math.ceil(blocks / this.#blocksPerList) + Math.ceil(length / (LIST_BYTES_MAX / 2));
    return length + lists * this.#place.blockListSizeBytes;
  }

  /** Before the first transaction: a header where there is none or a wrong one, as mkfs leaves it to be done. */
  prepare(): void {
    if (!this.#isHeaderStale) return;
    this.#writeHeader(this.#start, this.#end, this.#sequence);
    this.#device.barrier('hfs+: the journal has a header before anybody looks at it');
    this.#isHeaderStale = false;
    const infoBlock = this.#uninitialisedInfoBlock;
    if (infoBlock === undefined) return;
    const sector = new Uint8Array(this.#sectorBytes);
    this.#device.read(infoBlock, sector);
    sector[3] = (sector[3] ?? 0) & ~JOURNAL_INFO_FLAG.needsInitialising;
    // Until the first transaction counts, an uninitialised journal and an empty one are the same: the barrier behind
    // the log is early enough.
    this.#device.write(infoBlock, sector, LABEL_INFO);
    this.#uninitialisedInfoBlock = undefined;
  }

  /**
   * Make the changes of `buffers` durable as one, then write them to their homes. They fit (`lengthOf`). When the
   * device fails before the header is written the transaction is not there; afterwards it is, and the buffers are
   * logged again with the next one.
   */
  commit(buffers: readonly MetadataBuffer[]): void {
    const neededBytes = this.lengthOf(buffers);
    if (neededBytes > this.#freeBytes) this.#makeRoom();
    if (neededBytes > this.#freeBytes) throw new FsError('EIO', '', '', JAMMED);
    const homeEnd = this.#homeEnd;
    const end = this.#writeLog(blocksOf(buffers));
    this.#device.barrier('hfs+: the log before the journal header that names it');
    this.#writeHeader(homeEnd, end, nextSequence(this.#sequence));
    this.#device.barrier('hfs+: the journal header before what it protects is changed');
    for (const buffer of buffers) writeHome(this.#device, buffer);
    this.#homeEnd = end;
  }

  /**
   * Let go of everything that is at home; nothing else is left unless the device refused a write. The caller has put
   * a barrier behind all writes to homes, and puts one behind this.
   */
  makeEmpty(): void {
    this.#writeHeader(this.#homeEnd, this.#end, this.#sequence);
  }

  // ── ring ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  get #ringBytes(): number {
    return this.#place.sizeBytes - this.#sectorBytes;
  }

  /** Never all of the ring: a full one would look empty. */
  get #freeBytes(): number {
    const used = (this.#end - this.#start + this.#ringBytes) % this.#ringBytes;
    return this.#ringBytes - used - this.#sectorBytes;
  }

  /** `start` is moved lazily; now the ring needs the space of what reached its home long ago. */
  #makeRoom(): void {
    this.#device.barrier('hfs+: everything at home before the journal makes room');
    this.makeEmpty();
    this.#device.barrier('hfs+: the journal let go of old transactions before they are overwritten');
  }

  #advance(offsetBytes: number, byBytes: number): number {
    const offset = offsetBytes + byBytes;
    return offset >= this.#place.sizeBytes ? offset - this.#ringBytes : offset;
  }

  /** Writes one transaction at `end`; returns where it ends. */
  #writeLog(blocks: readonly LoggedBlock[]): number {
    const sequence = nextSequence(this.#sequence);
    const first = this.#fillList(blocks, 0, sequence);
    const isHeldBack = first.next < blocks.length || first.next > blocksInSector(this.#sectorBytes);
    if (!isHeldBack) {
      this.#writeRing(this.#end, this.#log.subarray(0, first.lengthBytes));
      return this.#advance(this.#end, first.lengthBytes);
    }
    const sector = this.#log.slice(0, this.#sectorBytes);
    const second = this.#advance(this.#end, this.#sectorBytes);
    this.#writeRing(second, this.#log.subarray(this.#sectorBytes, first.lengthBytes));
    let end = this.#advance(this.#end, first.lengthBytes);
    for (let from = first.next; from < blocks.length;) {
      const list = this.#fillList(blocks, from, sequence);
      this.#writeRing(end, this.#log.subarray(0, list.lengthBytes));
      end = this.#advance(end, list.lengthBytes);
      from = list.next;
    }
    this.#device.barrier('hfs+: the rest of a long transaction before the sector that makes it valid');
    this.#writeRing(this.#end, sector);
    return end;
  }

  /** One block list with the blocks from `from` on, as many as it takes, into `#log`. */
  #fillList(blocks: readonly LoggedBlock[], from: number, sequence: number) {
    const { blockListSizeBytes } = this.#place;
    let lengthBytes = blockListSizeBytes;
    let next = from;
    for (; next < blocks.length && next - from < this.#blocksPerList; next++) {
      const added = blocks[next]?.bytes.length ?? 0;
      if (next > from && lengthBytes + added > LIST_BYTES_MAX) break;
      lengthBytes += added;
    }
    const log = this.#reserveLog(lengthBytes);
    log.fill(0, 0, blockListSizeBytes);
    const view = new DataView(log.buffer);
    let infoAt = 2 * BLOCK_INFO_SIZE_BYTES;
    let at = blockListSizeBytes;
    for (let i = from; i < next; i++) {
      const block = blocks[i];
      if (block === undefined) break;
      log.set(block.bytes, at);
      const sector = block.homeOffsetBytes / this.#sectorBytes;
      view.setUint32(infoAt, sector >>> 0, true);
      view.setUint32(infoAt + 4, Math.floor(sector / 2 ** 32), true);
      view.setUint32(infoAt + 8, block.bytes.length, true);
      view.setUint32(infoAt + 12, journalChecksum(log, at, block.bytes.length), true);
      infoAt += BLOCK_INFO_SIZE_BYTES;
      at += block.bytes.length;
    }
    view.setUint16(0, this.#blocksPerList + 1, true);
    view.setUint16(2, next - from + 1, true);
    view.setUint32(4, lengthBytes, true);
    const flags = BLOCK_LIST_FLAG.checksums | (from === 0 ? BLOCK_LIST_FLAG.firstHeader : 0);
    view.setUint32(12, flags, true);
    view.setUint32(28, sequence, true);
    view.setUint32(BLOCK_LIST_CHECKSUM_AT, journalChecksum(log, 0, BLOCK_LIST_CHECKED_BYTES), true);
    return { next, lengthBytes };
  }

  #reserveLog(lengthBytes: number): Uint8Array {
    if (lengthBytes > this.#log.length) {
      this.#log = new Uint8Array(2 ** Math.ceil(Math.log2(lengthBytes)));
    }
    return this.#log;
  }

  #writeRing(offsetBytes: number, data: Uint8Array): void {
    const head = Math.min(data.length, this.#place.sizeBytes - offsetBytes);
    this.#write(offsetBytes, head === data.length ? data : data.subarray(0, head), LABEL_LOG);
    if (head < data.length) this.#write(this.#sectorBytes, data.subarray(head), LABEL_LOG);
  }

  /** What it says counts from the moment the write returns. */
  #writeHeader(startBytes: number, endBytes: number, sequenceNumber: number): void {
    const { sizeBytes, blockListSizeBytes } = this.#place;
    const values = { sizeBytes, blockListSizeBytes, startBytes, endBytes, sequenceNumber };
    const sector = journalHeaderSector(this.#sectorBytes, values);
    this.#write(0, sector, LABEL_HEADER);
    this.#start = startBytes;
    this.#end = endBytes;
    this.#sequence = sequenceNumber;
  }

  #write(offsetBytes: number, data: Uint8Array, label: WriteLabel): void {
    this.#device.write((this.#place.deviceOffsetBytes + offsetBytes) / this.#sectorBytes, data, label);
  }
}

/** The header of a journal, as one sector of the device; little-endian. */
export function journalHeaderSector(
  sectorBytes: number,
  place: Pick<
    JournalPlace,
    'sizeBytes' | 'blockListSizeBytes' | 'startBytes' | 'endBytes' | 'sequenceNumber'
  >,
): Uint8Array {
  const sector = new Uint8Array(sectorBytes);
  JournalHeader.little.write(sector, {
    magic: JOURNAL_MAGIC,
    endian: JOURNAL_ENDIAN,
    startBytes: place.startBytes,
    endBytes: place.endBytes,
    sizeBytes: place.sizeBytes,
    blockListSizeBytes: place.blockListSizeBytes,
    checksum: 0,
    headerSizeBytes: sectorBytes,
    sequenceNumber: place.sequenceNumber,
  });
  const sum = journalChecksum(sector, 0, JOURNAL_HEADER_CHECKED_BYTES);
  viewOf(sector).setUint32(JOURNAL_HEADER_CHECKSUM_AT, sum, true);
  return sector;
}

/** 0 would mean "written before there were sequence numbers". */
const nextSequence = (sequence: number): number => (sequence + 1) % 2 ** 32 || 1;

/** Blocks that the first sector of a list names; 16 bytes of header and the sequence's info come before them. */
const blocksInSector = (sectorBytes: number): number =>
  Math.min(sectorBytes, 512) / BLOCK_INFO_SIZE_BYTES - 2;

function blocksOf(buffers: readonly MetadataBuffer[]): LoggedBlock[] {
  const blocks: LoggedBlock[] = [];
  for (const { bytes, runs } of buffers) {
    let at = 0;
    for (const { deviceOffsetBytes, lengthBytes } of runs) {
      const isWhole = at === 0 && lengthBytes === bytes.length;
      blocks.push({
        bytes: isWhole ? bytes : bytes.subarray(at, at + lengthBytes),
        homeOffsetBytes: deviceOffsetBytes,
      });
      at += lengthBytes;
    }
  }
  return blocks;
}

const JAMMED =
  'the journal is full of changes that the device refused to write to their places: copy what you need';

const LABEL_LOG: WriteLabel = {
  role: 'journal',
  owner: 'journal',
  reason: 'log the new contents of metadata',
};
const LABEL_HEADER: WriteLabel = {
  role: 'journal',
  owner: 'journal header',
  reason: 'say which transactions count',
};
const LABEL_INFO: WriteLabel = {
  role: 'journal',
  owner: 'journal info block',
  reason: 'the journal is initialised',
};
