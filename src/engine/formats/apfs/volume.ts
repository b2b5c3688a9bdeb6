import { textOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { Trace } from '../../base/trace.ts';
import type {
  AttributeChange,
  Attributes,
  CloneOwner,
  Extent,
  FileType,
  Fill,
  Listing,
  NodeInit,
  Sharing,
  Snapshots,
  Volume,
  VolumeCapabilities,
  VolumeLimits,
  VolumeNode,
  VolumeStatistics,
} from '../contract.ts';
import { CloneTree } from './clone-tree.ts';
import { sharingOf } from './clones.ts';
import type { Source } from './content-io.ts';
import { FILE_SIZE_BYTES_MAX } from './content.ts';
import { DirectoryTree } from './directory.ts';
import type { VolumeHost } from './files-host.ts';
import { Files } from './files.ts';
import { Inode } from './inode.ts';
import { NAME_BYTES_MAX } from './layout-catalog.ts';
import { findBeingTruncated } from './truncation.ts';
import { insertTarget, getXattr, listXattrs } from './xattrs.ts';

/** No number of files is the limit, only space: statfs(2) of macOS promises this many for each block. */
const FILES_PER_BLOCK = 40;

export interface VolumeOptions {
  readonly trace: Trace;
  /** See MountOptions. */
  readonly isContinued?: boolean;
}

/** A mounted volume, or one of its snapshots, with the manners of macOS's apfs. Everything it does it delegates. */
export class ApfsVolume implements Volume {
  readonly formatName = 'apfs';
  readonly title: string;
  readonly isReadOnly: boolean;
  readonly root: VolumeNode;
  readonly warnings: readonly string[];
  readonly limits: VolumeLimits = { fileSizeBytesMax: FILE_SIZE_BYTES_MAX, nameUnitsMax: NAME_BYTES_MAX };
  readonly capabilities: VolumeCapabilities;
  /** Of a live volume. */
  readonly snapshots?: Snapshots;

  readonly #state: VolumeHost;
  readonly #options: VolumeOptions;
  readonly #tree: DirectoryTree;
  readonly #files: Files;

  constructor(state: VolumeHost, options: VolumeOptions) {
    this.#state = state;
    this.#options = options;
    this.#tree = new DirectoryTree(state);
    this.#files = new Files(state, this.#tree.orphans);
    this.root = this.#tree.root;
    this.isReadOnly = state.isReadOnly;
    this.title = titleOf(state.isCaseInsensitive);
    this.warnings = state.warnings;
    if (state.snapshots !== undefined) this.snapshots = state.snapshots;
    this.capabilities = {
      isCaseSensitive: !state.isCaseInsensitive,
      hasPermissions: true,
      hasHardLinks: true,
      hasSymlinks: true,
      hasSparseFiles: true,
      hasExtendedAttributes: true,
      hasExclusiveRename: true,
      hasSwapRename: true,
      hasClones: true,
      hasSnapshots: state.snapshots !== undefined,
    };
    if (this.isReadOnly || options.isContinued === true) return;
    this.#finishOrphans();
    if (state.commit.wasLeftBehind) this.warnings = [...this.warnings, ...this.#finishTruncations()];
  }

  /** Files that the power cut, or another driver's, caught while they were made shorter. Says what hinders it. */
  #finishTruncations(): string[] {
    try {
      const numbers = findBeingTruncated(this.#state);
      if (numbers.length === 0) return [];
      this.#traced(
        () => 'Go on with truncations that a power cut left unfinished',
        () => {
          for (const number of numbers) {
            const inode = this.#tree.nodes.get(number);
            if (inode !== undefined && !inode.isUnlinked) this.#files.finishTruncation(inode);
          }
        },
      );
      return [];
    } catch (error) {
      if (!(error instanceof FsError) || error.code !== 'EIO') throw error;
      return [`Truncated files may hold more blocks than they need: ${error.detail || error.message}.`];
    }
  }

  /** Files that were in use without a name when the power went. */
  #finishOrphans(): void {
    if (!this.#tree.orphans.hasAny) return;
    this.#traced(
      () => 'Remove files that a power cut left without a name',
      () => this.#tree.orphans.resume(),
    );
  }

  /** Does anybody hold a file or directory? Whoever stands in the root may stay: that object is read anew. */
  get isInUse(): boolean {
    return this.#tree.nodes.heldCount() > 1;
  }

  /** The volume was reverted to a snapshot: what is known of its files is out of date. */
  forget(): void {
    this.#tree.nodes.forgetAll(this.#tree.root);
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  get label(): string {
    return this.#state.label;
  }

  get isDirty(): boolean {
    return this.#state.commit.isDirty;
  }

  statistics(): VolumeStatistics {
    const { fileCount, directoryCount, symlinkCount, otherCount } = this.#state.superblock;
    const used = fileCount + directoryCount + symlinkCount + otherCount;
    const space = this.#state.space();
    const totalFiles = Math.max(used, space.totalBlocks * FILES_PER_BLOCK);
    return { ...space, totalFiles, freeFiles: totalFiles - used };
  }

  attributes(node: VolumeNode): Attributes {
    return this.#files.attributes(this.#own(node));
  }

  lookup(directory: VolumeNode, name: string): VolumeNode | undefined {
    return this.#tree.lookup(this.#own(directory), name);
  }

  storedName(directory: VolumeNode, name: string): string | undefined {
    const bytes = this.#tree.storedName(this.#own(directory), name);
    return bytes && textOf(bytes);
  }

  parentOf(directory: VolumeNode): VolumeNode {
    return this.#tree.parentOf(this.#own(directory));
  }

  list(directory: VolumeNode, after: number | null, countMax: number): Listing {
    return this.#tree.list(this.#own(directory), after, countMax);
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
      () =>
        this.#tree.create(this.#own(directory), name, 'symlink', init, 1, ({ number }) =>
          insertTarget(this.#state, number, bytes),
        ),
    );
  }

  makeSpecial(
    directory: VolumeNode,
    name: string,
    type: Exclude<FileType, 'file' | 'directory' | 'symlink'>,
    device: number,
    init: NodeInit,
  ): VolumeNode {
    return this.#change(
      () => `Make ${type} ${name}`,
      () =>
        this.#tree.create(this.#own(directory), name, type, init, 0, (inode) => {
          inode.device = isDevice(type) ? device >>> 0 : 0;
        }),
    );
  }

  deviceOf(node: VolumeNode): number {
    return this.#own(node).device;
  }

  readLink(node: VolumeNode): string {
    const inode = this.#own(node);
    if (inode.type !== 'symlink') throw new FsError('EINVAL', '', '', 'not a symlink');
    return this.#files.readLink(inode);
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
      () => this.#tree.removeDirectory(this.#own(directory), name),
    );
  }

  rename(fromDirectory: VolumeNode, fromName: string, toDirectory: VolumeNode, toName: string): void {
    this.#change(
      () => `Rename ${fromName} to ${toName}`,
      () => this.#tree.rename(this.#own(fromDirectory), fromName, this.#own(toDirectory), toName),
    );
  }

  swap(fromDirectory: VolumeNode, fromName: string, toDirectory: VolumeNode, toName: string): void {
    this.#change(
      () => `Swap ${fromName} and ${toName}`,
      () => this.#tree.swap(this.#own(fromDirectory), fromName, this.#own(toDirectory), toName),
    );
  }

  clone(node: VolumeNode, directory: VolumeNode, name: string, owner: CloneOwner): void {
    this.#change(
      () => `Clone ${this.#own(node).name} as ${name}`,
      () => new CloneTree(this.#state, this.#tree).clone(this.#own(node), this.#own(directory), name, owner),
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
      () => `Write ${lengthBytes} bytes at ${offsetBytes} of ${file.name}`,
      () => this.#files.write(file, offsetBytes, source),
    );
  }

  truncate(node: VolumeNode, sizeBytes: number): void {
    const file = this.#file(node);
    this.#change(
      () => `Set the size of ${file.name} to ${sizeBytes} bytes`,
      () => this.#files.truncate(file, sizeBytes),
    );
  }

  punchHole(node: VolumeNode, offsetBytes: number, lengthBytes: number): void {
    const file = this.#file(node);
    this.#change(
      () => `Punch a hole of ${lengthBytes} bytes at ${offsetBytes} of ${file.name}`,
      () => this.#files.punch(file, offsetBytes, lengthBytes),
    );
  }

  preallocate(node: VolumeNode, lengthBytes: number): number {
    const file = this.#file(node);
    return this.#change(
      () => `Reserve ${lengthBytes} bytes for ${file.name}`,
      () => this.#files.preallocate(file, lengthBytes),
    );
  }

  extents(node: VolumeNode): Extent[] {
    return this.#files.extents(this.#own(node));
  }

  sharing(node: VolumeNode): Sharing {
    return sharingOf(this.#state, this.#own(node));
  }

  // ── attributes ────────────────────────────────────────────────────────────────────────────────────────────────────

  setAttributes(node: VolumeNode, change: AttributeChange): void {
    const inode = this.#own(node);
    this.#change(
      () => `Change attributes of ${inode.name}`,
      () => this.#files.setAttributes(inode, change),
    );
  }

  getExtendedAttribute(node: VolumeNode, name: string): Uint8Array | undefined {
    return getXattr(this.#state, this.#own(node), name);
  }

  listExtendedAttributes(node: VolumeNode): string[] {
    return listXattrs(this.#state, this.#own(node));
  }

  setExtendedAttribute(node: VolumeNode, name: string, value: Uint8Array): void {
    const inode = this.#own(node);
    this.#change(
      () => `Set attribute ${name} of ${inode.name}`,
      () => this.#files.setXattr(inode, name, value),
    );
  }

  removeExtendedAttribute(node: VolumeNode, name: string): void {
    const inode = this.#own(node);
    this.#change(
      () => `Remove attribute ${name} of ${inode.name}`,
      () => this.#files.removeXattr(inode, name),
    );
  }

  // ── holding, label, sync ──────────────────────────────────────────────────────────────────────────────────────────

  retain(node: VolumeNode): void {
    this.#tree.nodes.retain(this.#own(node));
  }

  release(node: VolumeNode): void {
    const inode = this.#own(node);
    if (!this.#tree.nodes.release(inode) || this.isReadOnly) return;
    if (inode.isUnlinked && !inode.isGone) {
      this.#change(
        () => 'Free a file that has lost its name',
        () => this.#tree.finishUnheld(inode),
      );
    } else if (this.#files.hasReserve(inode)) {
      this.#change(
        () => `Give back what was reserved for ${inode.name}`,
        () => this.#files.releaseReserve(inode),
      );
    }
  }

  setLabel(label: string): void {
    this.#change(
      () => `Name the volume ${label}`,
      () => this.#state.setLabel(label),
    );
  }

  sync(_node?: VolumeNode): void {
    if (!this.isReadOnly) this.#state.commit.sync();
  }

  unmount(): void {
    if (!this.isReadOnly) {
      for (const inode of this.#tree.nodes.unlinked()) {
        inode.holders = 0;
        this.#tree.finishUnheld(inode);
      }
    }
    this.#state.unmount();
  }

  // ── around every operation ────────────────────────────────────────────────────────────────────────────────────────

  #change<T>(sentence: () => string, action: () => T): T {
    if (this.isReadOnly) throw new FsError('EROFS', '', '');
    return this.#traced(sentence, action);
  }

  #traced<T>(sentence: () => string, action: () => T): T {
    const { trace } = this.#options;
    if (!trace.isRecording) return action();
    trace.open('operation', sentence());
    try {
      return action();
    } finally {
      trace.close();
    }
  }

  #own(node: VolumeNode): Inode {
    if (!(node instanceof Inode)) throw new FsError('EXDEV', '', '');
    return this.#tree.nodes.current(node);
  }

  /** A node with contents. EISDIR for a directory, EINVAL for what has none of its own. */
  #file(node: VolumeNode): Inode {
    const file = this.#own(node);
    if (file.isDirectory) throw new FsError('EISDIR', '', '');
    if (file.type !== 'file') {
      throw new FsError('EINVAL', '', '', `a ${file.type} has no contents of its own`);
    }
    return file;
  }
}

const isDevice = (type: FileType): boolean => type === 'character device' || type === 'block device';

/** As Disk Utility and diskutil call the personality. */
export const titleOf = (isCaseInsensitive: boolean): string =>
  isCaseInsensitive ? 'APFS' : 'APFS (Case-sensitive)';
