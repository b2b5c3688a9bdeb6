import { viewOf } from '../../base/bytes.ts';
import {
  HEADER_NODE,
  HEADER_RECORD_SIZE_BYTES,
  NODE_KIND,
  recordOffsetAt,
  TREE_DEPTH_MAX,
} from './layout-tree.ts';
import type { KeyRules } from './fsck-keys.ts';
import type { Report } from './fsck-report.ts';
import { isNodeSize, nodeFault } from './fsck-tree.ts';
import type { Tree } from './fsck-tree.ts';

/**
 * From the root down to every leaf, in the order of the keys: each node is entered once, whatever points at it; kinds,
 * heights, neighbours, key lengths and key order are held against what they must be. What breaks the structure makes
 * the tree one to be built anew; the walk goes on beside it.
 */
export type LeafVisitor = (record: LeafRecord) => void;

/** One object for all records of a walk: copy what is to be kept. */
export interface LeafRecord {
  view: DataView;
  node: number;
  /** Of the key's length field. */
  keyAt: number;
  dataAt: number;
  /** Behind the data. */
  endAt: number;
}

interface Level {
  readonly view: DataView;
  readonly node: number;
  readonly records: number;
  next: number;
}

export class Walk {
  readonly #keys: KeyRules;
  /** By height: the node entered last there, and what it calls the next. */
  readonly #lastNode: number[] = [];
  readonly #lastForward: number[] = [];
  /** The last record of the last leaf. */
  #lastLeaf: DataView | null = null;
  #lastKeyAt = 0;
  readonly #record: LeafRecord = {
    view: new DataView(new ArrayBuffer(0)),
    node: 0,
    keyAt: 0,
    dataAt: 0,
    endAt: 0,
  };

  constructor(
    private readonly tree: Tree,
    private readonly report: Report,
    private readonly visit: LeafVisitor,
  ) {
    this.#keys = tree.keys;
  }

  run(): void {
    const { tree } = this;
    tree.used.add(0);
    if (!this.#checkHeader()) return;
    const { treeDepth, rootNode } = tree.header;
    tree.depth = treeDepth;
    if (rootNode === 0) return;
    const stack: Level[] = [];
    const root = this.#enter(rootNode, treeDepth, null, 0);
    if (root) stack.push(root);
    for (let level = stack.at(-1); level; level = stack.at(-1)) {
      if (level.next >= level.records) {
        stack.pop();
        continue;
      }
      const keyAt = level.view.getUint16(recordOffsetAt(tree.nodeSizeBytes, level.next));
      const child = level.view.getUint32(this.#dataAt(level.view, keyAt));
      level.next++;
      const entered = this.#enter(child, treeDepth - stack.length, level, keyAt);
      if (entered) stack.push(entered);
    }
    for (const [height, node] of this.#lastNode.entries()) {
      if (node !== undefined && this.#lastForward[height] !== 0) {
        this.fault(
          'Invalid sibling link',
          node,
          0,
          `the last node of its level goes on to ${this.#lastForward[height]}`,
        );
      }
    }
  }

  fault(message: string, node: number, at: number, detail: string): void {
    const { tree } = this;
    this.report.add({
      kind: 'tree',
      severity: 'error',
      message,
      detail: `${tree.name}, node ${node}: ${detail}`,
      place: [tree.file.id, node],
      offsetBytes: tree.deviceOffset(node, at),
      repair: () => (tree.isBroken = true),
    });
    tree.isBroken = true;
  }

  #checkHeader(): boolean {
    const { tree } = this;
    const node = tree.headerNode;
    const view = viewOf(node);
    const { header } = tree;
    const bad = (message: string, at: number, detail: string): false => {
      this.fault(message, 0, at, detail);
      return false;
    };
    if (node[8] !== NODE_KIND.header) return bad('Invalid header node', 8, `kind ${node[8]}`);
    if (view.getUint16(10) !== 3) return bad('Invalid header node', 10, `${view.getUint16(10)} records`);
    if (node[9] !== 0) return bad('Invalid node height', 9, `height ${node[9]} of the header node`);
    if (!isNodeSize(header.nodeSizeBytes, tree.nodeSizeMin)) {
      return bad('Invalid B-tree node size', HEADER_NODE.header + 18, `${header.nodeSizeBytes} bytes`);
    }
    const offsets = [0, 1, 2, 3].map((index) => view.getUint16(recordOffsetAt(tree.nodeSizeBytes, index)));
    const right = [HEADER_NODE.header, HEADER_NODE.user, HEADER_NODE.map, tree.nodeSizeBytes - 8];
    if (offsets[1] !== HEADER_NODE.header + HEADER_RECORD_SIZE_BYTES) {
      return bad(
        'Invalid BTH length',
        tree.nodeSizeBytes - 4,
        `the header record ends at byte ${offsets[1]}`,
      );
    }
    if (offsets.some((offset, index) => offset !== right[index])) {
      return bad('Invalid header node', tree.nodeSizeBytes - 8, `records at bytes ${offsets.join(', ')}`);
    }
    const { treeDepth, rootNode } = header;
    if (treeDepth > TREE_DEPTH_MAX) {
      return bad('Exceeded maximum B-tree depth', HEADER_NODE.header, `depth ${treeDepth}`);
    }
    if (rootNode >= tree.totalNodes || (treeDepth !== 0 && rootNode === 0)) {
      return bad(
        'Invalid root node number',
        HEADER_NODE.header + 2,
        `root ${rootNode} of ${tree.totalNodes} nodes`,
      );
    }
    if (treeDepth === 0 && rootNode !== 0) {
      return bad('Exceeded maximum B-tree depth', HEADER_NODE.header, `depth 0 with root ${rootNode}`);
    }
    return true;
  }

  /** Checks a node and, if it is an index node, returns it as the next level of the walk. */
  #enter(node: number, height: number, parent: Level | null, parentKeyAt: number): Level | null {
    const { tree } = this;
    const from = parent === null ? 0 : parent.node;
    if (node === 0 || node >= tree.totalNodes) {
      this.fault('Invalid index link', from, parentKeyAt, `leads to node ${node} of ${tree.totalNodes}`);
      return null;
    }
    if (!tree.used.add(node)) {
      this.fault(
        'Overlapped node allocation',
        from,
        parentKeyAt,
        `leads to node ${node}, which is used already`,
      );
      return null;
    }
    const bytes = tree.readNode(node);
    const view = viewOf(bytes);
    if (!this.#checkNode(node, bytes, view, height)) return null;
    const records = view.getUint16(10);
    const keyAt = view.getUint16(recordOffsetAt(tree.nodeSizeBytes, 0));
    if (parent !== null && this.#keys.compare(parent.view, parentKeyAt, view, keyAt) !== 0) {
      this.fault('Invalid index key', from, parentKeyAt, `is not the first key of node ${node}`);
    }
    if (height > 1) return { view, node, records, next: 0 };
    tree.leaves.push(node);
    tree.leafRecords += records;
    this.#leaf(view, node, records);
    return null;
  }

  #checkNode(node: number, bytes: Uint8Array, view: DataView, height: number): boolean {
    const kind = height === 1 ? NODE_KIND.leaf : NODE_KIND.index;
    if (bytes[8] !== kind || bytes[9] !== height) {
      const isKind = bytes[8] !== NODE_KIND.leaf && bytes[8] !== NODE_KIND.index;
      const message = isKind ? 'Invalid node type' : 'Invalid node height';
      this.fault(message, node, 8, `kind ${bytes[8]}, height ${bytes[9]} where height ${height} is expected`);
      return false;
    }
    const fault = nodeFault(view, bytes.length);
    if (fault) {
      this.fault('Invalid node structure', node, fault.at, fault.text);
      return false;
    }
    const forward = view.getUint32(0);
    const backward = view.getUint32(4);
    const last = this.#lastNode[height] ?? 0;
    if (backward !== last)
      this.fault('Invalid sibling link', node, 4, `back to ${backward} instead of ${last}`);
    if (last !== 0 && this.#lastForward[height] !== node) {
      this.fault('Invalid sibling link', last, 0, `on to ${this.#lastForward[height]} instead of ${node}`);
    }
    this.#lastNode[height] = node;
    this.#lastForward[height] = forward;
    if (view.getUint16(10) === 0) {
      this.fault('Invalid record count', node, 10, 'no records');
      return false;
    }
    return this.#checkKeys(node, view);
  }

  #checkKeys(node: number, view: DataView): boolean {
    const { tree } = this;
    const keys = this.#keys;
    const isLeaf = view.getUint8(8) === NODE_KIND.leaf;
    const records = view.getUint16(10);
    let at = view.getUint16(recordOffsetAt(tree.nodeSizeBytes, 0));
    let previous = -1;
    for (let index = 0; index < records; index++) {
      const end = view.getUint16(recordOffsetAt(tree.nodeSizeBytes, index + 1));
      const length = view.getUint16(at);
      const dataAt = at + 2 + length + (length & 1);
      if (length < keys.lengthMin || length > keys.lengthMax || dataAt + (isLeaf ? 2 : 4) > end) {
        this.fault('Invalid key length', node, at, `key ${index} has ${length} bytes`);
        return false;
      }
      if (!keys.isKey(view, at)) {
        this.fault('Invalid key length', node, at, `key ${index} has ${length} bytes, its name does not fit`);
        return false;
      }
      if (previous >= 0 && keys.compare(view, previous, view, at) >= 0) {
        this.fault('Keys out of order', node, at, `key ${index}`);
        return false;
      }
      previous = at;
      at = end;
    }
    return true;
  }

  #dataAt(view: DataView, keyAt: number): number {
    const length = view.getUint16(keyAt);
    return keyAt + 2 + length + (length & 1);
  }

  #leaf(view: DataView, node: number, records: number): void {
    const size = this.tree.nodeSizeBytes;
    const record = this.#record;
    record.view = view;
    record.node = node;
    let at = view.getUint16(recordOffsetAt(size, 0));
    if (this.#lastLeaf && this.#keys.compare(this.#lastLeaf, this.#lastKeyAt, view, at) >= 0) {
      this.fault('Keys out of order', node, at, 'the first key is not behind the last of the node before');
    }
    for (let index = 0; index < records; index++) {
      record.keyAt = at;
      record.dataAt = this.#dataAt(view, at);
      record.endAt = view.getUint16(recordOffsetAt(size, index + 1));
      this.#lastKeyAt = at;
      at = record.endAt;
      this.visit(record);
    }
    this.#lastLeaf = view;
  }
}
