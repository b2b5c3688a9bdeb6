import { viewOf } from '../../base/bytes.ts';
import type { Role } from '../../base/role.ts';
import { EFI_JUMPSTART_EXTENTS_AT, EfiJumpstart, OBJECT, ObjectHeader } from './layout.ts';
import { EXTENT_KIND, numberOfTagged, tagOfTagged } from './layout-extents.ts';
import type { ContainerView } from './view-container.ts';
import { queuedRanges } from './view-space.ts';
import { StreamVisitor } from './view-streams.ts';
import type { StreamRun } from './view-streams.ts';
import { isIntact } from './view-tree.ts';
import type { ViewTree } from './view-tree.ts';
import type { CatalogView, SnapshotView, VolumeView } from './view-volume.ts';

/**
 * Who says that blocks are theirs. A claim of a lower rank goes before one of a higher rank; only contents of files may
 * lie over each other on a sound volume. What is asked for is a stretch of blocks: the rest is passed over quickly.
 */
export interface Claim {
  readonly first: number;
  readonly end: number;
  readonly rank: number;
  readonly what: Holding;
}

export type Holding =
  | { readonly kind: 'structure'; readonly role: Role; readonly owner: string; readonly part: Part }
  | {
      readonly kind: 'stream';
      readonly view: CatalogView;
      readonly run: StreamRun;
      readonly files: StreamVisitor;
    }
  | { readonly kind: 'reference'; readonly volume: VolumeView; readonly ownerId: number; readonly role: Role }
  | { readonly kind: 'queue'; readonly xid: number };

/** What kind of structure, for those who explain its bytes. */
export type Part =
  'object' | 'descriptors' | 'checkpoint data' | 'pool bitmaps' | 'pool' | 'keybag' | 'driver';

export const RANK = { structure: 0, live: 1, snapshot: 2, reference: 3, queue: 4 } as const;

export type ClaimVisitor = (claim: Claim) => void;

/** Collects the claims on blocks `first` up to `end`. */
export class ClaimCollector {
  readonly #container: ContainerView;
  readonly #first: number;
  readonly #end: number;
  readonly #visit: ClaimVisitor;
  #isClaimed = false;

  constructor(container: ContainerView, first: number, end: number, visit: ClaimVisitor) {
    this.#container = container;
    this.#first = first;
    this.#end = end;
    this.#visit = visit;
  }

  collect(): void {
    this.#fixed();
    for (const volume of this.#container.volumes) this.#volumeStructures(volume);
    // Nothing goes before a structure: of one block no more need be known.
    if (this.#isClaimed && this.#end - this.#first === 1) return;
    for (const volume of this.#container.volumes) this.#contents(volume);
    this.#queue();
  }

  #add(first: number, count: number, rank: number, what: Holding): void {
    const end = Math.min(first + count, this.#end);
    if (end <= this.#first || first >= this.#end || end <= first) return;
    this.#isClaimed = true;
    this.#visit({ first: Math.max(first, this.#first), end, rank, what });
  }

  #structure(first: number, count: number, role: Role, owner: string, part: Part = 'object'): void {
    if (first + count <= this.#first || first >= this.#end) return;
    this.#add(first, count, RANK.structure, { kind: 'structure', role, owner, part });
  }

  #tree(tree: ViewTree, role: Role, owner: string): void {
    for (const { block } of tree.nodes()) this.#structure(block, 1, role, owner);
  }

  // ── the container's own ──

  #fixed(): void {
    const container = this.#container;
    const { superblock, space } = container;
    this.#structure(0, 1, 'header', OWNER.superblock);
    const descriptors = container.descriptorRing;
    this.#structure(descriptors.first, descriptors.count, 'checkpoint', OWNER.descriptors, 'descriptors');
    const data = container.dataRing;
    this.#structure(data.first, data.count, 'checkpoint', OWNER.data, 'checkpoint data');
    if (space) {
      const { poolBitmaps, poolBlocks } = space;
      this.#structure(poolBitmaps.first, poolBitmaps.count, 'allocation', OWNER.poolBitmaps, 'pool bitmaps');
      this.#structure(poolBlocks.first, poolBlocks.count, 'allocation', OWNER.pool, 'pool');
    }
    this.#structure(superblock.omapBlock, 1, 'tree', OWNER.omap);
    this.#tree(container.omap.tree, 'tree', OWNER.omap);
    for (const volume of container.volumes) {
      this.#structure(volume.block, 1, 'header', `${container.prefixOf(volume)}${OWNER.volume}`);
    }
    const { keybagFirst, keybagCount, mediaKeybagFirst, mediaKeybagCount } = superblock;
    if (keybagFirst > 0) this.#structure(keybagFirst, keybagCount, 'reserved', OWNER.keybag, 'keybag');
    if (mediaKeybagFirst > 0)
      this.#structure(mediaKeybagFirst, mediaKeybagCount, 'reserved', OWNER.keybag, 'keybag');
    this.#driver(superblock.efiJumpstart);
  }

  #driver(block: number): void {
    const bytes = block === 0 ? undefined : this.#container.read(block);
    if (!bytes || !isIntact(bytes)) return;
    const jumpstart = EfiJumpstart.peek(bytes);
    if (jumpstart.type % 65_536 !== OBJECT.efiJumpstart) return;
    this.#structure(block, 1, 'reserved', OWNER.driver);
    const view = viewOf(bytes);
    const room = Math.floor((bytes.length - EFI_JUMPSTART_EXTENTS_AT) / 16);
    for (let i = 0; i < Math.min(jumpstart.extentCount, room); i++) {
      const at = EFI_JUMPSTART_EXTENTS_AT + 16 * i;
      const first = view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
      this.#structure(first, view.getUint32(at + 8, true), 'reserved', OWNER.driver, 'driver');
    }
  }

  // ── volumes ──

  #volumeStructures(volume: VolumeView): void {
    const { superblock, omap } = volume;
    const prefix = this.#container.prefixOf(volume);
    this.#structure(superblock.omapBlock, 1, 'tree', `${prefix}${OWNER.omap}`);
    this.#tree(omap.tree, 'tree', `${prefix}${OWNER.omap}`);
    this.#tree(omap.snapshotTree, 'tree', `${prefix}${OWNER.omapSnapshots}`);
    this.#virtualObjects(volume, prefix);
    this.#tree(volume.references, 'references', `${prefix}${OWNER.references}`);
    this.#tree(volume.snapshotTree, 'tree', `${prefix}${OWNER.snapshots}`);
    for (const snapshot of volume.snapshots) {
      const { superblockBlock, extentReferenceTreeBlock } = snapshot.metadata;
      const suffix = ofSnapshot(snapshot);
      this.#structure(superblockBlock, 1, 'header', `${prefix}${OWNER.volume}${suffix}`);
      const tree = volume.referenceTree(extentReferenceTreeBlock);
      this.#tree(tree, 'references', `${prefix}${OWNER.references}${suffix}`);
    }
    if (superblock.fileExtentTreeBlock !== 0)
      this.#tree(volume.fileExtentTree, 'tree', `${prefix}${OWNER.fileExtents}`);
  }

