import { OBJECT_ID } from './layout-catalog.ts';
import type { HeldExtents, ReferenceMap, ReferenceRecords } from './fsck-references.ts';
import type { WantedReference } from './fsck-report.ts';
import { STREAM } from './fsck-view.ts';
import type { View } from './fsck-view.ts';

/**
 * What the extent reference tree of one state of a volume should say, from what proves it: the file extents of its
 * catalog and, where there are older snapshots, what their trees say once they are right. Records that say so already
 * stay as they are, their owners and ends among them; a run that has none belongs to the stream of the lowest id that
 * holds it.
 */
export function wantedReferences(
  view: View,
  older: ReferenceMap,
  present: ReferenceRecords,
  held: HeldExtents,
): readonly WantedReference[] {
  const kept = new Present(present);
  const pieces: Piece[] = [];
  older.eachPiece(held, ({ firstBlock, blockCount, files, xattrs, recorded }) => {
    const count = files + xattrs - (recorded ?? 0);
    if (count === 0) return;
    const isUpdate = recorded !== null;
    for (let at = firstBlock; at < firstBlock + blockCount;) {
      const { end, owner, record } = kept.at(at, isUpdate);
      const stop = Math.min(end, firstBlock + blockCount);
      pieces.push({ firstBlock: at, blockCount: stop - at, count, isUpdate, owner, record });
      at = stop;
    }
  });
  nameOwners(
    view,
    pieces.filter(({ isUpdate, owner }) => !isUpdate && owner === 0),
  );
  return merged(pieces);
}

interface Piece extends WantedReference {
  blockCount: number;
  owner: number;
  /** The present record that it is part of; −1: none. */
  readonly record: number;
}

/** The records of the tree as it is, asked in the order of blocks. */
class Present {
  readonly #records: ReferenceRecords;
  #index = 0;

  constructor(records: ReferenceRecords) {
    this.#records = records;
  }

  /** Which record of this kind says something about the block, and up to where that, or nothing, holds. */
  at(
    block: number,
    isUpdate: boolean,
  ): { readonly end: number; readonly owner: number; readonly record: number } {
    const { first, end, owner, isUpdate: kind } = this.#records;
    while (this.#index < first.length && end.at(this.#index) <= block) this.#index++;
    const record = this.#index;
    if (record === first.length) return { end: Infinity, owner: 0, record: -1 };
    if (first.at(record) > block) return { end: first.at(record), owner: 0, record: -1 };
    const isOfUse =
      (kind.at(record) === 1) === isUpdate && (isUpdate || owner.at(record) >= OBJECT_ID.firstUser);
    return {
      end: end.at(record),
      owner: isOfUse && !isUpdate ? owner.at(record) : 0,
      record: isOfUse ? record : -1,
    };
  }
}

/** The lowest id of the streams that hold a run. The runs ascend, none lies on another, each is held as a whole. */
function nameOwners({ streams, extentFirst, extentEnd }: View, runs: readonly Piece[]): void {
  if (runs.length === 0) return;
  for (let row = 0; row < streams.length; row++) {
    const id = streams.get(row, STREAM.id);
    for (let i = streams.get(row, STREAM.extentsFrom); i < streams.get(row, STREAM.extentsTo); i++) {
      for (let at = firstBehind(runs, extentFirst.at(i)); at < runs.length; at++) {
        const run = runs[at];
        if (!run || run.firstBlock >= extentEnd.at(i)) break;
        if (run.owner === 0 || id < run.owner) run.owner = id;
      }
    }
  }
}

/** Index of the first run that ends behind `block`. */
function firstBehind(runs: readonly Piece[], block: number): number {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const run = runs[middle];
    if (run && run.firstBlock + run.blockCount > block) high = middle;
    else low = middle + 1;
  }
  return low;
}

function merged(pieces: readonly Piece[]): Piece[] {
  const runs: Piece[] = [];
  for (const piece of pieces) {
    const last = runs.at(-1);
    const isNext =
      last !== undefined &&
      last.firstBlock + last.blockCount === piece.firstBlock &&
      last.isUpdate === piece.isUpdate &&
      last.count === piece.count &&
      last.owner === piece.owner &&
      last.record === piece.record;
    if (isNext) last.blockCount += piece.blockCount;
    else runs.push({ ...piece });
  }
  return runs;
}
