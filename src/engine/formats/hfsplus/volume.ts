import { FsError } from '../../base/errno.ts';
import type {
  AttributeChange,
  Attributes,
  Extent,
  Fill,
  FormatName,
  ListedEntry,
  Listing,
  MountOptions,
  NodeInit,
  Volume,
  VolumeCapabilities,
  VolumeLimits,
  VolumeNode,
  VolumeStatistics,
} from '../contract.ts';
import { attributesOf, typeOfMode } from './attributes.ts';
import type { BTree } from './btree.ts';
import type { Commit } from './commit.ts';
import { FILE_SIZE_BYTES_MAX } from './content.ts';
import type { Source } from './content.ts';
import { Catalog } from './directory.ts';
import { exchangeContents } from './exchange.ts';
import { ExtendedAttributes } from './extended-attributes.ts';
import { Files } from './files.ts';
import type { FilesHost } from './files.ts';
import { CatalogFile, NAME_UNITS_MAX, RECORD_TYPE } from './layout-catalog.ts';
import { CNID } from './layout.ts';
import { isFileLink, isFolderLink } from './links.ts';
import type { OpenVolume } from './mount.ts';
import { shownName } from './names.ts';
import { HfsNode } from './node.ts';
import { Tree } from './tree.ts';
import { AttributesTree } from './xattr-tree.ts';

const ID_AT = CatalogFile.fields.fileId.at;
const MODE_AT = CatalogFile.fields.fileMode.at;

/** HFS_MAX_FILES: what macOS says a volume can hold. */
const FILES_MAX = 2 ** 32 - 1 - CNID.firstUser;

/** A mounted HFS+ or HFSX volume, with the manners of macOS's hfs. */
export class HfsVolume implements Volume {
  readonly formatName: FormatName;
  readonly title: string;
  readonly isReadOnly: boolean;
  readonly root: VolumeNode;
  readonly warnings: readonly string[];
  readonly limits: VolumeLimits = { fileSizeBytesMax: FILE_SIZE_BYTES_MAX, nameUnitsMax: NAME_UNITS_MAX };
  readonly capabilities: VolumeCapabilities;

  readonly #mounted: OpenVolume;
  readonly #options: MountOptions;
  readonly #commit: Commit;
  readonly #catalog: Catalog;
  readonly #tree: Tree;
  readonly #files: Files;
  readonly #filesHost: FilesHost;
  readonly #extendedAttributes: ExtendedAttributes;

