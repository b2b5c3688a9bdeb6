import { viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import type { WriteLabel } from '../../device/device.ts';
import type { Blocks } from './blocks.ts';
import {
  BTREE_INFO_SIZE_BYTES,
  FIXED_ENTRY_SIZE_BYTES,
  NODE_FLAG,
  NODE_HEADER_SIZE_BYTES,
  OMAP_FLAG,
  OMAP_VALUE_FLAG,
  OmapPhys,
  TREE_DEPTH_MAX,
} from './layout-tree.ts';
import { BLOCK_SIZE_BYTES, OBJECT, TYPE_WORD } from './layout.ts';
import { omapLeaf, omapObject } from './new-volume.ts';
import type { OmapEntry } from './new-volume.ts';
import { isIntact } from './object.ts';
import { CONTAINER_SPENDER } from './transaction.ts';
import type { Transaction } from './transaction.ts';
import { get64 } from './words.ts';

/**
 * The container's object map: where the superblock of each volume is. Read whole, whatever its shape; written as one
 * leaf with exactly the live volumes, anew with every checkpoint in which one of them moved.
 */
export class ContainerMap {
  /** By oid. */
  readonly #entries = new Map<number, OmapEntry>();
  /** Object and nodes as they lie on disk. */
  #blocks: number[];
  #isDirty = false;

  /** FsError EIO with a sentence when it cannot be read. `xid`: of the checkpoint. */
  constructor(
    blocks: Blocks,
    readonly block: number,
    xid: number,
  ) {
    const bytes = blocks.copyOf(block);
    const object = OmapPhys.peek(bytes);
    const isSound =
      isIntact(bytes) && object.type === TYPE_WORD.objectMap && object.oid === block && object.xid <= xid;
    if (!isSound) throw damaged(`block ${block} is not the object map of the container`);
    this.#blocks = [block];
    const visited = new Set<number>();
    this.#readNode(blocks, object.treeBlock, null, xid, visited);
    this.#blocks.push(...visited);
  }

  #readNode(blocks: Blocks, block: number, level: number | null, xid: number, visited: Set<number>): void {
    if (visited.has(block) || visited.size >= NODES_MAX)
      throw damaged(`its node in block ${block} is met twice`);
    visited.add(block);
    const bytes = blocks.copyOf(block);
    const view = viewOf(bytes);
    const own = view.getUint16(0x22, true);
    const isRoot = (view.getUint16(0x20, true) & NODE_FLAG.root) !== 0;
    const isSound =
      isIntact(bytes) &&
      get64(view, 8) === block &&
      get64(view, 16) <= xid &&
      view.getUint32(28, true) === OBJECT.objectMap &&
      isRoot === (level === null) &&
      own < TREE_DEPTH_MAX &&
      (level === null || own === level);
    if (!isSound) throw damaged(`its node in block ${block} is damaged`);
    const count = view.getUint32(0x24, true);
    const keys = NODE_HEADER_SIZE_BYTES + view.getUint16(0x2a, true);
    const end = BLOCK_SIZE_BYTES - (isRoot ? BTREE_INFO_SIZE_BYTES : 0);
    if (NODE_HEADER_SIZE_BYTES + count * FIXED_ENTRY_SIZE_BYTES > keys) {
      throw damaged(`its node in block ${block} is too full`);
    }
    for (let i = 0; i < count; i++) {
      const entry = NODE_HEADER_SIZE_BYTES + i * FIXED_ENTRY_SIZE_BYTES;
      const key = keys + view.getUint16(entry, true);
      const value = end - view.getUint16(entry + 2, true);
      if (key + 16 > end || value < keys || value + (own === 0 ? 16 : 8) > end) {
        throw damaged(`record ${i} of its node in block ${block} lies outside`);
      }
      if (own > 0) this.#readNode(blocks, get64(view, value), own - 1, xid, visited);
      else this.#readRecord(view, key, value, xid);
    }
  }

  #readRecord(view: DataView, key: number, value: number, xid: number): void {
    const entry = { oid: get64(view, key), xid: get64(view, key + 8), block: get64(view, value + 8) };
    const isDeleted = (view.getUint32(value, true) & OMAP_VALUE_FLAG.deleted) !== 0;
    const known = this.#entries.get(entry.oid);
    if (entry.xid > xid || (known !== undefined && known.xid > entry.xid)) return;
    if (isDeleted) this.#entries.delete(entry.oid);
    else this.#entries.set(entry.oid, entry);
  }

  find(oid: number): OmapEntry | undefined {
    return this.#entries.get(oid);
  }

  set(oid: number, block: number, xid: number): void {
    this.#entries.set(oid, { oid, xid, block });
    this.#isDirty = true;
  }

  remove(oid: number): void {
    if (this.#entries.delete(oid)) this.#isDirty = true;
  }

  get isDirty(): boolean {
    return this.#isDirty;
  }

  /** Only these oids are volumes; what else is listed is left out of the next version. */
  keepOnly(oids: ReadonlySet<number>): void {
    for (const oid of this.#entries.keys()) if (!oids.has(oid)) this.#entries.delete(oid);
  }

  /** Writes a new version, if anything changed, and returns the block of its object. */
  write(transaction: Transaction, blocks: Blocks, current: number): number {
    if (!this.#isDirty) return current;
    for (const block of this.#blocks) transaction.freeBlocks(block, 1, CONTAINER_SPENDER);
    const block = transaction.allocateBlock(CONTAINER_SPENDER);
    const root = transaction.allocateBlock(CONTAINER_SPENDER);
    const entries = [...this.#entries.values()].sort((a, b) => a.oid - b.oid);
    const { xid } = transaction;
    blocks.write(block, omapObject(block, xid, root, OMAP_FLAG.manuallyManaged), LABEL);
    blocks.write(root, omapLeaf(root, xid, entries), LABEL);
    this.#blocks = [block, root];
    this.#isDirty = false;
    return block;
  }
}

/** 100 volumes fit in one. */
const NODES_MAX = 64;

const LABEL: WriteLabel = {
  role: 'tree',
  owner: 'container object map',
  reason: 'tell where the superblocks of the volumes are now',
};

const damaged = (detail: string): FsError =>
  new FsError('EIO', '', '', `the object map of the container cannot be used: ${detail}; check it with fsck`);
