import { EXTENT_SIZE_BYTES, EXTENTS_PER_RECORD } from './layout.ts';
import { bytesOf32, bytesOf64, count } from './fsck-bits.ts';
import { readRuns, setRun } from './fsck-bitmap.ts';
import { SpecialFile } from './fsck-forks.ts';
import { Gaps } from './fsck-overlaps.ts';
import type { Pass } from './fsck-pass.ts';
import { SPECIAL } from './fsck-special.ts';
import type { Tree } from './fsck-tree.ts';

/**
 * More nodes for a tree that is built anew and does not fit: one run of blocks that the bitmap calls free, as a further
 * extent of the volume header. False when there is no such run or no room for its extent.
 */
export function growTree(pass: Pass, tree: Tree, nodes: number): boolean {
  const { headers, geometry, bitmap } = pass;
  const kind = Object.values(SPECIAL).find(({ id }) => id === tree.file.id);
  const { runs } = tree.file;
  if (!kind || !bitmap || runs.length === 0 || runs.length >= EXTENTS_PER_RECORD) return false;
  const perNode = Math.max(1, tree.nodeSizeBytes / geometry.blockSizeBytes);
  const blocks = Math.ceil((nodes * tree.nodeSizeBytes) / geometry.blockSizeBytes / perNode) * perNode;
  const used = readRuns(bitmap, geometry.totalBlocks);
  const start = new Gaps(used, geometry.totalBlocks).take(blocks);
  if (start === null || start + blocks >= geometry.totalBlocks || isClaimed(pass, start, blocks))
    return false;
  const file = new SpecialFile(pass.medium, geometry, tree.file.id, tree.file.name, [
    ...runs,
    { start, count: blocks },
  ]);
  const reason = `${kind.name} gets ${count(blocks, 'block')} for its new nodes`;
  const slot = kind.headerAt + 16 + runs.length * EXTENT_SIZE_BYTES;
  setRun(bitmap, start, start + blocks, true);
  headers.patch(slot, bytesOf32(start), reason);
  headers.patch(slot + 4, bytesOf32(blocks), reason);
  headers.patch(kind.headerAt, bytesOf64(file.sizeBytes), reason);
  headers.patch(kind.headerAt + 12, bytesOf32(file.sizeBytes / geometry.blockSizeBytes), reason);
  tree.grow(file);
  return true;
}

/** What is known to be somebody's is not free, whatever the bitmap says. */
function isClaimed(pass: Pass, start: number, blocks: number): boolean {
  for (let row = 0; row < pass.claims.length; row++) {
    const claim = pass.claims.get(row);
    if (claim.start < start + blocks && start < claim.start + claim.count) return true;
  }
  return pass.taken.some((run) => run.start < start + blocks && start < run.start + run.count);
}
