import { FsError } from '../../base/errno.ts';
import type { PoolPlace, SpaceManager } from './alloc.ts';
import { ChunkBitmap } from './chunk-bitmap.ts';
import type { FreedRun } from './free-queue.ts';
import { CONTAINER_BLOCKS_MIN, geometryOf } from './geometry.ts';
import type { Geometry } from './geometry.ts';
import { BLOCKS_PER_CHUNK } from './layout-space.ts';
import { BLOCK_SIZE_BYTES, BYTES_PER_VOLUME } from './layout.ts';

/**
 * Which sizes a container can be given, and where its internal pool goes: everything that is decided before anything
 * changes. A container of another number of chunks needs a larger or smaller internal pool, all of it in one run; it
 * moves there as a whole. What lies behind the new end is moved in front of it before (relocation.ts), so the container
 * can be cut behind the last block that must stay, and where all the others still have room.
 */
export interface Sizing {
  readonly space: SpaceManager;
  readonly blockCount: number;
  /** Marked as in use, free as soon as the next transaction begins; ascending. */
  readonly waiting: readonly FreedRun[];
}

interface Demands {
  readonly volumesLeast: number;
  /** The block behind the last one that must stay where it is; Infinity: all of them must. */
  readonly pinnedEnd: number;
  readonly unmetReserves: number;
  /** Free blocks that a container of so many must keep so that it can be emptied. */
  headroomOf(blockCount: number): number;
}

/** The smallest size that `poolPlaceFor` finds a place for and that leaves what is needed to go on working. */
export function leastBlocks(sizing: Sizing, demands: Demands): number {
  const { space, blockCount } = sizing;
  const poolRuns = [...space.pool.runs].sort((a, b) => a.firstBlock - b.firstBlock);
  const live = blockCount - space.freeCount - lengthOf(sizing.waiting) - lengthOf(poolRuns);
  const { pinnedEnd } = demands;
  let least = Math.max(
    CONTAINER_BLOCKS_MIN,
    Number.isFinite(pinnedEnd) ? pinnedEnd : endOfUsed(sizing, poolRuns),
    ((demands.volumesLeast - 1) * BYTES_PER_VOLUME) / BLOCK_SIZE_BYTES + 1,
  );
  while (least < blockCount) {
    const geometry = geometryOf(least);
    // Until the internal pool has moved both places are taken.
    const oldPool = poolStays(sizing, geometry) ? 0 : lengthBefore(poolRuns, least);
    const moved = usedBehind(sizing, poolRuns, least);
    const rest = poolLength(geometry) + demands.headroomOf(least) + demands.unmetReserves;
    const wanted = live + rest + (moved === 0 ? 0 : oldPool + Math.ceil(moved / BLOCKS_PER_RECORD_BLOCK));
    if (wanted > least) {
      least = wanted;
      continue;
    }
    if (poolStays(sizing, geometry)) return least;
    const firstBlock = findRun(sizing, poolLength(geometry), blockCount);
    const end = firstBlock + poolLength(geometry);
    if (firstBlock < 0) return blockCount;
    if (end <= least) return least;
    least = end;
  }
  return blockCount;
}

/** Null: the pool stays where it is. FsError ENOSPC when it fits nowhere. */
export function poolPlaceFor(sizing: Sizing, geometry: Geometry): PoolPlace | null {
  if (poolStays(sizing, geometry)) return null;
  const firstBlock = findRun(sizing, poolLength(geometry), geometry.blockCount);
  if (firstBlock < 0) {
    const detail = `the internal pool needs ${poolLength(geometry)} free blocks in one run for that size: delete files or snapshots`;
    throw new FsError('ENOSPC', '', '', detail);
  }
  return { ringBase: firstBlock, poolBase: firstBlock + geometry.ringBlocks };
}

/** What is moved may end up in many pieces: their records take one block for so many that are moved, or less. */
const BLOCKS_PER_RECORD_BLOCK = 16;

