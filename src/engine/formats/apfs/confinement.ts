import type { Run } from './alloc.ts';
import type { ChunkBitmap } from './chunk-bitmap.ts';

/**
 * Where blocks may be given while a container is emptied from some block on: in front of that block, and not where the
 * internal pool is about to go.
 */
export class Confinement {
  /** `keptFree`: blocks in front of `end` that nobody gets. */
  constructor(
    readonly end: number,
    readonly keptFree: Run | null,
  ) {}

  /** How many of these blocks may be given when they are free. */
  within(firstBlock: number, blockCount: number): number {
    const end = Math.min(firstBlock + blockCount, this.end);
    const inside = Math.max(0, end - firstBlock);
    return inside - (this.keptFree === null ? 0 : overlap(this.keptFree, firstBlock, end));
  }

  /** The lowest run of at least `wish` blocks in a chunk that begins at block `base`, and as much of `count` as follows. */
  find(bitmap: ChunkBitmap, base: number, wish: number, count: number): Run | undefined {
    const { end, keptFree } = this;
    const limit = Math.min(bitmap.blockCount, end - base);
    for (let at = bitmap.nextFree(0); at < limit;) {
      let stop = Math.min(bitmap.nextUsed(at), limit);
      let next = stop;
      if (keptFree !== null && overlap(keptFree, base + at, base + stop) > 0) {
        next = Math.max(at, keptFree.firstBlock + keptFree.blockCount - base);
        stop = Math.max(at, keptFree.firstBlock - base);
      }
      if (stop - at >= wish) return { firstBlock: base + at, blockCount: Math.min(stop - at, count) };
      at = bitmap.nextFree(next);
    }
    return undefined;
  }
}

const overlap = ({ firstBlock, blockCount }: Run, from: number, to: number): number =>
  Math.max(0, Math.min(firstBlock + blockCount, to) - Math.max(firstBlock, from));
