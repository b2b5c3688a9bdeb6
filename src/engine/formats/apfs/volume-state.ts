import { assert } from '../../base/assert.ts';
import type { Timespec } from '../../base/clock.ts';
import { FsError } from '../../base/errno.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import type { Snapshots, VolumeStatistics } from '../contract.ts';
import type { Run } from './alloc.ts';
import { Btree } from './btree.ts';
import { PhysicalHome } from './btree-home.ts';
import type { BlockReader } from './btree-home.ts';
import type { Commit, CommitMember } from './commit.ts';
import {
  MODIFIED_BY_MAX,
  VOLUME_FLAG,
  VOLUME_INCOMPATIBLE,
  VOLUME_MAGIC,
  VolumeSuperblock,
} from './layout-volume.ts';
import { BLOCK_SIZE_BYTES, TYPE_WORD } from './layout.ts';
import { NameCache } from './name-cache.ts';
import { checkVolumeName, SOFTWARE_NAME } from './new-volume.ts';
import { isIntact, oidOf, typeOf, xidOf } from './object.ts';
import { Omap } from './omap.ts';
import type { TreeKind } from './tree-kinds.ts';
import { EXTENT_REFERENCES, HASHED_CATALOG, PLAIN_CATALOG, SNAPSHOT_METADATA } from './tree-kinds.ts';
import { CONTAINER_SPENDER } from './transaction.ts';
import type { MetadataBuffer, Spender } from './transaction.ts';
import { VirtualHome } from './virtual-home.ts';
import { VolumeCommit } from './volume-commit.ts';

/** The volume superblock in memory. Who changes a member calls `touch` of its VolumeState. */
export type MutableSuperblock = { -readonly [K in keyof VolumeSuperblock]: VolumeSuperblock[K] };

interface Trees {
  readonly omap: Omap;
  catalog: Btree;
  references: Btree;
  snapshotTree: Btree;
}

/** Features we can live with; whoever needs others cannot be mounted. */
const KNOWN_INCOMPATIBLE =
  VOLUME_INCOMPATIBLE.caseInsensitive |
  VOLUME_INCOMPATIBLE.datalessSnapshots |
  VOLUME_INCOMPATIBLE.normalizationInsensitive |
  VOLUME_INCOMPATIBLE.incompleteRestore |
  VOLUME_INCOMPATIBLE.preallocationFlag |
  VOLUME_INCOMPATIBLE.encryptionRolled |
  VOLUME_INCOMPATIBLE.sealed |
  VOLUME_INCOMPATIBLE.perFileKeys |
  VOLUME_INCOMPATIBLE.secondaryRoot;

/**
 * A volume at work: its superblock, its trees, and who pays for its blocks. There is one for each live volume, and one
 * for each mounted snapshot, which shows the superblock as it was and the catalog through the live object map.
 *
 * Every block that is allocated or freed in its name changes its counters, so the superblock is written with every
 * transaction in which anything of the volume changed.
 */
export class VolumeState implements Spender, CommitMember {
  readonly container: Commit;
  readonly index: number;
  readonly superblock: MutableSuperblock;
  /** Where the superblock is, or will be with the next checkpoint. */
  block: number;
  /** The live volume of a snapshot; null for a live volume. */
  readonly live: VolumeState | null;
  /** Set by whoever mounts the volume; called once when it is unmounted. */
  onUnmount: (() => void) | null = null;
  /** Mounted for reading only. */
  isReadOnly: boolean;
  /** Set by whoever mounts it: sentences about what was found, and the volume's snapshots. */
  warnings: readonly string[] = [];
  snapshots: Snapshots | undefined = undefined;
  isSnapshotMounted: (xid: number) => boolean = () => false;
  /** What operations call: transactions in which this volume pays. */
  readonly commit: VolumeCommit;
  readonly names = new NameCache();
  readonly #buffer: MetadataBuffer;
  #trees: Trees | null = null;
  #touchedXid = 0;
  #hasChanged = false;

