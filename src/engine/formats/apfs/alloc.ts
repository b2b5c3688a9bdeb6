import { FsError } from '../../base/errno.ts';
import type { WriteLabel } from '../../device/device.ts';
import type { Blocks } from './blocks.ts';
import { ChunkBitmap } from './chunk-bitmap.ts';
import { ChunkTable } from './chunks.ts';
import type { MovedBitmap } from './chunks.ts';
import { Confinement } from './confinement.ts';
import { FreedRuns, queueCapacity } from './free-queue.ts';
import type { FreedRun } from './free-queue.ts';
import type { Geometry } from './geometry.ts';
import { InternalPool } from './internal-pool.ts';
import { BLOCKS_PER_CHUNK, FREE_QUEUE } from './layout-space.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { resizedSpaceObject } from './space-object.ts';
import type { SpaceObject } from './space-object.ts';

export interface Run {
  readonly firstBlock: number;
  readonly blockCount: number;
}

/** Where the internal pool and the ring of its bitmaps go. */
export interface PoolPlace {
  readonly ringBase: number;
  readonly poolBase: number;
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
  #pool: InternalPool;
  #table: ChunkTable;
  #object: SpaceObject;
  /** What the running transaction freed. */
  readonly freed = new FreedRuns();
  readonly #bitmaps = new Map<number, ChunkBitmap>();
  /** Chunks changed by the running transaction, with the new places of their bitmaps. */
  readonly #dirty = new Map<number, number>();
  /** No chunk below has 2^c free blocks. As with the bounds of a bitmap: seen earlier, never decides. */
  readonly #bounds = new Int32Array(CLASSES);
  #freeCount: number;
  #confinement: Confinement | null = null;
  /** Free blocks that may be given, while there is a confinement. */
  #confinedFreeCount = 0;
  #queueCapacity = 0;
  #poolQueueCapacity = 0;

  constructor(
    readonly blocks: Blocks,
    object: SpaceObject,
  ) {
    this.#object = object;
    this.#pool = new InternalPool(blocks, object);
    this.#table = new ChunkTable(blocks, object, this.#pool);
    this.#freeCount = object.freeCount;
    this.#setCapacities();
  }

  get pool(): InternalPool {
    return this.#pool;
  }

  get table(): ChunkTable {
    return this.#table;
  }

  get object(): SpaceObject {
    return this.#object;
  }

