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
  descend(key: Uint8Array): BtreeNode;
  replaceIn(leaf: BtreeNode, index: number, value: Uint8Array): BtreeNode;
}

/**
 * A place among the records of a tree, which moves in their order. Void after a change of the tree by others. EIO on
 * damage: keys of neighbouring leaves must ascend, so that no walk over a damaged tree goes round in circles.
 */
export class Cursor {
  readonly #home: TreeHome;
  readonly #tree: Descended;
  #changes: number;
  #leaf: BtreeNode;
  #index: number;
  /** By level, from 1: what was gone through. Most cursors never leave their leaf, so only who does asks for it. */
  #path: BtreeNode[] | null = null;
  #at: number[] = [];
  #isValid = true;

  /** At record `index` of the leaf last descended to; −1 is the one before the leaf. */
  constructor(home: TreeHome, tree: Descended, index: number) {
    this.#home = home;
    this.#tree = tree;
    this.#changes = tree.changes;
    this.#leaf = tree.path[0]!;
    this.#index = index;
    if (index < 0) this.#cross(-1);
  }

  /** Is there a record? */
  get isValid(): boolean {
    return this.#isValid;
  }

  /** A view of the key. */
  get key(): Uint8Array {
    this.#check();
    return this.#leaf.keyAt(this.#index);
  }

  /** A view of the value. */
  get value(): Uint8Array {
    this.#check();
    return this.#leaf.valueAt(this.#index);
  }

  /** The leaf's bytes, in which `keyStart` and `valueStart` stand, for who reads numbers: making views takes longer. */
  get bytes(): Uint8Array {
    this.#check();
    return this.#leaf.bytes;
  }

  get keyStart(): number {
    return this.#leaf.keyStart(this.#index);
  }

  get valueStart(): number {
    return this.#leaf.valueStart(this.#index);
  }

  get valueLengthBytes(): number {
    return this.#leaf.valueLengthAt(this.#index);
  }

  /** Another value, as long as the one before: no record moves, and the cursor stays where it is. */
  replace(value: Uint8Array): void {
    this.#check();
    assert(value.length === this.valueLengthBytes, 'a value replaced in its place keeps its length');
    this.#leaf = this.#tree.replaceIn(this.#leaf, this.#index, value);
    this.#path = null;
    this.#changes = this.#tree.changes;
  }

  /** Index in the leaf. */
  get index(): number {
    return this.#index;
  }

  next(): void {
    this.#check();
    if (++this.#index >= this.#leaf.count) this.#cross(1);
  }

  previous(): void {
    this.#check();
    if (--this.#index < 0) this.#cross(-1);
  }

  /** From behind the last record of a leaf to the first of the next one. */
  skipEnd(): void {
    this.#cross(1);
  }

  #check(): void {
    assert(this.#isValid, 'a cursor is asked for a record only where there is one');
    assert(this.#changes === this.#tree.changes, 'a cursor is not used after a change of its tree');
  }

  /** To the nearest record of the next leaf, or of the one before. */
  #cross(direction: 1 | -1): void {
    const left = this.#leaf;
    const path = (this.#path ??= this.#remember());
    let level = 1;
    for (; level < path.length; level++) {
      const index = this.#at[level]! + direction;
      if (index >= 0 && index < path[level]!.count) break;
    }
    if (level >= path.length) {
      this.#isValid = false;
      return;
    }
    this.#at[level]! += direction;
    for (; level > 0; level--) {
      const child = this.#home.node(path[level]!.childAt(this.#at[level]!), level - 1);
      path[level - 1] = child;
      this.#at[level - 1] = direction > 0 ? 0 : child.count - 1;
    }
    this.#leaf = path[0]!;
    this.#index = this.#at[0]!;
    this.#checkOrder(left, this.#leaf, direction);
  }

  /** The way to the leaf. The tree has not changed, but somebody may have gone another way meanwhile. */
  #remember(): BtreeNode[] {
    const tree = this.#tree;
    if (tree.path[0] !== this.#leaf) tree.descend(this.#leaf.keyAt(0));
    this.#at = tree.at.slice(0, tree.depth);
    return tree.path.slice(0, tree.depth);
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
