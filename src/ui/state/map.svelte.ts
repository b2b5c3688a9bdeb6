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
import { cellAtPlace, isOnShow, placeOfCell } from '../draw/grid.ts';
import { Answer } from './answer.svelte.ts';
import type { DiskState } from './disk.svelte.ts';
import { mapLook } from './map-look.svelte.ts';

/** Which part of the disk the map shows, how close, and which cell the keyboard stands on. */
export class MapState {
  widthPixels = $state(600);
  heightPixels = $state(400);
  zoom = $state(0);
  firstRow = $state(0);
  /** The block of the keyboard's cell. */
  cursor = $state(0);
  readonly view = new Answer<MapView>();
  /** Version of the disk that the view shows; changes together with the view. */
  viewVersion = -1;

  readonly grid: Grid = $derived.by(() =>
    layGrid({
      widthPixels: this.widthPixels,
      heightPixels: this.heightPixels,
      blocksTotal: this.disk.view?.blockCount ?? 1,
      zoom: this.zoom,
      firstRow: this.firstRow,
      order: mapLook.order,
    }),
  );

  constructor(readonly disk: DiskState) {}

  /** Ask for the cells on show. */
  load(): void {
    const { firstBlock, blockCount } = blocksOnShow(this.grid);
    const cellsMax = Math.ceil(blockCount / this.grid.blocksPerCell);
    const { version } = this.disk;
    this.view.ask(async () => {
      const view = await this.disk.api.map({ firstBlock, blockCount, cellsMax });
      this.viewVersion = version;
      return view;
    });
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

  /** To the neighbour on the screen. At an edge a row goes on in the next one; a curve goes on outside what is shown. */
  step(right: number, down: number): void {
    if (!isOnShow(this.grid, cellOfBlock(this.grid, this.cursor))) this.show(this.cursor);
    const { grid } = this;
    if (grid.order === 'rows') return this.walk(right + down * grid.columns);
    const { column, row } = placeOfCell(grid, cellOfBlock(grid, this.cursor));
    const cell = cellAtPlace(grid, column + right, row + down);
    const blocks = cell < 0 ? null : blocksOfCell(grid, cell);
    if (blocks !== null) this.cursor = blocks.firstBlock;
    else if (cell < 0) this.walk((right + down) * grid.columns);
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
