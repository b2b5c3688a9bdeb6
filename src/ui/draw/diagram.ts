import type { DiagramKind, DiagramPartView } from '../../rpc/protocol.ts';

/** Geometry of diagrams: sectors of a ring, bars of everything else. Lengths in units of the drawing. */

interface Ring {
  readonly middle: number;
  readonly inner: number;
  readonly outer: number;
}

const WIDTH = 400;
/** So much of a ring that it can be seen and hit. */
const SHARE_MIN = 0.004;

const round = (value: number): number => Math.round(value * 100) / 100;

/** A sector from share `from` to share `to` of the ring, clockwise from the top. Shares beyond 1 go round again. */
export function arcPath(from: number, to: number, { middle, inner, outer }: Ring): string {
  const share = Math.max(SHARE_MIN, Math.min(to - from, 0.9999));
  const point = (at: number, radius: number): string => {
    const angle = 2 * Math.PI * at;
    return `${round(middle + radius * Math.sin(angle))} ${round(middle - radius * Math.cos(angle))}`;
  };
  const isLarge = share > 0.5 ? 1 : 0;
  const end = from + share;
  return [
    `M${point(from, outer)}A${outer} ${outer} 0 ${isLarge} 1 ${point(end, outer)}`,
    `L${point(end, inner)}A${inner} ${inner} 0 ${isLarge} 0 ${point(from, inner)}Z`,
  ].join('');
}

/** Where a part lies in a drawing of rows, and which share of it is filled. Layers lie on top of each other. */
export function barOf(
  kind: DiagramKind,
  part: DiagramPartView,
  index: number,
  rowPixels: number,
): { x: number; y: number; width: number; height: number; share: number } {
  const row = kind === 'layers' ? index : part.row;
  return {
    ...{ x: part.from * WIDTH, y: row * rowPixels, height: rowPixels - 2 },
    ...{ width: Math.max(0, part.to - part.from) * WIDTH, share: Math.max(0, Math.min(part.fill, 1)) },
  };
}
