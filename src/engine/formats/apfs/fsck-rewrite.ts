import { viewOf } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { BTREE_INFO_SIZE_BYTES, NODE_FLAG, OmapPhys, TABLE_AT, TREE_DEPTH_MAX } from './layout-tree.ts';
import { u64At } from './fsck-check.ts';
import type { Check } from './fsck-check.ts';
import type { Remedy } from './fsck-report.ts';
import { putU64, RepairRefused, setXid } from './fsck-writer.ts';
import type { RepairWriter } from './fsck-writer.ts';

export type RecordFix = Extract<Remedy, { action: 'record-field' }>;

/** What a rewriting of records is made with. */
export interface Rewriting {
  readonly check: Check;
  readonly writer: RepairWriter;
  /** Of the new checkpoint. */
  readonly xid: number;
  /** The volume's object map. */
  readonly omapBlock: number;
  readonly fixes: readonly RecordFix[];
  /** A free block for what lies in `old`, which is given up. */
  move(old: number): number;
}

/**
 * Corrects numbers in records of a live catalog, copy-on-write: each node that changes gets a new block, and so does the
 * way down the object map that leads to it. The answer is the new block of the object map. What a snapshot shows is
 * never changed: a node that one shares is refused (RepairRefused).
 */
export function rewriteRecords(rewriting: Rewriting): number {
  const { check, writer, xid, omapBlock, fixes } = rewriting;
  const omap = check.read(omapBlock);
  const { treeBlock, mostRecentSnapshot } = OmapPhys.peek(omap);
  const map = new MovedMap(rewriting, treeBlock, mostRecentSnapshot);
  const nodes = new Map<number, Uint8Array>();
  for (const { block, at, lengthBytes, value } of fixes) {
    const bytes = nodes.get(block) ?? check.read(block);
    nodes.set(block, bytes);
    put(viewOf(bytes), at, lengthBytes, value);
  }
  for (const [block, bytes] of nodes) {
    const target = rewriting.move(block);
    map.replace(u64At(viewOf(bytes), 8), block, target);
    setXid(bytes, xid);
    writer.seal(target, bytes, CATALOG_LABEL);
  }
  const block = rewriting.move(omapBlock);
  const view = viewOf(omap);
  putU64(view, OID_AT, block);
  setXid(omap, xid);
  putU64(view, OmapPhys.fields.treeBlock.at, map.write());
  writer.seal(block, omap, MAP_LABEL);
  return block;
}

const OID_AT = 8;
const CATALOG_LABEL = { role: 'tree', owner: 'catalog', reason: 'correct records' } as const;
const MAP_LABEL = {
  role: 'tree',
  owner: 'object map',
  reason: 'map corrected nodes of the catalog',
} as const;

function put(view: DataView, at: number, lengthBytes: number, value: number): void {
  if (lengthBytes === 2) view.setUint16(at, value, true);
  else if (lengthBytes === 4) view.setUint32(at, value, true);
  else putU64(view, at, value);
}

/** A node of the map with its new place. */
interface MovedNode {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly block: number;
}

/** The tree of an object map, of which the nodes that change have moved. */
class MovedMap {
  readonly #rewriting: Rewriting;
  readonly #root: number;
  readonly #mostRecentSnapshot: number;
  /** By the block they had. */
  readonly #moved = new Map<number, MovedNode>();
  readonly #byNewBlock = new Map<number, MovedNode>();

  constructor(rewriting: Rewriting, root: number, mostRecentSnapshot: number) {
    this.#rewriting = rewriting;
    this.#root = root;
    this.#mostRecentSnapshot = mostRecentSnapshot;
  }

  /** The newest version of `oid`, which lies in block `old`, lies in `target` now. */
  replace(oid: number, old: number, target: number): void {
    const { xid } = this.#rewriting;
    const way: { node: MovedNode; index: number }[] = [];
    let node = this.#touch(this.#root);
    for (;;) {
      const index = lastUpTo(node.view, oid);
      if (index < 0 || way.length > TREE_DEPTH_MAX)
        throw new RepairRefused('the object map lacks a node of the catalog');
      way.push({ node, index });
      if (node.view.getUint16(LEVEL_AT, true) === 0) break;
      const valueAt = valueOf(node.view, index);
      const child = this.#touch(u64At(node.view, valueAt), node.view, valueAt);
      node = child;
    }
    const leaf = way.at(-1);
    if (!leaf) return;
    const keyAt = keyOf(leaf.node.view, leaf.index);
    const valueAt = valueOf(leaf.node.view, leaf.index);
    const isRight = u64At(leaf.node.view, keyAt) === oid && u64At(leaf.node.view, valueAt + PLACE_AT) === old;
    if (!isRight) throw new RepairRefused('the object map knows another version of a node of the catalog');
    if (u64At(leaf.node.view, keyAt + XID_AT) <= this.#mostRecentSnapshot) {
      throw new RepairRefused('a snapshot shares what would have to be changed');
    }
    putU64(leaf.node.view, keyAt + XID_AT, xid);
    putU64(leaf.node.view, valueAt + PLACE_AT, target);
    // The first key of a node stands in its parent too.
    for (let depth = way.length - 1; depth > 0 && way[depth]?.index === 0; depth--) {
      const parent = way[depth - 1];
      if (parent) putU64(parent.node.view, keyOf(parent.node.view, parent.index) + XID_AT, xid);
    }
  }

  /** A copy of the node in a new block, made once; its parent is told. */
  #touch(old: number, parent?: DataView, valueAt = 0): MovedNode {
    const { check, xid } = this.#rewriting;
    const known = this.#moved.get(old) ?? this.#byNewBlock.get(old);
    if (known) return known;
    const bytes = check.read(old);
    const node = { bytes, view: viewOf(bytes), block: this.#rewriting.move(old) };
    this.#moved.set(old, node);
    this.#byNewBlock.set(node.block, node);
    putU64(node.view, OID_AT, node.block);
    setXid(bytes, xid);
    if (parent) putU64(parent, valueAt, node.block);
    return node;
  }

  /** The new root. */
  write(): number {
    for (const { bytes, block } of this.#moved.values()) this.#rewriting.writer.seal(block, bytes, MAP_LABEL);
    return this.#moved.get(this.#root)?.block ?? this.#root;
  }
}

const FLAGS_AT = 0x20;
const LEVEL_AT = 0x22;
const COUNT_AT = 0x24;
const TABLE_BYTES_AT = 0x2a;
const XID_AT = 8;
/** Of an object map's value. */
const PLACE_AT = 8;
/** Nodes of an object map have entries of fixed size. */
const ENTRY_BYTES = 4;

const keyOf = (view: DataView, index: number): number =>
  TABLE_AT + view.getUint16(TABLE_BYTES_AT, true) + view.getUint16(TABLE_AT + ENTRY_BYTES * index, true);

function valueOf(view: DataView, index: number): number {
  const isRoot = (view.getUint16(FLAGS_AT, true) & NODE_FLAG.root) !== 0;
  const end = BLOCK_SIZE_BYTES - (isRoot ? BTREE_INFO_SIZE_BYTES : 0);
  return end - view.getUint16(TABLE_AT + ENTRY_BYTES * index + 2, true);
}

/** Index of the last key of an object id up to `oid`, −1: none. The tree has been checked: keys ascend. */
function lastUpTo(view: DataView, oid: number): number {
  let found = -1;
  const count = view.getUint32(COUNT_AT, true);
  for (let i = 0; i < count && u64At(view, keyOf(view, i)) <= oid; i++) found = i;
  return found;
}
