import { utf8 } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import { encodeXSym, XSYM_SIZE_BYTES, XSYM_TARGET_BYTES_MAX } from '../../codec/xsym.ts';
import type { Device } from '../../device/device.ts';
import type {
  AttributeChange,
  Attributes,
  Extent,
  Fill,
  ListedEntry,
  Listing,
  MountOptions,
  NodeInit,
  Volume,
  VolumeCapabilities,
  VolumeNode,
  VolumeStatistics,
} from '../contract.ts';
import type { FileAllocationTable } from './alloc.ts';
import { flagsOf, MODE, timeOf } from './attributes.ts';
import type { Commit } from './commit.ts';
import type { Source } from './content.ts';
import { isDamage } from './damage.ts';
import type { Directory } from './directory.ts';
import type { Chain } from './extents.ts';
import { writeBootLabel } from './label.ts';
import { ATTRIBUTE, ENTRY_SIZE_BYTES, FILE_SIZE_BYTES_MAX, LONG_NAME_UNITS_MAX } from './layout.ts';
import type { Geometry } from './layout.ts';
import { labelField, labelText, shortNameAt } from './names.ts';
import { FatNode, u16At, u32At } from './node.ts';
import { Stamps } from './stamps.ts';
import { decodeSymlink } from './symlink.ts';
import type { Tree } from './tree.ts';

/** What `mount` found and made. */
export interface Mounted {
  readonly device: Device;
  readonly geometry: Geometry;
  readonly fat: FileAllocationTable;
  readonly commit: Commit;
  readonly tree: Tree;
  readonly options: MountOptions;
  readonly isReadOnly: boolean;
  /** Label of the boot sector; the root directory's counts where there is one. */
  readonly bootLabel: string;
  readonly warnings: readonly string[];
}

/** A mounted FAT12, FAT16 or FAT32 volume, with the manners of macOS's msdosfs. */
export class FatVolume implements Volume {
  readonly formatName = 'fat32';
  readonly title: string;
  readonly isReadOnly: boolean;
  readonly root: VolumeNode;
  readonly warnings: readonly string[];
  readonly limits = { fileSizeBytesMax: FILE_SIZE_BYTES_MAX, nameUnitsMax: LONG_NAME_UNITS_MAX };
  readonly capabilities: VolumeCapabilities = {
    isCaseSensitive: false,
    hasPermissions: false,
    hasHardLinks: false,
    hasSymlinks: true,
    hasSparseFiles: false,
    hasExtendedAttributes: false,
  };

  readonly #mounted: Mounted;
  readonly #tree: Tree;
  readonly #commit: Commit;
  #bootLabel: string;
  readonly #stamps: Stamps;

  constructor(mounted: Mounted) {
    this.#mounted = mounted;
    this.#tree = mounted.tree;
    this.#commit = mounted.commit;
    this.#stamps = new Stamps(mounted.options.clock, mounted.options.timeZoneMinutes);
    this.#bootLabel = mounted.bootLabel;
    this.title = `MS-DOS (FAT${mounted.geometry.type})`;
    this.isReadOnly = mounted.isReadOnly;
    this.root = mounted.tree.root;
    this.warnings = mounted.warnings;
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  get label(): string {
    const root = this.#tree.entriesOf(this.#tree.root);
    if (root.labelSlot < 0) return this.#bootLabel;
    const at = root.labelSlot * ENTRY_SIZE_BYTES;
    return labelText(shortNameAt(root.bytes, at));
  }

  get isDirty(): boolean {
    return this.#mounted.commit.isDirty;
  }

  statistics(): VolumeStatistics {
    const { geometry, fat } = this.#mounted;
    const { freeClusters } = fat;
    return {
      blockSizeBytes: geometry.clusterSizeBytes,
      totalBlocks: geometry.clusterCount,
      freeBlocks: freeClusters,
      availableBlocks: freeClusters,
      // macOS reports the fixed root's entries as files, and none free.
      totalFiles: geometry.rootEntryCount,
      freeFiles: 0,
    };
  }

  attributes(node: VolumeNode): Attributes {
    const file = asFat(node);
    const { geometry, options } = this.#mounted;
    const bytes = file.entryBytes;
    const at = file.entryOffset;
    const zone = options.timeZoneMinutes;
    const modifyTime = timeOf(u32At(bytes, at + 22), 0, zone);
    const sizeBytes = this.#sizeOf(file);
    const storedBytes = file.type === 'symlink' ? XSYM_SIZE_BYTES : sizeBytes;
    return {
      inode: file.inode,
      type: file.type,
      mode: MODE,
      linkCount: 1,
      uid: options.owner.uid,
      gid: options.owner.gid,
      sizeBytes,
      allocatedBytes: Math.ceil(storedBytes / geometry.clusterSizeBytes) * geometry.clusterSizeBytes,
      flags: flagsOf(file.attributeBits),
      accessTime: timeOf((u16At(bytes, at + 18) << 16) >>> 0, 0, zone),
      modifyTime,
      changeTime: modifyTime,
      birthTime: timeOf(u32At(bytes, at + 14), bytes[at + 13] ?? 0, zone),
    };
  }

  #sizeOf(file: FatNode): number {
    if (file.type === 'symlink') return utf8(this.readLink(file)).length;
    if (file.type === 'file') return file.sizeBytes;
    const { geometry } = this.#mounted;
    if (file.firstCluster === 0) return geometry.rootEntryCount * ENTRY_SIZE_BYTES;
    const chain = file.content?.chain ?? this.#tree.chainOf(file);
    return (
      chain.reach(Math.ceil(DIRECTORY_BYTES_MAX / geometry.clusterSizeBytes)) * geometry.clusterSizeBytes
    );
  }

