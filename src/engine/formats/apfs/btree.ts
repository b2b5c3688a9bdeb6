import { assert } from '../../base/assert.ts';
import { Cursor } from './btree-cursor.ts';
import type { TreeHome } from './btree-home.ts';
import type { BtreeNode } from './btree-node.ts';
import { TreeShape } from './btree-shape.ts';
import { damaged } from './damage.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import type { TreeKind } from './tree-kinds.ts';

/** Key and value of one record together: what the root as the only node can hold. */
export const RECORD_BYTES_MAX = 3992;
/** No key of this format is longer than 268; nodes must hold several, or trees would not branch. */
const KEY_BYTES_MAX = 512;

/**
 * A view into a node may show something else as soon as the node changes: those are copied. Small arrays get a buffer
 * only when they are asked for it, which takes longer than all the rest: no record stands at the beginning of a node.
 */
const ownBytes = (bytes: Uint8Array): Uint8Array =>
  bytes.byteOffset > 0 && bytes.buffer.byteLength === BLOCK_SIZE_BYTES ? bytes.slice() : bytes;

/**
 * A B-tree: records in the order of their keys. Invariants between calls: the key of every index record is the first
 * key of its child; only an empty tree has an empty node, its root; the counts in the root are exact.
 *
 * What must be read is read before anything changes, so a device that fails leaves the tree as it was. Views that
 * `find` and cursors give are good until the next change. Keys and values handed in may be such views.
 */
export class Btree {
  readonly kind: TreeKind;
  readonly #home: TreeHome;
  readonly #shape: TreeShape;

  /** `root`: how the home knows the root. EIO when it is not there. */
  constructor(kind: TreeKind, home: TreeHome, root: number) {
    this.kind = kind;
    this.#home = home;
    this.#shape = new TreeShape(home, root);
    this.#shape.rootNode();
  }

  /** A new, empty tree. */
  static create(kind: TreeKind, home: TreeHome): Btree {
    return new Btree(kind, home, home.create(0, true).oid);
  }

  /** How the home knows the root; of a physical tree another one after changes, which the owner writes down. */
  get root(): number {
    return this.#shape.root;
  }

  get keyCount(): number {
    return this.#shape.rootNode().keyCount;
  }

  get nodeCount(): number {
    return this.#shape.rootNode().nodeCount;
  }

  /** 1: the root is a leaf. */
  get levels(): number {
    return this.#shape.rootNode().level + 1;
  }

  /**
   * New blocks that so many removals, or replacements by values as long as the old ones, take at most: each copies its
   * path and the neighbours that join it, every node once.
   */
  blocksOfRemovals(count: number): number {
    const nodes = Math.min(2 * count * this.levels, this.nodeCount);
    return nodes + this.#home.extraBlocks(nodes);
  }

  /** Most new blocks that one insert, replacement or removal can ask for. */
  get maxNodesOfChange(): number {
    const nodes = 3 * this.levels + 2;
    return nodes + this.#home.extraBlocks(nodes);
  }

  /** Most new blocks that changes within so many leaves can ask for, where no node splits. */
  blocksOfTouching(leaves: number): number {
    const { level, nodeCount } = this.#shape.rootNode();
    const nodes = Math.min(nodeCount, leaves * level + 1);
    return nodes + this.#home.extraBlocks(nodes);
  }

  /** A view of the value. */
  find(key: Uint8Array): Uint8Array | undefined {
    const leaf = this.#shape.descend(key);
    const index = this.#shape.at[0]!;
    return index < 0 ? undefined : leaf.valueAt(index);
  }

  /** The key must be new. */
  insert(key: Uint8Array, value: Uint8Array): void {
    assert(key.length + value.length <= RECORD_BYTES_MAX, 'a record fits in a node');
    assert(key.length <= KEY_BYTES_MAX, 'several keys fit in a node');
    const shape = this.#shape;
    key = ownBytes(key);
    value = ownBytes(value);
    let leaf = shape.descend(key);
    assert(shape.at[0]! < 0, `a key is inserted only once into the ${this.kind.title}`);
    while (!shape.insert(leaf, key, value)) leaf = shape.descend(key);
  }

  /** The key must be there. */
  replace(key: Uint8Array, value: Uint8Array): void {
    assert(key.length + value.length <= RECORD_BYTES_MAX, 'a record fits in a node');
    const shape = this.#shape;
    key = ownBytes(key);
    value = ownBytes(value);
    let leaf = shape.descend(key);
    assert(shape.at[0]! >= 0, `what is replaced is in the ${this.kind.title}`);
    while (!shape.replace(leaf, value)) leaf = shape.descend(key);
  }

