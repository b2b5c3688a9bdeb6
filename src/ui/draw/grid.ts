import { curveOf } from './hilbert.ts';

/**
 * Geometry of the block map: which blocks a cell stands for and where it lies. Rows run left to right, top to bottom, or
 * the cells on show follow a Hilbert curve; what is on show is the same in both orders. Rows always begin at a multiple of `columns × blocksPerCell`, so that a cell never changes its blocks by scrolling.
 * Blocks per cell are a power of two: cells fall together with allocation blocks. Sizes are CSS pixels.
 */
export type Order = 'rows' | 'hilbert';

export interface Grid {
  readonly order: Order;
  readonly columns: number;
  readonly rows: number;
  readonly cellPixels: number;
  readonly blocksPerCell: number;
  readonly firstRow: number;
  /** Rows that the whole disk would take at this zoom. */
  readonly rowsTotal: number;
  readonly blocksTotal: number;
  readonly zoom: number;
  readonly zoomMax: number;
}

export interface GridRequest {
  readonly widthPixels: number;
  readonly heightPixels: number;
  readonly blocksTotal: number;
  /** 0: the whole disk. Each step halves the blocks of a cell; below one block a cell grows instead. */
  readonly zoom: number;
  readonly firstRow: number;
  /** Absent: rows. */
  readonly order?: Order;
}

export const CELL_PIXELS_MIN = 8;
export const CELL_PIXELS_MAX = 22;
/** Cells grow to these once each of them is one block. */
const CLOSE_UP_PIXELS = [14, 20];

const largestCell = (width: number, height: number, cells: number): number => {
  for (let size = CELL_PIXELS_MAX; size > CELL_PIXELS_MIN; size--) {
    if (Math.floor(width / size) * Math.floor(height / size) >= cells) return size;
  }
  return CELL_PIXELS_MIN;
};

export function layGrid(request: GridRequest): Grid {
  const { blocksTotal, order = 'rows' } = request;
  const width = Math.max(request.widthPixels, CELL_PIXELS_MIN);
  const height = Math.max(request.heightPixels, CELL_PIXELS_MIN);

  const cellsMax = Math.floor(width / CELL_PIXELS_MIN) * Math.floor(height / CELL_PIXELS_MIN);
  let whole = 1;
  while (Math.ceil(blocksTotal / whole) > cellsMax) whole *= 2;
  const wholePixels = largestCell(width, height, Math.ceil(blocksTotal / whole));
  const closeUps = CLOSE_UP_PIXELS.filter((size) => size > wholePixels);

  const zoomMax = Math.log2(whole) + closeUps.length;
  const zoom = Math.max(0, Math.min(request.zoom, zoomMax));
  const blocksPerCell = Math.max(1, whole / 2 ** zoom);
  const cellPixels = closeUps[zoom - Math.log2(whole) - 1] ?? wholePixels;

  const columns = Math.max(1, Math.floor(width / cellPixels));
  const rows = Math.max(1, Math.floor(height / cellPixels));
  const rowsTotal = Math.ceil(blocksTotal / (columns * blocksPerCell));
  const firstRow = Math.max(0, Math.min(Math.floor(request.firstRow), rowsTotal - rows));
  return { order, columns, rows, cellPixels, blocksPerCell, firstRow, rowsTotal, blocksTotal, zoom, zoomMax };
}

/** The blocks on show; the last row may end before the grid does. */
export function blocksOnShow(grid: Grid): { firstBlock: number; blockCount: number } {
  const perRow = grid.columns * grid.blocksPerCell;
  const firstBlock = grid.firstRow * perRow;
  return { firstBlock, blockCount: Math.min(grid.rows * perRow, grid.blocksTotal - firstBlock) };
}

/** Cells count from the first one on show. Null outside the grid and behind the end of the disk. */
export function cellAt(grid: Grid, x: number, y: number): number | null {
  const column = Math.floor(x / grid.cellPixels);
  const row = Math.floor(y / grid.cellPixels);
  if (column < 0 || column >= grid.columns || row < 0 || row >= grid.rows) return null;
  const cell = cellAtPlace(grid, column, row);
  return blocksOfCell(grid, cell) === null ? null : cell;
}

export function blocksOfCell(grid: Grid, cell: number): { firstBlock: number; blockCount: number } | null {
  const firstBlock = (grid.firstRow * grid.columns + cell) * grid.blocksPerCell;
  const blockCount = Math.min(grid.blocksPerCell, grid.blocksTotal - firstBlock);
  return blockCount > 0 ? { firstBlock, blockCount } : null;
}

/** May lie outside what is on show (negative, or beyond the last cell). */
export const cellOfBlock = (grid: Grid, block: number): number =>
  Math.floor(block / grid.blocksPerCell) - grid.firstRow * grid.columns;

export const isOnShow = (grid: Grid, cell: number): boolean => cell >= 0 && cell < grid.columns * grid.rows;

/** Of a cell on show. */
export function placeOfCell(grid: Grid, cell: number): { column: number; row: number } {
  const place = grid.order === 'rows' ? cell : (curveOf(grid.columns, grid.rows).placeOf[cell] ?? 0);
  return { column: place % grid.columns, row: Math.floor(place / grid.columns) };
}

/** −1 outside the grid. */
export function cellAtPlace(grid: Grid, column: number, row: number): number {
  if (column < 0 || column >= grid.columns || row < 0 || row >= grid.rows) return -1;
  const place = row * grid.columns + column;
  return grid.order === 'rows' ? place : (curveOf(grid.columns, grid.rows).cellOf[place] ?? -1);
}

export function cornerOfCell(grid: Grid, cell: number): { x: number; y: number } {
  const { column, row } = placeOfCell(grid, cell);
  return { x: column * grid.cellPixels, y: row * grid.cellPixels };
}

/** First row for `next` that keeps `block` as far from the top as it was in `now`. */
export function firstRowKeeping(now: Grid, next: Grid, block: number): number {
  const fraction = (Math.floor(cellOfBlock(now, block) / now.columns) + 0.5) / now.rows;
  const row = Math.floor(block / next.blocksPerCell / next.columns);
  return Math.max(0, row - Math.min(next.rows - 1, Math.floor(fraction * next.rows)));
}

/** First row that brings `block` into view, moving no further than needed. */
export function firstRowShowing(grid: Grid, block: number): number {
  const row = Math.floor(block / grid.blocksPerCell / grid.columns);
  if (row < grid.firstRow) return row;
  return row >= grid.firstRow + grid.rows ? row - grid.rows + 1 : grid.firstRow;
}

/**
 * Cells on show that any of the ranges [first, count, first, count …] touches, each once, at most `cellsMax`.
 * Cost follows the cells on show and the ranges, never their blocks.
 */
export function cellsOfRanges(grid: Grid, ranges: ArrayLike<number>, cellsMax = Infinity): number[] {
  const cells = new Set<number>();
  const last = grid.columns * grid.rows - 1;
  for (let at = 0; at + 1 < ranges.length && cells.size < cellsMax; at += 2) {
    const first = ranges[at] ?? 0;
    const end = first + (ranges[at + 1] ?? 0) - 1;
    const from = Math.max(0, cellOfBlock(grid, first));
    const to = Math.min(last, cellOfBlock(grid, end));
    for (let cell = from; cell <= to && cells.size < cellsMax; cell++) cells.add(cell);
  }
  return [...cells];
}
