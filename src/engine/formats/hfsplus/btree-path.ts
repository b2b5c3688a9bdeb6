import { assert } from '../../base/assert.ts';
import type { TreeHeader } from './btree-header.ts';
import type { KeyOrder, TreeNode } from './btree-node.ts';

/** What a path needs of its tree. */
export interface PathTree {
  readonly name: string;
  readonly order: KeyOrder;
  readonly header: TreeHeader;
  node(number: number, height: number): TreeNode;
}

/** From the root to a leaf: the nodes, and which record of each was followed. */
export class Path {
  readonly #tree: PathTree;
  /** By height: 1 is the leaf. */
  readonly #nodes: TreeNode[] = [];
  readonly #indexes: number[] = [];
  isFound = false;
  /** Nodes came or went since. */
  isStale = true;

  constructor(tree: PathTree) {
    this.#tree = tree;
  }

  /** To the leaf where `key` belongs; false in an empty tree. EIO. */
  descend(key: Uint8Array): boolean {
    const { order, header } = this.#tree;
    const { depth } = header;
    this.isStale = true;
    if (depth === 0) return false;
    let number = header.rootNode;
    for (let height = depth; height > 1; height--) {
      const node = this.#tree.node(number, height);
      const found = node.search(order, key);
      // A key below the first one of the whole tree belongs to its first leaf.
      const index = found >= 0 ? found : Math.max(~found - 1, 0);
      this.#nodes[height] = node;
      this.#indexes[height] = index;
      number = node.childOf(index);
    }
    this.#nodes[1] = this.#tree.node(number, 1);
    this.#searchLeaf(key);
    this.isStale = false;
    return true;
  }

  /** When `key` surely belongs to this path's leaf it is looked for there, and the way down is spared. */
  reuse(key: Uint8Array): boolean {
    if (this.isStale) return false;
    const { order, header } = this.#tree;
    const { leaf } = this;
    const { bytes } = leaf;
    const last = leaf.recordCount - 1;
    if (last < 0 || order.compare(bytes, leaf.offsetOf(0), key) > 0) return false;
    const isLastLeaf = leaf.forward === 0 && leaf.number === header.lastLeafNode;
    if (!isLastLeaf && order.compare(bytes, leaf.offsetOf(last), key) < 0) return false;
    leaf.isRecent = true;
    this.#searchLeaf(key);
    return true;
  }

  #searchLeaf(key: Uint8Array): void {
    const found = this.leaf.search(this.#tree.order, key);
    this.isFound = found >= 0;
    this.#indexes[1] = found >= 0 ? found : ~found;
  }

  nodeAt(height: number): TreeNode {
    const node = this.#nodes[height];
    assert(node !== undefined, 'the path was descended');
    return node;
  }

  indexAt(height: number): number {
    const index = this.#indexes[height];
    assert(index !== undefined, 'the path was descended');
    return index;
  }

  get leaf(): TreeNode {
    return this.nodeAt(1);
  }

  get leafIndex(): number {
    return this.indexAt(1);
  }
}

/** An operation goes to and fro between the item's name, its thread and its folder. */
const REMEMBERED = 3;

/**
 * The paths last descended. Whoever works in one part of a tree finds its leaf again without the way down, as Apple's
 * driver does with the hints of its iterators (BTreeIterator.hint), so that a deeper tree costs hardly more.
 */
export class Paths {
  /** The latest one first. */
  readonly #paths: Path[];

  constructor(tree: PathTree) {
    this.#paths = Array.from({ length: REMEMBERED }, () => new Path(tree));
  }

  /** undefined in an empty tree. EIO. */
  descend(key: Uint8Array): Path | undefined {
    for (let i = 0; i < REMEMBERED; i++) {
      if (this.#paths[i]?.reuse(key) === true) return this.#toFront(i);
    }
    const path = this.#toFront(REMEMBERED - 1);
    return path.descend(key) ? path : undefined;
  }

  #toFront(at: number): Path {
    const path = this.#paths[at];
    assert(path !== undefined, 'there are as many paths as are remembered');
    for (let i = at; i > 0; i--) this.#paths[i] = this.#paths[i - 1] ?? path;
    this.#paths[0] = path;
    return path;
  }

  get latest(): Path {
    const [path] = this.#paths;
    assert(path !== undefined, 'there are as many paths as are remembered');
    return path;
  }

  forget(): void {
    for (const path of this.#paths) path.isStale = true;
  }
}
