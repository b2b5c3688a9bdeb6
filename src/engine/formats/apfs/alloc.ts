import { FsError } from '../../base/errno.ts';
import type { WriteLabel } from '../../device/device.ts';
import type { Blocks } from './blocks.ts';
import { ChunkBitmap } from './chunk-bitmap.ts';
import { ChunkTable } from './chunks.ts';
import { FreedRuns, queueCapacity } from './free-queue.ts';
import type { FreedRun } from './free-queue.ts';
import { InternalPool } from './internal-pool.ts';
import { BLOCKS_PER_CHUNK, FREE_QUEUE } from './layout-space.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import type { SpaceObject } from './space-object.ts';

export interface Run {
  readonly firstBlock: number;
  readonly blockCount: number;
}

/**
 * Who has which blocks. A block is free, in use, or queued: freed by the newest transaction on the disk or by the
 * running one, still marked as in use and not to be touched, because the checkpoint before refers to it.
 *
 * Which block is given depends on the bitmaps alone: metadata gets the lowest free one, data the goal (a file goes on
 * where it ended), else the lowest run that holds all of it, looked for in a bounded number of chunks, else the same for
 * half of it, and so on. Chunk info blocks and bitmaps are read when needed; nothing here is linear in the disk.
 */
export class SpaceManager {
  readonly pool: InternalPool;
  readonly table: ChunkTable;
  /** What the running transaction freed. */
  readonly freed = new FreedRuns();
  readonly #bitmaps = new Map<number, ChunkBitmap>();
  /** Chunks changed by the running transaction, with the new places of their bitmaps. */
  readonly #dirty = new Map<number, number>();
  /** No chunk below has 2^c free blocks. As with the bounds of a bitmap: seen earlier, never decides. */
  readonly #bounds = new Int32Array(CLASSES);
  #freeCount: number;
  readonly #queueCapacity: number;
  readonly #poolQueueCapacity: number;

  constructor(
    readonly blocks: Blocks,
    readonly object: SpaceObject,
  ) {
    this.pool = new InternalPool(blocks, object);
    this.table = new ChunkTable(blocks, object, this.pool);
    this.#freeCount = object.freeCount;
    this.#queueCapacity = queueCapacity(object.queue(FREE_QUEUE.main).treeNodeLimit);
    this.#poolQueueCapacity = queueCapacity(object.queue(FREE_QUEUE.internalPool).treeNodeLimit);
  }

  /** Blocks that may be given at once, without those in a queue. */
  get freeCount(): number {
    return this.#freeCount;
  }

  /** How many more runs the running transaction can surely free. */
  get freeRecordsLeft(): number {
    return this.#queueCapacity - this.freed.runCount;
  }

  /** How many more blocks of the internal pool it can surely give up: two for each chunk that it is first to change. */
  get poolRecordsLeft(): number {
    return this.#poolQueueCapacity - this.pool.freed.runCount;
  }

  // ── allocating ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** 1 … `count` blocks in one run. Undefined when nothing at all is free. */
  allocate(count: number, goalBlock: number | null, use: 'data' | 'metadata', xid: number): Run | undefined {
    if (use === 'data' && goalBlock !== null && this.blocks.contains(goalBlock, 1)) {
      const run = this.#freeAt(goalBlock, count);
      if (run !== undefined) return this.#take(run, xid);
    }
    for (let wish = Math.min(count, BLOCKS_PER_CHUNK); wish > 0; wish >>= 1) {
      const run = this.#find(wish, count);
      if (run !== undefined) return this.#take(run, xid);
    }
    return undefined;
  }

