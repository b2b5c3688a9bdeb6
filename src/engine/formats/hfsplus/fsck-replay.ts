import { viewOf } from '../../base/bytes.ts';
import type { Geometry } from './layout.ts';
import {
  BLOCK_INFO_SIZE_BYTES,
  BLOCK_LIST_CHECKED_BYTES,
  BLOCK_LIST_CHECKSUM_AT,
  BLOCK_LIST_FLAG,
  BlockInfo,
  BlockListHeader,
  journalChecksum,
} from './layout-journal.ts';
import type { Journal } from './fsck-journal.ts';
import type { Medium } from '../../device/medium.ts';

/**
 * What a journal holds, as Apple's driver replays it: from `start`, header by header, past `end` for as long as
 * checksums and sequence numbers go on; a transaction that is not whole is not replayed, nor what follows it.
 * Bounded by the size of the journal: its ring is passed once.
 */
export interface PendingBlock {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
  readonly sequence: number;
}

export interface Transactions {
  readonly blocks: readonly PendingBlock[];
  readonly transactions: number;
  /** Why reading ended before `end`, or null. */
  readonly fault: string | null;
}

export function readTransactions(medium: Medium, geometry: Geometry, journal: Journal): Transactions {
  const ring = new Ring(medium, journal);
  const { startBytes, endBytes, headerSizeBytes } = journal.header;
  const size = ring.sizeBytes;
  const untilEnd = (endBytes - startBytes + size) % size;
  const blocks: PendingBlock[] = [];
  /** Where the transaction that is being read began in `blocks`. */
  let whole = 0;
  let transactions = 0;
  let sequence = -1;
  let passed = 0;
  let fault: string | null = null;
  while (passed < size) {
    const list = readList(ring, journal, startBytes + passed, sequence, size - passed);
    if (typeof list === 'string') {
      if (passed < untilEnd) fault = list;
      break;
    }
    if (list.isFirst || list.sequence !== sequence) {
      whole = blocks.length;
      transactions++;
    }
    sequence = list.sequence;
    const problem = collect(list, ring, geometry, headerSizeBytes, startBytes + passed, blocks);
    if (problem !== null) {
      blocks.length = whole;
      transactions--;
      if (passed < untilEnd) fault = problem;
      break;
    }
    passed += list.bytesUsed;
  }
  return { blocks, transactions, fault };
}

interface BlockList {
  readonly sequence: number;
  readonly isFirst: boolean;
  readonly bytesUsed: number;
  readonly hasChecksums: boolean;
  readonly infos: readonly BlockInfo[];
}

function readList(
  ring: Ring,
  journal: Journal,
  at: number,
  sequence: number,
  room: number,
): BlockList | string {
  const { endian, header } = journal;
  const bytes = ring.read(at, header.blockListSizeBytes);
  const list = BlockListHeader[endian].peek(bytes);
  const copy = bytes.slice(0, BLOCK_LIST_CHECKED_BYTES);
  viewOf(copy).setUint32(BLOCK_LIST_CHECKSUM_AT, 0);
  const place = `the block list at byte ${ring.place(at)} of the journal`;
  if (journalChecksum(copy) !== list.checksum) return `${place} has a wrong checksum`;
  const infosMax = Math.floor(header.blockListSizeBytes / BLOCK_INFO_SIZE_BYTES) - 1;
  if (list.blockCount < 1 || list.blockCount > Math.min(list.maxBlocks, infosMax)) {
    return `${place} says it has ${list.blockCount} blocks`;
  }
  if (list.bytesUsed < header.blockListSizeBytes || list.bytesUsed > room) {
    return `${place} says it is ${list.bytesUsed} bytes long`;
  }
  const infos: BlockInfo[] = [];
  for (let i = 0; i < list.blockCount; i++) {
    infos.push(BlockInfo[endian].peek(bytes, 16 + i * BLOCK_INFO_SIZE_BYTES));
  }
  const own = infos[0]?.checksum ?? 0;
  if (sequence >= 0 && own !== sequence && own !== (sequence + 1) % 2 ** 32 && own !== 0) {
    return `${place} has sequence number ${own} behind ${sequence}`;
  }
  return {
    sequence: own,
    isFirst: (list.flags & BLOCK_LIST_FLAG.firstHeader) !== 0,
    bytesUsed: list.bytesUsed,
    hasChecksums: (list.flags & BLOCK_LIST_FLAG.checksums) !== 0,
    infos: infos.slice(1),
  };
}

/** Null, or why a block of the list cannot be replayed. */
function collect(
  list: BlockList,
  ring: Ring,
  geometry: Geometry,
  sectorBytes: number,
  at: number,
  blocks: PendingBlock[],
): string | null {
  let from = at + ring.listSizeBytes;
  const end = at + list.bytesUsed;
  for (const info of list.infos) {
    if (from + info.sizeBytes > end) return `a block of ${info.sizeBytes} bytes ends beyond its list`;
    if (info.sector < WITHDRAWN) {
      const offset = info.sector * sectorBytes;
      if (offset + info.sizeBytes > geometry.volumeSizeBytes)
        return `a block for sector ${info.sector} lies outside the volume`;
      const bytes = ring.read(from, info.sizeBytes);
      if (list.hasChecksums && info.checksum !== 0 && journalChecksum(bytes) !== info.checksum) {
        return `the block for sector ${info.sector} has a wrong checksum`;
      }
      blocks.push({ offsetBytes: geometry.volumeOffsetBytes + offset, bytes, sequence: list.sequence });
    }
    from += info.sizeBytes;
  }
  return null;
}

/** All ones, as the nearest double. */
const WITHDRAWN = 2 ** 63;

/** The bytes behind the journal header, over and over. Positions count from the start of the header. */
class Ring {
  readonly sizeBytes: number;
  readonly listSizeBytes: number;
  readonly #medium: Medium;
  readonly #firstBytes: number;
  readonly #headerBytes: number;

  constructor(medium: Medium, journal: Journal) {
    this.#medium = medium;
    this.#headerBytes = journal.header.headerSizeBytes;
    this.#firstBytes = journal.offsetBytes + this.#headerBytes;
    this.sizeBytes = journal.sizeBytes - this.#headerBytes;
    this.listSizeBytes = journal.header.blockListSizeBytes;
  }

  place(at: number): number {
    return this.#headerBytes + ((at - this.#headerBytes) % this.sizeBytes);
  }

  /** At most once around. */
  read(at: number, lengthBytes: number): Uint8Array {
    const from = this.place(at) - this.#headerBytes;
    const first = Math.min(lengthBytes, this.sizeBytes - from);
    const bytes = this.#medium.read(this.#firstBytes + from, first);
    if (first === lengthBytes) return bytes;
    const all = new Uint8Array(lengthBytes);
    all.set(bytes);
    all.set(this.#medium.read(this.#firstBytes, lengthBytes - first), first);
    return all;
  }
}
