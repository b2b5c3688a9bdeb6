import type { StepView } from '../../rpc/protocol.ts';

/** Geometry of the timeline: positions are shares of the track, 0 … 1. */

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

/** The place (0 … stepCount) nearest to a share of the track. */
export const indexNear = (share: number, stepCount: number): number =>
  Math.max(0, Math.min(stepCount, Math.round(share * stepCount)));

/**
 * What the track shows in each of its pixels: thousands of steps are drawn in as many strokes as there are pixels.
 * Nothing that failed and no barrier is lost between two pixels.
 */
export interface TrackMarks {
  /** 1: a step ends here; 2: one that failed. */
  readonly steps: Uint8Array;
  /** How many barriers fall into this pixel, at most 255. */
  readonly barriers: Uint8Array;
}

export function trackMarks(
  path: readonly number[],
  stepOf: (number: number) => StepView | null,
  widthPixels: number,
): TrackMarks {
  const last = Math.max(0, Math.floor(widthPixels) - 1);
  const steps = new Uint8Array(last + 1);
  const barriers = new Uint8Array(last + 1);
  const pixelOf = (index: number) => Math.round(positionOf(index, path.length) * last);
  path.forEach((number, at) => {
    const step = stepOf(number);
    const pixel = pixelOf(at + 1);
    steps[pixel] = Math.max(steps[pixel] ?? 0, (step?.exitCode ?? 0) === 0 ? 1 : 2);
    const count = Math.min(step?.costs.barriers ?? 0, BARRIERS_SHOWN);
    for (let nth = 1; nth <= count; nth++) {
      const place = pixelOf(at + nth / (count + 1));
      barriers[place] = Math.min(255, (barriers[place] ?? 0) + 1);
    }
  });
  return { steps, barriers };
}

/** Of one step; more stand closer than pixels do. */
const BARRIERS_SHOWN = 64;

/** A branch beside the path: where it leaves it and how far it goes, in places; in which row it is drawn. */
export interface Offshoot {
  readonly branch: string;
  readonly from: number;
  readonly to: number;
  readonly row: number;
}

/** Each in the first row that is free there; those that find none share the last one. */
export function layOffshoots(
  branches: readonly { readonly branch: string; readonly from: number; readonly to: number }[],
  rowCount: number,
): Offshoot[] {
  const ends = Array.from({ length: rowCount }, () => -1);
  return branches
    .toSorted((a, b) => a.from - b.from)
    .map(({ branch, from, to }) => {
      const free = ends.findIndex((end) => end < from);
      const row = free < 0 ? rowCount - 1 : free;
      ends[row] = Math.max(ends[row] ?? 0, to);
      return { branch, from, to, row };
    });
}
