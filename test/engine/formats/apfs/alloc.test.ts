import { describe, expect, test } from 'vitest';
import { viewOf } from '../../../../src/engine/base/bytes.ts';
import { SimulatedClock } from '../../../../src/engine/base/clock.ts';
import { FsError } from '../../../../src/engine/base/errno.ts';
import { Prng } from '../../../../src/engine/base/prng.ts';
import { Store } from '../../../../src/engine/device/store.ts';
import { SpaceManager } from '../../../../src/engine/formats/apfs/alloc.ts';
import { Blocks } from '../../../../src/engine/formats/apfs/blocks.ts';
import { readCheckpoint, superblocksOf } from '../../../../src/engine/formats/apfs/checkpoint.ts';
import { ChunkBitmap } from '../../../../src/engine/formats/apfs/chunk-bitmap.ts';
import {
  FreedRuns,
  queueCapacity,
  queueNodeCount,
  queueNodes,
  readQueue,
} from '../../../../src/engine/formats/apfs/free-queue.ts';
import { NxSuperblock, TYPE_WORD } from '../../../../src/engine/formats/apfs/layout.ts';
import { mainQueueNodeLimit, poolQueueNodeLimit } from '../../../../src/engine/formats/apfs/layout-space.ts';
import { newfs } from '../../../../src/engine/formats/apfs/newfs.ts';
import { SpaceObject } from '../../../../src/engine/formats/apfs/space-object.ts';

const CHUNK = 32_768;
const XID = 3;

/** The plainest bitmap there can be. */
class Plain {
  readonly used: boolean[];

  constructor(readonly blockCount: number) {
    this.used = Array.from({ length: blockCount }, () => false);
  }

  find(wish: number): number {
    let length = 0;
    for (let at = 0; at < this.blockCount; at++) {
      length = this.used[at] ? 0 : length + 1;
      if (length === wish) return at - wish + 1;
    }
    return -1;
  }
}

describe('a bitmap of one chunk', () => {
  test.each([1, 2, 3])(
    'finds what a plain search finds, whatever was looked for before (seed %d)',
    (seed) => {
      const random = new Prng(seed);
      const blockCount = seed === 1 ? CHUNK : 1 + random.below(3000);
      const bitmap = new ChunkBitmap(new Uint8Array(4096), blockCount);
      const plain = new Plain(blockCount);
      const mark = (first: number, count: number, isUsed: boolean) => {
        for (let i = first; i < first + count; i++) plain.used[i] = isUsed;
      };
      const held: [number, number][] = [];
      for (let step = 0; step < (seed === 1 ? 400 : 4000); step++) {
        const wish = 1 + random.below(random.below(10) === 0 ? Math.min(blockCount, 2000) : 40);
        if (random.below(3) > 0) {
          const found = bitmap.find(wish);
          expect(found, `step ${step}, ${wish} blocks`).toBe(plain.find(wish));
          if (found < 0) continue;
          bitmap.use(found, wish);
          mark(found, wish, true);
          held.push([found, wish]);
        } else if (held.length > 0) {
          const [[first, count] = [0, 0]] = held.splice(random.below(held.length), 1);
          expect(bitmap.isAllUsed(first, count)).toBe(true);
          bitmap.clear(first, count);
          mark(first, count, false);
          expect(bitmap.isAllUsed(first, count)).toBe(false);
        }
      }
    },
  );

  test('looks for a block no farther than it is asked to', () => {
    const bitmap = new ChunkBitmap(new Uint8Array(4096), 1000);
    bitmap.use(100, 200);
    expect(bitmap.nextUsed(10)).toBe(100);
    expect(bitmap.nextFree(150)).toBe(300);
    for (let stop = 11; stop < 130; stop++) expect(bitmap.nextUsed(10, stop)).toBe(Math.min(stop, 100));
    for (let stop = 151; stop < 350; stop++) expect(bitmap.nextFree(150, stop)).toBe(Math.min(stop, 300));
    expect([bitmap.nextUsed(300, 2000), bitmap.nextFree(1000), bitmap.nextUsed(40, 30)]).toEqual([
      1000, 1000, 30,
    ]);
    expect([bitmap.freeAt(90, 5), bitmap.freeAt(90, 50), bitmap.freeAt(990, 50)]).toEqual([5, 10, 10]);
  });

  test('knows what is fresh', () => {
    const bitmap = new ChunkBitmap(new Uint8Array(4096), CHUNK);
    bitmap.use(10, 50);
    expect(bitmap.isFresh(10)).toBe(false);
    bitmap.remember();
    bitmap.use(100, 3);
    bitmap.clear(20, 5);
    expect([99, 100, 102, 103, 10, 20].map((block) => bitmap.isFresh(block))).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
    ]);
    bitmap.forget();
    expect(bitmap.isFresh(100)).toBe(false);
  });
});

