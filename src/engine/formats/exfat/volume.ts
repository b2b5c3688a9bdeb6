import { utf8 } from '../../base/bytes.ts';
import type { Timespec } from '../../base/clock.ts';
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
import type { AllocationBitmap } from './alloc.ts';
import { flagsOf, MODE, timeOf } from './attributes.ts';
import type { Commit } from './commit.ts';
import { FILE_SIZE_BYTES_MAX } from './content.ts';
import type { Content, Source } from './content.ts';
import { isDamage } from './damage.ts';
import type { Directory } from './directory.ts';
import type { Chain } from './extents.ts';
import { ATTRIBUTE, NAME_UNITS_MAX } from './layout.ts';
import type { Geometry } from './layout.ts';
import { storedLabel } from './names.ts';
import { AT, ExfatNode, u32At } from './node.ts';
import { Stamps } from './stamps.ts';
import { decodeSymlink } from './symlink.ts';
import type { Tree } from './tree.ts';

/** What `mount` found and made. */
export interface Mounted {
  readonly device: Device;
  readonly geometry: Geometry;
  readonly bitmap: AllocationBitmap;
  readonly commit: Commit;
  readonly content: Content;
  readonly tree: Tree;
  readonly options: MountOptions;
  readonly isReadOnly: boolean;
  readonly warnings: readonly string[];
}

/** A mounted exFAT volume, with the manners of macOS. Preallocation beyond the size and hard links are not to be had. */
export class ExfatVolume implements Volume {
  readonly formatName = 'exfat';
  readonly title = 'ExFAT';
  readonly isReadOnly: boolean;
  readonly root: VolumeNode;
  readonly warnings: readonly string[];
  readonly limits = { fileSizeBytesMax: FILE_SIZE_BYTES_MAX, nameUnitsMax: NAME_UNITS_MAX };
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
  readonly #content: Content;
  readonly #stamps: Stamps;

  constructor(mounted: Mounted) {
    this.#mounted = mounted;
    this.#tree = mounted.tree;
    this.#commit = mounted.commit;
    this.#content = mounted.content;
    this.#stamps = new Stamps(mounted.options.clock, mounted.options.timeZoneMinutes);
    this.isReadOnly = mounted.isReadOnly;
    this.root = mounted.tree.root;
    this.warnings = mounted.warnings;
  }

  // ── asking ────────────────────────────────────────────────────────────────────────────────────────────────────────

  get label(): string {
    return this.#guard(() => this.#tree.entriesOf(this.#tree.root).label);
  }

  get isDirty(): boolean {
    return this.#mounted.commit.isDirty;
  }

  statistics(): VolumeStatistics {
    const { geometry, bitmap } = this.#mounted;
    const { freeClusters } = bitmap;
    return {
      blockSizeBytes: geometry.clusterSizeBytes,
      totalBlocks: geometry.clusterCount,
      freeBlocks: freeClusters,
      availableBlocks: freeClusters,
      // A volume without a table of files has no number for them.
      totalFiles: 0,
      freeFiles: 0,
    };
  }

