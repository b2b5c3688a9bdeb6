import { assert } from '../../base/assert.ts';
import type { TreeNode } from './btree-node.ts';
import { Paths } from './btree-path.ts';
import type { Path, PathTree } from './btree-path.ts';
import { damaged } from './damage.ts';
import { NODE_KIND } from './layout-tree.ts';

/** What the shape needs of its tree. */
interface ShapedTree extends PathTree {
  freshNode(number: number): TreeNode;
  touch(node: TreeNode): void;
  indexRecord(node: TreeNode): Uint8Array;
}

/** Two neighbours share their records instead of a split as long as this much of both would be used. */
const ROTATE_FILL_MAX = 7 / 8;

/**
 * How a tree grows and shrinks, along the path last descended. One rule serves all levels: some records of a node are
 * replaced by others. If they do not fit, leading records rotate into the left neighbour or, when both are rather
 * full, a new node comes into being on the left with the first half of the records. A node that becomes empty is
 * unlinked, zeroed and freed. Either way the parent's record for the node is replaced by the records it now needs,
 * none, one or two; so it goes up to the root, which grows a level or collapses. The key of every index record equals
 * the first key of its child at all times.
 *
 * Nodes that will be needed are read before anything changes: a device that fails leaves the tree whole.
 */
export class TreeShape {
  readonly #tree: ShapedTree;
  readonly #paths: Paths;

  constructor(tree: ShapedTree) {
    this.#tree = tree;
    this.#paths = new Paths(tree);
  }

  /** To the leaf where `key` belongs; undefined in an empty tree. EIO. Good until the tree changes. */
  descend(key: Uint8Array): Path | undefined {
    return this.#paths.descend(key);
  }

  /** Nodes come, go or split: no remembered path is to be believed. */
  forgetPaths(): void {
    this.#paths.forget();
  }

