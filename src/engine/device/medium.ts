import { FsError } from '../base/errno.ts';
import type { Device } from './device.ts';

/**
 * A device as those see it who must go on whatever it holds: bytes at any offset, and reads that never fail. What lies
 * beyond the device, or cannot be read, is zeros; blocks that could not be read are remembered.
 */
export class Medium {
  readonly sizeBytes: number;
  readonly blockSizeBytes: number;
  /** Blocks the device refused to read, in the order met; they count as zeros. */
  readonly unreadableBlocks = new Set<number>();
  protected readonly device: Device;

  constructor(device: Device) {
    this.device = device;
    this.blockSizeBytes = device.blockSizeBytes;
    this.sizeBytes = device.blockCount * device.blockSizeBytes;
  }

  get isReadOnly(): boolean {
    return this.device.isReadOnly;
  }

  blockOf(offsetBytes: number): number {
    return Math.floor(offsetBytes / this.blockSizeBytes);
  }

  /** A fresh copy of the bytes, at the beginning of its buffer; whatever lies beyond the device reads as zeros. */
  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    const { blockSizeBytes, blockCount } = this.device;
    const first = Math.floor(offsetBytes / blockSizeBytes);
    const end = Math.ceil((offsetBytes + lengthBytes) / blockSizeBytes);
    const into = new Uint8Array((end - first) * blockSizeBytes);
    const available = Math.max(0, Math.min(end, blockCount) - first);
    if (available > 0) this.readBlocks(first, into.subarray(0, available * blockSizeBytes));
    const skip = offsetBytes - first * blockSizeBytes;
    return into.length === lengthBytes ? into : into.slice(skip, skip + lengthBytes);
  }

  /** First byte at or after `offsetBytes` that may differ from zero; the size of the device when there is none. */
  nextStored(offsetBytes: number): number {
    const block = this.blockOf(offsetBytes);
    if (block >= this.device.blockCount) return this.sizeBytes;
    return Math.max(offsetBytes, this.nextStoredBlock(block) * this.blockSizeBytes);
  }

  protected nextStoredBlock(firstBlock: number): number {
    return this.device.nextStored(firstBlock);
  }

  protected readBlocks(first: number, into: Uint8Array): void {
    try {
      this.device.read(first, into);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.#readOneByOne(first, into);
    }
  }

  /** After a failed read: what can be had of it, with zeros for the rest. */
  #readOneByOne(first: number, into: Uint8Array): void {
    const { blockSizeBytes } = this;
    for (let at = 0; at < into.length; at += blockSizeBytes) {
      const block = first + at / blockSizeBytes;
      const target = into.subarray(at, at + blockSizeBytes);
      try {
        this.device.read(block, target);
      } catch (error) {
        if (!(error instanceof FsError)) throw error;
        this.unreadableBlocks.add(block);
        target.fill(0);
      }
    }
  }
}
