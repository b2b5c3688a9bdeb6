import { viewOf } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import { hex } from '../codec/struct.ts';
import { inflate } from '../codec/zlib.ts';
import type { Backing } from './store.ts';
import {
  CHUNK_ENTRY_BYTES,
  COMMENT,
  IGNORED,
  RAW,
  SECTOR_BYTES,
  TABLE_HEAD_BYTES,
  TableHead,
  TERMINATOR,
  Trailer,
  TRAILER_BYTES,
  ZERO,
  ZLIB,
} from './udif-layout.ts';
import { blockTables } from './udif-plist.ts';

/**
 * Disk images of macOS (`.dmg`): a trailer at the end of the file ("koly") leads to a property list whose block tables
 * ("mish") say for every run of sectors where it lies in the file and how it is packed. Opened for reading, chunk by
 * chunk when somebody looks; raw (UDRW), zero and zlib (UDZO) chunks. Checksums are not verified.
 *
 * Apple has not published the format; the fields are as every known reader of it has them, and as found in images
 * made by hdiutil.
 */
/** hdiutil makes chunks of 256 KiB to 1 MiB; what claims to be far larger is damage. */
const CHUNK_BYTES_MAX = 64 * 2 ** 20;
const PLIST_BYTES_MAX = 64 * 2 ** 20;
const CHUNKS_MAX = 2 ** 20;
const CACHE_BYTES = 32 * 2 ** 20;

const CODEC_NAMES: ReadonlyMap<number, string> = new Map([
  [0x8000_0004, 'ADC (UDCO)'],
  [0x8000_0006, 'bzip2 (UDBZ)'],
  [0x8000_0007, 'LZFSE (ULFO)'],
  [0x8000_0008, 'LZMA (ULMO)'],
]);

/** What every sentence about an image that we cannot open ends with. */
const ADVICE = 'on a Mac, `hdiutil convert IMAGE -format UDZO -o NEW.dmg` makes one that can be opened';

interface Chunk {
  readonly kind: number;
  readonly firstByte: number;
  readonly lengthBytes: number;
  readonly fileOffsetBytes: number;
  readonly storedBytes: number;
}

/**
 * The disk inside `file`, or null when it is no UDIF image. FsError EFTYPE with a sentence when it is one that cannot be
 * opened: encrypted, in several files, damaged, or packed with a codec that is not known here (the codec is named).
 */
export function openUdif(file: Backing, name: string): Backing | null {
  const refuse = (detail: string) => new FsError('EFTYPE', 'open', name, detail);
  if (file.sizeBytes < TRAILER_BYTES) return null;
  if (startsWith(file, 'encrcdsa')) {
    throw refuse('the disk image is encrypted; `hdiutil convert` on a Mac makes an open copy of it');
  }
  const block = new Uint8Array(TRAILER_BYTES);
  file.read(file.sizeBytes - TRAILER_BYTES, block);
  if (!startsWithText(block, 'koly')) return null;
  const trailer = readTrailer(block);
  if (trailer === null) throw refuse('its trailer is damaged: an offset is beyond 2^53');
  if (trailer.segmentCount > 1) {
    throw refuse(`it is part ${trailer.segmentNumber} of ${trailer.segmentCount}; ${ADVICE}`);
  }
  const { plistOffset, plistLength, dataForkOffset } = trailer;
  if (plistLength === 0) throw refuse(`it has no property list, only a resource fork; ${ADVICE}`);
  if (plistLength > PLIST_BYTES_MAX || plistOffset + plistLength > file.sizeBytes) {
    throw refuse('its property list lies outside the file; it may have been cut short');
  }
  const plist = new Uint8Array(plistLength);
  file.read(plistOffset, plist);
  const chunks: Chunk[] = [];
  for (const table of blockTables(plist)) {
    const trouble = readTable(table, dataForkOffset, file.sizeBytes, chunks);
    if (trouble !== null) throw refuse(trouble);
  }
  if (chunks.length === 0) throw refuse('its property list names no blocks; it may be damaged');
  chunks.sort((a, b) => a.firstByte - b.firstByte);
  const overlap = chunks.find((chunk, i) => chunk.firstByte < endOf(chunks[i - 1]));
  if (overlap !== undefined) {
    throw refuse(`two of its chunks hold sector ${overlap.firstByte / SECTOR_BYTES}; it is damaged`);
  }
  const sizeBytes = Math.max(trailer.sectorCount * SECTOR_BYTES, endOf(chunks.at(-1)));
  return new UdifDisk(file, name, sizeBytes, chunks);
}

const endOf = (chunk: Chunk | undefined): number =>
  chunk === undefined ? 0 : chunk.firstByte + chunk.lengthBytes;

/** Null where a number does not fit 53 bits. */
function readTrailer(block: Uint8Array) {
  const view = viewOf(block);
  const at = Trailer.fields;
  const longs = [at.dataForkOffset, at.plistOffset, at.plistLength, at.sectorCount];
  return longs.some((field) => view.getUint32(field.at) >= 2 ** 20) ? null : Trailer.peek(block);
}

