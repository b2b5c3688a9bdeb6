import { assert } from '../../src/engine/base/assert.ts';
import { utf8 } from '../../src/engine/base/bytes.ts';
import type { Clock } from '../../src/engine/base/clock.ts';
import { FsError } from '../../src/engine/base/errno.ts';
import { UF_HIDDEN } from '../../src/engine/vfs/constants.ts';
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
  Volume,
  VolumeNode,
  VolumeStatistics,
} from '../../src/engine/formats/contract.ts';
import { absentMembers, DEFAULTS } from './memory-limits.ts';
import type { MemoryLimits } from './memory-limits.ts';
import {
  BLOCK_SIZE_BYTES,
  cloneOf,
  copyOf,
  FINDER_INFO,
  finderRecord,
  INVISIBLE,
  own,
} from './memory-node.ts';
import { filesOf, RESOURCE_FORK, runsOf } from './memory-node.ts';
import type { MemoryNode, SpecialType } from './memory-node.ts';
import { MemorySnapshots } from './memory-snapshots.ts';

export type { MemoryLimits } from './memory-limits.ts';

/**
 * The plainest volume there can be: maps and arrays. Stands in for a format in tests of vfs and shell, and is the
 * oracle that real formats are compared with. Simple on purpose; what formats may not do it refuses by its limits.
 */
export class MemoryVolume implements Volume {
  readonly formatName = 'fat32';
  readonly title = 'in memory';
  readonly root: MemoryNode;
  readonly snapshots?: MemorySnapshots;
  readonly limits;
  readonly capabilities;
  readonly warnings: readonly string[] = [];
  readonly #clock: Clock;
  readonly #options: MemoryLimits;
  #label: string;
  #isReadOnly: boolean;
  #inode = 2;
  #position = 1;
  #usedBytes = 0;
  isUnmounted = false;
  /** How often the volume was told to write back: by node or as a whole. */
  syncs = 0;
  onUnmount: () => void = () => {};

