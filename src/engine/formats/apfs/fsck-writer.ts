import { viewOf } from '../../base/bytes.ts';
import { fletcher64 } from '../../codec/fletcher64.ts';
import type { WriteLabel } from '../../device/device.ts';
import type { Draft, Stages } from '../../device/draft.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';

/** In which order a repair reaches the disk. */
export const REPAIR_STAGES: Stages = {
  reasons: [
    'everything that the new checkpoint refers to is on the disk before its superblock',
    'the new checkpoint is the newest before anything of the old one is touched',
    'the copy of the superblock in block 0 is on the disk',
  ],
  together: Math.max,
};

/** A repair that cannot be made safely; `message` says why. The disk is as it was. */
export class RepairRefused extends Error {
  override readonly name = 'RepairRefused';
}

/** Writes blocks of a repair into the draft, each into its stage. */
export class RepairWriter {
  readonly #medium: Draft;

  constructor(medium: Draft) {
    this.#medium = medium;
  }

  /** A block as it is: bitmaps. */
  write(block: number, bytes: Uint8Array, label: WriteLabel): void {
    this.#medium.write(block * BLOCK_SIZE_BYTES, bytes, 0, label);
  }

  /** An object: gets its checksum. */
  seal(block: number, bytes: Uint8Array, label: WriteLabel): void {
    sealObject(bytes);
    this.write(block, bytes, label);
  }

  superblock(block: number, bytes: Uint8Array, label: WriteLabel): void {
    this.#medium.write(block * BLOCK_SIZE_BYTES, bytes, 1, label);
  }

  /** What may only be written once the new checkpoint is the newest. */
  writeLast(block: number, bytes: Uint8Array, label: WriteLabel): void {
    this.#medium.write(block * BLOCK_SIZE_BYTES, bytes, 2, label);
  }
}

export function sealObject(bytes: Uint8Array): void {
  const { low, high } = fletcher64(bytes, 8);
  const view = viewOf(bytes);
  view.setUint32(0, low, true);
  view.setUint32(4, high, true);
}

export const setXid = (bytes: Uint8Array, xid: number): void => putU64(viewOf(bytes), 16, xid);

/** At most 2^53. */
export function putU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / 2 ** 32), true);
}
