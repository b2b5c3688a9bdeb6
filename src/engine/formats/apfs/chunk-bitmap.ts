import { BLOCK_SIZE_BYTES } from './layout.ts';

/**
 * Which blocks of one chunk are in use, and where free runs are to be found. Bit set: in use.
 *
 * Bounds make a search start late: no free run of 2^c or more blocks begins before the bound of class c. They are what
 * earlier searches saw, so they save time and never change what is found.
 */
export class ChunkBitmap {
  readonly bytes: Uint8Array;
  readonly #words: Uint32Array;
  /** The words at the first allocation of the running transaction; empty before it. */
  #before: Uint32Array | null = null;
  readonly #bounds = new Int32Array(CLASSES);

  /** `bytes` are taken, not copied. */
  constructor(
    bytes: Uint8Array,
    readonly blockCount: number,
  ) {
    this.bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, BLOCK_SIZE_BYTES / 4);
  }

  isUsed(block: number): boolean {
    return ((this.#words[block >> 5]! >>> (block & 31)) & 1) === 1;
  }

  /** Allocated since `remember`. */
  isFresh(block: number): boolean {
    const before = this.#before;
    if (before === null) return false;
    return (((this.#words[block >> 5]! & ~before[block >> 5]!) >>> (block & 31)) & 1) === 1;
  }

  /** From now on allocations are fresh. Once in a transaction. */
  remember(): void {
    this.#before ??= this.#words.slice();
  }

  /** The transaction has ended. */
  forget(): void {
    this.#before = null;
  }

  /** Length of the free run at `block`, at most `wish`; 0 when it is in use. */
  freeAt(block: number, wish: number): number {
    if (block >= this.blockCount || this.isUsed(block)) return 0;
    return this.nextUsed(block, block + wish) - block;
  }

  /** How many blocks from `from` up to `to` are free. */
  freeIn(from: number, to: number): number {
    let free = 0;
    for (let at = this.nextFree(from); at < to;) {
      const end = this.nextUsed(at, to);
      free += end - at;
      at = this.nextFree(end);
    }
    return free;
  }

  /** First block of the lowest free run of at least `wish` blocks; −1 when there is none. */
  find(wish: number): number {
    const searched = 31 - Math.clz32(wish);
    let at = this.nextFree(this.#bounds[searched]!);
    while (at < this.blockCount) {
      const end = this.nextUsed(at, at + wish);
      if (end - at >= wish) break;
      at = this.nextFree(end);
    }
    const exact = 32 - Math.clz32(wish - 1);
    for (let i = exact; i < CLASSES; i++) if (this.#bounds[i]! < at) this.#bounds[i] = at;
    return at < this.blockCount ? at : -1;
  }

  /** Runs as `find` gave them. */
  use(first: number, count: number): void {
    this.#write(first, count, true);
  }

  /** These must be in use: see `isAllUsed`. */
  clear(first: number, count: number): void {
    this.#write(first, count, false);
    let start = first;
    while (start > 0 && !this.isUsed(start - 1)) start = this.#startOfFree(start - 1);
    for (let i = 0; i < CLASSES; i++) if (this.#bounds[i]! > start) this.#bounds[i] = start;
  }

  isAllUsed(first: number, count: number): boolean {
    const end = first + count;
    return end <= this.blockCount && this.nextFree(first, end) >= end;
  }

  /** Lowest block from which free ones reach to `block` within its word. */
  #startOfFree(block: number): number {
    const used = this.#words[block >> 5]! << (31 - (block & 31));
    return used === 0 ? block & ~31 : block - Math.clz32(used) + 1;
  }

  #write(first: number, count: number, isUsed: boolean): void {
    const words = this.#words;
    let at = first;
    const end = first + count;
    while (at < end) {
      const inWord = at & 31;
      const length = Math.min(32 - inWord, end - at);
      const mask = length === 32 ? 0xffff_ffff : ((1 << length) - 1) << inWord;
      if (isUsed) words[at >> 5]! |= mask;
      else words[at >> 5]! &= ~mask;
      at += length;
    }
  }

  /** First free block at or after `from`; `stop`, at most `blockCount`, when there is none before it. */
  nextFree(from: number, stop = this.blockCount): number {
    return this.#next(from, stop, 0xffff_ffff);
  }

  /** First block in use at or after `from`; `stop`, at most `blockCount`, when there is none before it. */
  nextUsed(from: number, stop = this.blockCount): number {
    return this.#next(from, stop, 0);
  }

  /** The highest block in use; −1 when none is. */
  lastUsed(): number {
    for (let index = this.#words.length - 1; index >= 0; index--) {
      const word = this.#words[index]!;
      if (word !== 0) return index * 32 + 31 - Math.clz32(word);
    }
    return -1;
  }

  /** First block at or after `from` whose bit, turned over by `flip`, is set; looks no farther than `stop`. */
  #next(from: number, stop: number, flip: number): number {
    const end = Math.min(stop, this.blockCount);
    if (from >= end) return end;
    const words = this.#words;
    const last = (end - 1) >> 5;
    let index = from >> 5;
    let word = (words[index]! ^ flip) & (0xffff_ffff << (from & 31));
    while (word === 0) {
      if (++index > last) return end;
      word = words[index]! ^ flip;
    }
    return Math.min(index * 32 + 31 - Math.clz32(word & -word), end);
  }
}

/** 2^0 … 2^15 blocks: a chunk has 32,768. */
const CLASSES = 16;
