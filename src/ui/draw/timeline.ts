import type { StepView } from '../../rpc/protocol.ts';

/** Geometry of the timeline: positions are shares of the track, 0 … 1. */

export interface Tick {
  readonly step: number;
  readonly index: number;
  readonly position: number;
}

export interface Mark {
  readonly position: number;
}

/** Place 0 is the moment before the first step; one place per step follows. */
export const positionOf = (index: number, stepCount: number): number =>
  stepCount === 0 ? 0 : index / stepCount;

/** Where `now` lies, inside a step included. `writes` is how many writes that step made. */
export function nowPosition(
  { index, count }: { readonly index: number; readonly count: number },
  write: number | undefined,
  writes: number,
): number {
  if (write === undefined || writes === 0) return positionOf(index, count);
  const inside = Math.min(1, (write + 1) / (writes + 1));
  return positionOf(index - 1 + inside, count);
}

/** Every step that fits with `gapPixels` between two; the newest always. */
export function ticks(path: readonly number[], widthPixels: number, gapPixels = 14): Tick[] {
  const stride = Math.max(1, Math.ceil((path.length * gapPixels) / Math.max(1, widthPixels)));
  return path.flatMap((step, at) => {
    const index = at + 1;
    const isShown = index % stride === 0 || index === path.length;
    return isShown ? [{ step, index, position: positionOf(index, path.length) }] : [];
  });
}

/** Barriers, evenly within their step; a step whose barriers would crowd shows none. */
export function barrierMarks(
  path: readonly number[],
  stepOf: (step: number) => StepView | null,
  widthPixels: number,
): Mark[] {
  const gap = widthPixels / Math.max(1, path.length);
  return path.flatMap((step, at) => {
    const barriers = stepOf(step)?.costs.barriers ?? 0;
    if (barriers === 0 || gap / (barriers + 1) < 7) return [];
    return Array.from({ length: barriers }, (_, nth) => ({
      position: positionOf(at + (nth + 1) / (barriers + 1), path.length),
    }));
  });
}

/** The place (0 … stepCount) nearest to a share of the track. */
export const indexNear = (share: number, stepCount: number): number =>
  Math.max(0, Math.min(stepCount, Math.round(share * stepCount)));
