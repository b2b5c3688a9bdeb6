import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Costs, StepView } from '../../src/engine/session/view.ts';
import { Stopwatch } from '../support/stopwatch.ts';
import { bench } from '../engine/session/bench.ts';
import type { Bench, BenchOptions } from '../engine/session/bench.ts';

/** A script of this folder, run line by line: each line is a step, with what it printed and what it cost. */
export interface Line {
  readonly line: string;
  readonly printed: string;
  readonly exitCode: number;
  readonly costs: Costs;
  readonly step: StepView;
  /** Of the host, not of the simulated machine. */
  /** Of the clock or of the processor, whichever is less: other work on the machine does not count. */
  readonly milliseconds: number;
}

export interface Demo extends Bench {
  readonly lines: readonly Line[];
  /** The n-th line that begins so, from 0. */
  line(beginning: string, n?: number): Line;
}

export function demo(script: string, options: BenchOptions): Demo {
  const opened = bench(options);
  const text = readFileSync(join(import.meta.dirname, script), 'utf8');
  const lines = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => runLine(opened, line));
  return {
    ...opened,
    lines,
    line(beginning, n = 0) {
      const found = lines.filter(({ line }) => line.startsWith(beginning))[n];
      if (found === undefined) throw new Error(`${script} has no line '${beginning}' number ${n}`);
      return found;
    },
  };
}

export function runLine({ session, run }: Bench, line: string): Line {
  const watch = new Stopwatch();
  const printed = run(line);
  const { milliseconds } = watch;
  const step = session.timeline().steps.at(-1);
  if (step === undefined) throw new Error('a line is a step');
  return { line, printed, exitCode: step.exitCode, costs: step.costs, step, milliseconds };
}

/** 1K-blocks used and available of the first volume that `df -k` printed. */
export function freeKilobytes(printed: string, row = 0): number {
  const cells = printed.trim().split('\n')[row + 1]?.split(/\s+/) ?? [];
  return Number(cells[3]);
}

export function usedKilobytes(printed: string, row = 0): number {
  const cells = printed.trim().split('\n')[row + 1]?.split(/\s+/) ?? [];
  return Number(cells[2]);
}