  constructor(mounted: OpenVolume, options: MountOptions) {
    const { header, commit, geometry, device, allocation, isJournaled } = mounted;
    this.#mounted = mounted;
    this.#options = options;
    this.#commit = commit;
    this.#catalog = new Catalog(mounted.catalog, header, commit, geometry.isHfsx);
    this.#filesHost = {
      ...{
        device,
        geometry,
        header,
        allocation,
        extentsTree: mounted.extents,
        commit,
        catalog: this.#catalog,
      },
      wroteData: () => commit.wroteData(),
      get isRecording() {
        return commit.isRecording;
      },
    };
    this.#files = new Files(this.#filesHost, new AttributesTree(this.#filesHost, mounted.attributes));
    this.#extendedAttributes = new ExtendedAttributes(this.#filesHost, this.#files);
    this.#tree = new Tree({
      ...{ catalog: this.#catalog, commit, isHfsx: geometry.isHfsx, hasJournal: isJournaled },
      discard: (node) => this.#files.discard(node),
    });
    this.root = this.#tree.root;
    this.isReadOnly = mounted.isReadOnly;
    this.warnings = mounted.warnings;
    this.formatName = geometry.isHfsx ? 'hfsx' : 'hfsplus';
    this.title = titleOf(mounted.isCaseSensitive, isJournaled);
    this.capabilities = {
      isCaseSensitive: mounted.isCaseSensitive,
      hasPermissions: true,
      hasHardLinks: true,
      hasSymlinks: true,
      hasSparseFiles: false,
      hasExtendedAttributes: true,
      hasExclusiveRename: true,
    };
    if (!this.isReadOnly && options.isContinued !== true) this.#discardAbandoned();
  }

  /** Files that were in use without a name when the power went. */
  #discardAbandoned(): void {
    if (this.#tree.links.abandoned().length === 0) return;
    this.#change(
      () => 'Remove files that a power cut left without a name',
      () => this.#tree.discardAbandoned(),
    );
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  get label(): string {
    return shownName(this.#tree.root.name);
  }

  get isDirty(): boolean {
    return this.#commit.isDirty;
  }

  statistics(): VolumeStatistics {
    const { geometry, header } = this.#mounted;
    return {
      blockSizeBytes: geometry.blockSizeBytes,
      totalBlocks: geometry.totalBlocks,
      freeBlocks: header.freeBlocks,
      availableBlocks: header.freeBlocks,
      totalFiles: FILES_MAX,
      freeFiles: FILES_MAX - header.fileCount - header.folderCount,
    };
  }

  attributes(node: VolumeNode): Attributes {
    const file = this.#own(node);
    const facts = attributesOf(file.record, {
      inode: file.inode,
      blockSizeBytes: this.#mounted.geometry.blockSizeBytes,
      sizeBytes: this.#files.sizeBytes(file),
      hiddenFolders: this.#tree.hiddenFolders(file),
    });
    return file.isUnlinked ? { ...facts, linkCount: 0 } : facts;
  }

  lookup(directory: VolumeNode, name: string): VolumeNode | undefined {
    this.#trim();
    return this.#tree.lookup(this.#own(directory), name);
  }

  storedName(directory: VolumeNode, name: string): string | undefined {
    const entry = this.#tree.entry(this.#own(directory), name);
    return entry && shownName(entry.name);
  }

  parentOf(directory: VolumeNode): VolumeNode {
    return this.#tree.parentOf(this.#own(directory));
  }

  list(directory: VolumeNode, after: number | null, countMax: number): Listing {
    this.#trim();
    const folder = this.#own(directory);
    if (!folder.isDirectory) throw new FsError('ENOTDIR', '', '');
    const entries: ListedEntry[] = [];
    let last = { name: '', id: 0 };
    let hasMore = false;
    const isRoot = folder === this.root;
    this.#catalog.walk(folder.inode, after, ({ name, view, at }) => {
      if (entries.length >= countMax) {
        hasMore = true;
        return false;
      }
      const id = view.getUint32(at + ID_AT);
      if (isRoot && this.#tree.isHiddenInListing(folder, name, id)) return true;
      entries.push(this.#listed(shownName(name), id, view, at));
      last = { name, id };
      return true;
    });
    if (!hasMore) return { entries, next: null };
    this.#catalog.remember(folder.inode, last.name, last.id);
    return { entries, next: last.id };
  }

  #listed(name: string, id: number, view: DataView, at: number): ListedEntry {
    if (view.getUint16(at) === RECORD_TYPE.folder) return { name, inode: id, type: 'directory' };
    if (isFileLink(view, at) || isFolderLink(view, at)) {
      const target = this.#tree.listedAs(view, at);
      if (target !== undefined) return { name, ...target };
    }
    return { name, inode: id, type: typeOfMode(view.getUint16(at + MODE_AT)) };
  }

  // ── names ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  create(directory: VolumeNode, name: string, init: NodeInit): VolumeNode {
    return this.#change(
      () => `Create ${name}`,
      () => this.#tree.create(this.#own(directory), name, 'file', init),
    );
  }

  makeDirectory(directory: VolumeNode, name: string, init: NodeInit): VolumeNode {
    return this.#change(
      () => `Make directory ${name}`,
      () => this.#tree.create(this.#own(directory), name, 'directory', init),
    );
  }

  makeSymlink(directory: VolumeNode, name: string, target: string, init: NodeInit): VolumeNode {
    const bytes = this.#files.targetBytes(target);
    return this.#change(
      () => `Make symlink ${name}`,
      () => {
        // Room for the catalog first, which may take blocks, then for the target: nothing fails from there on.
        this.#catalog.reserve(1);
        this.#mounted.allocation.reserve(Math.ceil(bytes.length / this.#mounted.geometry.blockSizeBytes));
        const node = this.#tree.create(this.#own(directory), name, 'symlink', init);
        this.#files.write(node, 0, bytes);
        return node;
      },
    );
  }

  readLink(node: VolumeNode): string {
    const file = this.#own(node);
    if (file.type !== 'symlink') throw new FsError('EINVAL', '', '', 'not a symlink');
    return this.#files.readLink(file);
  }

  link(node: VolumeNode, directory: VolumeNode, name: string): void {
    this.#change(
      () => `Link ${name}`,
      () => this.#tree.link(this.#own(node), this.#own(directory), name),
    );
  }

  remove(directory: VolumeNode, name: string): void {
    this.#change(
      () => `Remove ${name}`,
      () => this.#tree.remove(this.#own(directory), name),
    );
  }

  removeDirectory(directory: VolumeNode, name: string): void {
    this.#change(
      () => `Remove directory ${name}`,
      () => this.#tree.removeFolder(this.#own(directory), name),
    );
  }

  rename(fromDirectory: VolumeNode, fromName: string, toDirectory: VolumeNode, toName: string): void {
    this.#change(
      () => `Rename ${fromName} to ${toName}`,
      () => this.#tree.rename(this.#own(fromDirectory), fromName, this.#own(toDirectory), toName),
    );
  }

  // ── contents ──────────────────────────────────────────────────────────────────────────────────────────────────────

  read(node: VolumeNode, offsetBytes: number, into: Uint8Array): number {
    return this.#files.read(this.#file(node), offsetBytes, into);
  }

  write(node: VolumeNode, offsetBytes: number, data: Uint8Array): number {
    return this.#write(node, offsetBytes, data, data.length);
  }

  fill(node: VolumeNode, offsetBytes: number, lengthBytes: number, fill: Fill): number {
    return this.#write(node, offsetBytes, { fill, lengthBytes }, lengthBytes);
  }

  #write(node: VolumeNode, offsetBytes: number, source: Source, lengthBytes: number): number {
    const file = this.#file(node);
    if (lengthBytes === 0) return 0;
    return this.#change(
      () => `Write ${lengthBytes} bytes at ${offsetBytes} of ${shownName(file.name)}`,
      () => this.#files.write(file, offsetBytes, source),
    );
  }

  truncate(node: VolumeNode, sizeBytes: number): void {
    const file = this.#file(node);
    this.#change(
      () => `Set the size of ${shownName(file.name)} to ${sizeBytes} bytes`,
      () => this.#files.truncate(file, sizeBytes),
    );
  }

  preallocate(node: VolumeNode, lengthBytes: number): number {
    const file = this.#file(node);
    return this.#change(
      () => `Reserve ${lengthBytes} bytes for ${shownName(file.name)}`,
      () => this.#files.preallocate(file, lengthBytes),
    );
  }

  extents(node: VolumeNode): Extent[] {
    return this.#files.extents(this.#own(node));
  }

  // ── attributes ────────────────────────────────────────────────────────────────────────────────────────────────────

  setAttributes(node: VolumeNode, change: AttributeChange): void {
    const file = this.#own(node);
    this.#change(
      () => `Change attributes of ${shownName(file.name)}`,
      () => this.#files.setAttributes(file, change),
    );
  }

  getExtendedAttribute(node: VolumeNode, name: string): Uint8Array | undefined {
    return this.#extendedAttributes.get(this.#own(node), name);
  }

  listExtendedAttributes(node: VolumeNode): string[] {
    return this.#extendedAttributes.list(this.#own(node));
  }

  setExtendedAttribute(node: VolumeNode, name: string, value: Uint8Array): void {
    const file = this.#own(node);
    this.#change(
      () => `Set attribute ${name} of ${shownName(file.name)}`,
      () => this.#extendedAttributes.set(file, name, value),
    );
  }

  removeExtendedAttribute(node: VolumeNode, name: string): void {
    const file = this.#own(node);
    this.#change(
      () => `Remove attribute ${name} of ${shownName(file.name)}`,
      () => this.#extendedAttributes.remove(file, name),
    );
  }

  exchange(first: VolumeNode, second: VolumeNode): void {
    const pair = [this.#own(first), this.#own(second)] as const;
    this.#change(
      () => `Exchange the contents of ${pair.map((file) => shownName(file.name)).join(' and ')}`,
      () => exchangeContents(this.#filesHost, this.#files, this.#extendedAttributes, pair),
    );
  }

  // ── holding, label, sync ──────────────────────────────────────────────────────────────────────────────────────────

  retain(node: VolumeNode): void {
    this.#tree.retain(this.#own(node));
  }

  release(node: VolumeNode): void {
    const file = this.#own(node);
    if (this.#tree.release(file)) {
      this.#change(
        () => 'Free a file that has lost its name',
        () => this.#tree.discardUnlinked(file),
      );
    } else if (file.holders === 0 && this.#files.hasReserve(file)) {
      this.#change(
        () => `Give back what was reserved for ${shownName(file.name)}`,
        () => this.#files.releaseReserve(file),
      );
    }
  }

  setLabel(label: string): void {
    if (label === '')
      throw new FsError('EINVAL', '', '', 'an HFS+ volume has a name of at least one character');
    this.#change(
      () => `Name the volume ${label}`,
      () => this.#tree.renameRoot(label),
    );
  }

  sync(_node?: VolumeNode): void {
    if (!this.isReadOnly) this.#commit.sync();
  }

  unmount(): void {
    if (this.isReadOnly) return;
    const unlinked = this.#tree.unlinkedNodes();
    if (unlinked.length > 0) {
      this.#change(
        () => 'Free files that have lost their names',
        () => unlinked.forEach((node) => this.#tree.discardUnlinked(node)),
      );
    }
    this.#commit.close();
  }

  // ── around every operation ────────────────────────────────────────────────────────────────────────────────────────

  /** One operation, one part of a transaction. An action that fails has changed nothing. */
  #change<T>(sentence: () => string, action: () => T): T {
    const { trace } = this.#options;
    const { isRecording } = trace;
    this.#trim();
    if (isRecording) trace.open('operation', sentence());
    try {
      this.#commit.begin();
      const result = this.#withRoom(action);
      this.#commit.end();
      return result;
    } finally {
      if (isRecording) {
        for (const tree of this.#trees) tree.reason = '';
        trace.close();
      }
    }
  }

  /** Blocks set free become available with the next commit: on a full volume it comes at once, and again we try. */
  #withRoom<T>(action: () => T): T {
    const { allocation } = this.#mounted;
    try {
      return action();
    } catch (error) {
      const isFull = error instanceof FsError && error.code === 'ENOSPC';
      if (!isFull || allocation.availableBlocks === allocation.freeBlocks) throw error;
    }
    this.#commit.flush();
    return action();
  }

  /** The volume may get its attributes tree while it is mounted. */
  get #trees(): readonly BTree[] {
    const { catalog, extents } = this.#mounted;
    const { tree } = this.#files.extendedAttributes;
    return tree === undefined ? [catalog, extents] : [catalog, extents, tree];
  }

  #trim(): void {
    this.#mounted.catalog.trim();
    this.#mounted.extents.trim();
    this.#files.extendedAttributes.tree?.trim();
  }

  #own(node: VolumeNode): HfsNode {
    if (!(node instanceof HfsNode)) throw new FsError('EXDEV', '', '');
    return this.#tree.current(node);
  }

  /** A node with contents. EISDIR for a directory, EINVAL for what has none of its own. */
  #file(node: VolumeNode): HfsNode {
    const file = this.#own(node);
    if (file.isDirectory) throw new FsError('EISDIR', '', '');
    if (file.type !== 'file')
      throw new FsError('EINVAL', '', '', `a ${file.type} has no contents of its own`);
    return file;
  }
}

/** As Disk Utility and diskutil call the personality. */
export function titleOf(isCaseSensitive: boolean, hasJournal: boolean): string {
  if (isCaseSensitive) return hasJournal ? 'Case-sensitive Journaled HFS+' : 'Case-sensitive HFS+';
  return hasJournal ? 'Journaled HFS+' : 'HFS+';
}
