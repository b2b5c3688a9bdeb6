import { isZero } from '../../base/bytes.ts';
import { BLOCK_SIZE_BYTES, OBJECT_FLAG, OBJECT_HEADER_SIZE_BYTES, TYPE_WORD } from './layout.ts';
import { BTREE_FLAG, BTREE_INFO_AT, BtreeInfo, TREE_DEPTH_MAX } from './layout-tree.ts';
import { hex, u64At } from './fsck-check.ts';
import type { Check } from './fsck-check.ts';
import type { TreeKind } from './fsck-kinds.ts';
import type { Remedy } from './fsck-report.ts';
import { Node } from './fsck-node.ts';
import { checkObject } from './fsck-object.ts';

/** Which tree to read, and how. */
export interface TreeSource {
  readonly kind: TreeKind;
  /** Reference of the root: a block, a virtual or an ephemeral id, as the kind's storage says. */
  readonly root: number;
  /**
   * Where a node lies and, of a virtual one, the transaction that its mapping names; null: nowhere (the reader tells).
   * Called exactly once for each node of the tree: the place to mark blocks as used (`physicalNodes` does).
   */
  readonly resolve: (reference: number) => Located | null;
  /** In messages, before what the tree is called: 'volume 1, '. Absent: nothing. */
  readonly owner?: string;
  /** Newest transaction a node may carry; absent: that of the checkpoint. */
  readonly xidMax?: number;
  /** Nodes carry the flag of encrypted objects. */
  readonly isEncrypted?: boolean;
  /** What makes the whole tree anew, of trees that tell nothing new. Absent: a broken tree leaves usage unknown. */
  readonly remedy?: Remedy;
  /** Blocks that need not be verified again (catalogs of snapshots share nodes); the reader adds what is sound. */
  readonly verified?: Set<number>;
}

export interface Located {
  readonly block: number;
  readonly xid?: number;
}

/** The resolver of physical trees: a reference is a block; each node's is marked as used. */
export const physicalNodes =
  (check: Check, owner: string, ownerNumber?: number) =>
  (block: number): Located | null =>
    check.mark(block, 1, owner, ownerNumber) ? { block } : null;

/** The record being visited. One object for all records of a tree: whoever keeps something copies it. */
export interface TreeRecord {
  /** The whole node; it does not change, references to it may be kept. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** APFS block of the node. */
  readonly block: number;
  readonly keyAt: number;
  readonly keyEnd: number;
  readonly valueAt: number;
  /** Equal to `valueAt` for a key without a value. */
  readonly valueEnd: number;
}

export interface TreeResult {
  /** Part of the tree could not be read: what it lacks says nothing. */
  readonly isBroken: boolean;
  readonly keyCount: number;
  readonly nodeCount: number;
  /** Transaction of the root; 0 when it cannot be read. */
  readonly rootXid: number;
}

/**
 * Reads any B-tree: calls `visit` for every record of a leaf in order and checks everything that makes it a tree
 * (apfs.md §4.4, §4.5): headers, flags, levels, size of the table, free space, order of keys, first key equal to the
 * parent's, footer. Never throws and always ends: levels fall from at most TREE_DEPTH_MAX, no node is entered twice.
 * A node that cannot be read is left out with all below it.
 */
export function readTree(check: Check, source: TreeSource, visit: (record: TreeRecord) => void): TreeResult {
  const errors = check.report.errors;
  const walk = new Walk(check, source, visit);
  walk.run();
  if (walk.isBroken && !source.remedy) check.isUsageUnknown = true;
  if (check.report.errors > errors) check.report.line(`${source.kind.title} is invalid.`);
  return walk;
}

interface Key {
  bytes: Uint8Array;
  at: number;
  end: number;
}

