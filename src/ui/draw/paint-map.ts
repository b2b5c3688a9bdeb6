import type { MapView, Role } from '../../rpc/protocol.ts';
import { ROLES } from '../../rpc/protocol.ts';
import { blocksOfCell, cellAtPlace, cornerOfCell, placeOfCell } from './grid.ts';
import type { Grid } from './grid.ts';
import { lookOf } from './roles.ts';
import type { Thread } from './thread.ts';

/** Colours as the canvas wants them, resolved from tokens.css by whoever draws. */
export interface MapColours {
  readonly roles: Readonly<Record<Role, string>>;
  readonly panel: string;
  readonly ink: string;
  readonly focus: string;
}

/** What tokens.css says at the place of `probe`, whose colour is borrowed to find out. */
export function mapColours(probe: HTMLElement): MapColours {
  const read = (token: string) => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };
  const roles = Object.fromEntries(ROLES.map((role) => [role, read(`--role-${role}`)])) as Record<
    Role,
    string
  >;
  return { roles, panel: read('--panel'), ink: read('--ink'), focus: read('--focus') };
}

/** Index into the view's columns for a cell of the grid, which may be finer or further along than the view yet. */
export function sampleOf(grid: Grid, view: MapView, cell: number): number {
  const blocks = blocksOfCell(grid, cell);
  if (blocks === null) return -1;
  const at = Math.floor((blocks.firstBlock - view.firstBlock) / view.blocksPerCell);
  return at >= 0 && at < view.roles.length ? at : -1;
}

const DIMMED = 0.1;
/** Share of full colour for a cell of which next to nothing is in use. */
const FAINTEST = 0.4;
/** Neighbouring files differ a little in shade, so that one sees where one ends and the next begins. */
const SHADES = [1, 0.8, 0.9];
/** Steps after which a write looks as old as any. */
const AGE_OLD = 12;
const HOLDERS_BRIGHT = 4;
const FREE = ROLES.indexOf('free');
const DATA = ROLES.indexOf('data');

/** What brightness says: how much of a cell is in use, how lately it was written, or how many files hold it. */
export type Brightness = 'use' | 'age' | 'references';

/** Share of full colour for cell `at` of the view, 0 … 1. Free space is always itself. */
export function strengthOf(view: MapView, at: number, brightness: Brightness): number {
  const role = view.roles[at] ?? FREE;
  if (role === FREE) return 1;
  const share = (value: number) => FAINTEST + (1 - FAINTEST) * value;
  if (brightness === 'age') return share(1 - Math.min(view.age[at] ?? 255, AGE_OLD) / AGE_OLD);
  if (brightness === 'references')
    return share(Math.min((view.holders[at] ?? 0) - 1, HOLDERS_BRIGHT - 1) / (HOLDERS_BRIGHT - 1));
  const shade = role === DATA ? (SHADES[(view.owner[at] ?? 0) % SHADES.length] ?? 1) : 1;
  return share((view.fill[at] ?? 0) / 255) * shade;
}

export interface PaintedMap {
  readonly grid: Grid;
  readonly view: MapView;
  readonly shown: ReadonlySet<Role>;
  readonly brightness: Brightness;
  readonly colours: MapColours;
  /** Device pixels per CSS pixel. */
  readonly scale: number;
}

/** Levels of strength that are told apart. */
const LEVELS = 63;

/**
 * The cells: role as colour, brightness as strength, glyph as second channel; roles not in `shown` fade. Remembers what
 * each cell looks like and paints only those that look different: after a step, a handful.
 */
export class CellPainter {
  #layout = '';
  #colours: MapColours | null = null;
  #sprites: readonly HTMLCanvasElement[] = [];
  /** How each cell looks: role, level and whether it is shown, as one number; 0 is nothing. */
  #looks = new Uint32Array();

  /** How many cells were painted. */
  paint(context: CanvasRenderingContext2D, map: PaintedMap): number {
    const { grid, view } = map;
    const { width, height } = context.canvas;
    const size = grid.cellPixels * map.scale;
    const gap = Math.max(1, Math.round(map.scale * (grid.cellPixels > 10 ? 1.5 : 1)));
    const layout = [width, height, grid.order, grid.columns, grid.rows, size].join();
    if (layout !== this.#layout || map.colours !== this.#colours) {
      this.#layout = layout;
      this.#colours = map.colours;
      this.#sprites = ROLES.map((role) => sprite(role, size - gap, map.colours));
      this.#looks = new Uint32Array(grid.columns * grid.rows);
      context.clearRect(0, 0, width, height);
    }
    let painted = 0;
    for (let cell = 0; cell < this.#looks.length; cell++) {
      const at = sampleOf(grid, view, cell);
      const look = at < 0 ? 0 : lookAt(map, at);
      if (look === this.#looks[cell]) continue;
      this.#looks[cell] = look;
      painted += 1;
      const corner = cornerOfCell(grid, cell);
      this.#paintCell(context, { x: corner.x * map.scale, y: corner.y * map.scale, size }, look);
    }
    context.globalAlpha = 1;
    return painted;
  }

  #paintCell(
    context: CanvasRenderingContext2D,
    { x, y, size }: { x: number; y: number; size: number },
    look: number,
  ): void {
    context.clearRect(x, y, size, size);
    if (look === 0) return;
    const isShown = (look & 1) === 1;
    const role = (look >>> 1) & 31;
    const ground = this.#sprites[FREE];
    const face = this.#sprites[role];
    context.globalAlpha = isShown ? 1 : DIMMED * 4;
    if (role !== FREE && ground) context.drawImage(ground, x, y);
    context.globalAlpha = isShown ? (look >>> 6) / LEVELS : DIMMED;
    if (face) context.drawImage(face, x, y);
  }
}

