import { Numbers } from './fsck-rows.ts';

/**
 * Who holds which blocks of contents. Extent reference trees say it by runs: a run NEW in one tree, changed by UPDATE
 * records of the trees of later snapshots and of the live volume. In the state of the volume that a tree belongs to,
 * the count of every block must be the number of different streams that hold it.
 *
 * All work is on sorted lists that are walked in step: its cost is that of sorting the extents of a state.
 */

/** What is found while runs of trees are put on each other. */
export interface RunSink {
  /** A run NEW lies on blocks that an older tree, or the same one, has already. */
  overlap(firstBlock: number, blockCount: number, place: number): void;
  /** An UPDATE says something about blocks that nobody has. */
  missing(firstBlock: number, blockCount: number, place: number): void;
}

/** Records of one extent reference tree, in the order of their keys. */
export class ReferenceRecords {
  readonly first = new Numbers();
  readonly end = new Numbers();
  /** References of a NEW, the difference of an UPDATE. */
  readonly count = new Numbers();
  /** 1: UPDATE. */
  readonly isUpdate = new Numbers();
  readonly place = new Numbers();
  /** The stream that a NEW names; 0: none that could be one. */
  readonly owner = new Numbers();

  add(
    firstBlock: number,
    blockCount: number,
    count: number,
    isUpdate: boolean,
    place: number,
    owner = 0,
  ): void {
    this.first.push(firstBlock);
    this.end.push(firstBlock + blockCount);
    this.count.push(count);
    this.isUpdate.push(isUpdate ? 1 : 0);
    this.place.push(place);
    this.owner.push(owner);
  }
}

/** Blocks of which all is the same: by how many streams they are held, and what the trees say. */
export interface Piece {
  readonly firstBlock: number;
  readonly blockCount: number;
  /** Streams of files, and of extended attributes. */
  readonly files: number;
  readonly xattrs: number;
  /** Null: no run covers the blocks. */
  readonly recorded: number | null;
  /** Of the record, or NO_PLACE. */
  readonly place: number;
}

/** The runs of all trees up to one state of the volume: ascending, none on another. */
export class ReferenceMap {
  #first = new Numbers();
  #end = new Numbers();
  #count = new Numbers();
  #place = new Numbers();

  /** Put the records of the next newer tree on what is known. */
  apply(records: ReferenceRecords, sink: RunSink): void {
    const merge = new Merge(this.#first, this.#end, this.#count, this.#place);
    for (let i = 0; i < records.first.length; i++) {
      const first = records.first.at(i);
      const end = records.end.at(i);
      const place = records.place.at(i);
      merge.copyBefore(first);
      if (records.isUpdate.at(i) === 1) merge.update(first, end, records.count.at(i), place, sink);
      else merge.insert(first, end, records.count.at(i), place, sink);
    }
    merge.copyBefore(Infinity);
    this.#first = merge.first;
    this.#end = merge.end;
    this.#count = merge.count;
    this.#place = merge.place;
  }

  /** What is known now; later records change it no more. */
  copy(): ReferenceMap {
    const copy = new ReferenceMap();
    // `apply` never changes lists, it makes new ones.
    copy.#first = this.#first;
    copy.#end = this.#end;
    copy.#count = this.#count;
    copy.#place = this.#place;
    return copy;
  }

  /** Compare with the extents of a state, block for block. */
  compare(extents: HeldExtents, found: MismatchSink): void {
    this.eachPiece(extents, ({ firstBlock, blockCount, files, xattrs, recorded, place }) => {
      const count = recorded ?? 0;
      if (files + xattrs !== count) found.count(firstBlock, blockCount, files + xattrs, count, place);
      if (files > 0 && xattrs > 0) found.mixed(firstBlock, blockCount, place);
    });
  }

  /** All blocks that a run covers or a stream of this state holds, piece by piece, in ascending order. */
  eachPiece(extents: HeldExtents, visit: (piece: Piece) => void): void {
    const sweep = new Sweep(extents);
    let at = 0;
    for (let i = 0; i < this.#first.length; i++) {
      const first = this.#first.at(i);
      const end = this.#end.at(i);
      sweep.walk(at, first, null, NO_PLACE, visit);
      sweep.walk(first, end, this.#count.at(i), this.#place.at(i), visit);
      at = end;
    }
    sweep.walk(at, Infinity, null, NO_PLACE, visit);
  }
}

/** No record: the blocks have none. */
export const NO_PLACE = -1;

export interface MismatchSink {
  /** `place` is that of the record, NO_PLACE where no run covers the blocks. */
  count(firstBlock: number, blockCount: number, held: number, recorded: number, place: number): void;
  /** Both a file and an extended attribute hold the blocks. */
  mixed(firstBlock: number, blockCount: number, place: number): void;
}

/** The two sorted lists of a merge: old runs, and what comes of them. */
class Merge {
  readonly first = new Numbers();
  readonly end = new Numbers();
  readonly count = new Numbers();
  readonly place = new Numbers();
  #index = 0;
  /** Where the rest of the old run at `#index` begins. */
  #from: number;

  constructor(
    readonly oldFirst: Numbers,
    readonly oldEnd: Numbers,
    readonly oldCount: Numbers,
    readonly oldPlace: Numbers,
  ) {
    this.#from = oldFirst.at(0);
  }

  get #hasOld(): boolean {
    return this.#index < this.oldFirst.length;
  }

  #step(): void {
    this.#index++;
    this.#from = this.oldFirst.at(this.#index);
  }

