import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  blocksOfCell,
  cellAt,
  cellAtPlace,
  cellOfBlock,
  cornerOfCell,
  layGrid,
  placeOfCell,
} from '../../src/ui/draw/grid.ts';
import { curveOf } from '../../src/ui/draw/hilbert.ts';
import { threadOf } from '../../src/ui/draw/thread.ts';

/** Goal: the curve loses no cell and leads back. Method: rectangles of all shapes, threads of random ranges. */

const sides = { columns: fc.integer({ min: 1, max: 90 }), rows: fc.integer({ min: 1, max: 90 }) };
const distance = (a: number, b: number, columns: number) => ({
  x: Math.abs((a % columns) - (b % columns)),
  y: Math.abs(Math.floor(a / columns) - Math.floor(b / columns)),
});

test('the curve visits every cell once, from neighbour to neighbour, at most once diagonally', () => {
  fc.assert(
    fc.property(fc.record(sides), ({ columns, rows }) => {
      const { placeOf, cellOf } = curveOf(columns, rows);
      expect(new Set(placeOf).size).toBe(columns * rows);
      // Counted, not expected cell by cell: there are thousands.
      const astray = [...placeOf].filter((place, cell) => cellOf[place] !== cell);
      const steps = [...placeOf].slice(1).map((place, at) => distance(placeOf[at] ?? 0, place, columns));
      expect(astray).toEqual([]);
      expect(steps.filter(({ x, y }) => Math.max(x, y) !== 1)).toEqual([]);
      const diagonals = steps.filter(({ x, y }) => x + y === 2).length;
      expect(diagonals).toBeLessThanOrEqual(1);
    }),
  );
});

test('on a square of a power of two neighbours on the disk are near on the map', () => {
  const { placeOf } = curveOf(64, 64);
  const far = [...placeOf].slice(16).filter((place, at) => {
    const { x, y } = distance(placeOf[at] ?? 0, place, 64);
    return Math.max(x, y) > 8;
  });
  expect(far).toEqual([]);
});

test('in Hilbert order a cell under the pointer holds the blocks that lead back to it', () => {
  const requests = fc.record({
    widthPixels: fc.integer({ min: 200, max: 900 }),
    heightPixels: fc.integer({ min: 60, max: 700 }),
    blocksTotal: fc.oneof(fc.integer({ min: 1, max: 200_000 }), fc.constant(2 ** 35)),
    zoom: fc.integer({ min: 0, max: 40 }),
    firstRow: fc.integer({ min: 0, max: 2 ** 31 }),
    order: fc.constant('hilbert' as const),
  });
  fc.assert(
    fc.property(requests, fc.nat(), (request, number) => {
      const grid = layGrid(request);
      const cell = number % (grid.columns * grid.rows);
      const { column, row } = placeOfCell(grid, cell);
      expect(cellAtPlace(grid, column, row)).toBe(cell);
      const blocks = blocksOfCell(grid, cell);
      const { x, y } = cornerOfCell(grid, cell);
      expect(cellAt(grid, x + 1, y + 1)).toBe(blocks === null ? null : cell);
      if (blocks !== null) expect(cellOfBlock(grid, blocks.firstBlock)).toBe(cell);
    }),
  );
});

test('a thread goes through the cells of a file in the order of its contents', () => {
  const size = { widthPixels: 220, heightPixels: 220, blocksTotal: 100, zoom: 0, firstRow: 0 };
  const grid = layGrid(size);
  expect(threadOf(grid, [8, 4, 50, 2, 3, 1])).toEqual({
    strokes: [[8, 9], [10, 11], [50, 51], [3]],
    jumps: [
      [11, 50],
      [51, 3],
    ],
  });
  const curve = layGrid({ ...size, order: 'hilbert' });
  expect(threadOf(curve, [8, 4]).strokes).toEqual([[8, 9, 10, 11]]);
});

test('of a thread only what is on show is drawn, and a huge file costs its cells', () => {
  const total = 2 ** 35;
  const grid = layGrid({ widthPixels: 240, heightPixels: 400, blocksTotal: total, zoom: 5, firstRow: 3000 });
  const { strokes, jumps } = threadOf(grid, [0, total, 5, 10]);
  expect(strokes).toHaveLength(grid.rows);
  expect(jumps).toEqual([]);
});
