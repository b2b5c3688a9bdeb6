import { assert } from '../../base/assert.ts';
import { viewOf } from '../../base/bytes.ts';
import type { WriteLabel } from '../../device/device.ts';
import { Btree } from './btree.ts';
import { PhysicalHome } from './btree-home.ts';
import type { BlockReader } from './btree-home.ts';
import { damaged } from './damage.ts';
import { BLOCK_SIZE_BYTES, TYPE_WORD } from './layout.ts';
import { OMAP_VALUE_FLAG, OmapPhys } from './layout-tree.ts';
import { isIntact, oidOf, putHeader, putU32, putU64, typeOf, u32At, u64At, xidOf } from './object.ts';
import type { MetadataBuffer, Spender, Transaction } from './transaction.ts';
import { OMAP_SNAPSHOTS, OMAP_TREE } from './tree-kinds.ts';

/** One version of a virtual object. */
export interface Mapping {
  readonly block: number;
  /** Transaction that wrote this version. */
  readonly xid: number;
  readonly flags: number;
}

/** Of records of new objects, which come one behind the other. */
const NEW_RECORDS_PER_LEAF = 56;

/**
 * An object map: where the versions of virtual objects lie.
 *
 * Of every object there is the version of the live volume and, behind it, those that snapshots show. A version that no
 * snapshot shows is replaced; one that the newest snapshot may show stays, and the new one comes beside it. An object
 * that goes while snapshots show it leaves a record with the flag DELETED: no view from there on has it. So which
 * record a view uses is decided by the map alone, and snapshots can be deleted without reading the trees.
 *
 * Changing the map changes its root's block, and with it the block of the map itself: whoever keeps `block` writes it
 * down at the commit (its spender has paid for a block by then).
 */
export class Omap implements MetadataBuffer {
  readonly bytes: Uint8Array;
  readonly label: WriteLabel;
  block: number;
  readonly tree: Btree;
  #snapshotTree: Btree | null;
  /** Highest transaction of a snapshot, 0 without. */
  #mostRecentSnapshot: number;
  #snapshotCount: number;
  #xid: number;
  readonly #transaction: Transaction | null;
  readonly #spender: Spender;
  readonly #snapshotHome: PhysicalHome;
  readonly #key = new Uint8Array(16);
  readonly #newKey = new Uint8Array(16);
  readonly #value = new Uint8Array(16);

