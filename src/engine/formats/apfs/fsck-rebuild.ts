import { equalBytes, isZero, viewOf } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import {
  BLOCKS_PER_CHUNK,
  CHUNK_INFO_SIZE_BYTES,
  CHUNK_INFOS_AT,
  CHUNKS_PER_CIB,
  ChunkInfo,
  CIB_ADDRESSES_AT,
  CIBS_PER_CAB,
  FREE_COUNT_MASK,
  FREE_QUEUE,
  FreeQueue,
  NO_SLOT,
  SPACE_DEVICES_AT,
  SPACE_POOL_AT,
  SPACE_QUEUES_AT,
  SPACE_RING_AT,
} from './layout-space.ts';
import { bitmapOf, countBits, firstRunAfter, hasBit } from './fsck-bits.ts';
import { slotOf } from './fsck-pool.ts';
import { QUEUE_NAMES } from './fsck-queue.ts';
import { putU64, RepairRefused, setXid } from './fsck-writer.ts';
import type { RepairWriter } from './fsck-writer.ts';
import type { Space } from './fsck-space.ts';

/**
 * The space manager of a new checkpoint, made from what is in use: chunk bitmaps that were wrong, the chunk info blocks
 * and address blocks above them, the bitmaps of the internal pool, list of slots, counts. Both free queues end empty.
 *
 * Copy on write: every new block is one that the old checkpoint does not use, so it stays what it was until the new
 * superblock is on the disk.
 */
export class Rebuild {
  /** The new space manager, not sealed yet. */
  readonly bytes: Uint8Array;
  readonly #space: Space;
  readonly #writer: RepairWriter;
  readonly #xid: number;
  /** What will be in use in the container, disjoint runs. */
  readonly #runs: Float64Array;
  /** Blocks of the pool that the old checkpoint uses, and those taken since: a bit each. */
  readonly #poolTaken: Uint8Array;
  /** Blocks of the pool that the new checkpoint uses. */
  readonly #poolUsed: Uint8Array;
  #nextPoolBit = 0;

  constructor(space: Space, writer: RepairWriter, xid: number, runs: Float64Array) {
    const { pool, claims } = space;
    const silent = (): void => undefined;
    const bits = pool.bitmapSizeBlocks * BLOCKS_PER_CHUNK;
    this.#space = space;
    this.#writer = writer;
    this.#xid = xid;
    this.#runs = runs;
    this.bytes = space.bytes.slice();
    this.#poolTaken = bitmapOf(claims.merge(silent), pool.poolBase, bits);
    const queue = QUEUE_NAMES[FREE_QUEUE.internalPool];
    this.#poolUsed = bitmapOf(claims.merge(silent, queue), pool.poolBase, bits);
  }

  run(): void {
    const view = viewOf(this.bytes);
    let free = 0;
    const addresses: number[] = [];
    for (let index = 0; index < this.#space.cibs.length; index++) {
      const { block, freeBlocks } = this.#rebuildCib(index);
      addresses.push(block);
      free += freeBlocks;
    }
    const listed = this.#space.cabs.length > 0 ? this.#rebuildCabs(addresses) : addresses;
    const { addressOffsetBytes } = this.#space.device;
    for (const [i, block] of listed.entries()) putU64(view, addressOffsetBytes + 8 * i, block);
    putU64(view, SPACE_DEVICES_AT + FREE_COUNT_AT, free);
    this.#emptyQueues(view);
    this.#writePoolBitmaps(view);
  }

  /** `reserved` and `inUse`: sums over all volumes. */
  setReserves(reserved: number, inUse: number): void {
    const view = viewOf(this.bytes);
    putU64(view, SPACE_POOL_AT + RESERVED_AT, reserved);
    putU64(view, SPACE_POOL_AT + RESERVED_IN_USE_AT, inUse);
  }

  #rebuildCib(index: number): { block: number; freeBlocks: number } {
    const cib = this.#space.cibs[index];
    if (!cib) throw new RepairRefused('a chunk info block is missing');
    const bytes = cib.bytes.slice();
    let freeBlocks = 0;
    let isChanged = false;
    for (let i = 0; i < cib.chunks; i++) {
      const at = CHUNK_INFOS_AT + i * CHUNK_INFO_SIZE_BYTES;
      const first = (index * CHUNKS_PER_CIB + i) * BLOCKS_PER_CHUNK;
      isChanged = this.#rebuildChunk(bytes, at, first) || isChanged;
      freeBlocks += ChunkInfo.peek(bytes, at).freeCount & FREE_COUNT_MASK;
    }
    if (!isChanged) return { block: cib.block, freeBlocks };
    return { block: this.#move(cib.block, bytes, 'chunk info block'), freeBlocks };
  }

