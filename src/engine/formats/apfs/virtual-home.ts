import { assert } from '../../base/assert.ts';
import { NodeCache, nodeLabel, soundNode } from './btree-home.ts';
import type { BlockReader, TreeHome } from './btree-home.ts';
import { BtreeNode } from './btree-node.ts';
import type { WriteLabel } from '../../device/device.ts';
import { damaged } from './damage.ts';
import { OMAP_VALUE_FLAG } from './layout-tree.ts';
import type { Omap } from './omap.ts';
import type { Spender, Transaction } from './transaction.ts';
import type { TreeKind } from './tree-kinds.ts';

/** Which state of the volume a home shows: the live one, changed by transactions, or that of one transaction. */
export type VirtualView = { readonly transaction: Transaction } | { readonly xid: number };

/**
 * Nodes that an object map finds: the catalog of a volume, live or as a snapshot has it. References never change; a
 * copy tells the map where it is, and the map says whether the old block is still wanted.
 */
export class VirtualHome implements TreeHome {
  readonly #kind: TreeKind;
  readonly #reader: BlockReader;
  readonly #omap: Omap;
  readonly #transaction: Transaction | null;
  readonly #fixedXid: number;
  readonly #spender: Spender;
  readonly #label: WriteLabel;
  readonly #cache: NodeCache;

  constructor(
    kind: TreeKind,
    reader: BlockReader,
    omap: Omap,
    view: VirtualView,
    spender: Spender,
    owner: string,
  ) {
    this.#kind = kind;
    this.#reader = reader;
    this.#omap = omap;
    this.#transaction = 'transaction' in view ? view.transaction : null;
    this.#fixedXid = 'xid' in view ? view.xid : 0;
    this.#spender = spender;
    this.#label = nodeLabel(kind, owner);
    this.#cache = new NodeCache(this.#transaction);
  }

  node(oid: number, level: number | null): BtreeNode {
    let node = this.#cache.get(oid);
    if (node === undefined) {
      node = this.#load(oid, level);
      this.#cache.set(oid, node);
    } else if (level === null ? !node.isRoot : node.isRoot || node.level !== level) {
      throw damaged(`node ${oid} of the ${this.#kind.title} stands in two places of the tree`);
    }
    return node;
  }

  #load(oid: number, level: number | null): BtreeNode {
    const mapping = this.#omap.lookup(oid, this.#transaction?.xid ?? this.#fixedXid);
    if (mapping === undefined) {
      throw damaged(`node ${oid} of the ${this.#kind.title} is not in the object map`);
    }
    if ((mapping.flags & OMAP_VALUE_FLAG.encrypted) !== 0) {
      throw damaged(`node ${oid} of the ${this.#kind.title} is encrypted`);
    }
    const { block } = mapping;
    const node = soundNode(this.#reader.copyOf(block), this.#kind, level, { oid, block, label: this.#label });
    if (node.xid !== mapping.xid) {
      throw damaged(
        `block ${block} holds node ${oid} of transaction ${node.xid}, the object map says ${mapping.xid}`,
      );
    }
    return node;
  }

  writable(node: BtreeNode): BtreeNode {
    const transaction = this.#writing();
    if (node.xid === transaction.xid) return node;
    const block = transaction.allocateBlock(this.#spender);
    this.#free(this.#omap.remap(node.oid, node.xid, block));
    this.#take(transaction, node, block);
    return node;
  }

  create(level: number, isRoot = false): BtreeNode {
    const transaction = this.#writing();
    const block = transaction.allocateBlock(this.#spender);
    const oid = transaction.newOid();
    this.#omap.map(oid, block);
    const node = new BtreeNode(this.#kind, level, isRoot, { oid, block, label: this.#label });
    this.#take(transaction, node, block);
    return node;
  }

  drop(node: BtreeNode): void {
    const transaction = this.#writing();
    this.#cache.delete(node.oid);
    if (node.xid === transaction.xid) transaction.forget(node);
    this.#free(this.#omap.unmap(node.oid));
  }

  extraBlocks(nodes: number): number {
    return this.#omap.blocksOfChanges(nodes);
  }

  get evictions(): number {
    return this.#cache.evictions;
  }

  #take(transaction: Transaction, node: BtreeNode, block: number): void {
    node.block = block;
    node.xid = transaction.xid;
    this.#cache.set(node.oid, node);
    transaction.touch(node);
  }

  #free(block: number | null): void {
    if (block !== null) this.#writing().freeBlocks(block, 1, this.#spender);
  }

  #writing(): Transaction {
    assert(this.#transaction !== null, `the ${this.#kind.title} is open for writing`);
    return this.#transaction;
  }
}
