import { assert } from '../../base/assert.ts';
import { FsError } from '../../base/errno.ts';
import { XSYM_SIZE_BYTES } from '../../codec/xsym.ts';
import { ZERO_FILL } from '../../device/device.ts';
import type { FileType } from '../contract.ts';
import { attributesForName } from './attributes.ts';
import { damaged } from './damage.ts';
import { Directory } from './directory.ts';
import type { DirectoryHost } from './directory.ts';
import { Chain } from './extents.ts';
import { ATTRIBUTE, clusterOffsetBytes, STREAM_FLAG } from './layout.ts';
import { diskNameOf, nameOfDiskName } from './names.ts';
import { AT, ExfatNode, putContents, rootPair, u32At, u64At } from './node.ts';
import { decodeSymlink } from './symlink.ts';
import { NO_VENDOR_ENTRIES } from './vendor.ts';

/**
 * Files and directories by name: nodes in use, entries that come, go and move. Nothing here decides when something is
 * written; whoever calls surrounds it with `Commit.begin` and `end`.
 *
 * Nodes nobody holds are kept for a while, the latest 1024 of them, so that a path walk finds again what it just
 * found; directories stay as long as the volume is mounted, because their index does.
 */
const UNHELD_NODES_MAX = 1024;
/** Above every cluster number. */
const INODE_FIRST = 2 ** 32;

export class Tree {
  readonly #host: DirectoryHost;
  readonly root: ExfatNode;

  readonly #unheld: (ExfatNode | undefined)[] = [];
  #unheldNext = 0;
  /** Removed files that somebody still holds. */
  readonly #orphans = new Set<ExfatNode>();
  #inodeNext = INODE_FIRST;
  /** Cluster numbers that serve as inode of a file that does not begin there any more. */
  readonly #strandedInodes = new Set<number>();

  constructor(host: Omit<DirectoryHost, 'inodeFor'>) {
    this.#host = { ...host, inodeFor: (cluster) => this.inodeFor(cluster) };
    const { rootCluster } = host.geometry;
    this.root = new ExfatNode(rootCluster, 'directory');
    this.root.ownPair = rootPair(rootCluster);
  }

  inodeFor(firstCluster: number): number {
    return firstCluster !== 0 && !this.#strandedInodes.has(firstCluster) ? firstCluster : this.#inodeNext++;
  }

  /** The file whose inode is its first cluster loses that cluster: nobody else gets the number while it lives. */
  strandInode(node: ExfatNode): void {
    if (node.inode === node.firstCluster) this.#strandedInodes.add(node.inode);
  }

