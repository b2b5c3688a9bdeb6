import { viewOf } from '../../base/bytes.ts';
import type { WriteLabel } from '../../device/device.ts';
import { EXTENT_KEY_TYPE, EXTENT_KIND, NO_OWNER, putTagged } from './layout-extents.ts';
import { REFERENCE_KEY_SIZE_BYTES, REFERENCE_VALUE_SIZE_BYTES } from './layout-extents.ts';
import { SNAPSHOT_METADATA_KEY_SIZE_BYTES, SnapshotMetadata } from './layout-extents.ts';
import { OMAP_VALUE_FLAG, OmapKey, OmapPhys, OmapValue } from './layout-tree.ts';
import { VOLUME_INCOMPATIBLE, VolumeSuperblock } from './layout-volume.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { u64At } from './fsck-check.ts';
import type { Check } from './fsck-check.ts';
import { TreeEditor } from './fsck-edit.ts';
import type { EditHome, Placed } from './fsck-edit.ts';
import { TREE_KINDS } from './fsck-kinds.ts';
import type { TreeKind } from './fsck-kinds.ts';
import type { RecordEdit, ReferencePlan, Remedy, WantedReference } from './fsck-report.ts';
import { putU64, RepairRefused, setXid } from './fsck-writer.ts';
import type { RepairWriter } from './fsck-writer.ts';

export type RecordFix = Extract<Remedy, { action: 'record-field' }>;

/** What trees of a volume are rewritten with. */
export interface Rewriting {
  readonly check: Check;
  readonly writer: RepairWriter;
  /** Of the new checkpoint. */
  readonly xid: number;
  /** A free block. */
  take(): number;
  /** A block that the new checkpoint does not use. */
  give(block: number): void;
  /** An id for one more virtual object. */
  newOid(): number;
}

/** What is wrong in the trees of one volume. */
export interface TreeWork {
  readonly fixes: readonly RecordFix[];
  readonly edits: readonly RecordEdit[];
  /** Of the live volume and of snapshots, at most one each. */
  readonly references: readonly ReferencePlan[];
}

/**
 * Corrects records of a live catalog and makes trees of extent references anew, copy-on-write: each node that changes
 * gets a new block, and so does the way down the object map that leads to it. `superblock` of the volume learns where
 * they are and how many blocks it has now. The catalog that a snapshot shows stays as it is; where its extent references
 * are, its metadata record says, in a tree that only the live volume has.
 */
export function rewriteTrees(rewriting: Rewriting, superblock: Uint8Array, work: TreeWork): void {
  let difference = 0;
  const counted: Rewriting = {
    ...{ check: rewriting.check, writer: rewriting.writer, xid: rewriting.xid },
    newOid: () => rewriting.newOid(),
    take() {
      difference++;
      return rewriting.take();
    },
    give(block) {
      difference--;
      rewriting.give(block);
    },
  };
  const view = viewOf(superblock);
  const { omapBlock, referencesBlock, snapshotTreeBlock, allocatedBlocks } = VolumeSuperblock.fields;
  if (work.fixes.length + work.edits.length > 0) {
    putU64(view, omapBlock.at, rewriteCatalog(counted, superblock, work));
  }
  const ofSnapshots = new Map<number, number>();
  for (const plan of work.references) {
    const root = rewriteReferences(counted, plan);
    if (plan.snapshotXid === null) putU64(view, referencesBlock.at, root);
    else ofSnapshots.set(plan.snapshotXid, root);
  }
  if (ofSnapshots.size > 0) {
    const root = leadSnapshots(counted, u64At(view, snapshotTreeBlock.at), ofSnapshots);
    putU64(view, snapshotTreeBlock.at, root);
  }
  putU64(view, allocatedBlocks.at, u64At(view, allocatedBlocks.at) + difference);
}

const label = (owner: string, reason: string): WriteLabel => ({ role: 'tree', owner, reason });
const CATALOG_LABEL = label('catalog', 'correct records');
const MAP_LABEL = label('object map', 'map corrected nodes of the catalog');
const SNAPSHOTS_LABEL = label('snapshot metadata', 'lead to the new extent references');
const REFERENCES_LABEL = label('extent references', 'count anew who holds which blocks');

