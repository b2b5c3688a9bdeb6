import { isZero } from '../../base/bytes.ts';
import { OBJECT, TYPE_WORD } from './layout.ts';
import {
  FREE_QUEUE,
  FreeQueue,
  mainQueueNodeLimit,
  poolQueueNodeLimit,
  SPACE_QUEUES_AT,
} from './layout-space.ts';
import { hex, u64At } from './fsck-check.ts';
import type { Ephemerals } from './fsck-checkpoint.ts';
import { TREE_KINDS } from './fsck-kinds.ts';
import { SPACE_REMEDY } from './fsck-report.ts';
import type { Space } from './fsck-space.ts';
import { readTree } from './fsck-tree.ts';
import type { TreeRecord } from './fsck-tree.ts';

/**
 * Both free queues (apfs.md §3.5): blocks freed by recent transactions, which stay marked as used until no checkpoint
 * needs them. Order, counts, oldest transaction, limits; every range is claimed, so that one in use by something else
 * comes out as used twice. Their trees can be made anew, so what is wrong with them can be repaired.
 */
export function checkQueues(space: Space, ephemerals: Ephemerals): void {
  checkQueue(space, ephemerals, FREE_QUEUE.internalPool, poolQueueNodeLimit(space.device.chunkCount));
  checkQueue(space, ephemerals, FREE_QUEUE.main, mainQueueNodeLimit(space.device.blockCount));
  const at = SPACE_QUEUES_AT + FREE_QUEUE.secondary * FreeQueue.sizeBytes;
  if (!isZero(space.bytes.subarray(at, at + FreeQueue.sizeBytes))) {
    space.wrong('a free queue of a second device in a container that has none');
  }
}

type Which = typeof FREE_QUEUE.internalPool | typeof FREE_QUEUE.main;

/** Owners of the ranges that wait, in claims. */
export const QUEUE_NAMES = {
  [FREE_QUEUE.internalPool]: 'internal pool free queue',
  [FREE_QUEUE.main]: 'main free queue',
};

function checkQueue(space: Space, ephemerals: Ephemerals, which: Which, limit: number): void {
  const queue = space.queues[which];
  if (!queue) return;
  const { check } = space;
  const name = QUEUE_NAMES[which];
  const wrong = (text: string): void =>
    check.error('free-queue', `${name}: ${text}`, space.block, SPACE_REMEDY);
  const at = SPACE_QUEUES_AT + which * FreeQueue.sizeBytes;
  if (!isZero(space.bytes.subarray(at + 26, at + FreeQueue.sizeBytes))) {
    check.error('space-manager', `${name}: a reserved field is set`, space.block);
  }
  let blocks = 0;
  let oldest = 0;
  let nodes = 0;
  let isBroken = false;
  if (queue.treeOid !== 0) {
    const source = {
      kind: TREE_KINDS.freeQueue,
      root: queue.treeOid,
      owner: `${name} `,
      remedy: SPACE_REMEDY,
      resolve: (oid: number) => {
        const type = oid === queue.treeOid ? TYPE_WORD.ephemeralRoot : TYPE_WORD.ephemeralNode;
        const mapping = ephemerals.locate(oid, type, OBJECT.freeQueue);
        return mapping ? { block: mapping.block, xid: check.xid } : null;
      },
    };
    ({ nodeCount: nodes, isBroken } = readTree(check, source, (record) => {
      blocks += visitRange(space, which, record, wrong);
      const xid = u64At(record.view, record.keyAt);
      if (oldest === 0) oldest = xid;
      if (xid === 0 || xid > check.xid) wrong(`blocks freed by transaction ${xid}`);
    }));
  }
  if (queue.treeNodeLimit !== limit) {
    check.error(
      'space-manager',
      `${name}: a limit of ${queue.treeNodeLimit} nodes, expected ${limit}`,
      space.block,
    );
  }
  if (isBroken) return;
  if (queue.count !== blocks) wrong(`${queue.count} blocks according to the space manager, ${blocks} found`);
  if (queue.oldestXid !== oldest) wrong(`oldest transaction ${queue.oldestXid}, expected ${oldest}`);
  if (nodes > limit) wrong(`${nodes} nodes, allowed are ${limit}`);
}

/** How many blocks the record frees; 0 for one that makes no sense. */
function visitRange(space: Space, which: Which, record: TreeRecord, wrong: (text: string) => void): number {
  const { view, keyAt, valueAt, valueEnd } = record;
  const isGhost = valueEnd === valueAt;
  const count = isGhost ? 1 : u64At(view, valueAt);
  const first = u64At(view, keyAt + 8);
  const range = `blocks ${hex(first)}+${count}`;
  if (count === 0) wrong(`an empty range at block ${hex(first)}`);
  else if (count === 1 && !isGhost) wrong(`${range} needs no value`);
  if (count === 0) return 0;
  if (!space.check.isInside(first, count)) {
    wrong(`${range} are not in the container`);
    return count;
  }
  const isFirstInPool = space.isInPool(first);
  if (isFirstInPool !== space.isInPool(first + count - 1)) {
    wrong(`${range} reach across the border of the internal pool`);
  } else if (isFirstInPool !== (which === FREE_QUEUE.internalPool)) {
    wrong(`${range} belong into the other free queue`);
  } else if (isFirstInPool) {
    space.mark(first, count, QUEUE_NAMES[which]);
  } else {
    space.check.mark(first, count, QUEUE_NAMES[which]);
  }
  return count;
}
