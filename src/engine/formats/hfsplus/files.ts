import { textOf, utf8 } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import { CompressedFile, DECMPFS_NAME } from '../../codec/decmpfs.ts';
import type { AttributeChange, Extent } from '../contract.ts';
import {
  changeAttributes,
  clearCompressed,
  flagsOfRecord,
  touchAccess,
  touchContents,
  UF_COMPRESSED,
} from './attributes.ts';
import type { Commit } from './commit.ts';
import { Content } from './content.ts';
import type { Source } from './content.ts';
import { Fork } from './extents.ts';
import { CatalogFile } from './layout-catalog.ts';
import { CNID, FORK_SIZE_BYTES } from './layout.ts';
import { shownName } from './names.ts';
import type { HfsNode } from './node.ts';
import { setAttributeFlag } from './xattr-flags.ts';
import { AttributesTree } from './xattr-tree.ts';
import type { AttributesHost } from './xattr-tree.ts';

/**
 * Files as a whole: two forks, the record that names them, and what macOS stored compressed.
 *
 * Each call changes contents, record and dates together and stores the record; the caller has begun a transaction and
 * ends it. Whoever writes to a compressed file has it unpacked first, as on macOS; unpacking that fails leaves it
 * compressed. Source: apple-oss-distributions/hfs, core/hfs_readwrite.c, hfs_vnops.c; xnu bsd/kern/decmpfs.c.
 */
export interface FilesHost extends AttributesHost {
  readonly commit: Commit;
  readonly catalog: { store(node: HfsNode): void };
}

/** What a node remembers of its contents. */
export interface FileForks {
  readonly data: Fork;
  readonly resource: Fork;
  /** null: an ordinary file; undefined: nobody has looked. */
  compressed: CompressedFile | null | undefined;
}

const DATA_FORK_AT = CatalogFile.fields.dataFork.at;
const RESOURCE_FORK_AT = CatalogFile.fields.resourceFork.at;
/** Darwin's PATH_MAX; longer targets cannot be followed. */
const TARGET_BYTES_MAX = 1024;
/** What unpacking moves at a time. */
const UNPACKED_BYTES = 2 ** 20;

export class Files {
  readonly content: Content;
  readonly extendedAttributes: AttributesTree;
  readonly #host: FilesHost;

  constructor(host: FilesHost, extendedAttributes: AttributesTree) {
    this.#host = host;
    this.content = new Content(host);
    this.extendedAttributes = extendedAttributes;
  }

  /** Forks of a file or symlink; they work on the node's own record. */
  forksOf(node: HfsNode): FileForks {
    return (node.forks ??= {
      data: this.#fork(node, 'data', DATA_FORK_AT),
      resource: this.#fork(node, 'resource', RESOURCE_FORK_AT),
      compressed: undefined,
    });
  }

