import { expect, test } from 'vitest';
import type { StepView } from '../../src/rpc/protocol.ts';
import { changedBytes, fieldsByByte, hexOf, tintOf } from '../../src/ui/draw/hex.ts';
import {
  indexNear,
  layOffshoots,
  nowPosition,
  offshootsOf,
  PathSums,
  trackMarks,
} from '../../src/ui/draw/timeline.ts';
import { rowWindow, scrollShowing } from '../../src/ui/draw/window.ts';

const field = (offsetBytes: number, lengthBytes: number, name = 'a') => ({
  ...{ offsetBytes, lengthBytes, name },
  ...{ text: '', doc: '', section: '' },
});

test('each byte knows its field, also when a damaged block has fields beyond its end', () => {
  const map = fieldsByByte(8, [field(0, 2), field(4, 2), field(6, 99), field(-3, 1)]);
  expect([...map]).toEqual([0, 0, -1, -1, 1, 1, 2, 2]);
});

test('neighbouring fields differ in tint; reserved ones have none', () => {
  expect(tintOf(0, field(0, 1))).not.toBe(tintOf(1, field(1, 1)));
  expect(tintOf(1, field(0, 1, 'FSInfo.reserved1'))).toBe(0);
});

test('changed bytes are the ones that differ', () => {
  expect([...changedBytes(new Uint8Array([1, 2, 3]), new Uint8Array([1, 9, 3]))]).toEqual([0, 1, 0]);
  expect([...changedBytes(null, new Uint8Array(2))]).toEqual([0, 0]);
  expect(hexOf(new Uint8Array([1, 255, 3]), 2)).toBe('01 ff …');
});

test('a moment inside a step lies before its tick', () => {
  expect(nowPosition({ index: 0, count: 4 }, undefined, 0)).toBe(0);
  expect(nowPosition({ index: 3, count: 4 }, undefined, 4)).toBe(0.75);
  const inside = nowPosition({ index: 3, count: 4 }, 1, 4);
  expect(inside).toBeGreaterThan(0.5);
  expect(inside).toBeLessThan(0.75);
});

const marksOf = (path: readonly number[], stepOf: (number: number) => StepView | null, widthPixels: number) =>
  trackMarks(new PathSums().follow(path, stepOf), widthPixels);

test('ten thousand steps are as many marks as there are pixels, and none that failed is lost', () => {
  const path = Array.from({ length: 10_000 }, (_, index) => index + 1);
  const step = (exitCode: number) => ({ exitCode, costs: { barriers: 0 } }) as StepView;
  const { steps } = marksOf(path, (number) => step(number === 5001 ? 1 : 0), 700);
  expect(steps).toHaveLength(700);
  expect([steps.every((mark) => mark > 0), steps.filter((mark) => mark === 2).length]).toEqual([true, 1]);
  expect(marksOf([1, 2, 3], () => step(0), 700).steps.filter((mark) => mark > 0)).toHaveLength(3);
  expect(marksOf([], () => null, 0).steps).toHaveLength(1);
});

test('barriers stand within their step, and none is lost where they crowd', () => {
  const step = { exitCode: 0, costs: { barriers: 3 } } as StepView;
  const { barriers } = marksOf([1, 2], () => step, 700);
  const at = [...barriers.keys()].filter((pixel) => barriers[pixel] !== 0);
  expect([at.length, at.filter((pixel) => pixel < 349).length]).toEqual([6, 3]);
  const crowded = marksOf(
    Array.from({ length: 100 }, (_, index) => index),
    () => step,
    90,
  );
  expect(crowded.barriers.reduce((sum, count) => sum + count, 0)).toBe(300);
});

test('a path that grew, or left for another branch, asks for its new steps alone', () => {
  const asked: number[] = [];
  const step = (number: number) => {
    asked.push(number);
    return { exitCode: number % 7 === 0 ? 1 : 0, costs: { barriers: number % 3 } } as StepView;
  };
  const long = Array.from({ length: 3000 }, (_, index) => index + 1);
  const sums = new PathSums().follow(long, step);
  for (const path of [[...long, 3001], [...long.slice(0, 2000), 3002, 3003], long.slice(0, 40), long]) {
    asked.length = 0;
    const marks = trackMarks(sums.follow(path, step), 300);
    const asks = [...asked];
    expect(marks).toEqual(marksOf(path, step, 300));
    expect(asks).toEqual({ 3001: [3001], 2002: [3002, 3003], 40: [], 3000: long.slice(40) }[path.length]);
  }
});

test('branches leave the path where they fork from it; what forks from them does not show', () => {
  const tree = {
    ...{ 1: { parent: 0, depth: 1 }, 2: { parent: 1, depth: 2 }, 3: { parent: 2, depth: 3 } },
    ...{ 4: { parent: 1, depth: 2 }, 5: { parent: 4, depth: 3 }, 6: { parent: 4, depth: 3 } },
    ...{ 7: { parent: 0, depth: 1 } },
  };
  const placeOf = (number: number) => tree[number as keyof typeof tree];
  const chains = [
    { branch: 'main', numbers: [1, 2, 3] },
    { branch: 'b2', numbers: [4, 5] },
    { branch: 'b3', numbers: [6] },
    { branch: 'b4', numbers: [7] },
  ];
  expect(offshootsOf(chains, [1, 2, 3], placeOf)).toEqual([
    { branch: 'b2', from: 1, to: 3 },
    { branch: 'b4', from: 0, to: 1 },
  ]);
  expect(offshootsOf(chains, [1, 4, 6], placeOf)).toEqual([
    { branch: 'main', from: 1, to: 3 },
    { branch: 'b2', from: 2, to: 3 },
    { branch: 'b4', from: 0, to: 1 },
  ]);
});

test('branches that overlap hang in different rows', () => {
  const rows = layOffshoots(
    [
      { branch: 'c', from: 6, to: 7 },
      { branch: 'a', from: 1, to: 5 },
      { branch: 'b', from: 2, to: 9 },
      { branch: 'd', from: 6, to: 8 },
    ],
    2,
  );
  expect(rows.map(({ branch, row }) => `${branch}${row}`)).toEqual(['a0', 'b1', 'c0', 'd1']);
});

test('a share of the track names the nearest place', () => {
  expect([-1, 0, 0.49, 0.51, 2].map((share) => indexNear(share, 1))).toEqual([0, 0, 0, 1, 1]);
});

test('of a long list only the rows around the view exist', () => {
  expect(rowWindow({ total: 20_000, rowPixels: 24, scrollPixels: 24_000, heightPixels: 240 })).toEqual({
    ...{ first: 994, end: 1016 },
    ...{ topPixels: 994 * 24, totalPixels: 480_000 },
  });
  expect(rowWindow({ total: 0, rowPixels: 24, scrollPixels: 90, heightPixels: 240 })).toMatchObject({
    first: 0,
    end: 0,
  });
  expect(scrollShowing(0, 24, 100, 240)).toBe(0);
  expect(scrollShowing(20, 24, 100, 240)).toBe(264);
  expect(scrollShowing(5, 24, 100, 240)).toBe(100);
});
