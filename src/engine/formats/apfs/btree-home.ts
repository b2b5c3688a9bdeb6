import { assert } from '../../base/assert.ts';
import type { WriteLabel } from '../../device/device.ts';
import { damageOf } from './btree-damage.ts';
import { BtreeNode } from './btree-node.ts';
import { damaged } from './damage.ts';
import { oidOf } from './object.ts';
import type { Spender, Transaction } from './transaction.ts';
import type { TreeKind } from './tree-kinds.ts';

/**
 * Where the nodes of a tree live and how one refers to them. A tree asks its home for nodes by reference (the child
 * value of an index record, or the root the owner keeps) and before it changes one.
 *
 * Copy-on-write: a node that is first changed in a transaction gets a new block there and then. Of a virtual or
 * ephemeral node the reference stays; of a physical one it is the block, so it changes and the tree tells the parent.
 */
export interface TreeHome {
  /** `level` null: a root. FsError EIO with a sentence when there is no sound node of that level. */
  node(reference: number, level: number | null): BtreeNode;
  /** The same node, now free to change in the running transaction; its `oid` may be another one afterwards. */
  writable(node: BtreeNode): BtreeNode;
  /** An empty node, free to change. */
  create(level: number, isRoot?: boolean): BtreeNode;
  /** Nobody refers to the node any more. */
  drop(node: BtreeNode): void;
  /** Blocks that changing, making or dropping so many nodes takes beyond one for each. */
  extraBlocks(nodes: number): number;
  /** Another number after nodes were forgotten: asked for again, they are other objects. */
  readonly evictions: number;
}

/** Reads metadata. */
export interface BlockReader {
  /** A buffer of its own for the caller. FsError EIO for a block that is outside or cannot be read. */
  copyOf(block: number): Uint8Array;
}

/** 64 MiB: the nodes of a volume of 100,000 files. */
const NODES_MAX = 16_384;

/** Nodes in memory by their references. Those the running transaction changed stay; of the others the oldest go. */
export class NodeCache {
  readonly #nodes = new Map<number, BtreeNode>();
  readonly #transaction: Transaction | null;
  readonly #nodesMax: number;
  evictions = 0;

  constructor(transaction: Transaction | null, nodesMax = NODES_MAX) {
    this.#transaction = transaction;
    this.#nodesMax = nodesMax;
  }

  get(reference: number): BtreeNode | undefined {
    return this.#nodes.get(reference);
  }

  set(reference: number, node: BtreeNode): void {
    if (this.#nodes.size >= this.#nodesMax) this.#evict();
    this.#nodes.set(reference, node);
  }

  delete(reference: number): void {
    this.#nodes.delete(reference);
  }

  /** An eighth of what may be here, so that this does not happen for every node. */
  #evict(): void {
    let wanted = this.#nodesMax / 8;
    this.evictions++;
    for (const [reference, node] of this.#nodes) {
      if (this.#transaction !== null && node.xid >= this.#transaction.xid) continue;
      this.#nodes.delete(reference);
      if (--wanted <= 0) return;
    }
  }
}

/** Refuses what is not a sound node. `name` says which one: 'node 1030 of the catalog'. */
export function soundNode(
  bytes: Uint8Array,
  kind: TreeKind,
  level: number | null,
  place: { readonly oid: number; readonly block: number; readonly label: WriteLabel },
): BtreeNode {
  const damage = oidOf(bytes) === place.oid ? damageOf(bytes, kind, level) : 'it is another object';
  if (damage !== null) {
    throw damaged(`block ${place.block} does not hold node ${place.oid} of the ${kind.title}: ${damage}`);
  }
  return BtreeNode.of(bytes, kind, place);
}

export const nodeLabel = (kind: TreeKind, owner: string): WriteLabel => ({
  role: kind.role,
  owner,
  reason: `new version of a node of the ${kind.title}`,
});

/** Nodes whose references are their blocks. Read-only without a transaction. */
export class PhysicalHome implements TreeHome {
  readonly #kind: TreeKind;
  readonly #reader: BlockReader;
  readonly #transaction: Transaction | null;
  readonly #spender: Spender;
  readonly #label: WriteLabel;
  readonly #cache: NodeCache;

  /** `owner` is what people call the tree's owner: the volume's name. `nodesMax`: kept in memory, unless changed. */
  constructor(
    kind: TreeKind,
    reader: BlockReader,
    transaction: Transaction | null,
    spender: Spender,
    owner: string,
    nodesMax?: number,
  ) {
    this.#kind = kind;
    this.#reader = reader;
    this.#transaction = transaction;
    this.#spender = spender;
    this.#label = nodeLabel(kind, owner);
    this.#cache = new NodeCache(transaction, nodesMax);
  }

  node(block: number, level: number | null): BtreeNode {
    let node = this.#cache.get(block);
    if (node === undefined) {
      const place = { oid: block, block, label: this.#label };
      node = soundNode(this.#reader.copyOf(block), this.#kind, level, place);
      this.#cache.set(block, node);
    } else if (level === null ? !node.isRoot : node.isRoot || node.level !== level) {
      throw damaged(`block ${block} of the ${this.#kind.title} stands in two places of the tree`);
    }
    return node;
  }

  writable(node: BtreeNode): BtreeNode {
    const transaction = this.#writing();
    if (node.xid === transaction.xid) return node;
    const block = transaction.allocateBlock(this.#spender);
    this.#cache.delete(node.block);
    transaction.freeBlocks(node.block, 1, this.#spender);
    node.block = block;
    node.oid = block;
    node.xid = transaction.xid;
    this.#cache.set(block, node);
    transaction.touch(node);
    return node;
  }

  create(level: number, isRoot = false): BtreeNode {
    const transaction = this.#writing();
    const block = transaction.allocateBlock(this.#spender);
    const node = new BtreeNode(this.#kind, level, isRoot, { oid: block, block, label: this.#label });
    node.xid = transaction.xid;
    this.#cache.set(block, node);
    transaction.touch(node);
    return node;
  }

  drop(node: BtreeNode): void {
    const transaction = this.#writing();
    this.#cache.delete(node.block);
    if (node.xid === transaction.xid) transaction.forget(node);
    transaction.freeBlocks(node.block, 1, this.#spender);
  }

  extraBlocks(): number {
    return 0;
  }

  get evictions(): number {
    return this.#cache.evictions;
  }

  #writing(): Transaction {
    assert(this.#transaction !== null, `the ${this.#kind.title} is open for writing`);
    return this.#transaction;
  }
}
