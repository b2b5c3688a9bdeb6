import { ENTRY_END, ENTRY_FREE, ENTRY_SIZE_BYTES, clusterOffsetBytes } from './layout.ts';
import type { Geometry } from './layout.ts';
import type { Draft } from '../../device/draft.ts';
import type { Stage } from './fsck-stages.ts';
import type { FatTable } from './fsck-table.ts';

/**
 * The slots of one directory, in order. Clusters that were never stored are all zeros and are not read; a directory of
 * a million clusters of which three were written costs three.
 */
export class DirectoryContents {
  /** Pieces that hold something, ascending. A slot in none of them is zero. */
  readonly pieces: readonly Piece[];
  readonly slotCount: number;

  constructor(pieces: readonly Piece[], slotCount: number) {
    this.pieces = pieces;
    this.slotCount = slotCount;
  }

  /** Byte of the volume at which slot `slot` begins, −1 where the directory has none. */
  offsetBytesOf(slot: number): number {
    const piece = this.#pieceOf(slot);
    return piece ? piece.offsetBytes + (slot - piece.firstSlot) * ENTRY_SIZE_BYTES : -1;
  }

  /** The 32 bytes of a slot in a stored piece: a window on them, not a copy. */
  bytesOf(slot: number): Uint8Array {
    const piece = this.#pieceOf(slot);
    if (!piece) return new Uint8Array(ENTRY_SIZE_BYTES);
    const at = (slot - piece.firstSlot) * ENTRY_SIZE_BYTES;
    return piece.bytes.subarray(at, at + ENTRY_SIZE_BYTES);
  }

  write(medium: Draft, slot: number, bytes: Uint8Array, stage: Stage, owner: string, reason: string): void {
    const window = this.bytesOf(slot);
    window.set(bytes);
    const label = { role: 'directory', owner, reason: `fsck: ${reason}` } as const;
    medium.write(this.offsetBytesOf(slot), window, stage, label);
  }

  #pieceOf(slot: number): Piece | undefined {
    let low = 0;
    let high = this.pieces.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const piece = this.pieces[middle];
      if (!piece || slot < piece.firstSlot) high = middle - 1;
      else if (slot >= piece.firstSlot + piece.bytes.length / ENTRY_SIZE_BYTES) low = middle + 1;
      else return piece;
    }
    return undefined;
  }
}

export interface Piece {
  readonly firstSlot: number;
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

export const isFreeSlot = (first: number): boolean => first === ENTRY_FREE || first === ENTRY_END;

/** The fixed root directory of FAT12 and FAT16. */
export function readFixedRoot(medium: Draft, geometry: Geometry): DirectoryContents {
  const offsetBytes = geometry.rootFirstSector * geometry.sectorSizeBytes;
  const bytes = medium.read(offsetBytes, geometry.rootEntryCount * ENTRY_SIZE_BYTES);
  return new DirectoryContents([{ firstSlot: 0, offsetBytes, bytes }], geometry.rootEntryCount);
}

/** A directory in clusters: the first `clusterCount` of the chain at `firstCluster`, which somebody has verified. */
export function readClusters(
  medium: Draft,
  geometry: Geometry,
  table: FatTable,
  firstCluster: number,
  clusterCount: number,
): DirectoryContents {
  const slotsPerCluster = geometry.clusterSizeBytes / ENTRY_SIZE_BYTES;
  const pieces: Piece[] = [];
  let cluster = firstCluster;
  let index = 0;
  while (index < clusterCount) {
    // Neighbours are read together: chains of new volumes run straight on.
    let run = 1;
    while (
      index + run < clusterCount &&
      run * geometry.clusterSizeBytes < RUN_BYTES_MAX &&
      table.get(cluster + run - 1) === cluster + run
    ) {
      run++;
    }
    const offsetBytes = clusterOffsetBytes(geometry, cluster);
    const lengthBytes = run * geometry.clusterSizeBytes;
    if (index === 0 || medium.nextStored(offsetBytes) < offsetBytes + lengthBytes) {
      const bytes = medium.read(offsetBytes, lengthBytes);
      pieces.push({ firstSlot: index * slotsPerCluster, offsetBytes, bytes });
    }
    index += run;
    cluster = table.get(cluster + run - 1);
  }
  return new DirectoryContents(pieces, clusterCount * slotsPerCluster);
}

const RUN_BYTES_MAX = 1 << 17;
