import type { MapView, Role } from '../../rpc/protocol.ts';
import { ROLES } from '../../rpc/protocol.ts';
import type { Grid } from './grid.ts';
import { CellPainter, outlineCells, sampleOf } from './paint-map.ts';
import type { Brightness, MapColours } from './paint-map.ts';
import { lookOf } from './roles.ts';

/** A map as a picture for a paper or a lecture: caption, the cells as they are on show, the legend of what is there. */
export interface MapPicture {
  readonly grid: Grid;
  readonly view: MapView;
  readonly shown: ReadonlySet<Role>;
  readonly brightness: Brightness;
  readonly colours: MapColours;
  /** What it is, and smaller below it which part and moment. */
  readonly title: string;
  readonly caption: string;
}

const SCALE = 2;
const MARGIN_PIXELS = 16;
const LINE_PIXELS = 18;
const HEAD_PIXELS = 2 * LINE_PIXELS + 8;
const FONT = '12px system-ui, sans-serif';
/** A narrow column still has room for its words. */
const WIDTH_PIXELS_MIN = 360;

interface Entry {
  readonly label: string;
  readonly role: Role;
  readonly x: number;
  readonly line: number;
}

/** Roles that the cells on show have, each with its place in lines of the legend. */
function legendOf(context: CanvasRenderingContext2D, { view }: MapPicture, widthPixels: number): Entry[] {
  const present = new Set(view.roles);
  let x = 0;
  let line = 0;
  return ROLES.filter((_, index) => present.has(index)).map((role) => {
    const { label } = lookOf(role);
    const width = 18 + context.measureText(label).width + 14;
    if (x > 0 && x + width > widthPixels) {
      x = 0;
      line += 1;
    }
    const entry = { label, role, x, line };
    x += width;
    return entry;
  });
}

export function pictureOf(picture: MapPicture): HTMLCanvasElement {
  const { grid, view, colours } = picture;
  const cells = document.createElement('canvas');
  cells.width = grid.columns * grid.cellPixels * SCALE;
  cells.height = grid.rows * grid.cellPixels * SCALE;
  const painting = cells.getContext('2d');
  if (painting) {
    new CellPainter().paint(painting, { ...picture, scale: SCALE });
    const written = new Set<number>();
    for (let cell = 0; cell < grid.columns * grid.rows; cell++) {
      const at = sampleOf(grid, view, cell);
      if (at >= 0 && view.written[at] === 1) written.add(cell);
    }
    outlineCells(painting, { grid, cells: written, colour: colours.ink, widthPixels: 1.5, scale: SCALE });
  }

  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d');
  if (context === null) return canvas;
  context.font = FONT;
  const width = Math.max(cells.width / SCALE, WIDTH_PIXELS_MIN);
  const legend = legendOf(context, picture, width);
  const top = MARGIN_PIXELS + HEAD_PIXELS;
  const legendTop = top + cells.height / SCALE + 10;
  canvas.width = (width + 2 * MARGIN_PIXELS) * SCALE;
  canvas.height = (legendTop + ((legend.at(-1)?.line ?? 0) + 1) * LINE_PIXELS + MARGIN_PIXELS) * SCALE;
  context.scale(SCALE, SCALE);
  context.fillStyle = colours.panel;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = colours.ink;
  context.textBaseline = 'top';
  context.font = `600 ${FONT}`;
  context.fillText(picture.title, MARGIN_PIXELS, MARGIN_PIXELS, width);
  context.font = FONT;
  context.fillText(picture.caption, MARGIN_PIXELS, MARGIN_PIXELS + LINE_PIXELS, width);
  context.drawImage(cells, MARGIN_PIXELS, top, cells.width / SCALE, cells.height / SCALE);
  for (const { label, role, x, line } of legend) {
    const at = { x: MARGIN_PIXELS + x, y: legendTop + line * LINE_PIXELS };
    context.fillStyle = colours.roles[role];
    context.fillRect(at.x, at.y + 1, 11, 11);
    context.save();
    context.translate(at.x, at.y + 1);
    context.scale(1.1, 1.1);
    context.fillStyle = colours.panel;
    context.fill(new Path2D(lookOf(role).glyph), 'evenodd');
    context.restore();
    context.fillStyle = colours.ink;
    context.fillText(label, at.x + 18, at.y);
  }
  return canvas;
}

/** Offers the picture as a PNG file to save. Rejects where the browser cannot make one. */
export async function savePicture(picture: MapPicture, fileName: string): Promise<void> {
  const blob = await new Promise<Blob | null>((resolve) => pictureOf(picture).toBlob(resolve, 'image/png'));
  if (blob === null)
    throw new Error('the browser could not make a picture of this size; zoom in and try again');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = fileName;
  link.click();
  // The browser reads the blob after the click; a minute is ample.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
