import { assert } from '../base/assert.ts';
import type { Device, Fill, WriteLabel } from './device.ts';

/**
 * Part of a disk as a device of its own. Whoever is handed one cannot tell it from a disk and cannot reach beyond it.
 */
export class PartitionDevice implements Device {
  readonly blockSizeBytes: number;
  readonly firstBlock: number;
  #blockCount: number;
  readonly #disk: Device;

  constructor(disk: Device, firstBlock: number, blockCount: number) {
    assert(
      firstBlock >= 0 && blockCount > 0 && firstBlock + blockCount <= disk.blockCount,
      `blocks ${firstBlock} to ${firstBlock + blockCount} lie on a disk of ${disk.blockCount}`,
    );
    this.#disk = disk;
    this.blockSizeBytes = disk.blockSizeBytes;
    this.firstBlock = firstBlock;
    this.#blockCount = blockCount;
  }

  get blockCount(): number {
    return this.#blockCount;
  }

  /** The partition map says that it ends elsewhere now. */
  resize(blockCount: number): void {
    assert(
      blockCount > 0 && this.firstBlock + blockCount <= this.#disk.blockCount,
      'a partition ends on its disk',
    );
    this.#blockCount = blockCount;
  }

  get isReadOnly(): boolean {
    return this.#disk.isReadOnly;
  }

  /** The same blocks, counted from the start of the disk. */
  #onDisk(firstBlock: number, blockCount: number): number {
    assert(
      firstBlock >= 0 && firstBlock + blockCount <= this.blockCount,
      `blocks ${firstBlock} to ${firstBlock + blockCount} lie in a partition of ${this.blockCount}`,
    );
    return this.firstBlock + firstBlock;
  }

  read(firstBlock: number, into: Uint8Array): void {
    this.#disk.read(this.#onDisk(firstBlock, into.length / this.blockSizeBytes), into);
  }

  write(firstBlock: number, data: Uint8Array, label: WriteLabel): void {
    this.#disk.write(this.#onDisk(firstBlock, data.length / this.blockSizeBytes), data, label);
  }

  fill(firstBlock: number, blockCount: number, fill: Fill, label: WriteLabel): void {
    this.#disk.fill(this.#onDisk(firstBlock, blockCount), blockCount, fill, label);
  }

  trim(firstBlock: number, blockCount: number): void {
    this.#disk.trim(this.#onDisk(firstBlock, blockCount), blockCount);
  }

  /** Flushes the whole disk: a drive knows no partitions. */
  barrier(reason: string): void {
    this.#disk.barrier(reason);
  }

  nextStored(firstBlock: number): number {
    return Math.min(this.#disk.nextStored(this.firstBlock + firstBlock) - this.firstBlock, this.blockCount);
  }
}
