import { assert } from '../../base/assert.ts';
import { FsError } from '../../base/errno.ts';
import type { Device, WriteLabel } from '../../device/device.ts';
import { TreeHeader } from './btree-header.ts';
import { TreeNode } from './btree-node.ts';
import type { KeyOrder } from './btree-node.ts';
import { TreeShape } from './btree-shape.ts';
import { damaged } from './damage.ts';
import { NODE_KIND, TREE_DEPTH_MAX } from './layout-tree.ts';
import type { DeviceRun, MetadataBuffer } from './metadata.ts';

/** Where a tree's nodes lie, and how it gets more of them. */
export interface TreeFile {
  readonly nodeSizeBytes: number;
  /** Nodes that the file has room for. */
  readonly capacityNodes: number;
  runsOf(nodeNumber: number): readonly DeviceRun[];
  /**
   * Make room for at least so many nodes more, zero on the device or through the transaction. Returns the nodes that
   * the file holds now. ENOSPC leaves all as it was.
   */
  grow(nodesAtLeast: number): number;
}

/** The running transaction, as a tree sees it: `Commit`. */
export interface TreeCommit {
  touch(buffer: MetadataBuffer): void;
  readonly isRecording: boolean;
}

/** Where a record is, or where it would be. Good until the tree changes. */
export interface Place {
  readonly node: TreeNode;
  readonly index: number;
  readonly isFound: boolean;
}

/** About 64 MiB of the usual nodes; dirty ones do not count. */
const CACHE_BYTES_MAX = 64 * 2 ** 20;

/**
 * One B-tree: catalog, extents overflow or attributes. Records are found, added, changed and removed by key; keys and
 * data are bytes. Changes happen in memory, every node involved is handed to the commit.
 *
 * Before inserts `reserve` must have been called: then nothing can fail half way for lack of space. Nodes stay in
 * memory until `trim`, which is for moments between operations: nobody holds a Place then.
 *
 * Sources: TN1150 "B-Trees"; apple-oss-distributions/hfs, core/BTree.c, BTreeTreeOps.c.
 */
export class BTree {
  readonly name: string;
  readonly order: KeyOrder;
  readonly header: TreeHeader;
  /** What the next changes are for, shown with each write; only set while the commit records. */
  reason = '';

  readonly #device: Device;
  readonly #file: TreeFile;
  readonly #commit: TreeCommit;
  readonly #nodes = new Map<number, TreeNode>();
  readonly #nodesMax: number;
  readonly #label: WriteLabel;
  readonly #shape: TreeShape;

