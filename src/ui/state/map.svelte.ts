import type { MapView } from '../../rpc/protocol.ts';
import {
  blocksOfCell,
  blocksOnShow,
  cellOfBlock,
  firstRowKeeping,
  firstRowShowing,
  layGrid,
} from '../draw/grid.ts';
import type { Grid } from '../draw/grid.ts';
import { Answer } from './answer.svelte.ts';
import type { DiskState } from './disk.svelte.ts';

/** Which part of the disk the map shows, how close, and which cell the keyboard stands on. */
export class MapState {
  widthPixels = $state(600);
  heightPixels = $state(400);
  zoom = $state(0);
  firstRow = $state(0);
  /** The block of the keyboard's cell. */
  cursor = $state(0);
  readonly view = new Answer<MapView>();

  readonly grid: Grid = $derived.by(() =>
    layGrid({
      widthPixels: this.widthPixels,
      heightPixels: this.heightPixels,
      blocksTotal: this.disk.view?.blockCount ?? 1,
      zoom: this.zoom,
      firstRow: this.firstRow,
    }),
  );

  constructor(readonly disk: DiskState) {}

  /** Ask for the cells on show. */
  load(): void {
    const { firstBlock, blockCount } = blocksOnShow(this.grid);
    const cellsMax = Math.ceil(blockCount / this.grid.blocksPerCell);
    this.view.ask(() => this.disk.api.map({ firstBlock, blockCount, cellsMax }));
  }

  zoomBy(steps: number, block = this.cursor): void {
    const now = this.grid;
    const zoom = Math.max(0, Math.min(now.zoom + steps, now.zoomMax));
    const next = layGrid({
      ...{ widthPixels: this.widthPixels, heightPixels: this.heightPixels },
      ...{ blocksTotal: now.blocksTotal, zoom, firstRow: 0 },
    });
    this.zoom = zoom;
    this.firstRow = firstRowKeeping(now, next, block);
  }

  fit(): void {
    this.zoom = 0;
    this.firstRow = 0;
  }

  scrollTo(row: number): void {
    this.firstRow = Math.max(0, Math.min(Math.round(row), this.grid.rowsTotal - this.grid.rows));
  }

  show(block: number): void {
    this.firstRow = firstRowShowing(this.grid, block);
  }

  /** Move the keyboard's cell; the map scrolls along. */
  walk(cells: number): void {
    const { grid } = this;
    const cell = cellOfBlock(grid, this.cursor) + cells;
    const last = Math.ceil(grid.blocksTotal / grid.blocksPerCell) - 1 - grid.firstRow * grid.columns;
    const blocks = blocksOfCell(grid, Math.max(-grid.firstRow * grid.columns, Math.min(cell, last)));
    if (blocks === null) return;
    this.cursor = blocks.firstBlock;
    this.show(this.cursor);
  }
}
