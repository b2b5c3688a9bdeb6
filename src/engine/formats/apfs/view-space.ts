import { viewOf } from '../../base/bytes.ts';
import { OBJECT } from './layout.ts';
import {
  BLOCKS_PER_CHUNK,
  CHUNKS_PER_CIB,
  CHUNK_INFOS_AT,
  CHUNK_INFO_BITMAP_AT,
  CHUNK_INFO_SIZE_BYTES,
  CIBS_PER_CAB,
  CIB_ADDRESSES_AT,
  ChunkInfo,
  FREE_COUNT_MASK,
  FREE_QUEUE,
  FreeQueue,
  SPACE_DEVICES_AT,
  SPACE_POOL_AT,
  SPACE_QUEUES_AT,
  SPACE_RING_AT,
  SpaceDevice,
  SpacePool,
  SpaceRing,
} from './layout-space.ts';
import type { BlockReader, Ring } from './view-checkpoints.ts';
import { NodeReader, ViewTree } from './view-tree.ts';

/** The space manager of a checkpoint, read leniently: which blocks are used, and where that is written down. */
export class SpaceView {
  readonly device: SpaceDevice;
  readonly pool: SpacePool;
  readonly ring: SpaceRing;
  /** Bitmaps of the internal pool, all generations. */
  readonly poolBitmaps: Ring;
  readonly poolBlocks: Ring;
  readonly bytes: Uint8Array;
  readonly #read: BlockReader;
  readonly #blockCount: number;
  #chunkOfBitmap: Map<number, number> | undefined;
  /** Chunks that have a bitmap, ascending. */
  #withBitmap: readonly number[] | undefined;
  #cibBlocks: readonly number[] | undefined;

  constructor(bytes: Uint8Array, read: BlockReader, blockCount: number) {
    this.bytes = bytes;
    this.#read = read;
    this.#blockCount = blockCount;
    this.device = SpaceDevice.peek(bytes, SPACE_DEVICES_AT);
    this.pool = SpacePool.peek(bytes, SPACE_POOL_AT);
    this.ring = SpaceRing.peek(bytes, SPACE_RING_AT);
    this.poolBitmaps = this.#inside(this.pool.bitmapBase, this.pool.bitmapRingBlocks);
    this.poolBlocks = this.#inside(this.pool.poolBase, this.pool.poolBlockCount);
  }

