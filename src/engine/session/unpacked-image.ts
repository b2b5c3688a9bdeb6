import { isZero } from '../base/bytes.ts';
import { FsError } from '../base/errno.ts';
import type { Backing } from '../device/store.ts';
import { DEVICE_BYTES_MAX, Store } from '../device/store.ts';
import { printedSize } from './sentences.ts';

/**
 * An image that comes as a stream, unpacked on the way: zeros are not kept, whatever else there is lies in memory. Both
 * the size and what is kept have a limit, so that a small file that unpacks to something endless ends with a sentence.
 */
const BLOCK_BYTES = 4096;
/** Contents beside zeros: what a tab can be expected to hold. */
const LIMITS: UnpackLimits = { contentBytes: 2 ** 30, sizeBytes: DEVICE_BYTES_MAX };

export interface UnpackLimits {
  readonly contentBytes: number;
  readonly sizeBytes: number;
}

const LABEL = { role: 'data', owner: 'image', reason: 'unpacked' } as const;

export class UnpackedImage implements Backing {
  #sizeBytes = 0;
  #contentBytes = 0;
  readonly #name: string;
  readonly #store = new Store({ blockSizeBytes: BLOCK_BYTES, blockCount: DEVICE_BYTES_MAX / BLOCK_BYTES });
  /** The block that is not full yet. */
  readonly #rest = new Uint8Array(BLOCK_BYTES);
  #restBytes = 0;

  readonly #limits: UnpackLimits;

  constructor(name: string, limits: UnpackLimits = LIMITS) {
    this.#limits = limits;
    this.#name = name;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  /** FsError EFBIG with a sentence when it grows beyond what can be held. */
  append(bytes: Uint8Array): void {
    if (this.#sizeBytes + bytes.length > this.#limits.sizeBytes) {
      throw this.#tooLarge(`unpacked it is larger than ${printedSize(this.#limits.sizeBytes)}`);
    }
    let at = 0;
    if (this.#restBytes > 0) {
      at = Math.min(BLOCK_BYTES - this.#restBytes, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#restBytes);
      this.#restBytes += at;
      this.#sizeBytes += at;
      if (this.#restBytes === BLOCK_BYTES) this.#keep(this.#sizeBytes - BLOCK_BYTES, this.#rest);
      if (this.#restBytes === BLOCK_BYTES) this.#restBytes = 0;
    }
    for (; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES, this.#sizeBytes += BLOCK_BYTES) {
      this.#keep(this.#sizeBytes, bytes.subarray(at, at + BLOCK_BYTES));
    }
    if (at < bytes.length) {
      this.#rest.set(bytes.subarray(at));
      this.#restBytes = bytes.length - at;
      this.#sizeBytes += this.#restBytes;
    }
  }

  /** Nothing more comes. */
  finish(): void {
    if (this.#restBytes === 0) return;
    this.#keep(this.#sizeBytes - this.#restBytes, this.#rest.fill(0, this.#restBytes));
    this.#restBytes = 0;
  }

  #keep(offsetBytes: number, block: Uint8Array): void {
    if (isZero(block)) return;
    this.#contentBytes += BLOCK_BYTES;
    if (this.#contentBytes > this.#limits.contentBytes) {
      const limit = printedSize(this.#limits.contentBytes);
      throw this.#tooLarge(
        `it unpacks to more than ${limit} that are not zeros; unpack it with gunzip and open the image, which is read where it lies`,
      );
    }
    this.#store.write(offsetBytes / BLOCK_BYTES, block, LABEL);
  }

  #tooLarge(detail: string): FsError {
    return new FsError('EFBIG', 'open', this.#name, detail);
  }

  read(offsetBytes: number, into: Uint8Array): void {
    const first = Math.floor(offsetBytes / BLOCK_BYTES);
    const skip = offsetBytes - first * BLOCK_BYTES;
    const blocks = new Uint8Array(Math.ceil((skip + into.length) / BLOCK_BYTES) * BLOCK_BYTES);
    this.#store.read(first, blocks);
    into.set(blocks.subarray(skip, skip + into.length));
  }

  nextData(offsetBytes: number): number {
    const next = this.#store.nextStored(Math.floor(offsetBytes / BLOCK_BYTES)) * BLOCK_BYTES;
    return Math.min(Math.max(offsetBytes, next), this.#sizeBytes);
  }
}
