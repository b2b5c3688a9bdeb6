import type { FileType, VolumeNode } from '../contract.ts';
import type { Directory } from './directory.ts';
import type { Chain } from './extents.ts';
import { ATTRIBUTE, ENTRY_SIZE_BYTES, FileEntry, STREAM_FLAG, StreamEntry } from './layout.ts';

/** File and stream entry: what a node keeps of its set when nobody names it any more. */
export const PAIR_BYTES = 2 * ENTRY_SIZE_BYTES;

/** Where fields lie, counted from the file entry. */
export const AT = {
  attributes: FileEntry.fields.attributes.at,
  createStamp: FileEntry.fields.createStamp.at,
  modifyStamp: FileEntry.fields.modifyStamp.at,
  accessStamp: FileEntry.fields.accessStamp.at,
  createTens: FileEntry.fields.createTens.at,
  modifyTens: FileEntry.fields.modifyTens.at,
  createOffset: FileEntry.fields.createOffset.at,
  modifyOffset: FileEntry.fields.modifyOffset.at,
  accessOffset: FileEntry.fields.accessOffset.at,
  flags: ENTRY_SIZE_BYTES + StreamEntry.fields.flags.at,
  nameLength: ENTRY_SIZE_BYTES + StreamEntry.fields.nameLength.at,
  nameHash: ENTRY_SIZE_BYTES + StreamEntry.fields.nameHash.at,
  validLength: ENTRY_SIZE_BYTES + StreamEntry.fields.validDataLength.at,
  firstCluster: ENTRY_SIZE_BYTES + StreamEntry.fields.firstCluster.at,
  dataLength: ENTRY_SIZE_BYTES + StreamEntry.fields.dataLength.at,
} as const;

/**
 * A file or directory in use. Its facts stay in its entry set, in the memory of the directory that names it; a file
 * removed while held keeps a copy of its own. Thus forgetting a node loses nothing.
 */
export class ExfatNode implements VolumeNode {
  /** Where its entry set is; null for the root and for what was removed. */
  directory: Directory | null = null;
  slot = -1;
  /** File and stream entry of a node without a directory. */
  ownPair: Uint8Array = new Uint8Array(0);
  holders = 0;
  /** Read from the FAT as far as needed; undefined until somebody asks. */
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

  /** The bytes that hold the set, and where in them it begins. They move when a directory grows: ask every time. */
  get entryBytes(): Uint8Array {
    return this.directory === null ? this.ownPair : this.directory.bytes;
  }
  get entryOffset(): number {
    return this.directory === null ? 0 : this.slot * ENTRY_SIZE_BYTES;
  }

  get attributeBits(): number {
    return this.entryBytes[this.entryOffset + AT.attributes] ?? 0;
  }
  /** At most 2^53 − 1, whatever the disk says. */
  get sizeBytes(): number {
    return Math.min(u64At(this.entryBytes, this.entryOffset + AT.dataLength), Number.MAX_SAFE_INTEGER);
  }
  /** Bytes from here to the size read as zero. Never more than the size, whatever the disk says. */
  get validBytes(): number {
    return Math.min(u64At(this.entryBytes, this.entryOffset + AT.validLength), this.sizeBytes);
  }
  get firstCluster(): number {
    return u32At(this.entryBytes, this.entryOffset + AT.firstCluster);
  }
  get hasNoFatChain(): boolean {
    return ((this.entryBytes[this.entryOffset + AT.flags] ?? 0) & STREAM_FLAG.noFatChain) !== 0;
  }

  /** A removed file lives on by itself until the last holder lets go. */
  detach(): void {
    this.ownPair = this.entryBytes.slice(this.entryOffset, this.entryOffset + PAIR_BYTES);
    this.directory = null;
    this.slot = -1;
  }
}

/** The pair of entries that the root directory would have, if it had any. */
export function rootPair(rootCluster: number): Uint8Array {
  const pair = new Uint8Array(PAIR_BYTES);
  pair[AT.attributes] = ATTRIBUTE.directory;
  putU32(pair, AT.firstCluster, rootCluster);
  return pair;
}

export const u16At = (bytes: Uint8Array, at: number): number =>
  (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);

export const u32At = (bytes: Uint8Array, at: number): number =>
  (u16At(bytes, at) | (u16At(bytes, at + 2) << 16)) >>> 0;

/** Exact up to 2^53; a larger one (damage) reads as the nearest double. */
export const u64At = (bytes: Uint8Array, at: number): number =>
  u32At(bytes, at + 4) * 2 ** 32 + u32At(bytes, at);

export function putU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

export function putU32(bytes: Uint8Array, at: number, value: number): void {
  putU16(bytes, at, value);
  putU16(bytes, at + 2, value >>> 16);
}

export function putU64(bytes: Uint8Array, at: number, value: number): void {
  putU32(bytes, at, value >>> 0);
  putU32(bytes, at + 4, Math.floor(value / 2 ** 32));
}

/** Where the contents lie and how long they are, into the set at `at`. Nothing is allocated without NoFatChain clear. */
export function putContents(
  bytes: Uint8Array,
  at: number,
  contents: { firstCluster: number; isContiguous: boolean; dataBytes: number; validBytes: number },
): void {
  bytes[at + AT.flags] =
    STREAM_FLAG.allocationPossible | (contents.isContiguous ? STREAM_FLAG.noFatChain : 0);
  putU32(bytes, at + AT.firstCluster, contents.firstCluster);
  putU64(bytes, at + AT.dataLength, contents.dataBytes);
  putU64(bytes, at + AT.validLength, contents.validBytes);
}

/** The set at `at` gets the facts of another one, given as its first two entries, and keeps its name. */
export function putFacts(bytes: Uint8Array, at: number, pair: Uint8Array): void {
  const secondaryCount = bytes[at + 1] ?? 0;
  const nameLength = bytes[at + AT.nameLength] ?? 0;
  const nameHash = u16At(bytes, at + AT.nameHash);
  bytes.set(pair, at);
  bytes[at + 1] = secondaryCount;
  bytes[at + AT.nameLength] = nameLength;
  putU16(bytes, at + AT.nameHash, nameHash);
}