  /** Every version of every virtual object that the volume's object map leads to. */
  #virtualObjects(volume: VolumeView, prefix: string): void {
    for (const { xid, nextXid, block } of volume.omap.versions()) {
      if (block < this.#first || block >= this.#end || block === 0) continue;
      const snapshot = volume.newestSnapshot(xid, nextXid);
      // The newest version may have left the volume's tree, with only a snapshot to show it.
      const isLive = nextXid === Infinity && (!snapshot || volume.liveBlocks.has(block));
      const suffix = isLive ? '' : snapshot ? ofSnapshot(snapshot) : ', old version';
      this.#structure(block, 1, 'tree', `${prefix}${this.#titleOf(block)}${suffix}`);
    }
  }

  #titleOf(block: number): string {
    const bytes = this.#container.read(block);
    const type = bytes ? viewOf(bytes).getUint16(ObjectHeader.fields.type.at, true) : 0;
    if (type === OBJECT.integrityMetadata) return OWNER.integrity;
    return type === OBJECT.snapshotMetadataExtension ? OWNER.snapshotExtension : OWNER.catalog;
  }

  // ── contents ──

  #contents(volume: VolumeView): void {
    const files = new StreamVisitor(volume);
    files.visit(this.#first, this.#end, (view, run) => {
      const rank = view.snapshot ? RANK.snapshot : RANK.live;
      this.#add(run.firstBlock, run.blockCount, rank, { kind: 'stream', view, run, files });
    });
    if (this.#isClaimed && this.#end - this.#first === 1) return;
    this.#references(volume, volume.references, 'data');
    for (const { metadata } of volume.snapshots)
      this.#references(volume, volume.referenceTree(metadata.extentReferenceTreeBlock), 'pinned');
  }

  /** What nobody's catalog says (or can be read to say): at least that it is contents. */
  #references(volume: VolumeView, tree: ViewTree, role: Role): void {
    for (const node of tree.leaves()) {
      for (let record = 0; record < node.count; record++) {
        const value = node.valueAt(record);
        if (value + 20 > node.valueEnd(record)) continue;
        if (tagOfTagged(node.view, value) !== EXTENT_KIND.new) continue;
        const first = numberOfTagged(node.view, node.keyAt(record));
        const count = numberOfTagged(node.view, value);
        if (first >= this.#end || first + count <= this.#first) continue;
        const ownerId = node.u64(value + 8);
        this.#add(first, count, RANK.reference, { kind: 'reference', volume, ownerId, role });
      }
    }
  }

  #queue(): void {
    const tree = this.#container.mainQueue;
    if (!tree) return;
    for (const { xid, first, count } of queuedRanges(tree)) {
      if (first < this.#end && first + count > this.#first)
        this.#add(first, count, RANK.queue, { kind: 'queue', xid });
    }
  }
}

const ofSnapshot = ({ name }: SnapshotView): string => ` of snapshot ${name}`;

/** As the map calls them. */
export const OWNER = {
  superblock: 'Container superblock',
  descriptors: 'Checkpoint descriptors',
  data: 'Checkpoint data',
  poolBitmaps: 'Internal pool bitmaps',
  pool: 'Internal pool',
  omap: 'Object map',
  omapSnapshots: 'Snapshots of the object map',
  volume: 'Volume superblock',
  catalog: 'Catalog',
  references: 'Extent references',
  snapshots: 'Snapshot metadata',
  snapshotExtension: 'Snapshot metadata extension',
  integrity: 'Integrity metadata',
  fileExtents: 'File extents',
  keybag: 'Keybag',
  driver: 'EFI driver',
  outside: 'Behind the container',
} as const;
