import { viewOf } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import { unpackLzvn } from './lzvn.ts';
import { inflate } from './zlib.ts';

/**
 * Files that macOS stored compressed: the data fork is empty, the flag UF_COMPRESSED is set, and the attribute
 * com.apple.decmpfs says how long the file is and holds its bytes, or says that they lie in the resource fork, in
 * blocks of 64 KiB, each compressed for itself. All numbers are little-endian, on HFS+ as on APFS.
 *
 * Nothing stated on the disk is believed: a header may promise any size, but memory is only taken for what is read,
 * never more than one block (or an attribute that zlib could have made that long), and every block must give exactly
 * the bytes it owes and their checksum. Sources: apple-oss-distributions/xnu, bsd/sys/decmpfs.h and
 * bsd/kern/decmpfs.c; the table of blocks in the resource fork is documented by its readers (afsctool, The Sleuth Kit).
 */
export const DECMPFS_NAME = 'com.apple.decmpfs';

const HEADER_SIZE_BYTES = 16;
/** 'cmpf' as a little-endian number. */
const MAGIC = 0x636d_7066;
const BLOCK_SIZE_BYTES = 65_536;
/** zlib makes at most 1,032 bytes of one; LZVN 271 of two. */
const GROWTH_MAX = 1032;
/** The end mark of LZVN: nothing can be compressed behind it. */
const LZVN_END = 0x06;
/** Of one block in the resource fork; one that did not shrink is stored as it is, with a byte before it. */
const STORED_BLOCK_BYTES_MAX = BLOCK_SIZE_BYTES + 4096;
/** The header of a resource fork, big-endian, and what precedes the table of blocks: its length. */
const FORK_HEADER_SIZE_BYTES = 16;
const FORK_LENGTH_SIZE_BYTES = 4;
const TABLE_ENTRY_SIZE_BYTES = 8;

/** `plain`: as it is behind one byte, block by block; `none`: as it is. */
type Codec = 'none' | 'plain' | 'zlib' | 'lzvn';

interface Method {
  readonly codec: Codec;
  readonly isInFork: boolean;
}

const METHODS: Readonly<Record<number, Method>> = {
  1: { codec: 'none', isInFork: false },
  3: { codec: 'zlib', isInFork: false },
  4: { codec: 'zlib', isInFork: true },
  7: { codec: 'lzvn', isInFork: false },
  8: { codec: 'lzvn', isInFork: true },
  9: { codec: 'plain', isInFork: false },
  10: { codec: 'plain', isInFork: true },
};

/** What other numbers of the header stand for, as far as it is public. */
const FOREIGN_METHODS: Readonly<Record<number, string>> = {
  5: 'the store of document generations',
  11: 'LZFSE, in the attribute',
  12: 'LZFSE, in the resource fork',
  13: 'LZBITMAP, in the attribute',
  14: 'LZBITMAP, in the resource fork',
  [0x8000_0001]: 'contents kept elsewhere (dataless)',
};

/** The resource fork of a compressed file, as far as this file needs one. */
export interface CompressedFork {
  readonly sizeBytes: number;
  /** Fill `into` from `offsetBytes`; what is asked for lies within `sizeBytes`. */
  read(offsetBytes: number, into: Uint8Array): void;
}

/** One compressed file, open for reading. Remembers what it unpacked last. */
export class CompressedFile {
  /** What the header says; the true length when every block proves right. */
  readonly sizeBytes: number;
  /** Do the bytes lie in the resource fork? Then that fork is not shown as an attribute. */
  readonly isInFork: boolean;

  readonly #methodNumber: number;
  readonly #method: Method | undefined;
  readonly #value: Uint8Array;
  readonly #fork: CompressedFork;
  #table: Uint8Array | undefined;
  /** Where offsets of the table count from. */
  #tableOffsetBytes = 0;
  #blockIndex = -1;
  #block: Uint8Array = NO_BYTES;

