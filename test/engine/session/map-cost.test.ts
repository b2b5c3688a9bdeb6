import { expect, test } from 'vitest';
import { bench } from './bench.ts';
import { millisecondsOf, Stopwatch } from '../../support/stopwatch.ts';

/**
 * Goal: the map of a disk costs what is stored on it, not how large it is. Method: the same few files on a disk of each
 * format as large as it gets, and on one of ten million blocks; the time from a write to the new map. Bounds are
 * generous: a walk over the blocks would take a hundred times as long.
 */
test.each([
  ['apfs', 2 ** 44],
  ['hfsplus', 2 ** 44],
  ['exfat', 2 ** 44],
  ['fat32', 2 ** 40],
  ['apfs', 4096e7],
  ['exfat', 512e7],
])('%s of %d bytes: a write is on the map at once', (format, sizeBytes) => {
  const { session, run } = bench({ format, sizeBytes });
  run('mkfile -n 3g big; mkfile 100m small; echo a > text');
  const { blockCount } = session.views.disk();
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    run('echo b > text');
    const watch = new Stopwatch();
    const { written } = session.views.map({ firstBlock: 0, blockCount, cellsMax: 4000 });
    times.push(watch.milliseconds);
    expect(written).toContain(1);
  }
  expect(Math.min(...times)).toBeLessThan(250);

  const half = { firstBlock: 0, blockCount: Math.floor(blockCount / 2), cellsMax: 20_000 };
  expect(millisecondsOf(() => session.views.map(half))).toBeLessThan(100);
});

test('the map counts who shares blocks, and knows where chains end', () => {
  const apfs = bench({ format: 'apfs' });
  apfs.run('mkfile 1m a; cp -c a b; cp -c a c');
  const { blockCount } = apfs.session.views.disk();
  const whole = { firstBlock: 0, blockCount, cellsMax: blockCount };
  const shared = apfs.session.views.map(whole);
  const sectorsPerMegabyte = 2048;
  expect(shared.holders.filter((count) => count === 3)).toHaveLength(sectorsPerMegabyte);

  const fat = bench();
  fat.run('mkfile 6k a; mkfile 6k b; rm a; mkfile 60k c');
  const view = fat.session.views.map({ ...whole, blockCount: fat.session.views.disk().blockCount });
  const ends = [...view.chainEnds].flatMap((is, block) =>
    is === 1 ? [view.owners[view.owner[block] ?? 0] ?? ''] : [],
  );
  expect(ends.sort()).toEqual(['/', '/b', '/c']);
});