describe('free queues', () => {
  test('runs that touch become one, in whatever order they come', () => {
    const random = new Prng(8);
    const blocks = Array.from({ length: 600 }, (_, i) => i * (i % 7 === 0 ? 2 : 1)).filter(
      (block, i, all) => all.indexOf(block) === i,
    );
    const runs = new FreedRuns();
    const rest = [...blocks];
    while (rest.length > 0) runs.add(rest.splice(random.below(rest.length), 1)[0] ?? 0, 1);
    const set = new Set(blocks);
    const expected = [...set].filter((block) => !set.has(block - 1)).length;
    expect([runs.runCount, runs.blockCount]).toEqual([expected, set.size]);
    const listed = runs
      .sorted()
      .flatMap(({ firstBlock, blockCount }) => Array.from({ length: blockCount }, (_, i) => firstBlock + i));
    expect(listed).toEqual([...set].sort((a, b) => a - b));
    expect(() => runs.add(listed[0] ?? 0, 1)).toThrow(FsError);
  });

  test.each([0, 1, 142, 143, 144, 288, 289, 20_448])('%d runs come back from their nodes', (count) => {
    const runs = Array.from({ length: count }, (_, i) => ({
      firstBlock: 10 * i + 5,
      blockCount: 1 + (i % 3),
    }));
    const oids = Array.from({ length: queueNodeCount(count) }, (_, i) => 2000 + i);
    const nodes = queueNodes(runs, XID, oids);
    expect(nodes).toHaveLength(oids.length);
    const found = readQueue(2000, nodes.length, (oid) => nodes[oid - 2000]);
    expect(found).toEqual({ runs, oids });
  });

  test('a limit holds what it promises, and no more nodes than that', () => {
    for (const limit of [1, 3, 4, 10, 116, 512]) {
      const capacity = queueCapacity(limit);
      expect(queueNodeCount(capacity)).toBeLessThanOrEqual(limit);
    }
    expect([256, 4096, 9000, 2 ** 18, 2 ** 20].map(mainQueueNodeLimit)).toEqual([1, 1, 3, 116, 512]);
    expect([1, 375, 376, 131_072].map(poolQueueNodeLimit)).toEqual([1, 1, 3, 349]);
  });

  test('what is no queue is refused', () => {
    const runs = Array.from({ length: 300 }, (_, i) => ({ firstBlock: 10 * i, blockCount: 2 }));
    const nodes = queueNodes(runs, XID, [1, 2, 3, 4]);
    const nodeOf = (oid: number) => nodes[oid - 1];
    expect(() => readQueue(1, 2, nodeOf)).toThrow(/damaged/);
    expect(() => readQueue(1, 9, (oid) => (oid === 2 ? undefined : nodeOf(oid)))).toThrow(/damaged/);
    expect(() => readQueue(1, 9, () => nodes[0])).toThrow(/damaged/);
    const wrong = nodes[1]?.slice() ?? new Uint8Array(0);
    viewOf(wrong).setUint16(56, 60_000, true);
    expect(() => readQueue(1, 9, (oid) => (oid === 2 ? wrong : nodeOf(oid)))).toThrow(/damaged/);
  });
});

function managerOf(store: Store): SpaceManager {
  const blocks = new Blocks(store);
  const block0 = NxSuperblock.peek(blocks.copyOf(0));
  const [newest] = superblocksOf(blocks, block0);
  const checkpoint = readCheckpoint(blocks, newest ?? new Uint8Array(4096));
  if (typeof checkpoint === 'string') throw new Error(checkpoint);
  const space = checkpoint.objects.find(({ type }) => type === TYPE_WORD.spaceManager);
  return new SpaceManager(blocks, new SpaceObject((space?.bytes ?? new Uint8Array(0)).slice()));
}

