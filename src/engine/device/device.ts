import type { Role } from '../base/role.ts';

/**
 * A disk of equal blocks. Synchronous on purpose: the engine runs in a worker or in Node.
 *
 * Addresses are block indexes from 0. A range outside the device is a bug of the caller (InvariantError): whoever
 * follows a pointer found on the disk checks it first. A block that cannot be read or written is FsError EIO.
 */
export interface Device {
  /** The device's sector: 512 or 4096. */
  readonly blockSizeBytes: number;
  readonly blockCount: number;
  readonly isReadOnly: boolean;

  /** Fill `into` (a whole number of blocks) with the contents from `firstBlock` on. */
  read(firstBlock: number, into: Uint8Array): void;

  /** Write `data` (a whole number of blocks). The bytes are copied; the caller may reuse its buffer. */
  write(firstBlock: number, data: Uint8Array, label: WriteLabel): void;

  /** Write content that is computed, not stored. Costs the same for a block and for a terabyte. */
  fill(firstBlock: number, blockCount: number, fill: Fill, label: WriteLabel): void;

  /** Tell the device that nobody needs these blocks; they read as zero afterwards. */
  trim(firstBlock: number, blockCount: number): void;

  /** Every write before this call is on the medium before any write after it. The reason is shown to people. */
  barrier(reason: string): void;

  /**
   * First block at or after `firstBlock` that may hold something else than zeros; `blockCount` when there is none.
   * Lets a scan skip what was never written: cost follows the contents, not the size of the disk.
   */
  nextStored(firstBlock: number): number;
}

/** Why a block is written, as the tape keeps it. */
export interface WriteLabel {
  readonly role: Role;
  /** Name of the file or structure that the bytes belong to: 'notes.txt', 'FAT 1', 'root directory'. */
  readonly owner: string;
  /** One sentence without a full stop: 'link cluster 7 behind cluster 6'. */
  readonly reason: string;
}

/**
 * Computed content. Byte i of the filled range is byte `offsetBytes + i` of the generator's endless stream for `seed`.
 */
export type Fill =
  | { readonly generator: 'zero' }
  | { readonly generator: 'random'; readonly seed: number; readonly offsetBytes: number };

export const ZERO_FILL: Fill = { generator: 'zero' };