  #fork(node: HfsNode, type: 'data' | 'resource', at: number): Fork {
    return new Fork(this.#host, node.inode, type, node.record.subarray(at, at + FORK_SIZE_BYTES));
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Of a compressed file: what its header says. 0 for a folder. */
  sizeBytes(node: HfsNode): number {
    if (node.isDirectory) return 0;
    return this.compressedOf(node)?.sizeBytes ?? this.forksOf(node).data.sizeBytes;
  }

  /** null for an ordinary file, and for one whose flag is set without a header, as macOS has it. */
  compressedOf(node: HfsNode): CompressedFile | null {
    const forks = this.forksOf(node);
    if (forks.compressed !== undefined) return forks.compressed;
    return (forks.compressed =
      (flagsOfRecord(node.record) & UF_COMPRESSED) === 0 ? null : (this.#headerOf(node) ?? null));
  }

  /** What the attribute says, whether the flag is set or not. */
  #headerOf(node: HfsNode): CompressedFile | undefined {
    const value = this.extendedAttributes.get(node.inode, DECMPFS_NAME);
    if (value === undefined) return undefined;
    const { resource } = this.forksOf(node);
    return CompressedFile.open(value, {
      get sizeBytes() {
        return resource.sizeBytes;
      },
      read: (offsetBytes, into) => void this.content.read(resource, offsetBytes, into),
    });
  }

  /** Fills `into` from `offsetBytes`; returns how many bytes there were. The access date changes in memory. */
  read(node: HfsNode, offsetBytes: number, into: Uint8Array): number {
    const { commit } = this.#host;
    const compressed = this.compressedOf(node);
    const length =
      compressed === null
        ? this.content.read(this.forksOf(node).data, offsetBytes, into)
        : compressed.read(offsetBytes, into);
    if (length > 0 && !commit.isReadOnly) touchAccess(node.record, commit.now());
    return length;
  }

  /** Of the data fork: none for a compressed file. */
  extents(node: HfsNode): Extent[] {
    return node.isDirectory ? [] : this.content.extents(this.forksOf(node).data);
  }

  // ── contents ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** All or, on a full volume, as much as fits; ENOSPC when nothing does. */
  write(node: HfsNode, offsetBytes: number, source: Source): number {
    this.unpack(node);
    const { data } = this.forksOf(node);
    const written = this.content.write(data, offsetBytes, source, shownName(node.name));
    this.#storeChanged(node);
    return written;
  }

  truncate(node: HfsNode, sizeBytes: number): void {
    this.unpack(node, sizeBytes);
    this.content.truncate(this.forksOf(node).data, sizeBytes, shownName(node.name));
    this.#storeChanged(node);
  }

  /** Returns the bytes reserved behind the last block; the size stays. */
  preallocate(node: HfsNode, lengthBytes: number): number {
    this.unpack(node);
    const reserved = this.content.preallocate(this.forksOf(node).data, lengthBytes);
    this.#storeChanged(node);
    return reserved;
  }

  #storeChanged(node: HfsNode): void {
    touchContents(node.record, this.#host.commit.now());
    this.#host.catalog.store(node);
  }

  /** Is there something that `releaseReserve` would give back? */
  hasReserve(node: HfsNode): boolean {
    return node.type === 'file' && node.forks !== undefined && this.content.hasReserve(node.forks.data);
  }

  /** Nobody holds the file any more: blocks behind its end are free again. No date changes. */
  releaseReserve(node: HfsNode): void {
    this.content.releaseReserve(this.forksOf(node).data);
    this.#host.catalog.store(node);
  }

  /** Everything that an item about to lose its record owns besides: both forks and all attributes. */
  discard(node: HfsNode): void {
    this.extendedAttributes.removeAll(node.inode);
    if (node.isDirectory) return;
    const { data, resource } = this.forksOf(node);
    for (const fork of [data, resource]) {
      if (fork.totalBlocks > 0) this.content.truncate(fork, 0, shownName(node.name));
    }
  }

  // ── compressed files ──────────────────────────────────────────────────────────────────────────────────────────────

  /** Make an ordinary file of a compressed one, of its first `keepBytes` bytes. On failure it is as before. */
  unpack(node: HfsNode, keepBytes = Infinity): void {
    const compressed = this.compressedOf(node);
    if (compressed === null) return;
    const forks = this.forksOf(node);
    const owner = shownName(node.name);
    try {
      this.#copyUnpacked(compressed, forks.data, Math.min(keepBytes, compressed.sizeBytes), owner);
      this.extendedAttributes.remove(node.inode, DECMPFS_NAME);
    } catch (error) {
      this.content.truncate(forks.data, 0, owner);
      throw error;
    }
    if (compressed.isInFork) this.content.truncate(forks.resource, 0, owner);
    clearCompressed(node.record);
    setAttributeFlag(node.record, DECMPFS_NAME, false, this.extendedAttributes.has(node.inode));
    forks.compressed = null;
    this.#host.catalog.store(node);
  }

  #copyUnpacked(from: CompressedFile, to: Fork, sizeBytes: number, owner: string): void {
    this.content.truncate(to, 0, owner);
    const buffer = new Uint8Array(Math.min(sizeBytes, UNPACKED_BYTES));
    for (let done = 0; done < sizeBytes;) {
      const part = buffer.subarray(0, Math.min(buffer.length, sizeBytes - done));
      from.read(done, part);
      if (this.content.write(to, done, part, owner) < part.length) {
        const detail = `the compressed file has ${sizeBytes} bytes when it is unpacked, which writing to it demands`;
        throw new FsError('ENOSPC', '', '', detail);
      }
      done += part.length;
    }
  }

  // ── attributes ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * UF_COMPRESSED can only be given to a file with a valid header, whose data fork is emptied then; taken away, it lets
   * the bare forks be seen. Without a header the wish is ignored. (decmpfs_update_attributes, hfs_set_bsd_flags)
   */
  setAttributes(node: HfsNode, change: AttributeChange): void {
    const { commit, catalog } = this.#host;
    const before = flagsOfRecord(node.record);
    let { flags } = change;
    if (flags !== undefined && (flags & UF_COMPRESSED) !== 0 && (before & UF_COMPRESSED) === 0) {
      if (node.type === 'file' && this.#headerOf(node) !== undefined) {
        this.content.truncate(this.forksOf(node).data, 0, shownName(node.name));
      } else {
        flags &= ~UF_COMPRESSED;
      }
    }
    const isRoot = node.inode === CNID.root;
    changeAttributes(node.record, flags === undefined ? change : { ...change, flags }, commit.now(), isRoot);
    if (node.forks !== undefined) node.forks.compressed = undefined;
    catalog.store(node);
  }

  // ── symlinks ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a symlink with this target stores. ENAMETOOLONG. */
  targetBytes(target: string): Uint8Array {
    const bytes = utf8(target);
    if (bytes.length >= TARGET_BYTES_MAX) {
      const detail = `the target of a symlink has fewer than ${TARGET_BYTES_MAX} bytes`;
      throw new FsError('ENAMETOOLONG', '', '', detail);
    }
    return bytes;
  }

  readLink(node: HfsNode): string {
    const { data } = this.forksOf(node);
    if (data.sizeBytes > TARGET_BYTES_MAX) {
      throw new FsError('EIO', '', '', `a target of ${data.sizeBytes} bytes makes no symlink`);
    }
    const bytes = new Uint8Array(data.sizeBytes);
    this.content.read(data, 0, bytes);
    const end = bytes.indexOf(0);
    return textOf(end < 0 ? bytes : bytes.subarray(0, end));
  }
}
