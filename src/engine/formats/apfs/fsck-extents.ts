import { OBJECT_ID } from './layout-catalog.ts';
import {
  EXTENT_KEY_TYPE,
  EXTENT_KIND,
  numberOfTagged,
  REFERENCE_KEY_SIZE_BYTES,
  REFERENCE_VALUE_SIZE_BYTES,
  tagOfTagged,
} from './layout-extents.ts';
import { hex, u64At } from './fsck-check.ts';
import type { Check } from './fsck-check.ts';
import { isNobody } from './fsck-records.ts';
import type { Remedy } from './fsck-report.ts';
import { NO_PLACE, ReferenceRecords } from './fsck-references.ts';
import type { MismatchSink, RunSink } from './fsck-references.ts';
import type { TreeRecord } from './fsck-tree.ts';

/**
 * The records of an extent reference tree (apfs.md §7.1), and what comes of comparing all of them with what the catalog
 * of the same state holds. `place` of a run is the block of the node that tells of it.
 */
export class ReferenceReader {
  readonly records = new ReferenceRecords();
  /** Largest id of an owner. */
  largestId = 0;
  #lastEnd = 0;
  #lastOwner = 0;

  constructor(
    readonly check: Check,
    readonly owner: string,
    readonly volume: number,
    /** Ids that the state cannot have handed out begin here: no owner has one. */
    readonly ownersEnd: number,
    /** Of whatever is wrong with them. */
    readonly remedy: Remedy | undefined,
  ) {}

  visit(record: TreeRecord): void {
    const { view, keyAt, valueAt, block } = record;
    const first = numberOfTagged(view, keyAt);
    const wrong = (text: string): void =>
      this.check.error('extent', `${this.owner}: extent ${hex(first)}: ${text}`, block, this.remedy);
    if (
      record.keyEnd - keyAt !== REFERENCE_KEY_SIZE_BYTES ||
      tagOfTagged(view, keyAt) !== EXTENT_KEY_TYPE.extent
    ) {
      wrong('wrong key of an extent reference');
      return;
    }
    if (record.valueEnd - valueAt !== REFERENCE_VALUE_SIZE_BYTES) {
      wrong(`wrong size of value (${record.valueEnd - valueAt}, expected ${REFERENCE_VALUE_SIZE_BYTES})`);
      return;
    }
    const count = numberOfTagged(view, valueAt);
    const kind = tagOfTagged(view, valueAt);
    const isUpdate = kind === EXTENT_KIND.update;
    if (kind !== EXTENT_KIND.new && !isUpdate) {
      wrong(`invalid kind (${kind})`);
      return;
    }
    const owner = this.#ownerFault(view, valueAt + OWNER_AT, isUpdate);
    if (owner !== null) wrong(owner);
    const references = isUpdate
      ? view.getInt32(valueAt + COUNT_AT, true)
      : view.getUint32(valueAt + COUNT_AT, true);
    if (references === 0) wrong('count of references is 0: it should have been deleted');
    if (count === 0) {
      wrong('has no blocks');
      return;
    }
    if (!this.check.isInside(first, count)) {
      wrong(`${count} blocks are not in the container`);
      return;
    }
    if (first < this.#lastEnd) wrong('lies on the extent before it');
    this.#lastEnd = Math.max(this.#lastEnd, first + count);
    this.records.add(
      first,
      count,
      references,
      isUpdate,
      block,
      isUpdate || owner !== null ? 0 : this.#lastOwner,
    );
  }

  /** The runs this tree says are NEW are in use. How many blocks that are. */
  markNew(): number {
    const { first, end, isUpdate } = this.records;
    let blocks = 0;
    for (let i = 0; i < first.length; i++) {
      if (isUpdate.at(i) === 1) continue;
      blocks += end.at(i) - first.at(i);
      markContents(this.check, this.volume, first.at(i), end.at(i) - first.at(i));
    }
    return blocks;
  }

  /** A NEW run names the stream that allocated it, which may be gone; an UPDATE names nobody. */
  #ownerFault(view: DataView, at: number, isUpdate: boolean): string | null {
    if (isUpdate) return isNobody(view, at) ? null : `UPDATE with an owner (${hex(u64At(view, at))})`;
    if (isNobody(view, at)) return 'NEW without an owner';
    const owner = u64At(view, at);
    if (owner < OBJECT_ID.firstUser) return `reserved owner (${owner})`;
    if (owner >= this.ownersEnd) return `owner (${owner}) of an id that was not in use yet`;
    this.largestId = Math.max(this.largestId, owner);
    this.#lastOwner = owner;
    return null;
  }
}

export const markContents = (check: Check, volume: number, firstBlock: number, blockCount: number): boolean =>
  check.mark(firstBlock, blockCount, 'contents of files of volume', volume);

const OWNER_AT = 8;
const COUNT_AT = 16;

/** Tells what does not fit, in fsck_apfs's words where they are known. */
export class ReferenceJudge implements RunSink, MismatchSink {
  /** What is held and covered by no run. */
  readonly uncovered = new ReferenceRecords();

  constructor(
    readonly check: Check,
    readonly owner: string,
    /** Of the catalog, for what no record of the tree can be blamed for. */
    readonly catalogBlock: number,
    readonly remedy: Remedy | undefined,
  ) {}

  overlap(firstBlock: number, blockCount: number, place: number): void {
    this.#tell('extent', `NEW, but its blocks are in use already (${range(firstBlock, blockCount)})`, place);
  }

  missing(firstBlock: number, blockCount: number, place: number): void {
    this.#tell(
      'extent',
      `UPDATE of blocks that no older extent has (${range(firstBlock, blockCount)})`,
      place,
    );
  }

  count(firstBlock: number, blockCount: number, held: number, recorded: number, place: number): void {
    const where = range(firstBlock, blockCount);
    if (place === NO_PLACE) this.uncovered.add(firstBlock, blockCount, held, false, this.catalogBlock);
    const text =
      place === NO_PLACE
        ? `no physical extent covers what ${held} stream${held === 1 ? ' holds' : 's hold'} (${where})`
        : `mismatch between extentref entry reference count (${recorded}) and calculated fsroot entry reference count (${held}) for extent (${where})`;
    this.#tell('reference-count', text, place);
  }

  mixed(firstBlock: number, blockCount: number, place: number): void {
    const text = `held by a file and by an extended attribute (${range(firstBlock, blockCount)})`;
    const block = place === NO_PLACE ? this.catalogBlock : place;
    this.check.error('reference-count', `${this.owner}: Cross Check : ${text}`, block);
  }

  #tell(kind: 'extent' | 'reference-count', text: string, place: number): void {
    const block = place === NO_PLACE ? this.catalogBlock : place;
    this.check.error(kind, `${this.owner}: Cross Check : ${text}`, block, this.remedy);
  }
}

/** '0x1a2b + 3' */
const range = (firstBlock: number, blockCount: number): string => `${hex(firstBlock)} + ${blockCount}`;
