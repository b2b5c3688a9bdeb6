import { FsError } from '../base/errno.ts';
import type { ErrnoCode } from '../base/errno.ts';
import type { Fill, ListedEntry, VolumeNode } from '../formats/contract.ts';
import {
  O_ACCMODE,
  O_APPEND,
  O_RDONLY,
  O_WRONLY,
  SEEK_CUR,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
} from './constants.ts';
import { seekHole } from './holes.ts';
import type { Holder, Mount, Place } from './mount.ts';
import { isExactSum, isFileOffset } from '../base/file-size.ts';

/** A file as one descriptor sees it: how it was opened, and where the next read or write begins. */
export class OpenFile implements Holder {
  isRemoved = false;
  #offsetBytes = 0;
  /** Where the next page of a directory begins; undefined before the first, null after the last. */
  #listedTo: number | null | undefined = undefined;

  /** The node is held by the caller for this object, which lets it go in `close`. */
  constructor(
    readonly place: Place,
    readonly flags: number,
    /** As it was opened, for messages. */
    readonly path: string,
  ) {
    place.mount.hold(this);
  }

  get mount(): Mount {
    return this.place.mount;
  }

  get node(): VolumeNode {
    return this.place.node;
  }

  get isReadable(): boolean {
    return (this.flags & O_ACCMODE) !== O_WRONLY;
  }

  get isWritable(): boolean {
    return (this.flags & O_ACCMODE) !== O_RDONLY;
  }

  describe(): string {
    return `${this.path} is open`;
  }

  close(): void {
    this.mount.letGo(this);
    this.mount.volume.release(this.node);
  }

  read(into: Uint8Array): number {
    const count = this.readAt(into, this.#offsetBytes);
    this.#offsetBytes += count;
    return count;
  }

  /**
   * EBADF when not open for reading, EISDIR, EINVAL for an offset below 0. Leaves the access time alone: on FAT macOS
   * writes it lazily and only by the day, and a read that writes would hide what reading costs.
   */
  readAt(into: Uint8Array, offsetBytes: number): number {
    if (!this.isReadable) throw this.#refuse('EBADF', 'it is not open for reading');
    if (this.node.type === 'directory') throw this.#refuse('EISDIR');
    this.#requireOffset(offsetBytes);
    const part = into.subarray(0, this.#exactLength(offsetBytes, into.length));
    return part.length === 0 ? 0 : this.mount.volume.read(this.node, offsetBytes, part);
  }

  write(data: Uint8Array): number {
    const offsetBytes = this.#writeOffset();
    const count = this.writeAt(data, offsetBytes);
    this.#offsetBytes = offsetBytes + count;
    return count;
  }

  /** EBADF when not open for writing, EINVAL for an offset below 0, EFBIG past the largest number there is. */
  writeAt(data: Uint8Array, offsetBytes: number): number {
    this.#requireWritable(offsetBytes, data.length);
    return data.length === 0 ? 0 : this.mount.volume.write(this.node, offsetBytes, data);
  }

  fill(lengthBytes: number, fill: Fill): number {
    const offsetBytes = this.#writeOffset();
    this.#requireWritable(offsetBytes, lengthBytes);
    const count = lengthBytes === 0 ? 0 : this.mount.volume.fill(this.node, offsetBytes, lengthBytes, fill);
    this.#offsetBytes = offsetBytes + count;
    return count;
  }

  /** Returns the new offset. A directory is only ever rewound. */
  seek(offsetBytes: number, whence: number): number {
    if (!isFileOffset(Math.abs(offsetBytes))) {
      throw this.#refuse('EINVAL', 'the offset is not a whole number');
    }
    if (whence === SEEK_HOLE || whence === SEEK_DATA) {
      this.#offsetBytes = seekHole(this.place, offsetBytes, whence, this.path);
      return this.#offsetBytes;
    }
    const base = this.#seekBase(whence);
    const target = base + offsetBytes;
    if (target < 0) throw this.#refuse('EINVAL', 'the offset would lie before the beginning');
    if (!isFileOffset(target) || !isExactSum(base, offsetBytes)) {
      throw this.#refuse('EINVAL', 'the offset is too large, or beyond 2^53 no multiple of 4096');
    }
    if (this.node.type === 'directory') {
      if (target !== 0) throw this.#refuse('EINVAL', 'a directory can only be rewound');
      this.#listedTo = undefined;
    }
    this.#offsetBytes = target;
    return target;
  }

  /** EBADF for a descriptor that cannot be read, ENOTDIR, EINVAL for a silly count. */
  list(countMax: number): readonly ListedEntry[] {
    if (!this.isReadable) throw this.#refuse('EBADF', 'it is not open for reading');
    if (this.node.type !== 'directory') throw this.#refuse('ENOTDIR');
    if (!Number.isSafeInteger(countMax) || countMax < 1) {
      throw this.#refuse('EINVAL', 'at least one entry must be asked for');
    }
    if (this.isRemoved || this.#listedTo === null) return [];
    const { entries, next } = this.mount.volume.list(this.node, this.#listedTo ?? null, countMax);
    this.#listedTo = next;
    return entries;
  }

  #seekBase(whence: number): number {
    switch (whence) {
      case SEEK_SET:
        return 0;
      case SEEK_CUR:
        return this.#offsetBytes;
      case SEEK_END:
        return this.node.type === 'directory' ? 0 : this.mount.volume.attributes(this.node).sizeBytes;
      default:
        throw this.#refuse('EINVAL', 'whence is none of SEEK_SET, SEEK_CUR, SEEK_END');
    }
  }

  #writeOffset(): number {
    if ((this.flags & O_APPEND) === 0 || this.node.type !== 'file') return this.#offsetBytes;
    return this.mount.volume.attributes(this.node).sizeBytes;
  }

  #requireWritable(offsetBytes: number, lengthBytes: number): void {
    if (!this.isWritable) throw this.#refuse('EBADF', 'it is not open for writing');
    this.#requireOffset(offsetBytes);
    if (!Number.isSafeInteger(lengthBytes) || lengthBytes < 0) {
      throw this.#refuse('EINVAL', 'the length is not a whole number');
    }
    if (!isFileOffset(offsetBytes + lengthBytes)) throw this.#refuse('EFBIG');
    if (!isExactSum(offsetBytes, lengthBytes)) {
      throw this.#refuse('EFBIG', 'beyond 2^53 bytes a write begins and ends with a block of 4096 bytes');
    }
  }

  /** read(2) may give less than was asked for: here where the place behind it would not be a number of its own. */
  #exactLength(offsetBytes: number, lengthBytes: number): number {
    if (isExactSum(offsetBytes, lengthBytes)) return lengthBytes;
    const whole =
      offsetBytes < 2 ** 53 ? 2 ** 53 - offsetBytes : lengthBytes - (lengthBytes % FAR_STEP_BYTES);
    if (whole > 0 && isExactSum(offsetBytes, whole)) return whole;
    throw this.#refuse('EINVAL', `beyond 2^53 bytes a file is read in steps of ${FAR_STEP_BYTES} bytes`);
  }

  #requireOffset(offsetBytes: number): void {
    if (!isFileOffset(offsetBytes)) {
      throw this.#refuse('EINVAL', 'the offset is negative or not a whole number');
    }
  }

  #refuse(code: ErrnoCode, detail = ''): FsError {
    return new FsError(code, '', this.path, detail);
  }
}

/** Sums of multiples of it are exact as far as files go. */
const FAR_STEP_BYTES = 4096;
