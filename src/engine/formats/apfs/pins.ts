import { FsError } from '../../base/errno.ts';
import { endOfReferences } from './references.ts';
import { snapshotRecords } from './snapshot-records.ts';
import type { VolumeState } from './volume-state.ts';

/** What cannot be moved out of the end of a container, and why; the sentence ends with what to try. */
export interface Pin {
  /** The first block behind it; Infinity: nobody knows where it ends. */
  readonly endBlock: number;
  readonly why: string;
}

/**
 * The pin of a volume that lies farthest behind. Blocks of contents that snapshots hold stay where they are, and so do
 * the trees and superblocks of snapshots; of a volume that cannot be opened everything does. Cost: the snapshots, and
 * the nodes above the leaves of their trees.
 */
export function pinOf(state: VolumeState): Pin | null {
  const { label } = state;
  try {
    state.checkMountable();
    if (state.flagsPreallocation) {
      return { endBlock: Infinity, why: `volume '${label}' flags preallocated extents, which are not moved` };
    }
    return state.hasSnapshots ? pinOfSnapshots(state) : null;
  } catch (error) {
    if (!(error instanceof FsError)) throw error;
    return { endBlock: Infinity, why: `${error.detail || error.message}, and what it holds is not moved` };
  }
}

function pinOfSnapshots(state: VolumeState): Pin | null {
  let last: Pin | null = null;
  for (const { name, superblockBlock, referencesBlock } of snapshotRecords(state.snapshotTree)) {
    let end = superblockBlock + 1;
    if (referencesBlock !== 0) {
      const tree = state.openReferences(referencesBlock);
      for (const block of tree.references()) end = Math.max(end, block + 1);
      end = Math.max(end, endOfReferences(tree));
    }
    if (last !== null && last.endBlock >= end) continue;
    const why = `snapshot '${name}' of volume '${state.label}' holds blocks up to there, which are not moved; delete the snapshot`;
    last = { endBlock: end, why };
  }
  return last;
}
