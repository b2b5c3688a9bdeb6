import { viewOf } from '../../base/bytes.ts';
import { FsError } from '../../base/errno.ts';
import { QUEUE_KEY_BYTES, QUEUE_TABLE_BYTES_MIN, QUEUE_VALUE_BYTES, writeQueueFooter } from './ephemeral.ts';
import { BTREE_INFO_SIZE_BYTES, FIXED_ENTRY_SIZE_BYTES, NODE_HEADER_SIZE_BYTES } from './layout-tree.ts';
import { BLOCK_SIZE_BYTES } from './layout.ts';
import { writeNode } from './node-writer.ts';
import type { RawRecord } from './node-writer.ts';
import { putU64 } from './object.ts';
import { get64 } from './words.ts';

/**
 * Runs of blocks that a transaction frees, merged while they are gathered: no two of them touch. In memory a queue
 * holds the runs of one transaction only, because those of the one before are released when it begins.
 */
export class FreedRuns {
  /** First block → length. */
  readonly #lengths = new Map<number, number>();
  /** Block behind the run → first block. */
  readonly #firsts = new Map<number, number>();
  #blockCount = 0;

  get blockCount(): number {
    return this.#blockCount;
  }

  get runCount(): number {
    return this.#lengths.size;
  }

  add(firstBlock: number, blockCount: number): void {
    let [first, length] = [firstBlock, blockCount];
    if (this.#lengths.has(first) || this.#firsts.has(first + length)) throw twiceFreed(firstBlock);
    const before = this.#firsts.get(first);
    if (before !== undefined) {
      this.#firsts.delete(first);
      length += this.#lengths.get(before) ?? 0;
      first = before;
    }
    const after = this.#lengths.get(firstBlock + blockCount);
    if (after !== undefined) {
      this.#lengths.delete(firstBlock + blockCount);
      length += after;
    }
    this.#lengths.set(first, length);
    this.#firsts.set(first + length, first);
    this.#blockCount += blockCount;
  }

  /** In ascending order. */
  sorted(): FreedRun[] {
    const runs = Array.from(this.#lengths, ([firstBlock, blockCount]) => ({ firstBlock, blockCount }));
    return runs.sort((a, b) => a.firstBlock - b.firstBlock);
  }

  clear(): void {
    this.#lengths.clear();
    this.#firsts.clear();
    this.#blockCount = 0;
  }
}

export interface FreedRun {
  readonly firstBlock: number;
  readonly blockCount: number;
}

const twiceFreed = (block: number): FsError =>
  new FsError(
    'EIO',
    '',
    '',
    `block ${block} would be freed twice: the container is damaged; check it with fsck`,
  );

// ── the tree on disk ────────────────────────────────────────────────────────────────────────────────────────────────

/** Records of a leaf at least, whether or not they are ghosts: by bytes in a root, by entries in any other node. */
const ROOT_RECORDS = Math.floor(
  (BLOCK_SIZE_BYTES - NODE_HEADER_SIZE_BYTES - QUEUE_TABLE_BYTES_MIN - BTREE_INFO_SIZE_BYTES) /
    (QUEUE_KEY_BYTES + QUEUE_VALUE_BYTES),
);
const NODE_RECORDS = QUEUE_TABLE_BYTES_MIN / FIXED_ENTRY_SIZE_BYTES;

/** How many runs a queue with this node limit surely holds: never more than two levels. */
export const queueCapacity = (nodeLimit: number): number =>
  nodeLimit < 3 ? ROOT_RECORDS : Math.min(nodeLimit - 1, ROOT_RECORDS) * NODE_RECORDS;

/** Nodes of a queue, root first; children as they follow. `oids` names them, at least `queueNodeCount` of them. */
export function queueNodes(runs: readonly FreedRun[], xid: number, oids: readonly number[]): Uint8Array[] {
  const records = runs.map((run) => recordOf(run, xid));
  const root = new Uint8Array(BLOCK_SIZE_BYTES);
  const leaves: Uint8Array[] = [];
  const form = { isFixed: true, tableBytes: QUEUE_TABLE_BYTES_MIN };
  if (records.length <= ROOT_RECORDS) {
    writeNode(root, { ...form, level: 0, isRoot: true }, records);
  } else {
    const index: RawRecord[] = [];
    for (let at = 0; at < records.length; at += NODE_RECORDS) {
      const leaf = new Uint8Array(BLOCK_SIZE_BYTES);
      const some = records.slice(at, at + NODE_RECORDS);
      writeNode(leaf, { ...form, level: 0, isRoot: false }, some);
      leaves.push(leaf);
      const child = new Uint8Array(QUEUE_VALUE_BYTES);
      putU64(child, 0, oids[leaves.length] ?? 0);
      index.push({ key: some[0]?.key ?? NO_KEY, value: child });
    }
    writeNode(root, { ...form, level: 1, isRoot: true }, index);
  }
  writeQueueFooter(root, records.length, 1 + leaves.length);
  return [root, ...leaves];
}

const NO_KEY = new Uint8Array(QUEUE_KEY_BYTES);

export const queueNodeCount = (runCount: number): number =>
  runCount <= ROOT_RECORDS ? 1 : 1 + Math.ceil(runCount / NODE_RECORDS);

function recordOf({ firstBlock, blockCount }: FreedRun, xid: number): RawRecord {
  const key = new Uint8Array(QUEUE_KEY_BYTES);
  putU64(key, 0, xid);
  putU64(key, 8, firstBlock);
  if (blockCount === 1) return { key, value: null };
  const value = new Uint8Array(QUEUE_VALUE_BYTES);
  putU64(value, 0, blockCount);
  return { key, value };
}

/** A queue as it was found on disk: what it holds, whatever transaction freed it, and its nodes' ids, root first. */
export interface FoundQueue {
  readonly runs: readonly FreedRun[];
  readonly oids: readonly number[];
}

const LEVELS_MAX = 12;
const NO_VALUE = 0xffff;

/**
 * Reads a queue. `nodeOf` gives the ephemeral node with an id, undefined when the checkpoint has none; `nodesMax` bounds
 * the walk. FsError EIO with a sentence on anything that is not a free queue.
 */
export function readQueue(
  rootOid: number,
  nodesMax: number,
  nodeOf: (oid: number) => Uint8Array | undefined,
): FoundQueue {
  const runs: FreedRun[] = [];
  const oids: number[] = [];
  const visit = (oid: number, level: number | null): void => {
    const bytes = nodeOf(oid);
    if (bytes === undefined || oids.length >= nodesMax) throw damaged();
    oids.push(oid);
    const view = viewOf(bytes);
    const isRoot = (view.getUint16(0x20, true) & 1) === 1;
    const ownLevel = view.getUint16(0x22, true);
    const keys = NODE_HEADER_SIZE_BYTES + view.getUint16(0x2a, true);
    const end = BLOCK_SIZE_BYTES - (isRoot ? BTREE_INFO_SIZE_BYTES : 0);
    const count = view.getUint32(0x24, true);
    if (ownLevel >= LEVELS_MAX || (level !== null && ownLevel !== level)) throw damaged();
    if (NODE_HEADER_SIZE_BYTES + count * FIXED_ENTRY_SIZE_BYTES > keys) throw damaged();
    for (let i = 0; i < count; i++) {
      const entry = NODE_HEADER_SIZE_BYTES + i * FIXED_ENTRY_SIZE_BYTES;
      const key = keys + view.getUint16(entry, true);
      const valueOffset = view.getUint16(entry + 2, true);
      const isGhost = valueOffset === NO_VALUE;
      const value = end - valueOffset;
      if (key + QUEUE_KEY_BYTES > end || (!isGhost && (value < keys || value + 8 > end))) throw damaged();
      if (ownLevel > 0) visit(get64(view, value), ownLevel - 1);
      else runs.push({ firstBlock: get64(view, key + 8), blockCount: isGhost ? 1 : get64(view, value) });
    }
  };
  if (rootOid !== 0) visit(rootOid, null);
  return { runs, oids };
}

const damaged = (): FsError =>
  new FsError('EIO', '', '', 'a free queue of the container is damaged; check it with fsck');
