import type { FileType, VolumeNode } from '../contract.ts';
import type { Directory } from './directory.ts';
import type { Chain } from './extents.ts';
import { ENTRY_SIZE_BYTES } from './layout.ts';

const NO_BYTES = new Uint8Array(0);

/**
 * A file or directory in use. Its facts stay in its 32-byte entry, in the memory of the directory that names it; a file
 * removed while held keeps a copy of its own. Thus forgetting a node loses nothing.
 */
export class FatNode implements VolumeNode {
  /** Where its entry is; null for the root and for what was removed. */
  directory: Directory | null = null;
  slot = -1;
  /** The entry of a node without a directory: 32 bytes. */
  ownEntry: Uint8Array = NO_BYTES;
  holders = 0;
  /** Read from the FAT as far as needed; undefined until somebody asks, and for the fixed root. */
  chain: Chain | undefined = undefined;
  /** A directory's entries, once read. */
  content: Directory | undefined = undefined;
  /** A symlink's target, once read. */
  target: string | undefined = undefined;
  /** Stands in the queue of nodes that are kept a while though nobody holds them. */
  isQueued = false;

  constructor(
    readonly inode: number,
    readonly type: FileType,
  ) {}

  /** The bytes that hold the entry, and where in them it begins. They move when a directory grows: ask every time. */
  get entryBytes(): Uint8Array {
    return this.directory === null ? this.ownEntry : this.directory.bytes;
  }
  get entryOffset(): number {
    return this.directory === null ? 0 : this.slot * ENTRY_SIZE_BYTES;
  }

  get attributeBits(): number {
    return this.entryBytes[this.entryOffset + 11] ?? 0;
  }
  get sizeBytes(): number {
    return u32At(this.entryBytes, this.entryOffset + 28);
  }
  get firstCluster(): number {
    if (this.directory !== null) return this.directory.firstClusterAt(this.slot);
    return (u16At(this.ownEntry, 26) | (u16At(this.ownEntry, 20) << 16)) >>> 0;
  }

  /** A removed file lives on by itself until the last holder lets go. */
  detach(): void {
    const { firstCluster } = this;
    this.ownEntry = this.entryBytes.slice(this.entryOffset, this.entryOffset + ENTRY_SIZE_BYTES);
    putFirstCluster(this.ownEntry, 0, firstCluster);
    this.directory = null;
    this.slot = -1;
  }
}

export const u16At = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);

export const u32At = (bytes: Uint8Array, at: number): number =>
  (u16At(bytes, at) | (u16At(bytes, at + 2) << 16)) >>> 0;

export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at, value);
  putU16(bytes, at + 2, value >>> 16);
}

/** The first cluster of the entry at byte `at`, in its two halves. */
export function putFirstCluster(bytes: Uint8Array, at: number, cluster: number): void {
  putU16(bytes, at + 20, cluster >>> 16);
  putU16(bytes, at + 26, cluster);
}