  // ── nodes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  lookup(directory: Directory, name: string): ExfatNode | undefined {
    const slot = directory.find(name);
    return slot < 0 ? undefined : this.nodeAt(directory, slot);
  }

  nodeAt(directory: Directory, slot: number): ExfatNode {
    const known = directory.liveAt(slot);
    if (known !== undefined) return known;
    const node = new ExfatNode(directory.inodeAt(slot), this.typeAt(directory, slot));
    this.#place(node, directory, slot);
    this.#queueUnheld(node);
    return node;
  }

  typeAt(directory: Directory, slot: number): FileType {
    if (directory.attributesAt(slot) & ATTRIBUTE.directory) return 'directory';
    if (directory.sizeAt(slot) !== XSYM_SIZE_BYTES) return 'file';
    const known = directory.liveAt(slot);
    if (known !== undefined) return known.type;
    const chain = this.#chainOfPair(directory.bytes, directory.offsetOf(slot));
    return decodeSymlink(this.#host.content, chain) === undefined ? 'file' : 'symlink';
  }

  #place(node: ExfatNode, directory: Directory, slot: number): void {
    node.directory = directory;
    node.slot = slot;
    directory.setLive(slot, node);
  }

  /** The latest nodes that nobody holds, in a ring; whoever falls out is forgotten. */
  #queueUnheld(node: ExfatNode): void {
    if (node.isQueued || node.type === 'directory') return;
    const oldest = this.#unheld[this.#unheldNext];
    this.#unheld[this.#unheldNext] = node;
    this.#unheldNext = (this.#unheldNext + 1) % UNHELD_NODES_MAX;
    node.isQueued = true;
    if (oldest === undefined) return;
    oldest.isQueued = false;
    if (oldest.holders > 0 || oldest.directory === null) return;
    if (oldest.directory.liveAt(oldest.slot) === oldest) oldest.directory.setLive(oldest.slot, undefined);
  }

  retain(node: ExfatNode): void {
    node.holders++;
  }

  /** True when a removed file lost its last holder: its clusters are to be freed. */
  release(node: ExfatNode): boolean {
    assert(node.holders > 0, 'only what was held is released');
    if (--node.holders > 0) return false;
    if (this.#orphans.delete(node)) {
      this.#strandedInodes.delete(node.inode);
      return true;
    }
    if (node.directory !== null) this.#queueUnheld(node);
    return false;
  }

  takeOrphans(): ExfatNode[] {
    const orphans = [...this.#orphans];
    this.#orphans.clear();
    return orphans;
  }

  // ── directories ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** The entries of a directory, read when first asked for. ENOTDIR; EIO for one that contains itself. */
  entriesOf(node: ExfatNode): Directory {
    if (node.content !== undefined) return node.content;
    if (node.type !== 'directory') throw new FsError('ENOTDIR', '', '');
    const isRoot = node === this.root;
    if (!isRoot) this.#assertNoLoop(node);
    const name = isRoot ? 'root directory' : this.nameOf(node);
    const directory = new Directory(this.#host, node, this.chainOf(node), node.directory, name);
    return (node.content = directory.load());
  }

  #assertNoLoop(node: ExfatNode): void {
    const first = node.firstCluster;
    const { rootCluster } = this.#host.geometry;
    if (first === 0) return;
    let isLoop = first === rootCluster;
    for (let up = node.directory; up !== null && !isLoop; up = up.parent)
      isLoop = up.node.firstCluster === first;
    if (isLoop) throw damaged('the directory leads back to one that contains it');
  }

  /** As `entriesOf`, for a directory about to change: ENOENT when it was removed while somebody stood in it. */
  livingEntriesOf(node: ExfatNode): Directory {
    const directory = this.entriesOf(node);
    if (directory.isRemoved) throw new FsError('ENOENT', '', '', 'the directory was removed');
    return directory;
  }

  nameOf(node: ExfatNode): string {
    if (node === this.root) return '/';
    return node.directory === null ? 'removed file' : node.directory.nameAt(node.slot);
  }

  chainOf(node: ExfatNode): Chain {
    return (node.chain ??= node.content?.chain ?? this.#chainOfPair(node.entryBytes, node.entryOffset));
  }

  #chainOfPair(bytes: Uint8Array, at: number): Chain {
    const { fat, geometry } = this.#host;
    const first = u32At(bytes, at + AT.firstCluster);
    if (!((bytes[at + AT.flags] ?? 0) & STREAM_FLAG.noFatChain)) return new Chain(fat, first);
    const clusters = Math.ceil(u64At(bytes, at + AT.dataLength) / geometry.clusterSizeBytes);
    return Chain.contiguous(fat, geometry, first, clusters);
  }

  // ── entries come and go ───────────────────────────────────────────────────────────────────────────────────────────

  /** A new set from `pair`, file and stream entry; the name decides the hidden bit. EEXIST, ENOSPC. */
  add(directory: Directory, name: string, type: FileType, pair: Uint8Array): ExfatNode {
    const diskName = diskNameOf(name);
    if (directory.find(name) >= 0) throw new FsError('EEXIST', '', '');
    pair[AT.attributes] = attributesForName(pair[AT.attributes] ?? 0, name);
    // A file's inode must not change when it gets its first cluster.
    const inode = this.inodeFor(u32At(pair, AT.firstCluster));
    const slot = directory.insert(nameOfDiskName(diskName), diskName, pair, inode, NO_VENDOR_ENTRIES);
    if (this.#host.commit.isRecording) directory.note(`add ${name} in slot ${slot}`);
    const node = new ExfatNode(inode, type);
    this.#place(node, directory, slot);
    return node;
  }

  /**
   * A new directory: `pair` as for `add`. Its cluster, all zero, is on the device before its entry: a cut between
   * leaves a leaked cluster.
   */
  addDirectory(parent: Directory, name: string, pair: Uint8Array): ExfatNode {
    diskNameOf(name);
    if (parent.find(name) >= 0) throw new FsError('EEXIST', '', '');
    const { bitmap, commit, fat, geometry } = this.#host;
    const runs = commit.allocate(0, 1);
    const first = runs[0]?.first;
    if (first === undefined) throw new FsError('ENOSPC', '', '');
    try {
      this.#clearCluster(first, name);
      const sizeBytes = geometry.clusterSizeBytes;
      putContents(pair, 0, {
        firstCluster: first,
        isContiguous: true,
        dataBytes: sizeBytes,
        validBytes: sizeBytes,
      });
      const node = this.add(parent, name, 'directory', pair);
      if (commit.isRecording) bitmap.note(`cluster ${first} becomes directory ${name}`);
      const chain = Chain.contiguous(fat, geometry, first, 1);
      node.content = new Directory(this.#host, node, chain, parent, name).adoptNew();
      return node;
    } catch (error) {
      bitmap.giveBack(runs);
      throw error;
    }
  }

  #clearCluster(cluster: number, name: string): void {
    const { commit, device, geometry } = this.#host;
    const firstBlock = clusterOffsetBytes(geometry, cluster) / device.blockSizeBytes;
    device.fill(firstBlock, geometry.clusterSizeBytes / device.blockSizeBytes, ZERO_FILL, {
      role: 'directory',
      owner: name,
      reason: 'clear the cluster of a new directory',
    });
    commit.wroteData();
  }

  /** Take the set of a file or empty directory away. Its clusters go at once, or with its last holder. */
  remove(directory: Directory, slot: number): void {
    const held = directory.liveAt(slot);
    const isHeldFile = held !== undefined && held.holders > 0 && held.type !== 'directory';
    const chain =
      held === undefined ? this.#chainOfPair(directory.bytes, directory.offsetOf(slot)) : this.chainOf(held);
    if (this.#host.commit.isRecording) directory.note(`remove ${directory.nameAt(slot)} from slot ${slot}`);
    this.#freeVendorClusters(directory, slot);
    this.#letGo(directory, slot, held);
    directory.remove(slot, false);
    if (isHeldFile) this.#orphans.add(held);
    else this.#host.content.shrink(chain, 0);
  }

  #freeVendorClusters(directory: Directory, slot: number): void {
    const { bitmap, fat, geometry } = this.#host;
    directory.vendorEntriesAt(slot).free(fat, bitmap, geometry);
  }

  /** The node at `slot`, if there is one, lives on without an entry. */
  #letGo(directory: Directory, slot: number, node: ExfatNode | undefined): void {
    if (node === undefined || node.holders === 0) this.#strandedInodes.delete(directory.inodeAt(slot));
    if (node === undefined) return;
    node.detach();
    directory.setLive(slot, undefined);
    if (node.content === undefined) return;
    node.content.discard();
    this.#host.commit.forgetDirectory(node.content);
  }

  // ── rename ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Move the set at `slot` to `name` in `to`, over what is there. Within one sector one write does it; otherwise the
   * new set is on the device before the old one goes (a cut between: two names, one file). An existing target's set is
   * overwritten where it stands, so its name never disappears.
   */
  rename(from: Directory, slot: number, to: Directory, name: string): void {
    const diskName = diskNameOf(name);
    const stored = nameOfDiskName(diskName);
    const target = to.find(name);
    const isSame = from === to && target === slot;
    // A directory is read before anything changes: it gets another parent.
    if (from.attributesAt(slot) & ATTRIBUTE.directory) this.entriesOf(this.nodeAt(from, slot));
    if (this.#host.commit.isRecording) to.note(`rename ${from.nameAt(slot)} to ${name}`);
    if (isSame && from.nameAt(slot) === stored) return;
    if (target >= 0 && !isSame) {
      this.#replace(from, slot, to, target, stored, diskName);
    } else if (from === to) {
      this.#setHidden(to, this.#respell(from, slot, stored, diskName), name);
    } else {
      this.#setHidden(to, this.#move(from, slot, to, stored, diskName), name);
    }
  }

  #setHidden(directory: Directory, slot: number, name: string): void {
    const at = directory.offsetOf(slot) + AT.attributes;
    const old = directory.bytes[at] ?? 0;
    const bits = attributesForName(old, name);
    if (bits === old) return;
    directory.bytes[at] = bits;
    directory.touchSet(slot);
  }

  /** Another name in the same directory. Returns the slot of the set. */
  #respell(directory: Directory, slot: number, name: string, diskName: string): number {
    const content = directory.liveAt(slot)?.content;
    if (!directory.renameInPlace(slot, name, diskName)) {
      return this.#move(directory, slot, directory, name, diskName);
    }
    if (content) content.ownerName = name;
    return slot;
  }

  /** A new set in `to`, then (late, unless one sector holds both) the old one goes. Returns the new slot. */
  #move(from: Directory, slot: number, to: Directory, name: string, diskName: string): number {
    const node = from.liveAt(slot);
    const inode = from.inodeAt(slot);
    const vendor = from.vendorEntriesAt(slot);
    // Only case changes: the old name must not stand for the new one.
    const isCaseOnly = from === to && from.find(name) === slot;
    if (isCaseOnly) from.hideKey(slot);
    let newSlot: number;
    try {
      newSlot = to.insert(name, diskName, from.pairAt(slot), inode, vendor);
    } catch (error) {
      if (isCaseOnly) from.showKey(slot);
      throw error;
    }
    const isOneSector = from === to && from.sharesSector(slot, newSlot);
    from.remove(slot, !isOneSector);
    if (node !== undefined) this.#place(node, to, newSlot);
    this.#adopt(node, to, newSlot);
    return newSlot;
  }

  /** The set at `slot` takes the place of the one at `target`. */
  #replace(
    from: Directory,
    slot: number,
    to: Directory,
    target: number,
    name: string,
    diskName: string,
  ): void {
    const node = from.liveAt(slot);
    const inode = from.inodeAt(slot);
    const replaced = to.liveAt(target);
    const chain = replaced ? this.chainOf(replaced) : this.#chainOfPair(to.bytes, to.offsetOf(target));
    const isHeldFile = replaced !== undefined && replaced.holders > 0 && replaced.type !== 'directory';
    const hasVendor = from.vendorEntriesAt(slot).count > 0 || to.vendorEntriesAt(target).count > 0;
    // A name spelt otherwise may need a new set, and there may be no room for one: that is known before anything changes.
    const isMoving = to.nameAt(target) !== name && !to.fitsInPlace(target, diskName);

    if (hasVendor || isMoving) {
      this.#replaceWithNewSet(from, slot, to, target, name, diskName);
    } else {
      this.#letGo(to, target, replaced);
      to.takeOver(target, from.pairAt(slot));
      to.setInode(target, inode);
      from.remove(slot, !(from === to && from.sharesSector(slot, target)));
      if (node !== undefined) this.#place(node, to, target);
      this.#adopt(node, to, target);
      const spelled = to.nameAt(target) === name ? target : this.#respell(to, target, name, diskName);
      this.#setHidden(to, spelled, name);
    }
    if (isHeldFile) this.#orphans.add(replaced);
    else this.#host.content.shrink(chain, 0);
  }

  /** Vendor entries belong to their file: its set moves as a whole, and the target's goes as a whole, afterwards. */
  #replaceWithNewSet(
    from: Directory,
    slot: number,
    to: Directory,
    target: number,
    name: string,
    diskName: string,
  ): void {
    to.hideKey(target);
    let newSlot: number;
    try {
      newSlot = this.#move(from, slot, to, name, diskName);
    } catch (error) {
      to.showKey(target);
      throw error;
    }
    this.#freeVendorClusters(to, target);
    this.#letGo(to, target, to.liveAt(target));
    to.remove(target, true);
    this.#setHidden(to, newSlot, name);
  }

  /** A directory that moved has another parent. */
  #adopt(node: ExfatNode | undefined, to: Directory, slot: number): void {
    if (!(to.attributesAt(slot) & ATTRIBUTE.directory)) return;
    const moved = this.entriesOf(node ?? this.nodeAt(to, slot));
    moved.parent = to;
    moved.ownerName = to.nameAt(slot);
  }
}
