import { assert } from '../../base/assert.ts';
import { FsError } from '../../base/errno.ts';
import { XSYM_SIZE_BYTES } from '../../codec/xsym.ts';
import { ZERO_FILL } from '../../device/device.ts';
import type { FileType } from '../contract.ts';
import { attributesForName } from './attributes.ts';
import { Content } from './content.ts';
import { damaged } from './damage.ts';
import { Directory } from './directory.ts';
import type { DirectoryHost } from './directory.ts';
import { Chain } from './extents.ts';
import { ATTRIBUTE, clusterOffsetBytes, ENTRY_SIZE_BYTES } from './layout.ts';
import { diskNameOf, nameOfDiskName } from './names.ts';
import { FatNode, putFirstCluster, u16At } from './node.ts';
import { decodeSymlink } from './symlink.ts';

/**
 * Files and directories by name: nodes in use, entries that come, go and move. Nothing here decides when something is
 * written; whoever calls surrounds it with `Commit.begin` and `end`.
 *
 * Nodes nobody holds are kept for a while, the latest 1024 of them, so that a path walk finds again what it just
 * found; directories stay as long as the volume is mounted, because their index does.
 */
const UNHELD_NODES_MAX = 1024;
/** Above every cluster number. */
const INODE_FIRST = 2 ** 28;
const INODE_ROOT_FIXED = 1;

export class Tree {
  readonly #host: DirectoryHost;
  readonly content: Content;
  readonly root: FatNode;

  readonly #unheld: (FatNode | undefined)[] = [];
  #unheldNext = 0;
  /** Removed files that somebody still holds. */
  readonly #orphans = new Set<FatNode>();
  #inodeNext = INODE_FIRST;
  /** Cluster numbers that serve as inode of a file that does not begin there any more. */
  readonly #strandedInodes = new Set<number>();

  constructor(host: Omit<DirectoryHost, 'inodeFor'>) {
    this.#host = { ...host, inodeFor: (cluster) => this.inodeFor(cluster) };
    this.content = new Content(host);
    const { rootCluster } = host.geometry;
    this.root = new FatNode(rootCluster === 0 ? INODE_ROOT_FIXED : rootCluster, 'directory');
    this.root.ownEntry = new Uint8Array(ENTRY_SIZE_BYTES);
    this.root.ownEntry[11] = ATTRIBUTE.directory;
    putFirstCluster(this.root.ownEntry, 0, rootCluster);
  }

  inodeFor(firstCluster: number): number {
    return firstCluster !== 0 && !this.#strandedInodes.has(firstCluster) ? firstCluster : this.#inodeNext++;
  }

  /** The file whose inode is its first cluster loses that cluster: nobody else gets the number while it lives. */
  strandInode(node: FatNode): void {
    if (node.inode === node.firstCluster) this.#strandedInodes.add(node.inode);
  }

