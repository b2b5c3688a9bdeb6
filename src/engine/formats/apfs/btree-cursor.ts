import { assert } from '../../base/assert.ts';
import type { TreeHome } from './btree-home.ts';
import type { BtreeNode } from './btree-node.ts';
import { damaged } from './damage.ts';

/** What a cursor takes over from its tree. */
interface Descended {
  readonly path: readonly BtreeNode[];
  readonly at: readonly number[];
  readonly depth: number;
  /** Another number after every change. */
  readonly changes: number;
}

/**
 * A place among the records of a tree, which moves in their order. Void after a change of the tree. EIO on damage:
 * keys of neighbouring leaves must ascend, so that no walk over a damaged tree goes round in circles.
 */
export class Cursor {
  readonly #home: TreeHome;
  readonly #tree: Descended;
  readonly #changes: number;
  readonly #path: BtreeNode[];
  readonly #at: number[];
  #isValid: boolean;

  /** At record `index` of the leaf last descended to; −1 is the one before the leaf. */
  constructor(home: TreeHome, tree: Descended, index: number) {
    this.#home = home;
    this.#tree = tree;
    this.#changes = tree.changes;
    this.#path = tree.path.slice(0, tree.depth);
    this.#at = tree.at.slice(0, tree.depth);
    this.#at[0] = index;
    this.#isValid = true;
    if (index < 0) this.#cross(-1);
  }

  /** Is there a record? */
  get isValid(): boolean {
    return this.#isValid;
  }

  /** A view of the key. */
  get key(): Uint8Array {
    return this.#leaf().keyAt(this.#at[0]!);
  }

  /** A view of the value. */
  get value(): Uint8Array {
    return this.#leaf().valueAt(this.#at[0]!);
  }

  /** Index in the leaf. */
  get index(): number {
    return this.#at[0]!;
  }

  next(): void {
    const leaf = this.#leaf();
    if (++this.#at[0]! >= leaf.count) this.#cross(1);
  }

  previous(): void {
    this.#leaf();
    if (--this.#at[0]! < 0) this.#cross(-1);
  }

  /** From behind the last record of a leaf to the first of the next one. */
  skipEnd(): void {
    this.#cross(1);
  }

  #leaf(): BtreeNode {
    assert(this.#isValid, 'a cursor is asked for a record only where there is one');
    assert(this.#changes === this.#tree.changes, 'a cursor is not used after a change of its tree');
    return this.#path[0]!;
  }

  /** To the nearest record of the next leaf, or of the one before. */
  #cross(direction: 1 | -1): void {
    const left = this.#path[0]!;
    let level = 1;
    for (; level < this.#path.length; level++) {
      const index = this.#at[level]! + direction;
      if (index >= 0 && index < this.#path[level]!.count) break;
    }
    if (level >= this.#path.length) {
      this.#isValid = false;
      return;
    }
    this.#at[level]! += direction;
    for (; level > 0; level--) {
      const child = this.#home.node(this.#path[level]!.childAt(this.#at[level]!), level - 1);
      this.#path[level - 1] = child;
      this.#at[level - 1] = direction > 0 ? 0 : child.count - 1;
    }
    this.#checkOrder(left, this.#path[0]!, direction);
  }

  #checkOrder(left: BtreeNode, entered: BtreeNode, direction: 1 | -1): void {
    const [low, high] = direction > 0 ? [left, entered] : [entered, left];
    const lower = low.keyAt(low.count - 1);
    const higher = high.keyAt(0);
    const order = low.kind.compare(lower, 0, lower.length, higher, 0, higher.length);
    if (order < 0) return;
    throw damaged(`the keys of nodes ${low.oid} and ${high.oid} of the ${low.kind.title} are out of order`);
  }
}
