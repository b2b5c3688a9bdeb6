import { describe, expect, test } from 'vitest';
import { bench } from '../engine/session/bench.ts';
import { demo, freeKilobytes, runLine, usedKilobytes } from './demo.ts';

/**
 * Goal: what people say of APFS can be seen and counted. Each test is one claim (an article's, a manual's) and runs a
 * script of this folder, which is fit for a lecture as it stands.
 */
const GIB = 2 ** 30;
const dataBytes = ({ bytesByRole }: { bytesByRole: Partial<Record<string, number>> }) =>
  bytesByRole['data'] ?? 0;

describe('a clone', () => {
  const shown = demo('clone.sh', { format: 'apfs', sizeBytes: 100 * GIB });

  test('of 50 GB takes less than 50 ms and writes no block of contents', () => {
    const clone = shown.line('cp -c');
    expect([clone.printed, clone.exitCode]).toEqual(['', 0]);
    expect(dataBytes(clone.costs)).toBe(0);
    expect(clone.milliseconds).toBeLessThan(50);
    expect(clone.costs.blocks).toBeGreaterThan(0);
    expect(clone.costs.bytes).toBeLessThan(2 ** 20);
  });

  test('costs the same for any size', () => {
    const sizes = ['500m', '5g', '50g'].map((size) => {
      const small = bench({ format: 'apfs', sizeBytes: 100 * GIB });
      runLine(small, `mkfile ${size} film.mov`);
      return runLine(small, 'cp -c film.mov clone.mov').costs.bytes;
    });
    expect(new Set(sizes).size).toBe(1);
  });

  test('shares every block, and after one write all but one', () => {
    const blocks = (50 * GIB) / 4096;
    expect(shown.line('scope shared').printed).toContain(blocks.toLocaleString('en'));
    expect(shown.line('scope shared', 1).printed).toContain((blocks - 1).toLocaleString('en'));
  });

  test('parts at the first write: exactly one block of contents is written, and the path to it', () => {
    const { costs } = shown.line('dd');
    expect(dataBytes(costs)).toBe(4096);
    for (const role of ['tree', 'references', 'allocation', 'checkpoint', 'header'] as const) {
      expect([role, costs.bytesByRole[role]]).not.toEqual([role, undefined]);
    }
    expect(costs.barriers).toBe(2);
  });

  test('is counted in full by du and not at all by df', () => {
    const kilobytes = (50 * GIB) / 1024;
    expect(shown.line('du').printed).toMatch(
      new RegExp(`^${kilobytes}\\s+film.mov\n${kilobytes}\\s+clone.mov`),
    );
    const before = usedKilobytes(shown.line('df').printed);
    const after = usedKilobytes(shown.line('df', 1).printed);
    expect(after - before).toBeLessThan(100);
    expect(usedKilobytes(shown.line('df', 2).printed) - after).toBeLessThan(100);
  });

  test('lives on when the original goes', () => {
    const before = usedKilobytes(shown.line('df', 2).printed);
    expect(before - usedKilobytes(shown.line('df', 3).printed)).toBeLessThan(100);
    expect(shown.line('dd if=clone.mov').exitCode).toBe(0);
  });

  test('is not to be had elsewhere: HFS+ copies', () => {
    const hfs = bench({ format: 'hfsplus' });
    runLine(hfs, 'mkfile 1m film.mov');
    const copy = runLine(hfs, 'cp -c film.mov clone.mov');
    expect([copy.exitCode, dataBytes(copy.costs)]).toEqual([0, 2 ** 20]);
  });
});

test('df counts blocks: sparse writes, clones and where they part', () => {
  const counted = bench({ format: 'apfs', sizeBytes: GIB });
  const used = () => {
    const { freeBlocks, totalBlocks } = counted.session.volume!.statistics();
    return totalBlocks - freeBlocks;
  };
  const data = demo('blocks.sh', { format: 'apfs', sizeBytes: GIB }).lines.map(
    ({ costs }) => dataBytes(costs) / 4096,
  );
  // A block for each write, none for each clone.
  expect(data).toEqual([1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1]);
  expect(used()).toBeGreaterThan(0);
});