/** How many blocks behind `end` are in use, those of the internal pool apart. Cost: the chunks behind it. */
function usedBehind(sizing: Sizing, poolRuns: readonly FreedRun[], end: number): number {
  const { space, blockCount, waiting } = sizing;
  let used = 0;
  for (let chunk = Math.floor(end / BLOCKS_PER_CHUNK); chunk < space.table.chunkCount; chunk++) {
    if (space.table.freeCount(chunk) === space.table.blockCount(chunk)) continue;
    const base = chunk * BLOCKS_PER_CHUNK;
    const bitmap = without(without(space.bitmapOf(chunk), base, waiting), base, poolRuns);
    const [from, to] = [Math.max(end, base) - base, Math.min(blockCount, base + BLOCKS_PER_CHUNK) - base];
    used += to - from - bitmap.freeIn(from, to);
  }
  return used;
}

const lengthBefore = (runs: readonly FreedRun[], end: number): number =>
  runs.reduce(
    (sum, { firstBlock, blockCount }) => sum + Math.max(0, Math.min(blockCount, end - firstBlock)),
    0,
  );

/** Is anything in use from block `end` on, the internal pool apart? */
export function isUsedBehind(sizing: Sizing, end: number): boolean {
  const poolRuns = [...sizing.space.pool.runs].sort((a, b) => a.firstBlock - b.firstBlock);
  return endOfUsed(sizing, poolRuns) > end;
}

const poolLength = ({ ringBlocks, poolBlocks }: Geometry): number => ringBlocks + poolBlocks;

function poolStays({ space }: Sizing, geometry: Geometry): boolean {
  const { chunkCount, cibCount, cabCount } = space.object.device;
  const isSame =
    chunkCount === geometry.chunkCount && cibCount === geometry.cibCount && cabCount === geometry.cabCount;
  return isSame && space.pool.runs.every((run) => run.firstBlock + run.blockCount <= geometry.blockCount);
}

const lengthOf = (runs: readonly FreedRun[]): number => runs.reduce((sum, run) => sum + run.blockCount, 0);

// ── looking through the bitmaps ─────────────────────────────────────────────────────────────────────────────────────

/** The chunk's bitmap without the runs, which are ascending. */
function without(bitmap: ChunkBitmap, base: number, runs: readonly FreedRun[]): ChunkBitmap {
  const end = base + bitmap.blockCount;
  let copy: ChunkBitmap | null = null;
  for (let i = firstReaching(runs, base); i < runs.length; i++) {
    const { firstBlock, blockCount } = runs[i]!;
    if (firstBlock >= end) break;
    copy ??= new ChunkBitmap(bitmap.bytes.slice(), bitmap.blockCount);
    const from = Math.max(firstBlock, base);
    copy.clear(from - base, Math.min(firstBlock + blockCount, end) - from);
  }
  return copy ?? bitmap;
}

/** Index of the first run that ends behind `block`. */
function firstReaching(runs: readonly FreedRun[], block: number): number {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { firstBlock, blockCount } = runs[middle]!;
    if (firstBlock + blockCount > block) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The block behind the last one in use, `movable` ones apart. Cost: the chunks behind it. */
function endOfUsed({ space, waiting }: Sizing, movable: readonly FreedRun[]): number {
  for (let chunk = space.table.chunkCount - 1; chunk >= 0; chunk--) {
    if (space.table.freeCount(chunk) === space.table.blockCount(chunk)) continue;
    const base = chunk * BLOCKS_PER_CHUNK;
    const last = without(without(space.bitmapOf(chunk), base, waiting), base, movable).lastUsed();
    if (last >= 0) return base + last + 1;
  }
  return 0;
}

/**
 * Where the lowest run of so many free blocks in front of `end` begins; −1: nowhere. `end` may lie behind the container's
 * own.
 */
function findRun({ space, waiting }: Sizing, length: number, end: number): number {
  const { table } = space;
  let start = 0;
  for (let base = 0; base < end; base += BLOCKS_PER_CHUNK) {
    const chunk = base / BLOCKS_PER_CHUNK;
    const stop = Math.min(base + BLOCKS_PER_CHUNK, end);
    const isFree = chunk >= table.chunkCount || table.freeCount(chunk) === table.blockCount(chunk);
    if (!isFree) {
      const bitmap = without(space.bitmapOf(chunk), base, waiting);
      for (let at = 0; at < bitmap.blockCount;) {
        const used = bitmap.nextUsed(at);
        if (Math.min(base + used, stop) - start >= length) return start;
        if (used === bitmap.blockCount) break;
        at = bitmap.nextFree(used);
        start = base + at;
      }
    }
    if (stop - start >= length) return start;
  }
  return -1;
}
