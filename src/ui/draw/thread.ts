import { cellOfBlock } from './grid.ts';
import type { Grid } from './grid.ts';

/**
 * A file as a thread over the map: through its cells in the order of its contents. A stroke goes through neighbouring
 * cells; a jump leads from one stretch to the next where that is elsewhere. Only what is on show is part of it.
 */
export interface Thread {
  readonly strokes: readonly (readonly number[])[];
  readonly jumps: readonly (readonly [from: number, to: number])[];
}

/** More would be a tangle, not a thread. */
const JUMPS_MAX = 2000;

/** `ranges`: [first block, count, …] in the order of the file. Cost follows the cells on show and the ranges. */
export function threadOf(grid: Grid, ranges: ArrayLike<number>): Thread {
  const strokes: number[][] = [];
  const jumps: [number, number][] = [];
  const last = grid.columns * grid.rows - 1;
  let before: number | null = null;
  for (let at = 0; at + 1 < ranges.length && jumps.length < JUMPS_MAX; at += 2) {
    const first = ranges[at] ?? 0;
    const from = cellOfBlock(grid, first);
    const to = cellOfBlock(grid, first + Math.max(1, ranges[at + 1] ?? 1) - 1);
    if (to < 0 || from > last) {
      before = null;
      continue;
    }
    const start = Math.max(0, from);
    if (before !== null && before !== start && from >= 0) jumps.push([before, start]);
    addStrokes(grid, start, Math.min(last, to), strokes);
    before = to <= last ? to : null;
  }
  return { strokes, jumps };
}

/** Along the curve in one stroke; in rows each row is a stroke of its own, drawn by its two ends. */
function addStrokes(grid: Grid, from: number, to: number, strokes: number[][]): void {
  if (grid.order === 'hilbert') {
    strokes.push(Array.from({ length: to - from + 1 }, (_, i) => from + i));
    return;
  }
  for (let cell = from; cell <= to;) {
    const end = Math.min(to, (Math.floor(cell / grid.columns) + 1) * grid.columns - 1);
    strokes.push(end > cell ? [cell, end] : [cell]);
    cell = end + 1;
  }
}
