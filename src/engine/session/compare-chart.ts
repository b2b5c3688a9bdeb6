import { ROLE_GROUPS } from './comparison.ts';
import type { Comparison, Figures, RoleGroup } from './comparison.ts';
import { counted, printedDuration, printedSize } from './sentences.ts';

/**
 * The comparison as a chart: shapes with places in pixels, which become an SVG text here or are painted on a canvas by
 * the page. Two bars a disk: what was written, by group of roles, and the simulated time; each as long as its share of
 * the largest.
 */
export interface Palette {
  readonly ink: string;
  readonly soft: string;
  readonly paper: string;
  readonly track: string;
  readonly time: string;
  readonly groups: Readonly<Record<RoleGroup, string>>;
}

export type Shape =
  | {
      readonly kind: 'rectangle';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly colour: string;
    }
  | {
      readonly kind: 'text';
      readonly x: number;
      readonly y: number;
      readonly text: string;
      readonly sizePixels: number;
      readonly isStrong: boolean;
      readonly colour: string;
    };

export interface Chart {
  readonly title: string;
  readonly widthPixels: number;
  readonly heightPixels: number;
  readonly shapes: readonly Shape[];
}

const WIDTH = 760;
const MARGIN = 20;
const BARS_X = 190;
const BARS_WIDTH = 400;
const ROW_HEIGHT = 46;
const BAR_HEIGHT = 12;
const TITLE_CHARACTERS_MAX = 90;
const NAME_CHARACTERS_MAX = 24;

export function comparisonChart(comparison: Comparison, palette: Palette): Chart {
  const { commands, disks, total, profile } = comparison;
  const only = commands.length === 1 ? commands[0]?.line : undefined;
  const title = shortened(only ?? counted(commands.length, 'command'), TITLE_CHARACTERS_MAX);
  const text = (
    x: number,
    y: number,
    words: string,
    options: { soft?: boolean; strong?: boolean; size?: number } = {},
  ): Shape => ({
    ...{ kind: 'text', x, y, text: drawable(words), sizePixels: options.size ?? 12 },
    ...{ isStrong: options.strong === true, colour: options.soft === true ? palette.soft : palette.ink },
  });
  const shapes: Shape[] = [
    { kind: 'rectangle', x: 0, y: 0, width: WIDTH, height: heightOf(disks.length), colour: palette.paper },
    text(MARGIN, 30, title, { strong: true, size: 14 }),
    ...legend(palette, text),
  ];
  const most = {
    bytes: Math.max(1, ...total.map(({ bytes }) => bytes)),
    nanoseconds: Math.max(1, ...total.map(({ simulatedNanoseconds }) => simulatedNanoseconds)),
  };
  for (const [at, figures] of total.entries()) {
    const y = TOP + at * ROW_HEIGHT;
    shapes.push(
      text(MARGIN, y + 16, shortened(disks[at]?.title ?? '', NAME_CHARACTERS_MAX), { strong: true }),
      ...barsOf(figures, most, y, palette),
      text(
        BARS_X + BARS_WIDTH + 10,
        y + 11,
        `${printedSize(figures.bytes)}, ${counted(figures.barriers, 'barrier')}`,
      ),
      text(BARS_X + BARS_WIDTH + 10, y + 29, printedDuration(figures.simulatedNanoseconds), { soft: true }),
    );
  }
  const note = `Bytes written to the device by what they hold, and time simulated for: ${profile.title}`;
  shapes.push(text(MARGIN, heightOf(disks.length) - 14, note, { soft: true, size: 11 }));
  return { title: drawable(title), widthPixels: WIDTH, heightPixels: heightOf(disks.length), shapes };
}

const TOP = 76;
const heightOf = (diskCount: number): number => TOP + diskCount * ROW_HEIGHT + 34;

type TextShape = (x: number, y: number, words: string, options?: { soft?: boolean }) => Shape;

function legend(palette: Palette, text: TextShape): Shape[] {
  const items = [
    ...ROLE_GROUPS.map((group) => [group, palette.groups[group]] as const),
    ['simulated time', palette.time] as const,
  ];
  return items.flatMap(([words, colour], at) => [
    { kind: 'rectangle', x: MARGIN + at * 110, y: 44, width: 10, height: 10, colour } as const,
    text(MARGIN + at * 110 + 16, 53, words, { soft: true }),
  ]);
}

function barsOf(
  figures: Figures,
  most: { readonly bytes: number; readonly nanoseconds: number },
  y: number,
  palette: Palette,
): Shape[] {
  const track = (at: number): Shape => ({
    kind: 'rectangle',
    x: BARS_X,
    y: at,
    width: BARS_WIDTH,
    height: BAR_HEIGHT,
    colour: palette.track,
  });
  const shapes: Shape[] = [track(y), track(y + 18)];
  let x = BARS_X;
  for (const group of ROLE_GROUPS) {
    const width = (figures.bytesByGroup[group] / most.bytes) * BARS_WIDTH;
    if (width === 0) continue;
    shapes.push({ kind: 'rectangle', x, y, width, height: BAR_HEIGHT, colour: palette.groups[group] });
    x += width;
  }
  const width = (figures.simulatedNanoseconds / most.nanoseconds) * BARS_WIDTH;
  if (width > 0)
    shapes.push({ kind: 'rectangle', x: BARS_X, y: y + 18, width, height: BAR_HEIGHT, colour: palette.time });
  return shapes;
}

/** Cut between characters, not inside one. */
function shortened(text: string, charactersMax: number): string {
  const characters = [...text];
  return characters.length <= charactersMax ? text : `${characters.slice(0, charactersMax - 1).join('')}…`;
}

/** Names come from disks: no control characters, no marks that turn the direction, no half surrogates. */
const drawable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029\uFFFE\uFFFF]/gu, '�');

const escaped = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const pixels = (value: number): string => `${Number(value.toFixed(2))}`;

export function chartSvg({ title, widthPixels, heightPixels, shapes }: Chart): string {
  const lines = shapes.map((shape) =>
    shape.kind === 'rectangle'
      ? `<rect x="${pixels(shape.x)}" y="${pixels(shape.y)}" width="${pixels(shape.width)}" height="${pixels(shape.height)}" fill="${escaped(shape.colour)}"/>`
      : `<text x="${pixels(shape.x)}" y="${pixels(shape.y)}" font-size="${shape.sizePixels}"${shape.isStrong ? ' font-weight="600"' : ''} fill="${escaped(shape.colour)}">${escaped(shape.text)}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${widthPixels}" height="${heightPixels}" viewBox="0 0 ${widthPixels} ${heightPixels}" font-family="system-ui, sans-serif" role="img">`,
    `<title>${escaped(title)}</title>`,
    ...lines,
    '</svg>',
    '',
  ].join('\n');
}
