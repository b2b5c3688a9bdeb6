import { equalBytes, isZero } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { BLOCKS_PER_CHUNK, FREE_QUEUE, NO_SLOT, POOL_BITMAP_GENERATIONS } from './layout-space.ts';
import { bitmapOf } from './fsck-bits.ts';
import { hex, u64At } from './fsck-check.ts';
import { QUEUE_NAMES } from './fsck-queue.ts';
import { SPACE_REMEDY } from './fsck-report.ts';
import type { Space } from './fsck-space.ts';

/**
 * The internal pool (apfs.md §3.4): its size, the ring of its bitmaps, the list of free slots in that ring. Marks ring
 * and pool as used in the container. False when its bitmaps cannot be found.
 */
export function checkPool(space: Space): boolean {
  const { pool, device, check } = space;
  const blocks = POOL_COPIES * (device.chunkCount + device.cibCount + device.cabCount);
  if (pool.poolBlockCount !== blocks)
    space.wrong(`an internal pool of ${pool.poolBlockCount} blocks, expected ${blocks}`);
  const sizeBlocks = Math.ceil(pool.poolBlockCount / BLOCKS_PER_CHUNK);
  if (pool.bitmapSizeBlocks !== sizeBlocks) {
    space.wrong(`an internal pool bitmap of ${pool.bitmapSizeBlocks} blocks, expected ${sizeBlocks}`);
  }
  if (pool.bitmapTransactionMultiplier !== POOL_BITMAP_GENERATIONS) {
    space.wrong(`${pool.bitmapTransactionMultiplier} generations of internal pool bitmaps`);
  }
  const ringBlocks = POOL_BITMAP_GENERATIONS * pool.bitmapSizeBlocks;
  if (pool.bitmapRingBlocks !== ringBlocks) {
    space.wrong(`a ring of ${pool.bitmapRingBlocks} internal pool bitmaps, expected ${ringBlocks}`);
  }
  const isRingMarked = check.mark(pool.bitmapBase, pool.bitmapRingBlocks, 'internal pool bitmaps');
  const isPoolMarked = check.mark(pool.poolBase, pool.poolBlockCount, 'internal pool');
  const isSound =
    isRingMarked &&
    isPoolMarked &&
    pool.bitmapSizeBlocks === sizeBlocks &&
    pool.bitmapRingBlocks === ringBlocks;
  if (!isSound || !checkArrays(space)) {
    check.isUsageUnknown = true;
    return false;
  }
  checkFreeSlots(space);
  checkCurrentSlots(space);
  if (sizeBlocks === 1) checkTails(space);
  return true;
}

/** Room for every bitmap, chunk info block and address block in three versions. */
const POOL_COPIES = 3;

function checkArrays(space: Space): boolean {
  const { ring, pool } = space;
  const count = pool.bitmapSizeBlocks;
  const hasXids = space.hasArray(
    ring.bitmapXidOffsetBytes,
    count,
    8,
    'transactions of internal pool bitmaps',
  );
  const hasSlots = space.hasArray(ring.bitmapSlotOffsetBytes, count, 2, 'slots of internal pool bitmaps');
  const hasNext = space.hasArray(ring.freeNextOffsetBytes, pool.bitmapRingBlocks, 2, 'list of free slots');
  return hasXids && hasSlots && hasNext;
}

/** Slot of the live copy of bitmap block `index`. */
export const slotOf = (space: Space, index: number): number =>
  space.view.getUint16(space.ring.bitmapSlotOffsetBytes + 2 * index, true);

