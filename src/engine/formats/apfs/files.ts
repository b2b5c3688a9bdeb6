import { textOf, utf8 } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import { CompressedFile } from '../../codec/decmpfs.ts';
import type { AttributeChange, Attributes, Extent } from '../contract.ts';
import { attributesOf, changeAttributes, touchContents } from './attributes.ts';
import { catalogRoom, saveInode } from './catalog.ts';
import { lengthOf } from './content-io.ts';
import type { Source } from './content-io.ts';
import {
  extentsOf,
  preallocateContent,
  punchContent,
  readContent,
  releaseReserve,
  requireFileSize,
  truncateContent,
  writeContent,
} from './content.ts';
import type { FilesHost } from './files-host.ts';
import type { Inode } from './inode.ts';
import { BSD_FLAG, XATTR_NAME } from './layout-catalog.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import type { Orphans } from './orphans.ts';
import { beginTruncation, finishTruncation, takesSteps } from './truncation.ts';
import { copyShared, handOver } from './unsharing.ts';
import {
  getXattr,
  readTarget,
  removeXattr,
  requireSettable,
  resourceForkAllocatedBytes,
  setXattr,
  TARGET_BYTES_MAX,
  uncompressedSizeBytes,
  xattrRoom,
} from './xattrs.ts';

/**
 * Files as a whole: contents, attributes, and what macOS stored compressed. Every change of contents ends with the
 * inode in the catalog within the same transaction, so that sizes and extents never disagree on the disk.
 *
 * A compressed file has no stream: its contents come from its attribute com.apple.decmpfs or its resource fork. Whoever
 * writes to it has it unpacked first, as on macOS; unpacking that fails leaves it compressed.
 */
export class Files {
  readonly #host: FilesHost;
  /** Compressed files opened lately; null: it has the flag, but no header that makes sense. */
  readonly #compressed = new Map<Inode, CompressedFile | null>();
  /** Files with blocks in reserve behind their end, which go with the last holder. */
  readonly #reserved = new WeakSet<Inode>();

  /** Of the same volume. */
  readonly #orphans: Orphans;

