import type { SpaceManager } from './alloc.ts';
import { EphemeralObject } from './ephemeral.ts';
import { queueCapacity, queueNodeCount, queueNodes, readQueue } from './free-queue.ts';
import type { FoundQueue, FreedRun } from './free-queue.ts';
import { FREE_QUEUE } from './layout-space.ts';
import { OBJECT, TYPE_WORD } from './layout.ts';

/** One of the two free queues between its tree on the disk and the transaction that fills it anew. */
interface Queue {
  readonly which: number;
  nodeLimit: number;
  /** Of the nodes on disk, root first; what is written next takes them over in this order. */
  oids: number[];
  /** Freed by the newest transaction on the disk, to be released when the next one begins. */
  waiting: readonly FreedRun[];
  /** Freed, but more than one queue can hold: still in use, for the next transaction to queue. */
  carry: readonly FreedRun[];
}

/**
 * The free queues of main device and internal pool. Each is made in one piece from the sorted runs of a transaction, so
 * its nodes are dense and never more than its limit.
 */
export class Queues {
  readonly #main: Queue;
  readonly #pool: Queue;
  #waitingBlocks: number;

  constructor(
    readonly space: SpaceManager,
    objects: readonly EphemeralObject[],
  ) {
    const nodes = new Map(
      objects.filter(({ subtype }) => subtype === OBJECT.freeQueue).map(({ oid, bytes }) => [oid, bytes]),
    );
    const find = (which: number): Queue => {
      const { treeOid, treeNodeLimit } = space.object.queue(which);
      const found: FoundQueue = readQueue(treeOid, nodes.size, (oid) => nodes.get(oid));
      return { which, nodeLimit: treeNodeLimit, oids: [...found.oids], waiting: found.runs, carry: [] };
    };
    this.#main = find(FREE_QUEUE.main);
    this.#pool = find(FREE_QUEUE.internalPool);
    this.#waitingBlocks = lengthOf(this.#main.waiting);
  }

  hasNode(oid: number): boolean {
    return this.#main.oids.includes(oid) || this.#pool.oids.includes(oid);
  }

  /** Blocks that the next transaction can use as soon as it begins. */
  get waitingBlocks(): number {
    return this.#waitingBlocks;
  }

  /** Runs that are marked as in use in the bitmaps and will be free when the next transaction begins. */
  get waitingRuns(): readonly FreedRun[] {
    return this.#main.waiting;
  }

  /** The space manager has become one of another size, with other limits. */
  takeLimits(): void {
    for (const queue of [this.#main, this.#pool]) {
      queue.nodeLimit = this.space.object.queue(queue.which).treeNodeLimit;
    }
  }

  get hasCarry(): boolean {
    return this.#main.carry.length > 0 || this.#pool.carry.length > 0;
  }

  /** Runs that an empty main queue holds. */
  get capacity(): number {
    return queueCapacity(this.#main.nodeLimit);
  }

  /** Transaction `xid` begins: what the one before freed is free. The device is told, if it wants to know. */
  release(xid: number, trims: boolean): void {
    const { space } = this;
    space.pool.release(this.#pool.waiting);
    space.release(this.#main.waiting, xid);
    if (trims) {
      for (const { waiting } of [this.#main, this.#pool]) {
        for (const { firstBlock, blockCount } of waiting) space.blocks.trim(firstBlock, blockCount);
      }
    }
    for (const { firstBlock, blockCount } of this.#main.carry) space.freed.add(firstBlock, blockCount);
    for (const { firstBlock, blockCount } of this.#pool.carry) space.pool.freed.add(firstBlock, blockCount);
    for (const queue of [this.#main, this.#pool]) {
      queue.waiting = [];
      queue.carry = [];
    }
    this.#waitingBlocks = 0;
  }

  /** The queues' nodes for the checkpoint of `xid`; `nodesMax` of both together. Sets what the space manager says. */
  build(xid: number, nodesMax: number, newOid: () => number): EphemeralObject[] {
    const pool = this.#build(this.#pool, this.space.pool.freed.sorted(), xid, nodesMax - 1, newOid);
    const main = this.#build(this.#main, this.space.freed.sorted(), xid, nodesMax - pool.length, newOid);
    this.#waitingBlocks = lengthOf(this.#main.waiting);
    this.space.freed.clear();
    this.space.pool.freed.clear();
    return [...pool, ...main];
  }

  #build(
    queue: Queue,
    freed: readonly FreedRun[],
    xid: number,
    nodesMax: number,
    newOid: () => number,
  ): EphemeralObject[] {
    const capacity = queueCapacity(Math.min(queue.nodeLimit, nodesMax));
    const runs = freed.slice(0, capacity);
    queue.carry = freed.slice(capacity);
    queue.waiting = runs;
    if (runs.length === 0 && queue.oids.length === 0) return [];
    const count = queueNodeCount(runs.length);
    while (queue.oids.length < count) queue.oids.push(newOid());
    queue.oids.length = count;
    const blockCount = lengthOf(runs);
    const { oids } = queue;
    this.space.object.setQueue(queue.which, blockCount, oids[0] ?? 0, runs.length === 0 ? 0 : xid);
    return queueNodes(runs, xid, oids).map((bytes, i) => {
      const type = i === 0 ? TYPE_WORD.ephemeralRoot : TYPE_WORD.ephemeralNode;
      return new EphemeralObject(oids[i] ?? 0, type, OBJECT.freeQueue, bytes);
    });
  }
}

const lengthOf = (runs: readonly FreedRun[]): number => runs.reduce((sum, run) => sum + run.blockCount, 0);