  attributes(node: VolumeNode): Attributes {
    const file = asOwn(node);
    const { geometry, options } = this.#mounted;
    const sizeBytes = this.#sizeOf(file);
    const storedBytes = file.type === 'symlink' ? XSYM_SIZE_BYTES : sizeBytes;
    const modifyTime = this.#timeOf(file, AT.modifyStamp, AT.modifyTens, AT.modifyOffset);
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
      accessTime: this.#timeOf(file, AT.accessStamp, -1, AT.accessOffset),
      modifyTime,
      changeTime: modifyTime,
      birthTime: this.#timeOf(file, AT.createStamp, AT.createTens, AT.createOffset),
    };
  }

  /** `tensAt` −1: a time without the 10 ms field. A root that nothing has happened to since mounting has no time. */
  #timeOf(file: ExfatNode, stampAt: number, tensAt: number, offsetAt: number): Timespec {
    const bytes = file.entryBytes;
    const at = file.entryOffset;
    const stamp = u32At(bytes, at + stampAt);
    if (stamp === 0) return EPOCH;
    const tens = tensAt < 0 ? 0 : (bytes[at + tensAt] ?? 0);
    return timeOf(stamp, tens, bytes[at + offsetAt] ?? 0, this.#mounted.options.timeZoneMinutes);
  }

  #sizeOf(file: ExfatNode): number {
    if (file.type === 'symlink') return utf8(this.readLink(file)).length;
    if (file === this.#tree.root) return this.#guard(() => this.#tree.entriesOf(file).sizeBytes);
    return file.sizeBytes;
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
    const file = asOwn(directory);
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
    return this.#tree.entriesOf(asOwn(directory));
  }

  // ── names ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  create(directory: VolumeNode, name: string, _init: NodeInit): VolumeNode {
    return this.#change(
      () => `Create ${name}`,
      () => {
        const parent = this.#tree.livingEntriesOf(asOwn(directory));
        const node = this.#tree.add(parent, name, 'file', this.#stamps.newPair(ATTRIBUTE.archive));
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
        const parent = this.#tree.livingEntriesOf(asOwn(directory));
        const pair = this.#stamps.newPair(ATTRIBUTE.directory);
        const node = this.#tree.addDirectory(parent, name, pair);
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
        const parent = this.#tree.livingEntriesOf(asOwn(directory));
        const node = this.#tree.add(parent, name, 'symlink', this.#stamps.newPair(ATTRIBUTE.archive));
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
    const file = asOwn(node);
    if (file.type !== 'symlink') throw new FsError('EINVAL', '', '', 'not a symlink');
    file.target ??= this.#guard(() => decodeSymlink(this.#content, this.#tree.chainOf(file)));
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
        const to = this.#tree.livingEntriesOf(asOwn(toDirectory));
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
    this.#guard(() => this.#content.read(this.#tree.chainOf(file), file.validBytes, offsetBytes, part));
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

  #store(file: ExfatNode, offsetBytes: number, source: Source): number {
    const chain = this.#tree.chainOf(file);
    const { sizeBytes: dataBytes, validBytes } = file;
    const length = source instanceof Uint8Array ? source.length : source.lengthBytes;
    if (length === 0) return 0;
    const lengths = { dataBytes, validBytes };
    const written = this.#content.write(chain, lengths, offsetBytes, source, this.#tree.nameOf(file));
    const end = offsetBytes + written;
    this.#setLengths(file, chain, Math.max(dataBytes, end), Math.max(validBytes, end));
    return written;
  }

  truncate(node: VolumeNode, sizeBytes: number): void {
    const file = asFile(node);
    this.#change(
      () => `Set the size of ${this.#tree.nameOf(file)} to ${sizeBytes} bytes`,
      () => {
        const { sizeBytes: old, validBytes } = file;
        const chain = this.#tree.chainOf(file);
        if (sizeBytes > old) this.#content.grow(chain, old, sizeBytes);
        if (sizeBytes < old) this.#content.shrink(chain, sizeBytes);
        if (sizeBytes === 0) this.#tree.strandInode(file);
        this.#setLengths(file, chain, sizeBytes, Math.min(validBytes, sizeBytes));
      },
    );
  }

  #setLengths(file: ExfatNode, chain: Chain, dataBytes: number, validBytes: number): void {
    this.#stamps.setContents(file, chain, dataBytes, validBytes);
    if (!this.#commit.isRecording) return;
    const valid = validBytes < dataBytes ? `, ${validBytes} of them written` : '';
    file.directory?.note(`${this.#tree.nameOf(file)} has ${dataBytes} bytes${valid}`);
  }

  extents(node: VolumeNode): Extent[] {
    const file = asOwn(node);
    const size = file === this.#tree.root ? this.#sizeOf(file) : file.sizeBytes;
    return this.#guard(() => this.#content.extents(this.#tree.chainOf(file), size));
  }

  // ── attributes ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Owner and mode are not there to be changed: macOS ignores the wish. EINVAL for flags exFAT has no bit for. */
  setAttributes(node: VolumeNode, change: AttributeChange): void {
    const file = asOwn(node);
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
    this.#tree.retain(asOwn(node));
  }

  release(node: VolumeNode): void {
    const file = asOwn(node);
    if (!this.#tree.release(file)) return;
    this.#change(
      () => 'Free the clusters of a removed file',
      () => this.#content.shrink(this.#tree.chainOf(file), 0),
    );
  }

  setLabel(label: string): void {
    const stored = storedLabel(label);
    this.#change(
      () => `Label the volume ${label}`,
      () => this.#tree.entriesOf(this.#tree.root).setLabel(stored),
    );
  }

  sync(_node?: VolumeNode): void {
    if (!this.isReadOnly) this.#guard(() => this.#commit.sync());
  }

  unmount(): void {
    for (const orphan of this.#tree.takeOrphans()) this.#content.shrink(this.#tree.chainOf(orphan), 0);
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

  /** A block that failed leaves its mark in the boot sector, with the next flush, so that a check looks at the medium. */
  #noteFault(error: unknown): void {
    if (error instanceof FsError && error.code === 'EIO' && !isDamage(error)) this.#commit.noteFault();
  }
}

const EPOCH: Timespec = { seconds: 0, nanoseconds: 0 };

const asOwn = (node: VolumeNode): ExfatNode => {
  if (!(node instanceof ExfatNode)) throw new FsError('EXDEV', '', '');
  return node;
};

/** A node with contents. EISDIR for a directory, EINVAL for a symlink. */
function asFile(node: VolumeNode): ExfatNode {
  const file = asOwn(node);
  if (file.type === 'directory') throw new FsError('EISDIR', '', '');
  if (file.type !== 'file') throw new FsError('EINVAL', '', '', 'a symlink has no contents of its own');
  return file;
}

function existing(directory: Directory, name: string): number {
  const slot = directory.find(name);
  if (slot < 0) throw new FsError('ENOENT', '', '');
  return slot;
}
