import { damaged } from './damage.ts';
import { OMAP_VALUE_FLAG } from './layout-tree.ts';
import { u64At } from './object.ts';
import { mappingOf } from './omap.ts';
import type { Omap } from './omap.ts';
import type { SnapshotHost } from './snapshot-host.ts';
import { ReferenceMerge } from './snapshot-references.ts';
import { removeSnapshotRecord, replaceSnapshotRecord, snapshotRecords } from './snapshot-records.ts';
import type { SnapshotRecord } from './snapshot-records.ts';
import { CONTAINER_SPENDER } from './transaction.ts';

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
 * Cost: its extent references, and one walk over the object map. The room for new nodes is asked for beforehand;
 * ENOSPC when a container is so full that not even this fits. EIO before anything changes when what must be read is
 * damaged.
 */
export function deleteSnapshot(host: SnapshotHost, record: SnapshotRecord): void {
  const { omap } = host;
  const records = snapshotRecords(host.snapshotTree);
  const index = records.findIndex(({ xid }) => xid === record.xid);
  const next = records[index + 1];
  checkListed(host, [record]);
  const own = host.openReferences(record.referencesBlock);
  const following = next === undefined ? host.references : host.openReferences(next.referencesBlock);
  const merge = new ReferenceMerge(own, following);
  const stale = staleRecords(omap, records[index - 1]?.xid ?? 0, record.xid, next?.xid ?? Infinity);
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

/**
 * What goes when the view `xid` goes, `previous` and `next` being its neighbours in time (0 and Infinity without):
 * versions that came after `previous` and were followed by another one up to `next`. A record that an object is gone
 * is wanted only behind a version that stays. One walk over the map.
 */
export function staleRecords(omap: Omap, previous: number, xid: number, next: number): Stale[] {
  const stale: Stale[] = [];
  let oid = -1;
  let kept = 0;
  let last: Stale | null = null;
  for (const cursor = omap.tree.first(); cursor.isValid; cursor.next()) {
    const { key, value } = cursor;
    const found = u64At(key, 0);
    if (found !== oid) {
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
  return stale;
}
