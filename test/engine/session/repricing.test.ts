import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../src/engine/base/clock.ts';
import { ZERO_FILL } from '../../../src/engine/device/device.ts';
import { PROFILES } from '../../../src/engine/device/profile.ts';
import type { ProfileName } from '../../../src/engine/device/profile.ts';
import { Store } from '../../../src/engine/device/store.ts';
import type { Tape } from '../../../src/engine/device/tape.ts';
import { FORMATS } from '../../../src/engine/formats/registry.ts';
import { MeteredDevice } from '../../../src/engine/session/metered-device.ts';
import type { StepView } from '../../../src/engine/session/view.ts';
import { bench } from './bench.ts';

/**
 * Goal: what a step would have taken on another device is what it takes there. Method: the same lines on every format
 * and every device. Each run's accesses are done again on a metered disk of every other device, and the runs themselves
 * are held against each other wherever they made the same accesses: a clock that runs faster may spare exFAT, whose
 * times count hundredths of a second, a write of an unchanged time.
 */
const LINES = [
  'mkdir -p photos/old; mkfile 300k film.mov',
  'echo one > notes.txt; sync; echo two >> notes.txt',
  'cp -c film.mov copy.mov || cp film.mov copy.mov',
  'cat film.mov >> copy.mov; xattr -w org.example.mood calm film.mov',
  'ls -lR; df; cat notes.txt',
  'for i in 1 2 3; do echo $i > photos/a-file-with-a-longer-name-$i.txt; done; mv photos pictures',
  'truncate -s 50k film.mov; rm copy.mov; rm -R pictures',
];
const NAMES = Object.keys(PROFILES) as ProfileName[];

interface Run {
  readonly tape: Tape;
  readonly blockCount: number;
  readonly steps: readonly StepView[];
}

function runOn(format: string, profile: ProfileName): Run {
  const { session, run } = bench({ format, profile });
  for (const line of LINES) run(line);
  session.undo();
  run(LINES.at(-1) ?? '');
  const steps = session.timeline().steps.slice(1);
  return { tape: session.tape, blockCount: session.store.blockCount, steps };
}

/** Nanoseconds of each step when the accesses of `run` are done on a disk of another profile. */
function doneAgain({ tape, blockCount, steps }: Run, profile: ProfileName): number[] {
  const store = new Store({ blockSizeBytes: tape.blockSizeBytes, blockCount });
  const disk = new MeteredDevice(store, PROFILES[profile], new SimulatedClock());
  let at = 0;
  let headBefore = disk.head;
  return steps.map(({ parent, writeCount }, i) => {
    // The last line was run a second time after an undo: its arm stood where the line before had left it.
    if (parent !== (steps[i - 1]?.step ?? 0)) disk.head = headBefore;
    headBefore = disk.head;
    for (const end = at + writeCount; at < end; at++) {
      const { kind, firstBlock, blockCount: count, ...label } = tape.entry(at);
      if (kind === 'barrier') disk.barrier(label.reason);
      else if (kind === 'trim') disk.trim(firstBlock, count);
      else disk.fill(firstBlock, count, ZERO_FILL, label);
    }
    return disk.take().simulatedNanoseconds;
  });
}

describe.each(FORMATS.map(({ name }) => name))('%s', (format) => {
  test('priced anew for a device, a step takes what its accesses take there', () => {
    const runs = NAMES.map((profile) => runOn(format, profile));
    for (const run of runs) {
      expect(run.steps.length).toBe(LINES.length + 1);
      for (const name of NAMES) {
        expect(run.steps.map(({ figures }) => figures.nanosecondsByProfile[name])).toEqual(
          doneAgain(run, name),
        );
      }
      for (const { costs, figures } of run.steps) {
        expect(figures.nanosecondsByProfile[NAMES[runs.indexOf(run)]!]).toBe(costs.simulatedNanoseconds);
      }
    }
    let sameCount = 0;
    for (const [at, { figures, costs, line }] of runs[0]!.steps.entries()) {
      for (const { steps } of runs.slice(1)) {
        const other = steps[at]!;
        if (other.writeCount === 0 || format !== 'exfat' || other.costs.writes === costs.writes) {
          sameCount++;
          expect(other.figures, line).toEqual(figures);
        }
      }
    }
    expect(sameCount).toBeGreaterThanOrEqual(format === 'exfat' ? 8 : 24);
    expect(runs[0]!.steps.at(-1)?.figures).toEqual(runs[0]!.steps.at(-2)?.figures);
  });

  test('costs and trimmed bytes of a step are those of its stretch of tape', () => {
    const { tape, steps } = runOn(format, 'nvme');
    let at = 0;
    for (const { line, writeCount, costs, figures } of steps) {
      const range = { from: at, to: at + writeCount };
      const { writes, blocks, bytes, barriers, trims } = tape.totals(range);
      expect(costs, line).toMatchObject({ writes, blocks, bytes, barriers, trims });
      let trimmedBlocks = 0;
      for (; at < range.to; at++) if (tape.kindAt(at) === 'trim') trimmedBlocks += tape.blockCountAt(at);
      expect(figures.trimmedBytes, line).toBe(trimmedBlocks * tape.blockSizeBytes);
    }
    expect(at).toBe(tape.length);
    // The FAT drivers of macOS tell no disk what became free.
    const trimsMuch = steps.some(({ figures }) => figures.trimmedBytes > 300_000);
    expect(trimsMuch).toBe(!format.includes('fat'));
  });
});

test('what programs hand over is counted where it is taken: contents and attributes, not what devices swallow', () => {
  const { session, run } = bench({ format: 'hfsplus' });
  const handed = (line: string) => {
    expect(run(line)).toBe('');
    return session.timeline().steps.at(-1)?.figures.handedBytes;
  };
  expect(handed('mkdir a; touch a/b')).toBe(0);
  expect(handed('printf 12345 > a/b; printf 678 >> a/b')).toBe(8);
  expect(handed('mkfile 100k a/big')).toBe(102_400);
  expect(handed('dd if=a/big of=/dev/null 2> /dev/null; cat a/big > /dev/null')).toBe(0);
  expect(handed('xattr -w org.example.mood calm a/b')).toBe(4);
  expect(handed('cp -p a/b a/c')).toBe(12);
  expect(handed('mv a/c a/d; truncate -s 1m a/d; rm a/d')).toBe(0);
  session.undo();
  expect(handed('printf 1 > a/e')).toBe(1);
});

test('a disk too full takes less than it was handed, and only that is counted', () => {
  const { session, run } = bench({ format: 'exfat', sizeBytes: 2 ** 21 });
  expect(run('mkfile 4m a')).toContain('No space left');
  const { figures, costs } = session.timeline().steps.at(-1)!;
  expect(figures.handedBytes).toBeLessThan(2 ** 21);
  expect(figures.handedBytes).toBeLessThanOrEqual(costs.bytesByRole.data ?? 0);
});