/** Free slots form a list from head to tail; entries of slots in use, and of the tail, lead nowhere. */
function checkFreeSlots(space: Space): void {
  const { view, ring, pool } = space;
  const wrong = (text: string): void =>
    space.check.error('space-manager', `internal pool: ${text}`, space.block, SPACE_REMEDY);
  const next = (slot: number): number => view.getUint16(ring.freeNextOffsetBytes + 2 * slot, true);
  const free = new Set<number>();
  let slot = ring.freeHead;
  while (slot < pool.bitmapRingBlocks && !free.has(slot)) {
    free.add(slot);
    if (slot === ring.freeTail) break;
    slot = next(slot);
  }
  if (slot !== ring.freeTail || slot >= pool.bitmapRingBlocks) {
    wrong('the list of free slots does not lead from its head to its tail');
    return;
  }
  if (next(slot) !== NO_SLOT) wrong('the list of free slots does not end at its tail');
  const used = pool.bitmapRingBlocks - free.size;
  if (used !== pool.bitmapSizeBlocks) wrong(`${used} slots are in use, expected ${pool.bitmapSizeBlocks}`);
  for (let i = 0; i < pool.bitmapSizeBlocks; i++) {
    if (free.has(slotOf(space, i))) wrong(`slot ${slotOf(space, i)} is in use and listed as free`);
  }
}

function checkCurrentSlots(space: Space): void {
  const { view, ring, pool, check } = space;
  const wrong = (text: string): void =>
    check.error('space-manager', `internal pool: ${text}`, space.block, SPACE_REMEDY);
  const seen = new Set<number>();
  for (let i = 0; i < pool.bitmapSizeBlocks; i++) {
    const slot = slotOf(space, i);
    if (slot >= pool.bitmapRingBlocks) wrong(`bitmap ${i} lies in slot ${slot} of ${pool.bitmapRingBlocks}`);
    else if (seen.has(slot)) wrong(`slot ${slot} holds two bitmaps`);
    else if (view.getUint16(ring.freeNextOffsetBytes + 2 * slot, true) !== NO_SLOT)
      wrong(`slot ${slot} is in use and on the list of free ones`);
    seen.add(slot);
    const xid = u64At(view, ring.bitmapXidOffsetBytes + 8 * i);
    if (xid > check.xid) wrong(`bitmap ${i} is of transaction ${xid}`);
  }
}

/** With one bitmap block, nothing is set behind the end of the pool, in any generation. */
function checkTails(space: Space): void {
  const { pool, check } = space;
  const edge = Math.floor(pool.poolBlockCount / 8);
  const rest = 0xff << (pool.poolBlockCount % 8);
  for (let slot = 0; slot < pool.bitmapRingBlocks; slot++) {
    const bytes = check.read(pool.bitmapBase + slot);
    if (((bytes[edge] ?? 0) & rest) === 0 && isZero(bytes.subarray(edge + 1))) continue;
    const message = `internal pool: bits behind its end are set in the bitmap of slot ${slot}`;
    check.error('space-map', message, pool.bitmapBase + slot, SPACE_REMEDY);
  }
}

/** The live bitmaps of the internal pool say what was found in use, no more and no less. */
export function comparePoolBitmaps(space: Space): void {
  const { pool, check } = space;
  const queue = QUEUE_NAMES[FREE_QUEUE.internalPool];
  const runs = space.claims.merge((first, second, start) => {
    const owners = [space.claims.ownerOf(first), space.claims.ownerOf(second)];
    const message = `block ${hex(start)} of the internal pool is used by ${owners.join(' and ')}`;
    check.error('double-use', message, start, owners.includes(queue) ? SPACE_REMEDY : undefined);
  });
  for (let i = 0; i < pool.bitmapSizeBlocks; i++) {
    const slot = slotOf(space, i);
    if (slot >= pool.bitmapRingBlocks) continue;
    const block = pool.bitmapBase + slot;
    const right = bitmapOf(runs, pool.poolBase + i * BLOCKS_PER_CHUNK, BLOCK_SIZE_BYTES * 8);
    if (check.isUsageUnknown || equalBytes(right, check.read(block))) continue;
    check.error('space-map', `the internal pool bitmap in block ${hex(block)} is wrong`, block, SPACE_REMEDY);
  }
}