function lookAt({ view, shown, brightness }: PaintedMap, at: number): number {
  const role = view.roles[at] ?? FREE;
  const level = Math.max(1, Math.round(Math.min(strengthOf(view, at, brightness), 1) * LEVELS));
  return (level << 6) | (role << 1) | (shown.has(ROLES[role] ?? 'free') ? 1 : 0);
}

function sprite(role: Role, size: number, colours: MapColours): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = Math.max(1, Math.round(size));
  const context = canvas.getContext('2d');
  if (context === null) return canvas;
  context.fillStyle = colours.roles[role];
  context.fillRect(0, 0, canvas.width, canvas.height);
  const { glyph } = lookOf(role);
  if (glyph !== '' && size >= 5) {
    context.scale(canvas.width / 10, canvas.height / 10);
    context.fillStyle = colours.panel;
    context.globalAlpha = 0.8;
    context.fill(new Path2D(glyph), 'evenodd');
  }
  return canvas;
}

/** One line around each connected group of cells. */
export function outlineCells(
  context: CanvasRenderingContext2D,
  outline: { grid: Grid; cells: ReadonlySet<number>; colour: string; widthPixels: number; scale: number },
): void {
  const { grid, cells, scale } = outline;
  const size = grid.cellPixels * scale;
  const path = new Path2D();
  const line = (fromX: number, fromY: number, toX: number, toY: number) => {
    path.moveTo(fromX, fromY);
    path.lineTo(toX, toY);
  };
  for (const cell of cells) {
    const { column, row } = placeOfCell(grid, cell);
    const x = (column * grid.cellPixels - 0.5) * scale;
    const y = (row * grid.cellPixels - 0.5) * scale;
    const isOutside = (right: number, down: number) =>
      !cells.has(cellAtPlace(grid, column + right, row + down));
    if (isOutside(0, -1)) line(x, y, x + size, y);
    if (isOutside(0, 1)) line(x, y + size, x + size, y + size);
    if (isOutside(-1, 0)) line(x, y, x, y + size);
    if (isOutside(1, 0)) line(x + size, y, x + size, y + size);
  }
  context.strokeStyle = outline.colour;
  context.lineWidth = outline.widthPixels * scale;
  context.lineCap = 'square';
  context.stroke(path);
}

/** A veil over cells: what shows itself when a step has written. */
export function veilCells(
  context: CanvasRenderingContext2D,
  veil: { grid: Grid; cells: Iterable<number>; colour: string; scale: number },
): void {
  const { grid, scale } = veil;
  const size = grid.cellPixels * scale;
  context.fillStyle = veil.colour;
  for (const cell of veil.cells) {
    const corner = cornerOfCell(grid, cell);
    context.fillRect(corner.x * scale, corner.y * scale, size, size);
  }
}

/** A thread through the cells of a file: solid where its blocks follow each other, dashed where it jumps; a knot ends it. */
export function paintThread(
  context: CanvasRenderingContext2D,
  map: { grid: Grid; thread: Thread; colour: string; ground: string; scale: number },
): void {
  const { grid, thread, scale } = map;
  const middle = (cell: number) => {
    const { x, y } = cornerOfCell(grid, cell);
    return { x: (x + grid.cellPixels / 2 - 0.5) * scale, y: (y + grid.cellPixels / 2 - 0.5) * scale };
  };
  const path = new Path2D();
  for (const stroke of thread.strokes)
    stroke.forEach((cell, at) => {
      const { x, y } = middle(cell);
      if (at === 0) path.moveTo(x, y);
      else path.lineTo(x, y);
    });
  const jumps = new Path2D();
  for (const [from, to] of thread.jumps) {
    const [start, end] = [middle(from), middle(to)];
    jumps.moveTo(start.x, start.y);
    jumps.lineTo(end.x, end.y);
  }
  context.lineCap = context.lineJoin = 'round';
  for (const [colour, width] of [
    [map.ground, 3],
    [map.colour, 1.25],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width * scale;
    context.stroke(path);
    context.setLineDash([3 * scale, 3 * scale]);
    context.stroke(jumps);
    context.setLineDash([]);
  }
  context.fillStyle = map.colour;
  const end = thread.strokes.at(-1)?.at(-1);
  if (end === undefined) return;
  const { x, y } = middle(end);
  context.beginPath();
  context.arc(x, y, 2.5 * scale, 0, 2 * Math.PI);
  context.fill();
}
