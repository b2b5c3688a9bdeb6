import { assert } from '../../base/assert.ts';
import type { TreeHome } from './btree-home.ts';
import type { BtreeNode } from './btree-node.ts';
import { CHILD_SIZE_BYTES, TREE_DEPTH_MAX } from './layout-tree.ts';
import { putU64, u32At } from './object.ts';

const child = new Uint8Array(CHILD_SIZE_BYTES);
/** An index value; the buffer is the next caller's again. */
function childValue(oid: number): Uint8Array {
  putU64(child, 0, oid);
  return child;
}

/** Are two records about the same object? */
function isOfOneObject(node: BtreeNode, index: number, other: number): boolean {
  const [a, b] = [node.keyAt(index), node.keyAt(other)];
  return u32At(a, 0) === u32At(b, 0) && ((u32At(a, 4) ^ u32At(b, 4)) & node.kind.orderMask) === 0;
}

/** How many ways a tree remembers: a rename uses two names, the inode of a file and that of its directory. */
const WAYS = 4;

/** From the root to a leaf. */
class Way {
  /** By level: the nodes descended through. */
  readonly path: BtreeNode[] = [];
  /** By level: the index taken in each; in the leaf what `search` answered. */
  readonly at: number[] = [];
  /** Level of the root. */
  top = 0;
  /** The lowest levels whose index records bound the keys of that leaf from below and from above; 0: none does. */
  #low = 0;
  #high = 0;
  /** No index record has come, gone or moved since: keys between those bounds are led to the same leaf again. */
  isGood = false;

  bound(): void {
    this.#low = 0;
    this.#high = 0;
    for (let level = this.top; level > 0; level--) {
      if (this.at[level]! > 0) this.#low = level;
      if (this.at[level]! + 1 < this.path[level]!.count) this.#high = level;
    }
    this.isGood = true;
  }

  /** Would a descent go this way? Keys of index records are read where they stand, as they are now. */
  leadsTo(key: Uint8Array): boolean {
    if (!this.isGood) return false;
    const low = this.#low;
    if (low > 0 && this.path[low]!.compareAt(this.at[low]!, key) > 0) return false;
    const high = this.#high;
    return high === 0 || this.path[high]!.compareAt(this.at[high]! + 1, key) > 0;
  }
}

/**
 * How a tree grows and shrinks, along the path last descended. The ways to some other leaves are remembered, because
 * an operation comes back to the few records it is about: most descents are spared.
 *
 * A change that does not fit makes room somewhere on the path (a node splits, the root gets a level) and leaves a
 * sound tree with the same records; then the caller descends once more and tries again. Every attempt makes the node
 * in question smaller or puts a new level above it, so few are needed.
 *
 * A record before or behind all records of its full node gets a node of its own: ascending and descending insertion
 * leave full nodes behind. So does a record that grows when only records of its own object follow it, as those of a
 * new file do when it is written: they go on with it. Otherwise a node splits where both halves are equally full. A node that is less than a
 * quarter full joins a neighbour under the same parent if both fit into one; one that becomes empty goes.
 */
export class TreeShape {
  readonly #home: TreeHome;
  /** The one last descended comes first. */
  readonly #ways: Way[] = Array.from({ length: WAYS }, () => new Way());
  #way: Way = this.#ways[0]!;
  /** Of the home when the ways were last known to be good: what it forgets, it may read again as another node. */
  #evictions = 0;
  changes = 0;
  root: number;
  readonly #key = new Uint8Array(512);

  constructor(home: TreeHome, root: number) {
    this.#home = home;
    this.root = root;
  }

  /** By level: the nodes last descended through. */
  get path(): readonly BtreeNode[] {
    return this.#way.path;
  }

  /** By level: the index taken in each; in the leaf what `search` answered. */
  get at(): readonly number[] {
    return this.#way.at;
  }

  rootNode(): BtreeNode {
    const { isGood, path, top } = this.#way;
    return isGood ? path[top]! : this.#home.node(this.root, null);
  }

  /** Levels of the tree last descended. */
  get depth(): number {
    return this.#top + 1;
  }