  /** The one last descended. */
  get #path(): Path {
    return this.#paths.latest;
  }

  /** `records` in the place of `removeCount` records from `index` on, in the node of the path at `height`. */
  splice(height: number, index: number, removeCount: number, records: readonly Uint8Array[]): void {
    const node = this.#path.nodeAt(height);
    let insertBytes = 0;
    for (const record of records) insertBytes += record.length;
    if (!node.fits(index, removeCount, insertBytes, records.length)) {
      this.#overflow(height, index, removeCount, records);
      return;
    }
    if (node.recordCount === removeCount && records.length === 0) {
      this.#drop(height);
      return;
    }
    this.#tree.touch(node);
    node.splice(index, removeCount, records);
    if (index === 0) this.#renameInParent(height);
    if (height > 1 && height === this.#tree.header.depth && node.recordCount === 1) this.#collapse();
  }

  /** The first key of the node at `height` may be another one now: its parent takes note. */
  #renameInParent(height: number): void {
    if (height === this.#tree.header.depth) return;
    const node = this.#path.nodeAt(height);
    const parent = this.#path.nodeAt(height + 1);
    const index = this.#path.indexAt(height + 1);
    const record = this.#tree.indexRecord(node);
    if (isEqualRecord(parent, index, record)) return;
    this.splice(height + 1, index, 1, [record]);
  }

  // ── growing ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #overflow(height: number, index: number, removeCount: number, records: readonly Uint8Array[]): void {
    const node = this.#path.nodeAt(height);
    const left = this.#readLeftNeighbours(height);
    // The records move within these bytes' own node: a copy stands still meanwhile.
    const copy = node.bytes.slice();
    const all: Uint8Array[] = [];
    for (let i = 0; i < node.recordCount; i++)
      all.push(copy.subarray(node.offsetOf(i), node.offsetOf(i + 1)));
    all.splice(index, removeCount, ...records);
    if (left === undefined || !this.#rotate(height, left, all)) this.#split(height, left, all);
  }

  /** The left neighbour at `height`; those above are read along, in case they will be needed. */
  #readLeftNeighbours(height: number): TreeNode | undefined {
    const { header } = this.#tree;
    let wanted: TreeNode | undefined;
    for (let level = height; level <= header.depth; level++) {
      const node = this.#path.nodeAt(level);
      const left = node.backward === 0 ? undefined : this.#tree.node(node.backward, level);
      if (left !== undefined && left.forward !== node.number) {
        throw damaged(`nodes ${left.number} and ${node.number} of the ${this.#tree.name} are linked wrongly`);
      }
      if (level === height) wanted = left;
    }
    return wanted;
  }

  /** Leading records of `all`, which belong to the node at `height`, into `left`, so that both are equally full. */
  #rotate(height: number, left: TreeNode, all: readonly Uint8Array[]): boolean {
    const node = this.#path.nodeAt(height);
    const total = left.usedBytes + usedBy(all);
    if (total > 2 * node.capacityBytes * ROTATE_FILL_MAX) return false;
    let used = left.usedBytes;
    let count = 0;
    for (const record of all) {
      const after = used + record.length + 2;
      if (after > total / 2 && count > 0) break;
      used = after;
      count++;
    }
    if (count === all.length || used > left.capacityBytes || total - used > node.capacityBytes) return false;
    this.#tree.touch(left);
    left.splice(left.recordCount, 0, all.slice(0, count));
    this.#refill(node, all.slice(count));
    this.#renameInParent(height);
    return true;
  }

  /** A new node on the left takes the first half. */
  #split(height: number, left: TreeNode | undefined, all: readonly Uint8Array[]): void {
    const { header } = this.#tree;
    const node = this.#path.nodeAt(height);
    const count = splitPoint(all, node.capacityBytes);
    const born = this.#tree.freshNode(header.allocate());
    this.#tree.touch(born);
    born.initialise(node.kind, height);
    born.splice(0, 0, all.slice(0, count));
    born.forward = node.number;
    this.#refill(node, all.slice(count));
    node.backward = born.number;
    if (left !== undefined) {
      this.#tree.touch(left);
      left.forward = born.number;
      born.backward = left.number;
    } else if (height === 1) {
      header.setFirstLeaf(born.number);
    }
    const records = [this.#tree.indexRecord(born), this.#tree.indexRecord(node)];
    if (height === header.depth) this.#growRoot(height + 1, records);
    else this.splice(height + 1, this.#path.indexAt(height + 1), 1, records);
  }

  #growRoot(height: number, records: readonly Uint8Array[]): void {
    const { header } = this.#tree;
    const root = this.#tree.freshNode(header.allocate());
    this.#tree.touch(root);
    root.initialise(NODE_KIND.index, height);
    root.splice(0, 0, records);
    header.setRoot(root.number, height);
  }

  #refill(node: TreeNode, records: readonly Uint8Array[]): void {
    this.#tree.touch(node);
    node.splice(0, node.recordCount, records);
  }

  // ── shrinking ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The node at `height` loses its last record, and with it its parents that have no other. */
  #drop(height: number): void {
    const { header } = this.#tree;
    const node = this.#path.nodeAt(height);
    const left = node.backward === 0 ? undefined : this.#tree.node(node.backward, height);
    const right = node.forward === 0 ? undefined : this.#tree.node(node.forward, height);
    if (height < header.depth) this.#readBeforeDrop(height + 1);
    if (left !== undefined) {
      this.#tree.touch(left);
      left.forward = node.forward;
    }
    if (right !== undefined) {
      this.#tree.touch(right);
      right.backward = node.backward;
    }
    if (height === 1) {
      if (left === undefined) header.setFirstLeaf(node.forward);
      if (right === undefined) header.setLastLeaf(node.backward);
    }
    this.#bury(node);
    if (height === header.depth) header.setRoot(0, 0);
    else this.splice(height + 1, this.#path.indexAt(height + 1), 1, []);
  }

  /** Neighbours of the parents that will go as well. */
  #readBeforeDrop(height: number): void {
    for (let level = height; level <= this.#tree.header.depth; level++) {
      const node = this.#path.nodeAt(level);
      if (node.recordCount > 1) return;
      if (node.backward !== 0) this.#tree.node(node.backward, level);
      if (node.forward !== 0) this.#tree.node(node.forward, level);
    }
  }

  #bury(node: TreeNode): void {
    this.#tree.touch(node);
    node.clear();
    this.#tree.header.free(node.number);
  }

  /** A root with one child makes way for it. */
  #collapse(): void {
    const { header } = this.#tree;
    while (header.depth > 1) {
      const root = this.#tree.node(header.rootNode, header.depth);
      if (root.recordCount > 1) return;
      const child = root.childOf(0);
      header.setRoot(child, header.depth - 1);
      this.#bury(root);
    }
  }
}

const usedBy = (records: readonly Uint8Array[]): number =>
  records.reduce((sum, record) => sum + record.length + 2, 0);

function isEqualRecord(node: TreeNode, index: number, record: Uint8Array): boolean {
  const at = node.offsetOf(index);
  if (node.offsetOf(index + 1) - at !== record.length) return false;
  for (let i = 0; i < record.length; i++) if (node.bytes[at + i] !== record[i]) return false;
  return true;
}

/** How many leading records go to the left, so that both halves are about as full and neither is empty or too full. */
function splitPoint(records: readonly Uint8Array[], capacityBytes: number): number {
  const total = usedBy(records);
  let used = 0;
  let count = 0;
  for (const record of records) {
    const after = used + record.length + 2;
    if (count > 0 && (after > total / 2 || count === records.length - 1) && total - used <= capacityBytes)
      break;
    used = after;
    count++;
  }
  assert(
    count < records.length && used <= capacityBytes,
    `two nodes have room for ${total} bytes of records`,
  );
  return count;
}