  /** FsError EIO with a sentence when `block` holds no superblock of this volume. */
  constructor(container: Commit, index: number, oid: number, block: number, live: VolumeState | null = null) {
    this.container = container;
    this.commit = new VolumeCommit(container, this);
    this.index = index;
    this.block = block;
    this.live = live;
    this.isReadOnly = container.isReadOnly || live !== null;
    const bytes = container.blocks.copyOf(block);
    const type = live === null ? TYPE_WORD.volume : TYPE_WORD.volumeOfSnapshot;
    const isSound =
      isIntact(bytes) &&
      oidOf(bytes) === oid &&
      typeOf(bytes) === type &&
      xidOf(bytes) < container.xid &&
      VolumeSuperblock.peek(bytes).magic === VOLUME_MAGIC;
    if (!isSound) {
      throw new FsError(
        'EIO',
        '',
        '',
        `block ${block} does not hold the superblock of volume ${index}; check the container with fsck`,
      );
    }
    this.superblock = { ...VolumeSuperblock.peek(bytes) };
    this.#buffer = bufferOf(this, bytes);
    // A host that goes on from a moment of its past has changed what nobody has signed for yet.
    const { xid, modifiedBy, formattedBy } = this.superblock;
    const signedXid = modifiedBy[0]?.lastXid ?? formattedBy.lastXid;
    this.#hasChanged = container.options.isContinued === true && xid > signedXid;
  }

  // ── what it is ────────────────────────────────────────────────────────────────────────────────────────────────────

  get isSnapshot(): boolean {
    return this.live !== null;
  }

  /** Transaction of the view: of a snapshot its own, of the live volume the running one. */
  get xid(): number {
    return this.live === null ? this.container.xid : this.superblock.xid;
  }

  get device(): Device {
    return this.container.device;
  }

  get isCaseInsensitive(): boolean {
    return this.#has(VOLUME_INCOMPATIBLE.caseInsensitive);
  }

  /** Directory records carry a hash of the name. */
  get isHashed(): boolean {
    return this.#has(VOLUME_INCOMPATIBLE.caseInsensitive | VOLUME_INCOMPATIBLE.normalizationInsensitive);
  }

  get isSealed(): boolean {
    return this.#has(VOLUME_INCOMPATIBLE.sealed);
  }

  get isEncrypted(): boolean {
    return this.superblock.flags % 2 !== VOLUME_FLAG.unencrypted;
  }

  get flagsPreallocation(): boolean {
    return this.#has(VOLUME_INCOMPATIBLE.preallocationFlag);
  }

  get overwritesInPlace(): boolean {
    return this.container.options.overwritesInPlace === true;
  }

  get hasSnapshots(): boolean {
    return this.superblock.snapshotCount > 0;
  }

