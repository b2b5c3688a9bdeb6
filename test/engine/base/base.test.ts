import { expect, test } from 'vitest';
import { SimulatedClock } from '../../../src/engine/base/clock.ts';
import { FsError, strerror } from '../../../src/engine/base/errno.ts';
import { Prng } from '../../../src/engine/base/prng.ts';

test('errno has the numbers and texts of Darwin, not of Linux', () => {
  const error = new FsError('ENOTEMPTY', 'rmdir', '/a');
  expect(error.errno).toBe(66);
  expect(error.message).toBe('rmdir /a: Directory not empty');
  expect(strerror('ENOTSUP')).toBe('Operation not supported');
});

test('one seed gives one sequence, another seed another', () => {
  const take = (seed: number) => {
    const prng = new Prng(seed);
    return Array.from({ length: 8 }, () => prng.u32());
  };
  expect(take(7)).toEqual(take(7));
  expect(take(7)).not.toEqual(take(8));
  expect(take(2 ** 40 + 7), 'the upper half of a seed counts').not.toEqual(take(7));
});

test('below stays below, evenly enough', () => {
  const prng = new Prng(1);
  const counts = [0, 0, 0, 0, 0];
  for (let i = 0; i < 5000; i++) counts[prng.below(5)]! += 1;
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
});

test('the clock moves only when it is moved', () => {
  const clock = new SimulatedClock({ seconds: 10, nanoseconds: 999_999_999 });
  expect(clock.now()).toEqual({ seconds: 10, nanoseconds: 999_999_999 });
  clock.advance(2);
  expect(clock.now()).toEqual({ seconds: 11, nanoseconds: 1 });
  clock.advance(3_500_000_000);
  expect(clock.now()).toEqual({ seconds: 14, nanoseconds: 500_000_001 });
});
