import { viewOf } from '../../base/bytes.ts';
import type { Btree } from './btree.ts';
import { damaged } from './damage.ts';
import {
  EXTENT_KEY_TYPE,
  EXTENT_KIND,
  putTagged,
  REFERENCE_KEY_SIZE_BYTES,
  REFERENCE_VALUE_SIZE_BYTES,
} from './layout-extents.ts';
import { referenceOf } from './references.ts';
import type { Reference } from './references.ts';

/** Extent references of a snapshot that is deleted go to the next newer one, or to the live volume. (apfsck/snapshot.c) */

const key = new Uint8Array(REFERENCE_KEY_SIZE_BYTES);
const value = new Uint8Array(REFERENCE_VALUE_SIZE_BYTES);

function keyOf(block: number): Uint8Array {
  putTagged(viewOf(key), 0, EXTENT_KEY_TYPE.extent, block);
  return key;
}

type Holding = Pick<Reference, 'kind' | 'ownerLow' | 'ownerHigh' | 'count'>;

function valueOf(blockCount: number, { kind, ownerLow, ownerHigh, count }: Holding): Uint8Array {
  const view = viewOf(value);
  putTagged(view, 0, kind, blockCount);
  view.setUint32(8, ownerLow, true);
  view.setUint32(12, ownerHigh, true);
  view.setInt32(16, count, true);
  return value;
}

/** Every record of a tree in the order of blocks. EIO. */
export function* referencesIn(tree: Btree): Generator<Reference> {
  for (const cursor = tree.first(); cursor.isValid; cursor.next()) yield referenceOf(cursor);
}

/**
 * Adds what `older` says to `newer`, the next tree in time, so that the views from there on count as before without
 * `older`. `free` gets the runs that nobody holds in any of them.
 *
 * A NEW record meets deltas: their sum is the count of the newer view, and at 0 the blocks are free. A delta meets
 * deltas to the same still older record. EIO when the two trees contradict each other.
 */
export function mergeReferences(
  older: Btree,
  newer: Btree,
  free: (firstBlock: number, blockCount: number) => void,
): void {
  for (const record of referencesIn(older)) {
    for (let at = record.firstBlock; at < record.endBlock;) at = mergePart(newer, record, at, free);
  }
}

/** The part of `record` from `at` on that meets one record of `newer`, or none. Returns where it ends. */
function mergePart(
  newer: Btree,
  record: Reference,
  at: number,
  free: (firstBlock: number, blockCount: number) => void,
): number {
  const before = newer.seekBefore(keyOf(at));
  const met = before.isValid ? referenceOf(before) : undefined;
  if (met === undefined || met.endBlock <= at) {
    const next = newer.seek(keyOf(at));
    const end = next.isValid ? Math.min(record.endBlock, referenceOf(next).firstBlock) : record.endBlock;
    newer.insert(keyOf(at), valueOf(end - at, record));
    return end;
  }
  const end = Math.min(record.endBlock, met.endBlock);
  const count = record.count + met.count;
  const isNew = record.kind === EXTENT_KIND.new;
  if (met.kind !== EXTENT_KIND.update || (isNew && count < 0)) {
    throw damaged(`two snapshots contradict each other about the holders of block ${at}`);
  }
  replacePart(newer, met, at, end, count === 0 ? null : { ...record, count });
  if (isNew && count === 0) free(at, end - at);
  return end;
}

/** In `tree`, the blocks `from` … `to` of `old` become `holding`, or nobody's; the rest of `old` stays. */
function replacePart(tree: Btree, old: Reference, from: number, to: number, holding: Holding | null): void {
  if (old.endBlock > to) tree.insert(keyOf(to), valueOf(old.endBlock - to, old));
  if (old.firstBlock < from) tree.replace(keyOf(old.firstBlock), valueOf(from - old.firstBlock, old));
  else if (holding === null) tree.remove(keyOf(from));
  if (holding !== null) tree.put(keyOf(from), valueOf(to - from, holding));
}