  /** Inserts or replaces. */
  put(key: Uint8Array, value: Uint8Array): void {
    if (this.find(key) === undefined) this.insert(key, value);
    else this.replace(key, value);
  }

  /**
   * Another key of the same length, and its value, for a record, where no other key lies between the two: its place
   * in the order stays.
   */
  rename(key: Uint8Array, newKey: Uint8Array, value: Uint8Array): void {
    const leaf = this.#shape.descend(key);
    assert(this.#shape.at[0]! >= 0, `what is renamed is in the ${this.kind.title}`);
    assert(leaf.valueLengthAt(this.#shape.at[0]!) === value.length, 'a renamed record keeps its size');
    this.#shape.rename(leaf, ownBytes(newKey), ownBytes(value));
  }

  /** False when there was none. */
  remove(key: Uint8Array): boolean {
    const shape = this.#shape;
    key = ownBytes(key);
    for (;;) {
      shape.descend(key);
      if (shape.at[0]! < 0) return false;
      if (shape.remove()) return true;
    }
  }

  /** At the first record whose key is not less than `key`. */
  seek(key: Uint8Array): Cursor {
    const leaf = this.#shape.descend(key);
    const found = this.#shape.at[0]!;
    const cursor = this.#cursor(found < 0 ? -1 - found : found);
    if (cursor.index === leaf.count) cursor.skipEnd();
    return cursor;
  }

  /** At the last record whose key is not greater than `key`. */
  seekBefore(key: Uint8Array): Cursor {
    this.#shape.descend(key);
    const found = this.#shape.at[0]!;
    return this.#cursor(found < 0 ? -2 - found : found);
  }

  /** At the first record of all. */
  first(): Cursor {
    const leaf = this.#shape.descendFirst();
    const cursor = this.#cursor(0);
    if (leaf.count === 0) cursor.skipEnd();
    return cursor;
  }

  /** Gives back every node; the tree must not be used afterwards. EIO before anything changes. */
  destroy(): void {
    for (const node of this.nodes()) this.#home.drop(node);
  }

  /** Every node, parents before children. EIO when one stands in two places. */
  nodes(): BtreeNode[] {
    const nodes = [this.#shape.rootNode()];
    const seen = new Set([this.root]);
    for (let i = 0; i < nodes.length; i++) {
      const parent = nodes[i]!;
      for (let index = 0; parent.level > 0 && index < parent.count; index++) {
        const child = parent.childAt(index);
        if (seen.has(child)) throw damaged(`node ${child} of the ${this.kind.title} has two parents`);
        seen.add(child);
        nodes.push(this.#home.node(child, parent.level - 1));
      }
    }
    return nodes;
  }

  /** How the home knows every node, which takes reading those above the leaves. EIO. */
  references(): Set<number> {
    const found = new Set([this.root]);
    const parents = [this.#shape.rootNode()];
    for (let parent = parents.pop(); parent !== undefined; parent = parents.pop()) {
      for (let index = 0; parent.level > 0 && index < parent.count; index++) {
        const child = parent.childAt(index);
        if (found.has(child)) throw damaged(`node ${child} of the ${this.kind.title} has two parents`);
        found.add(child);
        if (parent.level > 1) parents.push(this.#home.node(child, parent.level - 1));
      }
    }
    return found;
  }

  /**
   * First keys of leaves, on the way to which the nodes lie that `isMoved` names (as the home knows them): replacing a
   * record by itself brings all of them to new places. Reads the nodes above the leaves. EIO.
   */
  keysTo(isMoved: (reference: number) => boolean): Uint8Array[] {
    const keys: Uint8Array[] = [];
    const root = this.#shape.rootNode();
    const visit = (parent: BtreeNode): void => {
      for (let index = 0; parent.level > 0 && index < parent.count; index++) {
        const child = parent.childAt(index);
        if (isMoved(child)) keys.push(parent.keyAt(index).slice());
        if (parent.level > 1) visit(this.#home.node(child, parent.level - 1));
      }
    };
    if (isMoved(this.root) && root.count > 0) keys.push(root.keyAt(0).slice());
    visit(root);
    return keys;
  }

  #cursor(index: number): Cursor {
    return new Cursor(this.#home, this.#shape, index);
  }
}