class Walk implements TreeResult {
  isBroken = false;
  keyCount = 0;
  nodeCount = 0;
  rootXid = 0;
  readonly #check: Check;
  readonly #source: TreeSource;
  readonly #visit: (record: TreeRecord) => void;
  readonly #entered = new Set<number>();
  /** The key before the one being looked at, wherever it stands. */
  readonly #last: Key = { bytes: new Uint8Array(0), at: 0, end: 0 };
  #hasLast = false;
  #longestKey = 0;
  #longestValue = 0;
  readonly #record = {
    bytes: new Uint8Array(0) as Uint8Array,
    view: new DataView(new ArrayBuffer(0)) as DataView,
    block: 0,
    keyAt: 0,
    keyEnd: 0,
    valueAt: 0,
    valueEnd: 0,
  };

  constructor(check: Check, source: TreeSource, visit: (record: TreeRecord) => void) {
    this.#check = check;
    this.#source = source;
    this.#visit = visit;
  }

  run(): void {
    const root = this.#read(this.#source.root, null);
    if (!root) return;
    this.rootXid = u64At(root.view, 16);
    if (root.level >= TREE_DEPTH_MAX) {
      this.#break(`(oid ${hex(this.#source.root)})`, `level ${root.level} of the root`, root.block);
      return;
    }
    this.#walk(root);
    this.#checkFooter(root);
  }

  #walk(node: Node): void {
    this.nodeCount++;
    if (node.isLeaf) this.#visitLeaf(node);
    else for (let i = 0; i < node.count; i++) this.#enterChild(node, i);
  }

  #visitLeaf(node: Node): void {
    const record = this.#record;
    record.bytes = node.bytes;
    record.view = node.view;
    record.block = node.block;
    this.keyCount += node.count;
    for (let i = 0; i < node.count; i++) {
      const at = node.keyAt(i);
      const end = node.keyEnd(i);
      this.#step(node, i, at, end);
      const valueAt = node.valueAt(i);
      const length = node.valueBytes(i);
      if (end - at > this.#longestKey) this.#longestKey = end - at;
      if (length > this.#longestValue) this.#longestValue = length;
      record.keyAt = at;
      record.keyEnd = end;
      record.valueAt = valueAt;
      record.valueEnd = valueAt + length;
      this.#visit(record);
    }
  }

  #enterChild(node: Node, index: number): void {
    const { view } = node;
    const at = node.keyAt(index);
    const end = node.keyEnd(index);
    this.#step(node, index, at, end);
    if (end - at > this.#longestKey) this.#longestKey = end - at;
    const base = this.#source.kind.isSealed ? this.#source.root : 0;
    const reference = base + u64At(view, node.valueAt(index));
    const child = this.#read(reference, node);
    if (!child) return;
    if (!isSameKey(child, node, at, end)) this.#tell(child, 'index key absent from child node');
    // The child's first key is the parent's: it is not "repeated" when met again there.
    this.#hasLast = false;
    this.#walk(child);
  }

  /** Keys ascend strictly through the whole tree. */
  #step(node: Node, index: number, at: number, end: number): void {
    const last = this.#last;
    if (this.#hasLast) {
      const order = this.#compare(node, index, last.bytes, last.at, last.end);
      if (order <= 0) {
        this.#tell(node, order === 0 ? `key ${index} is repeated` : `invalid key order (${index})`);
      }
    }
    if (this.#source.kind.code === 'om' && u64At(node.view, at + 8) > u64At(node.view, 16)) {
      this.#tell(node, `key ${index} is of a later transaction than its node`);
    }
    last.bytes = node.bytes;
    last.at = at;
    last.end = end;
    this.#hasLast = true;
  }

  #compare(node: Node, index: number, bytes: Uint8Array, at: number, end: number): number {
    return this.#source.kind.compare(node.bytes, node.keyAt(index), node.keyEnd(index), bytes, at, end);
  }

  /** Null, with a finding and `isBroken`, when there is no node to go on with. */
  #read(reference: number, parent: Node | null): Node | null {
    const { kind, resolve } = this.#source;
    const at = `(oid ${hex(reference)})`;
    const located = resolve(reference);
    const where = parent?.block ?? located?.block ?? 0;
    if (!located || !this.#check.isInside(located.block, 1)) {
      return this.#break(
        at,
        located ? `block ${hex(located.block)} is not in the container` : 'no such object',
        where,
      );
    }
    const { block } = located;
    if (this.#entered.has(block))
      return this.#break(at, `block ${hex(block)} is two nodes of the tree`, where);
    this.#entered.add(block);
    const bytes = this.#check.read(block);
    const isVerified = this.#source.verified?.has(block) ?? false;
    const errors = this.#check.report.errors;
    if (!isVerified && !this.#checkHeader(bytes, reference, located, parent)) {
      this.isBroken = true;
      return null;
    }
    const node = new Node(bytes, block, kind);
    if (parent && node.level !== parent.level - 1) {
      return this.#break(at, `level ${node.level} below a node of level ${parent.level}`, block);
    }
    if (isVerified) return node;
    const fatal = node.fatalFault(parent === null);
    if (fatal !== null) return this.#break(at, fatal, block);
    const fault = node.fault();
    if (fault !== null) this.#tell(node, fault);
    if (this.#check.report.errors === errors) this.#source.verified?.add(block);
    return node;
  }

  #checkHeader(bytes: Uint8Array, reference: number, { block, xid }: Located, parent: Node | null): boolean {
    const { kind, isEncrypted, xidMax, remedy } = this.#source;
    if (kind.isSealed) {
      if (isZero(bytes.subarray(0, OBJECT_HEADER_SIZE_BYTES))) return true;
      this.#check.error(
        'tree',
        `${this.#name(`(oid ${hex(reference)})`)} a node without header has one`,
        block,
      );
      return false;
    }
    const isRoot = parent === null;
    const words = WORDS[kind.storage];
    const type = (isRoot ? words[0] : words[1]) + (isEncrypted ? OBJECT_FLAG.encrypted : 0);
    const isSound = checkObject(this.#check, bytes, block, {
      name: `${this.#source.owner ?? ''}${kind.code}: btn`,
      oid: reference,
      type,
      subtype: kind.subtype,
      ...(xid !== undefined && { xid }),
      ...(xidMax !== undefined && { xidMax }),
      ...(remedy && { remedy }),
    });
    if (
      isSound &&
      parent &&
      kind.storage === 'physical' &&
      u64At(parent.view, 16) < u64At(new DataView(bytes.buffer, bytes.byteOffset), 16)
    ) {
      this.#tell(parent, `its child ${hex(reference)} is of a later transaction`);
    }
    return isSound;
  }

  #name(at: string): string {
    return `${at} ${this.#source.owner ?? ''}${this.#source.kind.code}: btn:`;
  }

  #tell(node: Node, text: string): void {
    this.#check.error(
      'tree',
      `${this.#name(`(block ${hex(node.block)})`)} ${text}`,
      node.block,
      this.#source.remedy,
    );
  }

  #break(at: string, text: string, block: number): null {
    this.isBroken = true;
    this.#check.error('tree', `${this.#name(at)} ${text}`, block, this.#source.remedy);
    return null;
  }

  #checkFooter(root: Node): void {
    const { kind } = this.#source;
    const info = BtreeInfo.peek(root.bytes, BTREE_INFO_AT);
    const free = BTREE_FLAG.uint64Keys | BTREE_FLAG.sequentialInsert;
    const wrong = (what: string, found: number, right: number): void =>
      this.#tell(root, `wrong ${what} in the footer (${found}, expected ${right})`);
    if ((info.flags & ~free) >>> 0 !== kind.footerFlags) wrong('flags', info.flags, kind.footerFlags);
    if (info.nodeSizeBytes !== BLOCK_SIZE_BYTES) wrong('node size', info.nodeSizeBytes, BLOCK_SIZE_BYTES);
    const keyBytes = kind.fixed?.keyBytes ?? 0;
    const valueBytes = kind.fixed?.valueBytes ?? 0;
    if (info.keySizeBytes !== keyBytes) wrong('key size', info.keySizeBytes, keyBytes);
    if (info.valueSizeBytes !== valueBytes) wrong('value size', info.valueSizeBytes, valueBytes);
    if (this.isBroken) return;
    if (info.keyCount !== this.keyCount) wrong('key count', info.keyCount, this.keyCount);
    if (info.nodeCount !== this.nodeCount) wrong('node count', info.nodeCount, this.nodeCount);
    this.#checkLongest('key', info.longestKeyBytes, this.#longestKey, kind.longest.keyBytes, wrong);
    this.#checkLongest('value', info.longestValueBytes, this.#longestValue, kind.longest.valueBytes, wrong);
  }

  #checkLongest(
    what: string,
    found: number,
    met: number,
    exact: number | null,
    wrong: (what: string, found: number, right: number) => void,
  ): void {
    if (exact === null) {
      if (found < met) wrong(`longest ${what}`, found, met);
    } else if (
      found !== exact &&
      !(found === 0 && this.keyCount === 0 && this.#source.kind.mayLongestBeZero)
    ) {
      wrong(`longest ${what}`, found, exact);
    }
  }
}

/** The key from `at` to `end` of an index node is, byte for byte, the first one of its child. */
function isSameKey(child: Node, node: Node, at: number, end: number): boolean {
  const first = child.keyAt(0);
  if (child.keyEnd(0) - first !== end - at) return false;
  for (let i = 0; i < end - at; i++) if (child.bytes[first + i] !== node.bytes[at + i]) return false;
  return true;
}

/** Type words of root and other nodes. */
const WORDS = {
  physical: [TYPE_WORD.physicalRoot, TYPE_WORD.physicalNode],
  virtual: [TYPE_WORD.virtualRoot, TYPE_WORD.virtualNode],
  ephemeral: [TYPE_WORD.ephemeralRoot, TYPE_WORD.ephemeralNode],
} as const;
