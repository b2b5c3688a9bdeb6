import type { Rate } from './workloads.ts';

/** The table: one row per measure, one column per system, ratios and goals beside. */
export interface Goal {
  /** Of the first system, per second. */
  readonly rateMin?: number;
  /** Times the best of the others that write a FAT volume, in this very run. */
  readonly fatPeersMin?: number;
  readonly memfsMin?: number;
}

export interface Row {
  readonly measure: string;
  /** 'ops', 'B'. */
  readonly unit: string;
  readonly goal: Goal;
  readonly rates: ReadonlyMap<string, Rate>;
}

/** A single figure of ours with a limit. */
export interface Figure {
  readonly measure: string;
  readonly value: number;
  readonly max: number;
  readonly unit: string;
}

const PREFIXES = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
] as const;

export function short(value: number): string {
  const [factor, letter] = PREFIXES.find(([least]) => value >= least) ?? [1, ''];
  const scaled = value / factor;
  return `${scaled >= 100 ? scaled.toFixed(0) : scaled >= 10 ? scaled.toFixed(1) : scaled.toFixed(2)} ${letter}`.trimEnd();
}

const times = (value: number): string => `${value >= 10 ? value.toFixed(0) : value.toFixed(1)}×`;

/** Fastest of the named systems; undefined when none was measured. */
function best(row: Row, names: readonly string[]): number | undefined {
  const values = names.flatMap((name) => row.rates.get(name)?.value ?? []);
  return values.length === 0 ? undefined : Math.max(...values);
}

function ratioCell(ours: number | undefined, theirs: number | undefined, goal: number | undefined): string {
  if (ours === undefined || theirs === undefined) return goal === undefined ? '' : `(≥ ${goal}×)`;
  const ratio = ours / theirs;
  if (goal === undefined) return times(ratio);
  return `${times(ratio)} ${ratio >= goal ? '✓' : '✗'} (≥ ${goal}×)`;
}

export function rateTable(
  rows: readonly Row[],
  systems: readonly string[],
  fatPeers: readonly string[],
): string {
  const [ours = ''] = systems;
  const header = ['per second', ...systems, 'goal', 'to FAT peers', 'to memfs'];
  const cells = rows.map((row) => {
    const value = row.rates.get(ours)?.value;
    const { rateMin } = row.goal;
    const verdict = rateMin === undefined ? '' : `≥ ${short(rateMin)} ${(value ?? 0) >= rateMin ? '✓' : '✗'}`;
    return [
      `${row.measure}${row.unit === 'ops' ? '' : `, ${row.unit}`}`,
      ...systems.map((system) => {
        const rate = row.rates.get(system);
        return rate === undefined ? '' : `${rate.isCapped ? '~' : ''}${short(rate.value)}`;
      }),
      verdict,
      ratioCell(value, best(row, fatPeers), row.goal.fatPeersMin),
      ratioCell(value, best(row, ['memfs']), row.goal.memfsMin),
    ];
  });
  return aligned([header, ...cells]);
}

export const figureTable = (figures: readonly Figure[]): string =>
  aligned(
    figures.map(({ measure, value, max, unit }) => [
      measure,
      `${value < 10 ? value.toPrecision(2) : value.toFixed(0)} ${unit}`,
      `≤ ${max} ${unit} ${value <= max ? '✓' : '✗'}`,
    ]),
  );

function aligned(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => (line[column] ?? '').length)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
