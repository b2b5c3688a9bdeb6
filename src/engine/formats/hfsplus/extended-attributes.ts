import { FsError } from '../../base/errno.ts';
import { touchContents, touchRecord } from './attributes.ts';
import { damaged } from './damage.ts';
import type { Files, FilesHost } from './files.ts';
import { FINDER_INFO_NAME, finderInfoOf, removeFinderInfo, setFinderInfo } from './finder-info.ts';
import { shownName } from './names.ts';
import type { HfsNode } from './node.ts';
import { setAttributeFlag } from './xattr-flags.ts';

export const RESOURCE_FORK_NAME = 'com.apple.ResourceFork';
/** A resource fork is handed out as one piece of memory. */
const RESOURCE_FORK_BYTES_MAX = 2 ** 31 - 1;

/**
 * The four calls for extended attributes, over the three places that hold them: the catalog record (Finder
 * information), the resource fork, and the attributes tree. The record's flags follow, as do its dates.
 * Source: apple-oss-distributions/hfs, core/hfs_xattr.c.
 */
export class ExtendedAttributes {
  readonly #host: FilesHost;
  readonly #files: Files;

  constructor(host: FilesHost, files: Files) {
    this.#host = host;
    this.#files = files;
  }

  /** undefined when there is none. EIO; E2BIG for a resource fork that no memory holds. */
  get(node: HfsNode, name: string): Uint8Array | undefined {
    if (name === FINDER_INFO_NAME) return finderInfoOf(node.record);
    if (name !== RESOURCE_FORK_NAME) return this.#files.extendedAttributes.get(node.inode, name);
    if (node.type !== 'file') return undefined;
    const { resource } = this.#files.forksOf(node);
    const { sizeBytes, totalBlocks } = resource;
    if (sizeBytes === 0) return undefined;
    const volumeBlocks = this.#host.geometry.totalBlocks;
    if (sizeBytes > Math.min(totalBlocks, volumeBlocks) * this.#host.geometry.blockSizeBytes) {
      throw damaged(`the resource fork of ${shownName(node.name)} claims more bytes than its blocks hold`);
    }
    if (sizeBytes > RESOURCE_FORK_BYTES_MAX) {
      throw new FsError('E2BIG', '', '', 'the resource fork is too long to be read as one attribute');
    }
    const value = new Uint8Array(sizeBytes);
    this.#files.content.read(resource, 0, value);
    return value;
  }

  /** Finder information and resource fork first, then the order of the disk. */
  list(node: HfsNode): string[] {
    const names = this.#files.extendedAttributes.names(node.inode);
    const hasFork = node.type === 'file' && this.#files.forksOf(node).resource.sizeBytes > 0;
    if (hasFork) names.unshift(RESOURCE_FORK_NAME);
    if (finderInfoOf(node.record) !== undefined) names.unshift(FINDER_INFO_NAME);
    return names;
  }

  /** Replaces the whole value; ENOSPC leaves the old one. */
  set(node: HfsNode, name: string, value: Uint8Array): void {
    const { catalog, commit } = this.#host;
    if (name === FINDER_INFO_NAME) {
      setFinderInfo(node.record, value);
      touchRecord(node.record, commit.now());
    } else if (name === RESOURCE_FORK_NAME) {
      this.#requireFile(node);
      this.#files.content.replace(this.#files.forksOf(node).resource, value, shownName(node.name));
      touchContents(node.record, commit.now());
    } else {
      this.#files.extendedAttributes.set(node.inode, name, value, shownName(node.name));
      setAttributeFlag(node.record, name, true, true);
      touchRecord(node.record, commit.now());
      this.#forgetCompression(node);
    }
    catalog.store(node);
  }

  /** ENOATTR when there is none. */
  remove(node: HfsNode, name: string): void {
    const { catalog, commit } = this.#host;
    if (name === FINDER_INFO_NAME) {
      removeFinderInfo(node.record);
    } else if (name === RESOURCE_FORK_NAME) {
      this.#requireFile(node);
      const { resource } = this.#files.forksOf(node);
      if (resource.sizeBytes === 0) throw new FsError('ENOATTR', '', '');
      this.#files.content.truncate(resource, 0, shownName(node.name));
      touchContents(node.record, commit.now());
    } else {
      const { extendedAttributes } = this.#files;
      if (!extendedAttributes.remove(node.inode, name)) throw new FsError('ENOATTR', '', '');
      setAttributeFlag(node.record, name, false, extendedAttributes.has(node.inode));
      this.#forgetCompression(node);
    }
    touchRecord(node.record, commit.now());
    catalog.store(node);
  }

  /** Another header, or none, makes another file of a compressed one. */
  #forgetCompression(node: HfsNode): void {
    if (node.forks !== undefined) node.forks.compressed = undefined;
  }

  #requireFile(node: HfsNode): void {
    if (node.type !== 'file') throw new FsError('EPERM', '', '', 'only files have a resource fork');
  }
}
