import { assert } from '../base/assert.ts';
import { FROM_BACKING, slotOf } from './slots.ts';
import type { Slots } from './slots.ts';
import type { Store } from './store.ts';
import { FAN_OUT, Leaf } from './tree.ts';
import type { Child } from './tree.ts';

/**
 * Where two states of one disk differ. Their trees share what neither changed, and a subtree that is one and the same
 * object is skipped whole: the cost follows what was written between the two, never the disk.
 */
export interface BlockDifference {
  /** Ascending, merged: [first, count, first, count …]. */
  readonly ranges: Float64Array;
  readonly blockCount: number;
  /** False: some blocks of an image below were too many to be read, and count as different. */
  readonly isExact: boolean;
}

/** So many blocks of an image below are read to see whether zeros over them changed anything. */
const BACKING_BLOCKS_MAX = 1 << 18;

/** Of a store and a fork of it, or of two forks. */
export function blockDifference(a: Store, b: Store): BlockDifference {
  const [from, to] = [a.version(), b.version()];
  assert(from.slots === to.slots && a.blockCount === b.blockCount, 'both are states of one disk');
  const walk = new Walk(a, b, from.slots);
  let span = FAN_OUT;
  while (span < a.blockCount) span *= FAN_OUT;
  walk.compare(from.root, to.root, 0, span);
  return walk.result();
}

class Walk {
  readonly #ranges: number[] = [];
  #blockCount = 0;
  #backingBlocksLeft = BACKING_BLOCKS_MAX;
  #isExact = true;
  readonly #bytesA: Uint8Array;
  readonly #bytesB: Uint8Array;

  constructor(
    readonly a: Store,
    readonly b: Store,
    readonly slots: Slots,
  ) {
    this.#bytesA = new Uint8Array(a.blockSizeBytes);
    this.#bytesB = new Uint8Array(a.blockSizeBytes);
  }

  result(): BlockDifference {
    const ranges = Float64Array.from(this.#ranges);
    return { ranges, blockCount: this.#blockCount, isExact: this.#isExact };
  }

  /** The blocks from `first` on, `span` of them as far as the disk goes. */
  compare(a: Child, b: Child, first: number, span: number): void {
    if (a === b || first >= this.a.blockCount) return;
    if (typeof a === 'number' && typeof b === 'number') {
      this.#stretch(a, b, first, Math.min(span, this.a.blockCount - first));
      return;
    }
    const children = span / FAN_OUT;
    for (let i = 0; i < FAN_OUT; i++) {
      this.compare(childOf(a, i), childOf(b, i), first + i * children, children);
    }
  }

  /** Blocks that are `a` here and `b` there: one block when either is stored, any number when both are computed. */
  #stretch(a: number, b: number, first: number, count: number): void {
    if (a > 0 && b > 0 && slotOf(a) === slotOf(b)) return; // the lowest bit says only who else sees the slot
    if (a <= 0 && b <= 0 && a !== FROM_BACKING && b !== FROM_BACKING) {
      if (!this.slots.isSameStream(a, b)) this.#add(first, count);
      return;
    }
    const isOverImage = a <= 0 && b <= 0;
    for (let block = first; block < first + count; block++) {
      if (isOverImage && this.#backingBlocksLeft-- <= 0) {
        this.#isExact = false;
        this.#add(block, first + count - block);
        return;
      }
      if (this.#differs(block)) this.#add(block, 1);
    }
  }

  #differs(block: number): boolean {
    this.a.read(block, this.#bytesA);
    this.b.read(block, this.#bytesB);
    return this.#bytesA.some((byte, i) => byte !== this.#bytesB[i]);
  }

  #add(first: number, count: number): void {
    this.#blockCount += count;
    const last = this.#ranges.length - 2;
    const lastEnd = last < 0 ? -1 : (this.#ranges[last] ?? 0) + (this.#ranges[last + 1] ?? 0);
    if (lastEnd === first) this.#ranges[last + 1] = (this.#ranges[last + 1] ?? 0) + count;
    else this.#ranges.push(first, count);
  }
}

function childOf(node: Child, index: number): Child {
  if (typeof node === 'number') return node;
  const child = node instanceof Leaf ? node.values[index] : node.children[index];
  assert(child !== undefined, 'a node has all its children');
  return child;
}

/** Index into `ranges` of the first range that ends behind `block`. */
export function rangeAt(ranges: Float64Array, block: number): number {
  let low = 0;
  let high = ranges.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ranges[middle * 2] ?? 0) + (ranges[middle * 2 + 1] ?? 0) <= block) low = middle + 1;
    else high = middle;
  }
  return low * 2;
}

/** The parts of `first` … `first + count − 1` that lie in `ranges`. */
export function* partsWithin(
  ranges: Float64Array,
  first: number,
  count: number,
): Generator<{ readonly first: number; readonly count: number }> {
  for (let i = rangeAt(ranges, first); i < ranges.length; i += 2) {
    const start = Math.max(first, ranges[i] ?? 0);
    const end = Math.min(first + count, (ranges[i] ?? 0) + (ranges[i + 1] ?? 0));
    if ((ranges[i] ?? 0) >= first + count) return;
    if (end > start) yield { first: start, count: end - start };
  }
}