function newStore(blockCount: number): Store {
  const store = new Store({ blockSizeBytes: 4096, blockCount });
  newfs(store, {
    ...{ label: 'Test', settings: {}, partitionFirstBlock: 0 },
    clock: new SimulatedClock(),
    random: new Prng(1),
  });
  return store;
}

describe('the space manager', () => {
  test('what is given depends on what is in use, not on what was asked for before', () => {
    const store = newStore(5 * CHUNK + 77);
    const [curious, plain] = [managerOf(store), managerOf(store)];
    const random = new Prng(12);
    const held: [number, number][] = [];
    for (let step = 0; step < 1500; step++) {
      // One of them has looked for many things that it then gave back.
      const probe = curious.allocate(1 + random.below(5000), null, 'data', XID);
      if (probe !== undefined) curious.free(probe.firstBlock, probe.blockCount, XID);
      if (random.below(3) > 0) {
        const count = 1 + random.below(random.below(5) === 0 ? 9000 : 30);
        const goal = random.below(2) === 0 ? null : random.below(5 * CHUNK);
        const use = random.below(2) === 0 ? 'data' : 'metadata';
        const run = curious.allocate(count, goal, use, XID);
        expect(run, `step ${step}`).toEqual(plain.allocate(count, goal, use, XID));
        if (run !== undefined) held.push([run.firstBlock, run.blockCount]);
      } else if (held.length > 0) {
        const [[first, count] = [0, 0]] = held.splice(random.below(held.length), 1);
        for (const manager of [curious, plain]) manager.free(first, count, XID);
      }
    }
    expect(curious.freeCount).toBe(plain.freeCount);
  });

  test('metadata gets the lowest block, a file goes on where it ended, a wish gets the lowest run that holds it', () => {
    const manager = managerOf(newStore(4096));
    const first = manager.allocate(1, null, 'metadata', XID)?.firstBlock ?? 0;
    expect(manager.allocate(1, null, 'metadata', XID)?.firstBlock).toBe(first + 1);
    const file = manager.allocate(10, null, 'data', XID);
    expect(manager.allocate(5, (file?.firstBlock ?? 0) + 10, 'data', XID)).toEqual({
      firstBlock: (file?.firstBlock ?? 0) + 10,
      blockCount: 5,
    });
    manager.free(first, 2, XID);
    expect(manager.allocate(3, null, 'data', XID)?.firstBlock).toBe((file?.firstBlock ?? 0) + 15);
    expect(manager.allocate(2, null, 'data', XID)?.firstBlock).toBe(first);
    const most = manager.allocate(CHUNK, null, 'data', XID);
    expect(most?.blockCount).toBeGreaterThan(1000);
  });

  test('what the checkpoint uses is queued, what is fresh is free at once, what is free cannot be freed', () => {
    const manager = managerOf(newStore(4096));
    const free = manager.freeCount;
    const run = manager.allocate(4, null, 'data', XID);
    const at = run?.firstBlock ?? 0;
    expect([manager.isFresh(at), manager.isFresh(at - 1)]).toEqual([true, false]);
    // The block before is in use since the container was made; both are freed as one run.
    manager.free(at - 1, 3, XID);
    expect([manager.freeCount, manager.freed.blockCount]).toEqual([free - 2, 1]);
    expect(() => manager.free(at, 1, XID)).toThrow(/free already/);
    expect(() => manager.free(at - 1, 1, XID)).toThrow(/freed twice/);
    expect(() => manager.free(5000, 1, XID)).toThrow(FsError);
    const { poolBase } = manager.object.pool;
    expect(() => manager.free(poolBase, 1, XID)).toThrow(FsError);
  });

  test('costs the same on 64 MiB and on 10 TiB', () => {
    const times = [2 ** 14, 2 ** 28 * 10].map((blockCount) => {
      const manager = managerOf(newStore(blockCount));
      let reads = 0;
      const { read } = manager.blocks;
      manager.blocks.read = (...given) => {
        reads++;
        read.apply(manager.blocks, given);
      };
      for (let i = 0; i < 5000; i++) manager.allocate(1 + (i % 3), null, i % 2 ? 'data' : 'metadata', XID);
      return reads;
    });
    expect(Math.max(...times)).toBeLessThan(12);
  });
});