  #inside(first: number, count: number): Ring {
    return first >= this.#blockCount
      ? { first: 0, count: 0 }
      : { first, count: Math.max(0, Math.min(count, this.#blockCount - first)) };
  }

  queue(which: number): FreeQueue {
    return FreeQueue.peek(this.bytes, SPACE_QUEUES_AT + which * FreeQueue.sizeBytes);
  }

  /** Slot of the ring in which the bitmap of part `index` of the pool lies now; −1 when it does not say. */
  poolBitmapSlot(index: number): number {
    const at = this.ring.bitmapSlotOffsetBytes + 2 * index;
    return at + 2 <= this.bytes.length ? viewOf(this.bytes).getUint16(at, true) : -1;
  }

  get chunkCount(): number {
    return Math.ceil(this.#blockCount / BLOCKS_PER_CHUNK);
  }

  /** Address blocks, where there are any. */
  cabBlocks(): number[] {
    const { cabCount } = this.device;
    return this.#addresses(this.bytes, this.device.addressOffsetBytes, Math.min(cabCount, this.#blockCount));
  }

  /** Chunk info blocks in their order; 0 for one that cannot be found. */
  cibBlocks(): readonly number[] {
    this.#cibBlocks ??= this.#findCibs();
    return this.#cibBlocks;
  }

  #findCibs(): number[] {
    const cibs = Math.ceil(this.chunkCount / CHUNKS_PER_CIB);
    if (this.device.cabCount === 0) return this.#addresses(this.bytes, this.device.addressOffsetBytes, cibs);
    const found: number[] = [];
    for (const cab of this.cabBlocks()) {
      const bytes = this.#read(cab);
      const wanted = Math.min(CIBS_PER_CAB, cibs - found.length);
      if (wanted <= 0) break;
      if (bytes) found.push(...this.#addresses(bytes, CIB_ADDRESSES_AT, wanted));
      else for (let i = 0; i < wanted; i++) found.push(0);
    }
    return found;
  }

  #addresses(bytes: Uint8Array, at: number, count: number): number[] {
    const view = viewOf(bytes);
    const found: number[] = [];
    for (let i = 0; i < count && at + 8 * i + 8 <= bytes.length; i++) {
      found.push(view.getUint32(at + 8 * i + 4, true) * 2 ** 32 + view.getUint32(at + 8 * i, true));
    }
    return found;
  }

  /** The entry of a chunk; undefined when its block is damaged or missing. */
  chunk(index: number): ChunkInfo | undefined {
    const bytes = this.cib(Math.floor(index / CHUNKS_PER_CIB));
    if (!bytes) return undefined;
    return ChunkInfo.peek(bytes, CHUNK_INFOS_AT + (index % CHUNKS_PER_CIB) * CHUNK_INFO_SIZE_BYTES);
  }

  cib(index: number): Uint8Array | undefined {
    const block = this.cibBlocks()[index] ?? 0;
    const bytes = block === 0 ? undefined : this.#read(block);
    return bytes && viewOf(bytes).getUint16(0x18, true) === OBJECT.chunkInfo ? bytes : undefined;
  }

  /** Which chunk's bitmap lies in a block. */
  chunkOfBitmap(block: number): number | undefined {
    if (!this.#chunkOfBitmap) {
      this.#chunkOfBitmap = new Map();
      for (let chunk = this.#bitmapFrom(0); chunk < Infinity; chunk = this.#bitmapFrom(chunk + 1)) {
        const address = this.chunk(chunk)?.bitmapAddress ?? 0;
        if (address !== 0) this.#chunkOfBitmap.set(address, chunk);
      }
    }
    return this.#chunkOfBitmap.get(block);
  }

  /** Runs of used blocks between two blocks, ascending: [first, end]. What no bitmap covers counts as free. */
  *usedRuns(first: number, end: number): Generator<readonly [first: number, end: number]> {
    let start = -1;
    for (let block = first; block < end;) {
      const chunk = Math.floor(block / BLOCKS_PER_CHUNK);
      const chunkEnd = Math.min((chunk + 1) * BLOCKS_PER_CHUNK, end);
      const bitmap = this.bitmap(chunk);
      if (!bitmap) {
        if (start >= 0) yield [start, block];
        start = -1;
        block = Math.max(chunkEnd, Math.min(this.#bitmapFrom(chunk + 1) * BLOCKS_PER_CHUNK, end));
        continue;
      }
      for (; block < chunkEnd; block++) {
        const bit = block % BLOCKS_PER_CHUNK;
        const byte = bitmap[bit >>> 3] ?? 0;
        // Whole bytes of one kind are passed in one step.
        if ((bit & 7) === 0 && block + 8 <= chunkEnd && byte === (start < 0 ? 0 : 0xff)) block += 7;
        else if (((byte >>> (bit & 7)) & 1) === 1) {
          if (start < 0) start = block;
        } else if (start >= 0) {
          yield [start, block];
          start = -1;
        }
      }
    }
    if (start >= 0) yield [start, end];
  }

  /** Bitmap of a chunk; undefined when all of it is free. */
  bitmap(chunk: number): Uint8Array | undefined {
    const info = this.chunk(chunk);
    if (!info || info.bitmapAddress === 0) return undefined;
    if ((info.freeCount & FREE_COUNT_MASK) === info.blockCount) return undefined;
    return this.#read(info.bitmapAddress);
  }

  /** The first chunk from `chunk` on that has a bitmap; Infinity when none has. */
  #bitmapFrom(chunk: number): number {
    this.#withBitmap ??= this.#findBitmaps();
    let low = 0;
    let high = this.#withBitmap.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#withBitmap[middle] ?? 0) < chunk) low = middle + 1;
      else high = middle;
    }
    return this.#withBitmap[low] ?? Infinity;
  }

  /** A huge container has many chunks and few bitmaps: the others are told apart before anything is decoded. */
  #findBitmaps(): number[] {
    const found: number[] = [];
    const cibs = Math.ceil(this.chunkCount / CHUNKS_PER_CIB);
    for (let index = 0; index < cibs; index++) {
      const bytes = this.cib(index);
      if (!bytes) continue;
      const view = viewOf(bytes);
      const chunks = Math.min(CHUNKS_PER_CIB, this.chunkCount - index * CHUNKS_PER_CIB);
      for (let i = 0; i < chunks; i++) {
        const at = CHUNK_INFOS_AT + i * CHUNK_INFO_SIZE_BYTES + CHUNK_INFO_BITMAP_AT;
        if (view.getUint32(at, true) !== 0 || view.getUint32(at + 4, true) !== 0)
          found.push(index * CHUNKS_PER_CIB + i);
      }
    }
    return found;
  }

  isUsed(block: number): boolean {
    const bitmap = this.bitmap(Math.floor(block / BLOCKS_PER_CHUNK));
    const bit = block % BLOCKS_PER_CHUNK;
    return bitmap !== undefined && (((bitmap[bit >>> 3] ?? 0) >>> (bit & 7)) & 1) === 1;
  }
}

/** Blocks waiting in a free queue. */
export interface QueuedRange {
  readonly xid: number;
  readonly first: number;
  readonly count: number;
}

export const QUEUES = [
  { which: FREE_QUEUE.internalPool, title: 'Free queue of the internal pool' },
  { which: FREE_QUEUE.main, title: 'Free queue' },
  { which: FREE_QUEUE.secondary, title: 'Free queue of the second device' },
] as const;

export function* queuedRanges(tree: ViewTree): Generator<QueuedRange> {
  for (const node of tree.leaves()) {
    for (let record = 0; record < node.count; record++) {
      const at = node.keyAt(record);
      if (at + 16 > node.keyEnd(record)) continue;
      const count = node.hasValue(record) ? node.u64(node.valueAt(record)) : 1;
      yield { xid: node.u64(at), first: node.u64(at + 8), count };
    }
  }
}

/** A queue's tree: its nodes are ephemeral objects. */
export const queueTree = (
  reader: NodeReader,
  rootOid: number,
  blockOf: (oid: number) => number | undefined,
): ViewTree => new ViewTree(reader, OBJECT.freeQueue, rootOid, blockOf);