  #setCapacities(): void {
    this.#queueCapacity = queueCapacity(this.#object.queue(FREE_QUEUE.main).treeNodeLimit);
    this.#poolQueueCapacity = queueCapacity(this.#object.queue(FREE_QUEUE.internalPool).treeNodeLimit);
  }

  /** Blocks that may be given at once, without those in a queue. */
  get freeCount(): number {
    return this.#confinement === null ? this.#freeCount : this.#confinedFreeCount;
  }

  /** How many blocks of these runs may be given once they are free. */
  usableBlocks(runs: readonly FreedRun[]): number {
    const among = ({ firstBlock, blockCount }: FreedRun): number =>
      this.#confinement?.within(firstBlock, blockCount) ?? blockCount;
    return runs.reduce((sum, run) => sum + among(run), 0);
  }

  /** From now on blocks behind `end`, and those of `keptFree`, are given to nobody; null: all may be given again. */
  confine(end: number | null, keptFree: Run | null = null): void {
    this.#confinement = end === null ? null : new Confinement(end, keptFree);
    if (end === null) return;
    const kept = keptFree === null ? 0 : this.#freeIn(keptFree.firstBlock, keptFree.blockCount);
    this.#confinedFreeCount = this.#freeCount - kept - this.#freeIn(end, this.blocks.count - end);
  }

  #freeIn(firstBlock: number, blockCount: number): number {
    const end = firstBlock + blockCount;
    let free = 0;
    for (let at = firstBlock; at < end;) {
      const chunk = Math.floor(at / BLOCKS_PER_CHUNK);
      const base = chunk * BLOCKS_PER_CHUNK;
      const stop = Math.min(end, base + BLOCKS_PER_CHUNK);
      const isWhole = at === base && stop === Math.min(this.blocks.count, base + BLOCKS_PER_CHUNK);
      free += isWhole ? this.#table.freeCount(chunk) : this.#bitmap(chunk).freeIn(at - base, stop - base);
      at = stop;
    }
    return free;
  }

  /** How many more runs the running transaction can surely free. */
  get freeRecordsLeft(): number {
    return this.#queueCapacity - this.freed.runCount;
  }

  /** How many more blocks of the internal pool it can surely give up: two for each chunk that it is first to change. */
  get poolRecordsLeft(): number {
    return this.#poolQueueCapacity - this.#pool.freed.runCount;
  }

  // ── allocating ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** 1 … `count` blocks in one run. Undefined when nothing at all is free. */
  allocate(count: number, goalBlock: number | null, use: 'data' | 'metadata', xid: number): Run | undefined {
    const hasGoal = use === 'data' && goalBlock !== null && this.blocks.contains(goalBlock, 1);
    if (hasGoal && this.#confinement === null) {
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
    if (this.#table.freeCount(chunk) === 0) return undefined;
    const length = this.#bitmap(chunk).freeAt(block % BLOCKS_PER_CHUNK, wish);
    return length === 0 ? undefined : { firstBlock: block, blockCount: length };
  }

  /** The same where not all blocks may be given. */
  #findConfined(confinement: Confinement, wish: number, count: number): Run | undefined {
    let looked = 0;
    const chunkCount = Math.min(this.#table.chunkCount, Math.ceil(confinement.end / BLOCKS_PER_CHUNK));
    for (let chunk = this.#bounds[31 - Math.clz32(wish)]!; chunk < chunkCount; chunk++) {
      if (this.#table.freeCount(chunk) < wish) continue;
      const run = confinement.find(this.#bitmap(chunk), chunk * BLOCKS_PER_CHUNK, wish, count);
      if (run !== undefined) return run;
      if (wish > 1 && ++looked === CHUNKS_SEARCHED_MAX) return undefined;
    }
    return undefined;
  }

  /** The lowest run of `wish` blocks, and as much of `count` as follows it. */
  #find(wish: number, count: number): Run | undefined {
    if (this.#confinement !== null) return this.#findConfined(this.#confinement, wish, count);
    const exact = 32 - Math.clz32(wish - 1);
    let isLowest = true;
    let looked = 0;
    for (let chunk = this.#bounds[31 - Math.clz32(wish)]!; chunk < this.#table.chunkCount; chunk++) {
      if (this.#table.freeCount(chunk) < wish) continue;
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
    if (isLowest) this.#bounds.fill(this.#table.chunkCount, exact);
    return undefined;
  }

  #take(run: Run, xid: number): Run {
    const chunk = Math.floor(run.firstBlock / BLOCKS_PER_CHUNK);
    const bitmap = this.#change(chunk, xid);
    bitmap.remember();
    bitmap.use(run.firstBlock % BLOCKS_PER_CHUNK, run.blockCount);
    this.#count(chunk, -run.blockCount);
    this.#confinedFreeCount -= this.#confinement?.within(run.firstBlock, run.blockCount) ?? 0;
    return run;
  }

  isFresh(block: number): boolean {
    const bitmap = this.#bitmaps.get(Math.floor(block / BLOCKS_PER_CHUNK));
    return bitmap !== undefined && bitmap.isFresh(block % BLOCKS_PER_CHUNK);
  }

  // ── freeing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What the running transaction allocated is free at once, everything else is queued. EIO when it is not in use. */
  free(firstBlock: number, blockCount: number, xid: number): void {
    if (!this.blocks.contains(firstBlock, blockCount) || this.#pool.contains(firstBlock)) {
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
    this.#confinedFreeCount += this.#confinement?.within(first, count) ?? 0;
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
    this.#table.addFree(chunk, difference);
    this.#freeCount += difference;
  }

  // ── another size ──────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The container gets the size of `geometry`. Whoever asks has looked where the new internal pool fits (null: it stays)
   * and that beyond the new end nothing is in use but the old one (resize.ts). The old pool is freed like anything
   * else, for the newest checkpoint on the disk refers to it; what lies beyond the new end is simply no more.
   */
  resize(geometry: Geometry, place: PoolPlace | null, xid: number): void {
    const { blockCount } = geometry;
    const oldCount = this.blocks.count;
    this.blocks.resize(Math.max(oldCount, blockCount));
    if (place === null) this.#resizeLast(blockCount, xid);
    else this.#resizeAll(geometry, place, xid);
    this.blocks.resize(blockCount);
    this.#bounds.fill(0);
    this.#setCapacities();
  }

  /** Only the length of the last chunk changes. */
  #resizeLast(blockCount: number, xid: number): void {
    const chunk = this.#table.chunkCount - 1;
    this.#change(chunk, xid);
    const length = blockCount - chunk * BLOCKS_PER_CHUNK;
    this.#count(chunk, length - this.#table.blockCount(chunk));
    this.#table.setLength(chunk, length, this.#table.freeCount(chunk));
    this.#recut(chunk, length);
    this.#object.setBlockCount(blockCount);
  }

  #recut(chunk: number, length: number): Uint8Array {
    const { bytes } = this.#bitmap(chunk);
    this.#bitmaps.set(chunk, new ChunkBitmap(bytes, length));
    return bytes;
  }

  #resizeAll(geometry: Geometry, { ringBase, poolBase }: PoolPlace, xid: number): void {
    const oldRuns = this.#pool.runs;
    // What has not changed can be read again; of the others memory knows more than the disk.
    for (const chunk of this.#bitmaps.keys()) {
      if (!this.#dirty.has(chunk) || chunk >= geometry.chunkCount) this.#bitmaps.delete(chunk);
    }
    this.#dirty.clear();
    const space = resizedSpaceObject(this.#object, geometry, ringBase, poolBase);
    const pool = InternalPool.newIn(this.blocks, space);
    this.#freeCount = 0;
    let moved = 0;
    this.#table = this.#table.resized({
      ...{ space, pool, xid },
      moved: (bitmap) => {
        const freeCount = this.#moveBitmap(bitmap);
        moved += bitmap.length - freeCount;
        return freeCount;
      },
    });
    this.#pool = pool;
    this.#object = space;
    this.#freeCount = geometry.blockCount - moved;
    this.#use(ringBase, geometry.ringBlocks, xid);
    this.#use(poolBase, geometry.poolBlocks, xid);
    for (const { firstBlock, blockCount } of oldRuns) {
      const kept = Math.min(blockCount, geometry.blockCount - firstBlock);
      if (kept > 0) this.free(firstBlock, kept, xid);
    }
  }

  /** One in memory is written with the transaction, another copied now. How many blocks of the chunk are free. */
  #moveBitmap({ chunk, length, old, place }: MovedBitmap): number {
    const isKept = this.#bitmaps.has(chunk);
    const bytes = isKept ? this.#recut(chunk, length) : this.blocks.copyOf(old);
    cutBits(bytes, length);
    if (isKept) this.#dirty.set(chunk, place);
    else this.blocks.write(place, bytes, LABEL_BITMAP);
    return length - countBits(bytes);
  }

  #use(firstBlock: number, blockCount: number, xid: number): void {
    const end = firstBlock + blockCount;
    for (let at = firstBlock; at < end;) {
      const stop = Math.min(end, (Math.floor(at / BLOCKS_PER_CHUNK) + 1) * BLOCKS_PER_CHUNK);
      this.#take({ firstBlock: at, blockCount: stop - at }, xid);
      at = stop;
    }
  }

  // ── bitmaps ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #change(chunk: number, xid: number): ChunkBitmap {
    const bitmap = this.#bitmap(chunk);
    if (!this.#dirty.has(chunk)) this.#dirty.set(chunk, this.#table.change(chunk, xid));
    return bitmap;
  }

  /** To look at, not to change. */
  bitmapOf(chunk: number): ChunkBitmap {
    return this.#bitmap(chunk);
  }

  #bitmap(chunk: number): ChunkBitmap {
    let bitmap = this.#bitmaps.get(chunk);
    if (bitmap === undefined) {
      if (this.#bitmaps.size >= BITMAPS_MAX) this.#evict();
      const block = this.#table.bitmapBlock(chunk);
      const bytes = block === 0 ? new Uint8Array(BLOCK_SIZE_BYTES) : this.blocks.copyOf(block);
      bitmap = new ChunkBitmap(bytes, Math.min(this.#table.blockCount(chunk), BLOCKS_PER_CHUNK));
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
    this.#table.write(xid);
    this.#pool.write(xid);
    this.#object.freeCount = this.#freeCount;
    this.#dirty.clear();
  }
}

/** Bits beyond the end of a chunk are zero. */
function cutBits(bytes: Uint8Array, length: number): void {
  if (length % 8 !== 0) bytes[length >> 3]! &= (1 << (length % 8)) - 1;
  bytes.fill(0, Math.ceil(length / 8));
}

function countBits(bytes: Uint8Array): number {
  let count = 0;
  for (let byte of bytes) for (; byte !== 0; byte &= byte - 1) count++;
  return count;
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
