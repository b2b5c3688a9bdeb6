import { OBJECT } from './layout.ts';
import { OBJECT_ID, RECORD_TYPE, objectIdAt, recordTypeAt } from './layout-catalog.ts';
import { EXTENT_KEY_TYPE, SnapshotMetadata, numberOfTagged, tagOfTagged } from './layout-extents.ts';
import { OMAP_SIZE_BYTES, OMAP_VALUE_FLAG, OmapPhys } from './layout-tree.ts';
import { VOLUME_INCOMPATIBLE, VolumeSuperblock } from './layout-volume.ts';
import type { BlockReader } from './view-checkpoints.ts';
import { inodeAt, isUnlinked, nameIn, objectIdOf, typeOf } from './view-records.ts';
import type { InodeSummary } from './view-records.ts';
import { ViewTree, comparePairs } from './view-tree.ts';
import type { NodeReader, Place, ViewNode } from './view-tree.ts';

/** An object map, read leniently. */
export class OmapView {
  readonly header: OmapPhys;
  readonly tree: ViewTree;
  readonly snapshotTree: ViewTree;
  readonly #found = new Map<number, { readonly xid: number; readonly block: number | undefined }>();

  constructor(
    reader: NodeReader,
    read: BlockReader,
    readonly block: number,
  ) {
    const bytes = read(block)?.subarray(0, OMAP_SIZE_BYTES) ?? new Uint8Array(OMAP_SIZE_BYTES);
    const header = OmapPhys.peek(bytes);
    this.header = header;
    const isMap = header.type % 65_536 === OBJECT.objectMap;
    const physical = (reference: number): number => reference;
    this.tree = new ViewTree(reader, OBJECT.objectMap, isMap ? header.treeBlock : 0, physical);
    this.snapshotTree = new ViewTree(
      reader,
      OBJECT.omapSnapshots,
      isMap ? header.snapshotTreeBlock : 0,
      physical,
    );
  }

  /** The newest version of an object up to `xid`. */
  recordOf(oid: number, xid: number): Place | undefined {
    const place = this.tree.last((node, record) => {
      const at = node.keyAt(record);
      return comparePairs(node.u64(at), node.u64(at + 8), oid, xid) > 0;
    });
    return place && place.node.u64(place.node.keyAt(place.record)) === oid ? place : undefined;
  }

  /** Every version of every object, in the order of the tree, with the transaction of the next version. */
  *versions(): Generator<OmapVersion> {
    let before: Omit<OmapVersion, 'nextXid'> | undefined;
    for (const node of this.tree.leaves()) {
      for (let record = 0; record < node.count; record++) {
        const at = node.keyAt(record);
        const value = node.valueAt(record);
        if (at + 16 > node.keyEnd(record) || value + 16 > node.valueEnd(record)) continue;
        const oid = node.u64(at);
        const xid = node.u64(at + 8);
        if (before) yield { ...before, nextXid: before.oid === oid ? xid : Infinity };
        const isDeleted = (node.view.getUint32(value, true) & OMAP_VALUE_FLAG.deleted) !== 0;
        before = { oid, xid, block: isDeleted ? 0 : node.u64(value + 8) };
      }
    }
    if (before) yield { ...before, nextXid: Infinity };
  }

