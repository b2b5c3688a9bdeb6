import {
  BLOCKS_PER_CHUNK,
  CHUNK_INFO_SIZE_BYTES,
  CHUNK_INFOS_AT,
  CHUNKS_PER_CIB,
  ChunkInfo,
  FREE_COUNT_MASK,
  FREE_QUEUE,
} from './layout-space.ts';
import { equalBytes } from '../../base/bytes.ts';
import { bitmapOf, countBits, differences, firstRunAfter } from './fsck-bits.ts';
import { hex } from './fsck-check.ts';
import type { Check } from './fsck-check.ts';
import { QUEUE_NAMES } from './fsck-queue.ts';
import { SPACE_REMEDY } from './fsck-report.ts';
import type { Space } from './fsck-space.ts';

/** All blocks in use, as disjoint runs; two owners of one block are told. */
export function mergeClaims(check: Check): Float64Array {
  const { claims } = check;
  const queue = QUEUE_NAMES[FREE_QUEUE.main];
  return claims.merge((first, second, start, end) => {
    const owners = [claims.ownerOf(first), claims.ownerOf(second)];
    const message = `blocks ${hex(start)}+${end - start} are used by ${owners.join(' and ')}`;
    check.error('double-use', message, start, owners.includes(queue) ? SPACE_REMEDY : undefined);
  });
}

/** So many wrong ranges of each sort are told one by one; the others are counted. */
const RANGES_TOLD_MAX = 50;

/**
 * Chunk bitmaps against what was found in use, then the counts of free blocks that hang on them. In fsck_apfs's words:
 * overallocation is what is marked as used and is not (leaked), underallocation what is used and marked as free.
 */
export class Allocated {
  readonly #space: Space;
  readonly #runs: Float64Array;
  #freeBlocks = 0;
  #leakedBlocks = 0;
  #missingBlocks = 0;
  #leaks = 0;
  #misses = 0;

  constructor(space: Space, runs: Float64Array) {
    this.#space = space;
    this.#runs = runs;
  }

  compare(): void {
    const { check, cibs } = this.#space;
    for (const [index, cib] of cibs.entries()) {
      for (let i = 0; i < cib.chunks; i++) {
        const chunk = ChunkInfo.peek(cib.bytes, CHUNK_INFOS_AT + i * CHUNK_INFO_SIZE_BYTES);
        this.#compareChunk(chunk, (index * CHUNKS_PER_CIB + i) * BLOCKS_PER_CHUNK, cib.block);
      }
    }
    this.#tellTotals();
    if (!this.#space.isComplete) return;
    const { freeCount } = this.#space.device;
    if (freeCount !== this.#freeBlocks) {
      const message = `space manager: ${freeCount} free blocks, its chunks have ${this.#freeBlocks}`;
      check.error('free-count', message, this.#space.block, SPACE_REMEDY);
    }
  }

  #compareChunk(chunk: ChunkInfo, first: number, cib: number): void {
    const { check } = this.#space;
    const { bitmapAddress } = chunk;
    const freeCount = chunk.freeCount & FREE_COUNT_MASK;
    this.#freeBlocks += freeCount;
    const run = firstRunAfter(this.#runs, first);
    const isUsed = run < this.#runs.length && (this.#runs[run] ?? 0) < first + BLOCKS_PER_CHUNK;
    let free = chunk.blockCount;
    if (bitmapAddress !== 0 || isUsed) {
      const right = bitmapOf(this.#runs, first, BLOCKS_PER_CHUNK);
      const isReadable = this.#space.isInPool(bitmapAddress) && check.isInside(bitmapAddress, 1);
      const found = isReadable ? check.read(bitmapAddress) : new Uint8Array(right.length);
      free -= countBits(found);
      if (!equalBytes(found, right)) this.#tellChunk(found, right, first, bitmapAddress || cib);
    }
    if (freeCount !== free) {
      const message = `chunk of blocks from ${hex(first)}: ${freeCount} free blocks, its bitmap has ${free}`;
      check.error('free-count', message, cib, SPACE_REMEDY);
    }
  }

  #tellChunk(found: Uint8Array, right: Uint8Array, first: number, bitmapBlock: number): void {
    const { check } = this.#space;
    const address = `bitmap address (${hex(bitmapBlock)})`;
    differences(right, found, (from, to) => {
      this.#missingBlocks += to - from;
      if (++this.#misses > RANGES_TOLD_MAX) return;
      const message = `Underallocation Detected on Main device: (${hex(first + from)}+${to - from}) ${address}`;
      check.error('space-map', message, first + from, SPACE_REMEDY);
    });
    if (check.isUsageUnknown) return;
    differences(found, right, (from, to) => {
      this.#leakedBlocks += to - from;
      if (++this.#leaks > RANGES_TOLD_MAX) return;
      const message = `Overallocation Detected on Main device: (${hex(first + from)}+${to - from}) ${address}`;
      check.error('leaked-blocks', message, first + from, SPACE_REMEDY);
    });
  }

  #tellTotals(): void {
    const { check } = this.#space;
    const total = (ranges: number, blocks: number): string => `${blocks} blocks in ${ranges} ranges`;
    if (this.#misses > RANGES_TOLD_MAX) {
      const message = `used and marked as free: ${total(this.#misses, this.#missingBlocks)}`;
      check.error('space-map', message, this.#space.block, SPACE_REMEDY);
    }
    if (this.#leaks > RANGES_TOLD_MAX) {
      const message = `marked as used and not in use: ${total(this.#leaks, this.#leakedBlocks)}`;
      check.error('leaked-blocks', message, this.#space.block, SPACE_REMEDY);
    }
  }
}
