import { bitmapSizeBytes, clusterOffsetBytes } from './layout.ts';
import type { Geometry } from './layout.ts';
import { STAGE } from './fsck-stages.ts';
import type { Draft } from '../../device/draft.ts';

/**
 * The allocation bitmap as it stands on the disk, contiguous from its first cluster on, read in pieces as far as
 * something is stored. exFAT specification, 7.1: bit 0 of byte 0 is cluster 2.
 */
export class Bitmap {
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly #medium: Draft;
  readonly #geometry: Geometry;
  readonly #pieces = new Map<number, Uint8Array>();

  constructor(medium: Draft, geometry: Geometry, firstCluster: number) {
    this.#medium = medium;
    this.#geometry = geometry;
    this.offsetBytes = clusterOffsetBytes(geometry, firstCluster);
    this.lengthBytes = bitmapSizeBytes(geometry.clusterCount);
    this.#load();
  }

  has(cluster: number): boolean {
    const index = cluster - 2;
    return ((this.#byte(Math.floor(index / 8)) >> (index & 7)) & 1) === 1;
  }

  /** Numbers of the pieces in which some bit may be set, in no order. Piece p begins at byte p × PIECE_BYTES. */
  pieceNumbers(): Iterable<number> {
    return this.#pieces.keys();
  }

  /** Bytes of a piece; undefined where all are zero. */
  piece(number: number): Uint8Array | undefined {
    return this.#pieces.get(number);
  }

  /** Set or clear the bits of `count` clusters, in memory and in the pending repairs. */
  set(firstCluster: number, count: number, value: boolean, reason: string): void {
    const end = firstCluster + count;
    let cluster = firstCluster;
    while (cluster < end) {
      const number = Math.floor((cluster - 2) / 8 / PIECE_BYTES);
      const pieceEnd = Math.min(end, 2 + (number + 1) * PIECE_BYTES * 8);
      const length = Math.min(PIECE_BYTES, this.lengthBytes - number * PIECE_BYTES);
      const piece = this.#pieces.get(number) ?? new Uint8Array(length);
      this.#pieces.set(number, piece);
      const from = Math.floor((cluster - 2) / 8) - number * PIECE_BYTES;
      while (cluster < pieceEnd) {
        if ((cluster - 2) % 8 === 0 && pieceEnd - cluster >= 8) {
          // Whole bytes at once: a file of ten terabytes has ten million of them.
          const wholeEnd = pieceEnd - ((pieceEnd - 2) % 8);
          const start = (cluster - 2) / 8 - number * PIECE_BYTES;
          piece.fill(value ? 0xff : 0, start, (wholeEnd - 2) / 8 - number * PIECE_BYTES);
          cluster = wholeEnd;
          continue;
        }
        const at = Math.floor((cluster - 2) / 8) - number * PIECE_BYTES;
        const bit = 1 << ((cluster - 2) & 7);
        piece[at] = value ? (piece[at] ?? 0) | bit : (piece[at] ?? 0) & ~bit;
        cluster++;
      }
      const to = Math.floor((cluster - 3) / 8) - number * PIECE_BYTES + 1;
      this.#write(number * PIECE_BYTES + from, piece.subarray(from, to), reason);
    }
  }

  /** Bits of the last byte that stand for no cluster. */
  get tailBits(): number {
    const used = this.#geometry.clusterCount % 8;
    return used === 0 ? 0 : this.#byte(this.lengthBytes - 1) >> used;
  }

  clearTail(reason: string): void {
    const at = this.lengthBytes - 1;
    const piece = this.#pieces.get(Math.floor(at / PIECE_BYTES));
    const index = at % PIECE_BYTES;
    if (!piece) return;
    piece[index] = (piece[index] ?? 0) & ((1 << (this.#geometry.clusterCount % 8)) - 1);
    this.#write(at, piece.subarray(index, index + 1), reason);
  }

  #byte(at: number): number {
    return this.#pieces.get(Math.floor(at / PIECE_BYTES))?.[at % PIECE_BYTES] ?? 0;
  }

  #write(at: number, bytes: Uint8Array, reason: string): void {
    const label = { role: 'allocation', owner: 'allocation bitmap', reason: `fsck: ${reason}` } as const;
    this.#medium.write(this.offsetBytes + at, bytes, STAGE.table, label);
  }

  #load(): void {
    for (let at = 0; at < this.lengthBytes;) {
      const stored = this.#medium.nextStored(this.offsetBytes + at) - this.offsetBytes;
      if (stored >= this.lengthBytes) break;
      const number = Math.floor(Math.max(at, stored) / PIECE_BYTES);
      const length = Math.min(PIECE_BYTES, this.lengthBytes - number * PIECE_BYTES);
      this.#pieces.set(number, this.#medium.read(this.offsetBytes + number * PIECE_BYTES, length));
      at = (number + 1) * PIECE_BYTES;
    }
  }
}

export const PIECE_BYTES = 1 << 14;
