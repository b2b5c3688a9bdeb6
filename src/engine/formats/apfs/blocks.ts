import { assert } from '../../base/assert.ts';
import { FsError } from '../../base/errno.ts';
import type { Device, Fill, WriteLabel } from '../../device/device.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';

/**
 * The device as the container sees it: blocks of 4,096 bytes from 0, of however small sectors it has. An address that
 * was read from the disk may be handed in as it is: one outside the container is FsError EIO with a sentence.
 */
export class Blocks {
  readonly #sectors: number;
  /** Of the container, once that is known; of the device before. */
  #count: number;

  constructor(readonly device: Device) {
    this.#sectors = BLOCK_SIZE_BYTES / device.blockSizeBytes;
    this.#count = Math.floor(device.blockCount / this.#sectors);
  }

  get count(): number {
    return this.#count;
  }

  /** From now on addresses beyond so many blocks are refused. */
  limit(blockCount: number): void {
    this.#count = Math.min(this.#count, blockCount);
  }

  /** The container has been given another size; the device has so many blocks. */
  resize(blockCount: number): void {
    assert(blockCount * this.#sectors <= this.device.blockCount, `the device has ${blockCount} blocks`);
    this.#count = blockCount;
  }

  contains(firstBlock: number, blockCount: number): boolean {
    return firstBlock >= 0 && blockCount >= 0 && firstBlock + blockCount <= this.#count;
  }

  #check(firstBlock: number, blockCount: number): void {
    if (Number.isSafeInteger(firstBlock) && this.contains(firstBlock, blockCount)) return;
    throw new FsError(
      'EIO',
      '',
      '',
      `the container points to block ${firstBlock}, but it ends at block ${this.#count}; check it with fsck`,
    );
  }

  /** Fills `into`, whole blocks. */
  read(firstBlock: number, into: Uint8Array): void {
    this.#check(firstBlock, into.length / BLOCK_SIZE_BYTES);
    this.device.read(firstBlock * this.#sectors, into);
  }

  /** A new buffer with the block's contents. */
  copyOf(block: number): Uint8Array {
    const bytes = new Uint8Array(BLOCK_SIZE_BYTES);
    this.read(block, bytes);
    return bytes;
  }

  write(firstBlock: number, bytes: Uint8Array, label: WriteLabel): void {
    this.#check(firstBlock, bytes.length / BLOCK_SIZE_BYTES);
    this.device.write(firstBlock * this.#sectors, bytes, label);
  }

  fill(firstBlock: number, blockCount: number, fill: Fill, label: WriteLabel): void {
    this.#check(firstBlock, blockCount);
    this.device.fill(firstBlock * this.#sectors, blockCount * this.#sectors, fill, label);
  }

  trim(firstBlock: number, blockCount: number): void {
    this.#check(firstBlock, blockCount);
    this.device.trim(firstBlock * this.#sectors, blockCount * this.#sectors);
  }
}