  #has(feature: number): boolean {
    return (this.superblock.incompatibleFeatures & feature) !== 0;
  }

  get label(): string {
    return this.superblock.name;
  }

  /** EINVAL, EILSEQ, ENAMETOOLONG. */
  setLabel(label: string): void {
    checkVolumeName(label);
    this.commit.change({ blocks: 1, kind: 'shrink' }, () => {
      this.superblock.name = label;
      this.touch();
    });
  }

  now(): Timespec {
    return this.container.clock.now();
  }

  /** FsError with a sentence when the volume cannot be mounted. */
  checkMountable(): void {
    const refuse = (code: 'EACCES' | 'ENOTSUP', detail: string): never => {
      throw new FsError(code, '', '', detail);
    };
    const { name, incompatibleFeatures } = this.superblock;
    if (this.isEncrypted) {
      refuse('EACCES', `volume '${name}' is encrypted and locked: it can be listed, not read`);
    }
    if (this.isSealed) {
      refuse(
        'ENOTSUP',
        `volume '${name}' is sealed, as a system volume of macOS: it can be listed, not read`,
      );
    }
    const unknown = incompatibleFeatures - (incompatibleFeatures & KNOWN_INCOMPATIBLE);
    if (unknown !== 0) {
      refuse('ENOTSUP', `volume '${name}' has features that nobody here knows: 0x${unknown.toString(16)}`);
    }
  }

  // ── trees ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** EIO with a sentence when one of the trees cannot be opened. */
  #open(): Trees {
    if (this.#trees !== null) return this.#trees;
    const { container, superblock, live } = this;
    const transaction = this.#isFixed ? null : container;
    const omap =
      live?.omap ?? new Omap(transaction, container.blocks, superblock.omapBlock, this, this.label);
    this.#trees = {
      omap,
      catalog: this.#openCatalog(omap),
      references: live?.references ?? this.#openPhysical(EXTENT_REFERENCES, superblock.referencesBlock),
      snapshotTree: live?.snapshotTree ?? this.#openPhysical(SNAPSHOT_METADATA, superblock.snapshotTreeBlock),
    };
    return this.#trees;
  }

  get omap(): Omap {
    return this.#open().omap;
  }

  get catalog(): Btree {
    return this.#open().catalog;
  }

  /** Extent references of the live volume. */
  get references(): Btree {
    return this.#open().references;
  }

  set references(tree: Btree) {
    this.#open().references = tree;
    this.touch();
  }

  /** Snapshot metadata and names. */
  get snapshotTree(): Btree {
    return this.#open().snapshotTree;
  }

  set snapshotTree(tree: Btree) {
    this.#open().snapshotTree = tree;
    this.touch();
  }

  /** The superblock has become that of a snapshot: nodes of the catalog in memory are out of date. */
  reopenCatalog(): void {
    const trees = this.#open();
    trees.catalog = this.#openCatalog(trees.omap);
    this.names.clear();
  }

  #openCatalog(omap: Omap): Btree {
    const { container, superblock } = this;
    const kind = this.isHashed ? HASHED_CATALOG : PLAIN_CATALOG;
    const view = this.#isFixed ? { xid: this.#fixedXid } : { transaction: container };
    const home = new VirtualHome(kind, container.blocks, omap, view, this.spender, this.label);
    return new Btree(kind, home, superblock.catalogOid);
  }

  /** Trees that are only looked at: of a snapshot, or of a container that is open for reading only. */
  get #isFixed(): boolean {
    return this.container.isReadOnly || this.live !== null;
  }

  get #fixedXid(): number {
    return this.live === null ? this.container.xid - 1 : this.superblock.xid;
  }

  #openPhysical(kind: TreeKind, root: number | null): Btree {
    const { container } = this;
    const transaction = this.#isFixed ? null : container;
    const home = new PhysicalHome(kind, container.blocks, transaction, this.spender, this.label);
    return root === null ? Btree.create(kind, home) : new Btree(kind, home, root);
  }

  /** A tree of extent references: a snapshot's, or with null a new and empty one. EIO. */
  openReferences(block: number | null): Btree {
    return this.#openPhysical(EXTENT_REFERENCES, block);
  }

  /** Who pays for the volume's blocks. */
  get spender(): Spender {
    return this.live ?? this;
  }

  get reader(): BlockReader {
    return this.container.blocks;
  }

  // ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The superblock has changed: it is written with this transaction. */
  touch(): void {
    assert(this.live === null, 'a snapshot is not changed');
    const { container } = this;
    if (this.#touchedXid === container.xid) return;
    this.#touchedXid = container.xid;
    this.#hasChanged = true;
    const block = container.allocateBlock(CONTAINER_SPENDER);
    container.freeBlocks(this.block, 1, CONTAINER_SPENDER);
    this.block = block;
    container.map.set(this.superblock.oid, block, container.xid);
    container.touch(this.#buffer);
  }

  beforeCommit(): void {
    if (this.#touchedXid !== this.container.xid) return;
    this.superblock.modifyTime = this.now();
    this.#followTrees();
  }

  /** Where the trees are now. */
  #followTrees(): void {
    if (this.#trees === null) return;
    const { superblock } = this;
    const { omap, catalog, references, snapshotTree } = this.#trees;
    superblock.omapBlock = omap.block;
    superblock.catalogOid = catalog.root;
    superblock.referencesBlock = references.root;
    superblock.snapshotTreeBlock = snapshotTree.root;
  }

  /** A copy of the superblock as the running transaction would write it now. */
  superblockBytes(): Uint8Array {
    this.#followTrees();
    this.#buffer.prepare?.(this.container.xid);
    return this.#buffer.bytes.slice();
  }

  newObjectId(): number {
    this.touch();
    return this.superblock.nextObjectId++;
  }

  // ── space ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  get reserveBlocks(): number {
    return this.superblock.reserveBlocks;
  }

  get allocatedBlocks(): number {
    return this.superblock.allocatedBlocks;
  }

  blocksAllocated(blockCount: number): void {
    this.touch();
    this.superblock.allocatedBlocks += blockCount;
    this.superblock.totalBlocksAllocated += blockCount;
  }

  blocksFreed(blockCount: number): void {
    this.touch();
    this.superblock.allocatedBlocks -= blockCount;
    this.superblock.totalBlocksFreed += blockCount;
  }

  /** Of so many free blocks: less what others have reserved, and no more than the quota. */
  available(freeBlocks: number): number {
    const { quotaBlocks, allocatedBlocks } = this.superblock;
    const unreserved = freeBlocks - this.container.unmetReserves(this);
    return quotaBlocks === 0 ? unreserved : Math.min(unreserved, quotaBlocks - allocatedBlocks);
  }

  /** Blocks that an operation can have now at most, headroom not counted. */
  get availableBlocks(): number {
    return this.container.availableTo(this);
  }

  /** 1 … `blockCount` blocks in one run. ENOSPC, also for the quota and for what other volumes have reserved. */
  allocate(blockCount: number, goalBlock: number | null, use: 'data' | 'metadata'): Run {
    const wish = Math.min(blockCount, this.availableBlocks);
    if (wish <= 0) {
      throw new FsError(
        'ENOSPC',
        '',
        '',
        `volume '${this.superblock.name}' has no room left: delete files or snapshots`,
      );
    }
    return this.container.allocate(wish, goalBlock, use, this);
  }

  free(firstBlock: number, blockCount: number): void {
    this.container.freeBlocks(firstBlock, blockCount, this);
  }

  /** As statfs shows it. What the running transaction freed counts as free. */
  space(): Omit<VolumeStatistics, 'totalFiles' | 'freeFiles'> {
    const { quotaBlocks, allocatedBlocks } = (this.live ?? this).superblock;
    const { container } = this;
    const unreserved = container.freeBlocksAfterCommit - container.unmetReserves(this.live ?? this);
    const free = Math.max(
      0,
      quotaBlocks === 0 ? unreserved : Math.min(unreserved, quotaBlocks - allocatedBlocks),
    );
    return {
      blockSizeBytes: BLOCK_SIZE_BYTES,
      totalBlocks: quotaBlocks === 0 ? container.blocks.count : quotaBlocks,
      freeBlocks: free,
      availableBlocks: Math.max(0, free - (quotaBlocks === 0 ? container.headroomBlocks : 0)),
      usedBlocks: allocatedBlocks,
    };
  }

  // ── leaving ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The mount ends: if it changed anything, the superblock says who did and when. Ends in a checkpoint. */
  unmount(): void {
    this.sign();
    if (!this.container.isReadOnly) this.container.sync();
    const done = this.onUnmount;
    this.onUnmount = null;
    done?.();
  }

  /** Enters us in the list of those who changed the volume, if we did since it was opened. */
  sign(): void {
    const { superblock, container } = this;
    if (this.live !== null || !this.#hasChanged || container.isReadOnly) return;
    container.change(
      { blocks: 1, kind: 'shrink' },
      () => {
        this.touch();
        const time = this.now();
        superblock.unmountTime = time;
        const entry = { name: SOFTWARE_NAME, time, lastXid: container.xid };
        const others = superblock.modifiedBy.filter(({ lastXid }) => lastXid < container.xid);
        superblock.modifiedBy = [entry, ...others].slice(0, MODIFIED_BY_MAX);
        if (superblock.cloneInfoXid !== 0) superblock.cloneInfoXid = container.xid;
      },
      this,
    );
    this.#hasChanged = false;
  }
}

/** The superblock as the commit writes it. */
function bufferOf(state: VolumeState, bytes: Uint8Array): MetadataBuffer {
  const label: WriteLabel = {
    role: 'header',
    owner: `superblock of ${state.superblock.name}`,
    reason: 'new version of the volume superblock',
  };
  return {
    bytes,
    label,
    get block() {
      return state.block;
    },
    prepare(xid) {
      state.superblock.xid = xid;
      VolumeSuperblock.write(bytes, state.superblock);
    },
  };
}
