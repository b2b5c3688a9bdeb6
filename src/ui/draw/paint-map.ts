import type { MapView, Role } from '../../rpc/protocol.ts';
import { ROLES } from '../../rpc/protocol.ts';
import { blocksOfCell, cornerOfCell } from './grid.ts';
import type { Grid } from './grid.ts';
import { lookOf } from './roles.ts';

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

/**
 * The cells: role as colour, share in use as strength, glyph as second channel. Roles not in `shown` fade.
 * `scale` is device pixels per CSS pixel. Cost follows the cells on show.
 */
export function paintCells(
  context: CanvasRenderingContext2D,
  map: { grid: Grid; view: MapView; shown: ReadonlySet<Role>; colours: MapColours; scale: number },
): void {
  const { grid, view, shown, colours, scale } = map;
  const size = grid.cellPixels * scale;
  const gap = Math.max(1, Math.round(scale * (grid.cellPixels > 10 ? 1.5 : 1)));
  const sprites = ROLES.map((role) => sprite(role, size - gap, colours));
  const free = ROLES.indexOf('free');
  const data = ROLES.indexOf('data');

  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  for (let cell = 0; cell < grid.columns * grid.rows; cell++) {
    const at = sampleOf(grid, view, cell);
    if (at < 0) continue;
    const role = view.roles[at] ?? free;
    const corner = cornerOfCell(grid, cell);
    const x = corner.x * scale;
    const y = corner.y * scale;
    const isShown = shown.has(ROLES[role] ?? 'free');
    const fill = (view.fill[at] ?? 0) / 255;
    const shade = role === data ? (SHADES[(view.owner[at] ?? 0) % SHADES.length] ?? 1) : 1;
    const strength = role === free ? 1 : (FAINTEST + (1 - FAINTEST) * fill) * shade;
    context.globalAlpha = isShown ? 1 : DIMMED * 4;
    if (role !== free) context.drawImage(sprites[free] as CanvasImageSource, x, y);
    context.globalAlpha = isShown ? strength : DIMMED;
    context.drawImage(sprites[role] as CanvasImageSource, x, y);
  }
  context.globalAlpha = 1;
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
    const corner = cornerOfCell(grid, cell);
    const x = corner.x * scale - 0.5 * scale;
    const y = corner.y * scale - 0.5 * scale;
    const column = cell % grid.columns;
    if (!cells.has(cell - grid.columns)) line(x, y, x + size, y);
    if (!cells.has(cell + grid.columns)) line(x, y + size, x + size, y + size);
    if (column === 0 || !cells.has(cell - 1)) line(x, y, x, y + size);
    if (column === grid.columns - 1 || !cells.has(cell + 1)) line(x + size, y, x + size, y + size);
  }
  context.strokeStyle = outline.colour;
  context.lineWidth = outline.widthPixels * scale;
  context.lineCap = 'square';
  context.stroke(path);
}

/** A veil over cells, for the moment in which a step's writes show themselves. */
export function veilCells(
  context: CanvasRenderingContext2D,
  veil: { grid: Grid; cells: Iterable<number>; colour: string; strength: number; scale: number },
): void {
  const { grid, scale } = veil;
  const size = grid.cellPixels * scale;
  context.globalAlpha = veil.strength;
  context.fillStyle = veil.colour;
  for (const cell of veil.cells) {
    const corner = cornerOfCell(grid, cell);
    context.fillRect(corner.x * scale, corner.y * scale, size, size);
  }
  context.globalAlpha = 1;
}