  #emit(first: number, end: number, count: number, place: number): void {
    this.first.push(first);
    this.end.push(end);
    this.count.push(count);
    this.place.push(place);
  }

  /** Old runs, and the part of one, that lie before `block`. */
  copyBefore(block: number): void {
    while (this.#hasOld && this.#from < block) {
      const end = this.oldEnd.at(this.#index);
      this.#emit(
        this.#from,
        Math.min(end, block),
        this.oldCount.at(this.#index),
        this.oldPlace.at(this.#index),
      );
      if (end > block) {
        this.#from = block;
        return;
      }
      this.#step();
    }
  }

  insert(first: number, end: number, count: number, place: number, sink: RunSink): void {
    const last = this.end.length === 0 ? 0 : this.end.at(this.end.length - 1);
    const isTaken = (this.#hasOld && this.#from < end) || last > first;
    if (isTaken) sink.overlap(first, end - first, place);
    else this.#emit(first, end, count, place);
  }

  update(first: number, end: number, difference: number, place: number, sink: RunSink): void {
    let at = first;
    while (at < end) {
      const start = this.#hasOld ? this.#from : Infinity;
      if (start > at) {
        const to = Math.min(start, end);
        sink.missing(at, to - at, place);
        at = to;
        continue;
      }
      const to = Math.min(this.oldEnd.at(this.#index), end);
      this.#emit(at, to, this.oldCount.at(this.#index) + difference, place);
      if (to === this.oldEnd.at(this.#index)) this.#step();
      else this.#from = to;
      at = to;
    }
  }
}

/**
 * The blocks that the streams of one state hold. Of each stream every block counts once, so its extents are put in the
 * order of their blocks first; then beginnings and ends of all streams are sorted apart: how many streams hold a block
 * is the number of beginnings up to it less the number of ends.
 */
export class HeldExtents {
  readonly #first = [new Numbers(), new Numbers()] as const;
  readonly #end = [new Numbers(), new Numbers()] as const;

  /** Extents `from` up to `to` of `first` and `end`, all of one stream. */
  addStream(first: Float64Array, end: Float64Array, from: number, to: number, isXattr: boolean): void {
    const firsts = this.#first[isXattr ? 1 : 0];
    const ends = this.#end[isXattr ? 1 : 0];
    let last = -1;
    let isSorted = true;
    for (let i = from; i < to && isSorted; i++) {
      isSorted = (first[i] ?? 0) >= last;
      last = end[i] ?? 0;
    }
    if (isSorted) {
      for (let i = from; i < to; i++) {
        firsts.push(first[i] ?? 0);
        ends.push(end[i] ?? 0);
      }
      return;
    }
    const order = Array.from({ length: to - from }, (_, i) => from + i);
    order.sort((a, b) => (first[a] ?? 0) - (first[b] ?? 0));
    last = -1;
    for (const i of order) {
      const begin = Math.max(first[i] ?? 0, last);
      const stop = end[i] ?? 0;
      if (stop <= begin) continue;
      firsts.push(begin);
      ends.push(stop);
      last = stop;
    }
  }

  sorted(isXattr: boolean): { readonly first: Float64Array; readonly end: Float64Array } {
    const kind = isXattr ? 1 : 0;
    return { first: this.#first[kind].view().slice().sort(), end: this.#end[kind].view().slice().sort() };
  }
}

/** Walks the sorted beginnings and ends once, from block 0 upwards. */
class Sweep {
  readonly #first: readonly [Float64Array, Float64Array];
  readonly #end: readonly [Float64Array, Float64Array];
  readonly #begun: [number, number] = [0, 0];
  readonly #ended: [number, number] = [0, 0];

  constructor(extents: HeldExtents) {
    const files = extents.sorted(false);
    const xattrs = extents.sorted(true);
    this.#first = [files.first, xattrs.first];
    this.#end = [files.end, xattrs.end];
  }

  /** The pieces from `from` up to `to`, about which the trees say the same. */
  walk(
    from: number,
    to: number,
    recorded: number | null,
    place: number,
    visit: (piece: Piece) => void,
  ): void {
    let at = from;
    while (at < to) {
      const next = Math.min(this.#advance(0, at), this.#advance(1, at), to);
      const files = this.#begun[0] - this.#ended[0];
      const xattrs = this.#begun[1] - this.#ended[1];
      const isNothing = recorded === null && files + xattrs === 0;
      if (!isNothing) visit({ firstBlock: at, blockCount: next - at, files, xattrs, recorded, place });
      at = next;
    }
  }

  /** Take in all that happens up to `at`; the next block at which something happens. */
  #advance(kind: 0 | 1, at: number): number {
    const first = this.#first[kind];
    const end = this.#end[kind];
    let begun = this.#begun[kind];
    let ended = this.#ended[kind];
    while (begun < first.length && (first[begun] ?? 0) <= at) begun++;
    while (ended < end.length && (end[ended] ?? 0) <= at) ended++;
    this.#begun[kind] = begun;
    this.#ended[kind] = ended;
    return Math.min(
      begun < first.length ? (first[begun] ?? 0) : Infinity,
      ended < end.length ? (end[ended] ?? 0) : Infinity,
    );
  }
}
