import { viewOf } from '../../base/bytes.ts';
import type { Endian } from '../../codec/struct.ts';
import type { Geometry } from './layout.ts';
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
  JOURNAL_HEADER_SIZE_BYTES,
  JOURNAL_INFO_FLAG,
  JOURNAL_INFO_SIZE_BYTES,
  JOURNAL_MAGIC,
  JournalHeader,
  JournalInfoBlock,
  KILLED_BLOCK_HALF,
  journalChecksum,
} from './layout-journal.ts';
import type { Medium } from '../../device/medium.ts';

/**
 * The journal for those who explain it: its header and every block list in the ring, each with what became of it.
 * Transactions begin at `start`; behind `end` a careful reader still finds some whose header update was lost, then
 * older ones, already written home, until the ring closes. Damage ends a stretch, the search goes on sector by sector.
 */
export type ListState =
  /** Between start and end: to be replayed. */
  | 'pending'
  /** Behind the end, sequence goes on: the header was not updated any more, replayed all the same. */
  | 'beyond the end'
  /** Home long since; the ring has not come round to overwrite it. */
  | 'older';

/** One block list header and the blocks behind it. Offsets count from the start of the journal. */
export interface BlockList {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly header: BlockListHeader;
  readonly sequence: number;
  readonly isFirst: boolean;
  readonly state: ListState;
}

export interface LoggedBlock {
  readonly number: number;
  /** Where its copy begins in the journal; it may go on at the ring's beginning. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  /** Where it belongs, counted from the start of the device; −1: withdrawn. */
  readonly homeOffsetBytes: number;
  readonly checksum: number;
}

/** So many sectors that are no block list are looked at; a larger ring of rubbish is not searched to its end. */
const STRANGE_SECTORS_MAX = 65_536;

/** Larger ones no computer writes: max_blocks has 16 bits. */
const SECTOR_SIZE_BYTES_MAX = 65_536;
const BLOCK_LIST_SIZE_BYTES_MAX = 1 << 20;

export class ViewJournal {
  /** First byte on the device, and length, of the journal itself. */
  readonly offsetBytes: number;
  readonly sizeBytes: number;
  readonly endian: Endian;
  /** Null when no header stands there (a journal not initialised yet, or damage). */
  readonly header: JournalHeader | null;
  /** Bytes of header and sectors. */
  readonly sectorSizeBytes: number;
  #lists: readonly BlockList[] | null = null;

  constructor(
    readonly medium: Medium,
    readonly geometry: Geometry,
    readonly info: JournalInfoBlock,
    deviceBlockSizeBytes: number,
  ) {
    this.offsetBytes = geometry.volumeOffsetBytes + info.offsetBytes;
    this.sizeBytes = info.sizeBytes;
    const start = medium.read(this.offsetBytes, JOURNAL_HEADER_SIZE_BYTES);
    this.endian = viewOf(start).getUint32(0) === JOURNAL_MAGIC ? 'big' : 'little';
    const header = JournalHeader[this.endian].peek(start);
    const { headerSizeBytes, sizeBytes, blockListSizeBytes } = header;
    const isHeader =
      header.magic === JOURNAL_MAGIC &&
      header.endian === JOURNAL_ENDIAN &&
      sizeBytes === this.sizeBytes &&
      headerSizeBytes >= 512 &&
      headerSizeBytes % 512 === 0 &&
      headerSizeBytes <= SECTOR_SIZE_BYTES_MAX &&
      headerSizeBytes < sizeBytes &&
      blockListSizeBytes >= BLOCK_LIST_CHECKED_BYTES &&
      blockListSizeBytes <= BLOCK_LIST_SIZE_BYTES_MAX &&
      blockListSizeBytes < sizeBytes;
    this.header = isHeader ? header : null;
    this.sectorSizeBytes = isHeader ? headerSizeBytes : deviceBlockSizeBytes;
  }