  // ── nodes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  lookup(directory: Directory, name: string): FatNode | undefined {
    const slot = directory.find(name);
    return slot < 0 ? undefined : this.nodeAt(directory, slot);
  }

  nodeAt(directory: Directory, slot: number): FatNode {
    const known = directory.live.get(slot);
    if (known !== undefined) return known;
    const node = new FatNode(directory.inodeAt(slot), this.typeAt(directory, slot));
    this.#place(node, directory, slot);
    this.#queueUnheld(node);
    return node;
  }

  typeAt(directory: Directory, slot: number): FileType {
    if (directory.attributesAt(slot) & ATTRIBUTE.directory) return 'directory';
    if (directory.sizeAt(slot) !== XSYM_SIZE_BYTES) return 'file';
    const known = directory.live.get(slot);
    if (known !== undefined) return known.type;
    const chain = this.#chainFrom(directory.firstClusterAt(slot));
    return decodeSymlink(this.content, chain) === undefined ? 'file' : 'symlink';
  }

  #place(node: FatNode, directory: Directory, slot: number): void {
    node.directory = directory;
    node.slot = slot;
    directory.live.set(slot, node);
  }

  /** The latest nodes that nobody holds, in a ring; whoever falls out is forgotten. */
  #queueUnheld(node: FatNode): void {
    if (node.isQueued || node.type === 'directory') return;
    const oldest = this.#unheld[this.#unheldNext];
    this.#unheld[this.#unheldNext] = node;
    this.#unheldNext = (this.#unheldNext + 1) % UNHELD_NODES_MAX;
    node.isQueued = true;
    if (oldest === undefined) return;
    oldest.isQueued = false;
    if (oldest.holders > 0 || oldest.directory === null) return;
    if (oldest.directory.live.get(oldest.slot) === oldest) oldest.directory.live.delete(oldest.slot);
  }

  retain(node: FatNode): void {
    node.holders++;
  }

  /** True when a removed file lost its last holder: its clusters are to be freed. */
  release(node: FatNode): boolean {
    assert(node.holders > 0, 'only what was held is released');
    if (--node.holders > 0) return false;
    if (this.#orphans.delete(node)) {
      this.#strandedInodes.delete(node.inode);
      return true;
    }
    if (node.directory !== null) this.#queueUnheld(node);
    return false;
  }

  takeOrphans(): FatNode[] {
    const orphans = [...this.#orphans];
    this.#orphans.clear();
    return orphans;
  }

  // ── directories ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The entries of a directory, read when first asked for. ENOTDIR; EIO for one that contains itself. */
  entriesOf(node: FatNode): Directory {
    if (node.content !== undefined) return node.content;
    if (node.type !== 'directory') throw new FsError('ENOTDIR', '', '');
    const isRoot = node === this.root;
    if (!isRoot) this.#assertNoLoop(node);
    const chain = node.firstCluster === 0 ? undefined : this.#chainFrom(node.firstCluster);
    const name = isRoot ? 'root directory' : this.nameOf(node);
    const directory = new Directory(this.#host, node, chain, node.directory, name);
    return (node.content = directory.load());
  }

  #assertNoLoop(node: FatNode): void {
    const first = node.firstCluster;
    const { rootCluster } = this.#host.geometry;
    let isLoop = first === 0 || first === rootCluster;
    for (let up = node.directory; up !== null && !isLoop; up = up.parent)
      isLoop = up.node.firstCluster === first;
    if (isLoop) throw damaged('the directory leads back to one that contains it');
  }

  /** As `entriesOf`, for a directory about to change: ENOENT when it was removed while somebody stood in it. */
  livingEntriesOf(node: FatNode): Directory {
    const directory = this.entriesOf(node);
    if (directory.isRemoved) throw new FsError('ENOENT', '', '', 'the directory was removed');
    return directory;
  }

  nameOf(node: FatNode): string {
    if (node === this.root) return '/';
    return node.directory === null ? 'removed file' : node.directory.nameAt(node.slot);
  }

  chainOf(node: FatNode): Chain {
    return (node.chain ??= node.content?.chain ?? this.#chainFrom(node.firstCluster));
  }

  #chainFrom(firstCluster: number): Chain {
    return new Chain(this.#host.fat, firstCluster);
  }

  // ── entries come and go ───────────────────────────────────────────────────────────────────────────────────────────

  /** A new entry with the bytes of `entry` from its attributes on; the name decides the hidden bit. EEXIST, ENOSPC. */
  add(directory: Directory, name: string, type: FileType, entry: Uint8Array): FatNode {
    const diskName = diskNameOf(name);
    if (directory.find(name) >= 0) throw new FsError('EEXIST', '', '');
    entry[11] = attributesForName(entry[11] ?? 0, name);
    // A file's inode must not change when it gets its first cluster.
    const inode = this.inodeFor(
      type === 'directory' ? (u16At(entry, 26) | (u16At(entry, 20) << 16)) >>> 0 : 0,
    );
    const slot = directory.insert(nameOfDiskName(diskName), diskName, entry, inode);
    if (this.#host.commit.isRecording) directory.note(`add ${name} in slot ${slot}`);
    const node = new FatNode(inode, type);
    this.#place(node, directory, slot);
    return node;
  }

  /**
   * A new directory: `entry` as for `add`. Its cluster, zero but for '.' and '..', is on the device before its entry:
   * a cut between leaves a lost cluster.
   */
  addDirectory(parent: Directory, name: string, entry: Uint8Array): FatNode {
    diskNameOf(name);
    if (parent.find(name) >= 0) throw new FsError('EEXIST', '', '');
    const { commit, fat } = this.#host;
    const runs = commit.allocate(0, 1);
    const first = runs[0]?.first;
    if (first === undefined) throw new FsError('ENOSPC', '', '');
    try {
      putFirstCluster(entry, 0, first);
      const dots = this.#writeDots(
        first,
        name,
        entry,
        parent.node === this.root ? 0 : parent.node.firstCluster,
      );
      const node = this.add(parent, name, 'directory', entry);
      if (commit.isRecording) fat.note(`cluster ${first} becomes directory ${name}`);
      node.content = new Directory(this.#host, node, this.#chainFrom(first), parent, name).adoptNew(dots);
      return node;
    } catch (error) {
      fat.giveBack(runs);
      throw error;
    }
  }

  #writeDots(cluster: number, name: string, entry: Uint8Array, parentCluster: number): Uint8Array {
    const { commit, device, geometry } = this.#host;
    const sector = new Uint8Array(geometry.sectorSizeBytes);
    for (const at of [0, ENTRY_SIZE_BYTES]) {
      sector.set(entry, at);
      sector.fill(0x20, at, at + 11);
      sector[at] = 0x2e;
      sector[at + 12] = 0;
    }
    sector[ENTRY_SIZE_BYTES + 1] = 0x2e;
    putFirstCluster(sector, ENTRY_SIZE_BYTES, parentCluster);
    const firstBlock = clusterOffsetBytes(geometry, cluster) / device.blockSizeBytes;
    const blocks = geometry.clusterSizeBytes / device.blockSizeBytes;
    const dotBlocks = sector.length / device.blockSizeBytes;
    if (blocks > dotBlocks) {
      device.fill(firstBlock + dotBlocks, blocks - dotBlocks, ZERO_FILL, {
        role: 'directory',
        owner: name,
        reason: 'clear the cluster of a new directory',
      });
    }
    device.write(firstBlock, sector, {
      role: 'directory',
      owner: name,
      reason: "begin it with '.' and '..'",
    });
    commit.wroteData();
    return sector;
  }

  /** Take the entry of a file or empty directory away. Its clusters go at once, or with its last holder. */
  remove(directory: Directory, slot: number): void {
    const held = directory.live.get(slot);
    const firstCluster = directory.firstClusterAt(slot);
    const isHeldFile = held !== undefined && held.holders > 0 && held.type !== 'directory';
    const chain = held === undefined ? this.#chainFrom(firstCluster) : this.chainOf(held);
    if (this.#host.commit.isRecording) directory.note(`remove ${directory.nameAt(slot)} from slot ${slot}`);
    this.#letGo(directory, slot, held);
    directory.remove(slot, false);
    if (isHeldFile) this.#orphans.add(held);
    else this.content.shrink(chain, 0);
  }

  /** The node at `slot`, if there is one, lives on without an entry. */
  #letGo(directory: Directory, slot: number, node: FatNode | undefined): void {
    if (node === undefined || node.holders === 0) this.#strandedInodes.delete(directory.inodeAt(slot));
    if (node === undefined) return;
    node.detach();
    directory.live.delete(slot);
    if (node.content === undefined) return;
    node.content.discard();
    this.#host.commit.forgetDirectory(node.content);
  }

  // ── rename ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Move the entry at `slot` to `name` in `to`, over what is there. Within one sector one write does it; otherwise the
   * new entry is on the device before the old one goes (a cut between: two names, one chain). An existing target's
   * entry is overwritten where it stands, so its name never disappears.
   */
  rename(from: Directory, slot: number, to: Directory, name: string): void {
    const diskName = diskNameOf(name);
    const stored = nameOfDiskName(diskName);
    const target = to.find(name);
    const isSame = from === to && target === slot;
    // A directory is read before anything changes: its '..' may have to follow.
    if (from.attributesAt(slot) & ATTRIBUTE.directory) this.entriesOf(this.nodeAt(from, slot));
    if (this.#host.commit.isRecording) to.note(`rename ${from.nameAt(slot)} to ${name}`);
    if (isSame && from.nameAt(slot) === stored) return;
    if (target >= 0 && !isSame) {
      this.#replace(from, slot, to, target);
      const spelled = to.nameAt(target) === stored ? target : this.#respell(to, target, stored, diskName);
      this.#setHidden(to, spelled, name);
    } else if (from === to) {
      this.#setHidden(to, this.#respell(from, slot, stored, diskName), name);
    } else {
      this.#setHidden(to, this.#move(from, slot, to, stored, diskName), name);
    }
  }

  #setHidden(directory: Directory, slot: number, name: string): void {
    const at = slot * ENTRY_SIZE_BYTES + 11;
    const old = directory.bytes[at] ?? 0;
    const bits = attributesForName(old, name);
    if (bits === old) return;
    directory.bytes[at] = bits;
    directory.touch(slot);
  }

  /** Another name in the same directory. Returns the slot of the entry. */
  #respell(directory: Directory, slot: number, name: string, diskName: string): number {
    const content = directory.live.get(slot)?.content;
    if (!directory.renameInPlace(slot, name, diskName)) {
      return this.#move(directory, slot, directory, name, diskName);
    }
    if (content) content.ownerName = name;
    return slot;
  }

  /** New slots in `to`, then (late, unless one sector holds both) the old ones go. Returns the new slot. */
  #move(from: Directory, slot: number, to: Directory, name: string, diskName: string): number {
    const node = from.live.get(slot);
    const inode = from.inodeAt(slot);
    const entry = from.bytes.slice(slot * ENTRY_SIZE_BYTES, (slot + 1) * ENTRY_SIZE_BYTES);
    // Only case changes: the old name must not keep the new one from its short name.
    const isCaseOnly = from === to && from.find(name) === slot;
    if (isCaseOnly) from.hideKeys(slot);
    let newSlot: number;
    try {
      newSlot = to.insert(name, diskName, entry, inode);
    } catch (error) {
      if (isCaseOnly) from.showKeys(slot);
      throw error;
    }
    const isOneSector = from === to && from.sharesSector(slot, newSlot);
    from.remove(slot, !isOneSector);
    if (node !== undefined) this.#place(node, to, newSlot);
    this.#adopt(node, entry, from, to, newSlot);
    return newSlot;
  }

  /** The entry at `slot` takes over the entry at `target`, name and all. */
  #replace(from: Directory, slot: number, to: Directory, target: number): void {
    const node = from.live.get(slot);
    const inode = from.inodeAt(slot);
    const at = target * ENTRY_SIZE_BYTES;
    const entry = from.bytes.slice(slot * ENTRY_SIZE_BYTES, (slot + 1) * ENTRY_SIZE_BYTES);
    const replaced = to.live.get(target);
    const chain = replaced ? this.chainOf(replaced) : this.#chainFrom(to.firstClusterAt(target));
    const isHeldFile = replaced !== undefined && replaced.holders > 0 && replaced.type !== 'directory';

    this.#letGo(to, target, replaced);
    to.bytes[at + 11] = entry[11] ?? 0;
    to.bytes.set(entry.subarray(13), at + 13);
    to.setInode(target, inode);
    to.touch(target);
    from.remove(slot, !(from === to && from.sharesSector(slot, target)));
    if (node !== undefined) this.#place(node, to, target);
    this.#adopt(node, entry, from, to, target);

    if (isHeldFile) this.#orphans.add(replaced);
    else this.content.shrink(chain, 0);
  }

  /** A directory that moved: its parent and its '..' follow. */
  #adopt(node: FatNode | undefined, entry: Uint8Array, from: Directory, to: Directory, slot: number): void {
    if (!((entry[11] ?? 0) & ATTRIBUTE.directory)) return;
    const moved = this.entriesOf(node ?? this.nodeAt(to, slot));
    moved.parent = to;
    moved.ownerName = to.nameAt(slot);
    if (from === to || !moved.hasDots) return;
    this.#host.commit.moveParent(moved, to.node === this.root ? 0 : to.node.firstCluster);
  }
}