  /** The map in `block`. Read-only without a transaction. EIO when it is damaged. `owner`: the name people know. */
  constructor(
    transaction: Transaction | null,
    reader: BlockReader,
    block: number,
    spender: Spender,
    owner: string,
  ) {
    this.bytes = reader.copyOf(block);
    if (!isIntact(this.bytes) || oidOf(this.bytes) !== block || typeOf(this.bytes) !== TYPE_WORD.objectMap) {
      throw damaged(`block ${block} does not hold an object map of ${owner}`);
    }
    const phys = OmapPhys.peek(this.bytes);
    if (transaction !== null && phys.mostRecentSnapshot >= transaction.xid) {
      throw damaged(`the object map of ${owner} names a snapshot of a transaction that is yet to come`);
    }
    this.label = { role: 'tree', owner, reason: 'new version of the object map' };
    this.block = block;
    this.#transaction = transaction;
    this.#spender = spender;
    this.#xid = xidOf(this.bytes);
    this.#mostRecentSnapshot = phys.mostRecentSnapshot;
    this.#snapshotCount = phys.snapshotCount;
    const home = new PhysicalHome(OMAP_TREE, reader, transaction, spender, owner);
    this.tree = new Btree(OMAP_TREE, home, phys.treeBlock);
    this.#snapshotHome = new PhysicalHome(OMAP_SNAPSHOTS, reader, transaction, spender, owner);
    this.#snapshotTree =
      phys.snapshotTreeBlock === 0
        ? null
        : new Btree(OMAP_SNAPSHOTS, this.#snapshotHome, phys.snapshotTreeBlock);
  }

  // ── looking up ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The version that the view of transaction `xid` shows: the newest up to it, unless that says deleted. */
  lookup(oid: number, xid: number): Mapping | undefined {
    const newest = this.#newest(oid, xid);
    return newest === undefined || newest.flags & OMAP_VALUE_FLAG.deleted ? undefined : newest;
  }

  #newest(oid: number, xid: number): Mapping | undefined {
    const cursor = this.tree.seekBefore(putOmapKey(this.#key, oid, xid));
    if (!cursor.isValid) return undefined;
    const { key, value } = cursor;
    if (u64At(key, 0) !== oid) return undefined;
    return mappingOf(key, value);
  }

  // ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** New blocks that `count` calls of `map` or `unmap` take at most, the map itself included. */
  blocksOfChanges(count: number): number {
    const { tree } = this;
    // Without snapshots versions are replaced where they stand; new objects stand behind all others.
    if (this.#mostRecentSnapshot === 0) {
      return (
        tree.blocksOfTouching(count) + tree.maxNodesOfChange + Math.ceil(count / NEW_RECORDS_PER_LEAF) + 1
      );
    }
    return Math.min(count * tree.maxNodesOfChange, tree.nodeCount + count + tree.maxNodesOfChange) + 1;
  }

  /** New blocks that removing so many records and snapshots takes at most, the map itself included. */
  blocksOfRemovals(records: number, snapshots: number): number {
    return this.tree.blocksOfRemovals(records) + (this.#snapshotTree?.blocksOfRemovals(snapshots) ?? 0) + 1;
  }

  /** A new object, whose first version is in `block`. */
  map(oid: number, block: number): void {
    const { xid } = this.#writing();
    this.tree.insert(putOmapKey(this.#newKey, oid, xid), putMapping(this.#value, 0, block));
    this.touch();
  }

  /**
   * `block` holds the live version now, instead of the one that transaction `before`, not the running one, has written.
   * Returns the block of that, null if it stays.
   */
  remap(oid: number, before: number, block: number): number | null {
    const { xid } = this.#writing();
    if (before <= this.#mostRecentSnapshot) {
      this.map(oid, block);
      return null;
    }
    const key = putOmapKey(this.#key, oid, before);
    const replaced = this.tree.find(key);
    assert(replaced !== undefined, `version ${before} of object ${oid} is in the object map`);
    const free = u64At(replaced, 8);
    this.tree.rename(key, putOmapKey(this.#newKey, oid, xid), putMapping(this.#value, 0, block));
    this.touch();
    return free;
  }

  /** The live volume has no such object any more. Returns the block that nobody needs now, null if a snapshot does. */
  unmap(oid: number): number | null {
    const { xid } = this.#writing();
    const before = this.#newest(oid, xid);
    assert(before !== undefined, `object ${oid} is in the object map`);
    const tombstone = putMapping(this.#value, OMAP_VALUE_FLAG.deleted, 0);
    this.touch();
    if (before.xid <= this.#mostRecentSnapshot) {
      this.tree.insert(putOmapKey(this.#newKey, oid, xid), tombstone);
      return null;
    }
    const isOlderShown = this.#newest(oid, before.xid - 1) !== undefined;
    const key = putOmapKey(this.#key, oid, before.xid);
    if (!isOlderShown) this.tree.remove(key);
    else if (before.xid === xid) this.tree.replace(key, tombstone);
    else this.tree.rename(key, putOmapKey(this.#newKey, oid, xid), tombstone);
    return before.block;
  }

  /** The same version lies in another block now. */
  relocate(oid: number, xid: number, block: number): void {
    const key = putOmapKey(this.#key, oid, xid);
    const cursor = this.tree.seek(key);
    const { flags } = mappingOf(cursor.key, cursor.value);
    this.tree.replace(key, putMapping(this.#value, flags, block));
    this.touch();
  }

  /** The trees of mappings and of snapshots. */
  get trees(): readonly Btree[] {
    return this.#snapshotTree === null ? [this.tree] : [this.tree, this.#snapshotTree];
  }

  /** Removes one record, whatever it says. */
  removeRecord(oid: number, xid: number): void {
    this.tree.remove(putOmapKey(this.#key, oid, xid));
    this.touch();
  }

  // ── snapshots ─────────────────────────────────────────────────────────────────────────────────────────────────────

  get mostRecentSnapshot(): number {
    return this.#mostRecentSnapshot;
  }

  /** Transactions of the snapshots, oldest first. */
  snapshots(): number[] {
    const xids: number[] = [];
    if (this.#snapshotTree === null) return xids;
    for (const cursor = this.#snapshotTree.first(); cursor.isValid; cursor.next()) {
      xids.push(u64At(cursor.key, 0));
    }
    return xids;
  }

  /** New blocks that `addSnapshot` takes at most. */
  get blocksOfSnapshot(): number {
    return 1 + (this.#snapshotTree?.maxNodesOfChange ?? 1);
  }

  /** From now on versions up to the running transaction are kept. */
  addSnapshot(): void {
    const { xid } = this.#writing();
    this.#snapshotTree ??= Btree.create(OMAP_SNAPSHOTS, this.#snapshotHome);
    this.#snapshotTree.insert(snapshotKey(xid), new Uint8Array(16));
    this.#snapshotCount++;
    this.#mostRecentSnapshot = xid;
    this.touch();
  }

  removeSnapshot(xid: number): void {
    const tree = this.#snapshotTree;
    assert(tree?.remove(snapshotKey(xid)) === true, `snapshot ${xid} is in the object map`);
    this.#snapshotCount--;
    if (tree.keyCount === 0) {
      tree.destroy();
      this.#snapshotTree = null;
    }
    this.#mostRecentSnapshot = this.snapshots().at(-1) ?? 0;
    this.touch();
  }

  /** Every block of the map itself and of its two trees. EIO. */
  blocks(): number[] {
    return [this.block, ...this.trees.flatMap((tree) => tree.nodes().map(({ block }) => block))];
  }

  /** Everything of the map itself is given back: a volume is deleted. */
  destroy(): void {
    const transaction = this.#writing();
    this.tree.destroy();
    this.#snapshotTree?.destroy();
    if (this.#xid === transaction.xid) transaction.forget(this);
    transaction.freeBlocks(this.block, 1, this.#spender);
  }

  // ── copy-on-write ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** The map itself is to be written. */
  touch(): void {
    const transaction = this.#writing();
    if (this.#xid === transaction.xid) return;
    const block = transaction.allocateBlock(this.#spender);
    transaction.freeBlocks(this.block, 1, this.#spender);
    this.block = block;
    this.#xid = transaction.xid;
    transaction.touch(this);
  }

  prepare(xid: number): void {
    const { bytes } = this;
    const { fields } = OmapPhys;
    const view = viewOf(bytes);
    putHeader(bytes, this.block, xid, TYPE_WORD.objectMap, 0);
    fields.snapshotCount.set(view, fields.snapshotCount.at, this.#snapshotCount, true);
    fields.treeType.set(view, fields.treeType.at, TYPE_WORD.physicalRoot, true);
    fields.snapshotTreeType.set(view, fields.snapshotTreeType.at, TYPE_WORD.physicalRoot, true);
    putU64(bytes, fields.treeBlock.at, this.tree.root);
    putU64(bytes, fields.snapshotTreeBlock.at, this.#snapshotTree?.root ?? 0);
    putU64(bytes, fields.mostRecentSnapshot.at, this.#mostRecentSnapshot);
  }

  #writing(): Transaction {
    assert(this.#transaction !== null, 'the object map is open for writing');
    return this.#transaction;
  }
}

// ── records ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Fills a buffer of 16 bytes. */
export function putOmapKey(into: Uint8Array, oid: number, xid: number): Uint8Array {
  putU64(into, 0, oid);
  putU64(into, 8, xid);
  return into;
}

function putMapping(into: Uint8Array, flags: number, block: number): Uint8Array {
  putU32(into, 0, flags);
  putU32(into, 4, BLOCK_SIZE_BYTES);
  putU64(into, 8, block);
  return into;
}

export const mappingOf = (key: Uint8Array, value: Uint8Array): Mapping => ({
  block: u64At(value, 8),
  xid: u64At(key, 8),
  flags: u32At(value, 0),
});

function snapshotKey(xid: number): Uint8Array {
  const key = new Uint8Array(8);
  putU64(key, 0, xid);
  return key;
}
