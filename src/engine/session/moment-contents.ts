import { partsWithin } from '../device/difference.ts';
import type { Process } from '../vfs/process.ts';
import { O_RDONLY } from '../vfs/constants.ts';

/**
 * Where the contents of a file differ between two moments. What lies at one place of the disk at both can differ only
 * in blocks that do; the rest is read and compared, up to a budget.
 */
export interface Stretch {
  readonly fileOffsetBytes: number;
  /** On the whole disk. */
  readonly diskOffsetBytes: number;
  readonly lengthBytes: number;
}

export interface Contents {
  readonly process: Process;
  readonly path: string;
  readonly sizeBytes: number;
  /** Ascending in the file; between them are holes. */
  readonly stretches: readonly Stretch[];
  /** The contents are not what lies in the stretches: compressed files. */
  readonly isElsewhere: boolean;
}

export interface ContentsDifference {
  readonly ranges: Float64Array;
  readonly isExact: boolean;
}

/** Shared by all files of one comparison. */
export interface Budget {
  bytesLeft: number;
}

const CHUNK_BYTES = 1 << 16;
/** Differences so near to each other are one range. */
const JOINED_BYTES = 8;
const RANGES_MAX = 256;

export function contentsBetween(
  before: Contents,
  after: Contents,
  changed: { readonly ranges: Float64Array; readonly blockSizeBytes: number },
  budget: Budget,
): ContentsDifference {
  const found = new Found();
  const shorter = Math.min(before.sizeBytes, after.sizeBytes);
  const suspects = [...suspectsBetween(before, after, shorter, changed)];
  if (suspects.length > 0) compare(before, after, suspects, found, budget);
  const longer = Math.max(before.sizeBytes, after.sizeBytes);
  if (longer > shorter) found.add(shorter, longer);
  return { ranges: Float64Array.from(found.ranges), isExact: found.isExact };
}

/** The pieces [from, to) of the file that may differ. */
function* suspectsBetween(
  before: Contents,
  after: Contents,
  end: number,
  { ranges, blockSizeBytes }: { readonly ranges: Float64Array; readonly blockSizeBytes: number },
): Generator<readonly [from: number, to: number]> {
  if (before.isElsewhere || after.isElsewhere) {
    if (end > 0) yield [0, end];
    return;
  }
  const [cursorBefore, cursorAfter] = [new Cursor(before.stretches), new Cursor(after.stretches)];
  for (let at = 0; at < end;) {
    const [was, is] = [cursorBefore.at(at), cursorAfter.at(at)];
    const to = Math.min(end, was.end, is.end);
    if (was.disk !== is.disk) yield [at, to];
    else if (was.disk !== null) {
      const first = Math.floor(was.disk / blockSizeBytes);
      const count = Math.ceil((was.disk + to - at) / blockSizeBytes) - first;
      for (const part of partsWithin(ranges, first, count)) {
        const shift = at - was.disk;
        const from = Math.max(at, part.first * blockSizeBytes + shift);
        yield [from, Math.min(to, (part.first + part.count) * blockSizeBytes + shift)];
      }
    }
    at = to;
  }
}

/** Where a byte of a file lies on the disk, asked in ascending order. */
class Cursor {
  readonly #stretches: readonly Stretch[];
  #index = 0;

  constructor(stretches: readonly Stretch[]) {
    this.#stretches = stretches;
  }

  /** `disk` null: a hole. `end`: so far the answer goes on. */
  at(offset: number): { readonly disk: number | null; readonly end: number } {
    for (;;) {
      const stretch = this.#stretches[this.#index];
      if (stretch === undefined) return { disk: null, end: Infinity };
      const { fileOffsetBytes, diskOffsetBytes, lengthBytes } = stretch;
      if (offset < fileOffsetBytes) return { disk: null, end: fileOffsetBytes };
      if (offset < fileOffsetBytes + lengthBytes) {
        return { disk: diskOffsetBytes + offset - fileOffsetBytes, end: fileOffsetBytes + lengthBytes };
      }
      this.#index++;
    }
  }
}

class Found {
  readonly ranges: number[] = [];
  isExact = true;

  /** Ascending. */
  add(from: number, to: number): void {
    const last = this.ranges.length - 2;
    const end = (this.ranges[last] ?? 0) + (this.ranges[last + 1] ?? 0);
    if (last >= 0 && (from - end < JOINED_BYTES || this.ranges.length >= RANGES_MAX * 2)) {
      if (from - end >= JOINED_BYTES) this.isExact = false;
      this.ranges[last + 1] = to - (this.ranges[last] ?? 0);
    } else this.ranges.push(from, to - from);
  }
}

function compare(
  before: Contents,
  after: Contents,
  suspects: readonly (readonly [from: number, to: number])[],
  found: Found,
  budget: Budget,
): void {
  const [a, b] = [new Uint8Array(CHUNK_BYTES), new Uint8Array(CHUNK_BYTES)];
  const fdBefore = before.process.open(before.path, O_RDONLY);
  try {
    const fdAfter = after.process.open(after.path, O_RDONLY);
    try {
      for (const [from, to] of suspects) {
        for (let at = from; at < to; at += CHUNK_BYTES) {
          const length = Math.min(CHUNK_BYTES, to - at);
          if (budget.bytesLeft < length) {
            // What was not read counts as different, and the answer says that it is no exact one.
            found.isExact = false;
            found.add(at, to);
            break;
          }
          budget.bytesLeft -= length;
          before.process.pread(fdBefore, a.subarray(0, length), at);
          after.process.pread(fdAfter, b.subarray(0, length), at);
          addDifferences(a, b, length, at, found);
        }
      }
    } finally {
      after.process.close(fdAfter);
    }
  } finally {
    before.process.close(fdBefore);
  }
}

function addDifferences(a: Uint8Array, b: Uint8Array, length: number, at: number, found: Found): void {
  for (let i = 0; i < length; i++) {
    if (a[i] === b[i]) continue;
    const from = i;
    while (i < length && a[i] !== b[i]) i++;
    found.add(at + from, at + i);
  }
}
