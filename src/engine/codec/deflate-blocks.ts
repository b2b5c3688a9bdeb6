import { assert } from '../base/assert.ts';

/**
 * Where the blocks of a deflate stream (RFC 1951) begin and end, without unpacking them: what a writer needs to know
 * that wants to go on behind a stream which another one finished. Only for streams packed here; one that ends too early
 * is a bug.
 */
const END_OF_BLOCK = 256;
/** Bits of length behind a length code 257 + i and behind a distance code i. RFC 1951 §3.2.5. */
const LENGTH_BITS = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBits = (code: number): number => (code < 4 ? 0 : (code >> 1) - 1);
const CODE_LENGTH_ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** A prefix code as a table: the next `bitCount` bits give a symbol × 16 + the bits that it takes. */
interface Code {
  readonly bitCount: number;
  readonly table: Uint16Array;
}

/** Codes of equal length ascend with their symbols; the first bit of a code comes first in the stream. §3.2.2. */
function codeOf(lengths: ArrayLike<number>): Code {
  const bitCount = Math.max(1, ...Array.from(lengths));
  const table = new Uint16Array(2 ** bitCount);
  let code = 0;
  for (let length = 1; length <= bitCount; length++, code *= 2) {
    for (let symbol = 0; symbol < lengths.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      let reversed = 0;
      for (let bit = 0; bit < length; bit++) reversed |= ((code >> bit) & 1) << (length - 1 - bit);
      for (let at = reversed; at < table.length; at += 2 ** length) table[at] = symbol * 16 + length;
      code++;
    }
  }
  return { bitCount, table };
}

const FIXED_LITERALS = codeOf(
  Array.from({ length: 288 }, (_, i) => (i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8)),
);
const FIXED_DISTANCES = codeOf(Array.from({ length: 30 }, () => 5));

class BitReader {
  at = 0;

  constructor(readonly bytes: Uint8Array) {}

  /** Lowest bit first; at most 16. Behind the end come zeros. */
  #peek(count: number): number {
    const i = this.at >>> 3;
    const { bytes } = this;
    const window = (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8) | ((bytes[i + 2] ?? 0) << 16);
    return (window >>> (this.at & 7)) & (2 ** count - 1);
  }

  bits(count: number): number {
    const value = this.#peek(count);
    this.at += count;
    assert(this.at <= this.bytes.length * 8, 'the stream is whole');
    return value;
  }

  symbol({ bitCount, table }: Code): number {
    const entry = table[this.#peek(bitCount)]!;
    assert(entry !== 0, 'the bits are a code');
    this.bits(entry & 15);
    return entry >> 4;
  }
}

/** The first bit of the last block, which says that it is the last, and the first bit behind it. */
export function lastBlockOf(packed: Uint8Array): { readonly firstBit: number; readonly endBit: number } {
  const reader = new BitReader(packed);
  for (;;) {
    const firstBit = reader.at;
    const isLast = reader.bits(1) === 1;
    const type = reader.bits(2);
    if (type === 0) skipStored(reader);
    else if (type === 1) skipSymbols(reader, FIXED_LITERALS, FIXED_DISTANCES);
    else skipSymbols(reader, ...readCodes(reader));
    if (isLast) return { firstBit, endBit: reader.at };
  }
}

function skipStored(reader: BitReader): void {
  reader.at = Math.ceil(reader.at / 8) * 8;
  const lengthBytes = reader.bits(16);
  reader.at += 16 + lengthBytes * 8;
}

/** §3.2.7. */
function readCodes(reader: BitReader): [Code, Code] {
  const literalCount = reader.bits(5) + 257;
  const distanceCount = reader.bits(5) + 1;
  const lengthCount = reader.bits(4) + 4;
  const lengths = new Uint8Array(19);
  for (let i = 0; i < lengthCount; i++) lengths[CODE_LENGTH_ORDER[i]!] = reader.bits(3);
  const code = codeOf(lengths);
  const all: number[] = [];
  while (all.length < literalCount + distanceCount) {
    const symbol = reader.symbol(code);
    if (symbol < 16) all.push(symbol);
    else {
      const value = symbol === 16 ? all.at(-1)! : 0;
      const count =
        symbol === 16 ? 3 + reader.bits(2) : symbol === 17 ? 3 + reader.bits(3) : 11 + reader.bits(7);
      for (let i = 0; i < count; i++) all.push(value);
    }
  }
  return [codeOf(all.slice(0, literalCount)), codeOf(all.slice(literalCount))];
}

/** By far the most of the work, hence without a call per symbol. */
function skipSymbols(reader: BitReader, literals: Code, distances: Code): void {
  const { bytes } = reader;
  const { table } = literals;
  const mask = table.length - 1;
  let { at } = reader;
  for (;;) {
    const i = at >>> 3;
    const entry = table[((bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16)) >>> (at & 7)) & mask]!;
    at += entry & 15;
    if (entry < END_OF_BLOCK * 16 && entry !== 0) continue;
    assert(entry !== 0, 'the bits are a code');
    reader.at = at;
    if (entry >> 4 === END_OF_BLOCK) return;
    reader.bits(LENGTH_BITS[(entry >> 4) - 257]!);
    reader.bits(distanceBits(reader.symbol(distances)));
    at = reader.at;
  }
}
