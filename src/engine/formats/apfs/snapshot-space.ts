import type { SnapshotSpace } from '../contract.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { OMAP_VALUE_FLAG } from './layout-tree.ts';
import { u64At } from './object.ts';
import { mappingOf } from './omap.ts';
import type { Omap } from './omap.ts';
import type { SnapshotHost } from './snapshot-host.ts';
import { staleOfSnapshot } from './snapshot-delete.ts';
import { referencesIn } from './snapshot-references.ts';
import { snapshotRecords } from './snapshot-records.ts';
import type { SnapshotRecord } from './snapshot-records.ts';

/** Superblock and root of the extent references; records of other nodes would move to the next newer tree. */
const OWN_BLOCKS = 2;

/** From `block` on, `tree` (0: the oldest snapshot's) adds `change` to the count of holders. */
interface Step {
  readonly block: number;
  readonly tree: number;
  readonly change: number;
}

/**
 * What a snapshot holds on to, which the disk does not say anywhere.
 *
 * Contents: the trees of extent references of all snapshots and of the live volume are laid over each other; the
 * count of a view is the sum of its own tree and those before. Metadata: versions in the object map that the snapshot
 * shows and the live volume does not; those that no other view shows either are its own, and so is its superblock.
 *
 * Cost: all extent references of the volume and one walk over its object map. EIO.
 */
export function spaceOfSnapshot(host: SnapshotHost, record: SnapshotRecord): SnapshotSpace {
  const records = snapshotRecords(host.snapshotTree);
  const index = records.findIndex(({ xid }) => xid === record.xid);
  const trees = records.map(({ referencesBlock }) => host.openReferences(referencesBlock));
  trees.push(host.references);
  const steps: Step[] = [];
  trees.forEach((tree, number) => {
    for (const { firstBlock, endBlock, count } of referencesIn(tree)) {
      steps.push({ block: firstBlock, tree: number, change: count });
      steps.push({ block: endBlock, tree: number, change: -count });
    }
  });
  const contents = countContents(steps, index, trees.length);

  const stale = staleOfSnapshot(host, records, index);
  const ownBlocks = stale.filter(({ block }) => block !== null).length + OWN_BLOCKS;
  const kept = versionsOnlyBefore(host.omap, record.xid) + OWN_BLOCKS;
  return {
    pinnedBytes: (contents.pinned + kept) * BLOCK_SIZE_BYTES,
    privateBytes: (contents.own + ownBlocks) * BLOCK_SIZE_BYTES,
  };
}

/** Blocks that view `index` shows and the live one does not; and those of them that no other view shows either. */
function countContents(steps: Step[], index: number, treeCount: number): { pinned: number; own: number } {
  steps.sort((a, b) => a.block - b.block);
  const counts = new Array<number>(treeCount).fill(0);
  let pinned = 0;
  let own = 0;
  for (let i = 0; i < steps.length;) {
    const { block } = steps[i]!;
    for (; i < steps.length && steps[i]!.block === block; i++) {
      counts[steps[i]!.tree]! += steps[i]!.change;
    }
    if (i === steps.length) break;
    const length = steps[i]!.block - block;
    let sum = 0;
    let before = 0;
    let shown = 0;
    let after = 0;
    counts.forEach((count, tree) => {
      sum += count;
      if (tree === index - 1) before = sum;
      if (tree === index) shown = sum;
      if (tree === index + 1) after = sum;
    });
    if (shown > 0 && sum <= 0) pinned += length;
    if (shown > 0 && before === 0 && after === 0) own += length;
  }
  return { pinned, own };
}

/** Versions that the view `xid` shows and a later one has replaced. */
function versionsOnlyBefore(omap: Omap, xid: number): number {
  let count = 0;
  let oid = -1;
  let isShown = false;
  for (const cursor = omap.tree.first(); cursor.isValid; cursor.next()) {
    const { key, value } = cursor;
    const mapping = mappingOf(key, value);
    const found = u64At(key, 0);
    if (found === oid && isShown && mapping.xid > xid) count++;
    oid = found;
    isShown = mapping.xid <= xid && (mapping.flags & OMAP_VALUE_FLAG.deleted) === 0;
  }
  return count;
}
