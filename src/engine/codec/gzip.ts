import { deflateSync } from 'fflate';
import { viewOf } from '../base/bytes.ts';
import { crc32, crc32OverZeros } from './crc32.ts';
import { lastBlockOf } from './deflate-blocks.ts';

/**
 * One gzip stream (RFC 1952) made piece by piece: bytes are packed on their own, zeros cost a few bytes to describe
 * however many they are. Equal contents give equal files: no time and no name go into it.
 *
 * Deflate (RFC 1951) needs two bits for 258 repeated bytes, so that a run of zeros is one block whose middle is nothing
 * but bits of zero: 1032 bytes become one zero byte, which the host can again leave out of memory.
 */
export type GzipPiece =
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'zero'; readonly lengthBytes: number };

const LEVEL = 6;
/** Longest repetition of deflate. */
const MATCH_BYTES = 258;
const SYNC_LENGTH = 5;

/** Of any system, unknown: the same everywhere. RFC 1952 §2.3.1. */
const HEAD = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255);

export class GzipWriter {
  #crc = 0;
  #lengthBytes = 0;

  head(): Uint8Array {
    return HEAD.slice();
  }

  data(bytes: Uint8Array): Uint8Array {
    this.#crc = crc32(bytes, this.#crc);
    this.#lengthBytes += bytes.length;
    return openPart(bytes);
  }

  zeros(count: number): GzipPiece[] {
    this.#crc = crc32OverZeros(count, this.#crc);
    this.#lengthBytes += count;
    return zeroBlock(count);
  }

  /** An empty last block, then the checksum and the length, of which 32 bits are kept. */
  tail(): Uint8Array {
    const bytes = new Uint8Array(SYNC_LENGTH + 8);
    bytes.set([1, 0, 0, 0xff, 0xff]);
    viewOf(bytes).setUint32(SYNC_LENGTH, this.#crc, true);
    viewOf(bytes).setUint32(SYNC_LENGTH + 4, this.#lengthBytes % 2 ** 32, true);
    return bytes;
  }
}

const data = (bytes: Uint8Array): GzipPiece => ({ kind: 'data', bytes });

/**
 * `bytes` packed so that more may follow: no block is the last, and the end is at a whole byte, which an empty stored
 * block sees to (RFC 1951 §3.2.4). The library packs whole streams only: its way of packing in pieces makes streams, of
 * some inputs, that nobody can unpack.
 */
function openPart(bytes: Uint8Array): Uint8Array {
  const packed = deflateSync(bytes, { level: LEVEL });
  const { firstBit, endBit } = lastBlockOf(packed);
  const out = new Uint8Array(Math.ceil((endBit + 3) / 8) + 4);
  out.set(packed);
  out[firstBit >> 3]! &= ~(1 << (firstBit & 7));
  out.set([0, 0, 0xff, 0xff], out.length - 4);
  return out;
}

/** Bits in the order of deflate: from the lowest of each byte. */
class BitWriter {
  readonly #bytes: number[] = [];
  bitCount = 0;

  /** `value`, lowest bit first. */
  bits(value: number, count: number): void {
    for (let i = 0; i < count; i++, this.bitCount++) {
      if (this.bitCount % 8 === 0) this.#bytes.push(0);
      if ((value >>> i) & 1) this.#bytes[this.#bytes.length - 1]! |= 1 << (this.bitCount % 8);
    }
  }

  /** An empty stored block: everything before it is whole bytes. RFC 1951 §3.2.4. */
  sync(): void {
    this.bits(0, 3);
    this.bits(0, (8 - (this.bitCount % 8)) % 8);
    this.bits(0, 16);
    this.bits(0xffff, 16);
  }

  take(): Uint8Array {
    const bytes = Uint8Array.from(this.#bytes);
    this.#bytes.length = 0;
    return bytes;
  }
}

/**
 * A block of `count` zeros with a code of its own (RFC 1951 §3.2.7): length 258 is '0', the byte 0 is '10', the end
 * '11', and the one distance, 1, is '0'.
 */
function zeroBlock(count: number): GzipPiece[] {
  if (count === 0) return [];
  const bits = new BitWriter();
  bits.bits(0, 1); // not the last block
  bits.bits(2, 2); // codes of its own
  bits.bits(29, 5); // 286 literal and length codes
  bits.bits(0, 5); // one distance code
  bits.bits(14, 4); // 18 lengths of code lengths
  // In the order 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1: three are used, 18 with one bit, 2 and 1 with two.
  const used = new Map([
    [2, 1],
    [15, 2],
    [17, 2],
  ]);
  for (let i = 0; i < 18; i++) bits.bits(used.get(i) ?? 0, 3);
  const lengthOne = () => bits.bits(0b01, 2); // code '10'
  const lengthTwo = () => bits.bits(0b11, 2); // code '11'
  const unused = (codes: number) => {
    bits.bits(0, 1);
    bits.bits(codes - 11, 7);
  };
  lengthTwo(); // byte 0
  unused(138);
  unused(117); // bytes 1 to 255
  lengthTwo(); // 256: the end
  unused(28); // 257 to 284
  lengthOne(); // 285: length 258
  lengthOne(); // distance 1

  const zero = () => bits.bits(0b01, 2);
  zero();
  // Two bits of zero for each repetition: single bits up to a whole byte, whole bytes, single bits.
  let zeroBits = 2 * Math.floor((count - 1) / MATCH_BYTES);
  for (; zeroBits > 0 && bits.bitCount % 8 !== 0; zeroBits--) bits.bits(0, 1);
  const pieces: GzipPiece[] = [];
  if (zeroBits >= 8) pieces.push(data(bits.take()), { kind: 'zero', lengthBytes: Math.floor(zeroBits / 8) });
  bits.bits(0, zeroBits % 8);
  for (let rest = (count - 1) % MATCH_BYTES; rest > 0; rest--) zero();
  bits.bits(0b11, 2);
  bits.sync();
  pieces.push(data(bits.take()));
  return pieces;
}
