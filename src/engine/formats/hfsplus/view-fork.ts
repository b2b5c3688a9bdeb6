import type { ExtentDescriptor, Geometry } from './layout.ts';
import type { Medium } from '../../device/medium.ts';

/** A run of allocation blocks and which block of the fork is its first. */
export interface ForkRun extends ExtentDescriptor {
  readonly forkBlock: number;
}

/** A piece of a fork on the device. */
export interface ForkPiece {
  readonly deviceOffsetBytes: number;
  readonly lengthBytes: number;
}

/**
 * A fork as its extents give it, read leniently: what no extent covers, or one that leaves the volume, reads as zeros.
 */
export class ViewFork {
  readonly runs: readonly ForkRun[];
  readonly allocatedBytes: number;
  readonly #medium: Medium;
  readonly #geometry: Geometry;

  constructor(
    medium: Medium,
    geometry: Geometry,
    extents: readonly ExtentDescriptor[],
    readonly sizeBytes: number,
  ) {
    this.#medium = medium;
    this.#geometry = geometry;
    const runs: ForkRun[] = [];
    let forkBlock = 0;
    for (const { startBlock, blockCount } of extents) {
      const inside = Math.min(blockCount, geometry.totalBlocks - startBlock);
      if (inside > 0) runs.push({ startBlock, blockCount: inside, forkBlock });
      forkBlock += blockCount;
    }
    this.runs = runs;
    this.allocatedBytes = forkBlock * geometry.blockSizeBytes;
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    const pieces = this.pieces(offsetBytes, lengthBytes);
    const [only] = pieces;
    if (pieces.length === 1 && only && only.at === 0 && only.lengthBytes === lengthBytes) {
      return this.#medium.read(only.deviceOffsetBytes, lengthBytes);
    }
    const into = new Uint8Array(lengthBytes);
    for (const { at, deviceOffsetBytes, lengthBytes: length } of pieces) {
      into.set(this.#medium.read(deviceOffsetBytes, length), at);
    }
    return into;
  }

  /** Where a stretch of the fork lies, in order; `at` counts from the stretch's start. What lies nowhere is left out. */
  pieces(offsetBytes: number, lengthBytes: number): (ForkPiece & { readonly at: number })[] {
    const { blockSizeBytes, volumeOffsetBytes } = this.#geometry;
    const end = offsetBytes + lengthBytes;
    const found: (ForkPiece & { readonly at: number })[] = [];
    for (let i = this.#firstRunBehind(offsetBytes); i < this.runs.length; i++) {
      const run = this.runs[i];
      if (!run) break;
      const runStart = run.forkBlock * blockSizeBytes;
      if (runStart >= end) break;
      const from = Math.max(offsetBytes, runStart);
      const to = Math.min(end, runStart + run.blockCount * blockSizeBytes);
      if (to <= from) continue;
      const deviceOffsetBytes = volumeOffsetBytes + run.startBlock * blockSizeBytes + from - runStart;
      found.push({ at: from - offsetBytes, deviceOffsetBytes, lengthBytes: to - from });
    }
    return found;
  }

  /** First byte of the fork at or after `offsetBytes` that may differ from zero; its allocated size when none does. */
  nextStored(offsetBytes: number): number {
    const { blockSizeBytes, volumeOffsetBytes } = this.#geometry;
    for (let i = this.#firstRunBehind(offsetBytes); i < this.runs.length; i++) {
      const run = this.runs[i];
      if (!run) break;
      const runStart = run.forkBlock * blockSizeBytes;
      const runOnDevice = volumeOffsetBytes + run.startBlock * blockSizeBytes;
      const from = Math.max(offsetBytes, runStart);
      const stored = this.#medium.nextStored(runOnDevice + from - runStart);
      if (stored < runOnDevice + run.blockCount * blockSizeBytes) return runStart + stored - runOnDevice;
    }
    return this.allocatedBytes;
  }

  /** Number of the first run that ends behind `offsetBytes`. */
  #firstRunBehind(offsetBytes: number): number {
    const forkBlock = Math.floor(offsetBytes / this.#geometry.blockSizeBytes);
    let low = 0;
    let high = this.runs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const run = this.runs[middle];
      if (run && run.forkBlock + run.blockCount <= forkBlock) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