  blockOf(oid: number, xid: number): number | undefined {
    const known = this.#found.get(oid);
    if (known?.xid === xid) return known.block;
    const place = this.recordOf(oid, xid);
    const block = place?.node.u64(place.node.valueAt(place.record) + 8);
    if (this.#found.size >= FOUND_KEPT_MAX) this.#found.clear();
    this.#found.set(oid, { xid, block });
    return block;
  }
}

export interface OmapVersion {
  readonly oid: number;
  readonly xid: number;
  /** 0: the record says that the object was deleted. */
  readonly block: number;
  /** Infinity: there is none. */
  readonly nextXid: number;
}

const FOUND_KEPT_MAX = 65_536;

/** A volume as it is now, or as one of its snapshots has it. */
export class CatalogView {
  readonly catalog: ViewTree;
  readonly #paths = new Map<number, string>([
    [OBJECT_ID.root, ''],
    [OBJECT_ID.rootParent, ''],
  ]);

  constructor(
    readonly volume: VolumeView,
    readonly superblock: VolumeSuperblock,
    readonly xid: number,
    /** Null: the volume as it is now. */
    readonly snapshot: SnapshotView | null,
    reader: NodeReader,
  ) {
    const isSealed = (superblock.incompatibleFeatures & VOLUME_INCOMPATIBLE.sealed) !== 0;
    const blockOf = (oid: number): number | undefined => volume.omap.blockOf(oid, xid);
    this.catalog = new ViewTree(reader, OBJECT.catalog, superblock.catalogOid, blockOf, isSealed);
  }

  get isHashed(): boolean {
    const { caseInsensitive, normalizationInsensitive } = VOLUME_INCOMPATIBLE;
    return (this.superblock.incompatibleFeatures & (caseInsensitive | normalizationInsensitive)) !== 0;
  }

  /** Records of one object, in the order of the tree, from a type on. */
  *recordsOf(objectId: number, fromType = 0): Generator<Place> {
    const isBefore = (node: ViewNode, record: number): boolean => {
      const at = node.keyAt(record);
      return comparePairs(objectIdAt(node.view, at), recordTypeAt(node.view, at), objectId, fromType) < 0;
    };
    for (const place of this.catalog.from(isBefore)) {
      if (objectIdOf(place) !== objectId) return;
      yield place;
    }
  }

  /** Records of one object and type, leaf by leaf: as `recordsOf`, but many are passed at once. */
  stretchesOf(objectId: number, type: number): Stretch[] {
    const order = (node: ViewNode, record: number): number => {
      const at = node.keyAt(record);
      return comparePairs(objectIdAt(node.view, at), recordTypeAt(node.view, at), objectId, type);
    };
    const found: Stretch[] = [];
    for (const { node, first } of this.catalog.leavesFrom((at, record) => order(at, record) < 0)) {
      let end = first;
      while (end < node.count && order(node, end) === 0) end++;
      if (end > first) found.push({ node, first, end });
      if (end < node.count) break;
    }
    return found;
  }

  inodeOf(objectId: number): Place | undefined {
    for (const place of this.recordsOf(objectId, RECORD_TYPE.inode))
      return typeOf(place) === RECORD_TYPE.inode ? place : undefined;
    return undefined;
  }

  /** '/docs/a.txt'; '/' for the root, '(object 17)' for what has no inode, '(deleted) …' for what has no name left. */
  pathOf(objectId: number): string {
    const path = this.#pathBelow(objectId);
    return path === '' ? '/' : path;
  }

  #pathBelow(objectId: number): string {
    const waiting: { readonly id: number; readonly name: string }[] = [];
    let at = objectId;
    let path = this.#paths.get(at);
    while (path === undefined && waiting.length < PATH_NAMES_MAX) {
      const place = this.inodeOf(at);
      if (!place) {
        path = `(object ${at})`;
        break;
      }
      const inode = inodeAt(place);
      waiting.push({ id: at, name: inode.name });
      if (isUnlinked(inode)) {
        path = '(deleted) ';
        break;
      }
      at = inode.parentId;
      path = this.#paths.get(at);
    }
    path ??= '…';
    if (this.#paths.size > FOUND_KEPT_MAX) this.#paths.clear();
    for (const { id, name } of waiting.reverse()) {
      path = `${path}/${name}`;
      this.#paths.set(id, path);
    }
    return path;
  }

  /** As `pathOf`, of an inode record at hand. */
  pathOfInode(place: Place, inode: InodeSummary = inodeAt(place)): string {
    const objectId = objectIdOf(place);
    if (objectId < OBJECT_ID.firstUser) return this.pathOf(objectId);
    if (isUnlinked(inode)) return `(deleted) /${inode.name}`;
    return `${this.#pathBelow(inode.parentId)}/${inode.name}`;
  }
}

/** Neighbouring records of one leaf. */
export interface Stretch {
  readonly node: ViewNode;
  readonly first: number;
  readonly end: number;
}

/** A path of more names than this is shown without its beginning. */
const PATH_NAMES_MAX = 500;

export interface SnapshotView {
  readonly name: string;
  readonly xid: number;
  readonly metadata: SnapshotMetadata;
  readonly place: Place;
}

/** So many snapshots of a volume are looked at. */
const SNAPSHOTS_MAX = 10_000;

/** One volume of the container. */
export class VolumeView {
  readonly omap: OmapView;
  readonly live: CatalogView;
  readonly references: ViewTree;
  readonly snapshotTree: ViewTree;
  readonly name: string;
  readonly #reader: NodeReader;
  readonly #read: BlockReader;
  #snapshots: readonly SnapshotView[] | undefined;
  #views: readonly CatalogView[] | undefined;
  #viewOfSnapshot: Map<SnapshotView | null, CatalogView> | undefined;
  #liveBlocks: Set<number> | undefined;