  #rebuildChunk(bytes: Uint8Array, at: number, first: number): boolean {
    const { check } = this.#space;
    const chunk = ChunkInfo.peek(bytes, at);
    if (chunk.bitmapAddress === 0 && (chunk.freeCount & FREE_COUNT_MASK) === chunk.blockCount) {
      const run = this.#runs[firstRunAfter(this.#runs, first)];
      if (run === undefined || run >= first + BLOCKS_PER_CHUNK) return false;
    }
    const right = bitmapOf(this.#runs, first, BLOCKS_PER_CHUNK);
    const free = chunk.blockCount - countBits(right);
    const old = chunk.bitmapAddress;
    const isSame = old === 0 ? isZero(right) : equalBytes(check.read(old), right);
    if (isSame && (chunk.freeCount & FREE_COUNT_MASK) === free) return false;
    let block = old;
    if (!isSame) {
      if (old !== 0) this.#release(old);
      block = this.#take();
      this.#writer.write(block, right, {
        role: 'allocation',
        owner: 'chunk bitmap',
        reason: 'mark the blocks in use',
      });
    }
    const view = viewOf(bytes);
    putU64(view, at, this.#xid);
    view.setUint32(at + CHUNK_FREE_AT, (chunk.freeCount & ~FREE_COUNT_MASK) | free, true);
    putU64(view, at + CHUNK_BITMAP_AT, block);
    return true;
  }

  #rebuildCabs(cibs: readonly number[]): number[] {
    return this.#space.cabs.map((block, index) => {
      const bytes = this.#space.check.read(block);
      const view = viewOf(bytes);
      const listed = cibs.slice(index * CIBS_PER_CAB, (index + 1) * CIBS_PER_CAB);
      const old = bytes.slice();
      for (const [i, cib] of listed.entries()) putU64(view, CIB_ADDRESSES_AT + 8 * i, cib);
      return equalBytes(old, bytes) ? block : this.#move(block, bytes, 'chunk info address block');
    });
  }

  /** A new place for a changed object of the pool. */
  #move(old: number, bytes: Uint8Array, owner: string): number {
    this.#release(old);
    const block = this.#take();
    putU64(viewOf(bytes), 8, block);
    setXid(bytes, this.#xid);
    this.#writer.seal(block, bytes, { role: 'allocation', owner, reason: 'count the free blocks anew' });
    return block;
  }

  #take(): number {
    const { pool } = this.#space;
    while (this.#nextPoolBit < pool.poolBlockCount && hasBit(this.#poolTaken, this.#nextPoolBit))
      this.#nextPoolBit++;
    if (this.#nextPoolBit >= pool.poolBlockCount) throw new RepairRefused('the internal pool is full');
    const bit = this.#nextPoolBit++;
    this.#poolUsed[bit >> 3] = (this.#poolUsed[bit >> 3] ?? 0) | (1 << (bit & 7));
    return pool.poolBase + bit;
  }

  #release(block: number): void {
    const bit = block - this.#space.pool.poolBase;
    this.#poolUsed[bit >> 3] = (this.#poolUsed[bit >> 3] ?? 0) & ~(1 << (bit & 7));
  }

  #emptyQueues(view: DataView): void {
    for (const which of [FREE_QUEUE.internalPool, FREE_QUEUE.main]) {
      const at = SPACE_QUEUES_AT + which * FreeQueue.sizeBytes;
      putU64(view, at, 0);
      putU64(view, at + OLDEST_XID_AT, 0);
    }
  }

  /** All of them anew, in slots that hold none now. Slots freed by that go to the end of the list. */
  #writePoolBitmaps(view: DataView): void {
    const { pool, ring } = this.#space;
    const live = new Set(Array.from({ length: pool.bitmapSizeBlocks }, (_, i) => slotOf(this.#space, i)));
    const slots = Array.from({ length: pool.bitmapRingBlocks }, (_, slot) => slot);
    const free = slots.filter((slot) => !live.has(slot));
    const taken = free.splice(0, pool.bitmapSizeBlocks);
    if (taken.length < pool.bitmapSizeBlocks)
      throw new RepairRefused('no free slot for the internal pool bitmaps');
    const chain = [...free, ...slots.filter((slot) => live.has(slot))];
    for (const [i, slot] of taken.entries()) {
      const bytes = this.#poolUsed.slice(i * BLOCK_SIZE_BYTES, (i + 1) * BLOCK_SIZE_BYTES);
      const label = {
        role: 'allocation',
        owner: 'internal pool bitmap',
        reason: 'mark the blocks in use',
      } as const;
      this.#writer.write(pool.bitmapBase + slot, bytes, label);
      view.setUint16(ring.bitmapSlotOffsetBytes + 2 * i, slot, true);
      putU64(view, ring.bitmapXidOffsetBytes + 8 * i, this.#xid);
      view.setUint16(ring.freeNextOffsetBytes + 2 * slot, NO_SLOT, true);
    }
    for (const [i, slot] of chain.entries()) {
      view.setUint16(ring.freeNextOffsetBytes + 2 * slot, chain[i + 1] ?? NO_SLOT, true);
    }
    view.setUint16(SPACE_RING_AT, chain[0] ?? NO_SLOT, true);
    view.setUint16(SPACE_RING_AT + 2, chain.at(-1) ?? NO_SLOT, true);
    if (pool.bitmapSizeBlocks === 1) this.#cleanTails(chain);
  }

  /** Bits behind the end of the pool in old generations; only once the new checkpoint is on the disk. */
  #cleanTails(slots: readonly number[]): void {
    const { pool, check } = this.#space;
    for (const slot of slots) {
      const block = pool.bitmapBase + slot;
      const bytes = check.read(block);
      const old = bytes.slice();
      for (let bit = pool.poolBlockCount; bit < BLOCKS_PER_CHUNK; bit++) {
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) & ~(1 << (bit & 7));
      }
      if (equalBytes(old, bytes)) continue;
      const label = {
        role: 'allocation',
        owner: 'internal pool bitmap',
        reason: 'clear bits behind its end',
      } as const;
      this.#writer.writeLast(block, bytes, label);
    }
  }
}

const FREE_COUNT_AT = 24;
const RESERVED_AT = 0x28;
const RESERVED_IN_USE_AT = 0x30;
const OLDEST_XID_AT = 16;
const CHUNK_FREE_AT = 20;
const CHUNK_BITMAP_AT = 24;
