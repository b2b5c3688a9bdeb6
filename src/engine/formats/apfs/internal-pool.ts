import { assert } from '../../base/assert.ts';
import { FsError } from '../../base/errno.ts';
import { ZERO_FILL } from '../../device/device.ts';
import type { WriteLabel } from '../../device/device.ts';
import type { Blocks } from './blocks.ts';
import { FreedRuns } from './free-queue.ts';
import type { FreedRun } from './free-queue.ts';
import { BLOCKS_PER_CHUNK } from './layout-space.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import type { SpaceObject } from './space-object.ts';

/**
 * The internal pool: blocks that hold the bitmaps, chunk info and address blocks of the container, apart from all
 * others so that counting blocks never needs blocks that are counted. Three times as many as can be in use: one
 * generation lives, one waits in the queue, one can be written.
 *
 * Its own bitmap has sixteen generations in a ring; a bitmap block that changed goes to the next free slot.
 */
export class InternalPool {
  readonly #base: number;
  readonly #blockCount: number;
  readonly #ringBase: number;
  readonly #ringBlocks: number;
  readonly #bitmaps: (Uint8Array | undefined)[] = [];
  readonly #dirty = new Set<number>();
  /** Blocks allocated by the running transaction. */
  readonly #fresh = new Set<number>();
  /** Freed by the running transaction. */
  readonly freed = new FreedRuns();
  /** Every block of the pool below is in use. */
  #lowest = 0;

  constructor(
    readonly blocks: Blocks,
    readonly space: SpaceObject,
  ) {
    const { poolBase, poolBlockCount, bitmapBase, bitmapRingBlocks } = space.pool;
    this.#base = poolBase;
    this.#blockCount = poolBlockCount;
    this.#ringBase = bitmapBase;
    this.#ringBlocks = bitmapRingBlocks;
  }

  /**
   * A pool of which nothing is in use yet, at a place that is free on the disk. Every place of its ring is cleared:
   * what lay there was no bitmap.
   */
  static newIn(blocks: Blocks, space: SpaceObject): InternalPool {
    const pool = new InternalPool(blocks, space);
    blocks.fill(pool.#ringBase, pool.#ringBlocks, ZERO_FILL, LABEL_BITMAP);
    for (let index = 0; index < space.pool.bitmapSizeBlocks; index++) {
      pool.#bitmaps[index] = new Uint8Array(BLOCK_SIZE_BYTES);
      pool.#dirty.add(index);
    }
    return pool;
  }

  /** The pool and the ring of its bitmaps. */
  get runs(): readonly FreedRun[] {
    return [
      { firstBlock: this.#ringBase, blockCount: this.#ringBlocks },
      { firstBlock: this.#base, blockCount: this.#blockCount },
    ];
  }

  contains(block: number): boolean {
    return block >= this.#base && block < this.#base + this.#blockCount;
  }

  /** Lowest free block of the pool. */
  allocate(): number {
    for (let at = this.#lowest; at < this.#blockCount; at++) {
      const bitmap = this.#bitmapOf(at);
      const bit = at % BLOCKS_PER_CHUNK;
      const byte = bitmap[bit >> 3] ?? 0;
      if (byte === 0xff) {
        at |= 7;
        continue;
      }
      if ((byte >> (bit & 7)) & 1) continue;
      bitmap[bit >> 3] = byte | (1 << (bit & 7));
      this.#dirty.add(Math.floor(at / BLOCKS_PER_CHUNK));
      this.#lowest = at + 1;
      this.#fresh.add(this.#base + at);
      return this.#base + at;
    }
    throw new FsError('EIO', '', '', 'the internal pool of the container is full; check it with fsck');
  }

  free(block: number): void {
    if (this.#fresh.delete(block)) this.#clear(block);
    else this.freed.add(block, 1);
  }

  /** What an older transaction freed may be used again. */
  release(runs: readonly FreedRun[]): void {
    for (const { firstBlock, blockCount } of runs) {
      for (let i = 0; i < blockCount; i++) this.#clear(firstBlock + i);
    }
  }

  #clear(block: number): void {
    const at = block - this.#base;
    if (at < 0 || at >= this.#blockCount) {
      throw new FsError(
        'EIO',
        '',
        '',
        `block ${block} is not in the internal pool; check the container with fsck`,
      );
    }
    const bitmap = this.#bitmapOf(at);
    const bit = at % BLOCKS_PER_CHUNK;
    bitmap[bit >> 3] = (bitmap[bit >> 3] ?? 0) & ~(1 << (bit & 7));
    this.#dirty.add(Math.floor(at / BLOCKS_PER_CHUNK));
    this.#lowest = Math.min(this.#lowest, at);
  }

  #bitmapOf(at: number): Uint8Array {
    const index = Math.floor(at / BLOCKS_PER_CHUNK);
    let bitmap = this.#bitmaps[index];
    if (bitmap === undefined) {
      const slot = this.space.slot(index);
      if (slot >= this.#ringBlocks) {
        throw new FsError('EIO', '', '', 'the ring of internal pool bitmaps is damaged; check it with fsck');
      }
      bitmap = this.blocks.copyOf(this.#ringBase + slot);
      this.#bitmaps[index] = bitmap;
    }
    return bitmap;
  }

  /** Every bitmap block that changed goes to its next place in the ring. */
  write(xid: number): void {
    for (const index of [...this.#dirty].sort((a, b) => a - b)) {
      const bitmap = this.#bitmaps[index];
      assert(bitmap !== undefined, 'what changed is in memory');
      const slot = this.space.advanceSlot(index, xid);
      this.blocks.write(this.#ringBase + slot, bitmap, LABEL_BITMAP);
    }
    this.#dirty.clear();
    this.#fresh.clear();
  }
}

const LABEL_BITMAP: WriteLabel = {
  role: 'allocation',
  owner: 'internal pool bitmap',
  reason: 'count the blocks of the space manager itself',
};