  lookup(directory: VolumeNode, name: string): VolumeNode | undefined {
    return this.#guard(() => this.#tree.lookup(this.#entries(directory), name));
  }

  storedName(directory: VolumeNode, name: string): string | undefined {
    return this.#guard(() => {
      const entries = this.#entries(directory);
      const slot = entries.find(name);
      return slot < 0 ? undefined : entries.nameAt(slot);
    });
  }

  parentOf(directory: VolumeNode): VolumeNode {
    const file = asFat(directory);
    return file.directory?.node ?? file.content?.parent?.node ?? this.#tree.root;
  }

  list(directory: VolumeNode, after: number | null, countMax: number): Listing {
    return this.#guard(() => {
      const entries = this.#entries(directory);
      const found: ListedEntry[] = [];
      let slot = after ?? -1;
      while (found.length < countMax) {
        slot = entries.nextEntry(slot);
        if (slot < 0) return { entries: found, next: null };
        found.push({
          name: entries.nameAt(slot),
          inode: entries.inodeAt(slot),
          type: this.#tree.typeAt(entries, slot),
        });
      }
      return { entries: found, next: slot };
    });
  }

  #entries(directory: VolumeNode): Directory {
    return this.#tree.entriesOf(asFat(directory));
  }

  // ── names ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  create(directory: VolumeNode, name: string, _init: NodeInit): VolumeNode {
    return this.#change(
      () => `Create ${name}`,
      () => {
        const parent = this.#tree.livingEntriesOf(asFat(directory));
        const node = this.#tree.add(parent, name, 'file', this.#stamps.newEntry(ATTRIBUTE.archive));
        node.holders = 1;
        this.#stamps.touchDirectory(parent.node);
        return node;
      },
    );
  }

  makeDirectory(directory: VolumeNode, name: string, _init: NodeInit): VolumeNode {
    return this.#change(
      () => `Make directory ${name}`,
      () => {
        const parent = this.#tree.livingEntriesOf(asFat(directory));
        const entry = this.#stamps.newEntry(ATTRIBUTE.directory).slice();
        const node = this.#tree.addDirectory(parent, name, entry);
        node.holders = 1;
        this.#stamps.touchDirectory(parent.node);
        return node;
      },
    );
  }

  makeSymlink(directory: VolumeNode, name: string, target: string, _init: NodeInit): VolumeNode {
    const file = encodeXSym(target);
    if (file === null) {
      const detail = `a symlink's target has at most ${XSYM_TARGET_BYTES_MAX} bytes`;
      throw new FsError('ENAMETOOLONG', '', '', detail);
    }
    return this.#change(
      () => `Make symlink ${name}`,
      () => {
        const parent = this.#tree.livingEntriesOf(asFat(directory));
        const node = this.#tree.add(parent, name, 'symlink', this.#stamps.newEntry(ATTRIBUTE.archive));
        try {
          // Half a target is none.
          if (this.#store(node, 0, file) < file.length) throw new FsError('ENOSPC', '', '');
        } catch (error) {
          this.#tree.remove(parent, node.slot);
          throw error;
        }
        node.target = target;
        node.holders = 1;
        this.#stamps.touchDirectory(parent.node);
        return node;
      },
    );
  }

  readLink(node: VolumeNode): string {
    const file = asFat(node);
    if (file.type !== 'symlink') throw new FsError('EINVAL', '', '', 'not a symlink');
    file.target ??= this.#guard(() => decodeSymlink(this.#tree.content, this.#tree.chainOf(file)));
    if (file.target === undefined) throw new FsError('EIO', '', '', 'the symlink cannot be read any more');
    return file.target;
  }

  remove(directory: VolumeNode, name: string): void {
    this.#change(
      () => `Remove ${name}`,
      () => {
        const parent = this.#entries(directory);
        const slot = existing(parent, name);
        if (parent.attributesAt(slot) & ATTRIBUTE.directory) throw new FsError('EPERM', '', '');
        this.#tree.remove(parent, slot);
        this.#stamps.touchDirectory(parent.node);
      },
    );
  }

  removeDirectory(directory: VolumeNode, name: string): void {
    this.#change(
      () => `Remove directory ${name}`,
      () => {
        const parent = this.#entries(directory);
        const slot = existing(parent, name);
        this.#assertEmptyDirectory(parent, slot);
        this.#tree.remove(parent, slot);
        this.#stamps.touchDirectory(parent.node);
      },
    );
  }

  #assertEmptyDirectory(parent: Directory, slot: number): void {
    const entries = this.#tree.entriesOf(this.#tree.nodeAt(parent, slot));
    if (entries.entryCount > 0) throw new FsError('ENOTEMPTY', '', '');
  }

  rename(fromDirectory: VolumeNode, fromName: string, toDirectory: VolumeNode, toName: string): void {
    this.#change(
      () => `Rename ${fromName} to ${toName}`,
      () => {
        const from = this.#entries(fromDirectory);
        const to = this.#tree.livingEntriesOf(asFat(toDirectory));
        const slot = existing(from, fromName);
        const target = to.find(toName);
        if (target >= 0 && !(from === to && target === slot)) {
          const isDirectory = (from.attributesAt(slot) & ATTRIBUTE.directory) !== 0;
          const isOntoDirectory = (to.attributesAt(target) & ATTRIBUTE.directory) !== 0;
          if (isOntoDirectory && !isDirectory) throw new FsError('EISDIR', '', '');
          if (isDirectory && !isOntoDirectory) throw new FsError('ENOTDIR', '', '');
          if (isOntoDirectory) this.#assertEmptyDirectory(to, target);
        }
        this.#tree.rename(from, slot, to, toName);
        this.#stamps.touchDirectory(from.node);
        this.#stamps.touchDirectory(to.node);
      },
    );
  }

  // ── contents ──────────────────────────────────────────────────────────────────────────────────────────────────────

  read(node: VolumeNode, offsetBytes: number, into: Uint8Array): number {
    const file = asFile(node);
    const length = Math.max(0, Math.min(into.length, file.sizeBytes - offsetBytes));
    if (length === 0) return 0;
    const part = length === into.length ? into : into.subarray(0, length);
    this.#guard(() => this.#tree.content.read(this.#tree.chainOf(file), offsetBytes, part));
    return length;
  }

  write(node: VolumeNode, offsetBytes: number, data: Uint8Array): number {
    const file = asFile(node);
    return this.#change(
      () => `Write ${data.length} bytes at ${offsetBytes} of ${this.#tree.nameOf(file)}`,
      () => this.#store(file, offsetBytes, data),
    );
  }

  fill(node: VolumeNode, offsetBytes: number, lengthBytes: number, fill: Fill): number {
    const file = asFile(node);
    return this.#change(
      () => `Fill ${lengthBytes} bytes at ${offsetBytes} of ${this.#tree.nameOf(file)}`,
      () => this.#store(file, offsetBytes, { fill, lengthBytes }),
    );
  }

  #store(file: FatNode, offsetBytes: number, source: Source): number {
    const chain = this.#tree.chainOf(file);
    const size = file.type === 'symlink' ? 0 : file.sizeBytes;
    const length = source instanceof Uint8Array ? source.length : source.lengthBytes;
    if (length === 0) return 0;
    const written = this.#tree.content.write(chain, size, offsetBytes, source, this.#tree.nameOf(file));
    this.#setSize(file, chain, Math.max(size, offsetBytes + written));
    return written;
  }

  truncate(node: VolumeNode, sizeBytes: number): void {
    const file = asFile(node);
    this.#change(
      () => `Set the size of ${this.#tree.nameOf(file)} to ${sizeBytes} bytes`,
      () => {
        const old = file.sizeBytes;
        const chain = this.#tree.chainOf(file);
        const { content } = this.#tree;
        if (sizeBytes > old) content.grow(chain, old, sizeBytes, this.#tree.nameOf(file));
        if (sizeBytes < old) content.shrink(chain, sizeBytes);
        if (sizeBytes === 0) this.#tree.strandInode(file);
        this.#setSize(file, chain, sizeBytes);
      },
    );
  }

  #setSize(file: FatNode, chain: Chain, sizeBytes: number): void {
    this.#stamps.setSize(file, chain.first, sizeBytes);
    if (this.#commit.isRecording) file.directory?.note(`${this.#tree.nameOf(file)} has ${sizeBytes} bytes`);
  }

  extents(node: VolumeNode): Extent[] {
    const file = asFat(node);
    const { geometry } = this.#mounted;
    if (file.type === 'directory' && file.firstCluster === 0) {
      const deviceOffsetBytes = geometry.rootFirstSector * geometry.sectorSizeBytes;
      const lengthBytes = geometry.rootEntryCount * ENTRY_SIZE_BYTES;
      return [{ fileOffsetBytes: 0, deviceOffsetBytes, lengthBytes }];
    }
    const size = file.type === 'directory' ? this.#sizeOf(file) : file.sizeBytes;
    return this.#guard(() => this.#tree.content.extents(this.#tree.chainOf(file), size));
  }

  // ── attributes ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Owner and mode are not there to be changed: macOS ignores the wish. EINVAL for flags FAT has no bit for. */
  setAttributes(node: VolumeNode, change: AttributeChange): void {
    const file = asFat(node);
    const { flags, accessTime, modifyTime, birthTime } = change;
    if (flags === undefined && !accessTime && !modifyTime && !birthTime) {
      if (this.isReadOnly) this.#commit.begin();
      return;
    }
    this.#change(
      () => `Change attributes of ${this.#tree.nameOf(file)}`,
      () => this.#stamps.setAttributes(file, change),
    );
  }

  // ── holding, label, sync ──────────────────────────────────────────────────────────────────────────────────────────

  retain(node: VolumeNode): void {
    this.#tree.retain(asFat(node));
  }

  release(node: VolumeNode): void {
    const file = asFat(node);
    if (!this.#tree.release(file)) return;
    this.#change(
      () => 'Free the clusters of a removed file',
      () => this.#tree.content.shrink(this.#tree.chainOf(file), 0),
    );
  }

  setLabel(label: string): void {
    const field = label === '' ? null : labelField(label);
    this.#change(
      () => `Label the volume ${label}`,
      () => {
        this.#tree.entriesOf(this.#tree.root).setLabel(field, this.#stamps.now());
        writeBootLabel(this.#mounted.device, this.#mounted.geometry, field);
        this.#bootLabel = field?.trimEnd() ?? '';
      },
    );
  }

  sync(_node?: VolumeNode): void {
    if (!this.isReadOnly) this.#guard(() => this.#commit.sync());
  }

  unmount(): void {
    for (const orphan of this.#tree.takeOrphans()) this.#tree.content.shrink(this.#tree.chainOf(orphan), 0);
    this.#commit.close();
  }

  // ── around every operation ────────────────────────────────────────────────────────────────────────────────────────

  #change<T>(sentence: () => string, action: () => T): T {
    const { trace } = this.#mounted.options;
    const { isRecording } = trace;
    if (isRecording) trace.open('operation', sentence());
    try {
      this.#commit.begin();
      const result = this.#settled(action);
      this.#commit.end();
      return result;
    } catch (error) {
      this.#noteFault(error);
      throw error;
    } finally {
      if (isRecording) trace.close();
    }
  }

  /**
   * An action that fails on a full disk may have written what it had half done, to find clusters that wait to become
   * free: what undid it goes to the device as well, as after any other change.
   */
  #settled<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      if (error instanceof FsError && error.code === 'ENOSPC') this.#commit.end();
      throw error;
    }
  }

  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      this.#noteFault(error);
      throw error;
    }
  }

  /** A block that failed leaves its mark in the FAT, with the next write, so that a check looks at the medium. */
  #noteFault(error: unknown): void {
    if (error instanceof FsError && error.code === 'EIO' && !isDamage(error)) this.#commit.noteFault();
  }
}

const DIRECTORY_BYTES_MAX = 2 ** 21;

const asFat = (node: VolumeNode): FatNode => {
  if (!(node instanceof FatNode)) throw new FsError('EXDEV', '', '');
  return node;
};

/** A node with contents. EISDIR for a directory, EINVAL for a symlink. */
function asFile(node: VolumeNode): FatNode {
  const file = asFat(node);
  if (file.type === 'directory') throw new FsError('EISDIR', '', '');
  if (file.type !== 'file') throw new FsError('EINVAL', '', '', 'a symlink has no contents of its own');
  return file;
}

function existing(directory: Directory, name: string): number {
  const slot = directory.find(name);
  if (slot < 0) throw new FsError('ENOENT', '', '');
  return slot;
}
