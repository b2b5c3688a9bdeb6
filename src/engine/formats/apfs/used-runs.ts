import { BLOCKS_PER_CHUNK } from './layout-space.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';

/** What newfs has put where, as runs of blocks, and the bitmaps that say so. */

/** Blocks in use: from the first to before the second, counted from the start of the container. */
export type UsedRun = readonly [number, number];

/** The bitmap of a chunk: 1 is in use, lowest bit first. */
export function chunkBitmap(chunk: number, runs: readonly UsedRun[]): Uint8Array {
  const bitmap = new Uint8Array(BLOCK_SIZE_BYTES);
  const base = chunk * BLOCKS_PER_CHUNK;
  for (const [from, to] of runs) setBits(bitmap, from - base, to - base);
  return bitmap;
}

/** Mark bits `from` … `to` − 1, as far as the bitmap reaches. */
export function setBits(bitmap: Uint8Array, from: number, to: number): void {
  const end = Math.min(to, bitmap.length * 8);
  for (let bit = Math.max(from, 0); bit < end; bit++) {
    if (bit % 8 === 0 && bit + 8 <= end) {
      bitmap[bit >> 3] = 0xff;
      bit += 7;
    } else {
      bitmap[bit >> 3] = (bitmap[bit >> 3] ?? 0) | (1 << (bit & 7));
    }
  }
}

/** How many of the blocks `from` … `to` − 1 are in use. */
export function countUsed(runs: readonly UsedRun[], from: number, to: number): number {
  return runs.reduce((sum, run) => sum + Math.max(0, Math.min(run[1], to) - Math.max(run[0], from)), 0);
}
