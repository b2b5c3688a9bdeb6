import { viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import { inflate } from '../../codec/zlib.ts';

/**
 * Files that macOS stored compressed: the data fork is empty, the flag UF_COMPRESSED is set, and the attribute
 * com.apple.decmpfs says how long the file is and holds its bytes, or says that they lie in the resource fork, in
 * blocks of 64 KiB, each compressed for itself. All numbers are little-endian, unlike everything else on HFS+.
 *
 * Nothing stated on the disk is believed: a header may promise any size, but memory is only taken for what is read,
 * never more than one block (or an attribute that zlib could have made that long), and every block must give exactly
 * the bytes it owes and their checksum. Sources: apple-oss-distributions/xnu, bsd/sys/decmpfs.h and
 * bsd/kern/decmpfs.c; the layout in the resource fork: TN1150 does not know it, afsctool and xnu's users do.
 */
export const DECMPFS_NAME = 'com.apple.decmpfs';

const HEADER_SIZE_BYTES = 16;
/** 'cmpf' as a little-endian number. */
const MAGIC = 0x636d_7066;
const BLOCK_SIZE_BYTES = 65_536;
/** zlib makes at most 1,032 bytes of one. */
const ZLIB_GROWTH_MAX = 1032;
/** Of one block in the resource fork; one that did not shrink is stored as it is, with a byte before it. */
const STORED_BLOCK_BYTES_MAX = BLOCK_SIZE_BYTES + 4096;
/** The header of a resource fork, big-endian, and what precedes the table of blocks: its length. */
const FORK_HEADER_SIZE_BYTES = 16;
const FORK_LENGTH_SIZE_BYTES = 4;
const TABLE_ENTRY_SIZE_BYTES = 8;

const METHOD = { storedInAttribute: 1, zlibInAttribute: 3, zlibInFork: 4 } as const;

/** What other numbers of the header stand for, as far as it is public. */
const FOREIGN_METHODS: Readonly<Record<number, string>> = {
  5: 'the store of document generations',
  7: 'LZVN, in the attribute',
  8: 'LZVN, in the resource fork',
  9: 'uncompressed chunks, in the attribute',
  10: 'uncompressed chunks, in the resource fork',
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

  readonly #method: number;
  readonly #value: Uint8Array;
  readonly #fork: CompressedFork;
  #table: Uint8Array | undefined;
  /** Where offsets of the table count from. */
  #tableOffsetBytes = 0;
  #blockIndex = -1;
  #block: Uint8Array = NO_BYTES;

  private constructor(sizeBytes: number, method: number, value: Uint8Array, fork: CompressedFork) {
    this.sizeBytes = sizeBytes;
    this.#method = method;
    this.#value = value;
    this.#fork = fork;
    this.isInFork = method === METHOD.zlibInFork || /resource fork/.test(FOREIGN_METHODS[method] ?? '');
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
    for (let done = 0; done < length;) {
      const offset = offsetBytes + done;
      const block = this.#method === METHOD.zlibInFork ? this.#blockOf(offset) : this.#wholeFile();
      const start = this.#method === METHOD.zlibInFork ? offset % BLOCK_SIZE_BYTES : offset;
      const part = block.subarray(start, start + length - done);
      into.set(part, done);
      done += part.length;
    }
    return length;
  }

  /** The file whose bytes stand in the attribute itself. */
  #wholeFile(): Uint8Array {
    if (this.#blockIndex === 0) return this.#block;
    const stored = this.#value.subarray(HEADER_SIZE_BYTES);
    if (this.#method === METHOD.storedInAttribute) {
      if (stored.length < this.sizeBytes) throw damaged('its attribute is shorter than the file');
      this.#block = stored.subarray(0, this.sizeBytes);
    } else if (this.#method === METHOD.zlibInAttribute) {
      this.#block = inflated(stored, this.sizeBytes);
    } else {
      const name = FOREIGN_METHODS[this.#method] ?? 'not a public one';
      const detail =
        `the file is compressed with method ${this.#method} (${name}); ` +
        'this volume reads zlib only (methods 3 and 4): copy the file on a Mac, which stores it uncompressed';
      throw new FsError('ENOTSUP', '', '', detail);
    }
    this.#blockIndex = 0;
    return this.#block;
  }

  /** The unpacked block of 64 KiB around byte `offsetBytes`. */
  #blockOf(offsetBytes: number): Uint8Array {
    const index = Math.floor(offsetBytes / BLOCK_SIZE_BYTES);
    if (this.#blockIndex === index) return this.#block;
    const table = (this.#table ??= this.#readTable());
    const view = viewOf(table);
    const at = index * TABLE_ENTRY_SIZE_BYTES;
    const start = this.#tableOffsetBytes + view.getUint32(at, true);
    const storedBytes = view.getUint32(at + 4, true);
    if (storedBytes > STORED_BLOCK_BYTES_MAX || start + storedBytes > this.#fork.sizeBytes) {
      throw damaged(`block ${index} lies outside the resource fork or is longer than a block can be`);
    }
    const stored = new Uint8Array(storedBytes);
    this.#fork.read(start, stored);
    this.#block = inflated(stored, Math.min(BLOCK_SIZE_BYTES, this.sizeBytes - index * BLOCK_SIZE_BYTES));
    this.#blockIndex = index;
    return this.#block;
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

/** Exactly `wantedBytes` bytes: what follows a byte ending in F as it is, everything else through zlib. */
function inflated(stored: Uint8Array, wantedBytes: number): Uint8Array {
  const first = stored[0];
  if (first === undefined) throw damaged('a block of it is empty');
  if ((first & 0xf) === 0xf) {
    if (stored.length - 1 < wantedBytes) throw damaged('a block of it that is not compressed is too short');
    return stored.subarray(1, 1 + wantedBytes);
  }
  if (wantedBytes > stored.length * ZLIB_GROWTH_MAX) {
    throw damaged(`${stored.length} compressed bytes cannot become ${wantedBytes}`);
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
