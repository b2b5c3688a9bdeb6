import type { Commit } from './commit.ts';
import { EXTENT_KIND, ExtentReferenceKey, ExtentReferenceValue } from './layout-extents.ts';
import { OMAP_VALUE_FLAG } from './layout-tree.ts';
import { mappingOf } from './omap.ts';
import { snapshotRecords } from './snapshot-records.ts';
import { CONTAINER_SPENDER } from './transaction.ts';
import type { VolumeState } from './volume-state.ts';

/**
 * Gives back every block of a volume: contents of the live volume and of its snapshots (each run is NEW in exactly one
 * tree of extent references), every version of its virtual objects, its trees, its superblocks. What the free queue of
 * one transaction cannot take follows with the next.
 *
 * Everything is read before anything is freed, so a damaged volume is refused whole. Cost: its extents and nodes.
 */
export function deleteVolumeBlocks(commit: Commit, state: VolumeState): void {
  const snapshots = snapshotRecords(state.snapshotTree);
  const runs: [number, number][] = [];
  const trees = snapshots
    .filter(({ referencesBlock }) => referencesBlock !== 0)
    .map(({ referencesBlock }) => state.openReferences(referencesBlock));
  for (const tree of [state.references, ...trees]) {
    for (const node of tree.nodes()) runs.push([node.block, 1]);
    for (const cursor = tree.first(); cursor.isValid; cursor.next()) {
      const { blockCount } = ExtentReferenceValue.peek(cursor.value);
      if (blockCount.tag !== EXTENT_KIND.new) continue;
      runs.push([ExtentReferenceKey.peek(cursor.key).firstBlock.number, blockCount.number]);
    }
  }
  for (const node of state.snapshotTree.nodes()) runs.push([node.block, 1]);
  for (const { superblockBlock } of snapshots) runs.push([superblockBlock, 1]);
  for (const cursor = state.omap.tree.first(); cursor.isValid; cursor.next()) {
    const { flags, block } = mappingOf(cursor.key, cursor.value);
    if ((flags & OMAP_VALUE_FLAG.deleted) === 0) runs.push([block, 1]);
  }
  for (const block of state.omap.blocks()) runs.push([block, 1]);
  runs.push([state.block, 1]);
  for (const [first, count] of runs.sort((a, b) => a[0] - b[0])) {
    commit.freeBlocks(first, count, CONTAINER_SPENDER);
  }
}