  private constructor(sizeBytes: number, method: number, value: Uint8Array, fork: CompressedFork) {
    this.sizeBytes = sizeBytes;
    this.#methodNumber = method;
    this.#method = METHODS[method];
    this.#value = value;
    this.#fork = fork;
    this.isInFork = this.#method?.isInFork ?? /resource fork/.test(FOREIGN_METHODS[method] ?? '');
  }

  /** undefined when `value` is no such header: then, as on macOS, the file is what its data fork holds. */
  static open(value: Uint8Array, fork: CompressedFork): CompressedFile | undefined {
    if (value.length < HEADER_SIZE_BYTES) return undefined;
    const view = viewOf(value);
    if (view.getUint32(0, true) !== MAGIC) return undefined;
    const sizeBytes = view.getUint32(12, true) * 2 ** 32 + view.getUint32(8, true);
    if (!Number.isSafeInteger(sizeBytes)) return undefined;
    return new CompressedFile(sizeBytes, view.getUint32(4, true), value, fork);
  }

  /** Fills `into` from `offsetBytes`; returns how many bytes there were. ENOTSUP for a foreign method, EIO for damage. */
  read(offsetBytes: number, into: Uint8Array): number {
    const length = Math.max(Math.min(into.length, this.sizeBytes - offsetBytes), 0);
    if (length === 0) return 0;
    const method = this.#method;
    if (method === undefined) throw this.#foreign();
    for (let done = 0; done < length;) {
      const offset = offsetBytes + done;
      const block = method.isInFork ? this.#blockOf(offset, method.codec) : this.#wholeFile(method.codec);
      const start = method.isInFork ? offset % BLOCK_SIZE_BYTES : offset;
      const part = block.subarray(start, start + length - done);
      into.set(part, done);
      done += part.length;
    }
    return length;
  }

  /** The file whose bytes stand in the attribute itself. */
  #wholeFile(codec: Codec): Uint8Array {
    if (this.#blockIndex === 0) return this.#block;
    const stored = this.#value.subarray(HEADER_SIZE_BYTES);
    this.#block = unpacked(codec, stored, this.sizeBytes);
    this.#blockIndex = 0;
    return this.#block;
  }

  #foreign(): FsError {
    const name = FOREIGN_METHODS[this.#methodNumber] ?? 'not a public one';
    const detail =
      `the file is compressed with method ${this.#methodNumber} (${name}); here zlib, LZVN and plain blocks are read ` +
      '(methods 1, 3, 4 and 7 to 10): copy the file on a Mac, which stores it uncompressed';
    return new FsError('ENOTSUP', '', '', detail);
  }

