import { describe, expect, test } from 'vitest';
import { Prng } from '../../../../src/engine/base/prng.ts';
import {
  HeldExtents,
  NO_PLACE,
  ReferenceMap,
  ReferenceRecords,
} from '../../../../src/engine/formats/apfs/fsck-references.ts';

/** The sweep over sorted runs against counting block by block. */
class Ears {
  readonly told: string[] = [];
  overlap(first: number, count: number): void {
    this.told.push(`overlap ${first}+${count}`);
  }
  missing(first: number, count: number): void {
    this.told.push(`missing ${first}+${count}`);
  }
  count(first: number, count: number, held: number, recorded: number, place: number): void {
    this.told.push(
      `${place === NO_PLACE ? 'uncovered' : 'count'} ${first}+${count}: ${recorded} for ${held}`,
    );
  }
  mixed(first: number, count: number): void {
    this.told.push(`mixed ${first}+${count}`);
  }
}

const held = (...streams: readonly (readonly (readonly [number, number])[])[]): HeldExtents => {
  const extents = new HeldExtents();
  for (const runs of streams) {
    const first = Float64Array.from(runs, ([block]) => block);
    const end = Float64Array.from(runs, ([block, count]) => block + count);
    extents.addStream(first, end, 0, runs.length, false);
  }
  return extents;
};

const records = (
  ...rows: readonly (readonly [number, number, number, 'new' | 'update'])[]
): ReferenceRecords => {
  const found = new ReferenceRecords();
  for (const [first, count, references, kind] of rows)
    found.add(first, count, references, kind === 'update', first);
  return found;
};

function judge(trees: readonly ReferenceRecords[], extents: HeldExtents): string[] {
  const ears = new Ears();
  const map = new ReferenceMap();
  for (const tree of trees) map.apply(tree, ears);
  map.compare(extents, ears);
  return ears.told;
}

describe('extent references against extents', () => {
  test('a run that one stream holds', () => {
    expect(judge([records([10, 4, 1, 'new'])], held([[10, 4]]))).toEqual([]);
  });

  test('a run of which a stream holds a part only', () => {
    expect(judge([records([10, 4, 1, 'new'])], held([[10, 3]]))).toEqual(['count 13+1: 1 for 0']);
  });

  test('a block that a stream holds twice counts once', () => {
    const twice: [number, number][] = [
      [12, 2],
      [10, 4],
      [12, 2],
    ];
    expect(judge([records([10, 4, 1, 'new'])], held(twice))).toEqual([]);
  });

  test('blocks that no run covers', () => {
    expect(judge([records([10, 4, 1, 'new'])], held([[8, 8]]))).toEqual([
      'uncovered 8+2: 0 for 1',
      'uncovered 14+2: 0 for 1',
    ]);
  });

  test('a difference splits what an older tree has', () => {
    const trees = [records([10, 10, 1, 'new']), records([12, 3, 1, 'update'], [17, 3, -1, 'update'])];
    expect(judge(trees, held([[10, 7]], [[12, 3]]))).toEqual([]);
  });

  test('a difference of blocks that nobody has, in the middle of what somebody has', () => {
    const trees = [records([10, 2, 1, 'new'], [14, 2, 1, 'new']), records([10, 6, 1, 'update'])];
    expect(judge(trees, held([[10, 2]], [[14, 2]]))).toEqual([
      'missing 12+2',
      'count 10+2: 2 for 1',
      'count 14+2: 2 for 1',
    ]);
  });

  test('new blocks that an older tree has', () => {
    const trees = [records([10, 4, 1, 'new']), records([12, 1, 1, 'new'])];
    expect(judge(trees, held([[10, 4]]))).toEqual(['overlap 12+1']);
  });

  test('a file and an attribute on one block', () => {
    const extents = held([[10, 2]]);
    extents.addStream(Float64Array.of(11), Float64Array.of(12), 0, 1, true);
    expect(judge([records([10, 1, 1, 'new'], [11, 1, 2, 'new'])], extents)).toEqual(['mixed 11+1']);
  });
});

test('as counting block by block, for any runs', () => {
  const random = new Prng(1);
  for (let round = 0; round < 300; round++) {
    const counts = new Array<number>(64).fill(0);
    const streams = Array.from({ length: 1 + random.below(4) }, () => {
      const mine = new Set<number>();
      const runs = Array.from({ length: random.below(5) }, (): [number, number] => {
        const first = random.below(56);
        const count = 1 + random.below(8);
        for (let block = first; block < first + count; block++) mine.add(block);
        return [first, count];
      });
      for (const block of mine) counts[block] = (counts[block] ?? 0) + 1;
      return runs;
    });
    // An older tree with something for every block that is held, and a newer one that makes it right.
    const older = counts.map((count) => (count > 0 ? 1 + random.below(3) : 0));
    const first = records(
      ...older.flatMap((count, block) => (count > 0 ? [[block, 1, count, 'new'] as const] : [])),
    );
    const second = records(
      ...counts.flatMap((count, block) => {
        const difference = count - (older[block] ?? 0);
        return difference !== 0 ? [[block, 1, difference, 'update'] as const] : [];
      }),
    );
    expect(judge([first, second], held(...streams)), `round ${round}`).toEqual([]);
    const wrong = random.below(64);
    const map = judge([first, second, records([wrong, 1, 1, 'update'])], held(...streams));
    const isHeld = (counts[wrong] ?? 0) > 0;
    expect(map, `round ${round}`).toEqual([
      isHeld ? `count ${wrong}+1: ${(counts[wrong] ?? 0) + 1} for ${counts[wrong]}` : `missing ${wrong}+1`,
    ]);
  }
});
