import type { TraceRow } from '../../rpc/protocol.ts';
import type { RowsModel, TreeRow } from './rows.ts';

export const TRACE_ROWS_MAX = 5000;

/** The trace of a step with parts of it folded. Rows come flat with depths; a row owns the deeper ones behind it. */
export class TraceRows implements RowsModel<TraceRow> {
  rows = $state.raw<readonly TraceRow[]>([]);
  #folded = $state.raw<ReadonlySet<number>>(new Set());

  readonly #shown = $derived.by(() => {
    const shown: number[] = [];
    let hiddenBelow = Infinity;
    this.rows.forEach((row, index) => {
      if (row.depth > hiddenBelow) return;
      hiddenBelow = this.#folded.has(index) ? row.depth : Infinity;
      shown.push(index);
    });
    return shown;
  });

  show(rows: readonly TraceRow[]): void {
    this.rows = rows;
    this.#folded = new Set();
  }

  get rowCount(): number {
    return this.#shown.length;
  }

  rowAt(row: number): TreeRow<TraceRow> {
    const index = this.#shown[row] ?? -1;
    const item = this.rows[index] ?? null;
    const isParent = (this.rows[index + 1]?.depth ?? 0) > (item?.depth ?? 0);
    return {
      ...{ item, key: String(index), depth: item?.depth ?? 0, position: row + 1, setSize: this.rowCount },
      isOpen: isParent ? !this.#folded.has(index) : null,
    };
  }

  need(): void {}

  toggle(row: number): void {
    const index = this.#shown[row];
    if (index === undefined) return;
    const folded = new Set(this.#folded);
    if (!folded.delete(index)) folded.add(index);
    this.#folded = folded;
  }

  foldAll(): void {
    this.#folded = new Set(this.rows.keys());
  }

  unfoldAll(): void {
    this.#folded = new Set();
  }

  /** Blocks written by row `key` and everything below it: [first, count, …]. */
  rangesOf(key: string): Float64Array {
    const start = Number(key);
    const depth = this.rows[start]?.depth ?? 0;
    const ranges: number[] = [];
    for (let at = start; at < this.rows.length; at++) {
      const row = this.rows[at];
      if (row === undefined || (at > start && row.depth <= depth)) break;
      if (row.firstBlock >= 0) ranges.push(row.firstBlock, row.blockCount);
    }
    return new Float64Array(ranges);
  }
}
