import { FsError } from '../../base/errno.ts';
import { EXTENT_KIND } from './layout-extents.ts';
import { OMAP_VALUE_FLAG } from './layout-tree.ts';
import type { VolumeSuperblock } from './layout-volume.ts';
import { u64At } from './object.ts';
import { mappingOf } from './omap.ts';
import type { Omap } from './omap.ts';
import { blocksOfForgetting, checkListed, forgetSnapshot, removeStale } from './snapshot-delete.ts';
import type { Stale } from './snapshot-delete.ts';
import type { SnapshotHost } from './snapshot-host.ts';
import type { Reference } from './references.ts';
import { referencesIn } from './snapshot-references.ts';
import { snapshotRecords, superblockOfSnapshot } from './snapshot-records.ts';
import type { SnapshotRecord } from './snapshot-records.ts';

/**
 * The volume becomes what a snapshot shows, in one transaction; a power cut leaves all of it or nothing. The snapshot
 * itself and older ones stay; later ones, and everything allocated since, go.
 *
 * Contents allocated since are the NEW records of the later trees: no older view can refer to them. What the later
 * trees say about older contents (UPDATE) is void with them. Versions of objects since are the records of the object
 * map above the snapshot's transaction. Cost: the later extent references and one walk over the object map.
 */
export function revertToSnapshot(host: SnapshotHost, record: SnapshotRecord): void {
  // Nothing of the state that is to be lost may still be waiting to be written.
  host.commit.sync();
  const { omap, snapshotTree } = host;
  const superblock = superblockOfSnapshot(host, record);
  if (superblock.incompatibleFeatures !== host.superblock.incompatibleFeatures) {
    throw new FsError(
      'ENOTSUP',
      '',
      record.name,
      'the volume had other features when this snapshot was made',
    );
  }
  const later = snapshotRecords(snapshotTree).filter(({ xid }) => xid > record.xid);
  const trees = [
    ...later.map(({ referencesBlock }) => host.openReferences(referencesBlock)),
    host.references,
  ];
  checkListed(host, later);
  const since = versionsSince(omap, record.xid);
  const runs: Reference[] = [];
  let nodes = 0;
  for (const tree of trees) {
    nodes += tree.nodes().length;
    for (const reference of referencesIn(tree)) if (reference.kind === EXTENT_KIND.new) runs.push(reference);
  }
  // The new tree of extent references besides.
  const blocks = blocksOfForgetting(host, since.length, later.length) + 1;
  const freeRecords = runs.length + nodes + since.length + blocks;

  const body = (): void => {
    for (const { firstBlock, endBlock } of runs) host.free(firstBlock, endBlock - firstBlock);
    for (const tree of trees) tree.destroy();
    host.references = host.openReferences(null);
    removeStale(host, since);
    for (const lost of later) forgetSnapshot(host, lost);
    restore(host, superblock);
    host.touch();
  };
  host.commit.change({ blocks, kind: 'shrink', freeRecords }, body, host.spender);
  host.commit.sync();
  host.reopenCatalog();
}

/** Versions of transactions after `xid`. */
function versionsSince(omap: Omap, xid: number): Stale[] {
  const since: Stale[] = [];
  for (const cursor = omap.tree.first(); cursor.isValid; cursor.next()) {
    const { key, value } = cursor;
    const mapping = mappingOf(key, value);
    if (mapping.xid <= xid) continue;
    const isGone = (mapping.flags & OMAP_VALUE_FLAG.deleted) !== 0;
    since.push({ oid: u64At(key, 0), xid: mapping.xid, block: isGone ? null : mapping.block });
  }
  return since;
}

/** What belongs to the contents of the volume comes back; what counts on through time stays. */
function restore({ superblock: live }: SnapshotHost, copy: VolumeSuperblock): void {
  live.catalogOid = copy.catalogOid;
  live.fileCount = copy.fileCount;
  live.directoryCount = copy.directoryCount;
  live.symlinkCount = copy.symlinkCount;
  live.otherCount = copy.otherCount;
  live.name = copy.name;
  live.modifyTime = copy.modifyTime;
  live.nextObjectId = Math.max(live.nextObjectId, copy.nextObjectId);
  live.nextDocumentId = Math.max(live.nextDocumentId, copy.nextDocumentId);
}
