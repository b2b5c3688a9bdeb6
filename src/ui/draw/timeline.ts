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

/** Of one step; more stand closer than pixels do. */
const BARRIERS_SHOWN = 64;

/**
 * What the steps of a path come to, summed up from its beginning. A path that became longer costs what it became longer,
 * and one that leaves the last path what lies behind the fork.
 */
export class PathSums {
  #path: readonly number[] = [];
  /** At n: how many of the first n steps failed. */
  readonly #failures = [0];
  /** At n: how many barriers the first n steps show. */
  readonly #barriers = [0];

  get stepCount(): number {
    return this.#path.length;
  }

  follow(path: readonly number[], stepOf: (number: number) => StepView | null): this {
    const kept = sharedLength(this.#path, path);
    this.#failures.length = kept + 1;
    this.#barriers.length = kept + 1;
    for (const number of path.slice(kept)) {
      const step = stepOf(number);
      const isFailed = (step?.exitCode ?? 0) !== 0;
      this.#failures.push((this.#failures.at(-1) ?? 0) + (isFailed ? 1 : 0));
      const shown = Math.min(step?.costs.barriers ?? 0, BARRIERS_SHOWN);
      this.#barriers.push((this.#barriers.at(-1) ?? 0) + shown);
    }
    this.#path = path;
    return this;
  }

  /** Of the steps in the places `first` to before `end`, from 0. */
  between(first: number, end: number): { readonly failures: number; readonly barriers: number } {
    const of = (sums: readonly number[]) => (sums[end] ?? 0) - (sums[first] ?? 0);
    return { failures: of(this.#failures), barriers: of(this.#barriers) };
  }
}

/** How many steps two paths of one tree share: where they are equal once, they were equal all the way. */
function sharedLength(one: readonly number[], other: readonly number[]): number {
  return boundary(Math.min(one.length, other.length), (at) => one[at] === other[at]);
}

/** The first of 0 … count - 1 that does not hold, of those that hold up to some place; `count` where all do. */
function boundary(count: number, holds: (at: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Cost follows the width of the track, never how many steps there are. */
export function trackMarks(sums: PathSums, widthPixels: number): TrackMarks {
  const last = Math.max(0, Math.floor(widthPixels) - 1);
  const marks = { steps: new Uint8Array(last + 1), barriers: new Uint8Array(last + 1) };
  if (sums.stepCount > last) markCrowd(sums, last, marks);
  else markEach(sums, last, marks);
  return marks;
}

/** Each step has pixels of its own, and its barriers stand between it and the one before. */
function markEach(sums: PathSums, last: number, { steps, barriers }: TrackMarks): void {
  const pixelOf = (index: number) => Math.round(positionOf(index, sums.stepCount) * last);
  for (let at = 0; at < sums.stepCount; at++) {
    const own = sums.between(at, at + 1);
    steps[pixelOf(at + 1)] = own.failures === 0 ? 1 : 2;
    for (let nth = 1; nth <= own.barriers; nth++) {
      const place = pixelOf(at + nth / (own.barriers + 1));
      barriers[place] = Math.min(255, (barriers[place] ?? 0) + 1);
    }
  }
}

/** Several steps fall into a pixel, each where it ends. */
function markCrowd(sums: PathSums, last: number, { steps, barriers }: TrackMarks): void {
  const count = sums.stepCount;
  const firstOf = (pixel: number) => Math.ceil(((pixel - 0.5) * count) / Math.max(1, last)) - 1;
  for (let pixel = 0; pixel <= last; pixel++) {
    const first = Math.max(0, firstOf(pixel));
    const end = pixel === last ? count : Math.max(first, firstOf(pixel + 1));
    if (end === first) continue;
    const all = sums.between(first, end);
    steps[pixel] = all.failures === 0 ? 1 : 2;
    barriers[pixel] = Math.min(255, all.barriers);
  }
}

/** A branch beside the path: where it leaves it and how far it goes, in places; in which row it is drawn. */
export interface Offshoot {
  readonly branch: string;
  readonly from: number;
  readonly to: number;
  readonly row: number;
}

/** A branch and its lines, each typed after the one before it. */
interface Chain {
  readonly branch: string;
  readonly numbers: readonly number[];
}

/** Branches that leave the path, as far as they go. `placeOf` is a line's place on its way, from 1. */
export function offshootsOf(
  chains: readonly Chain[],
  path: readonly number[],
  placeOf: (number: number) => { readonly parent: number; readonly depth: number },
): { readonly branch: string; readonly from: number; readonly to: number }[] {
  return chains.flatMap(({ branch, numbers }) => {
    const { parent, depth } = placeOf(numbers[0] ?? 0);
    const isLeaving = depth === 1 || path[depth - 2] === parent;
    const along = boundary(numbers.length, (at) => path[depth - 1 + at] === numbers[at]);
    if (!isLeaving || along === numbers.length) return [];
    return [{ branch, from: depth - 1 + along, to: depth - 1 + numbers.length }];
  });
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