  #freeAt(block: number, wish: number): Run | undefined {
    const chunk = Math.floor(block / BLOCKS_PER_CHUNK);
    if (this.table.freeCount(chunk) === 0) return undefined;
    const length = this.#bitmap(chunk).freeAt(block % BLOCKS_PER_CHUNK, wish);
    return length === 0 ? undefined : { firstBlock: block, blockCount: length };
  }

  /** The lowest run of `wish` blocks, and as much of `count` as follows it. */
  #find(wish: number, count: number): Run | undefined {
    const exact = 32 - Math.clz32(wish - 1);
    let isLowest = true;
    let looked = 0;
    for (let chunk = this.#bounds[31 - Math.clz32(wish)]!; chunk < this.table.chunkCount; chunk++) {
      if (this.table.freeCount(chunk) < wish) continue;
      if (isLowest) {
        for (let i = exact; i < CLASSES; i++) if (this.#bounds[i]! < chunk) this.#bounds[i] = chunk;
        isLowest = false;
      }
      const bitmap = this.#bitmap(chunk);
      const first = bitmap.find(wish);
      if (first >= 0) {
        return { firstBlock: chunk * BLOCKS_PER_CHUNK + first, blockCount: bitmap.freeAt(first, count) };
      }
      if (++looked === CHUNKS_SEARCHED_MAX) return undefined;
    }
    if (isLowest) this.#bounds.fill(this.table.chunkCount, exact);
    return undefined;
  }

  #take(run: Run, xid: number): Run {
    const chunk = Math.floor(run.firstBlock / BLOCKS_PER_CHUNK);
    const bitmap = this.#change(chunk, xid);
    bitmap.remember();
    bitmap.use(run.firstBlock % BLOCKS_PER_CHUNK, run.blockCount);
    this.#count(chunk, -run.blockCount);
    return run;
  }

  isFresh(block: number): boolean {
    const bitmap = this.#bitmaps.get(Math.floor(block / BLOCKS_PER_CHUNK));
    return bitmap !== undefined && bitmap.isFresh(block % BLOCKS_PER_CHUNK);
  }

  // ── freeing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What the running transaction allocated is free at once, everything else is queued. EIO when it is not in use. */
  free(firstBlock: number, blockCount: number, xid: number): void {
    if (!this.blocks.contains(firstBlock, blockCount) || this.pool.contains(firstBlock)) {
      throw notOurs(firstBlock);
    }
    let at = firstBlock;
    const end = firstBlock + blockCount;
    while (at < end) {
      const chunk = Math.floor(at / BLOCKS_PER_CHUNK);
      const stop = Math.min(end, (chunk + 1) * BLOCKS_PER_CHUNK);
      this.#freeInChunk(chunk, at, stop, xid);
      at = stop;
    }
  }

  #freeInChunk(chunk: number, from: number, stop: number, xid: number): void {
    const base = chunk * BLOCKS_PER_CHUNK;
    const bitmap = this.#bitmap(chunk);
    if (!bitmap.isAllUsed(from - base, stop - from)) throw notOurs(from);
    let at = from;
    while (at < stop) {
      const isFresh = bitmap.isFresh(at - base);
      let runEnd = at + 1;
      while (runEnd < stop && bitmap.isFresh(runEnd - base) === isFresh) runEnd++;
      if (isFresh) this.#clear(chunk, at, runEnd - at, xid);
      else this.freed.add(at, runEnd - at);
      at = runEnd;
    }
  }

  #clear(chunk: number, first: number, count: number, xid: number): void {
    const bitmap = this.#change(chunk, xid);
    bitmap.clear(first % BLOCKS_PER_CHUNK, count);
    this.#count(chunk, count);
    for (let i = 0; i < CLASSES; i++) if (this.#bounds[i]! > chunk) this.#bounds[i] = chunk;
  }

  /** What an older transaction freed may be used again. */
  release(runs: readonly FreedRun[], xid: number): void {
    for (const { firstBlock, blockCount } of runs) {
      if (!this.blocks.contains(firstBlock, blockCount)) throw notOurs(firstBlock);
      let at = firstBlock;
      const end = firstBlock + blockCount;
      while (at < end) {
        const chunk = Math.floor(at / BLOCKS_PER_CHUNK);
        const stop = Math.min(end, (chunk + 1) * BLOCKS_PER_CHUNK);
        const bitmap = this.#bitmap(chunk);
        if (!bitmap.isAllUsed(at % BLOCKS_PER_CHUNK, stop - at)) throw notOurs(at);
        this.#clear(chunk, at, stop - at, xid);
        at = stop;
      }
    }
  }

  #count(chunk: number, difference: number): void {
    this.table.addFree(chunk, difference);
    this.#freeCount += difference;
  }

  // ── bitmaps ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #change(chunk: number, xid: number): ChunkBitmap {
    const bitmap = this.#bitmap(chunk);
    if (!this.#dirty.has(chunk)) this.#dirty.set(chunk, this.table.change(chunk, xid));
    return bitmap;
  }

  #bitmap(chunk: number): ChunkBitmap {
    let bitmap = this.#bitmaps.get(chunk);
    if (bitmap === undefined) {
      if (this.#bitmaps.size >= BITMAPS_MAX) this.#evict();
      const block = this.table.bitmapBlock(chunk);
      const bytes = block === 0 ? new Uint8Array(BLOCK_SIZE_BYTES) : this.blocks.copyOf(block);
      bitmap = new ChunkBitmap(bytes, Math.min(this.table.blockCount(chunk), BLOCKS_PER_CHUNK));
      this.#bitmaps.set(chunk, bitmap);
    }
    return bitmap;
  }

  /** An eighth of those that have not changed, oldest first. */
  #evict(): void {
    let wanted = BITMAPS_MAX / 8;
    for (const chunk of this.#bitmaps.keys()) {
      if (this.#dirty.has(chunk)) continue;
      this.#bitmaps.delete(chunk);
      if (--wanted === 0) return;
    }
  }

  /** Bitmaps, chunk info blocks and pool bitmaps of everything that changed. Queues are the commit's. */
  write(xid: number): void {
    const chunks = [...this.#dirty].sort((a, b) => a[1] - b[1]);
    for (const [chunk, place] of chunks) {
      const bitmap = this.#bitmap(chunk);
      this.blocks.write(place, bitmap.bytes, LABEL_BITMAP);
      bitmap.forget();
    }
    this.table.write(xid);
    this.pool.write(xid);
    this.object.freeCount = this.#freeCount;
    this.#dirty.clear();
  }
}

/** Sizes of runs, 2^0 … 2^15 blocks. */
const CLASSES = 16;
/** Chunks with enough free blocks that are searched for a run before a smaller one will do. */
const CHUNKS_SEARCHED_MAX = 64;
/** 8 MiB of bitmaps; the clean ones among them can go. */
const BITMAPS_MAX = 2048;

const LABEL_BITMAP: WriteLabel = {
  role: 'allocation',
  owner: 'chunk bitmap',
  reason: 'mark blocks in use and free',
};

const notOurs = (block: number): FsError =>
  new FsError(
    'EIO',
    '',
    '',
    `block ${block} would be freed, but it is free already or none of the volumes': check the container with fsck`,
  );
