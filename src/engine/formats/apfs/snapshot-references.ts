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

/** Extent references of a snapshot that is deleted join those of the next newer one, or of the live volume. */

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

/** What becomes of one part of a record. */
interface Merging {
  /** Blocks of which the changed tree said nothing. */
  add(from: number, to: number, holding: Holding): void;
  /** Blocks that are part of `old`, a record of the changed tree; null: nobody's any more. */
  replacePart(old: Reference, from: number, to: number, holding: Holding | null): void;
  /** Nobody holds these blocks in any view. */
  free(firstBlock: number, blockCount: number): void;
}

/**
 * Two trees that follow each other in time become one, so that all views from there on count as before.
 *
 * A NEW record of the older meets deltas of the newer: their sum is the count of the newer view, and at 0 the blocks
 * are free. A delta meets deltas to the same still older record. Either tree can be the one that takes up the other:
 * the one with more records changes, the other is read.
 */
export class ReferenceMerge {
  readonly #changed: Btree;
  readonly #read: Btree;
  readonly #isReadOlder: boolean;
  /** New blocks that `run` takes at most. */
  readonly blocks: number;
  /** Runs of blocks that `run` frees at most. */
  readonly freeRecords: number;

  /** Changes nothing. EIO when the two trees contradict each other or cannot be read. */
  constructor(older: Btree, newer: Btree) {
    this.#isReadOlder = older.keyCount <= newer.keyCount;
    [this.#read, this.#changed] = this.#isReadOlder ? [older, newer] : [newer, older];
    const nodes = this.#read.nodes().length;
    this.#changed.nodes();
    const plan = new MergePlan();
    this.#walk(plan);
    this.blocks = plan.blocksIn(this.#changed);
    this.freeRecords = plan.freeRecords + nodes + this.blocks;
  }

  /** Returns the tree of both; the other one is gone. */
  run(free: (firstBlock: number, blockCount: number) => void): Btree {
    this.#walk(new MergeChange(this.#changed, free));
    this.#read.destroy();
    return this.#changed;
  }

  #walk(merging: Merging): void {
    for (const record of referencesIn(this.#read)) {
      for (let at = record.firstBlock; at < record.endBlock;) at = this.#walkPart(record, at, merging);
    }
  }

  /** The part of `record` from `at` on that meets one record of the changed tree, or none. Returns where it ends. */
  #walkPart(record: Reference, at: number, merging: Merging): number {
    const tree = this.#changed;
    const before = tree.seekBefore(keyOf(at));
    const met = before.isValid ? referenceOf(before) : undefined;
    if (met === undefined || met.endBlock <= at) {
      const next = tree.seek(keyOf(at));
      const end = next.isValid ? Math.min(record.endBlock, referenceOf(next).firstBlock) : record.endBlock;
      merging.add(at, end, record);
      return end;
    }
    const end = Math.min(record.endBlock, met.endBlock);
    const [older, newer] = this.#isReadOlder ? [record, met] : [met, record];
    const count = older.count + newer.count;
    const isNew = older.kind === EXTENT_KIND.new;
    if (newer.kind !== EXTENT_KIND.update || (isNew && count < 0)) {
      throw damaged(`two snapshots contradict each other about the holders of block ${at}`);
    }
    merging.replacePart(met, at, end, count === 0 ? null : { ...older, count });
    if (isNew && count === 0) merging.free(at, end - at);
    return end;
  }
}

class MergeChange implements Merging {
  readonly #tree: Btree;
  readonly free: Merging['free'];

  constructor(tree: Btree, free: Merging['free']) {
    this.#tree = tree;
    this.free = free;
  }

  add(from: number, to: number, holding: Holding): void {
    this.#tree.insert(keyOf(from), valueOf(to - from, holding));
  }

  replacePart(old: Reference, from: number, to: number, holding: Holding | null): void {
    const tree = this.#tree;
    if (old.endBlock > to) tree.insert(keyOf(to), valueOf(old.endBlock - to, old));
    if (old.firstBlock < from) tree.replace(keyOf(old.firstBlock), valueOf(from - old.firstBlock, old));
    else if (holding === null) tree.remove(keyOf(from));
    if (holding !== null) tree.put(keyOf(from), valueOf(to - from, holding));
  }
}

/** Records of 36 bytes in half a node. */
const RECORDS_PER_NODE = 50;

class MergePlan implements Merging {
  #inserted = 0;
  #changed = 0;
  freeRecords = 0;

  add(): void {
    this.#inserted++;
  }

  replacePart(): void {
    this.#inserted += 2;
    this.#changed++;
  }

  free(): void {
    this.freeRecords++;
  }

  /** Copies of nodes that change, and the halves of those that split: each by a record at its end, or half full. */
  blocksIn(tree: Btree): number {
    const inserted = this.#inserted;
    if (inserted + this.#changed === 0) return 0;
    const split = 2 * Math.min(inserted, tree.nodeCount) + Math.ceil(inserted / RECORDS_PER_NODE);
    return tree.blocksOfRemovals(inserted + this.#changed) + Math.min(inserted, split) + tree.levels + 1;
  }
}
