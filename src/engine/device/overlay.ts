import { FsError } from '../base/errno.ts';
import type { Device } from './device.ts';

/**
 * A device laid over another that is never written: what is written here stays in memory and is read from there. A
 * volume mounted for reading only is looked at through one while its journal waits to be replayed; as a device for others
 * it is read-only, and computed contents are refused.
 */
export class Overlay implements Device {
  readonly blockSizeBytes: number;
  readonly blockCount: number;
  readonly isReadOnly = true;
  readonly #below: Device;
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(below: Device) {
    this.#below = below;
    this.blockSizeBytes = below.blockSizeBytes;
    this.blockCount = below.blockCount;
  }

  read(firstBlock: number, into: Uint8Array): void {
    this.#below.read(firstBlock, into);
    if (this.#blocks.size === 0) return;
    const count = into.length / this.blockSizeBytes;
    for (let i = 0; i < count; i++) {
      const block = this.#blocks.get(firstBlock + i);
      if (block !== undefined) into.set(block, i * this.blockSizeBytes);
    }
  }

  write(firstBlock: number, data: Uint8Array): void {
    for (let at = 0; at < data.length; at += this.blockSizeBytes) {
      this.#blocks.set(firstBlock + at / this.blockSizeBytes, data.slice(at, at + this.blockSizeBytes));
    }
  }

  fill(): void {
    throw new FsError('EROFS', '', '', 'the volume is mounted for reading only');
  }

  trim(): void {
    throw new FsError('EROFS', '', '', 'the volume is mounted for reading only');
  }

  barrier(): void {
    // Nothing here outlives the mount.
  }

  nextStored(firstBlock: number): number {
    let next = this.#below.nextStored(firstBlock);
    for (const block of this.#blocks.keys()) if (block >= firstBlock && block < next) next = block;
    return next;
  }
}
