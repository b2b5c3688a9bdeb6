import { ROLES } from '../base/role.ts';
import type { Role } from '../base/role.ts';
import type { Tape, TapeRange } from '../device/tape.ts';
import type { Costs, StepFigures } from './view.ts';

/** What steps cost and where they wrote. */

export const NO_COSTS: Costs = {
  writes: 0,
  blocks: 0,
  bytes: 0,
  bytesByRole: {},
  barriers: 0,
  trims: 0,
  simulatedNanoseconds: 0,
};

export const NO_FIGURES: StepFigures = {
  handedBytes: 0,
  trimmedBytes: 0,
  nanosecondsByProfile: { hdd: 0, 'sata-ssd': 0, nvme: 0, 'sd-card': 0 },
};

export function addCosts(a: Costs, b: Costs): Costs {
  const bytesByRole: Partial<Record<Role, number>> = { ...a.bytesByRole };
  for (const role of ROLES) {
    const bytes = b.bytesByRole[role];
    if (bytes !== undefined) bytesByRole[role] = (bytesByRole[role] ?? 0) + bytes;
  }
  return {
    writes: a.writes + b.writes,
    blocks: a.blocks + b.blocks,
    bytes: a.bytes + b.bytes,
    bytesByRole,
    barriers: a.barriers + b.barriers,
    trims: a.trims + b.trims,
    simulatedNanoseconds: a.simulatedNanoseconds + b.simulatedNanoseconds,
  };
}

const RANGES_MAX = 256;

/**
 * The blocks that a stretch of tape wrote, as ascending merged ranges [first, count, …]. At most RANGES_MAX of them:
 * where there would be more, the ranges nearest to each other become one, so that nothing written is left out.
 */
export function writtenRanges(tape: Tape, { from, to }: TapeRange): Float64Array {
  const ranges: [number, number][] = [];
  for (let i = from; i < to; i++) {
    const kind = tape.kindAt(i);
    if (kind !== 'write' && kind !== 'fill') continue;
    const first = tape.firstBlockAt(i);
    ranges.push([first, first + tape.blockCountAt(i)]);
  }
  return Float64Array.from(thinned(merged(ranges)).flatMap(([first, end]) => [first, end - first]));
}

function merged(ranges: [number, number][]): [number, number][] {
  ranges.sort(([a], [b]) => a - b);
  const out: [number, number][] = [];
  for (const [first, end] of ranges) {
    const last = out.at(-1);
    if (last !== undefined && first <= last[1]) last[1] = Math.max(last[1], end);
    else out.push([first, end]);
  }
  return out;
}

function thinned(ranges: [number, number][]): [number, number][] {
  if (ranges.length <= RANGES_MAX) return ranges;
  const gaps = ranges.slice(1).map(([first], i) => first - (ranges[i]?.[1] ?? 0));
  const limit = gaps.toSorted((a, b) => b - a)[RANGES_MAX - 2] ?? 0;
  const out: [number, number][] = [];
  for (const [first, end] of ranges) {
    const last = out.at(-1);
    const isFar = last === undefined || (first - last[1] >= limit && out.length < RANGES_MAX);
    if (isFar) out.push([first, end]);
    else last[1] = end;
  }
  return out;
}
