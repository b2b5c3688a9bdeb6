import { INODE_FLAG, objectIdAt, OBJECT_ID } from './layout-catalog.ts';
import { u64At } from './fsck-check.ts';
import { isOrphan } from './fsck-inodes.ts';
import type { TreeRecord } from './fsck-tree.ts';
import { INODE } from './fsck-view.ts';
import type { Statistics, View } from './fsck-view.ts';

/**
 * Statistics of directories (apfs.md §6.9): a directory that keeps them is the origin, every directory below it names
 * the same record. The size they add up is not compared: how macOS counts it is not known.
 */

const VALUE_BYTES = 32;

function statisticsOf(view: View, id: number, block: number): Statistics {
  let found = view.statistics.get(id);
  if (!found) {
    found = { childCount: -1, block, counted: 0, hasOrigin: false };
    view.statistics.set(id, found);
  }
  return found;
}

export function visitStatistics(view: View, record: TreeRecord): void {
  const id = objectIdAt(record.view, record.keyAt);
  if (record.valueEnd - record.valueAt !== VALUE_BYTES) {
    view.error('directory', `directory statistics (id ${id}): wrong size of value`, record.block);
    return;
  }
  const found = statisticsOf(view, id, record.block);
  found.childCount = u64At(record.view, record.valueAt);
  found.block = record.block;
}

export function checkStatistics(view: View): void {
  const { inodes } = view;
  for (let row = 0; row < inodes.length; row++) {
    if (((inodes.get(row, INODE.flags) % 2 ** 32) & INODE_FLAG.maintainDirectoryStatistics) !== 0) {
      countDirectory(view, row);
    }
  }
  for (const [id, { childCount, block, counted, hasOrigin }] of view.statistics) {
    const wrong = (text: string): void =>
      view.error('directory', `directory statistics (id ${id}): ${text}`, block);
    if (childCount === -1) wrong('record is missing');
    else if (!hasOrigin) wrong('no directory is their origin');
    else if (childCount !== counted) wrong(`num_children (${childCount}, expected ${counted})`);
  }
}

function countDirectory(view: View, row: number): void {
  const { inodes } = view;
  if (isOrphan(view, row)) return;
  const key = inodes.get(row, INODE.statisticsKey);
  const found = statisticsOf(view, key, inodes.get(row, INODE.block));
  found.counted += inodes.get(row, INODE.children);
  if (((inodes.get(row, INODE.flags) % 2 ** 32) & INODE_FLAG.directoryStatisticsOrigin) !== 0) {
    if (found.hasOrigin) {
      view.error('directory', `directory statistics (id ${key}): two origins`, inodes.get(row, INODE.block));
    }
    found.hasOrigin = true;
    return;
  }
  const parentId = inodes.get(row, INODE.parentId);
  const parent = parentId < OBJECT_ID.firstUser ? undefined : view.inodeById.get(parentId);
  if (parent === undefined || inodes.get(parent, INODE.statisticsKey) !== key) {
    view.error(
      'directory',
      `${view.inode(row)}: statistics differ from those of its directory`,
      inodes.get(row, INODE.block),
    );
  }
}