  get isHeaderChecksumRight(): boolean {
    const bytes = this.medium.read(this.offsetBytes, JOURNAL_HEADER_CHECKED_BYTES).slice();
    bytes.fill(0, JOURNAL_HEADER_CHECKSUM_AT, JOURNAL_HEADER_CHECKSUM_AT + 4);
    return journalChecksum(bytes) === this.header?.checksum;
  }

  /** In the order in which a replay would meet them: from `start` once round the ring. */
  get lists(): readonly BlockList[] {
    this.#lists ??= this.header ? this.#search(this.header) : [];
    return this.#lists;
  }

  /** The list whose header or blocks hold byte `offsetBytes` of the journal. */
  listAt(offsetBytes: number): BlockList | undefined {
    return this.lists.find(
      (list) =>
        this.distance(list.offsetBytes, offsetBytes) < list.lengthBytes &&
        offsetBytes >= this.sectorSizeBytes,
    );
  }

  /** Bytes from one place of the ring onward to another. */
  distance(from: number, to: number): number {
    const ring = this.sizeBytes - this.sectorSizeBytes;
    return (((to - from) % ring) + ring) % ring;
  }

  advance(offsetBytes: number, lengthBytes: number): number {
    const ring = this.sizeBytes - this.sectorSizeBytes;
    return this.sectorSizeBytes + ((offsetBytes - this.sectorSizeBytes + lengthBytes) % ring);
  }