/** The new block of the object map. */
function rewriteCatalog(rewriting: Rewriting, superblock: Uint8Array, work: TreeWork): number {
  const { check } = rewriting;
  const { omapBlock, catalogOid, incompatibleFeatures } = VolumeSuperblock.peek(superblock);
  const isHashed =
    (incompatibleFeatures &
      (VOLUME_INCOMPATIBLE.caseInsensitive | VOLUME_INCOMPATIBLE.normalizationInsensitive)) !==
    0;
  const kind: TreeKind = isHashed ? TREE_KINDS.hashedCatalog : TREE_KINDS.plainCatalog;
  const map = new EditedMap(rewriting, omapBlock);
  const catalog = new TreeEditor(kind, new VirtualHome(rewriting, map), catalogOid);
  for (const { block, at, lengthBytes, value } of work.fixes) {
    catalog.patch(block, check.read(block), (bytes) => put(viewOf(bytes), at, lengthBytes, value));
  }
  for (const { key, change } of work.edits) catalog.change(key, change);
  catalog.write();
  return map.write();
}

function put(view: DataView, at: number, lengthBytes: number, value: number): void {
  if (lengthBytes === 2) view.setUint16(at, value, true);
  else if (lengthBytes === 4) view.setUint32(at, value, true);
  else putU64(view, at, value);
}

/** The new root. */
function rewriteReferences(rewriting: Rewriting, { nodes, wanted }: ReferencePlan): number {
  for (const block of nodes) rewriting.give(block);
  const tree = new TreeEditor(
    TREE_KINDS.extentReferences,
    new PhysicalHome(rewriting, REFERENCES_LABEL),
    null,
  );
  for (const run of wanted) {
    const key = new Uint8Array(REFERENCE_KEY_SIZE_BYTES);
    putTagged(viewOf(key), 0, EXTENT_KEY_TYPE.extent, run.firstBlock);
    tree.change(key, () => referenceValue(run));
  }
  return tree.write();
}

/** Metadata records of snapshots lead to the new `roots`, by xid. The new root of the tree of snapshots. */
function leadSnapshots(rewriting: Rewriting, treeBlock: number, roots: ReadonlyMap<number, number>): number {
  const home = new PhysicalHome(rewriting, SNAPSHOTS_LABEL);
  const tree = new TreeEditor(TREE_KINDS.snapshotMetadata, home, treeBlock);
  for (const [xid, root] of roots) {
    const key = new Uint8Array(SNAPSHOT_METADATA_KEY_SIZE_BYTES);
    putTagged(viewOf(key), 0, EXTENT_KEY_TYPE.snapshotMetadata, xid);
    tree.change(key, (old) => {
      if (!old) throw new RepairRefused('a snapshot has no metadata record');
      const value = old.slice();
      putU64(viewOf(value), SnapshotMetadata.fields.extentReferenceTreeBlock.at, root);
      return value;
    });
  }
  return tree.write();
}

function referenceValue({ blockCount, owner, count, isUpdate }: WantedReference): Uint8Array {
  const value = new Uint8Array(REFERENCE_VALUE_SIZE_BYTES);
  const view = viewOf(value);
  putTagged(view, 0, isUpdate ? EXTENT_KIND.update : EXTENT_KIND.new, blockCount);
  view.setUint32(OWNER_AT, isUpdate ? NO_OWNER.low : owner >>> 0, true);
  view.setUint32(OWNER_AT + 4, isUpdate ? NO_OWNER.high : Math.floor(owner / 2 ** 32), true);
  view.setInt32(COUNT_AT, count, true);
  return value;
}

const OWNER_AT = 8;
const COUNT_AT = 16;

/** Nodes whose parents know their blocks. */
class PhysicalHome implements EditHome {
  readonly xid: number;

  constructor(
    readonly rewriting: Rewriting,
    readonly label: WriteLabel,
  ) {
    this.xid = rewriting.xid;
  }

  read(reference: number): { block: number; bytes: Uint8Array } {
    return { block: reference, bytes: this.rewriting.check.read(reference) };
  }

  place(old: Placed | null): Placed {
    const block = this.rewriting.take();
    if (old) this.rewriting.give(old.block);
    return { reference: block, block };
  }

  discard({ block }: Placed): void {
    this.rewriting.give(block);
  }

  write(block: number, bytes: Uint8Array): void {
    this.rewriting.writer.seal(block, bytes, this.label);
  }
}

/** Nodes that an object map finds. A version that a snapshot shows keeps its block. */
class VirtualHome implements EditHome {
  readonly xid: number;

