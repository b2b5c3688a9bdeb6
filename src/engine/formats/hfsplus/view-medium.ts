import { FsError } from '../../base/errno.ts';
import type { Device } from '../../device/device.ts';

/** The disk as those see it who explain it: bytes at any offset, reads that never fail, nothing written. */
export class ViewMedium {
  readonly sizeBytes: number;
  readonly #device: Device;

  constructor(device: Device) {
    this.#device = device;
    this.sizeBytes = device.blockCount * device.blockSizeBytes;
  }

  /** A fresh copy of the bytes. What lies beyond the device, or cannot be read, is zeros. */
  read(offsetBytes: number, lengthBytes: number): Uint8Array {
    const { blockSizeBytes, blockCount } = this.#device;
    const first = Math.floor(offsetBytes / blockSizeBytes);
    const end = Math.ceil((offsetBytes + lengthBytes) / blockSizeBytes);
    const into = new Uint8Array((end - first) * blockSizeBytes);
    const available = Math.max(0, Math.min(end, blockCount) - first);
    if (available > 0) this.#readBlocks(first, into.subarray(0, available * blockSizeBytes));
    if (into.length === lengthBytes) return into;
    const skip = offsetBytes - first * blockSizeBytes;
    return into.subarray(skip, skip + lengthBytes);
  }

  /** First byte at or after `offsetBytes` that may differ from zero; the size of the device when there is none. */
  nextStored(offsetBytes: number): number {
    const { blockSizeBytes, blockCount } = this.#device;
    const block = Math.floor(offsetBytes / blockSizeBytes);
    if (block >= blockCount) return this.sizeBytes;
    return Math.max(offsetBytes, this.#device.nextStored(block) * blockSizeBytes);
  }

  #readBlocks(first: number, into: Uint8Array): void {
    try {
      this.#device.read(first, into);
    } catch (error) {
      if (!(error instanceof FsError)) throw error;
      this.#readOneByOne(first, into);
    }
  }

  /** After a failed read: what can be had of it. */
  #readOneByOne(first: number, into: Uint8Array): void {
    const { blockSizeBytes } = this.#device;
    for (let at = 0; at < into.length; at += blockSizeBytes) {
      const target = into.subarray(at, at + blockSizeBytes);
      try {
        this.#device.read(first + at / blockSizeBytes, target);
      } catch (error) {
        if (!(error instanceof FsError)) throw error;
        target.fill(0);
      }
    }
  }
}