describe('a snapshot', () => {
  const shown = demo('snapshot.sh', { format: 'apfs', sizeBytes: 64 * 2 ** 20 });

  test('holds on to what is deleted until it goes', () => {
    const free = [0, 1, 2].map((n) => freeKilobytes(shown.line('df', n).printed));
    const [before = 0, deleted = 0, gone = 0] = free;
    expect(Math.abs(before - deleted)).toBeLessThan(200);
    expect(gone - deleted).toBeGreaterThan(16 * 1024 - 200);
  });

  test('shows the old state beside the new one', () => {
    expect(shown.line('cat').printed).toBe('first\nsecond\n');
    expect(shown.line('ls -l old').printed).toContain('16777216');
  });

  test('cannot be deleted while it is mounted', () => {
    const [busy, done] = [
      shown.line('sudo scope snapshot delete'),
      shown.line('sudo scope snapshot delete', 1),
    ];
    expect(busy.printed).toContain('Resource busy');
    expect([busy.exitCode === 0, done.exitCode]).toEqual([false, 0]);
  });

  test('costs the same on a volume of a hundred times as many files', () => {
    const costs = [10, 1000].map((count) => {
      const volume = bench({ format: 'apfs', sizeBytes: GIB });
      runLine(volume, `for i in $(seq 1 ${count}); do echo $i > "file $i"; done`);
      return runLine(volume, 'sudo scope snapshot create now').costs.blocks;
    });
    expect(costs[1]).toBeLessThanOrEqual((costs[0] ?? 0) + 4);
  });
});

test('going back to a snapshot loses what came later', () => {
  const shown = demo('revert.sh', { format: 'apfs' });
  expect(shown.line('diskutil').printed).toContain('(2 found)');
  expect(shown.line('cat').printed).toBe('one\n');
  expect(shown.line('diskutil', 1).printed).toContain('(1 found)');
});

describe('a container', () => {
  const shown = demo('pool.sh', { format: 'apfs', sizeBytes: 2 * GIB, diskSettings: { volumes: 'One,Two' } });

  test('has one free space for all its volumes', () => {
    const [before, after] = [shown.line('df').printed, shown.line('df', 1).printed];
    expect(freeKilobytes(before, 0)).toBe(freeKilobytes(before, 1));
    expect(freeKilobytes(after, 0)).toBe(freeKilobytes(after, 1));
    expect(freeKilobytes(before, 1) - freeKilobytes(after, 1)).toBeGreaterThanOrEqual(100 * 1024);
  });

  test('does not clone from one volume to another', () => {
    const { printed, exitCode } = shown.line('cp -c');
    expect([printed, exitCode]).toEqual([
      'cp: /Volumes/Two/film.mov: clonefile failed: Cross-device link\n',
      1,
    ]);
  });

  test('ends a volume at its quota', () => {
    expect(shown.line('diskutil apfs addVolume').exitCode).toBe(0);
    const { printed, exitCode } = shown.line('mkfile 16m');
    expect(printed).toContain('No space left on device');
    expect(exitCode).not.toBe(0);
  });

  test('gets back what a deleted volume held', () => {
    expect(shown.line('diskutil apfs deleteVolume').exitCode).toBe(0);
    const before = freeKilobytes(shown.line('df', 1).printed);
    expect(Math.abs(freeKilobytes(shown.line('df -k /Volumes/One', 2).printed) - before)).toBeLessThan(400);
  });
});

test('a power cut at any write leaves the state before or after', () => {
  const { session, run } = bench({ format: 'apfs' });
  run('echo old > notes.txt');
  const { step } = runLine({ session, run }, 'echo new > notes.txt; mkdir photos');
  const states = new Set<string>();
  for (let write = 0; write < step.writeCount; write++) {
    session.seek({ step: step.step, write });
    expect(session.problem).toBeNull();
    const { files } = session.views.directory('/', { offset: 0, countMax: 9 });
    states.add(
      files.map(({ name, type, sizeBytes }) => (type === 'file' ? `${name} ${sizeBytes}` : name)).join(),
    );
  }
  // The shell truncates, writes and makes a directory: each a transaction of its own.
  expect([...states]).toEqual(['notes.txt 4', 'notes.txt 0', 'notes.txt 4,photos']);
});

test.each([
  ['apfs', {}, [true, true]],
  ['apfs', { 'case-sensitive': 'yes' }, [true, false]],
  ['hfsplus', {}, [true, true]],
  ['exfat', {}, [true, true]],
] as const)('%s %o: names that are one name', (format, diskSettings, [composition, letterCase]) => {
  const shown = demo('names.sh', { format, diskSettings });
  const [, other, upper] = shown.lines;
  expect(other?.printed === 'composed\n').toBe(composition);
  expect(upper?.printed === 'composed\n').toBe(letterCase);
});