  /** The unpacked block of 64 KiB around byte `offsetBytes`. */
  #blockOf(offsetBytes: number, codec: Codec): Uint8Array {
    const index = Math.floor(offsetBytes / BLOCK_SIZE_BYTES);
    if (this.#blockIndex === index) return this.#block;
    const { start, storedBytes } = codec === 'lzvn' ? this.#placeByOffsets(index) : this.#placeByTable(index);
    if (
      storedBytes < 0 ||
      storedBytes > STORED_BLOCK_BYTES_MAX ||
      start + storedBytes > this.#fork.sizeBytes
    ) {
      throw damaged(`block ${index} lies outside the resource fork or is longer than a block can be`);
    }
    const stored = new Uint8Array(storedBytes);
    this.#fork.read(start, stored);
    this.#block = unpacked(
      codec,
      stored,
      Math.min(BLOCK_SIZE_BYTES, this.sizeBytes - index * BLOCK_SIZE_BYTES),
    );
    this.#blockIndex = index;
    return this.#block;
  }

  #placeByTable(index: number): { start: number; storedBytes: number } {
    const view = viewOf((this.#table ??= this.#readTable()));
    const at = index * TABLE_ENTRY_SIZE_BYTES;
    const start = this.#tableOffsetBytes + view.getUint32(at, true);
    return { start, storedBytes: view.getUint32(at + 4, true) };
  }

  /** LZVN has no resource header: the fork begins with the offsets of all blocks and of their end. */
  #placeByOffsets(index: number): { start: number; storedBytes: number } {
    const blockCount = Math.ceil(this.sizeBytes / BLOCK_SIZE_BYTES);
    const tableBytes = (blockCount + 1) * 4;
    if (tableBytes > this.#fork.sizeBytes) throw damaged('its resource fork is too short for its blocks');
    const offsets = new Uint8Array(8);
    this.#fork.read(index * 4, offsets);
    const start = viewOf(offsets).getUint32(0, true);
    if (start < tableBytes) throw damaged(`block ${index} lies among the offsets of the blocks`);
    return { start, storedBytes: viewOf(offsets).getUint32(4, true) - start };
  }

  /** The table says of each block where it is and how long. It must fit in the fork and match the size stated. */
  #readTable(): Uint8Array {
    const blockCount = Math.ceil(this.sizeBytes / BLOCK_SIZE_BYTES);
    const { sizeBytes } = this.#fork;
    if (sizeBytes < FORK_HEADER_SIZE_BYTES) throw damaged('its resource fork has no header');
    const head = new Uint8Array(FORK_HEADER_SIZE_BYTES);
    this.#fork.read(0, head);
    this.#tableOffsetBytes = viewOf(head).getUint32(0) + FORK_LENGTH_SIZE_BYTES;
    const firstEntry = this.#tableOffsetBytes + 4;
    const tableBytes = blockCount * TABLE_ENTRY_SIZE_BYTES;
    if (firstEntry + tableBytes > sizeBytes) throw damaged('its resource fork is too short for its blocks');
    const count = new Uint8Array(4);
    this.#fork.read(this.#tableOffsetBytes, count);
    const stated = viewOf(count).getUint32(0, true);
    if (stated !== blockCount) {
      throw damaged(
        `its resource fork holds ${stated} blocks, a file of ${this.sizeBytes} bytes has ${blockCount}`,
      );
    }
    const table = new Uint8Array(tableBytes);
    this.#fork.read(firstEntry, table);
    return table;
  }
}

/** Exactly `wantedBytes` bytes. A block that did not shrink stands as it is behind a byte that no stream begins with. */
function unpacked(codec: Codec, stored: Uint8Array, wantedBytes: number): Uint8Array {
  if (codec === 'none') {
    if (stored.length < wantedBytes) throw damaged('its attribute is shorter than the file');
    return stored.subarray(0, wantedBytes);
  }
  const first = stored[0];
  if (first === undefined) throw damaged('a block of it is empty');
  const isStored = codec === 'zlib' ? (first & 0xf) === 0xf : codec === 'plain' || first === LZVN_END;
  if (isStored) {
    if (stored.length - 1 < wantedBytes) throw damaged('a block of it that is not compressed is too short');
    return stored.subarray(1, 1 + wantedBytes);
  }
  if (wantedBytes > stored.length * GROWTH_MAX) {
    throw damaged(`${stored.length} compressed bytes cannot become ${wantedBytes}`);
  }
  if (codec === 'lzvn') {
    const result = unpackLzvn(stored, wantedBytes);
    if (result === null) throw damaged(`a block of it does not unpack to ${wantedBytes} bytes`);
    return result;
  }
  // Header of two bytes, one at least of contents, checksum of four.
  const result = stored.length < 7 ? null : inflate(stored, wantedBytes);
  if (result === null) throw damaged(`a block of it does not unpack to ${wantedBytes} bytes`);
  if (adler32(result) !== viewOf(stored).getUint32(stored.length - 4)) {
    throw damaged('the checksum of a block of it is wrong');
  }
  return result;
}

/** The sum at the end of a zlib stream, RFC 1950, section 9. */
function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (let at = 0; at < bytes.length;) {
    // As many as never overflow 32 bits before the remainder is taken.
    for (const end = Math.min(at + 3800, bytes.length); at < end; at++) {
      low += bytes[at] ?? 0;
      high += low;
    }
    low %= 65_521;
    high %= 65_521;
  }
  return high * 65_536 + low;
}

const NO_BYTES = new Uint8Array(0);
const damaged = (why: string): FsError =>
  new FsError('EIO', '', '', `the compressed file is damaged: ${why}`);