  /** EIO with a sentence for a header that makes no sense. `orderFor` sees the header, which names the order. */
  constructor(
    device: Device,
    name: string,
    file: TreeFile,
    commit: TreeCommit,
    orderFor: (header: TreeHeader) => KeyOrder,
  ) {
    this.#device = device;
    this.name = name;
    this.#file = file;
    this.#commit = commit;
    this.#nodesMax = Math.max(Math.floor(CACHE_BYTES_MAX / file.nodeSizeBytes), 64);
    this.#label = { role: 'tree', owner: name, reason: 'node' };
    if (file.capacityNodes === 0) throw damaged(`the ${name} has no nodes`);
    this.header = new TreeHeader(this.#load(0), name, file.capacityNodes, {
      mapNode: (number) => this.#load(number),
      freshNode: (number) => this.freshNode(number),
      touch: (node) => this.touch(node),
    });
    if (this.header.depth > TREE_DEPTH_MAX) throw damaged(`the ${name} claims ${this.header.depth} levels`);
    this.order = orderFor(this.header);
    this.#shape = new TreeShape(this);
  }

  get nodeSizeBytes(): number {
    return this.#file.nodeSizeBytes;
  }

  // ── finding ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Where `key` is, or where it would be inserted; undefined in an empty tree. */
  find(key: Uint8Array): Place | undefined {
    const path = this.#shape.descend(key);
    if (path === undefined) return undefined;
    return { node: path.leaf, index: path.leafIndex, isFound: path.isFound };
  }

  /** The first record whose key is not below `key`. */
  seek(key: Uint8Array): Place | undefined {
    const place = this.find(key);
    if (place === undefined || place.isFound) return place;
    return this.#atOrAfter(place.node, place.index);
  }

  /** The last record whose key is not above `key`. */
  seekBackward(key: Uint8Array): Place | undefined {
    const place = this.find(key);
    if (place === undefined || place.isFound) return place;
    return this.previous(place);
  }

  first(): Place | undefined {
    if (this.header.depth === 0) return undefined;
    return this.#atOrAfter(this.node(this.header.firstLeafNode, 1), 0);
  }

  next(place: Place): Place | undefined {
    return this.#atOrAfter(place.node, place.index + (place.isFound ? 1 : 0));
  }

  previous(place: Place): Place | undefined {
    const { node, index } = place;
    if (index > 0) return { node, index: index - 1, isFound: true };
    if (node.backward === 0) return undefined;
    const before = this.node(node.backward, 1);
    const last = before.recordCount - 1;
    if (this.order.compare(before.bytes, before.offsetOf(last), node.keyOf(0)) >= 0) {
      throw this.#disorder(before.number, node.number);
    }
    return { node: before, index: last, isFound: true };
  }

  #atOrAfter(node: TreeNode, index: number): Place | undefined {
    if (index < node.recordCount) return { node, index, isFound: true };
    if (node.forward === 0) return undefined;
    const after = this.node(node.forward, 1);
    // Ascending keys are what keeps a damaged chain of leaves from leading round and round.
    if (this.order.compare(node.bytes, node.offsetOf(node.recordCount - 1), after.keyOf(0)) >= 0) {
      throw this.#disorder(node.number, after.number);
    }
    return { node: after, index: 0, isFound: true };
  }

  #disorder(left: number, right: number): FsError {
    return damaged(`nodes ${left} and ${right} of the ${this.name} are out of order`);
  }

  // ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Room for `insertCount` inserts however they split the tree. ENOSPC, and nothing has changed. One tree's growth may
   * need an insert into the extents overflow tree, which is why this is asked for before an operation begins.
   */
  reserve(insertCount: number): void {
    const { header } = this;
    const needed = insertCount * (header.depth + 1);
    if (header.freeNodes >= needed) return;
    if (header.depth >= TREE_DEPTH_MAX) {
      throw new FsError('ENOSPC', '', '', `the ${this.name} has as many levels as it may have`);
    }
    header.extend(this.#file.grow(needed - header.freeNodes));
  }

  /** As `reserve`, for removals and changed keys: on a full disk what is left of free nodes must do. */
  reserveForRemoval(): void {
    const { header } = this;
    if (header.freeNodes >= header.depth + 1) return;
    this.reserve(1);
  }

  /** The key must not be there. */
  insert(key: Uint8Array, data: Uint8Array): void {
    assert((key.length & 1) === 0, 'keys are of even length');
    const path = this.#shape.descend(key);
    if (path === undefined) {
      this.#plant(key, data);
      return;
    }
    assert(!path.isFound, `the key is not in the ${this.name} yet`);
    this.header.addLeafRecords(1);
    const { leaf, leafIndex } = path;
    if (leafIndex > 0 && leaf.fits(leafIndex, 0, key.length + data.length, 1)) {
      this.touch(leaf);
      leaf.insert(leafIndex, key, data);
      return;
    }
    const record = new Uint8Array(key.length + data.length);
    record.set(key);
    record.set(data, key.length);
    this.#reshape(leafIndex, 0, [record]);
  }

  #plant(key: Uint8Array, data: Uint8Array): void {
    const { header } = this;
    this.#shape.forgetPaths();
    const leaf = this.freshNode(header.allocate());
    this.touch(leaf);
    leaf.initialise(NODE_KIND.leaf, 1);
    leaf.insert(0, key, data);
    header.setRoot(leaf.number, 1);
    header.setFirstLeaf(leaf.number);
    header.setLastLeaf(leaf.number);
    header.addLeafRecords(1);
  }

  /** False when the key was not there. */
  remove(key: Uint8Array): boolean {
    const path = this.#shape.descend(key);
    if (path?.isFound !== true) return false;
    const { leaf, leafIndex } = path;
    this.header.addLeafRecords(-1);
    if (leafIndex > 0) {
      this.touch(leaf);
      leaf.splice(leafIndex, 1, []);
      return true;
    }
    this.#reshape(leafIndex, 1, []);
    return true;
  }

  /** `data` as long as what is there. */
  update(place: Place, data: Uint8Array): void {
    const { node, index } = place;
    const at = node.dataOffsetOf(index);
    assert(
      place.isFound && node.offsetOf(index + 1) - at === data.length,
      'the new data is as long as the old',
    );
    this.touch(node);
    node.bytes.set(data, at);
  }

  /** Other data for `key`, which must be there, of whatever length; needs `reserve(1)` where it may be longer. */
  replace(key: Uint8Array, data: Uint8Array): void {
    const path = this.#shape.descend(key);
    assert(path?.isFound === true, `the key is in the ${this.name}`);
    const { leaf, leafIndex } = path;
    const stored = leaf.keyOf(leafIndex);
    const record = new Uint8Array(stored.length + data.length);
    record.set(stored);
    record.set(data, stored.length);
    this.#reshape(leafIndex, 1, [record]);
  }

  /** In the leaf last descended to; whatever else has to change with it. */
  #reshape(leafIndex: number, removeCount: number, records: readonly Uint8Array[]): void {
    try {
      this.#shape.splice(1, leafIndex, removeCount, records);
    } finally {
      this.#shape.forgetPaths();
    }
  }

  // ── nodes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A node at its level, as checked as its own bytes allow. EIO. */
  node(number: number, height: number): TreeNode {
    if (number === 0 || number >= this.header.totalNodes) {
      throw damaged(`the ${this.name} refers to node ${number}: it has ${this.header.totalNodes}`);
    }
    const node = this.#load(number);
    node.check(this.name, height === 1 ? NODE_KIND.leaf : NODE_KIND.index, height);
    return node;
  }

  #load(number: number): TreeNode {
    const known = this.#nodes.get(number);
    if (known !== undefined) {
      known.isRecent = true;
      return known;
    }
    const node = this.#make(number);
    let at = 0;
    for (const { deviceOffsetBytes, lengthBytes } of node.runs) {
      const firstBlock = deviceOffsetBytes / this.#device.blockSizeBytes;
      this.#device.read(firstBlock, node.bytes.subarray(at, at + lengthBytes));
      at += lengthBytes;
    }
    this.#nodes.set(number, node);
    return node;
  }

  #make(number: number): TreeNode {
    const { nodeSizeBytes } = this.#file;
    return new TreeNode(number, new Uint8Array(nodeSizeBytes), this.#file.runsOf(number), this.#label);
  }

  /** A node that comes into use: what the device holds there does not matter. */
  freshNode(number: number): TreeNode {
    const known = this.#nodes.get(number);
    if (known !== undefined) return known;
    const node = this.#make(number);
    this.#nodes.set(number, node);
    return node;
  }

  /** Before any change of a node. */
  touch(node: TreeNode): void {
    if (this.#commit.isRecording) {
      const reason = this.reason === '' ? `node ${node.number}` : `node ${node.number}: ${this.reason}`;
      node.label = { role: 'tree', owner: this.name, reason };
    }
    this.#commit.touch(node);
  }

  /** Forget nodes that were not used for long; only between operations. */
  trim(): void {
    let excess = this.#nodes.size - this.#nodesMax;
    if (excess <= 0) return;
    this.#shape.forgetPaths();
    for (const [number, node] of this.#nodes) {
      if (node === this.header.node || node.kind === NODE_KIND.map || node.isDirty) continue;
      if (node.isRecent) {
        node.isRecent = false;
        continue;
      }
      node.version++;
      this.#nodes.delete(number);
      if (--excess <= 0) return;
    }
  }

  /** Index record: the key as an index of this tree holds it, and the node it leads to. */
  indexRecord(node: TreeNode): Uint8Array {
    const key = node.keyOf(0);
    const { hasVariableIndexKeys, maxKeyLengthBytes } = this.header;
    const length = hasVariableIndexKeys ? key.length + (key.length & 1) : 2 + maxKeyLengthBytes;
    const record = new Uint8Array(length + (length & 1) + 4);
    record.set(key);
    if (!hasVariableIndexKeys) {
      record[0] = maxKeyLengthBytes >>> 8;
      record[1] = maxKeyLengthBytes;
    }
    const at = record.length - 4;
    record[at] = node.number >>> 24;
    record[at + 1] = node.number >>> 16;
    record[at + 2] = node.number >>> 8;
    record[at + 3] = node.number;
    return record;
  }
}
