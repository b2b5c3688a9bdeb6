import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  blocksOfCell,
  blocksOnShow,
  cellAt,
  cellOfBlock,
  cellsOfRanges,
  cornerOfCell,
  firstRowKeeping,
  firstRowShowing,
  isOnShow,
  layGrid,
} from '../../src/ui/draw/grid.ts';

/** Goal: every block of every disk can be reached and clicked. Method: random sizes, zooms and scroll positions. */

const requests = fc.record({
  widthPixels: fc.integer({ min: 0, max: 1600 }),
  heightPixels: fc.integer({ min: 0, max: 1000 }),
  blocksTotal: fc.oneof(fc.integer({ min: 1, max: 200_000 }), fc.constant(2 ** 35)),
  zoom: fc.integer({ min: -1, max: 40 }),
  firstRow: fc.integer({ min: -5, max: 2 ** 31 }),
});

test('unzoomed, the whole disk is on show', () => {
  fc.assert(
    fc.property(requests, (request) => {
      const grid = layGrid({ ...request, zoom: 0 });
      expect(grid.firstRow).toBe(0);
      expect(blocksOnShow(grid)).toEqual({ firstBlock: 0, blockCount: request.blocksTotal });
    }),
  );
});

test('a cell under the pointer holds the blocks that lead back to it', () => {
  fc.assert(
    fc.property(requests, fc.double({ min: 0, max: 0.999, noNaN: true }), (request, share) => {
      const grid = layGrid(request);
      const onShow = blocksOnShow(grid);
      const block = onShow.firstBlock + Math.floor(share * onShow.blockCount);
      const cell = cellOfBlock(grid, block);
      expect(isOnShow(grid, cell)).toBe(true);
      const { x, y } = cornerOfCell(grid, cell);
      expect(cellAt(grid, x + grid.cellPixels / 2, y + grid.cellPixels / 2)).toBe(cell);
      const blocks = blocksOfCell(grid, cell);
      expect(
        blocks === null || (blocks.firstBlock <= block && block < blocks.firstBlock + blocks.blockCount),
      ).toBe(true);
    }),
  );
});

test('blocks per cell are a power of two, and the deepest zoom shows single blocks', () => {
  fc.assert(
    fc.property(requests, (request) => {
      const grid = layGrid(request);
      expect(Number.isInteger(Math.log2(grid.blocksPerCell))).toBe(true);
      expect(layGrid({ ...request, zoom: 99 }).blocksPerCell).toBe(1);
    }),
  );
});

test('zooming keeps the block under the pointer on show; scrolling to a block shows it', () => {
  fc.assert(
    fc.property(requests, fc.double({ min: 0, max: 0.999, noNaN: true }), (request, share) => {
      const now = layGrid(request);
      const onShow = blocksOnShow(now);
      const block = onShow.firstBlock + Math.floor(share * onShow.blockCount);
      const closer = layGrid({ ...request, zoom: now.zoom + 1, firstRow: 0 });
      const zoomed = layGrid({
        ...request,
        zoom: now.zoom + 1,
        firstRow: firstRowKeeping(now, closer, block),
      });
      expect(isOnShow(zoomed, cellOfBlock(zoomed, block))).toBe(true);

      const far = Math.floor(share * request.blocksTotal);
      const there = layGrid({ ...request, firstRow: firstRowShowing(now, far) });
      expect(isOnShow(there, cellOfBlock(there, far))).toBe(true);
    }),
  );
});

test('ranges become the cells on show that they touch, each once', () => {
  const grid = layGrid({ widthPixels: 220, heightPixels: 220, blocksTotal: 100, zoom: 0, firstRow: 0 });
  expect(grid).toMatchObject({ columns: 10, rows: 10, blocksPerCell: 1, cellPixels: 22 });
  expect(cellsOfRanges(grid, new Float64Array([3, 2, 4, 3, 98, 50]))).toEqual([3, 4, 5, 6, 98, 99]);
  expect(cellsOfRanges(grid, [0, 1e15], 5)).toHaveLength(5);
});
