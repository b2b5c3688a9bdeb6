import { viewOf } from '../../base/bytes.ts';
import type { WriteLabel } from '../../device/device.ts';
import { EXTENT_SIZE_BYTES, EXTENTS_PER_RECORD } from './layout.ts';
import type { Geometry } from './layout.ts';
import type { Draft } from '../../device/draft.ts';
import type { Stage } from './fsck-stages.ts';

/** Runs of blocks: those of a special file as bytes that can be read and written, and eight of them as they lie in a record. */

export interface BlockRun {
  readonly start: number;
  readonly count: number;
}

/** One of the five files of the volume header, through its extents. Bytes beyond them read as zeros. */
export class SpecialFile {
  readonly sizeBytes: number;
  readonly #medium: Draft;
  readonly #blockSizeBytes: number;
  /** First byte of each run in the file and on the device; one more entry, the end. */
  readonly #fileOffsets: number[] = [];
  readonly #deviceOffsets: number[] = [];
  #last = 0;

  constructor(
    medium: Draft,
    geometry: Geometry,
    readonly id: number,
    readonly name: string,
    readonly runs: readonly BlockRun[],
  ) {
    this.#medium = medium;
    this.#blockSizeBytes = geometry.blockSizeBytes;
    let at = 0;
    for (const { start, count } of runs) {
      this.#fileOffsets.push(at);
      this.#deviceOffsets.push(geometry.volumeOffsetBytes + start * geometry.blockSizeBytes);
      at += count * geometry.blockSizeBytes;
    }
    this.sizeBytes = at;
  }

  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    const run = this.#runOf(offsetBytes);
    if (run >= 0 && offsetBytes + lengthBytes <= this.#endOf(run)) {
      return this.#medium.read(this.#deviceOf(run, offsetBytes), lengthBytes);
    }
    const into = new Uint8Array(lengthBytes);
    this.#pieces(offsetBytes, lengthBytes, (device, length, done) =>
      into.set(this.#medium.read(device, length), done),
    );
    return into;
  }

  write(offsetBytes: number, bytes: Uint8Array, stage: Stage, label: WriteLabel): void {
    this.#pieces(offsetBytes, bytes.length, (device, length, done) =>
      this.#medium.write(device, bytes.subarray(done, done + length), stage, label),
    );
  }

  /** Where a byte of the file lies; 0 for one beyond its extents. */
  deviceOffset(offsetBytes: number): number {
    const run = this.#runOf(offsetBytes);
    return run < 0 ? 0 : this.#deviceOf(run, offsetBytes);
  }

  /** First byte at or after `offsetBytes` that may not be zero; the size when there is none. */
  nextStored(offsetBytes: number): number {
    for (let run = this.#runOf(offsetBytes); run >= 0 && run < this.#fileOffsets.length; run++) {
      const at = Math.max(offsetBytes, this.#fileOffsets[run] ?? 0);
      const device = this.#deviceOf(run, at);
      const stored = at + (this.#medium.nextStored(device) - device);
      if (stored < this.#endOf(run)) return stored;
    }
    return this.sizeBytes;
  }

  #pieces(
    offsetBytes: number,
    lengthBytes: number,
    each: (device: number, length: number, done: number) => void,
  ): void {
    const end = Math.min(offsetBytes + lengthBytes, this.sizeBytes);
    let run = this.#runOf(offsetBytes);
    for (let at = offsetBytes; run >= 0 && at < end; run++) {
      const length = Math.min(end, this.#endOf(run)) - at;
      each(this.#deviceOf(run, at), length, at - offsetBytes);
      at += length;
    }
  }

  #endOf(run: number): number {
    return (this.#fileOffsets[run] ?? 0) + (this.runs[run]?.count ?? 0) * this.#blockSizeBytes;
  }

  #deviceOf(run: number, offsetBytes: number): number {
    return (this.#deviceOffsets[run] ?? 0) + offsetBytes - (this.#fileOffsets[run] ?? 0);
  }

  /** -1 beyond the end. */
  #runOf(offsetBytes: number): number {
    if (offsetBytes < 0 || offsetBytes >= this.sizeBytes) return -1;
    const { length } = this.#fileOffsets;
    if ((this.#fileOffsets[this.#last] ?? 0) <= offsetBytes && offsetBytes < this.#endOf(this.#last)) {
      return this.#last;
    }
    let low = 0;
    let high = length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#fileOffsets[middle] ?? 0) <= offsetBytes) low = middle;
      else high = middle - 1;
    }
    this.#last = low;
    return low;
  }
}

/** What is wrong with eight extents, at which of them. */
export interface ExtentFault {
  readonly index: number;
  readonly text: string;
}

/**
 * Look at the eight extents at `at`: `each` is told of the good ones, up to the first that is empty or cannot be.
 * Returns what is wrong, or null. Block 0 and the end of the volume belong to the volume headers.
 */
export function eachExtent(
  view: DataView,
  at: number,
  totalBlocks: number,
  each: (start: number, count: number, at: number) => void,
): ExtentFault | null {
  for (let index = 0; index < EXTENTS_PER_RECORD; index++) {
    const slot = at + index * EXTENT_SIZE_BYTES;
    const start = view.getUint32(slot);
    const count = view.getUint32(slot + 4);
    if (count === 0) {
      if (start !== 0) return { index, text: `extent ${start}+0 has a start but no blocks` };
      return restIsEmpty(view, at, index);
    }
    if (start === 0 || start >= totalBlocks || count >= totalBlocks - start) {
      return { index, text: `extent ${start}+${count} of a volume of ${totalBlocks} blocks` };
    }
    each(start, count, slot);
  }
  return null;
}

function restIsEmpty(view: DataView, at: number, index: number): ExtentFault | null {
  for (let next = index + 1; next < EXTENTS_PER_RECORD; next++) {
    const slot = at + next * EXTENT_SIZE_BYTES;
    if (view.getUint32(slot) !== 0 || view.getUint32(slot + 4) !== 0) {
      return { index: next, text: `extent ${next} behind an empty one` };
    }
  }
  return null;
}

/** The good extents at `at`, as objects, for the few files whose runs are needed as such. */
export function runsAt(bytes: Uint8Array, at: number, totalBlocks: number): BlockRun[] {
  const runs: BlockRun[] = [];
  eachExtent(viewOf(bytes), at, totalBlocks, (start, count) => runs.push({ start, count }));
  return runs;
}