  constructor(
    reader: NodeReader,
    read: BlockReader,
    readonly slot: number,
    readonly oid: number,
    /** Of its superblock. */
    readonly block: number,
    bytes: Uint8Array,
    containerXid: number,
  ) {
    this.#reader = reader;
    this.#read = read;
    const superblock = VolumeSuperblock.peek(bytes);
    this.name = superblock.name;
    this.omap = new OmapView(reader, read, superblock.omapBlock);
    this.live = new CatalogView(this, superblock, containerXid, null, reader);
    this.references = this.referenceTree(superblock.referencesBlock);
    this.snapshotTree = new ViewTree(
      reader,
      OBJECT.snapshotMetadata,
      superblock.snapshotTreeBlock,
      (block) => block,
    );
  }

  get superblock(): VolumeSuperblock {
    return this.live.superblock;
  }

  /** Of a sealed volume. */
  get fileExtentTree(): ViewTree {
    const { fileExtentTreeBlock } = this.superblock;
    return new ViewTree(this.#reader, OBJECT.fileExtentTree, fileExtentTreeBlock, (block) => block);
  }

  referenceTree(root: number): ViewTree {
    return new ViewTree(this.#reader, OBJECT.extentReferences, root, (block) => block);
  }

  /** Oldest first. */
  get snapshots(): readonly SnapshotView[] {
    this.#snapshots ??= this.#findSnapshots();
    return this.#snapshots;
  }

  #findSnapshots(): SnapshotView[] {
    const found: SnapshotView[] = [];
    for (const node of this.snapshotTree.leaves()) {
      for (let record = 0; record < node.count && found.length < SNAPSHOTS_MAX; record++) {
        const at = node.keyAt(record);
        if (at + 8 > node.keyEnd(record)) continue;
        if (tagOfTagged(node.view, at) !== EXTENT_KEY_TYPE.snapshotMetadata) continue;
        const value = node.bytes.subarray(node.valueAt(record), node.valueEnd(record));
        const metadata = SnapshotMetadata.peek(value);
        const { nameBytes } = metadata;
        const name = nameIn(value, SnapshotMetadata.sizeBytes, nameBytes);
        found.push({ name, xid: numberOfTagged(node.view, at), metadata, place: { node, record } });
      }
    }
    return found;
  }

  /** The volume as it is, then its snapshots, the newest first. A snapshot whose superblock is damaged is left out. */
  get views(): readonly CatalogView[] {
    if (this.#views) return this.#views;
    const views = [this.live];
    for (const snapshot of [...this.snapshots].reverse()) {
      const superblock = this.superblockOf(snapshot);
      if (superblock) views.push(new CatalogView(this, superblock, snapshot.xid, snapshot, this.#reader));
    }
    this.#views = views;
    return views;
  }

  /** The newest snapshot that shows an object's version `xid`, the next version of which is `nextXid`. */
  newestSnapshot(xid: number, nextXid: number): SnapshotView | undefined {
    const { snapshots } = this;
    let low = 0;
    let high = snapshots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((snapshots[middle]?.xid ?? 0) < nextXid) low = middle + 1;
      else high = middle;
    }
    const found = snapshots[low - 1];
    return found && found.xid >= xid ? found : undefined;
  }

  /** The volume as a snapshot has it. */
  viewOf(snapshot: SnapshotView): CatalogView | undefined {
    this.#viewOfSnapshot ??= new Map(this.views.map((view) => [view.snapshot, view]));
    return this.#viewOfSnapshot.get(snapshot);
  }

  /** Blocks of the catalog as it is now. */
  get liveBlocks(): ReadonlySet<number> {
    if (!this.#liveBlocks) {
      this.#liveBlocks = new Set();
      for (const { block } of this.live.catalog.nodes()) this.#liveBlocks.add(block);
    }
    return this.#liveBlocks;
  }

  superblockOf({ metadata }: SnapshotView): VolumeSuperblock | undefined {
    const bytes = this.#read(metadata.superblockBlock);
    const superblock = bytes && VolumeSuperblock.peek(bytes);
    return superblock?.type !== undefined && superblock.type % 65_536 === OBJECT.volume
      ? superblock
      : undefined;
  }
}
