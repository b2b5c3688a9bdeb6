import { textOf, utf8 } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { Extent } from '../contract.ts';
import { touchAccess, touchContents } from './attributes.ts';
import type { Commit } from './commit.ts';
import { Content } from './content.ts';
import type { ContentHost, Source } from './content.ts';
import type { Catalog } from './directory.ts';
import { Fork } from './extents.ts';
import type { ForkHost } from './extents.ts';
import { CatalogFile } from './layout-catalog.ts';
import { FORK_SIZE_BYTES } from './layout.ts';
import type { HfsNode } from './node.ts';

/**
 * The contents of files in use, by node: their forks, and what the record says about them. Every change of a fork is
 * stored in the record within the same operation.
 */
export interface FilesHost extends ContentHost, ForkHost {
  readonly commit: Commit;
  readonly catalog: Catalog;
}

const DATA_FORK_AT = CatalogFile.fields.dataFork.at;
const RESOURCE_FORK_AT = CatalogFile.fields.resourceFork.at;

/** Darwin's PATH_MAX; longer targets cannot be followed. */
const TARGET_BYTES_MAX = 1024;

export class Files {
  readonly content: Content;
  readonly #host: FilesHost;

  constructor(host: FilesHost) {
    this.#host = host;
    this.content = new Content(host);
  }

  dataFork(file: HfsNode): Fork {
    return (file.dataFork ??= this.#open(file, 'data', DATA_FORK_AT));
  }

  resourceFork(file: HfsNode): Fork {
    return (file.resourceFork ??= this.#open(file, 'resource', RESOURCE_FORK_AT));
  }

  #open(file: HfsNode, type: 'data' | 'resource', at: number): Fork {
    return new Fork(this.#host, file.inode, type, file.record.subarray(at, at + FORK_SIZE_BYTES));
  }

  sizeBytes(file: HfsNode): number {
    return file.isDirectory
      ? 0
      : file.view.getUint32(DATA_FORK_AT) * 2 ** 32 + file.view.getUint32(DATA_FORK_AT + 4);
  }

  read(file: HfsNode, offsetBytes: number, into: Uint8Array): number {
    touchAccess(file.record, this.#host.commit.now());
    return this.content.read(this.dataFork(file), offsetBytes, into);
  }

  /** ENOSPC when nothing fits, EFBIG; otherwise how many bytes did. */
  write(file: HfsNode, offsetBytes: number, source: Source): number {
    const written = this.content.write(this.dataFork(file), offsetBytes, source, file.name);
    if (written > 0) this.#changed(file);
    return written;
  }

  truncate(file: HfsNode, sizeBytes: number): void {
    this.content.truncate(this.dataFork(file), sizeBytes, file.name);
    this.#changed(file);
  }

  #changed(file: HfsNode): void {
    touchContents(file.record, this.#host.commit.now());
    this.#host.catalog.store(file);
  }

  preallocate(file: HfsNode, lengthBytes: number): number {
    const reserved = this.content.preallocate(this.dataFork(file), lengthBytes);
    this.#host.catalog.store(file);
    return reserved;
  }

  hasReserve(file: HfsNode): boolean {
    return file.type === 'file' && file.dataFork !== undefined && this.content.hasReserve(file.dataFork);
  }

  releaseReserve(file: HfsNode): void {
    this.content.releaseReserve(this.dataFork(file));
    this.#host.catalog.store(file);
  }

  extents(file: HfsNode): Extent[] {
    return file.isDirectory ? [] : this.content.extents(this.dataFork(file));
  }

  /** Both forks of a file about to lose its record. */
  discard(file: HfsNode): void {
    if (file.isDirectory) return;
    this.#discardFork(this.dataFork(file), file);
    this.#discardFork(this.resourceFork(file), file);
  }

  #discardFork(fork: Fork, file: HfsNode): void {
    if (fork.totalBlocks > 0) this.content.truncate(fork, 0, file.name);
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

  readLink(file: HfsNode): string {
    const size = this.sizeBytes(file);
    if (size > TARGET_BYTES_MAX)
      throw new FsError('EIO', '', '', `a target of ${size} bytes makes no symlink`);
    const bytes = new Uint8Array(size);
    this.content.read(this.dataFork(file), 0, bytes);
    const end = bytes.indexOf(0);
    return textOf(end < 0 ? bytes : bytes.subarray(0, end));
  }
}