  constructor(clock: Clock, options: Partial<MemoryLimits> = {}) {
    this.#clock = clock;
    this.#options = { ...DEFAULTS, ...options };
    this.#label = this.#options.label;
    this.#isReadOnly = this.#options.isReadOnly;
    const { fileSizeBytesMax, nameUnitsMax, isCaseSensitive, hasHardLinks, hasSymlinks, hasPermissions } =
      this.#options;
    const { hasExtendedAttributes, hasExclusiveRename } = this.#options;
    const { hasSparseFiles, hasSwapRename, hasClones, hasSnapshots } = this.#options;
    this.limits = { fileSizeBytesMax, nameUnitsMax };
    this.capabilities = {
      ...{ isCaseSensitive, hasHardLinks, hasSymlinks, hasPermissions },
      ...{ hasExtendedAttributes, hasExclusiveRename },
      ...{ hasSparseFiles, hasSwapRename, hasClones, hasSnapshots },
    };
    this.root = this.#make('directory', { mode: this.#options.rootMode, uid: 501, gid: 20 }, null);
    for (const member of absentMembers(this.#options)) Object.assign(this, { [member]: undefined });
    if (hasSnapshots) this.snapshots = new MemorySnapshots(this, clock);
  }

  get isReadOnly(): boolean {
    return this.#isReadOnly;
  }

  /** For mounting the same volume again in another way. */
  setReadOnly(isReadOnly: boolean): void {
    this.#isReadOnly = isReadOnly;
  }

  get label(): string {
    return this.#label;
  }

  statistics(): VolumeStatistics {
    const free = Math.floor((this.#options.capacityBytes - this.#usedBytes) / BLOCK_SIZE_BYTES);
    return {
      blockSizeBytes: BLOCK_SIZE_BYTES,
      totalBlocks: Math.floor(this.#options.capacityBytes / BLOCK_SIZE_BYTES),
      freeBlocks: free,
      availableBlocks: free,
      totalFiles: 1_000_000,
      freeFiles: 1_000_000 - this.#inode,
    };
  }

  attributes(node: VolumeNode): Attributes {
    const { inode, type, attributes, linkCount, contents, target } = own(node);
    const sizeBytes = type === 'symlink' ? utf8(target).length : contents.length;
    const allocatedBytes = this.#options.hasSparseFiles
      ? runsOf(own(node)).reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
      : Math.ceil(sizeBytes / BLOCK_SIZE_BYTES) * BLOCK_SIZE_BYTES;
    return { inode, type, linkCount, sizeBytes, allocatedBytes, ...attributes };
  }

  setAttributes(node: VolumeNode, change: AttributeChange): void {
    this.#requireWritable();
    const { storedTime, hasPermissions } = this.#options;
    const { mode, uid, gid, flags, accessTime, modifyTime, birthTime } = change;
    own(node).attributes = {
      ...own(node).attributes,
      ...(hasPermissions && mode !== undefined ? { mode } : {}),
      ...(hasPermissions && uid !== undefined ? { uid } : {}),
      ...(hasPermissions && gid !== undefined ? { gid } : {}),
      ...(flags === undefined ? {} : { flags }),
      ...(accessTime === undefined ? {} : { accessTime: storedTime(accessTime) }),
      ...(modifyTime === undefined ? {} : { modifyTime: storedTime(modifyTime) }),
      ...(birthTime === undefined ? {} : { birthTime: storedTime(birthTime) }),
      changeTime: this.#clock.now(),
    };
  }

  lookup(directory: VolumeNode, name: string): VolumeNode | undefined {
    return own(directory).entries.get(this.#fold(name))?.node;
  }

  storedName(directory: VolumeNode, name: string): string | undefined {
    return own(directory).entries.get(this.#fold(name))?.name;
  }

  parentOf(directory: VolumeNode): VolumeNode {
    return own(directory).parent ?? this.root;
  }

  list(directory: VolumeNode, after: number | null, countMax: number): Listing {
    const rest = [...own(directory).entries.values()]
      .filter(({ position }) => position > (after ?? 0))
      .sort((a, b) => a.position - b.position);
    const page = rest.slice(0, countMax);
    return {
      entries: page.map(({ name, node }) => ({ name, inode: node.inode, type: node.type })),
      next: page.length < rest.length ? (page.at(-1)?.position ?? null) : null,
    };
  }

  create(directory: VolumeNode, name: string, init: NodeInit): VolumeNode {
    return this.#add(directory, name, this.#make('file', init, null));
  }

  makeDirectory(directory: VolumeNode, name: string, init: NodeInit): VolumeNode {
    return this.#add(directory, name, this.#make('directory', init, own(directory)));
  }

  makeSymlink(directory: VolumeNode, name: string, target: string, init: NodeInit): VolumeNode {
    const node = this.#make('symlink', init, null);
    node.target = target;
    return this.#add(directory, name, node);
  }

  readLink(node: VolumeNode): string {
    return own(node).target;
  }

  /** What no call makes, but a disk may hold. */
  addSpecial(name: string, type: SpecialType): void {
    this.#insert(this.root, name, this.#make(type, { mode: 0o644, uid: 501, gid: 20 }, null));
  }

  link(node: VolumeNode, directory: VolumeNode, name: string): void {
    if (own(node).linkCount >= this.#options.linksMax) throw new FsError('EMLINK', '', '');
    this.#insert(directory, name, own(node));
    own(node).linkCount++;
  }

  remove(directory: VolumeNode, name: string): void {
    this.#requireWritable();
    const node = this.#entry(directory, name).node;
    assert(node.type !== 'directory', 'remove is not for directories');
    own(directory).entries.delete(this.#fold(name));
    this.#touch(directory);
    node.linkCount--;
    this.#drop(node);
  }

  removeDirectory(directory: VolumeNode, name: string): void {
    this.#requireWritable();
    const node = this.#entry(directory, name).node;
    assert(node.type === 'directory', 'removeDirectory is for directories');
    if (node.entries.size > 0) throw new FsError('ENOTEMPTY', '', '');
    own(directory).entries.delete(this.#fold(name));
    this.#touch(directory);
    node.linkCount = 0;
  }

  rename(fromDirectory: VolumeNode, fromName: string, toDirectory: VolumeNode, toName: string): void {
    this.#requireWritable();
    this.#requireName(toName);
    const { node } = this.#entry(fromDirectory, fromName);
    const replaced = own(toDirectory).entries.get(this.#fold(toName))?.node;
    if (replaced !== undefined && replaced !== node) {
      assert(
        (replaced.type === 'directory') === (node.type === 'directory'),
        'rename replaces the same kind',
      );
      if (replaced.type === 'directory') this.removeDirectory(toDirectory, toName);
      else this.remove(toDirectory, toName);
    }
    own(fromDirectory).entries.delete(this.#fold(fromName));
    this.#insert(toDirectory, toName, node);
    this.#touch(fromDirectory);
    if (node.type === 'directory') node.parent = own(toDirectory);
  }

  read(node: VolumeNode, offsetBytes: number, into: Uint8Array): number {
    const piece = own(node).contents.subarray(offsetBytes, offsetBytes + into.length);
    into.set(piece);
    return piece.length;
  }

  write(node: VolumeNode, offsetBytes: number, data: Uint8Array): number {
    this.#requireSize(offsetBytes + data.length);
    const { contents } = own(node);
    const room = contents.length + this.#options.capacityBytes - this.#usedBytes - offsetBytes;
    const count = Math.min(data.length, Math.max(contents.length - offsetBytes, room));
    if (count <= 0 && data.length > 0) throw new FsError('ENOSPC', '', '');
    this.#resize(own(node), Math.max(contents.length, offsetBytes + count));
    own(node).contents.set(data.subarray(0, count), offsetBytes);
    this.#touch(node);
    return count;
  }

  fill(node: VolumeNode, offsetBytes: number, lengthBytes: number, fill: Fill): number {
    assert(fill.generator === 'zero', 'a volume in memory computes nothing but zeros');
    this.#requireSize(offsetBytes + lengthBytes);
    return this.write(node, offsetBytes, new Uint8Array(Math.min(lengthBytes, this.#options.capacityBytes)));
  }

  truncate(node: VolumeNode, sizeBytes: number): void {
    this.#requireSize(sizeBytes);
    const { contents } = own(node);
    if (sizeBytes - contents.length > this.#options.capacityBytes - this.#usedBytes) {
      throw new FsError('ENOSPC', '', '');
    }
    this.#resize(own(node), sizeBytes);
    this.#touch(node);
  }

  extents(node: VolumeNode): Extent[] {
    return this.#options.hasSparseFiles ? runsOf(own(node)) : [];
  }

  punchHole(node: VolumeNode, offsetBytes: number, lengthBytes: number): void {
    this.#requireWritable();
    if (offsetBytes % BLOCK_SIZE_BYTES !== 0 || lengthBytes % BLOCK_SIZE_BYTES !== 0) {
      throw new FsError('EINVAL', '', '');
    }
    own(node).contents.fill(0, offsetBytes, offsetBytes + lengthBytes);
    this.#touch(node);
  }

  makeSpecial(directory: VolumeNode, name: string, type: SpecialType, device: number, init: NodeInit) {
    const node = this.#make(type, init, null);
    node.device = device;
    return this.#add(directory, name, node);
  }

  deviceOf(node: VolumeNode): number {
    return own(node).device;
  }

  swap(fromDirectory: VolumeNode, fromName: string, toDirectory: VolumeNode, toName: string): void {
    this.#requireWritable();
    const first = this.#entry(fromDirectory, fromName);
    const second = this.#entry(toDirectory, toName);
    [first.node, second.node] = [second.node, first.node];
    for (const [{ node }, directory] of [
      [first, fromDirectory],
      [second, toDirectory],
    ] as const) {
      if (node.type === 'directory') node.parent = own(directory);
      this.#changed(node);
      this.#touch(directory);
    }
  }

  /** Hard links inside a directory that is cloned become files of their own, as every entry is cloned by itself. */
  clone(node: VolumeNode, directory: VolumeNode, name: string, owner: CloneOwner): void {
    this.#requireWritable();
    const made = (original: MemoryNode) => {
      this.#usedBytes += original.contents.length;
      return { inode: this.#inode++, changeTime: this.#options.storedTime(this.#clock.now()) };
    };
    this.#insert(directory, name, cloneOf(own(node), own(directory), owner, made));
  }

  /** A copy shares nothing: the oracle knows contents, not blocks. */
  sharing(node: VolumeNode): Sharing {
    const { inode } = node;
    const { allocatedBytes } = this.attributes(node);
    return { cloneId: inode, cloneReferenceCount: 1, privateBytes: allocatedBytes, mayShareBlocks: false };
  }

  /** The volume as the snapshot shows it, for reading; EBUSY for whoever deletes the snapshot until it is unmounted. */
  mountSnapshot(name: string): MemoryVolume {
    assert(this.snapshots !== undefined, 'the volume has snapshots');
    const { tree, release } = this.snapshots.hold(name);
    const shown = new MemoryVolume(this.#clock, { ...this.#options, isReadOnly: true, hasSnapshots: false });
    shown.take(tree);
    shown.onUnmount = release;
    return shown;
  }

  /** Become what this tree is; nothing but the root may be held. */
  take(tree: MemoryNode): void {
    const copy = copyOf(tree, null);
    this.root.attributes = copy.attributes;
    this.root.extended.clear();
    for (const [name, value] of copy.extended) this.root.extended.set(name, value);
    this.root.entries.clear();
    for (const [folded, entry] of copy.entries) {
      if (entry.node.type === 'directory') entry.node.parent = this.root;
      this.root.entries.set(folded, entry);
    }
    this.#usedBytes = filesOf(this.root).reduce((sum, { contents }) => sum + contents.length, 0);
  }

  getExtendedAttribute(node: VolumeNode, name: string): Uint8Array | undefined {
    const value = own(node).extended.get(name)?.slice();
    return name === FINDER_INFO && this.#options.hasFinderRecord ? finderRecord(own(node), value) : value;
  }

  setExtendedAttribute(node: VolumeNode, name: string, value: Uint8Array): void {
    this.#requireWritable();
    own(node).extended.set(name, value.slice());
    if (name === FINDER_INFO && this.#options.hasFinderRecord) {
      this.#setHidden(node, ((value[8] ?? 0) & INVISIBLE) !== 0);
    }
    this.#attributeChanged(node, name);
  }

  removeExtendedAttribute(node: VolumeNode, name: string): void {
    this.#requireWritable();
    if (this.getExtendedAttribute(node, name) === undefined) throw new FsError('ENOATTR', '', '');
    own(node).extended.delete(name);
    if (name === FINDER_INFO && this.#options.hasFinderRecord) this.#setHidden(node, false);
    this.#attributeChanged(node, name);
  }

  /** To HFS+ a resource fork is contents: hfs_truncate and hfs_vnop_write date both forks (hfs_readwrite.c). */
  #attributeChanged(node: VolumeNode, name: string): void {
    if (name === RESOURCE_FORK && this.#options.hasFinderRecord) this.#touch(node);
    else this.#changed(node);
  }

  #setHidden(node: VolumeNode, isHidden: boolean): void {
    const { attributes } = own(node);
    const others = attributes.flags & ~UF_HIDDEN;
    own(node).attributes = { ...attributes, flags: isHidden ? others | UF_HIDDEN : others };
  }

  listExtendedAttributes(node: VolumeNode): string[] {
    const names = [...own(node).extended.keys()];
    const first = [FINDER_INFO, RESOURCE_FORK];
    return [
      ...first.filter((name) => this.getExtendedAttribute(node, name) !== undefined),
      ...names.filter((name) => !first.includes(name)),
    ];
  }

  exchange(first: VolumeNode, second: VolumeNode): void {
    this.#requireWritable();
    const { contents } = own(first);
    own(first).contents = own(second).contents;
    own(second).contents = contents;
    const forks = [first, second].map((node) => own(node).extended.get(RESOURCE_FORK));
    for (const [node, fork] of [
      [second, forks[0]],
      [first, forks[1]],
    ] as const) {
      if (fork === undefined) own(node).extended.delete(RESOURCE_FORK);
      else own(node).extended.set(RESOURCE_FORK, fork);
    }
    this.#touch(first);
    this.#touch(second);
  }

  retain(node: VolumeNode): void {
    own(node).holders++;
  }

  release(node: VolumeNode): void {
    assert(own(node).holders > 0, 'release follows retain');
    own(node).holders--;
    this.#drop(own(node));
  }

  /** How many nodes are held: what a test of leaks asks. */
  heldNodes(): number {
    return filesOf(this.root).reduce((sum, { holders }) => sum + holders, 0);
  }

  setLabel(label: string): void {
    this.#label = label;
  }

  sync(): void {
    this.syncs++;
  }

  unmount(): void {
    this.isUnmounted = true;
    this.onUnmount();
  }

  #fold(name: string): string {
    const composed = this.#options.storedName(name).normalize('NFC');
    return this.#options.isCaseSensitive ? composed : composed.toUpperCase();
  }

  #entry(directory: VolumeNode, name: string) {
    const entry = own(directory).entries.get(this.#fold(name));
    if (entry === undefined) throw new FsError('ENOENT', '', '');
    return entry;
  }

  #make(type: FileType, init: NodeInit, parent: MemoryNode | null): MemoryNode {
    const now = this.#options.storedTime(this.#clock.now());
    const owned = this.#options.hasPermissions ? init : { mode: 0o777, uid: 501, gid: 20 };
    const times = { accessTime: now, modifyTime: now, changeTime: now, birthTime: now };
    return {
      inode: this.#inode++,
      type,
      attributes: { mode: owned.mode, uid: owned.uid, gid: owned.gid, flags: 0, ...times },
      linkCount: 1,
      holders: 0,
      contents: new Uint8Array(0),
      extended: new Map(),
      target: '',
      device: 0,
      parent,
      entries: new Map(),
    };
  }

  #add(directory: VolumeNode, name: string, node: MemoryNode): VolumeNode {
    this.#insert(directory, name, node);
    node.holders++;
    return node;
  }

  #insert(directory: VolumeNode, name: string, node: MemoryNode): void {
    this.#requireWritable();
    this.#requireName(name);
    const { entries, linkCount } = own(directory);
    if (linkCount === 0) throw new FsError('ENOENT', '', '');
    if (entries.has(this.#fold(name))) throw new FsError('EEXIST', '', '');
    entries.set(this.#fold(name), { name: this.#options.storedName(name), node, position: this.#position++ });
    this.#touch(directory);
  }

  #requireWritable(): void {
    if (this.isReadOnly) throw new FsError('EROFS', '', '');
  }

  #requireName(name: string): void {
    if (/\p{Surrogate}/u.test(this.#options.storedName(name))) throw new FsError('EILSEQ', '', '');
    const { nameUnitsMax, nameBytesMax = Infinity } = this.#options;
    const isLong = name.normalize('NFC').length > nameUnitsMax || utf8(name).length > nameBytesMax;
    if (isLong) throw new FsError('ENAMETOOLONG', '', '');
  }

  #requireSize(sizeBytes: number): void {
    this.#requireWritable();
    if (sizeBytes > this.#options.fileSizeBytesMax) throw new FsError('EFBIG', '', '');
  }

  #resize(node: MemoryNode, sizeBytes: number): void {
    if (sizeBytes === node.contents.length) return;
    this.#usedBytes += sizeBytes - node.contents.length;
    const contents = new Uint8Array(sizeBytes);
    contents.set(node.contents.subarray(0, sizeBytes));
    node.contents = contents;
  }

  #touch(node: VolumeNode): void {
    const now = this.#options.storedTime(this.#clock.now());
    own(node).attributes = { ...own(node).attributes, modifyTime: now, changeTime: now };
  }

  #changed(node: VolumeNode): void {
    own(node).attributes = { ...own(node).attributes, changeTime: this.#clock.now() };
  }

  #drop(node: MemoryNode): void {
    if (node.linkCount <= 0 && node.holders === 0 && node.type !== 'directory') this.#resize(node, 0);
  }
}