/** Adds the table's chunks; a sentence when it cannot be believed or unpacked. */
function readTable(
  table: Uint8Array,
  dataForkOffset: number,
  fileBytes: number,
  into: Chunk[],
): string | null {
  if (table.length < TABLE_HEAD_BYTES || !startsWithText(table, 'mish')) return 'a block table is damaged';
  const head = TableHead.peek(table);
  const view = viewOf(table);
  if (TABLE_HEAD_BYTES + head.chunkCount * CHUNK_ENTRY_BYTES > table.length)
    return 'a block table is cut short';
  for (let i = 0; i < head.chunkCount; i++) {
    const at = TABLE_HEAD_BYTES + i * CHUNK_ENTRY_BYTES;
    const kind = view.getUint32(at);
    if (kind === TERMINATOR) break;
    if (kind === COMMENT) continue;
    const codec = CODEC_NAMES.get(kind);
    if (codec !== undefined) return `it is packed with ${codec}, which is not read here; ${ADVICE}`;
    if (![ZERO, RAW, IGNORED, ZLIB].includes(kind)) {
      return `it has chunks of kind ${hex(kind)}, which is not known here; ${ADVICE}`;
    }
    const long = (offset: number) => view.getUint32(at + offset) * 2 ** 32 + view.getUint32(at + offset + 4);
    const chunk: Chunk = {
      kind,
      firstByte: (head.firstSector + long(8)) * SECTOR_BYTES,
      lengthBytes: long(16) * SECTOR_BYTES,
      fileOffsetBytes: dataForkOffset + head.dataOffset + long(24),
      storedBytes: long(32),
    };
    if (chunk.lengthBytes === 0) continue;
    if (!Number.isSafeInteger(endOf(chunk))) return `chunk ${i} of a block table lies beyond any disk`;
    if (kind === RAW || kind === ZLIB) {
      if (chunk.fileOffsetBytes + chunk.storedBytes > fileBytes) {
        return `chunk ${i} of a block table lies outside the file; it may have been cut short`;
      }
      if (kind === RAW && chunk.storedBytes < chunk.lengthBytes)
        return `chunk ${i} of a block table is too short`;
      if (kind === ZLIB && Math.max(chunk.lengthBytes, chunk.storedBytes) > CHUNK_BYTES_MAX) {
        return `chunk ${i} of a block table claims ${chunk.lengthBytes} bytes`;
      }
    }
    into.push(chunk);
    if (into.length > CHUNKS_MAX) return 'it has more than a million chunks';
  }
  return null;
}

class UdifDisk implements Backing {
  readonly sizeBytes: number;
  readonly #file: Backing;
  readonly #name: string;
  /** Ascending, without overlap; what lies between reads as zeros. */
  readonly #chunks: readonly Chunk[];
  /** Unpacked chunks used last, oldest first. */
  readonly #unpacked = new Map<Chunk, Uint8Array>();
  #unpackedBytes = 0;

  constructor(file: Backing, name: string, sizeBytes: number, chunks: readonly Chunk[]) {
    this.#file = file;
    this.#name = name;
    this.sizeBytes = sizeBytes;
    this.#chunks = chunks;
  }

  read(offsetBytes: number, into: Uint8Array): void {
    into.fill(0);
    const end = offsetBytes + into.length;
    for (let i = this.#firstEndingAfter(offsetBytes); i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i]!;
      if (chunk.firstByte >= end) return;
      const from = Math.max(offsetBytes, chunk.firstByte);
      const piece = into.subarray(from - offsetBytes, Math.min(end, endOf(chunk)) - offsetBytes);
      const inChunk = from - chunk.firstByte;
      if (chunk.kind === RAW) this.#file.read(chunk.fileOffsetBytes + inChunk, piece);
      else if (chunk.kind === ZLIB) piece.set(this.#unpack(chunk).subarray(inChunk, inChunk + piece.length));
    }
  }

  nextData(offsetBytes: number): number {
    for (let i = this.#firstEndingAfter(offsetBytes); i < this.#chunks.length; i++) {
      const chunk = this.#chunks[i]!;
      if (chunk.kind === RAW || chunk.kind === ZLIB) return Math.max(offsetBytes, chunk.firstByte);
    }
    return this.sizeBytes;
  }

  #firstEndingAfter(offsetBytes: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (endOf(this.#chunks[middle]) > offsetBytes) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #unpack(chunk: Chunk): Uint8Array {
    const kept = this.#unpacked.get(chunk);
    if (kept !== undefined) {
      this.#unpacked.delete(chunk);
      this.#unpacked.set(chunk, kept);
      return kept;
    }
    const stored = new Uint8Array(chunk.storedBytes);
    this.#file.read(chunk.fileOffsetBytes, stored);
    const unpacked = inflate(stored, chunk.lengthBytes);
    if (unpacked === null) {
      const sector = chunk.firstByte / SECTOR_BYTES;
      throw new FsError(
        'EIO',
        'read',
        this.#name,
        `the image's chunk at sector ${sector} cannot be unpacked`,
      );
    }
    this.#unpacked.set(chunk, unpacked);
    this.#unpackedBytes += unpacked.length;
    for (const [oldest, { length }] of this.#unpacked) {
      if (this.#unpackedBytes <= CACHE_BYTES || oldest === chunk) break;
      this.#unpacked.delete(oldest);
      this.#unpackedBytes -= length;
    }
    return unpacked;
  }
}

function startsWith(file: Backing, text: string): boolean {
  const head = new Uint8Array(text.length);
  file.read(0, head);
  return startsWithText(head, text);
}

const startsWithText = (head: Uint8Array, text: string): boolean =>
  [...text].every((letter, i) => head[i] === letter.charCodeAt(0));