  constructor(
    readonly rewriting: Rewriting,
    readonly map: EditedMap,
  ) {
    this.xid = rewriting.xid;
  }

  read(reference: number): { block: number; bytes: Uint8Array } {
    const block = this.map.blockOf(reference);
    return { block, bytes: this.rewriting.check.read(block) };
  }

  place(old: Placed | null): Placed {
    const block = this.rewriting.take();
    const reference = old?.reference ?? this.rewriting.newOid();
    if (old && this.map.forget(reference)) this.rewriting.give(old.block);
    this.map.set(reference, block);
    return { reference, block };
  }

  discard({ reference, block }: Placed): void {
    if (this.map.unmap(reference)) this.rewriting.give(block);
  }

  write(block: number, bytes: Uint8Array): void {
    this.rewriting.writer.seal(block, bytes, CATALOG_LABEL);
  }
}

/** What an object map says of an object. */
interface Version {
  readonly xid: number;
  readonly flags: number;
  readonly block: number;
}

/** The object map of a volume, with new versions of its objects. */
class EditedMap {
  readonly #rewriting: Rewriting;
  readonly #oldBlock: number;
  readonly #bytes: Uint8Array;
  readonly #mostRecentSnapshot: number;
  readonly #tree: TreeEditor;

  constructor(rewriting: Rewriting, block: number) {
    this.#rewriting = rewriting;
    this.#oldBlock = block;
    this.#bytes = rewriting.check.read(block);
    const { treeBlock, mostRecentSnapshot } = OmapPhys.peek(this.#bytes);
    this.#mostRecentSnapshot = mostRecentSnapshot;
    this.#tree = new TreeEditor(TREE_KINDS.omap, new PhysicalHome(rewriting, MAP_LABEL), treeBlock);
  }

  blockOf(oid: number): number {
    return this.#newest(oid).block;
  }

  /** The live volume has the newest version no more. True when nobody has: its mapping is gone. */
  forget(oid: number): boolean {
    const { xid } = this.#newest(oid);
    if (xid <= this.#mostRecentSnapshot) return false;
    this.#tree.change(mapKey(oid, xid), () => null);
    return true;
  }

  set(oid: number, block: number): void {
    this.#put(oid, 0, block);
  }

  /**
   * The live volume has no such object any more. True when nobody has the version it had. Where a snapshot shows an
   * older one, a record with the flag DELETED says from when on there is none.
   */
  unmap(oid: number): boolean {
    const isGone = this.forget(oid);
    const older = this.#find(oid);
    if (older !== null && (older.flags & OMAP_VALUE_FLAG.deleted) === 0)
      this.#put(oid, OMAP_VALUE_FLAG.deleted, 0);
    return isGone;
  }

  #put(oid: number, flags: number, block: number): void {
    const value = new Uint8Array(OmapValue.sizeBytes);
    OmapValue.write(value, { flags, sizeBytes: BLOCK_SIZE_BYTES, block });
    this.#tree.change(mapKey(oid, this.#rewriting.xid), () => value);
  }

  #newest(oid: number): Version {
    const found = this.#find(oid);
    if (!found) throw new RepairRefused('the object map lacks a node of the catalog');
    return found;
  }

  #find(oid: number): Version | null {
    const found = this.#tree.upTo(mapKey(oid, Number.MAX_SAFE_INTEGER));
    if (!found || u64At(viewOf(found.key), 0) !== oid) return null;
    const { flags, block } = OmapValue.peek(found.value);
    return { xid: u64At(viewOf(found.key), 8), flags, block };
  }

  /** The new block of the object map. */
  write(): number {
    const { writer, xid } = this.#rewriting;
    const treeBlock = this.#tree.write();
    const block = this.#rewriting.take();
    this.#rewriting.give(this.#oldBlock);
    const view = viewOf(this.#bytes);
    putU64(view, OmapPhys.fields.oid.at, block);
    setXid(this.#bytes, xid);
    putU64(view, OmapPhys.fields.treeBlock.at, treeBlock);
    writer.seal(block, this.#bytes, MAP_LABEL);
    return block;
  }
}

function mapKey(oid: number, xid: number): Uint8Array {
  const key = new Uint8Array(OmapKey.sizeBytes);
  OmapKey.write(key, { oid, xid });
  return key;
}