  get #top(): number {
    return this.#way.top;
  }

  // ── descending ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** To the leaf where the key belongs. EIO. */
  descend(key: Uint8Array): BtreeNode {
    if (this.#evictions !== this.#home.evictions) this.#forgetWays();
    for (let i = 0; i < WAYS; i++) {
      if (!this.#ways[i]!.leadsTo(key)) continue;
      const { path, at } = this.#take(i);
      const leaf = path[0]!;
      at[0] = leaf.search(key, at[0]);
      return leaf;
    }
    let node = this.rootNode();
    const way = this.#takeOldest(node);
    for (;;) {
      const { level } = node;
      const found = node.search(key);
      way.path[level] = node;
      if (level === 0) {
        way.at[0] = found;
        way.bound();
        return node;
      }
      const index = found >= 0 ? found : found === -1 ? 0 : -2 - found;
      way.at[level] = index;
      node = this.#home.node(node.childAt(index), level - 1);
    }
  }

  /** Way `index` is the one to go now. */
  #take(index: number): Way {
    const ways = this.#ways;
    const way = ways[index]!;
    for (let i = index; i > 0; i--) ways[i] = ways[i - 1]!;
    ways[0] = way;
    this.#way = way;
    return way;
  }

  /** A way that leads nowhere yet, in the place of the one not gone for longest. */
  #takeOldest(root: BtreeNode): Way {
    const way = this.#take(WAYS - 1);
    way.isGood = false;
    way.top = root.level;
    return way;
  }

  /** Index records come, go or move; or nodes are no longer those of the home. */
  #forgetWays(): void {
    this.#evictions = this.#home.evictions;
    for (const way of this.#ways) way.isGood = false;
  }

  descendFirst(): BtreeNode {
    let node = this.rootNode();
    const way = this.#takeOldest(node);
    for (;;) {
      way.path[node.level] = node;
      way.at[node.level] = 0;
      if (node.level === 0) return node;
      node = this.#home.node(node.childAt(0), node.level - 1);
    }
  }

  // ── changing records: each answers whether it is done; if not, descend again ─────────────────────────────────────

  insert(leaf: BtreeNode, key: Uint8Array, value: Uint8Array): boolean {
    const index = -1 - this.at[0]!;
    if (!leaf.fits(key.length, value.length, 1)) return this.#insertIntoFull(leaf, index, key, value);
    if (index === 0 && !this.#fitsAsFirstKey(0, key)) return false;
    this.#writable(0);
    if (index === 0) this.#putFirstKey(0, key);
    leaf.insertAt(index, key, value);
    this.#countRecord(key.length, value.length);
    return true;
  }

  replace(leaf: BtreeNode, value: Uint8Array): boolean {
    const index = this.at[0]!;
    const more = value.length - leaf.valueLengthAt(index);
    if (!leaf.fits(0, more, 0)) {
      const isLast = index > 0 && isOfOneObject(leaf, index, leaf.count - 1);
      this.#divide(0, isLast ? index : this.#middle(leaf, index + 1, more));
      return false;
    }
    this.#writable(0);
    leaf.setValueAt(index, value);
    const root = this.path[this.#top]!;
    if (value.length > root.longestValueBytes) {
      this.#writable(this.#top);
      root.longestValueBytes = value.length;
    }
    this.changes++;
    return true;
  }

  /**
   * A value as long as before for a record of a leaf that was reached earlier; no record has come or gone since. Returns
   * the leaf as it is now: another object if the home has forgotten it meanwhile.
   */
  replaceIn(leaf: BtreeNode, index: number, value: Uint8Array): BtreeNode {
    const { isGood, path, at } = this.#way;
    if (isGood && path[0] === leaf && this.#evictions === this.#home.evictions) at[0] = index;
    else leaf = this.descend(leaf.keyAt(index));
    this.replace(leaf, value);
    return leaf;
  }

  /** Key and value of the same sizes as before. */
  rename(leaf: BtreeNode, key: Uint8Array, value: Uint8Array): void {
    const index = this.at[0]!;
    assert(key.length === leaf.keyLengthAt(index), 'a renamed record keeps its size');
    this.#writable(0);
    if (index === 0) this.#putFirstKey(0, key);
    leaf.setKeyAt(index, key);
    leaf.setValueAt(index, value);
    this.changes++;
  }

  /** The record last descended to. */
  remove(): boolean {
    // Nodes that would become empty go altogether: `level` is the lowest one that stays.
    let level = 0;
    while (level < this.#top && this.path[level]!.count === 1) level++;
    const node = this.path[level]!;
    if (node.count === 1) {
      this.#empty();
      return true;
    }
    const index = this.at[level]!;
    if (index === 0) {
      const key = this.#keep(node.keyAt(1));
      if (!this.#fitsAsFirstKey(level, key)) return false;
      this.#readNeighbours(level);
      this.#writable(level);
      this.#putFirstKey(level, key);
    } else {
      this.#readNeighbours(level);
      this.#writable(level);
    }
    node.removeAt(index);
    this.#writable(this.#top);
    const root = this.path[this.#top]!;
    root.keyCount--;
    root.nodeCount -= level;
    if (level > 0) this.#forgetWays();
    for (let below = 0; below < level; below++) this.#home.drop(this.path[below]!);
    this.#join(level);
    this.changes++;
    return true;
  }

  // ── growing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #countRecord(keyBytes: number, valueBytes: number): void {
    this.#writable(this.#top);
    const root = this.path[this.#top]!;
    root.keyCount++;
    if (keyBytes > root.longestKeyBytes) root.longestKeyBytes = keyBytes;
    if (valueBytes > root.longestValueBytes) root.longestValueBytes = valueBytes;
    this.changes++;
  }

  #insertIntoFull(leaf: BtreeNode, index: number, key: Uint8Array, value: Uint8Array): boolean {
    if (leaf.isRoot || (index > 0 && index < leaf.count)) {
      this.#divide(0, this.#middle(leaf, index, key.length + value.length));
      return false;
    }
    const parent = this.path[1]!;
    const place = index === 0 ? this.at[1]! : this.at[1]! + 1;
    if (!this.#fitsChild(1, place, key)) return false;
    if (place === 0 && !this.#fitsAsFirstKey(1, key)) return false;
    this.#writable(1);
    this.#forgetWays();
    const alone = this.#home.create(0);
    alone.insertAt(0, key, value);
    if (place === 0) this.#putFirstKey(1, key);
    parent.insertAt(place, key, childValue(alone.oid));
    this.#countRecord(key.length, value.length);
    this.path[this.#top]!.nodeCount++;
    return true;
  }

  /** Is there room at `level` for one more child with this key? If not, some is made. */
  #fitsChild(level: number, place: number, key: Uint8Array): boolean {
    const node = this.path[level]!;
    if (node.fits(key.length, CHILD_SIZE_BYTES, 1)) return true;
    const { count } = node;
    this.#divide(level, place >= count ? count - 1 : place === 0 ? 1 : count >>> 1);
    return false;
  }

  /** Can this become the first key of the node at `level` in all index records that name it? If not, room is made. */
  #fitsAsFirstKey(level: number, key: Uint8Array): boolean {
    for (let above = level + 1; above <= this.#top; above++) {
      const parent = this.path[above]!;
      const index = this.at[above]!;
      if (!parent.fits(key.length - parent.keyLengthAt(index), 0, 0)) {
        this.#divide(above, parent.count >>> 1);
        return false;
      }
      if (index > 0) return true;
    }
    return true;
  }

  #putFirstKey(level: number, key: Uint8Array): void {
    for (let above = level + 1; above <= this.#top; above++) {
      this.#writable(above);
      this.path[above]!.setKeyAt(this.at[above]!, key);
      if (this.at[above]! > 0) return;
    }
  }

  /** Splits the node at `level` before its record `from`; or puts a level above it if it is the root. */
  #divide(level: number, from: number): void {
    this.changes++;
    this.#forgetWays();
    const node = this.path[level]!;
    if (level === this.#top) {
      this.#raise();
      return;
    }
    assert(from > 0 && from < node.count, 'both halves of a split have records');
    const place = this.at[level + 1]! + 1;
    const key = this.#keep(node.keyAt(from));
    if (!this.#fitsChild(level + 1, place, key)) return;
    this.#writable(level);
    this.#writable(level + 1);
    this.#writable(this.#top);
    const right = this.#home.create(level);
    node.moveTo(right, from);
    this.path[level + 1]!.insertAt(place, key, childValue(right.oid));
    this.path[this.#top]!.nodeCount++;
  }

  /** The root's records move into a new only child; the root stays what its owner knows. */
  #raise(): void {
    const root = this.path[this.#top]!;
    assert(root.level + 1 < TREE_DEPTH_MAX, `a tree has at most ${TREE_DEPTH_MAX} levels`);
    this.#writable(this.#top);
    const below = this.#home.create(root.level);
    root.moveTo(below, 0);
    root.clear(root.level + 1);
    root.insertAt(0, below.keyAt(0), childValue(below.oid));
    root.nodeCount++;
  }

  /**
   * Where to split so that both halves are equally full once `more` bytes have come in, which belong to the left half
   * if that has at least `threshold` records.
   */
  #middle(node: BtreeNode, threshold: number, more: number): number {
    let right = more;
    for (let i = 0; i < node.count; i++) right += node.recordBytesAt(i);
    let left = 0;
    let best = 1;
    let least = Infinity;
    for (let from = 1; from < node.count; from++) {
      const moved = node.recordBytesAt(from - 1) + (from === threshold ? more : 0);
      left += moved;
      right -= moved;
      if (Math.abs(left - right) < least) {
        least = Math.abs(left - right);
        best = from;
      }
    }
    return best;
  }

  // ── shrinking ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The last record goes, and with it every node but the root. */
  #empty(): void {
    const root = this.path[this.#top]!;
    this.#forgetWays();
    this.#writable(this.#top);
    for (let level = 0; level < this.#top; level++) this.#home.drop(this.path[level]!);
    root.clear(0);
    root.keyCount = 0;
    root.nodeCount = 1;
    this.changes++;
  }

  /** By level: whom a sparse node would join. */
  readonly #neighbours: (BtreeNode | undefined)[] = [];

  /** Reads what `#join` will need: neighbours of sparse nodes, and the child that may be the root's only one. */
  #readNeighbours(level: number): void {
    this.#neighbours.length = 0;
    for (let low = level; low < this.#top && this.path[low]!.isSparse; low++) {
      const parent = this.path[low + 1]!;
      const index = this.at[low + 1]!;
      if (parent.count < 2) break;
      this.#neighbours[low] = this.#home.node(parent.childAt(index > 0 ? index - 1 : 1), low);
    }
    const root = this.path[this.#top]!;
    this.#onlyChild = undefined;
    if (level === this.#top && root.level > 0 && root.count === 2) {
      this.#onlyChild = this.#home.node(root.childAt(1 - this.at[this.#top]!), root.level - 1);
    }
  }
  #onlyChild: BtreeNode | undefined;

  #join(level: number): void {
    for (let low = level; low < this.#top; low++) {
      const neighbour = this.#neighbours[low];
      if (neighbour === undefined || !this.#joinWith(low, neighbour)) break;
    }
    const root = this.path[this.#top]!;
    if (root.level === 0 || root.count > 1) return;
    const only = this.#onlyChild ?? this.path[this.#top - 1]!;
    if (only.oid !== root.childAt(0) || !root.couldBecome(only)) return;
    this.#forgetWays();
    root.clear(only.level);
    root.appendFrom(only, 0);
    root.nodeCount--;
    this.#home.drop(only);
  }

  /** The node at `low` and its neighbour become one; the parent loses an index record that is not its first. */
  #joinWith(low: number, neighbour: BtreeNode): boolean {
    const node = this.path[low]!;
    const index = this.at[low + 1]!;
    const [left, right] = index > 0 ? [neighbour, node] : [node, neighbour];
    if (!left.fitsAllOf(right)) return false;
    const place = index > 0 ? index : 1;
    this.#forgetWays();
    this.#way.path[low] = left;
    this.#way.at[low + 1] = place - 1;
    this.#writable(low);
    this.#writable(low + 1);
    left.appendFrom(right, 0);
    this.path[low + 1]!.removeAt(place);
    this.path[this.#top]!.nodeCount--;
    this.#home.drop(right);
    return true;
  }

  // ── copy-on-write ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** Node of the path, free to change; those who refer to it by a reference that changed are told. */
  #writable(level: number): void {
    const node = this.path[level]!;
    const before = node.oid;
    this.#home.writable(node);
    if (node.oid === before) return;
    if (level === this.#top) {
      this.root = node.oid;
      return;
    }
    this.#writable(level + 1);
    this.path[level + 1]!.setChildAt(this.at[level + 1]!, node.oid);
  }

  /** A copy of a key that outlives the change of its node; one at a time. */
  #keep(key: Uint8Array): Uint8Array {
    this.#key.set(key);
    return this.#key.subarray(0, key.length);
  }
}
