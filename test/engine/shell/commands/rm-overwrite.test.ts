import { expect, test } from 'vitest';
import { SessionBench } from './session-bench.ts';

/**
 * Goal: `rm -P` really writes over the contents seven times, each time on the disk before the next, and then removes.
 * Method: the costs of the step, under the policy that would otherwise keep the last pass only.
 */
const SIZE_BYTES = 64 * 1024;

function costsOf(line: string) {
  const bench = new SessionBench({ settings: { policy: 'writeback' } });
  bench.run(`mkfile ${SIZE_BYTES} secret; sync`);
  expect(bench.run(line)).toBe('');
  expect(bench.run('ls')).toBe('');
  const step = bench.session.timeline().steps.find((each) => each.line === line);
  if (!step) throw new Error(`no step ran ${line}`);
  return step.costs;
}

test('seven passes over all of it, each behind a barrier', () => {
  const plain = costsOf('rm secret; sync');
  const overwritten = costsOf('rm -P secret; sync');
  expect(plain.bytesByRole.data ?? 0).toBe(0);
  expect(overwritten.bytesByRole.data).toBe(7 * SIZE_BYTES);
  expect(overwritten.barriers - plain.barriers).toBeGreaterThanOrEqual(7);
});

test('an empty file is just removed', () => {
  const bench = new SessionBench();
  expect(bench.run('touch a; rm -P a; ls')).toBe('');
});
