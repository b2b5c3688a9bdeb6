import { MODE_TYPE, MODE_TYPE_BITS, OBJECT_ID } from './layout-catalog.ts';
import { VolumeSuperblock } from './layout-volume.ts';
import type { Superblock } from './fsck-header.ts';
import { isOrphan } from './fsck-inodes.ts';
import type { FindingKind, Remedy } from './fsck-report.ts';
import { INODE, SIBLING, STREAM } from './fsck-view.ts';
import type { View } from './fsck-view.ts';

/** Numbers of the superblock that follow from everything else (apfs.md §5.3), and that no id is two things' (§6.9). */

export interface Counted {
  readonly files: number;
  readonly directories: number;
  readonly symlinks: number;
  readonly others: number;
}

/** What waits to be deleted is not counted, nor are the directories that every volume has. */
export function countInodes(view: View): Counted {
  const counted = { files: 0, directories: 0, symlinks: 0, others: 0 };
  const { inodes } = view;
  for (let row = 0; row < inodes.length; row++) {
    if (isOrphan(view, row)) continue;
    const type = inodes.get(row, INODE.mode) & MODE_TYPE_BITS;
    if (type === MODE_TYPE.file) counted.files++;
    else if (type === MODE_TYPE.symlink) counted.symlinks++;
    else if (type !== MODE_TYPE.directory) counted.others++;
    else if (inodes.get(row, INODE.id) >= OBJECT_ID.firstUser) counted.directories++;
  }
  return counted;
}

/** Where a number of the superblock lies. */
export const FIELD_AT = {
  allocatedBlocks: VolumeSuperblock.fields.allocatedBlocks,
  nextObjectId: VolumeSuperblock.fields.nextObjectId,
  fileCount: VolumeSuperblock.fields.fileCount,
  directoryCount: VolumeSuperblock.fields.directoryCount,
  symlinkCount: VolumeSuperblock.fields.symlinkCount,
  otherCount: VolumeSuperblock.fields.otherCount,
  snapshotCount: VolumeSuperblock.fields.snapshotCount,
  nextDocumentId: VolumeSuperblock.fields.nextDocumentId,
} as const;

const FIELD_NAMES = {
  allocatedBlocks: 'apfs_fs_alloc_count',
  nextObjectId: 'apfs_next_obj_id',
  fileCount: 'apfs_num_files',
  directoryCount: 'apfs_num_directories',
  symlinkCount: 'apfs_num_symlinks',
  otherCount: 'apfs_num_other_fsobjects',
  snapshotCount: 'apfs_num_snapshots',
  nextDocumentId: 'apfs_next_doc_id',
} as const;

/** A view, or the check itself. */
interface Teller {
  error(kind: FindingKind, message: string, block: number, remedy?: Remedy): void;
}

export type Counter = keyof typeof FIELD_AT;

/** Says that a number of a superblock should be `right`; that of the live volume can be repaired. */
export function tellCounter(
  teller: Teller,
  superblock: Superblock,
  counter: Counter,
  right: number,
  kind: FindingKind = 'counter',
): void {
  const found = superblock.fields[counter];
  const text = `${FIELD_NAMES[counter]} (${found}) is not valid (expected ${right})`;
  const { at, lengthBytes } = FIELD_AT[counter];
  teller.error(
    kind,
    text,
    superblock.block,
    superblock.isSnapshot
      ? undefined
      : {
          action: 'volume-field',
          volume: superblock.fields.index,
          at,
          lengthBytes: lengthBytes === 4 ? 4 : 8,
          value: right,
        },
  );
}

export function checkCounters(view: View, superblock: Superblock): void {
  const counted = countInodes(view);
  const { fields } = superblock;
  const pairs = [
    ['fileCount', counted.files],
    ['directoryCount', counted.directories],
    ['symlinkCount', counted.symlinks],
    ['otherCount', counted.others],
  ] as const;
  for (const [counter, right] of pairs) {
    if (fields[counter] !== right) tellCounter(view, superblock, counter, right);
  }
  if (view.largestDocumentId >= fields.nextDocumentId) {
    tellCounter(view, superblock, 'nextDocumentId', view.largestDocumentId + 1);
  }
}

/** Inodes, names of hard links and snapshots get their ids from one counter; so do streams that are no inode's. */
export function checkIds(view: View, snapshotInodes: ReadonlyMap<number, string>): void {
  const { inodeById, siblings, streams } = view;
  const siblingIds = new Set<number>();
  for (let row = 0; row < siblings.length; row++) {
    const id = siblings.get(row, SIBLING.id);
    siblingIds.add(id);
    if (inodeById.has(id)) {
      view.siblingError(
        'link-count',
        `sibling link (id ${id}): an inode has the same id`,
        siblings.get(row, SIBLING.block),
      );
    }
  }
  for (let row = 0; row < streams.length && siblingIds.size > 0; row++) {
    const id = streams.get(row, STREAM.id);
    if (siblingIds.has(id)) {
      view.siblingError(
        'dstream',
        `dstream (id ${id}): a sibling link has the same id`,
        streams.get(row, STREAM.block),
      );
    }
  }
  for (const [id, name] of snapshotInodes) {
    const row = inodeById.get(id);
    if (row === undefined && !siblingIds.has(id)) continue;
    const block = row === undefined ? 0 : view.inodes.get(row, INODE.block);
    view.error('snapshot', `snapshot ${name}: its inode number ${id} is in use`, block);
  }
}
