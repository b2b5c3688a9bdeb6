import { Btree } from './btree.ts';
import { damaged } from './damage.ts';
import { OBJECT, TYPE_WORD } from './layout.ts';
import { OMAP_VALUE_FLAG } from './layout-tree.ts';
import { isIntact, subtypeOf, typeOf, u64At } from './object.ts';
import { mappingOf } from './omap.ts';
import type { Omap } from './omap.ts';
import type { SnapshotHost } from './snapshot-host.ts';
import { ReferenceMerge } from './snapshot-references.ts';
import {
  removeSnapshotRecord,
  replaceSnapshotRecord,
  snapshotRecords,
  superblockOfSnapshot,
} from './snapshot-records.ts';
import type { SnapshotRecord } from './snapshot-records.ts';
import { CONTAINER_SPENDER } from './transaction.ts';
import { VirtualHome } from './virtual-home.ts';

/** A record of the object map that no view needs any more. */
export interface Stale {
  readonly oid: number;
  readonly xid: number;
  /** Null: the record only says that the object is gone. */
  readonly block: number | null;
}

/**
 * Deletes one snapshot, in one transaction: its extent references go to the next newer snapshot or to the live volume,
 * versions of objects that only it showed go, its own trees and records go. A power cut leaves all of it or nothing.
 *
 * Cost: its extent references, and one walk over the object map and the catalog's nodes above the leaves. The room for new nodes is asked for beforehand;
 * ENOSPC when a container is so full that not even this fits. EIO before anything changes when what must be read is
 * damaged.
 */
export function deleteSnapshot(host: SnapshotHost, record: SnapshotRecord): void {
  const records = snapshotRecords(host.snapshotTree);
  const index = records.findIndex(({ xid }) => xid === record.xid);
  const next = records[index + 1];
  checkListed(host, [record]);
  const own = host.openReferences(record.referencesBlock);
  const following = next === undefined ? host.references : host.openReferences(next.referencesBlock);
  const merge = new ReferenceMerge(own, following);
  const stale = staleOfSnapshot(host, records, index);
  const body = (): void => {
    const merged = merge.run((first, count) => host.free(first, count));
    if (next === undefined) host.references = merged;
    else replaceSnapshotRecord(host.snapshotTree, { ...next, referencesBlock: merged.root });
    removeStale(host, stale);
    forgetSnapshot(host, record);
    host.touch();
  };
  const blocks = merge.blocks + blocksOfForgetting(host, stale.length, 1);
  const freeRecords = merge.freeRecords + stale.length + blocks;
  host.commit.change({ blocks, kind: 'shrink', freeRecords }, body, host.spender);
  host.commit.sync();
}

/** EIO when the object map does not know one of these snapshots. */
export function checkListed(host: SnapshotHost, records: readonly SnapshotRecord[]): void {
  const listed = new Set(host.omap.snapshots());
  for (const { xid, name } of records) {
    if (!listed.has(xid)) throw damaged(`the object map does not list snapshot ${name}`);
  }
}

/** New blocks that removing versions from the object map, and snapshots from all lists, takes at most. */
export function blocksOfForgetting(host: SnapshotHost, versions: number, snapshots: number): number {
  const { omap, snapshotTree } = host;
  return omap.blocksOfRemovals(versions, snapshots) + snapshotTree.blocksOfRemovals(3 * snapshots) + 1;
}

/** Everything that says there is a snapshot: records, its place in the object map, its superblock. */
export function forgetSnapshot(host: SnapshotHost, record: SnapshotRecord): void {
  removeSnapshotRecord(host.snapshotTree, record);
  host.omap.removeSnapshot(record.xid);
  host.commit.freeBlocks(record.superblockBlock, 1, CONTAINER_SPENDER);
  host.superblock.snapshotCount--;
}

export function removeStale(host: SnapshotHost, stale: readonly Stale[]): void {
  for (const { oid, xid, block } of stale) {
    host.omap.removeRecord(oid, xid);
    if (block !== null) host.commit.freeBlocks(block, 1, host.spender);
  }
}

/** Versions that go with snapshot `index` of `records`. EIO. */
export function staleOfSnapshot(
  host: SnapshotHost,
  records: readonly SnapshotRecord[],
  index: number,
): Stale[] {
  const previous = records[index - 1]?.xid ?? 0;
  const next = records[index + 1];
  let used: Set<number> | null = null;
  const isAbandoned = ({ oid, block }: Stale): boolean => {
    used ??= catalogOf(host, next).references();
    return block !== null && !used.has(oid) && isCatalogNode(host, block);
  };
  return staleRecords(host.omap, previous, records[index]!.xid, next?.xid ?? Infinity, isAbandoned);
}

/** As the next newer snapshot has it, or as it is. */
function catalogOf(host: SnapshotHost, next: SnapshotRecord | undefined): Btree {
  if (next === undefined) return host.catalog;
  const { kind } = host.catalog;
  const { catalogOid } = superblockOfSnapshot(host, next);
  const home = new VirtualHome(kind, host.reader, host.omap, { xid: next.xid }, host.spender, next.name);
  return new Btree(kind, home, catalogOid);
}

/** Not every virtual object is one: seals and the like must not be taken for nodes that nobody needs. */
function isCatalogNode(host: SnapshotHost, block: number): boolean {
  const bytes = host.reader.copyOf(block);
  const type = typeOf(bytes);
  const isNode = type === TYPE_WORD.virtualRoot || type === TYPE_WORD.virtualNode;
  return isNode && subtypeOf(bytes) === OBJECT.catalog && isIntact(bytes);
}

/**
 * What goes when the view `xid` goes, `previous` and `next` being its neighbours in time (0 and Infinity without):
 * versions that came after `previous` and were followed by another one up to `next`. A record that an object is gone
 * is wanted only behind a version that stays. One walk over the map.
 *
 * Other systems write no such record when an object goes that only snapshots need from then on. Of an object without a
 * later record `isAbandoned` says whether the next view has no use for it.
 */
export function staleRecords(
  omap: Omap,
  previous: number,
  xid: number,
  next: number,
  isAbandoned: (last: Stale) => boolean,
): Stale[] {
  const stale: Stale[] = [];
  let oid = -1;
  let kept = 0;
  let last: Stale | null = null;
  const endObject = (): void => {
    if (last === null || last.block === null || last.xid <= previous || last.xid > xid) return;
    if (isAbandoned(last)) stale.push(last);
  };
  for (const cursor = omap.tree.first(); cursor.isValid; cursor.next()) {
    const { key, value } = cursor;
    const found = u64At(key, 0);
    if (found !== oid) {
      endObject();
      oid = found;
      kept = 0;
      last = null;
    }
    const mapping = mappingOf(key, value);
    const isGone = (mapping.flags & OMAP_VALUE_FLAG.deleted) !== 0;
    if (mapping.xid === 0) throw damaged(`object ${oid} has a version of transaction 0 in the object map`);
    if (last !== null && last.xid > previous && last.xid <= xid && mapping.xid > xid && mapping.xid <= next) {
      stale.push(last);
      kept--;
    }
    last = { oid, xid: mapping.xid, block: isGone ? null : mapping.block };
    if (isGone && kept === 0) {
      stale.push(last);
      last = null;
    } else {
      kept++;
    }
  }
  endObject();
  return stale;
}