  /** Bytes of the ring, which go on at its beginning behind its end. */
  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    const straight = Math.min(lengthBytes, this.sizeBytes - offsetBytes);
    if (straight === lengthBytes) return this.medium.read(this.offsetBytes + offsetBytes, lengthBytes);
    const into = new Uint8Array(lengthBytes);
    into.set(this.medium.read(this.offsetBytes + offsetBytes, straight));
    const rest = Math.min(lengthBytes - straight, this.sizeBytes - this.sectorSizeBytes);
    into.set(this.medium.read(this.offsetBytes + this.sectorSizeBytes, rest), straight);
    return into;
  }

  /** The blocks of a list, without info 0, which is none. */
  blocksOf(list: BlockList): LoggedBlock[] {
    const headerBytes = this.header?.blockListSizeBytes ?? 0;
    const bytes = this.read(list.offsetBytes, headerBytes);
    const blocks: LoggedBlock[] = [];
    let behind = headerBytes;
    for (let number = 1; number < list.header.blockCount; number++) {
      const at = BLOCK_LIST_HEADER_SIZE_BYTES + number * BLOCK_INFO_SIZE_BYTES;
      const { sector, sizeBytes, checksum } = BlockInfo[this.endian].peek(bytes, at);
      if (behind + sizeBytes > list.lengthBytes) break;
      const isWithdrawn = sector >= KILLED_BLOCK_HALF * 2 ** 32;
      blocks.push({
        number,
        offsetBytes: this.advance(list.offsetBytes, behind),
        sizeBytes,
        homeOffsetBytes: isWithdrawn ? -1 : this.geometry.volumeOffsetBytes + sector * this.sectorSizeBytes,
        checksum,
      });
      behind += sizeBytes;
    }
    return blocks;
  }

  /** 'right', 'wrong', or 'none' where the list has no checksums of blocks. */
  checksumOf(list: BlockList, block: LoggedBlock): 'right' | 'wrong' | 'none' {
    if ((list.header.flags & BLOCK_LIST_FLAG.checksums) === 0 || block.checksum === 0) return 'none';
    const bytes = this.read(block.offsetBytes, block.sizeBytes);
    return journalChecksum(bytes) === block.checksum ? 'right' : 'wrong';
  }

  #search(header: JournalHeader): BlockList[] {
    const { sectorSizeBytes, sizeBytes } = this;
    const ring = sizeBytes - sectorSizeBytes;
    const isInside = (offset: number): boolean =>
      offset >= sectorSizeBytes && offset <= sizeBytes && offset % 512 === 0;
    const startsAt = isInside(header.startBytes) ? this.advance(header.startBytes, 0) : sectorSizeBytes;
    const pendingBytes =
      isInside(header.startBytes) && isInside(header.endBytes)
        ? this.distance(startsAt, this.advance(header.endBytes, 0))
        : 0;

    const lists: BlockList[] = [];
    let strange = 0;
    let isGoingOn = pendingBytes > 0;
    for (let done = 0; done < ring && strange < STRANGE_SECTORS_MAX;) {
      const at = this.advance(startsAt, done);
      const sequence = lists.at(-1)?.sequence ?? -1;
      const found = this.#listAt(at, ring - done);
      if (!found) {
        strange++;
        isGoingOn &&= done < pendingBytes;
        done += this.#emptyFrom(at, ring - done);
        continue;
      }
      if (done >= pendingBytes) {
        isGoingOn &&= found.sequence === sequence || found.sequence === sequence + 1;
      }
      const state = done < pendingBytes ? 'pending' : isGoingOn ? 'beyond the end' : 'older';
      lists.push({ ...found, state });
      done += Math.ceil(found.lengthBytes / 512) * 512;
    }
    return lists;
  }

  /** Bytes to step over from a sector that begins no list: to the next sector that may hold something. */
  #emptyFrom(at: number, left: number): number {
    const next = this.sectorSizeBytes - (at % this.sectorSizeBytes);
    const from = at + next;
    if (from >= this.sizeBytes) return Math.min(this.sizeBytes - at, left);
    const stored = this.medium.nextStored(this.offsetBytes + from) - this.offsetBytes;
    const sector = Math.floor(Math.min(stored, this.sizeBytes) / this.sectorSizeBytes) * this.sectorSizeBytes;
    return Math.min(Math.max(sector, from) - at, left);
  }

  #listAt(at: number, left: number): Omit<BlockList, 'state'> | null {
    const headerBytes = this.header?.blockListSizeBytes ?? 0;
    const bytes = this.read(at, BLOCK_LIST_CHECKED_BYTES).slice();
    const header = BlockListHeader[this.endian].peek(bytes);
    const { maxBlocks, blockCount, bytesUsed } = header;
    if (blockCount < 1 || blockCount > maxBlocks || bytesUsed < headerBytes || bytesUsed > left) return null;
    if (BLOCK_LIST_HEADER_SIZE_BYTES + blockCount * BLOCK_INFO_SIZE_BYTES > headerBytes) return null;
    const sequence = BlockInfo[this.endian].peek(bytes, BLOCK_LIST_HEADER_SIZE_BYTES).checksum;
    bytes.fill(0, BLOCK_LIST_CHECKSUM_AT, BLOCK_LIST_CHECKSUM_AT + 4);
    if (journalChecksum(bytes) !== header.checksum) return null;
    const isFirst = (header.flags & BLOCK_LIST_FLAG.firstHeader) !== 0;
    return { offsetBytes: at, lengthBytes: bytesUsed, header, sequence, isFirst };
  }
}

/** The journal that an info block speaks of, or a sentence on why there is none to show. */
export function journalOf(
  medium: Medium,
  geometry: Geometry,
  infoBlock: number,
  deviceBlockSizeBytes: number,
): ViewJournal | string {
  if (infoBlock >= geometry.totalBlocks) return `the journal info block ${infoBlock} lies outside the volume`;
  const at = geometry.volumeOffsetBytes + infoBlock * geometry.blockSizeBytes;
  const info = JournalInfoBlock.peek(medium.read(at, JOURNAL_INFO_SIZE_BYTES));
  if ((info.flags & JOURNAL_INFO_FLAG.inVolume) === 0) return 'the journal is not in this volume';
  const end = info.offsetBytes + info.sizeBytes;
  if (info.offsetBytes === 0 || info.sizeBytes < 1024 || end > geometry.volumeSizeBytes) {
    return `the info block says a journal of ${info.sizeBytes} bytes at byte ${info.offsetBytes}, which cannot be`;
  }
  return new ViewJournal(medium, geometry, info, deviceBlockSizeBytes);
}
