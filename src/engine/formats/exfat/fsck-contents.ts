import { ENTRY_SIZE_BYTES, clusterOffsetBytes } from './layout.ts';
import type { Geometry } from './layout.ts';
import { STAGE } from './fsck-stages.ts';
import type { Draft } from '../../device/draft.ts';

/** Neighbouring clusters of one file, in the order of its contents. */
export interface Run {
  readonly firstCluster: number;
  readonly clusterCount: number;
}

/**
 * The entries of one directory, in order. Clusters that were never stored are all zeros and are not read; a directory
 * of a million clusters of which three were written costs three.
 */
export class DirectoryContents {
  /** Pieces that hold something, ascending. An entry in none of them is zero. */
  readonly pieces: readonly Piece[];
  readonly entryCount: number;
  #last: Piece | undefined;

  constructor(pieces: readonly Piece[], entryCount: number) {
    this.pieces = pieces;
    this.entryCount = entryCount;
  }

  /** Byte of the volume at which entry `number` begins, −1 where nothing is stored. */
  offsetBytesOf(number: number): number {
    const piece = this.#pieceOf(number);
    return piece ? piece.offsetBytes + (number - piece.firstEntry) * ENTRY_SIZE_BYTES : -1;
  }

  /** EntryType of entry `number`: 0 where nothing is stored. */
  typeOf(number: number): number {
    const piece = this.#pieceOf(number);
    return piece ? (piece.bytes[(number - piece.firstEntry) * ENTRY_SIZE_BYTES] ?? 0) : 0;
  }

  /** Bytes of `count` entries from `number` on: a window where they lie in one piece, else a copy. */
  bytesOf(number: number, count = 1): Uint8Array {
    const piece = this.#pieceOf(number);
    if (piece) {
      const at = (number - piece.firstEntry) * ENTRY_SIZE_BYTES;
      const end = at + count * ENTRY_SIZE_BYTES;
      if (end <= piece.bytes.length) return piece.bytes.subarray(at, end);
    }
    const copy = new Uint8Array(count * ENTRY_SIZE_BYTES);
    if (count > 1) {
      for (let i = 0; i < count; i++) copy.set(this.bytesOf(number + i), i * ENTRY_SIZE_BYTES);
    }
    return copy;
  }

  /** Replace entries from `number` on, here and in the pending repairs. What lies nowhere on the disk is left out. */
  write(medium: Draft, number: number, bytes: Uint8Array, owner: string, reason: string): void {
    for (let i = 0; i * ENTRY_SIZE_BYTES < bytes.length; i++) {
      const offset = this.offsetBytesOf(number + i);
      if (offset < 0) continue;
      const entry = bytes.slice(i * ENTRY_SIZE_BYTES, (i + 1) * ENTRY_SIZE_BYTES);
      this.bytesOf(number + i).set(entry);
      const label = { role: 'directory', owner, reason: `fsck: ${reason}` } as const;
      medium.write(offset, entry, STAGE.entries, label);
    }
  }

  #pieceOf(number: number): Piece | undefined {
    const last = this.#last;
    if (last && number >= last.firstEntry && number < last.endEntry) return last;
    let low = 0;
    let high = this.pieces.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const piece = this.pieces[middle];
      if (!piece || number < piece.firstEntry) high = middle - 1;
      else if (number >= piece.endEntry) low = middle + 1;
      else return (this.#last = piece);
    }
    return undefined;
  }
}

export interface Piece {
  readonly firstEntry: number;
  readonly endEntry: number;
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

/** A directory whose clusters somebody has verified to lie in the heap. */
export function readDirectory(medium: Draft, geometry: Geometry, runs: readonly Run[]): DirectoryContents {
  const { clusterSizeBytes } = geometry;
  const entriesPerCluster = clusterSizeBytes / ENTRY_SIZE_BYTES;
  const stepMax = Math.max(1, Math.floor(PIECE_BYTES_MAX / clusterSizeBytes));
  const pieces: Piece[] = [];
  let index = 0;
  for (const { firstCluster, clusterCount } of runs) {
    let done = 0;
    while (done < clusterCount) {
      const offset = clusterOffsetBytes(geometry, firstCluster + done);
      const stored = medium.nextStored(offset);
      const skipped = Math.floor((stored - offset) / clusterSizeBytes);
      // The very first cluster is read in any case: the end marker has to lie somewhere.
      if (skipped > 0 && index + done > 0) {
        done += skipped;
        continue;
      }
      const clusters = Math.min(stepMax, clusterCount - done);
      const firstEntry = (index + done) * entriesPerCluster;
      const bytes = medium.read(offset, clusters * clusterSizeBytes);
      pieces.push({
        firstEntry,
        endEntry: firstEntry + clusters * entriesPerCluster,
        offsetBytes: offset,
        bytes,
      });
      done += clusters;
    }
    index += clusterCount;
  }
  return new DirectoryContents(pieces, index * entriesPerCluster);
}

const PIECE_BYTES_MAX = 1 << 17;
