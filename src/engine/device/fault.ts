import { FsError } from '../base/errno.ts';
import type { Device, Fill, WriteLabel } from './device.ts';

/** Blocks a device can no longer read, or no longer write, or neither. */
export interface BadBlocks {
  readonly firstBlock: number;
  readonly blockCount: number;
  readonly fails: 'read' | 'write' | 'both';
}

/** A device with bad blocks: touching one is EIO and changes nothing, as a drive that ran out of spare sectors does. */
export class FaultyDevice implements Device {
  readonly #device: Device;
  /** May be changed at any time: a disk can get worse. */
  bad: readonly BadBlocks[];

  constructor(device: Device, bad: readonly BadBlocks[]) {
    this.#device = device;
    this.bad = bad;
  }

  get blockSizeBytes(): number {
    return this.#device.blockSizeBytes;
  }

  get blockCount(): number {
    return this.#device.blockCount;
  }

  get isReadOnly(): boolean {
    return this.#device.isReadOnly;
  }

  #check(access: 'read' | 'write', firstBlock: number, blockCount: number): void {
    for (const range of this.bad) {
      const block = Math.max(firstBlock, range.firstBlock);
      if (block >= Math.min(firstBlock + blockCount, range.firstBlock + range.blockCount)) continue;
      if (range.fails === 'both' || range.fails === access) {
        throw new FsError(
          'EIO',
          access,
          '',
          `block ${block} cannot be ${access === 'read' ? 'read' : 'written'}`,
        );
      }
    }
  }

  read(firstBlock: number, into: Uint8Array): void {
    this.#check('read', firstBlock, into.length / this.blockSizeBytes);
    this.#device.read(firstBlock, into);
  }

  write(firstBlock: number, data: Uint8Array, label: WriteLabel): void {
    this.#check('write', firstBlock, data.length / this.blockSizeBytes);
    this.#device.write(firstBlock, data, label);
  }

  fill(firstBlock: number, blockCount: number, fill: Fill, label: WriteLabel): void {
    this.#check('write', firstBlock, blockCount);
    this.#device.fill(firstBlock, blockCount, fill, label);
  }

  /** Trim is advice: a device does not fail it for a bad block. */
  trim(firstBlock: number, blockCount: number): void {
    this.#device.trim(firstBlock, blockCount);
  }

  barrier(reason: string): void {
    this.#device.barrier(reason);
  }

  nextStored(firstBlock: number): number {
    return this.#device.nextStored(firstBlock);
  }
}
