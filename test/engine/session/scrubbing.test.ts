import { expect, test } from 'vitest';
import { bench } from './bench.ts';
import { Stopwatch } from '../../support/stopwatch.ts';

/**
 * Goal: going anywhere in a long history is quick whatever lies between. Method: hundreds of lines on a disk of ten
 * million blocks, then jumps all over it, each with a whole map. The bounds are wide: the machine may be busy.
 */
const STEPS = 500;

test.each(['fat32', 'apfs'])(
  '%s: jumps over hundreds of steps on ten million blocks take milliseconds',
  (format) => {
    const { session, run } = bench({ format, sizeBytes: 5 * 2 ** 30 });
    run('cd /Volumes/BENCH');
    for (let i = 1; i < STEPS; i++) run(i % 3 === 0 ? `rm f${(i - 3) % 50}` : `echo ${i} > f${i % 50}`);
    const { blockCount } = session.store;
    const times: number[] = [];
    for (let i = 0; i < 60; i++) {
      const watch = new Stopwatch();
      session.seek({ step: (i * 137) % STEPS });
      session.views.disk();
      session.views.map({ firstBlock: 0, blockCount, cellsMax: 20_000 });
      times.push(watch.milliseconds);
    }
    times.sort((a, b) => a - b);
    expect(times[30]).toBeLessThan(150);
    expect(session.store.storedBytes).toBeLessThan(40 * 2 ** 20);
  },
);