  constructor(host: FilesHost, orphans: Orphans) {
    this.#host = host;
    this.#orphans = orphans;
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  attributes(inode: Inode): Attributes {
    return attributesOf(inode, this.#facts(inode));
  }

  #facts(inode: Inode): { sizeBytes: number; allocatedBytes: number } {
    const { stream, type } = inode;
    if (type === 'symlink') return { sizeBytes: readTarget(this.#host, inode).length, allocatedBytes: 0 };
    if (this.compressedOf(inode) !== null) {
      return {
        sizeBytes: uncompressedSizeBytes(this.#host, inode),
        allocatedBytes: resourceForkAllocatedBytes(this.#host, inode.number),
      };
    }
    if (stream === null) return { sizeBytes: 0, allocatedBytes: 0 };
    return {
      sizeBytes: stream.sizeBytes,
      allocatedBytes: Math.max(stream.allocatedBytes - inode.sparseBytes, 0),
    };
  }

  /** Fills `into` from `offsetBytes`; returns how many bytes there were. */
  read(inode: Inode, offsetBytes: number, into: Uint8Array): number {
    const compressed = this.compressedOf(inode);
    return compressed === null
      ? readContent(this.#host, inode, offsetBytes, into)
      : compressed.read(offsetBytes, into);
  }

  /** None for what has no stream. */
  extents(inode: Inode): Extent[] {
    return inode.stream === null ? [] : extentsOf(this.#host, inode);
  }

  readLink(inode: Inode): string {
    return textOf(readTarget(this.#host, inode));
  }

  /** null for an ordinary file. */
  compressedOf(inode: Inode): CompressedFile | null {
    if ((inode.bsdFlags & BSD_FLAG.compressed) === 0) return null;
    const known = this.#compressed.get(inode);
    if (known !== undefined) return known;
    const opened = this.#open(inode);
    const [oldest] = this.#compressed.keys();
    if (oldest !== undefined && this.#compressed.size >= COMPRESSED_MAX) this.#compressed.delete(oldest);
    this.#compressed.set(inode, opened);
    return opened;
  }

  #open(inode: Inode): CompressedFile | null {
    const header = getXattr(this.#host, inode, XATTR_NAME.decmpfs);
    if (header === undefined) return null;
    const fork = getXattr(this.#host, inode, XATTR_NAME.resourceFork) ?? new Uint8Array(0);
    return (
      CompressedFile.open(header, {
        sizeBytes: fork.length,
        read: (offsetBytes, into) => into.set(fork.subarray(offsetBytes, offsetBytes + into.length)),
      }) ?? null
    );
  }

  // ── contents ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** All or, on a full volume, as much as fits; ENOSPC when nothing does. */
  write(inode: Inode, offsetBytes: number, source: Source): number {
    this.#unpack(inode, Infinity);
    this.#makeRoom(lengthOf(source));
    return this.#changeOwn(inode, Infinity, () => writeContent(this.#host, inode, offsetBytes, source));
  }

  /** Blocks set free become available with the next commit: where room is short it comes before the write. */
  #makeRoom(lengthBytes: number): void {
    const { availableBlocks, commit } = this.#host;
    const blocks = Math.ceil(lengthBytes / BLOCK_SIZE_BYTES) + SPARE_BLOCKS;
    if (availableBlocks < blocks && commit.isDirty) commit.sync();
  }

  truncate(inode: Inode, sizeBytes: number): void {
    requireFileSize(sizeBytes);
    this.#unpack(inode, sizeBytes);
    this.finishTruncation(inode);
    if (takesSteps(this.#host, inode, sizeBytes)) {
      this.#changeContents(inode, () => beginTruncation(this.#host, inode, sizeBytes));
      this.finishTruncation(inode);
    } else {
      const kept = sizeBytes < (inode.stream?.sizeBytes ?? 0) ? sizeBytes : Infinity;
      this.#changeOwn(inode, kept, () => truncateContent(this.#host, inode, sizeBytes));
    }
  }

  /** Goes on with one that takes several transactions, also one that a power cut left. */
  finishTruncation(inode: Inode): void {
    finishTruncation(this.#host, inode, this.#inodeRoom);
  }

  punch(inode: Inode, offsetBytes: number, lengthBytes: number): void {
    this.#unpack(inode, Infinity);
    this.#changeOwn(inode, Infinity, () => punchContent(this.#host, inode, offsetBytes, lengthBytes));
  }

  /** Returns the bytes reserved behind the last block; the size stays. */
  preallocate(inode: Inode, lengthBytes: number): number {
    this.#unpack(inode, Infinity);
    const reserved = this.#changeOwn(inode, Infinity, () =>
      preallocateContent(this.#host, inode, lengthBytes),
    );
    if (reserved > 0) this.#reserved.add(inode);
    return reserved;
  }

  /** Is there something that `releaseReserve` would give back? */
  hasReserve(inode: Inode): boolean {
    return this.#reserved.has(inode) && !inode.isGone;
  }

  /** Nobody holds the file any more: blocks behind its end are free again. No time changes. */
  releaseReserve(inode: Inode): void {
    this.#reserved.delete(inode);
    this.#host.commit.change({ blocks: this.#inodeRoom, kind: 'shrink' }, () => {
      releaseReserve(this.#host, inode);
      saveInode(this.#host, inode);
    });
  }

  get #inodeRoom(): number {
    return catalogRoom(this.#host, 1);
  }

  /**
   * The same where a stream that others hold as well is left for one of the file's own, with its first `keptBytes` bytes:
   * if that has many extents, it is made before, in transactions of its own.
   */
  #changeOwn<T>(inode: Inode, keptBytes: number, action: () => T): T {
    const host = this.#host;
    const orphans = this.#orphans;
    const copy = copyShared(host, orphans, inode, keptBytes);
    if (copy === null) return this.#changeContents(inode, action);
    try {
      return this.#changeContents(inode, () => {
        handOver(host, orphans, inode, copy);
        return action();
      });
    } finally {
      if (!copy.isGone) orphans.finish(copy);
    }
  }

  /**
   * Contents and what the inode says of them are one change. A change that fails may have given the file a stream of
   * its own, empty: that is stored too.
   */
  #changeContents<T>(inode: Inode, action: () => T): T {
    const host = this.#host;
    return host.commit.change({ blocks: this.#inodeRoom, kind: 'shrink' }, () => {
      let isChanged = false;
      try {
        const result = action();
        isChanged = true;
        return result;
      } finally {
        if (isChanged) touchContents(inode, host.now());
        saveInode(host, inode);
      }
    });
  }

  // ── compressed files ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Make an ordinary file of a compressed one, of its first `keptBytes` bytes. On failure it is as before. */
  #unpack(inode: Inode, keptBytes: number): void {
    const compressed = this.compressedOf(inode);
    if (compressed === null) return;
    const host = this.#host;
    const sizeBytes = Math.min(keptBytes, compressed.sizeBytes);
    host.commit.change({ blocks: catalogRoom(host, 4), kind: 'grow' }, () => {
      try {
        this.#copyUnpacked(compressed, inode, sizeBytes);
      } catch (error) {
        truncateContent(host, inode, 0);
        saveInode(host, inode);
        throw error;
      }
      removeXattr(host, inode, XATTR_NAME.decmpfs);
      if (compressed.isInFork) removeXattr(host, inode, XATTR_NAME.resourceFork);
      this.#compressed.delete(inode);
      saveInode(host, inode);
    });
  }

  #copyUnpacked(from: CompressedFile, to: Inode, sizeBytes: number): void {
    truncateContent(this.#host, to, 0);
    const buffer = new Uint8Array(Math.min(sizeBytes, UNPACKED_BYTES));
    for (let done = 0; done < sizeBytes;) {
      const part = buffer.subarray(0, Math.min(buffer.length, sizeBytes - done));
      from.read(done, part);
      if (writeContent(this.#host, to, done, part) < part.length) {
        const detail = `the compressed file has ${sizeBytes} bytes when it is unpacked, which writing to it demands`;
        throw new FsError('ENOSPC', '', '', detail);
      }
      done += part.length;
    }
  }

  // ── attributes ────────────────────────────────────────────────────────────────────────────────────────────────────

  setAttributes(inode: Inode, change: AttributeChange): void {
    const host = this.#host;
    host.commit.change({ blocks: this.#inodeRoom, kind: 'shrink' }, () => {
      changeAttributes(inode, change, host.now());
      saveInode(host, inode);
    });
  }

  /** Replaces the whole value; ENOSPC leaves the old one. */
  setXattr(inode: Inode, name: string, value: Uint8Array): void {
    const host = this.#host;
    requireSettable(inode, name, value);
    host.commit.change({ blocks: xattrRoom(host, name, value.length), kind: 'grow' }, () => {
      setXattr(host, inode, name, value);
      this.#xattrChanged(inode);
    });
  }

  /** ENOATTR when there is none. */
  removeXattr(inode: Inode, name: string): void {
    const host = this.#host;
    if (getXattr(host, inode, name) === undefined) throw new FsError('ENOATTR', '', '');
    host.commit.change({ blocks: catalogRoom(host, 3), kind: 'shrink' }, () => {
      removeXattr(host, inode, name);
      this.#xattrChanged(inode);
    });
  }

  /** Another header, or none, makes another file of a compressed one. */
  #xattrChanged(inode: Inode): void {
    this.#compressed.delete(inode);
    inode.changeTime = this.#host.now();
    saveInode(this.#host, inode);
  }

  /** What a symlink with this target stores. ENAMETOOLONG. */
  targetBytes(target: string): Uint8Array {
    const bytes = utf8(target);
    if (bytes.length > TARGET_BYTES_MAX) {
      const detail = `the target of a symlink has at most ${TARGET_BYTES_MAX} bytes`;
      throw new FsError('ENAMETOOLONG', '', '', detail);
    }
    return bytes;
  }
}

/** Each keeps its stored contents in memory. */
const COMPRESSED_MAX = 32;

/** For copies of nodes that a write may need besides its blocks. */
const SPARE_BLOCKS = 256;

/** Bytes unpacked at once, a multiple of what was compressed as one. */
const UNPACKED_BYTES = 1024 * 1024;
